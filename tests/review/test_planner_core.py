"""The simulation against what queueing theory knows, and by cases small enough to count by hand."""

from datetime import date
from math import factorial

import numpy as np
import pytest

from review.planner.core import (
    DAY_MIN,
    Assumptions,
    Calendar,
    Foretold,
    comes,
    expected,
    foretell,
    reviewers_needed,
    simulate,
)

MONDAY = date(2026, 11, 2)
ALWAYS = Calendar((DAY_MIN,) * 7)
OFFICE = Calendar((120, 120, 120, 120, 120, 0, 0))


def assumed(**changes: float) -> Assumptions:
    plain = {"waiting": 0, "arrivals": 0.0, "minutes": 30.0, "spread": 0.0, "reviews": 1, "discordant": 0, "express": 0}
    return Assumptions(**(plain | changes))  # type: ignore[arg-type]


def erlang_c_wait_min(arrivals_a_min: float, minutes: float, servers: int) -> float:
    """The mean wait in an M/M/c queue (Erlang, 1917)."""
    offered = arrivals_a_min * minutes
    last = offered**servers / factorial(servers) * servers / (servers - offered)
    waits = last / (sum(offered**n / factorial(n) for n in range(servers)) + last)
    return waits * minutes / (servers - offered)


@pytest.mark.parametrize(("servers", "utilisation"), [(1, 0.6), (3, 0.7), (8, 0.8)])
def test_the_mean_wait_is_what_erlang_c_says(servers: int, utilisation: float) -> None:
    minutes, days = 30.0, 100
    a_min = utilisation * servers / minutes
    waits = []
    for seed in range(6):
        cases = simulate(
            assumed(arrivals=a_min * DAY_MIN, minutes=minutes, spread=1.0),
            [ALWAYS] * servers,
            MONDAY,
            days,
            np.random.default_rng(seed),
        )
        # The first days are left out: the queue is not yet what it becomes.
        waits += [case.begun - case.came for case in cases if case.came > 5 * DAY_MIN]
    assert np.mean(waits) == pytest.approx(erlang_c_wait_min(a_min, minutes, servers), rel=0.1)


def test_without_chance_the_decided_can_be_counted_by_hand() -> None:
    # Two reviewers of two hours a day, half an hour a review, two reviews a case: four cases a day, none at weekends.
    plan = assumed(waiting=100, reviews=2)
    assert foretell(plan, [OFFICE] * 2, MONDAY, date(2026, 11, 2), 4) == Foretold(4, 4, 4, 1.0)
    assert foretell(plan, [OFFICE] * 2, MONDAY, date(2026, 11, 8), 21) == Foretold(20, 20, 20, 0.0)


def test_a_review_that_does_not_fit_into_a_day_goes_on_in_the_next() -> None:
    # 50 minutes a review and 120 a day: 5 in 250 minutes, so on the third day.
    plan = assumed(waiting=10, minutes=50.0)
    assert foretell(plan, [OFFICE], MONDAY, date(2026, 11, 3), 4).middle == 4
    assert foretell(plan, [OFFICE], MONDAY, date(2026, 11, 6), 12).middle == 10


def test_days_away_are_days_without_reviews() -> None:
    away = Calendar(OFFICE.weekly, ((date(2026, 11, 3), date(2026, 11, 4)),))
    plan = assumed(waiting=100)
    assert foretell(plan, [away], MONDAY, date(2026, 11, 6), 0).middle == 3 * 4


def test_nobody_reviews_a_case_twice() -> None:
    assert foretell(assumed(waiting=5, reviews=2), [OFFICE], MONDAY, date(2026, 11, 29), 1).high == 0


def test_discordant_reviews_call_a_third_and_the_express_lane_spares_one() -> None:
    three = [OFFICE] * 3
    ordinary = foretell(assumed(waiting=500, reviews=2), three, MONDAY, date(2026, 11, 6), 0).middle
    discordant = foretell(assumed(waiting=500, reviews=2, discordant=1.0), three, MONDAY, date(2026, 11, 6), 0).middle
    express = foretell(assumed(waiting=500, reviews=2, express=1.0), three, MONDAY, date(2026, 11, 6), 0).middle
    assert (ordinary, express) == (30, 60)
    assert 18 <= discordant <= 20


def test_the_reviewers_needed_are_the_fewest_that_reach_the_goal() -> None:
    plan = assumed(waiting=200, reviews=2, spread=0.5, discordant=0.2)
    needed = reviewers_needed(plan, [OFFICE], MONDAY, date(2026, 11, 13), 200)
    assert needed is not None
    assert foretell(plan, [OFFICE] * needed, MONDAY, date(2026, 11, 13), 200).reached >= 0.9
    assert foretell(plan, [OFFICE] * (needed - 1), MONDAY, date(2026, 11, 13), 200).reached < 0.9


