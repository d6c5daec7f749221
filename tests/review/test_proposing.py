"""What is proposed: given cases and reviewers, these pairs with these reasons; and what holds whatever is given."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import given as for_all
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from review.assignment.proposing import (
    LOAD,
    Available,
    Pair,
    Proposal,
    Unfilled,
    available,
    cost,
    hindered,
    misfit,
    propose,
    vacancies,
)
from review.domain.case import Case
from review.domain.lease import Assignment
from review.domain.outcome import left
from review.domain.reviewer import Standing
from schemas.review import Route
from tests.review.acts import CHECKED, OPENED, given
from tests.review.entries import OTHER, OWN

OPEN = given(OPENED, CHECKED)
SUPPLY, RETAIL = "new-supply-chain", "new-retail"
BOTH = ("zh", "en")


def case(route: Route = Route.ORDINARY, **changes: Any) -> Case:
    """A case of the supply chain in both languages, which two review."""
    return OPEN.model_copy(update={"route": route, "left": left((), route)} | changes)


def reviewer(sub: str, load: int = 0, capacity: int = 5, **standing: Any) -> Available:
    """Somebody of the field who reads both languages and is no expert."""
    known: dict[str, Any] = {"sectors": (SUPPLY,), "languages": BOTH, "expert": False}
    who = Standing(sub, **known | standing)
    return Available(who, sub, load, capacity, who.expert)


def test_each_case_gets_two_of_its_field_and_languages_each_with_the_reasons() -> None:
    people = [reviewer("li"), reviewer("wang", sectors=(RETAIL,)), reviewer("zhao", languages=("zh",)), reviewer("ma")]
    fits = ("field", "language", "load", "no-conflict")
    assert propose({"a": case()}, people) == Proposal((Pair("a", "li", fits), Pair("a", "ma", fits)), ())


def test_whoever_has_least_gets_the_next_and_fields_outweigh_four_cases() -> None:
    busy, idle = reviewer("busy", load=3), reviewer("idle", sectors=())
    express = {"a": case(Route.EXPRESS)}
    assert propose(express, [busy, idle]).pairs == (Pair("a", "busy", ("field", "language", "no-conflict")),)
    busier = replace(busy, load=5)
    assert propose(express, [busier, idle]).pairs == (Pair("a", "idle", ("language", "load", "no-conflict")),)


def test_two_experts_take_the_two_seats_of_an_expert_case() -> None:
    people = [reviewer("li"), reviewer("sun", expert=True), reviewer("ma", expert=True, sectors=())]
    pairs = propose({"a": case(Route.EXPERTS)}, people).pairs
    assert {pair.reviewer: "expert" in pair.reasons for pair in pairs} == {"sun": True, "ma": True}


def test_while_the_roster_names_no_expert_nobody_is_chosen_for_being_one() -> None:
    people = [replace(reviewer(sub, expert=True), expert=False) for sub in ("li", "ma")]
    pairs = propose({"a": case(Route.EXPERTS)}, people).pairs
    assert [pair.reasons for pair in pairs] == [("field", "language", "load", "no-conflict")] * 2


def test_a_case_that_nobody_can_take_says_of_each_why() -> None:
    known: dict[str, Any] = {"conflicts": ("declared",), "sole_reviewer": "alone"}
    people = [
        reviewer("alone"),
        reviewer("bound", conflicts=(OWN,)),
        reviewer("declared"),
        reviewer("own", partner=OWN),
        reviewer("resting", capacity=0),
    ]
    why = (
        ("alone", "case.reviewed-previous"),
        ("bound", "case.conflict"),
        ("declared", "case.conflict"),
        ("own", "case.own-partner"),
        ("resting", "no-time"),
    )
    assert propose({"a": case(**known)}, people) == Proposal((), (Unfilled("a", 2, why),))
    assert propose({"a": case()}, []) == Proposal((), (Unfilled("a", 2, ()),))
    assert propose({}, people) == Proposal((), ())


def test_where_time_is_short_the_longest_waiting_come_first() -> None:
    li = reviewer("li", capacity=1)
    proposal = propose({"old": case(Route.EXPRESS, sector=RETAIL), "new": case(Route.EXPRESS)}, [li])
    assert [(pair.case, pair.reviewer) for pair in proposal.pairs] == [("old", "li")]
    assert proposal.unfilled == (Unfilled("new", 1, (("li", "full"),)),)


def test_one_reviewer_does_not_take_both_seats_of_a_case() -> None:
    # A plain matching of seats and places would give both to li.
    people = [reviewer("li"), reviewer("wang", sectors=(), languages=("zh",), load=9)]
    assert [(pair.case, pair.reviewer) for pair in propose({"a": case()}, people).pairs] == [("a", "li"), ("a", "wang")]
    alone = propose({"a": case()}, people[:1])
    assert alone.unfilled == (Unfilled("a", 1, (("li", "seated"),)),)


def test_a_case_that_lacks_one_review_has_one_seat() -> None:
    assert len(propose({"a": case(left=1)}, [reviewer("li"), reviewer("ma")]).pairs) == 1


def test_a_case_that_is_kept_for_one_already_has_the_other_seat_to_fill() -> None:
    until = datetime(2027, 1, 1, tzinfo=UTC)
    kept = case(assignments=(Assignment(reviewer="li", until=until, reasons=("operator",)),))
    found = propose({"a": kept}, [reviewer("li"), reviewer("ma", load=4)])
    assert [(pair.reviewer, pair.kept) for pair in found.pairs] == [("li", True), ("ma", False)]
    assert found.pairs[0].reasons == ("operator",) and found.unfilled == ()
    alone = propose({"a": kept}, [reviewer("li")])
    assert alone.unfilled == (Unfilled("a", 1, (("li", "seated"),)),)


def of_a_day(today_min: int, reviewed: int, load: int, review_min: float = 24.0) -> Available:
    """Somebody as `reviewer`, with what is left of such a day."""
    who = reviewer("li").who
    return available(who, "li", False, today_min=today_min, reviewed=reviewed, load=load, review_min=review_min)


def test_what_was_reviewed_today_and_what_is_in_hand_take_their_time_of_the_day() -> None:
    who = reviewer("li").who
    assert of_a_day(180, 0, 0) == Available(who, "li", 0, 7, False, 180, 0.0)
    assert of_a_day(180, 2, 1) == Available(who, "li", 1, 4, False, 180, 72.0)
    assert of_a_day(180, 9, 0) == Available(who, "li", 0, 0, False, 180, 216.0), "who did more has nothing left"
    assert of_a_day(10, 0, 0).capacity == 1 and of_a_day(10, 1, 0).capacity == 0, "a short day is good for one"
    assert of_a_day(0, 1, 0) == Available(who, "li", 0, 0, False, 0, 24.0)


def test_after_reviews_of_a_moment_what_is_used_of_a_day_and_what_is_left_agree() -> None:
    for reviewed in (0, 60, 120, 150):
        found = of_a_day(60, reviewed, 0, review_min=0.01)
        assert (found.capacity, found.used_min) == (max(0, 120 - reviewed), reviewed / 2)
        assert (found.capacity == 0) == (found.used_min >= found.today_min)


def test_whoever_has_reviewed_enough_today_is_proposed_for_nothing_more() -> None:
    express = {"a": case(Route.EXPRESS)}
    assert propose(express, [of_a_day(48, 1, 0)]) == Proposal(
        (Pair("a", "li", ("field", "language", "load", "no-conflict")),), ()
    )
    assert propose(express, [of_a_day(48, 1, 1)]) == Proposal((), (Unfilled("a", 1, (("li", "no-time"),)),))


# --- Whatever is given -----------------------------------------------------------------------------------------------

#: A busy machine is slow at times; that is no fault.
EXAMPLES = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SUBS = [f"r{n}" for n in range(6)]
PARTNERS = [OWN, OTHER, "91510106MA6RH83W99"]


@st.composite
def situations(draw: st.DrawFn) -> tuple[dict[str, Case], list[Available]]:
    some = st.lists(st.sampled_from(SUBS), max_size=2, unique=True).map(tuple)
    routes = st.sampled_from([Route.EXPRESS, Route.ORDINARY, Route.EXPERTS])
    cases = {
        f"c{n}": case(
            draw(routes),
            partner=draw(st.sampled_from(PARTNERS)),
            sector=draw(st.sampled_from([SUPPLY, RETAIL, None])),
            conflicts=draw(some),
            sole_reviewer=draw(st.sampled_from([None, *SUBS])),
        )
        for n in range(draw(st.integers(0, 7)))
    }
    reviewers = [
        reviewer(
            sub,
            draw(st.integers(0, 4)),
            draw(st.integers(0, 4)),
            partner=draw(st.sampled_from([None, *PARTNERS])),
            conflicts=draw(st.lists(st.sampled_from(PARTNERS), max_size=1).map(tuple)),
            sectors=draw(st.sampled_from([(), (SUPPLY,), (SUPPLY, RETAIL)])),
            languages=draw(st.sampled_from([("zh",), BOTH])),
            expert=draw(st.booleans()),
        )
        for sub in draw(st.lists(st.sampled_from(SUBS), unique=True))
    ]
    return cases, reviewers


def chosen(proposal: Proposal) -> list[tuple[str, str]]:
    return [(pair.case, pair.reviewer) for pair in proposal.pairs]


@EXAMPLES
@for_all(situations())
def test_never_a_conflict_never_over_capacity_never_more_than_the_seats(
    situation: tuple[dict[str, Case], list[Available]],
) -> None:
    cases, reviewers = situation
    by_sub = {each.who.sub: each for each in reviewers}
    proposal = propose(cases, reviewers)
    pairs = chosen(proposal)
    assert len(set(pairs)) == len(pairs), "nobody twice for one case"
    assert all(hindered(cases[id], by_sub[sub]) is None for id, sub in pairs)
    assert all(count <= by_sub[sub].capacity for sub, count in Counter(sub for _, sub in pairs).items())
    seats = Counter(id for id, _ in pairs) + Counter({each.case: each.seats for each in proposal.unfilled})
    assert seats == Counter({id: case.left for id, case in cases.items()}), "each seat is filled, or is said not to be"
    assert all(pair.reasons and "no-conflict" in pair.reasons for pair in proposal.pairs)


@EXAMPLES
@for_all(situations(), st.randoms())
def test_the_same_input_gives_the_same_output_in_whatever_order_reviewers_come(
    situation: tuple[dict[str, Case], list[Available]], dice: Any
) -> None:
    cases, reviewers = situation
    shuffled = [*reviewers]
    dice.shuffle(shuffled)
    assert propose(cases, reviewers) == propose(cases, shuffled)


@EXAMPLES
@for_all(situations())
def test_it_costs_no_more_than_what_a_greedy_hand_would_choose(
    situation: tuple[dict[str, Case], list[Available]],
) -> None:
    cases, reviewers = situation
    assert cost(cases, reviewers, chosen(propose(cases, reviewers))) <= cost(cases, reviewers, greedy(cases, reviewers))


@EXAMPLES
@for_all(situations())
def test_where_every_case_has_one_seat_it_costs_what_the_hungarian_method_does(
    situation: tuple[dict[str, Case], list[Available]],
) -> None:
    cases, reviewers = situation
    single = {id: case.model_copy(update={"left": 1}) for id, case in cases.items()}
    assert cost(single, reviewers, chosen(propose(single, reviewers))) == cost(
        single, reviewers, hungarian(single, reviewers)
    )


def greedy(cases: Mapping[str, Case], reviewers: Sequence[Available]) -> list[tuple[str, str]]:
    """Case by case, seat by seat, whoever fits best and still has time."""
    taken: Counter[str] = Counter()
    pairs: list[tuple[str, str]] = []
    for id, one in cases.items():
        fit = [each for each in reviewers if hindered(one, each) is None and taken[each.who.sub] < each.capacity]
        fit.sort(key=lambda each: misfit(one, each) + LOAD * (each.load + taken[each.who.sub]))
        for each in fit[: one.left]:
            taken[each.who.sub] += 1
            pairs.append((id, each.who.sub))
    return pairs


def hungarian(cases: Mapping[str, Case], reviewers: Sequence[Available]) -> list[tuple[str, str]]:
    """Columns repeated by capacity, and one for each case that is left empty."""
    places = [(each, place) for each in reviewers for place in range(each.capacity)]
    if not cases or not places:
        return []
    vacant = vacancies(cases, reviewers)
    prices = np.full((len(cases), len(places) + len(cases)), 1e9)
    for row, one in enumerate(cases.values()):
        for column, (each, place) in enumerate(places):
            if hindered(one, each) is None:
                prices[row, column] = misfit(one, each) + LOAD * (each.load + place)
        prices[row, len(places) + row] = vacant[row]
    rows, columns = linear_sum_assignment(prices)
    ids = list(cases)
    return [
        (ids[row], places[column][0].who.sub) for row, column in zip(rows, columns, strict=True) if column < len(places)
    ]
