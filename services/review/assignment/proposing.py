"""Who should review what: cases and the roster's reviewers as one assignment problem. Pure.

Each case has as many seats as reviews it still waits for, but those that it is kept for already; each reviewer as many
places as they have time for. As many seats as possible are filled, those of the longest waiting cases first, so that
fields, languages and load fit best in all. Since no reviewer may take two seats of one case, it is a flow of least cost
and not a plain matching (Ahuja, Magnanti and Orlin, Network Flows, 1993, chapter 9); its matrix is totally unimodular,
so the linear programme's vertex is whole.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array

from review.domain.barred import barred
from review.domain.case import Case
from review.domain.reviewer import Standing
from review.planner.core import LEAST_MINUTES
from schemas.review import Route

#: What speaks against a pair: another field, each language of the entry that they do not read, each case they have.
FIELD, LANGUAGE, LOAD = 4, 2, 1


@dataclass(frozen=True)
class Available:
    """A reviewer of the roster. `load` are the cases they have already, `capacity` how many more they have time for.

    `expert` is what the roster says: while it names none, everybody's standing is an expert's. `today_min` is the time
    they have today in all; `used_min` of it has gone into reviews, or will go into what they have already.
    """

    who: Standing
    name: str
    load: int
    capacity: int
    expert: bool = False
    today_min: int = 0
    used_min: float = 0.0


@dataclass(frozen=True)
class Pair:
    """A case for a reviewer, and why: `field`, `language`, `expert`, `load`, `no-conflict`. Of one that is `kept` for
    them already, why it was then."""

    case: str
    reviewer: str
    reasons: tuple[str, ...]
    kept: bool = False


@dataclass(frozen=True)
class Unfilled:
    """A case with `seats` that nobody can take: of each reviewer, by subject, what keeps them from it.

    That is a refusal's rule, or `no-time`: they have none today; `full`: others take it; `seated`: they have the other.
    """

    case: str
    seats: int
    why: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Proposal:
    """In the order of the cases given; the same for the same input, in whatever order reviewers come."""

    pairs: tuple[Pair, ...]
    unfilled: tuple[Unfilled, ...]


def available(
    who: Standing, name: str, expert: bool, *, today_min: int, reviewed: int, load: int, review_min: float
) -> Available:
    """A reviewer with what is left of their day: they `reviewed` so many today, and each review takes `review_min`."""
    # What is used and what is left go by the same minutes: else a day could be over of which nothing is used.
    review_min = max(review_min, LEAST_MINUTES)
    # Whoever has any time has time for one.
    places = max(1, int(today_min / review_min)) if today_min else 0
    spent = reviewed + load
    return Available(who, name, load, max(0, places - spent), expert, today_min, spent * review_min)


def propose(cases: Mapping[str, Case], reviewers: Sequence[Available]) -> Proposal:
    """The best assignment. `cases` are open and nobody holds them, by id, in the order in which they are to be
    reviewed; their assignments are those that run. These stay, as pairs that are kept already."""
    by_sub = {each.who.sub: each for each in sorted(reviewers, key=lambda each: each.who.sub)}
    chosen = _solve(cases, [*by_sub.values()])
    taken = Counter(sub for _id, sub in chosen)
    pairs: list[Pair] = []
    unfilled: list[Unfilled] = []
    for id, case in cases.items():
        new = [sub for one, sub in chosen if one == id]
        pairs += [Pair(id, each.reviewer, each.reasons, kept=True) for each in case.assignments]
        pairs += [Pair(id, sub, reasons(case, by_sub[sub], by_sub.values(), taken)) for sub in new]
        if len(new) < seats(case):
            why = [(sub, _hindrance(case, each, sub in new)) for sub, each in by_sub.items()]
            unfilled.append(Unfilled(id, seats(case) - len(new), tuple(why)))
    return Proposal(tuple(pairs), tuple(unfilled))


def seats(case: Case) -> int:
    """How many more may have the case."""
    return max(0, case.left - len(case.assignments))


def reasons(
    case: Case, reviewer: Available, reviewers: Iterable[Available], taken: Mapping[str, int]
) -> tuple[str, ...]:
    """What speaks for a pair. `taken` counts the cases that each reviewer gets, this one among them."""
    before = reviewer.load + taken[reviewer.who.sub] - 1
    least = all(before <= each.load + taken.get(each.who.sub, 0) for each in reviewers if _may(case, each))
    found = {
        "field": case.sector in reviewer.who.sectors,
        "language": not _unread(case, reviewer),
        "expert": case.route is Route.EXPERTS and reviewer.expert,
        "load": least,
        "no-conflict": hindered(case, reviewer) is None,
    }
    return tuple(reason for reason, holds in found.items() if holds)


def hindered(case: Case, reviewer: Available) -> str | None:
    """The rule that keeps a reviewer from a case for good, if any."""
    who = reviewer.who
    refusal = barred(case, who.sub, who.partner, who.conflicts, who.expert)
    return refusal.rule if refusal else None


def cost(cases: Mapping[str, Case], reviewers: Sequence[Available], pairs: Iterable[tuple[str, str]]) -> int:
    """What an assignment costs, the seats left empty included: the less the better."""
    by_sub = {each.who.sub: each for each in reviewers}
    chosen = list(pairs)
    filled, taken = Counter(id for id, _sub in chosen), Counter(sub for _id, sub in chosen)
    vacant = vacancies(cases, reviewers)
    return (
        sum(misfit(cases[id], by_sub[sub]) for id, sub in chosen)
        + sum(LOAD * (by_sub[sub].load + place) for sub, count in taken.items() for place in range(count))
        + sum(price * (seats(case) - filled[id]) for price, (id, case) in zip(vacant, cases.items(), strict=True))
    )


def misfit(case: Case, reviewer: Available) -> int:
    """What speaks against a pair but load."""
    return FIELD * (case.sector not in reviewer.who.sectors) + LANGUAGE * len(_unread(case, reviewer))


def vacancies(cases: Mapping[str, Case], reviewers: Sequence[Available]) -> list[int]:
    """What a seat left empty costs, by case: more than all the fits of all seats; the earlier the case, the more."""
    worst = FIELD + 2 * LANGUAGE + LOAD * max((each.load + each.capacity for each in reviewers), default=0) + 1
    count = sum(map(seats, cases.values()))
    return [worst * (count + len(cases) - rank) for rank in range(len(cases))]


def _unread(case: Case, reviewer: Available) -> list[str]:
    """The languages of the entry that they do not read. Every entry is in Chinese, many are in English as well."""
    entry = case.entry
    written = ["zh", *(["en"] if entry is not None and entry.title.en else [])]
    return [language for language in written if language not in reviewer.who.languages]


def _may(case: Case, reviewer: Available) -> bool:
    return reviewer.capacity > 0 and hindered(case, reviewer) is None and not _has(case, reviewer)


def _has(case: Case, reviewer: Available) -> bool:
    return any(each.reviewer == reviewer.who.sub for each in case.assignments)


def _hindrance(case: Case, reviewer: Available, seated: bool) -> str:
    if seated or _has(case, reviewer):
        return "seated"
    return hindered(case, reviewer) or ("full" if reviewer.capacity > 0 else "no-time")


def _solve(cases: Mapping[str, Case], reviewers: Sequence[Available]) -> list[tuple[str, str]]:
    """The pairs (case, reviewer) of the cheapest assignment, by case, then by reviewer."""
    ids = list(cases)
    free = [seats(case) for case in cases.values()]
    edges = [
        (row, column)
        for row, case in enumerate(cases.values())
        for column, each in enumerate(reviewers)
        if _may(case, each)
    ]
    # A reviewer's places cost more one after another, so that the first are taken first, and load is spread.
    places = [
        (column, LOAD * (each.load + place))
        for column, each in enumerate(reviewers)
        for place in range(min(each.capacity, len(ids)))
    ]
    if not edges:
        return []
    # Variables: pairs, empty seats, places. Each case: its pairs and empty seats are its seats. Each reviewer: their
    # pairs are their places.
    pairs, empty, first = len(edges), len(ids), len(ids)
    rows = [*(row for row, _ in edges), *(first + column for _, column in edges)]
    rows += [*range(empty), *(first + column for column, _ in places)]
    variables = [*range(pairs), *range(pairs), *range(pairs, pairs + empty + len(places))]
    signs = [1] * (2 * pairs + empty) + [-1] * len(places)
    prices = [misfit(cases[ids[row]], reviewers[column]) for row, column in edges]
    prices += [*vacancies(cases, reviewers), *(price for _column, price in places)]
    shape = (len(ids) + len(reviewers), pairs + empty + len(places))
    most = np.array([1] * pairs + free + [1] * len(places))
    found = linprog(
        prices,
        A_eq=coo_array((signs, (rows, variables)), shape=shape).tocsr(),
        b_eq=np.array([*free, *[0] * len(reviewers)]),
        bounds=np.column_stack([np.zeros_like(most), most]),
        method="highs-ds",  # the simplex method: it ends at a vertex
    )
    assert found.status == 0, found.message  # leaving all seats empty is always possible
    return [
        (ids[row], reviewers[column].who.sub)
        for (row, column), value in zip(edges, found.x[:pairs], strict=True)
        if value > 0.5
    ]