def test_where_too_few_cases_come_no_number_of_reviewers_decides_more() -> None:
    assert reviewers_needed(assumed(waiting=10, reviews=2), [OFFICE], MONDAY, date(2026, 11, 6), 11) is None


def test_more_reviewers_than_are_tried_is_told_from_too_few_cases() -> None:
    plan = assumed(waiting=1000, reviews=2)
    assert reviewers_needed(plan, [OFFICE], MONDAY, MONDAY, 1000) is None
    assert comes(plan, [OFFICE], MONDAY, MONDAY) == 1000
    assert reviewers_needed(plan, [OFFICE], MONDAY, MONDAY, 300) == 150, "four reviews a day each"
    assert (comes(assumed(waiting=3, arrivals=50), [OFFICE], MONDAY, MONDAY) or 0) < 10, "later ones come too late"
    assert comes(plan, [OFFICE], date(2026, 11, 7), date(2026, 11, 8)) is None, "nobody reviews at the weekend"


def test_an_open_case_that_was_begun_needs_one_review_less() -> None:
    three = [OFFICE] * 3
    fresh = foretell(assumed(waiting=500, reviews=2), three, MONDAY, date(2026, 11, 6), 0).middle
    begun = foretell(assumed(waiting=500, reviews=2, begun=20), three, MONDAY, date(2026, 11, 6), 0).middle
    assert (fresh, begun) == (30, 40)


def test_in_what_is_over_of_the_first_day_no_more_cases_come_but_it_is_a_whole_day_of_reviews() -> None:
    plan = assumed(waiting=8, arrivals=240.0, passed=0.75)
    came = [case.came for case in simulate(plan, [ALWAYS] * 20, MONDAY, 2, np.random.default_rng(1))][8:]
    assert min(came) >= 0.75 * DAY_MIN and len(came) == pytest.approx(300, rel=0.15)
    assert (expected(plan, 2), comes(plan, [OFFICE], MONDAY, MONDAY)) == (308, 8)
    assert foretell(plan, [OFFICE], MONDAY, MONDAY, 4) == Foretold(4, 4, 4, 1.0)


def test_where_there_are_many_several_go_as_one_and_as_many_are_decided() -> None:
    plan = assumed(waiting=2000, arrivals=100.0, reviews=2, spread=0.8, discordant=0.2, express=0.3)
    each, together = (
        np.mean([sum(case.count for case in simulate(plan, [OFFICE] * 40, MONDAY, 19, dice, by)) for dice in dices])
        for by, dices in ((by, map(np.random.default_rng, range(8))) for by in (1, 3))
    )
    assert together == pytest.approx(each, rel=0.04)


def test_never_are_more_decided_than_there_are_nor_fewer_where_there_is_time_for_all() -> None:
    day = date(2026, 11, 29)
    for waiting in (1_000_000, 999_999, 4_001):
        all_of_them = foretell(assumed(waiting=waiting, reviews=2, minutes=0.5), [ALWAYS] * 200, MONDAY, day, waiting)
        assert all_of_them == Foretold(waiting, waiting, waiting, 1.0)
    some = foretell(assumed(waiting=7, arrivals=10_000.0, minutes=0.5), [ALWAYS] * 200, MONDAY, day, 1)
    assert some.high <= 7 + 28 * 10_000 + 3 * (28 * 10_000) ** 0.5


def test_a_hundred_thousand_open_cases_are_simulated_like_any() -> None:
    plan = assumed(waiting=100_000, arrivals=500.0, reviews=2, spread=0.6)
    plenty = foretell(plan, [OFFICE] * 100, MONDAY, date(2026, 11, 29), 1)
    # 100 reviewers, 20 days, 120 minutes, half an hour a review, two a case.
    assert plenty.middle == pytest.approx(4000, rel=0.02)
    assert reviewers_needed(plan, [OFFICE], MONDAY, date(2026, 11, 29), 4000) == pytest.approx(101, abs=3)


def test_the_same_question_has_the_same_answer() -> None:
    plan = assumed(waiting=20, arrivals=15.0, reviews=2, spread=0.8, discordant=0.3)
    ask = [foretell(plan, [OFFICE] * 3, MONDAY, date(2026, 11, 13), 30) for _ in range(2)]
    assert ask[0] == ask[1]
    assert ask[0].low <= ask[0].middle <= ask[0].high
