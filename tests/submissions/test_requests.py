"""The request log: what was asked with a key, what came of it, and nothing that must not be kept."""

import asyncio
import socket
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

import httpx2
import orjson
import pytest
from fastapi import FastAPI

from runtime.settings import Settings
from submissions.__main__ import mongo
from submissions.request_log import PARAMETERS, Asked, RequestLog
from tests.submissions.given import OTHER, USCC, key_of, line, signed_in, submission
from web.parameters import EVERYWHERE

EN = {"Accept-Language": "en"}
HTML = {"Accept": "text/html", **EN}


async def logged(client: httpx2.AsyncClient, who: dict[str, str], query: str = "") -> list[dict[str, Any]]:
    """What the log shows somebody, the oldest first."""
    items: list[dict[str, Any]] = (await client.get(f"/requests{query}", headers=who)).json()["items"]
    return items[::-1]


@pytest.fixture
def own(settings: Settings) -> dict[str, str]:
    return signed_in(settings, "partner", partner=USCC)


async def test_every_keyed_request_is_logged_with_what_came_of_it(
    client: httpx2.AsyncClient, key: dict[str, str], own: dict[str, str]
) -> None:
    named = key | {"X-Request-Id": "my-own-1"}
    await client.post("/submissions", json=submission("a"), headers=named)
    await client.post("/submissions", json=submission("b", maturity=99, colour="red"), headers=key)
    await client.post("/submissions:stream", content=line("c") + line("d", maturity=0) + b"{\n", headers=key)
    await client.get("/submissions?status=received", headers=key)
    await client.get("/submissions", headers=own)  # a person's is not
    first, second, third, fourth = await logged(client, own)
    assert first.items() >= {"request": "my-own-1", "method": "POST", "route": "/submissions", "status": 201}.items()
    assert first.items() >= {"received": 1, "refused": 0, "stream": f"{USCC}/a", "mode": "live"}.items()
    assert first["bytes_in"] == len(orjson.dumps(submission("a"))) or first["bytes_in"] > 500
    assert first["bytes_out"] > 0 and first["ms"] > 0 and first["key"] == key["Authorization"].split("_")[2]
    assert (second["status"], second["problem"]) == (422, "urn:shuangqian:problem:submission-refused")
    assert set(second["rules"]) == {"range", "unknown-field"} and second["refused"] == 1
    assert (third["received"], third["refused"], third["rules"]) == (1, 2, ["range", "json"])
    assert fourth["query"] == "status=received"


async def test_what_is_refused_at_the_door_is_logged_for_the_keys_owner(
    client: httpx2.AsyncClient, settings: Settings, own: dict[str, str]
) -> None:
    read = await key_of(client, settings, scopes=["read"])
    id = read["Authorization"].split("_")[2]
    await client.post("/submissions", json=submission("a"), headers=read)
    await client.delete(f"/partners/{USCC}/keys/{id}", headers=own)
    await client.get("/submissions", headers=read)
    forged = {"Authorization": read["Authorization"][:-64] + "0" * 64}
    await client.get("/submissions", headers=forged)  # who knows an id only is not the owner
    assert [each["problem"].split(":")[-1] for each in await logged(client, own)] == ["scope-missing", "key-revoked"]


async def test_a_misspelt_parameter_is_logged_for_the_keys_owner_and_without_what_it_says(
    client: httpx2.AsyncClient, key: dict[str, str], own: dict[str, str]
) -> None:
    forged = {"Authorization": key["Authorization"][:-64] + "0" * 64}
    for who in (key, forged, {"Authorization": "Bearer x"}, own):
        assert (await client.get("/submissions?staus=13800138000", headers=who)).status_code == 422
    assert (await client.post("/submissions?validat=only", json=submission("a"), headers=key)).status_code == 422
    assert [(each["method"], each["status"], each["query"]) for each in await logged(client, own)] == [
        ("GET", 422, ""),
        ("POST", 422, ""),
    ]
    assert {each["problem"] for each in await logged(client, own)} == {"urn:shuangqian:problem:invalid-request"}


