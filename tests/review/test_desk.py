"""The next case: the right one, for one reviewer at a time; and what lists say."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest

from review.desk import Desk, now
from review.domain.claiming import Claim
from review.domain.reviewer import Standing
from review.handing import SPARE
from review.lists import Waiting
from schemas.entry import Industry
from schemas.review import CRITERIA, Profile, Verdict
from tests.review.conftest import Review, reviewer
from tests.review.entries import AT, OTHER, OWN, product, received, scene
from tests.review.people import OPERATOR
from web.people import Person
from web.problems import Problem

LI, WANG, ZHAO = reviewer("li"), reviewer("wang"), reviewer("zhao")
QIAN = reviewer("qian", OWN)


async def opened(review: Review, count: int) -> list[str]:
    """Cases of scenes, an hour apart, the oldest first."""
    events = [received(f"SC-{n:03}", scene(), AT + timedelta(hours=n)) for n in range(count)]
    await review.react(events)
    return [f"{event.subject}@1" for event in events]


async def decide(desk: Desk, case: str, verdicts: Sequence[tuple[Person, Verdict]], kind: str = "scene") -> None:
    for me, verdict in verdicts:
        await desk.claim(case, me, f"claim-{me.sub}")
        await desk.review(case, me, f"review-{me.sub}", dict.fromkeys(CRITERIA[kind], 4), verdict, "why")


async def next_of(desk: Desk, me: Person, cause: str = "press") -> str | None:
    outcome = await desk.next(me, cause)
    return outcome.stream if outcome else None


async def test_the_longest_waiting_comes_first_but_before_it_one_that_lacks_one_review(review: Review) -> None:
    first, second, third = await opened(review, 3)
    await decide(review.desk, third, [(LI, Verdict.APPROVE)])
    assert await next_of(review.desk, WANG) == third
    assert await next_of(review.desk, LI) == first, "not the one that li reviewed"
    assert await next_of(review.desk, ZHAO) == second
    assert await next_of(review.desk, reviewer("sun")) is None


async def test_ones_own_finished_first_reviews_do_not_hide_ones_own_field(review: Review) -> None:
    """They lack one review, so they come first in it, however many: nobody has reviewed them a second time yet."""
    reviewed = await opened(review, SPARE + 1)
    for case in reviewed:
        await decide(review.desk, case, [(LI, Verdict.REJECT)])
    fresh = received("SC-900", scene(), AT + timedelta(days=30))
    await review.react([received("PR-1", product()), fresh])
    profile = Profile(name="Li", industries=(Industry.SUPPLY_CHAIN,))
    await review.desk.register({"li": profile}, OPERATOR, "roster")
    assert await next_of(review.desk, LI) == f"{fresh.subject}@1", "the oldest is of another field"


async def test_next_goes_on_with_the_case_in_hand(review: Review) -> None:
    first, _second = await opened(review, 2)
    assert [await next_of(review.desk, LI, cause) for cause in ("one", "two")] == [first, first]


async def test_next_passes_over_own_partners_and_conflicts(review: Review) -> None:
    (case,) = await opened(review, 1)
    await review.desk.declare_conflict(case, LI, "conflict")
    assert await next_of(review.desk, LI) is None
    assert await next_of(review.desk, QIAN) is None
    assert await next_of(review.desk, WANG) == case


async def test_next_takes_over_what_ran_out(review: Review) -> None:
    (case,) = await opened(review, 1)
    past = now() - timedelta(hours=1)
    lease = Claim(
        stream=case,
        cause="c",
        actor="user:li",
        at=past,
        reviewer="li",
        partner=None,
        until=past + timedelta(minutes=30),
    )
    await review.cases.handle([lease])
    assert await next_of(review.desk, WANG) == case
    assert (await review.cases.get(case)).events[-2].data.TYPE == "case.released.v1"


async def test_twenty_reviewers_at_once_never_get_the_same_case(review: Review) -> None:
    cases = await opened(review, 12)
    people = [reviewer(f"r{n}") for n in range(20)]
    taken = await asyncio.gather(*(next_of(review.desk, me, f"press-{me.sub}") for me in people))
    assert sorted(filter(None, taken)) == cases
    assert Counter(taken)[None] == 8


async def test_an_empty_desk_knows_who_holds_the_rest(review: Review) -> None:
    (case,) = await opened(review, 1)
    await review.desk.claim(case, WANG, "claim")
    (held,) = await review.store.queue.held_by_others(Standing("li"), now())
    assert (held.id, held.reviewers) == (case, ("wang",))
    assert timedelta(minutes=29) < held.until - now() <= timedelta(minutes=30)
    assert await review.store.queue.held_by_others(Standing("wang"), now()) == []
    assert await review.store.queue.held_by_others(Standing("qian", OWN), now()) == []
    assert [listed.id for listed in await review.store.lists.held("wang")] == [case]


async def test_counts_and_ages_by_kind(review: Review) -> None:
    await opened(review, 2)
    await review.react([received("PR-1", product(), AT + timedelta(days=1))])
    scenes, products = Waiting("scene", 2, AT), Waiting("product", 1, AT + timedelta(days=1))
    assert await review.store.lists.waiting() == [scenes, products, Waiting("linkage", 0, None)]
    people = (Standing("qian", OWN), Standing("li"))
    assert [await review.store.queue.awaiting(who) for who in people] == [1, 3]


async def test_lists_go_on_where_they_stopped(review: Review) -> None:
    cases = await opened(review, 60)
    first = await review.store.lists.listed("open", None, None)
    rest = await review.store.lists.listed("open", "scene", first[-1].cursor)
    assert [case.id for case in (*first, *rest)] == cases
    for case in cases[:3]:
        await decide(review.desk, case, [(LI, Verdict.REJECT), (WANG, Verdict.REJECT)])
    await review.react([received("PR-1", product(attachments=()))])
    await decide(review.desk, f"{OTHER}/PR-1@1", [(LI, Verdict.APPROVE), (QIAN, Verdict.APPROVE)], "product")
    (newest,), total = await review.store.lists.decided(most=1)
    assert (newest.id, newest.decision, newest.score, total) == (f"{OTHER}/PR-1@1", "approved", 80, 4)
    older, total = await review.store.lists.decided(after=newest.cursor)
    assert [case.id for case in older] == cases[2::-1] and total == 4
    assert [case.id for case in (await review.store.lists.decided("approved", "product"))[0]] == [newest.id]
    assert (await review.store.lists.decided("approved", "scene")) == ([], 0)
    assert (await review.store.lists.decided(without_partner=OWN))[1] == 1


async def test_a_refusal_is_a_problem_with_its_text(review: Review) -> None:
    (case,) = await opened(review, 1)
    await review.desk.claim(case, WANG, "claim")
    with pytest.raises(Problem) as caught:
        await review.desk.claim(case, LI, "claim-too")
    assert (caught.value.status, caught.value.type) == (409, "case-claimed")
    assert caught.value.members["reviewer"] == "wang"
    with pytest.raises(Problem) as caught:
        await review.desk.seen(case, QIAN)
    assert caught.value.status == 403
