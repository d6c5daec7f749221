"""Who may fetch a source, and when: one at a time, by schedules that follow the streams."""

import asyncio
from datetime import timedelta

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from runtime.lease import LeaseLost
from schemas.envelope import Json
from schemas.source import Terms
from submissions.domain.source import Source
from submissions.intake import now
from submissions.sources.store import KEPT, Claim, Fetches, Lists, Schedules, id_of
from tests.submissions.given import OTHER, USCC

ONE, TWO = id_of(USCC, "one"), id_of(USCC, "two")
TERMS = Terms(address="https://x.example/", format="json", content="entries", every_minutes=60, language="en")
ADDED = Source(terms=TERMS)


async def claimed(schedules: Schedules) -> Claim:
    claim = await schedules.claim(now(), slow=False, but=())
    assert claim is not None
    return claim


async def test_of_many_who_ask_one_gets_it_and_the_longest_due_comes_first(database: AsyncDatabase[Json]) -> None:
    workers = [Schedules(database) for _ in range(8)]
    for minutes, source in ((1, ONE), (2, TWO), (3, id_of(OTHER, "one"))):
        await workers[0].follow(source, 1, ADDED, now() - timedelta(minutes=minutes))
    assert (await claimed(workers[0])).source == id_of(OTHER, "one")
    others = await asyncio.gather(*(each.claim(now(), slow=False, but=()) for each in workers))
    assert sorted(claim.source for claim in others if claim) == [ONE, TWO]


async def test_a_partner_that_has_its_places_gets_no_other(database: AsyncDatabase[Json]) -> None:
    schedules = Schedules(database)
    await schedules.follow(ONE, 1, ADDED, now())
    assert await schedules.claim(now(), slow=False, but=(USCC,)) is None
    assert await schedules.claim(now(), slow=True, but=()) is None
    assert await schedules.claim(now(), slow=False, but=(OTHER,)) is not None


async def test_a_lease_that_ran_out_is_somebody_elses_and_its_first_holder_writes_no_more(
    database: AsyncDatabase[Json],
) -> None:
    first, second, lists = Schedules(database, lease_s=0), Schedules(database), Lists(database)
    await first.follow(ONE, 1, ADDED, now())
    lost, held = await claimed(first), await claimed(second)
    assert held.fence == lost.fence + 1
    await lists.keep(held, {"a": "1"})
    for late in (first.renew(lost), first.release(lost, due=now()), lists.keep(lost, {})):
        with pytest.raises(LeaseLost):
            await late
    await second.renew(held)
    assert await lists.get(ONE) == {"a": "1"}


@pytest.mark.parametrize("after", [Source(terms=TERMS, paused="asked"), Source()])
async def test_a_source_that_is_paused_or_removed_is_due_no_more_and_its_fetch_ends(
    database: AsyncDatabase[Json], after: Source
) -> None:
    schedules = Schedules(database)
    await schedules.follow(ONE, 1, ADDED, now())
    claim = await claimed(schedules)
    await schedules.follow(ONE, 2, after, now())
    await schedules.follow(ONE, 1, ADDED, now())  # late news
    with pytest.raises(LeaseLost):
        await schedules.renew(claim)
    assert await schedules.claim(now(), slow=False, but=()) is None


@pytest.mark.parametrize("after", [Source(), Source(terms=TERMS.model_copy(update={"content": "lines"}))])
async def test_what_a_source_listed_that_is_removed_or_sends_lines_now_holds_nothing_off(
    database: AsyncDatabase[Json], after: Source
) -> None:
    schedules, lists = Schedules(database), Lists(database)
    document = {"_id": ONE, "version": 1, "state": ADDED.model_dump(mode="json")}
    await database["sources"].insert_one(document)
    await schedules.follow(ONE, 1, ADDED, now())
    claim = await claimed(schedules)
    await lists.keep(claim, {"a": "1"})
    assert (await lists.others(TWO), await lists.others(ONE)) == (frozenset("a"), frozenset())
    await database["sources"].replace_one({"_id": ONE}, document | {"state": after.model_dump(mode="json")})
    assert await lists.others(TWO) == frozenset()
    # Its fetch, under way by the old terms, writes no more.
    await schedules.follow(ONE, 2, after, now())
    await lists.erase(ONE)
    with pytest.raises(LeaseLost):
        await lists.keep(claim, {"a": "1"})
    assert await lists.get(ONE) == {}


async def test_what_is_asked_for_while_it_is_being_fetched_is_fetched_again(database: AsyncDatabase[Json]) -> None:
    schedules = Schedules(database)
    await schedules.follow(ONE, 1, ADDED, now())
    claim = await claimed(schedules)
    await schedules.due_now(ONE, now(), confirmed={"references": ["a"], "by": "user:a"})
    await schedules.release(claim, due=now() + timedelta(hours=1), etag="x", confirmed=None, failures=0)
    again = await claimed(schedules)
    assert again.schedule["confirmed"]["references"] == ["a"] and again.known.etag is None
    await schedules.release(again, due=now() + timedelta(hours=1), confirmed=None)
    assert await schedules.claim(now(), slow=False, but=()) is None


async def test_the_last_fetches_are_kept_and_one_that_never_ended_is_told_as_interrupted(
    database: AsyncDatabase[Json],
) -> None:
    fetches = Fetches(database)
    for fence in range(1, KEPT + 10):
        claim = Claim(ONE, 2 * fence, {})  # changes of the source count too
        await fetches.begin(claim, now())
        if fence != KEPT:
            await fetches.end(claim, 0.1, {"status": "taken"})
    last = await fetches.last(ONE)
    assert len(last) == KEPT and last[0]["fence"] == 2 * (KEPT + 9)
    assert [each["fence"] for each in last if each["status"] == "interrupted"] == [2 * KEPT]
