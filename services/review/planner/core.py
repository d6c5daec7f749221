"""The simulation: cases arrive, reviewers work by their calendars, and cases are decided. Pure, with its own dice.

Time is in minutes from the start, which is the beginning of a day. A reviewer's day begins at its beginning: what
matters is how many minutes of it there are, not which. What is not finished goes on in the reviewer's next minutes.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from heapq import heappop, heappush
from itertools import accumulate
from math import ceil, inf

import numpy as np

DAY_MIN = 24 * 60
#: Runs of one question: enough for its tenth and ninetieth of a hundred, few enough for a page.
RUNS = 60
FEWEST_RUNS = 10
#: Reviews simulated for one question, over all runs, and those of one run at most: a page answers within seconds. Where
#: there are more, several cases go as one.
ALL_REVIEWS = 40_000
MOST_REVIEWS = ALL_REVIEWS // FEWEST_RUNS
#: Cases of one question: ten times what the platform is held to.
MOST_CASES = 1_000_000
#: Minutes that a review is reckoned to take at the least: what is pressed in a moment says nothing of judging.
LEAST_MINUTES = 0.5
#: More reviewers are not tried.
MOST_REVIEWERS = 200
#: What was promised holds in so many of all runs.
SURE = 0.9
#: Dice thrown at once.
THROWN = 512


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

    `waiting` cases are open at the start; `begun` of them have had all their reviews but one. `arrivals` more come a
    day, at any time. A review takes `minutes`, spread by `spread` (its standard deviation ÷ mean; 1 is exponential). Of
    the cases that are not begun `express` need one review, the others `reviews`; `discordant` of those need one more.
    `passed` of the first day is over: what came in it is among the waiting, and more come in the rest of it.
    """

    waiting: int
    arrivals: float
    minutes: float
    spread: float
    reviews: int
    discordant: float
    express: float
    begun: int = 0
    passed: float = 0.0

    @property
    def reviews_a_case(self) -> float:
        """How many a case needs in the mean, begun ones left out."""
        return self.express + (1 - self.express) * (self.reviews + self.discordant)


@dataclass(frozen=True)
class Case:
    """One that was decided: when it came, when its first review in these days began, and when it was decided; or
    `count` that go as one."""

    came: float
    begun: float
    decided: float
    count: int = 1


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
    """A case that was taken up: how many reviews it needs, how many were given, and by whom they are."""

    came: float
    begun: float
    needs: int
    discordant: bool
    count: int
    given: int = 0
    by: set[int] = field(default_factory=set)