async def test_nothing_secret_is_kept(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str], own: dict[str, str]
) -> None:
    secret = key["Authorization"].split("_")[3]
    text = key["Authorization"].removeprefix("Bearer ")
    entry = submission("a")
    phone = entry["entry"]["contact"] = {"name": "陈某某", "phone": "13800138000", "email": "chen@example.org"}
    await client.post("/submissions", json=entry, headers=key)
    await client.get(f"/submissions/{USCC}/{text}", headers=key)
    await client.get("/requests", headers=own)
    async with mongo(settings) as connection:
        kept = [doc async for doc in connection[settings.database("submissions")]["requests"].find()]
    assert len(kept) == 2
    for word in (secret, *phone.values()):
        assert word not in str(kept)


async def test_partners_see_their_own_and_operators_all(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str], own: dict[str, str]
) -> None:
    theirs, test = await key_of(client, settings, OTHER), await key_of(client, settings, mode="test")
    for each in (key, theirs, test):
        await client.get("/submissions", headers=each)
    await client.post("/submissions", content=b"{", headers=test)
    operator = signed_in(settings, "operator")
    assert [each["partner"] for each in await logged(client, operator)] == [USCC, OTHER, USCC, USCC]
    assert [each["partner"] for each in await logged(client, operator, f"?partner={OTHER}")] == [OTHER]
    mine = await logged(client, own, f"?partner={OTHER}")
    assert [each["partner"] for each in mine] == [USCC] * 3
    assert [each["mode"] for each in await logged(client, own, "?mode=test")] == ["test", "test"]
    assert [each["status"] for each in await logged(client, own, "?status=4")] == [422]
    assert len(await logged(client, own, f"?key={key['Authorization'].split('_')[2]}")) == 1
    assert len(await logged(client, own, f"?id={mine[0]['request']}")) == 1
    foreign = signed_in(settings, "partner", partner=OTHER)
    assert (await client.get(f"/requests/{mine[0]['id']}", headers=foreign)).status_code == 404
    assert (await client.get(f"/requests/{mine[0]['id']}", headers=operator)).json()["id"] == mine[0]["id"]
    assert (await client.get("/requests", headers=await key_of(client, settings, scopes=["submit"]))).status_code == 403


async def test_the_list_goes_on_page_by_page_with_nothing_twice(
    client: httpx2.AsyncClient, key: dict[str, str], own: dict[str, str]
) -> None:
    for _ in range(60):
        await client.get("/submissions", headers=key)
    seen, after = list[str](), cast(str | None, "")
    while after is not None:
        answer = (await client.get(f"/requests?after={after}", headers=own)).json()
        seen += [each["id"] for each in answer["items"]]
        after = answer["next"]
    assert len(seen) == len(set(seen)) == 60 and seen == sorted(seen, reverse=True)


async def test_a_request_is_copied_as_curl_that_says_the_same_again(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str], own: dict[str, str], port: int
) -> None:
    await client.post("/submissions", content=line("a"), headers=key)
    await client.get(f"/submissions/{USCC}/it's", headers=key)
    sent, asked = await logged(client, own)
    assert "13800" not in sent["curl"] and "@entry.json" in sent["curl"]
    text, address = key["Authorization"].removeprefix("Bearer "), settings.submissions_url
    for each, expected in ((sent, 200), (asked, 404)):
        command = each["curl"].replace(address, f"http://127.0.0.1:{port}").replace("@entry.json", "@-")
        process = await asyncio.create_subprocess_shell(
            f"{command} -s -o /dev/null -w '%{{http_code}}'",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={"KEY": text, "PATH": "/usr/bin:/bin"},
        )
        said, _ = await process.communicate(line("a"))
        assert said == str(expected).encode(), command


