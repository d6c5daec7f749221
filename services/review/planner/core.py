"""The simulation: cases arrive, reviewers work by their calendars, and cases are decided. Pure, with its own dice.

Time is in minutes from the start, which is the beginning of a day. A reviewer's day begins at its beginning: what
matters is how many minutes of it there are, not which. What is not finished goes on in the reviewer's next minutes.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from math import ceil
from typing import Any

import numpy as np
import simpy

DAY_MIN = 24 * 60
#: Runs of one question: enough for its tenth and ninetieth of a hundred, few enough for a page.
RUNS = 60
#: Cases simulated for one question, over all runs, and those of one run at most: a page answers within seconds.
ALL_CASES = 12_000
MOST_CASES = 3_000
FEWEST_RUNS = 10
#: More reviewers are not tried.
MOST_REVIEWERS = 60
#: What was promised holds in so many of all runs.
SURE = 0.9


@dataclass(frozen=True)
class Calendar:
    """One reviewer's time: minutes of reviewing on each weekday, Monday first; and days away, from first to last."""

    weekly: tuple[int, int, int, int, int, int, int]
    away: tuple[tuple[date, date], ...] = ()

    def minutes(self, day: date) -> int:
        """Minutes of reviewing on a day."""
        return 0 if any(first <= day <= last for first, last in self.away) else self.weekly[day.weekday()]


@dataclass(frozen=True)
class Assumptions:
    """What a plan supposes. Shares are from 0 to 1.

    `waiting` cases are open at the start, each with `reviews` still to be given; `arrivals` more come a day, at any
    time. A review takes `minutes`, spread by `spread` (its standard deviation ÷ mean; 1 is exponential). Of all cases
    `express` need one review, the others `reviews`; `discordant` of those need one more.
    """

    waiting: int
    arrivals: float
    minutes: float
    spread: float
    reviews: int
    discordant: float
    express: float


@dataclass(frozen=True)
class Case:
    """One that was simulated: when it came, when its first review began, and when it was decided; None: not yet."""

    came: float
    begun: float | None
    decided: float | None


@dataclass(frozen=True)
class Foretold:
    """How many are decided in time: the median of the runs, and the tenth and ninetieth of a hundred."""

    low: int
    middle: int
    high: int
    #: The share of runs in which the goal is reached.
    reached: float


@dataclass
class _Open:
    """A case on the desk."""

    came: float
    left: int
    discordant: bool
    by: set[int] = field(default_factory=set)
    begun: float | None = None
    decided: float | None = None


def simulate(
    assumed: Assumptions, calendars: Sequence[Calendar], start: date, days: int, dice: np.random.Generator
) -> list[Case]:
    """One run over so many days: every case, in the order in which they came."""
    env = simpy.Environment()
    desk: list[_Open] = []
    cases: list[_Open] = []
    news = [env.event()]

    def put(case: _Open) -> None:
        # A case lies on the desk once, however many reviews it waits for. As at the real one, what lacks only a third
        # review goes before what has none.
        desk.insert(0 if case.by else len(desk), case)
        happened, news[0] = news[0], env.event()
        happened.succeed()

    def arrive() -> _Open:
        express = dice.random() < assumed.express
        left = 1 if express else assumed.reviews
        case = _Open(env.now, left, not express and left > 1 and dice.random() < assumed.discordant)
        cases.append(case)
        return case

    def arriving() -> Generator[Any, Any, None]:
        while assumed.arrivals > 0:
            yield env.timeout(dice.exponential(DAY_MIN / assumed.arrivals))
            put(arrive())

    def reviewing(me: int, calendar: Calendar) -> Generator[Any, Any, None]:
        for day in range(days):
            # A day is over when its minutes are: whoever waits for work in them has lost them.
            end = day * DAY_MIN + calendar.minutes(start + timedelta(days=day))
            if env.now < day * DAY_MIN:
                yield env.timeout(day * DAY_MIN - env.now)
            while env.now < end:
                if work[me] is None:
                    work[me] = _take(me)
                if work[me] is None:
                    yield news[0] | env.timeout(end - env.now)
                    continue
                case, left_min = work[me]
                spent = min(left_min, end - env.now)
                yield env.timeout(spent)
                work[me] = (case, left_min - spent) if left_min > spent else None
                if work[me] is None:
                    _given(case)

    def _take(me: int) -> tuple[_Open, float] | None:
        for place, case in enumerate(desk):
            if me not in case.by:
                case.by.add(me)
                case.begun = env.now if case.begun is None else case.begun
                if len(case.by) >= case.left:
                    del desk[place]
                return case, _minutes(assumed, dice)
        return None

    def _given(case: _Open) -> None:
        given[id(case)] = given.get(id(case), 0) + 1
        if given[id(case)] < case.left:
            return
        if case.discordant:
            case.discordant, case.left = False, case.left + 1
            put(case)
        else:
            case.decided = env.now

    given: dict[int, int] = {}
    work: list[Any] = [None] * len(calendars)
    for _ in range(assumed.waiting):
        desk.append(arrive())
    env.process(arriving())
    for me, calendar in enumerate(calendars):
        env.process(reviewing(me, calendar))
    env.run(until=days * DAY_MIN)
    return [Case(case.came, case.begun, case.decided) for case in cases]