class _Time:
    """A reviewer's working minutes in the days of a plan."""

    def __init__(self, calendar: Calendar, start: date, days: int) -> None:
        self._minutes = [calendar.minutes(start + timedelta(days=day)) for day in range(days)]
        self._before = [0, *accumulate(self._minutes)]

    def opens(self, at: float) -> float:
        """The first moment from `at` on that is a working one."""
        day = int(at // DAY_MIN)
        if day < len(self._minutes) and at < day * DAY_MIN + self._minutes[day]:
            return at
        day += 1
        while day < len(self._minutes) and not self._minutes[day]:
            day += 1
        return day * DAY_MIN if day < len(self._minutes) else inf

    def after(self, at: float, minutes: float) -> float:
        """When so many working minutes have passed since `at`, which is a working moment."""
        day = int(at // DAY_MIN)
        worked = self._before[day] + at - day * DAY_MIN + minutes
        day = bisect_left(self._before, worked) - 1
        return day * DAY_MIN + worked - self._before[day] if worked <= self._before[-1] else inf


class _Desk:
    """The cases of one run. Those that nobody has taken up are only counted: there may be many more than reviews.

    `counts` tells how many each of the waiting and each of the arrivals stands for.
    """

    def __init__(
        self,
        assumed: Assumptions,
        arrivals: Sequence[float],
        counts: tuple[Sequence[int], Sequence[int]],
        dice: np.random.Generator,
    ) -> None:
        self._assumed = assumed
        self._arrivals = arrivals
        self._counts = counts
        self._chance = _thrown(dice.random)
        self._fresh = 0
        # A case lies on the desk once, however many reviews it waits for.
        self._begun: list[_Open] = []

    def empty(self, at: float) -> bool:
        """Whether there is nothing for anybody at a moment."""
        return not self._begun and self._came(self._fresh) > at

    def next_comes(self, after: float) -> float:
        """When the next case comes after a moment."""
        place = bisect_right(self._arrivals, after)
        return self._arrivals[place] if place < len(self._arrivals) else inf

    def take(self, me: int, at: float) -> _Open | None:
        """The first case that this reviewer has not reviewed."""
        for place, case in enumerate(self._begun):
            if me not in case.by:
                case.by.add(me)
                if len(case.by) >= case.needs:
                    del self._begun[place]
                return case
        if self._came(self._fresh) > at:
            return None
        case = self._made(self._fresh, at)
        self._fresh += 1
        case.by.add(me)
        if len(case.by) < case.needs:
            self._begun.append(case)
        return case

    def give(self, case: _Open) -> bool:
        """A review is given: whether it decides."""
        case.given += 1
        if case.given < case.needs:
            return False
        if not case.discordant:
            return True
        # As at the real desk, what lacks only a third review goes before what has none.
        case.discordant, case.needs = False, case.needs + 1
        self._begun.insert(0, case)
        return False

    def _came(self, number: int) -> float:
        if number < self._assumed.waiting:
            return 0.0
        number -= self._assumed.waiting
        return self._arrivals[number] if number < len(self._arrivals) else inf

    def _made(self, number: int, at: float) -> _Open:
        # As at the real desk, what lacks only one review goes first. Whose the others are is not known.
        begun = number < self._assumed.begun
        express = not begun and next(self._chance) < self._assumed.express
        needs = 1 if begun or express else self._assumed.reviews
        twice = not express and self._assumed.reviews > 1 and next(self._chance) < self._assumed.discordant
        waiting, coming = self._counts
        count = waiting[number] if number < len(waiting) else coming[number - len(waiting)]
        return _Open(self._came(number), at, needs, twice, count)


def simulate(
    assumed: Assumptions,
    calendars: Sequence[Calendar],
    start: date,
    days: int,
    dice: np.random.Generator,
    together: int = 1,
) -> Iterator[Case]:
    """One run over so many days: the cases that are decided, in that order.

    `together` cases go as one, which take as long as they would one after another: for where there are many.
    """
    times = [_Time(calendar, start, days) for calendar in calendars]
    came = _arrivals(assumed, days, dice)
    counts = _bundles(assumed.waiting, together), _bundles(len(came), together)
    assumed = _bundled(assumed, together)
    # Of so many that go as one, they come with the last.
    arrivals = [came[last - 1] for last in accumulate(counts[1])]
    desk, minutes = _Desk(assumed, arrivals, counts, dice), _minutes(assumed, dice)
    #: Who is free or has given a review, by when; and who waits for a case.
    coming: list[tuple[float, int, _Open | None]] = []
    idle: dict[int, None] = {}

    def free(me: int, at: float) -> None:
        opens = times[me].opens(at)
        if opens > at:
            # A day is over when its minutes are: whoever waited for work in them has lost them.
            idle.pop(me, None)
            heappush(coming, (opens, me, None))
        elif case := desk.take(me, at):
            idle.pop(me, None)
            heappush(coming, (times[me].after(at, next(minutes)), me, case))
        else:
            idle[me] = None

    def news(at: float) -> None:
        for me in list(idle):
            if desk.empty(at):
                break
            free(me, at)

    for me in range(len(calendars)):
        free(me, 0.0)
    at = 0.0
    while idle or coming:
        comes = desk.next_comes(at) if idle else inf
        if not coming or comes < coming[0][0]:
            at = comes
            if at == inf:
                return
            news(at)
            continue
        at, me, case = heappop(coming)
        if at == inf:
            return
        if case and desk.give(case):
            yield Case(case.came, case.begun, at, case.count)
        free(me, at)
        news(at)


def _bundled(assumed: Assumptions, together: int) -> Assumptions:
    """The same where so many cases go as one; how they arrive is left as it is."""
    return replace(
        assumed,
        waiting=ceil(assumed.waiting / together),
        begun=round(assumed.begun / together),
        minutes=assumed.minutes * together,
        spread=assumed.spread / together**0.5,
    )


def _bundles(cases: int, together: int) -> list[int]:
    """How many go as one, and what is left over: neither more nor fewer than there are in all."""
    full, rest = divmod(cases, together)
    return [together] * full + [rest] * (rest > 0)


def _arrivals(assumed: Assumptions, days: int, dice: np.random.Generator) -> list[float]:
    """When cases come, at any time."""
    count = dice.poisson(assumed.arrivals * (days - assumed.passed))
    found: list[float] = np.sort(dice.uniform(assumed.passed * DAY_MIN, days * DAY_MIN, count)).tolist()
    return found


def _minutes(assumed: Assumptions, dice: np.random.Generator) -> Iterator[float]:
    """How long one review after another takes."""
    if assumed.spread <= 0:
        return _thrown(lambda count: np.full(count, assumed.minutes))
    shape = 1 / assumed.spread**2
    return _thrown(lambda count: dice.gamma(shape, assumed.minutes / shape, count))


def _thrown(throw: Callable[[int], np.ndarray]) -> Iterator[float]:
    while True:
        yield from throw(THROWN).tolist()


def expected(assumed: Assumptions, days: int) -> float:
    """How many cases there will be in so many days, decided or not."""
    return assumed.waiting + assumed.arrivals * (days - assumed.passed)


def foretell(
    assumed: Assumptions, calendars: Sequence[Calendar], start: date, until: date, goal: int, *, seed: int = 1
) -> Foretold:
    """How many are decided from the start of one day to the end of another. The same question has the same answer."""
    days = (until - start).days + 1
    runs, together = _effort(assumed, calendars, start, days)
    decided = [
        sum(case.count for case in simulate(assumed, calendars, start, days, dice, together))
        for dice in map(np.random.default_rng, range(seed, seed + runs))
    ]
    low, middle, high = np.percentile(decided, [10, 50, 90])
    reached = sum(each >= goal for each in decided) / runs
    return Foretold(int(low), int(middle), int(high), reached)


def reaches(
    assumed: Assumptions, calendars: Sequence[Calendar], start: date, until: date, goal: int, *, seed: int = 1
) -> bool:
    """Whether the goal is reached in SURE of the runs: as `foretell` says, but no further than is needed to know."""
    days = (until - start).days + 1
    runs, together = _effort(assumed, calendars, start, days)
    failed = 0
    for dice in map(np.random.default_rng, range(seed, seed + runs)):
        decided = accumulate(case.count for case in simulate(assumed, calendars, start, days, dice, together))
        failed += goal > 0 and not any(count >= goal for count in decided)
        if runs - failed < SURE * runs:
            return False
    return True


def comes(assumed: Assumptions, calendars: Sequence[Calendar], start: date, until: date) -> int | None:
    """How many cases are there by the last working minute, in SURE of all runs; None where nobody has any time."""
    days = reversed(range((until - start).days + 1))
    minutes = ((day, max(each.minutes(start + timedelta(days=day)) for each in calendars)) for day in days)
    last = next((day + spent / DAY_MIN for day, spent in minutes if spent), None)
    if last is None:
        return None
    thrown = np.random.default_rng(1).poisson(assumed.arrivals * max(0.0, last - assumed.passed), 1000)
    return assumed.waiting + int(np.percentile(thrown, 100 * (1 - SURE)))


def _effort(assumed: Assumptions, calendars: Sequence[Calendar], start: date, days: int) -> tuple[int, int]:
    """How many runs, and how many cases go as one: by the reviews that there is both need and time for."""
    time_min = sum(each.minutes(start + timedelta(days=day)) for each in calendars for day in range(days))
    needed = expected(assumed, days) * assumed.reviews_a_case
    reviews = max(1.0, min(needed, time_min / assumed.minutes))
    return max(FEWEST_RUNS, min(RUNS, int(ALL_REVIEWS / reviews))), ceil(reviews / MOST_REVIEWS)


def staff(calendars: Sequence[Calendar], count: int) -> list[Calendar]:
    """So many reviewers with the time of these people: each once, then all once more, as often as need be."""
    return [calendars[index % len(calendars)] for index in range(count)]


def reviewers_needed(
    assumed: Assumptions, calendars: Sequence[Calendar], start: date, until: date, goal: int, *, seed: int = 1
) -> int | None:
    """The fewest reviewers (see `staff`) with whom SURE of the runs reach the goal; None: MOST_REVIEWERS do not.

    More are not tried. Where fewer cases come than the goal (see `comes`), no number of reviewers helps.
    """
    if (comes(assumed, calendars, start, until) or 0) < goal:
        return None
    days = [start + timedelta(days=day) for day in range((until - start).days + 1)]
    time_min = sum(calendar.minutes(day) for calendar in calendars for day in days) / len(calendars)
    # Twice what there is work for is ample, but for chance; so the search is short.
    ample = min(MOST_REVIEWERS, assumed.reviews + ceil(2 * goal * assumed.minutes * assumed.reviews_a_case / time_min))

    def enough(count: int) -> bool:
        return reaches(assumed, staff(calendars, count), start, until, goal, seed=seed)

    least, most = 1, ample
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
