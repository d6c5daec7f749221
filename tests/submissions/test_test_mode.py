"""A test key is answered as a live one would be, and nothing that it sends goes any further."""

import asyncio
from typing import Any

import httpx2
import orjson
import pytest

from audit.replay import replay
from runtime.relay import Relay
from runtime.replay import extent, read
from runtime.settings import Settings
from schemas.topics import SUBMISSIONS
from submissions.__main__ import application
from submissions.__main__ import mongo as connect
from submissions.domain import DECIDERS
from submissions.progress import Case, Progress
from tests.submissions.given import OTHER, USCC, key_of, line, samples, signed_in, submission
from tests.support import eventually, own_settings, sequences


@pytest.fixture
async def test_key(client: httpx2.AsyncClient, settings: Settings, key: dict[str, str]) -> dict[str, str]:
    return await key_of(client, settings, mode="test")


def answered(answer: httpx2.Response) -> tuple[int, Any]:
    """What an answer says, but for what differs from one request to the next."""
    lines = [orjson.loads(text) for text in answer.text.splitlines()]
    return answer.status_code, [{k: v for k, v in each.items() if k not in ("time", "instance")} for each in lines]


async def test_a_test_key_gets_the_very_answers_that_a_live_one_gets(
    client: httpx2.AsyncClient, key: dict[str, str], test_key: dict[str, str]
) -> None:
    sent = [
        ("/submissions", line("a")),
        ("/submissions", line("a")),
        ("/submissions", line("a", maturity=3)),
        ("/submissions", line("a", revision=2)),
        ("/submissions", line("b", maturity=99, colour="red")),
        ("/submissions", b"\xff no json"),
        ("/submissions", line("c", uscc=OTHER)),
        ("/submissions:stream", line("d") + b"{\n" + line("a") + line("e", maturity=0)),
    ]
    for path, body in sent:
        test, live = [await client.post(path, content=body, headers=each) for each in (test_key, key)]
        assert answered(test) == answered(live), body
        assert (test.headers["shuangqian-mode"], live.headers["shuangqian-mode"]) == ("test", "live")


async def test_a_test_may_name_what_is_live_and_no_live_one_what_is_a_test(
    client: httpx2.AsyncClient, key: dict[str, str], test_key: dict[str, str]
) -> None:
    said = {each["entry"]["kind"]: each["entry"] for each in samples()}
    owner = submission()["entry"]["owner"]

    def sent(reference: str, entry: dict[str, Any]) -> dict[str, Any]:
        return {"reference": reference, "revision": 1, "entry": entry | {"owner": owner}}

    def linkage(reference: str, product: str) -> dict[str, Any]:
        return sent(reference, said["linkage"] | {"scene": f"{USCC}/tunnel", "product": f"{USCC}/{product}"})

    await client.post("/submissions", json=sent("tunnel", said["scene"]), headers=key)
    await client.post("/submissions", json=submission("trial"), headers=test_key)
    assert (await client.post("/submissions", json=linkage("a", "trial"), headers=test_key)).status_code == 201
    refused = await client.post("/submissions", json=linkage("a", "trial"), headers=key)
    assert [finding["rule"] for finding in refused.json()["findings"]] == ["linkage.product-unknown"]


async def test_test_and_live_do_not_see_each_other(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str], test_key: dict[str, str]
) -> None:
    await client.post("/submissions", json=submission("both"), headers=key)
    await client.post("/submissions", json=submission("both", maturity=2), headers=test_key)
    await client.post("/submissions", json=submission("trial"), headers=test_key)

    async def references(headers: dict[str, str]) -> list[str]:
        return sorted(each["reference"] for each in (await client.get("/submissions", headers=headers)).json()["items"])

    assert await references(test_key) == ["both", "trial"]
    for live in (key, signed_in(settings, "partner", partner=USCC), signed_in(settings, "operator")):
        assert await references(live) == ["both"]
        assert (await client.get(f"/submissions/{USCC}/trial", headers=live)).status_code == 404
    one = (await client.get(f"/submissions/{USCC}/both", headers=test_key | {"Accept-Language": "en"})).json()
    assert one["entry"]["maturity"] == 2 and one["waits_for"].startswith("This is a test")
    withdrawn = await client.post(f"/submissions/{USCC}/both/withdraw", json={"reason": "trial"}, headers=test_key)
    assert withdrawn.json()["status"] == "withdrawn"
    assert (await client.get(f"/submissions/{USCC}/both", headers=key)).json()["status"] == "received"


async def test_a_live_submissions_progress_is_not_a_tests(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str], test_key: dict[str, str]
) -> None:
    for each in (key, test_key):
        await client.post("/submissions", json=submission("both"), headers=each)
    told = Progress(cases={1: Case(status="in-review")})
    async with connect(settings) as connection:
        progress = connection[settings.database("submissions")]["progress"]
        said = {"version": 1, "revision": 1, "status": told.status, "progress": orjson.loads(told.model_dump_json())}
        await progress.insert_one({"_id": f"{USCC}/both", **said})

    async def statuses(headers: dict[str, str]) -> set[str]:
        listed = (await client.get("/submissions", headers=headers)).json()["items"][0]["status"]
        return {listed, (await client.get(f"/submissions/{USCC}/both", headers=headers)).json()["status"]}

    assert await statuses(key) == {"in-review"} and await statuses(test_key) == {"received"}