async def test_what_is_copied_asks_for_the_same_or_says_what_is_left_out(
    client: httpx2.AsyncClient, key: dict[str, str], own: dict[str, str]
) -> None:
    asked = [
        f"/refusals?stream={USCC}/a",
        "/events?since=2026-01-01T00:00:00%2B08:00&limit=3",
        "/submissions?status=open&limit=5",
        "/requests?id=abc",
    ]
    for address in asked:
        await client.get(address, headers=key)
    marked = {**key, "Content-Type": "text/csv; charset=utf-8", "Accept": "text/csv"}
    await client.post("/submissions:sheet?kind=product&rows=refused", content=b"a,b\n1,2\n", headers=marked)
    await client.get("/submissions?token=13800138000&mail=a@example.org", headers=key)
    await client.post("/submissions?validate=foo", content=line("a"), headers=key)
    *told, sheet, unknown, unread = [each["curl"] for each in await logged(client, own | EN)]
    assert [each.rpartition("http://localhost:8001")[2].strip("'") for each in told] == asked
    assert "rows=refused" in sheet and "'Accept: text/csv'" in sheet and "--data-binary @entries.csv" in sheet
    assert "13800138000" not in unknown and "example.org" not in unknown
    assert unknown.startswith("# 2 parameters of the request are left out here: ")
    assert "--data-binary @entry.json" in unread
    shown = (await client.get(f"/requests/{(await logged(client, own))[-2]['id']}", headers=HTML | own)).text
    assert shown.count("2 parameters of the request are left out here") == 2


async def test_what_is_copied_accepts_what_was_accepted_in_the_same_order(
    client: httpx2.AsyncClient, key: dict[str, str], own: dict[str, str]
) -> None:
    for accepted, told in (
        ("text/csv, application/json;q=0.5", "-H 'Accept: text/csv, application/json'"),
        ("application/json-patch+json, image/png", ""),
        ("text/event-stream", "-N -H 'Accept: text/event-stream'"),
    ):
        asked = "/events?limit=1&since=2000-01-01T00:00:00Z"
        await client.post("/submissions", content=line("a"), headers=key)
        await client.get(asked, headers=key | {"Accept": accepted})
        copied = (await logged(client, own | EN))[-1]["curl"]
        assert told in copied and ("Accept" in copied) == bool(told), copied


async def test_each_documented_parameter_is_kept(app: FastAPI) -> None:
    operations = [each for methods in app.openapi()["paths"].values() for each in methods.values()]
    named = {each["name"] for one in operations for each in one.get("parameters", ()) if each["in"] == "query"}
    assert named | EVERYWHERE == set(PARAMETERS)


async def test_the_pages_tell_it_in_both_languages(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str], own: dict[str, str]
) -> None:
    assert "No program has asked anything" in (await client.get("/requests", headers=HTML | own)).text
    await client.post("/submissions", json=submission("b", maturity=99), headers=key)
    (refused,) = await logged(client, own)
    for who in (own, signed_in(settings, "operator")):
        for language, words in (("en", "1 item"), ("zh", "1 项")):
            listed = (await client.get(f"/requests?lang={language}", headers=HTML | who)).text
            assert words in listed and f"/requests/{refused['id']}" in listed and "submission-refused" in listed
            one = (await client.get(f"/requests/{refused['id']}?lang={language}", headers=HTML | who)).text
            assert refused["request"] in one and "$KEY" in one and f"/submissions/{USCC}/b" in one
    none = (await client.get("/requests?status=5", headers=HTML | own)).text
    assert "Take a filter off" in none and "0 items" in none
    assert (await client.get("/requests/nothing", headers=HTML | own)).status_code == 404


async def test_a_database_that_is_away_delays_the_log_and_loses_nothing(settings: Settings) -> None:
    host, port = settings.mongo_url.removeprefix("mongodb://").split("/")[0].split(":")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        nobody = listener.getsockname()[1]
    url = f"mongodb://127.0.0.1:{nobody}/?directConnection=true&serverSelectionTimeoutMS=300"
    async with mongo(settings.model_copy(update={"mongo_url": url})) as connection:
        database = connection[settings.database("submissions")]
        log, asked = RequestLog(database), {"partner": USCC, "key": "k", "at": datetime.now(UTC)}
        log.note({"_id": "1", **asked})
        await log.flush()
        log.note({"_id": "2", **asked})
        async with await asyncio.start_server(partial(passed_on, host, int(port)), "127.0.0.1", nobody):
            await log.flush()
            assert [row["_id"] for row in (await log.page(Asked(USCC)))[0]] == ["2", "1"]
            await connection.drop_database(settings.database("submissions"))
            await connection.close()


async def passed_on(host: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Between a client and the server at `host` and `port`: whatever either says."""
    there_reader, there_writer = await asyncio.open_connection(host, port)

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            target.write(data)
        target.close()

    await asyncio.gather(pump(reader, there_writer), pump(there_reader, writer), return_exceptions=True)