def _minutes(assumed: Assumptions, dice: np.random.Generator) -> float:
    if assumed.spread <= 0:
        return assumed.minutes
    shape = 1 / assumed.spread**2
    return float(dice.gamma(shape, assumed.minutes / shape))


def expected(assumed: Assumptions, days: int) -> float:
    """How many cases there will be in so many days, decided or not."""
    return assumed.waiting + assumed.arrivals * days


def foretell(
    assumed: Assumptions, calendars: Sequence[Calendar], start: date, until: date, goal: int, *, seed: int = 1
) -> Foretold:
    """How many are decided from the start of one day to the end of another. The same question has the same answer."""
    days = (until - start).days + 1
    runs = max(FEWEST_RUNS, min(RUNS, int(ALL_CASES / max(1.0, expected(assumed, days)))))
    decided = [
        sum(case.decided is not None for case in simulate(assumed, calendars, start, days, dice))
        for dice in map(np.random.default_rng, range(seed, seed + runs))
    ]
    low, middle, high = np.percentile(decided, [10, 50, 90])
    reached = sum(each >= goal for each in decided) / runs
    return Foretold(int(low), int(middle), int(high), reached)


def staff(calendars: Sequence[Calendar], count: int) -> list[Calendar]:
    """So many reviewers with the time of these people: each once, then all once more, as often as need be."""
    return [calendars[index % len(calendars)] for index in range(count)]


def reviewers_needed(
    assumed: Assumptions, calendars: Sequence[Calendar], start: date, until: date, goal: int, *, seed: int = 1
) -> int | None:
    """The fewest reviewers (see `staff`) with whom the goal is reached in SURE of the runs; None: not by any number.

    Where too few cases come, no number of reviewers helps.
    """
    days = [start + timedelta(days=day) for day in range((until - start).days + 1)]
    time_min = sum(calendar.minutes(day) for calendar in calendars for day in days) / len(calendars)
    # Twice what there is work for is ample, but for chance; so the search is short.
    work_min = (
        goal * assumed.minutes * (assumed.express + (1 - assumed.express) * (assumed.reviews + assumed.discordant))
    )
    ample = min(MOST_REVIEWERS, assumed.reviews + ceil(2 * work_min / time_min)) if time_min else MOST_REVIEWERS

    def enough(count: int) -> bool:
        return foretell(assumed, staff(calendars, count), start, until, goal, seed=seed).reached >= SURE

    least, most = assumed.reviews, ample
    if not enough(most):
        least, most = most + 1, MOST_REVIEWERS
        if least > most or not enough(most):
            return None
    while least < most:
        middle = (least + most) // 2
        if enough(middle):
            most = middle
        else:
            least = middle + 1
    return most


def with_express(assumed: Assumptions, share: float) -> Assumptions:
    """The same with another share of cases in the express lane."""
    return replace(assumed, express=share)