async def test_tests_are_emptied_by_key_or_page_and_live_ones_never(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str], test_key: dict[str, str]
) -> None:
    theirs = await key_of(client, settings, OTHER, mode="test")
    await client.post("/submissions", json=submission("a", uscc=OTHER), headers=theirs)
    for each in (key, test_key):
        await client.post("/submissions:stream", content=line("a") + line("b"), headers=each)
    refused = await client.request("DELETE", "/submissions", headers=key)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:shuangqian:problem:not-a-test")
    assert (await client.request("DELETE", "/submissions", headers=test_key)).json() == {"removed": 2}
    # Its references are free again, whatever was sent under them.
    again = await client.post("/submissions", json=submission("a", maturity=2), headers=test_key)
    assert (again.status_code, again.json()["status"]) == (201, "received")
    html = {"Accept": "text/html", "Accept-Language": "en"} | signed_in(settings, "partner", partner=USCC)
    assert "Your test keys have sent 1 submission." in (await client.get("/keys", headers=html)).text
    assert (await client.post("/keys/tests/empty", headers=html)).status_code == 303
    assert (await client.get("/submissions", headers=test_key)).json()["items"] == []
    assert len((await client.get("/submissions", headers=key)).json()["items"]) == 2
    assert len((await client.get("/submissions", headers=theirs)).json()["items"]) == 1


async def test_nothing_of_a_test_key_reaches_kafka_or_the_live_collection(kafka: str, mongo: str) -> None:
    settings = await own_settings(kafka, mongo)
    async with connect(settings) as connection:
        database = connection[settings.database("submissions")]
        app = application(settings, connection)
        transport = httpx2.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url="http://localhost:8001", timeout=60) as client,
        ):
            live, test = await key_of(client, settings), await key_of(client, settings, mode="test")

            async def send(key: dict[str, str], *names: str) -> None:
                body = b"".join(line(name) for name in names) + line(f"{names[0]}-bad", maturity=0)
                assert (await client.post("/submissions:stream", content=body, headers=key)).status_code == 200

            # Before the relay runs (its scan), while it runs (its change stream), and after it lost its place.
            await send(test, "t1")
            await send(live, "l1")
            for number in (2, 3):
                relay = Relay(settings, "submissions", DECIDERS)
                relay.start()
                try:
                    await send(test, f"t{number}", f"t{number}-more")
                    await client.request("DELETE", "/submissions", headers=test)
                    await send(test, f"t{number}")
                    await send(live, f"l{number}")
                    await _arrived(settings, f"{USCC}/l{number}", f"{USCC}/l{number}-bad")
                finally:
                    relay.stop()
                    await asyncio.to_thread(relay.join, 20)
                await database["leases"].update_one({"_id": "relay"}, {"$set": {"token": None}})
            found = await asyncio.to_thread(_subjects, settings)
            expected = {USCC, *(f"{USCC}/l{n}{bad}" for n in (1, 2, 3) for bad in ("", "-bad"))}
            assert found == expected
            kept = {doc["_id"] async for doc in database["submissions"].find({}, {"_id": 1})}
            assert kept == expected - {USCC}
            tested = {doc["_id"] async for doc in database["test_submissions"].find({}, {"_id": 1})}
            assert tested == {f"{USCC}/t3", f"{USCC}/t3-bad"}
            verdict = await asyncio.to_thread(replay, settings, DECIDERS)
            assert verdict.equal and verdict.streams == len(expected), verdict.differences
        await connection.drop_database(settings.database("submissions"))


async def _arrived(settings: Settings, *streams: str) -> None:
    async def there() -> bool:
        return set(streams) <= set(await asyncio.to_thread(sequences, settings, SUBMISSIONS))

    await eventually(there, 60)


def _subjects(settings: Settings) -> set[str]:
    """Whatever is on any of the topics, whole: its streams."""
    names = [settings.topic(SUBMISSIONS)]
    records = [r for batch in read(settings.kafka, extent(settings.kafka, names)) for r in batch]
    return {orjson.loads(record.value)["subject"] for record in records}


async def test_a_partner_sees_what_its_test_keys_sent_and_nobody_else_does(
    client: httpx2.AsyncClient, key: dict[str, str], test_key: dict[str, str], settings: Settings
) -> None:
    def page(language: str, partner: str = USCC) -> dict[str, str]:
        return signed_in(settings, "partner", partner=partner) | {"Accept": "text/html", "Accept-Language": language}

    empty = await client.get("/submissions/tests", headers=page("en"))
    assert empty.status_code == 200 and "Your test keys have sent nothing" in empty.text
    await client.post("/submissions", content=line("live-1"), headers=key)
    for sent in (line("try-1"), line("try-2"), line("try-2", 2, maturity=3), line("try-3", maturity=99), b"{"):
        await client.post("/submissions", content=sent, headers=test_key)
    for language, count in (("en", "<span>2 items</span>"), ("zh", "<span>共 2 项</span>")):
        shown = (await client.get("/submissions/tests", headers=page(language))).text
        assert count in shown
        assert "try-1" in shown and "try-2" in shown and "live-1" not in shown and "try-3" not in shown
        assert 'href="/submissions/tests"' in (await client.get("/keys", headers=page(language))).text
    refused = (await client.get("/submissions/tests?status=refused", headers=page("en"))).text
    assert "try-3" in refused and "Without a legible reference" in refused and "try-1" not in refused
    assert "try-1" not in (await client.get("/submissions/tests", headers=page("en", OTHER))).text
    operator = signed_in(settings, "operator") | {"Accept": "text/html"}
    assert (await client.get("/submissions/tests", headers=operator)).status_code == 403
    await client.post("/keys/tests/empty", headers=page("en"))
    assert "Your test keys have sent nothing" in (await client.get("/submissions/tests", headers=page("en"))).text
