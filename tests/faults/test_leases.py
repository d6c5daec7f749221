"""Leases that run out while the worker is killed: a reviewer's on a case, and the relay's own, whose holder is gone.

What becomes of a case is then told once, in order, and by one at a time.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from review.desk import Desk, now
from review.domain import CASES
from review.domain.claiming import Claim
from review.drafts import Drafts
from review.roster import Roster
from review.store import CaseStore
from runtime.settings import Settings
from runtime.streams import Streams
from schemas.review import CRITERIA, CaseClaimed, CaseReleased, CaseReviewGiven, Verdict
from schemas.topics import REVIEW
from tests.faults.fleet import Fleet, audited, fleet, sending
from tests.support import eventually, own_settings, sequences, whole
from web.people import Person
from web.problems import Problem

#: Cases that are held when the worker is killed, and how often it is.
HELD, KILLS = 20, 4
#: Seconds over which their leases run out.
ENDING_S = 6


@asynccontextmanager
async def desk_of(settings: Settings) -> AsyncIterator[Desk]:
    async with AsyncMongoClient[Any](settings.mongo_url, w="majority", journal=True, tz_aware=True) as client:
        database = client[settings.database("review")]
        yield Desk(Streams(database, CASES), CaseStore(database), Roster(database), Drafts(database))


async def held_by_others(desk: Desk) -> dict[str, str]:
    """Cases of which each has a holder of its own, whose lease is about to end: holder by case."""

    async def enough() -> bool:
        return len(await desk.store.queue.free(now(), HELD)) == HELD

    await eventually(enough, 60)
    holders = {case.id: f"first-{n}" for n, case in enumerate(await desk.store.queue.free(now(), HELD))}
    at = now()
    claims = [
        Claim(
            stream=case,
            cause="first claim",
            actor=f"user:{holder}",
            at=at,
            reviewer=holder,
            partner=None,
            until=(at + timedelta(seconds=2 + ENDING_S * n / HELD)).replace(microsecond=0),
        )
        for n, (case, holder) in enumerate(holders.items())
    ]
    assert all(outcome.refusal is None for outcome in await desk.cases.handle(claims))
    return holders


async def taken_over(desk: Desk, case: str, sub: str) -> bool:
    """Ask for a case until one has it: whether it was this one."""
    for press in range(1000):
        try:
            await desk.claim(case, Person(sub, sub, ("reviewer",)), f"{sub} {press}")
            return True
        except Problem as refused:
            if refused.type != "case-claimed":
                raise
            if refused.members["reviewer"].startswith("second"):
                return False
            await asyncio.sleep(0.1)
    raise AssertionError(f"nobody had {case}")


async def kill_while_they_end(made: Fleet) -> None:
    for _ in range(KILLS):
        await asyncio.sleep((2 + ENDING_S) / KILLS)
        made.kill("review-worker")


async def test_a_worker_killed_while_leases_run_out_tells_what_became_of_each_case_once_and_in_order(
    kafka: str, mongo: str, tmp_path: Path
) -> None:
    settings = await own_settings(kafka, mongo)
    async with fleet(settings, tmp_path) as made, desk_of(made.settings) as desk:
        async with sending(made.settings, seed=5):
            holders = await held_by_others(desk)
            rivals = [(case, f"second-{n}-{rival}") for n, case in enumerate(holders) for rival in ("a", "b")]
            won, _ = await asyncio.gather(
                asyncio.gather(*(taken_over(desk, case, sub) for case, sub in rivals)), kill_while_they_end(made)
            )
            winners = {case: sub for (case, sub), has in zip(rivals, won, strict=True) if has}
            assert len(winners) == sum(won) == HELD, "each case has one new holder"
            for case, sub in winners.items():
                scores = dict.fromkeys(CRITERIA["scene"], 4)
                given = scores, Verdict.REJECT, "too late for the other"
                with pytest.raises(Problem):
                    await desk.review(case, Person(holders[case], ""), "late", *given)
                await desk.review(case, Person(sub, ""), "in time", *given)
        for case, sub in winners.items():
            facts = (await desk.cases.get(case)).events[2:]
            first, ended, second, review = (event.data for event in facts)
            assert isinstance(first, CaseClaimed) and isinstance(second, CaseClaimed)
            assert ended == CaseReleased(reviewer=holders[case], reason="lease-ran-out")
            assert facts[2].time >= first.until, "nobody had it before the other's time was over"
            assert isinstance(review, CaseReviewGiven) and (second.reviewer, review.reviewer) == (sub, sub)

        async def told() -> bool:
            history = await asyncio.to_thread(sequences, made.settings, REVIEW)
            return all(max(history.get(case, [0])) == 6 for case in winners)

        await eventually(told, 60)
        history = await asyncio.to_thread(sequences, made.settings, REVIEW)
        assert all(whole(found) for found in history.values())
        verdict = await audited(made.settings)
        assert verdict.equal, verdict.differences
        assert made.deaths == KILLS
