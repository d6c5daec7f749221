"""What an assignment is made of: cases with a seat to fill, reviewers and their time, and what is kept for whom."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time

from pymongo import ASCENDING
from pymongo.asynchronous.collection import AsyncCollection

from review.assignment.proposing import Available, available
from review.desk import Desk
from review.domain.case import Case
from review.lists import PAGE, beyond
from review.planner.core import LEAST_MINUTES
from review.planner.measured import timed
from review.roster import calendar
from review.times import from_second, moment, second
from schemas.envelope import Json
from web.languages import CITY_TIME
from web.people import Person

#: Cases that are proposed for at once: a page of them is long enough.
MOST = 100
_KEPT = {"state.assignments": 1, "state.entry.title": 1, "state.kind": 1}
_FIRST_FREE = [("state.reserved", ASCENDING), ("_id", ASCENDING)]


@dataclass(frozen=True)
class Situation:
    """`cases` have a seat to fill, by id, in the order in which they are handed out: see `propose`.

    `minutes` is what a review is reckoned to take: as long as `timed` reviews took, LEAST_MINUTES though they took
    less; or as supposed while none is timed.
    """

    cases: Mapping[str, Case]
    reviewers: tuple[Available, ...]
    minutes: float
    timed: int


@dataclass(frozen=True)
class Absent:
    """Somebody who is away today, and how many cases are kept for them."""

    reviewer: str
    name: str
    count: int


@dataclass(frozen=True)
class Kept:
    """A case that is kept for a reviewer until then, and why: codes."""

    id: str
    title: Json
    kind: str
    reviewer: str
    until: datetime
    reasons: tuple[str, ...]


async def situation(desk: Desk, at: datetime) -> Situation:
    """How things stand at a moment. Capacity is the time of the city's day, less what a reviewer did or has already."""
    today = at.astimezone(CITY_TIME).date()
    known = await timed(desk.store.cases)
    minutes = max(known.minutes, LEAST_MINUTES)
    load = await _load(desk.store.cases, at)
    reviewed = await _reviewed(desk.store.cases, datetime.combine(today, time(), CITY_TIME))
    people = await desk.roster.active()
    standings = await desk.roster.standings([Person(each.reviewer, each.reviewer) for each in people])
    reviewers = []
    for each in people:
        who, profile = standings[each.reviewer], each.profile
        if who is None or profile is None:  # removed in this very moment
            continue
        day = {"today_min": calendar(profile).minutes(today), "reviewed": reviewed[who.sub], "load": load[who.sub]}
        reviewers.append(available(who, profile.name, profile.expert, **day, review_min=minutes))
    return Situation(await desk.store.queue.with_empty_seats(at, MOST), tuple(reviewers), minutes, known.reviews)


async def states(cases: AsyncCollection[Json], ids: Collection[str]) -> dict[str, Case]:
    """The cases of these ids; those that do not exist are left out."""
    found = cases.find({"_id": {"$in": list(ids)}}, {"state": 1})
    return {each["_id"]: Case.model_validate(each["state"], strict=False) async for each in found}


async def kept(cases: AsyncCollection[Json], at: datetime) -> list[Kept]:
    """What is kept for whom now, the first to come free first."""
    return _kept(await cases.find(_assigned(at), _KEPT).sort(_FIRST_FREE).to_list(), at)


async def kept_from(cases: AsyncCollection[Json], at: datetime, after: str | None) -> tuple[list[Kept], str | None]:
    """What is kept of PAGE cases, from the cursor `after` on; and the cursor of the next, if there are more."""
    query = _assigned(at) | beyond("state.reserved", "$gt", after)
    found = await cases.find(query, _KEPT | {"state.reserved": 1}).sort(_FIRST_FREE).limit(PAGE + 1).to_list()
    next = f"{found[PAGE - 1]['state']['reserved']} {found[PAGE - 1]['_id']}" if len(found) > PAGE else None
    return _kept(found[:PAGE], at), next


async def kept_for(cases: AsyncCollection[Json], at: datetime) -> Counter[str]:
    """How many cases are kept for each reviewer now."""
    steps: list[Json] = [
        {"$match": _assigned(at)},
        {"$unwind": "$state.assignments"},
        {"$match": {"state.assignments.until": {"$gt": second(at)}}},
        {"$sortByCount": "$state.assignments.reviewer"},
    ]
    return Counter({each["_id"]: each["count"] async for each in await cases.aggregate(steps)})


async def absent(desk: Desk, at: datetime, counts: Counter[str]) -> list[Absent]:
    """Whoever is away today though cases are kept for them; `counts` are those of `kept_for`."""
    today = at.astimezone(CITY_TIME).date()
    people = [(each.reviewer, each.profile) for each in await desk.roster.active() if counts[each.reviewer]]
    return [
        Absent(sub, profile.name, counts[sub])
        for sub, profile in people
        if profile and any(away.first <= today <= away.last for away in profile.away)
    ]


def _assigned(at: datetime) -> Json:
    return {
        "state.assignments.reviewer": {"$exists": True},
        "state.status": "open",
        "state.reserved": {"$gt": second(at)},
    }


def _kept(found: Sequence[Json], at: datetime) -> list[Kept]:
    every = [
        Kept(
            case["_id"],
            case["state"]["entry"]["title"],
            case["state"]["kind"],
            assignment["reviewer"],
            moment(assignment["until"]),
            tuple(assignment["reasons"]),
        )
        for case in found
        for assignment in case["state"]["assignments"]
    ]
    return [each for each in every if each.until > at]


async def _load(cases: AsyncCollection[Json], at: datetime) -> Counter[str]:
    """How many open cases each reviewer has: kept for them, or in their hands."""
    having = {(each.reviewer, each.id) for each in await kept(cases, at)}
    query = {"state.lease.reviewer": {"$exists": True}, "state.lease.until": {"$gt": second(at)}}
    async for case in cases.find(query, {"state.lease.reviewer": 1}):
        having.add((case["state"]["lease"]["reviewer"], case["_id"]))
    return Counter(reviewer for reviewer, _id in having)


async def _reviewed(cases: AsyncCollection[Json], since: datetime) -> Counter[str]:
    """How many reviews each reviewer has given since; those of decisions that were appealed against among them."""
    first = from_second(since)
    sets = ("reviews", "former")
    query = {"$or": [{f"state.{name}.given": {"$gte": first}} for name in sets]}
    shown = {f"state.{name}.{field}": 1 for name in sets for field in ("reviewer", "given")}
    return Counter(
        [
            review["reviewer"]
            async for case in cases.find(query, shown)
            for name in sets
            for review in case["state"].get(name, ())
            if (review.get("given") or "") >= first
        ]
    )
