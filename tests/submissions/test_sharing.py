"""Streams make way for whoever else asks: piece by piece, with rests as long as the machine needs them."""

import asyncio
import time
from contextlib import AsyncExitStack
from itertools import pairwise
from types import SimpleNamespace

import pytest

from submissions import sharing
from submissions.sharing import MOST_REST_S, REST, Sharing

OURS, TESTS, THEIRS = ("915101", "live"), ("915101", "test"), ("915102", "live")


async def test_streams_of_one_partner_wait_for_nobody() -> None:
    shared = Sharing()
    shared.asked(OURS)
    async with AsyncExitStack() as both:  # the second begins while the first is taken in
        await both.enter_async_context(shared.turn(OURS))
        await both.enter_async_context(shared.turn(OURS))


async def test_in_company_pieces_go_one_by_one_and_rest_as_many_times_as_long_as_they_take() -> None:
    shared, spans = Sharing(), list[tuple[float, float]]()
    shared.asked(THEIRS)

    async def piece() -> None:
        async with shared.turn(OURS):
            began = time.monotonic()
            await asyncio.sleep(0.01)
            spans.append((began, time.monotonic()))

    await asyncio.gather(*(piece() for _ in range(4)))
    for (began, ended), (next_began, _) in pairwise(spans):
        assert next_began - ended >= REST * (ended - began)


async def test_a_piece_that_fails_is_rested_from_too() -> None:
    shared = Sharing()
    shared.asked(THEIRS)

    async def piece() -> None:
        async with shared.turn(OURS):
            await asyncio.sleep(0.01)
            raise OSError("the database is away")

    with pytest.raises(OSError, match="away"):
        await piece()
    failed = time.monotonic()
    async with shared.turn(OURS):
        assert time.monotonic() - failed >= REST * 0.009


async def test_a_database_that_was_away_is_not_rested_from_for_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    now, rests = [1000.0], list[float]()

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    monkeypatch.setattr(sharing, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(sharing, "asyncio", SimpleNamespace(Lock=asyncio.Lock, sleep=rest))
    shared = Sharing()
    for took in (0.01, 30.0, 0.0):
        shared.asked(THEIRS)
        async with shared.turn(OURS):
            now[0] += took
    assert rests == pytest.approx([0.0, REST * 0.01, MOST_REST_S])


async def test_company_is_another_partner_or_mode_that_asked_lately(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = Sharing()
    shared.asked(OURS)
    assert not shared.in_company(OURS) and shared.in_company(THEIRS) and shared.in_company(TESTS)
    monkeypatch.setattr(sharing, "RECENT_S", -1.0)
    assert not shared.in_company(THEIRS)
