"""What partners hear of their own submissions: the past by time, then each fact as it happens, and nobody else's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import orjson
from fastapi import FastAPI

from runtime.settings import Settings
from runtime.stored import as_sent, as_stored
from schemas.canonical import canonical
from submissions.__main__ import mongo
from submissions.feed import Feed, Place, told
from tests.submissions.given import OTHER, USCC, key_of, line

GOLDEN = Path(__file__).parents[1] / "schemas/golden"
SSE = {"Accept": "text/event-stream"}


async def send(client: httpx2.AsyncClient, key: dict[str, str], *lines: bytes) -> None:
    answer = await client.post("/submissions:stream", content=b"".join(lines), headers=key)
    assert answer.status_code == 200


async def page(client: httpx2.AsyncClient, key: dict[str, str], **asked: Any) -> tuple[list[str], str]:
    """The ids of a page's events, and the place after them."""
    answer = await client.get("/events", params=asked, headers=key)
    assert answer.status_code == 200, answer.text
    return [event["id"] for event in answer.json()["items"]], answer.json()["next"]


async def test_pages_follow_one_another_and_lack_nothing(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    nothing, place = await page(client, key)
    assert nothing == []
    await send(client, key, line("a"), line("b"), line("a", 2, maturity=5), b"no json\n")
    told: list[str] = []
    ids, end = await page(client, key, after=place, limit=1)  # one by one, though one write may hold two facts
    while ids:
        told += ids
        ids, end = await page(client, key, after=end, limit=1)
    assert len(told) == 4
    assert told.index(f"{USCC}/a/1") < told.index(f"{USCC}/a/2") and f"{USCC}/b/1" in told
    assert len([id for id in told if "/~" in id]) == 1
    await send(client, key, line("a", 3, maturity=6))
    assert (await page(client, key, after=end))[0] == [f"{USCC}/a/3"]


async def test_the_past_is_told_by_time_page_by_page(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    for n in range(5):
        await send(client, key, line(f"r{n % 2}", 1 + n // 2, maturity=1 + n))
    told: list[str] = []
    ids, place = await page(client, key, since="2020-01-01T00:00:00Z", limit=2)
    while ids:
        told += ids
        ids, place = await page(client, key, after=place, limit=2)
    assert told == [f"{USCC}/{id}" for id in ("r0/1", "r1/1", "r0/2", "r1/2", "r0/3")]
    await send(client, key, line("r9"))
    assert (await page(client, key, after=place))[0] == [f"{USCC}/r9/1"]


async def test_the_past_is_asked_for_little_by_little_and_told_whole(
    client: httpx2.AsyncClient, key: dict[str, str], settings: Settings
) -> None:
    for n in range(5):
        await send(client, key, line(f"r{n % 2}", 1 + n // 2, maturity=1 + n))
    async with mongo(settings) as connection:
        submissions = connection[settings.database("submissions")]["submissions"]
        for at_once in (2, 5, 9):
            feed, told = Feed(submissions, USCC, at_once=at_once), list[str]()
            begin = await feed.begin(datetime(2026, 1, 1, tzinfo=UTC))
            assert len([event async for _, event in feed._past(begin)]) == min(at_once, 5)
            async with aclosing(feed.follow(begin)) as following:
                async for _, event in following:
                    if event is None:
                        break
                    told.append(event["id"])
            assert told == [f"{USCC}/{id}" for id in ("r0/1", "r1/1", "r0/2", "r1/2", "r0/3")]


async def test_nobody_hears_of_anothers_and_no_contact_is_told(
    client: httpx2.AsyncClient, key: dict[str, str], settings: Settings
) -> None:
    other = await key_of(client, settings, OTHER)
    contact = {"name": "林某", "email": "lin@example.org"}
    answer = await client.post("/submissions", content=line("a", contact=contact), headers=key)
    assert answer.status_code == 201, answer.text
    assert (await page(client, other, since="2020-01-01T00:00:00Z"))[0] == []
    told = await client.get("/events", params={"since": "2020-01-01T00:00:00Z"}, headers=key)
    (event,) = told.json()["items"]
    assert event["data"]["entry"]["contact"] is None and "lin@example.org" not in told.text
    assert (event["specversion"], event["type"]) == ("1.0", "submission.received.v1")
    # What the partner holds is what the log has a leaf of: a receipt is traded for the proof of this very event.
    async with mongo(settings) as connection:
        document = await connection[settings.database("submissions")]["submissions"].find_one({"_id": f"{USCC}/a"})
    assert document is not None and event["data"]["sealed"]
    assert canonical(event) == canonical(orjson.loads(as_sent(document["events"][0])))


def test_an_event_from_before_its_schema_grew_is_told_as_history_has_it() -> None:
    """The fields it has since are not in its proof; and a contact that was kept openly then is not told."""
    refused, received = (
        orjson.loads((GOLDEN / f"submission.{name}.v1.json").read_bytes()) for name in ("refused", "received")
    )
    assert "fix" not in refused["data"]["findings"][0] and received["data"]["entry"]["contact"]
    assert told(as_stored(refused)) == refused
    without = deepcopy(received)
    without["data"]["entry"]["contact"] = None
    assert told(as_stored(received)) == without


async def test_what_is_no_place_is_refused(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    for after in (
        "x",
        "W10",
        Place((1, 1), "zz").text(),
        Place((2**40, 1)).text(),
        Place((1, 1), since="never").text(),
        Place((1, 1), since="0001-01-01").text(),
        Place((1, 1), since="2026-01-01T00:00:00Z", sequence=2**63).text(),
    ):
        answer = await client.get("/events", params={"after": after}, headers=key)
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:shuangqian:problem:place-unknown")
    assert (await client.get("/events")).status_code == 401
    for since in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"):  # of no year that UTC has
        answer = await client.get("/events", params={"since": since}, headers=key)
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:shuangqian:problem:invalid-request")
    for since in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        assert (await page(client, key, since=since))[0] == []


async def test_a_place_older_than_the_log_goes_on_with_the_past(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    _, place = await page(client, key)
    await send(client, key, line("a"))
    read = Place.read(place)
    assert read and read.token
    lost = Place(read.at, "82" + "0" * 8 + read.token[10:])  # a token of 1970
    assert (await page(client, key, after=lost.text()))[0] == [f"{USCC}/a/1"]


@asynccontextmanager
async def following(port: int, headers: dict[str, str], **asked: Any) -> AsyncIterator[AsyncIterator[Any]]:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        async with client.stream("GET", "/events", params=asked, headers=headers | SSE) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield (event async for event in httpx2.EventSource(answer) if event.data)


async def test_facts_come_as_they_happen_and_go_on_after_the_last_that_came(
    app: FastAPI, port: int, client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    await send(client, key, line("before"))
    async with following(port, key) as events:
        await asyncio.sleep(0.5)
        await send(client, key, line("a"), line("b"))
        came = [await anext(events) for _ in range(2)]
    assert sorted(event.json()["id"] for event in came) == [f"{USCC}/a/1", f"{USCC}/b/1"]
    assert {event.event for event in came} == {"submission.received.v1"}
    await send(client, key, line("c"))
    async with following(port, key | {"Last-Event-ID": came[-1].id}, limit=1) as events:
        assert [event.json()["id"] async for event in events] == [f"{USCC}/c/1"]


async def test_refusals_are_told_with_findings_by_submission_and_in_all(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    await send(client, key, line("a", maturity=0), line("b"), b"no json\n", line("a"))
    everything = (await client.get("/refusals", headers=key)).json()
    assert everything["next"] is None
    by = {refused["reference"]: refused for refused in everything["items"]}
    assert set(by) == {"a", None} and (by["a"]["mended"], by[None]["mended"]) == (True, False)
    (finding,) = by["a"]["findings"]
    assert (finding["rule"], finding["pointer"]) == ("range", "/entry/maturity") and finding["text"]
    one = (await client.get("/refusals", params={"stream": f"{USCC}/a"}, headers=key)).json()
    assert one["items"] == [by["a"]]
    other = await client.get("/refusals", params={"stream": f"{OTHER}/a"}, headers=key)
    assert other.status_code == 404


async def test_a_key_says_whose_it_is(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    told = (await client.get("/me", headers=key)).json()
    assert (told["partner"], told["name"]["en"]) == (USCC, "Rongheng Rail Intelligence")
