"""One Idempotency-Key is one request: the same answer however often it is sent, through a kill too."""

import asyncio
import signal
from dataclasses import replace
from pathlib import Path

import httpx2
import orjson

from deploy.local import table
from deploy.local.ports import DEFAULTS, free
from deploy.local.servers import running
from runtime.settings import Settings
from submissions.__main__ import mongo as connect
from submissions.idempotency import COLLECTION, KEPT_S
from tests.faults.fleet import key_for
from tests.submissions.given import OTHER, USCC, key_of, line, submission


def named(key: dict[str, str], name: str) -> dict[str, str]:
    return key | {"Idempotency-Key": name}


async def test_the_same_again_gets_the_same_answer(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    first, again = [await client.post("/submissions", json=submission(), headers=named(key, "k")) for _ in range(2)]
    assert first.status_code == again.status_code == 201
    assert first.content == again.content and first.headers["location"] == again.headers["location"]
    assert first.headers["x-request-id"] != again.headers["x-request-id"]
    assert (await client.post("/submissions", json=submission(), headers=key)).status_code == 200


async def test_what_was_here_before_the_key_stays_so(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    await client.post("/submissions", json=submission(), headers=key)
    await asyncio.sleep(0.01)
    answers = [await client.post("/submissions", json=submission(), headers=named(key, "k")) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]


async def test_a_refusal_again_is_the_same_refusal(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    wrong = submission(maturity=12)
    first, again = [await client.post("/submissions", json=wrong, headers=named(key, "k")) for _ in range(2)]
    assert first.status_code == again.status_code == 422
    assert first.json() | {"instance": ""} == again.json() | {"instance": ""}


async def test_a_key_of_another_request_is_refused_and_nothing_recorded(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str]
) -> None:
    await client.post("/submissions", json=submission("a"), headers=named(key, "k"))
    for body in (line("b"), line("a", 2), line("a").rstrip() + b" ", b"x" * 1_000_001):
        answer = await client.post("/submissions", content=body, headers=named(key, "k"))
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:shuangqian:problem:idempotency-key-reused")
    listed = (await client.get("/submissions", headers=key)).json()["items"]
    assert [(each["reference"], each["revision"]) for each in listed] == [("a", 1)]
    assert (await client.get("/submissions?status=refused", headers=key)).json()["items"] == []
    theirs = await key_of(client, settings, OTHER)
    other = await client.post("/submissions", json=submission("b", uscc=OTHER), headers=named(theirs, "k"))
    assert other.status_code == 201


async def test_many_at_once_take_effect_once(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    bodies = [line("a"), line("b")] * 10
    answers = await asyncio.gather(
        *(client.post("/submissions", content=body, headers=named(key, "k")) for body in bodies)
    )
    taken = {answer.content for answer in answers if answer.status_code == 201}
    assert len(taken) == 1 and sorted(answer.status_code for answer in answers) == [201] * 10 + [422] * 10
    assert len((await client.get("/submissions", headers=key)).json()["items"]) == 1


async def test_a_key_is_short_and_kept_for_a_day(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str]
) -> None:
    assert (await client.post("/submissions", json=submission(), headers=named(key, "k" * 256))).status_code == 422
    assert (await client.post("/submissions", json=submission(), headers=named(key, "k" * 255))).status_code == 201
    async with connect(settings) as database:
        held = database[settings.database("submissions")][COLLECTION]
        assert await held.count_documents({}) == 1
        indexes = await (await held.list_indexes()).to_list()
        assert [index["expireAfterSeconds"] for index in indexes if "expireAfterSeconds" in index] == [KEPT_S]


async def test_after_a_kill_between_write_and_answer_the_same_request_gets_its_answer(
    mongo: str, tmp_path: Path
) -> None:
    ports = dict(zip(DEFAULTS, free(len(DEFAULTS)), strict=True))
    own = Settings(mongo_url=mongo, database_prefix=f"test_{tmp_path.name}_")
    services = table.services(table.Stack(tmp_path, ports, own, "", ()))
    api = next(process for process in services if process.name == "submissions-api")
    partner = {"uscc": USCC, "name": {"zh": "蓉衡轨道", "en": None}, "type": "enterprise"}
    headers = {"Authorization": f"Bearer {await key_for(own, partner)}", "Idempotency-Key": "k"}
    url = f"http://localhost:{ports['submissions']}/submissions"

    def send(body: bytes) -> httpx2.Response:
        return httpx2.post(url, content=body, headers=headers, timeout=60)

    def story() -> None:
        dying = replace(api, env={**api.env, "SHUANGQIAN_CRASH_AT": "handle.after_write"})
        with running(dying, tmp_path / "log") as server:
            try:
                answer = send(line("a"))
            except httpx2.HTTPError:
                assert server.child.popen.wait(30) == -signal.SIGKILL
            else:
                raise AssertionError(f"it was to die before it answered {answer.status_code}")
        with running(api, tmp_path / "log"):
            answers = [send(line("a")) for _ in range(2)]
            assert [answer.status_code for answer in answers] == [201, 201]
            assert answers[0].content == answers[1].content
            assert orjson.loads(answers[0].content)["event"] == f"{USCC}/a/1"
            assert send(line("b")).status_code == 422

    await asyncio.to_thread(story)
    async with connect(own) as database:
        await database.drop_database(own.database("submissions"))


async def test_all_that_is_wrong_beside_the_body_is_told_at_once_and_nothing_is_taken_in(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    wrong = {**named(key, "k" * 256), "Accept-Language": "en"}
    told = await client.post("/submissions?validate=foo", json=submission(), headers=wrong)
    assert (told.status_code, told.json()["type"]) == (422, "urn:shuangqian:problem:invalid-request")
    assert {each["pointer"]: each["text"] for each in told.json()["findings"]} == {
        "/query/validate": "This must be one of: 'only'.",
        "/header/Idempotency-Key": "This must have at most 255 characters.",
    }
    for query, rule in (("valid=only", "unknown-parameter"), ("validate=only&validate=only", "repeated-parameter")):
        told = await client.post(f"/submissions?{query}", json=submission(), headers=key)
        assert told.status_code == 422 and [each["rule"] for each in told.json()["findings"]] == [rule]
    assert (await client.get("/submissions", headers=key)).json()["items"] == []
