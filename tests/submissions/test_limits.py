"""Limits: told on every keyed answer, refused with when to go on, and on a stream a slower pace instead."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import cast

import httpx2
import orjson
import pytest
from fastapi import FastAPI

from runtime.settings import Settings
from submissions.__main__ import application, mongo
from submissions.ndjson import BATCH_LINES
from submissions.sharing import PIECE
from submissions.turns import Turns
from tests.submissions.conftest import serving
from tests.submissions.given import OTHER, USCC, key_of, line, signed_in, submission

Limited = Callable[..., AbstractAsyncContextManager[tuple[httpx2.AsyncClient, Settings]]]


@asynccontextmanager
async def limited_app(settings: Settings) -> AsyncIterator[tuple[FastAPI, httpx2.AsyncClient]]:
    async with mongo(settings) as connection:
        app = application(settings, connection)
        transport = httpx2.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url="http://localhost:8001", timeout=60) as client,
        ):
            yield app, client
        await connection.drop_database(settings.database("submissions"))


@pytest.fixture
def limited(settings: Settings) -> Limited:
    """The service with limits of its own."""

    @asynccontextmanager
    async def limited(**limits: int) -> AsyncIterator[tuple[httpx2.AsyncClient, Settings]]:
        own = settings.model_copy(update=limits)
        async with limited_app(own) as (_, client):
            yield client, own

    return limited


def left(answer: httpx2.Response) -> dict[str, int]:
    """What the RateLimit header says is left, by policy."""
    return {name: int(r) for name, r in re.findall(r'"([\w-]+)";r=(\d+);t=\d+', answer.headers["ratelimit"])}


async def test_every_keyed_answer_tells_the_limits_and_what_is_left(limited: Limited) -> None:
    async with limited(requests_per_second=50, entries_per_second=20, entries_per_day=100) as (client, settings):
        key = await key_of(client, settings)
        answers = [
            await client.get("/submissions", headers=key),
            await client.post("/submissions", json=submission("a"), headers=key),
            await client.post("/submissions", json=submission("b", maturity=99), headers=key),
            await client.get("/submissions/nobody/nothing", headers=key),
            await client.post("/submissions:stream", content=line("c"), headers=key),
        ]
        for n, answer in enumerate(answers, start=1):
            policies = (
                '"requests";q=50;w=1, "entries";q=20;w=1;qu="entries", "daily-entries";q=100;w=86400;qu="entries"'
            )
            assert answer.headers["ratelimit-policy"] == policies
            assert 50 - n <= left(answer)["requests"] <= 50  # it comes back meanwhile
            assert 20 - n <= left(answer)["entries"] <= 20  # of the second that the policy names, not of a piece
        assert left(answers[-1])["daily-entries"] == 98  # as the stream began
        page = await client.get("/submissions", headers=signed_in(settings, "operator"))
        assert "ratelimit" not in page.headers


async def test_turns_come_evenly_and_in_the_order_they_were_asked_for() -> None:
    turns, done = Turns("requests", rate=10, burst_s=1.0), list[int]()
    began = time.monotonic()

    async def turn(n: int) -> None:
        assert await turns.wait((OTHER, "live")) is None
        done.append(n)

    await asyncio.gather(*(turn(n) for n in range(20)))
    assert time.monotonic() - began > 0.9  # ten at once, then ten a second
    assert done == list(range(20))


async def test_requests_beyond_the_rate_wait_their_turn(limited: Limited) -> None:
    async with limited(requests_per_second=10) as (client, settings):
        key = await key_of(client, settings)
        began = time.monotonic()
        answers = await asyncio.gather(*(client.get("/submissions", headers=key) for _ in range(20)))
        assert {answer.status_code for answer in answers} == {200}
        assert time.monotonic() - began > 0.9  # ten at once, then ten a second


async def test_too_many_that_wait_are_refused_with_when_to_go_on(limited: Limited) -> None:
    async with limited(requests_per_second=3) as (client, settings):
        key, test = await key_of(client, settings), await key_of(client, settings, mode="test")
        theirs = await key_of(client, settings, OTHER)
        answers = await asyncio.gather(*(client.get("/submissions", headers=key) for _ in range(20)))
        answers.sort(key=lambda answer: answer.status_code)
        # Three at once, and those whose turn is two seconds away at most; more where asking took a while.
        assert {answer.status_code for answer in answers[:9]} == {200} and answers[-1].status_code == 429
        refused = answers[-1]
        assert refused.json()["type"] == "urn:shuangqian:problem:rate-exceeded"
        assert refused.json()["violated-policies"] == ["requests"]
        assert 2 < int(refused.headers["retry-after"]) <= 3 and left(refused)["requests"] == 0
        # Another mode, and another partner, have their own.
        assert (await client.get("/submissions", headers=test)).status_code == 200
        assert (await client.get("/submissions", headers=theirs)).status_code == 200


async def test_single_entries_beyond_the_rate_wait_and_are_then_refused(limited: Limited) -> None:
    async with limited(entries_per_second=2) as (client, settings):
        key = await key_of(client, settings)
        sent = [client.post("/submissions", json=submission(f"r{n}"), headers=key) for n in range(9)]
        statuses = sorted(answer.status_code for answer in await asyncio.gather(*sent))
        assert statuses[:5] == [201] * 5 and statuses[-1] == 429  # one at once, and four in two seconds


async def test_the_quota_of_a_day_refuses_single_entries_and_stores_none_of_them(limited: Limited) -> None:
    async with limited(entries_per_day=2) as (client, settings):
        key = await key_of(client, settings) | {"Accept-Language": "en"}
        answers = [await client.post("/submissions", json=submission(f"r{n}"), headers=key) for n in range(3)]
        assert [answer.status_code for answer in answers] == [201, 201, 429]
        problem = answers[-1].json()
        assert problem["type"] == "urn:shuangqian:problem:quota-exceeded" and "2 entries a day" in problem["detail"]
        assert int(answers[-1].headers["retry-after"]) > 3600
        assert len((await client.get("/submissions", headers=key)).json()["items"]) == 2


async def test_what_is_only_validated_leaves_the_quota_as_it_is(limited: Limited) -> None:
    async with limited(entries_per_day=2) as (client, settings):
        key = await key_of(client, settings)
        for _ in range(3):
            answer = await client.post("/submissions?validate=only", json=submission("r1"), headers=key)
            assert answer.status_code == 200 and '"daily-entries";r=2' in answer.headers["ratelimit"]
        lines = b"".join(line(f"r{n}") for n in range(5))
        checked = await client.post("/submissions:stream?validate=only", content=lines, headers=key)
        assert [orjson.loads(text)["status"] for text in checked.text.splitlines()] == ["received"] * 5
        sent = await client.post("/submissions:stream", content=lines, headers=key)
        statuses = [orjson.loads(text)["status"] for text in sent.text.splitlines()]
        assert statuses == ["received", "received", "stopped"]
        # Used up, it still lets entries be validated.
        answer = await client.post("/submissions?validate=only", json=submission("r9"), headers=key)
        assert answer.status_code == 200


async def test_a_stream_that_uses_up_the_quota_ends_with_a_line_that_says_so(limited: Limited) -> None:
    async with limited(entries_per_day=700) as (client, settings):
        key = await key_of(client, settings)
        body = b"".join(line(f"r{n}") for n in range(1800))
        answer = await client.post("/submissions:stream", content=body, headers=key | {"Accept-Language": "en"})
        *receipts, last = [orjson.loads(text) for text in answer.text.splitlines()]
        assert [r["line"] for r in receipts] == list(range(1, 701))
        assert {r["status"] for r in receipts} == {"received"}
        assert (last["line"], last["status"]) == (701, "stopped")
        assert last["problem"]["type"] == "urn:shuangqian:problem:quota-exceeded" and last["problem"]["status"] == 429
        again = await client.post("/submissions:stream", content=line("more"), headers=key)
        (only,) = [orjson.loads(text) for text in again.text.splitlines()]
        assert (only["line"], only["status"]) == (1, "stopped")
        operator = signed_in(settings, "operator")
        found, after = 0, cast(str | None, "")
        while after is not None:
            listed = (await client.get(f"/submissions?after={after}", headers=operator)).json()
            found, after = found + len(listed["items"]), listed["next"]
        assert found == 700


async def test_a_stream_beyond_the_rate_is_read_slower_and_loses_nothing(limited: Limited) -> None:
    async with limited(entries_per_second=100) as (client, settings):
        key, began = await key_of(client, settings), time.monotonic()
        body = b"".join(line(f"r{n}") for n in range(350))
        answer = await client.post("/submissions:stream", content=body, headers=key)
        receipts = [orjson.loads(text) for text in answer.text.splitlines()]
        assert [(r["line"], r["status"]) for r in receipts] == [(n, "received") for n in range(1, 351)]
        assert time.monotonic() - began > 3.4  # 350 at 100 a second


async def test_streams_of_a_partner_share_its_rate(limited: Limited) -> None:
    async with limited(entries_per_second=40) as (client, settings):
        key = await key_of(client, settings)
        bodies = [b"".join(line(f"s{s}-{n}") for n in range(80)) for s in range(3)]
        began = time.monotonic()
        streams = [client.post("/submissions:stream", content=body, headers=key) for body in bodies]
        answers = await asyncio.gather(*streams)
        assert time.monotonic() - began > 5.9  # 240 at 40 a second
        assert [len(answer.text.splitlines()) for answer in answers] == [80, 80, 80]


async def test_a_client_that_still_sends_gets_the_last_line_when_its_quota_ends(settings: Settings) -> None:
    async with limited_app(settings.model_copy(update={"entries_per_day": 600})) as (app, client), serving(app) as port:
        key = await key_of(client, settings)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = "POST /submissions:stream HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
        writer.write(f"{head}Authorization: {key['Authorization']}\r\n\r\n".encode())

        async def send() -> None:
            for start in range(0, 8000, 100):
                body = b"".join(line(f"r{n}") for n in range(start, start + 100))
                writer.write(b"%x\r\n%b\r\n" % (len(body), body))
                await writer.drain()
            writer.write(b"0\r\n\r\n")

        sending = asyncio.create_task(send())
        answer = (await asyncio.wait_for(reader.read(), 60)).decode()
        await asyncio.gather(sending, return_exceptions=True)
        writer.close()
        lines = [orjson.loads(text) for text in answer.splitlines() if text.startswith("{")]
        assert [each["line"] for each in lines] == list(range(1, 602))
        assert lines[-1]["status"] == "stopped" and lines[-1]["problem"]["status"] == 429


async def test_whoever_asks_first_meets_no_larger_piece_than_those_who_ask_on(settings: Settings) -> None:
    assert Turns.of_entries(settings).piece <= PIECE


async def test_who_asks_beside_a_stream_is_answered_long_before_it_ends(limited: Limited) -> None:
    async with limited(entries_per_second=10**6, requests_per_second=10**6) as (client, settings):
        ours, theirs = await key_of(client, settings), await key_of(client, settings, OTHER)
        sent = 30 * PIECE
        assert sent > 2 * BATCH_LINES  # alone it would go in three pieces
        assert (await client.get("/submissions", headers=theirs)).status_code == 200
        body = b"".join(line(f"r{n}") for n in range(sent))
        stream = asyncio.create_task(client.post("/submissions:stream", content=body, headers=ours))
        for n in range(60):
            answer = await client.post("/submissions", json=submission(f"s{n}", uscc=OTHER), headers=theirs)
            assert answer.status_code == 201
        assert not stream.done()
        receipts = [orjson.loads(text) for text in (await stream).text.splitlines()]
        assert [(each["line"], each["status"]) for each in receipts] == [(n, "received") for n in range(1, sent + 1)]


async def test_whoever_sends_many_is_no_company_to_make_way_for(settings: Settings) -> None:
    async with limited_app(settings) as (app, client):
        theirs, sharing = await key_of(client, settings, OTHER), app.state.gate.sharing
        csv, ours = theirs | {"Content-Type": "text/csv"}, (USCC, "live")
        assert (await client.post("/submissions:stream", content=line("a", uscc=OTHER), headers=theirs)).is_success
        await client.post("/submissions:sheet?kind=scene", content="title_en\n", headers=csv)  # taken in or not
        assert not sharing.in_company(ours)
        assert (await client.get("/submissions", headers=theirs)).is_success
        assert sharing.in_company(ours)
