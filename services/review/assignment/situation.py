"""What an assignment is made of: the cases that are free, the reviewers and their time, and what is kept for whom."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pymongo import ASCENDING
from pymongo.asynchronous.collection import AsyncCollection

from review.assignment.proposing import Available
from review.desk import Desk
from review.domain.case import Case
from review.planner.measured import measured
from review.roster import calendar
from schemas.envelope import Json
from web.languages import CITY_TIME
from web.people import Person

#: Cases that are proposed for at once: a page of them is long enough.
MOST = 100


@dataclass(frozen=True)
class Situation:
    """`cases` are free, by id, in the order in which they are handed out.

    `minutes` is how long a review takes: as `timed` reviews did, or as supposed while that is 0.
    """

    cases: Mapping[str, Case]
    reviewers: tuple[Available, ...]
    minutes: float
    timed: int


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
    """How things stand at a moment. Capacity is the time of the city's day, less what a reviewer has already."""
    today = at.astimezone(CITY_TIME).date()
    known = await measured(desk.store.cases, at)
    load = await _load(desk.store.cases, at)
    people = await desk.roster.active()
    standings = await desk.roster.standings([Person(each.reviewer, each.reviewer) for each in people])
    reviewers = []
    for each in people:
        who, profile = standings[each.reviewer], each.profile
        if who is None or profile is None:  # removed in this very moment
            continue
        today_min = calendar(profile).minutes(today)
        # Whoever has any time has time for one.
        places = max(1, int(today_min / max(known.minutes, 1.0))) if today_min else 0
        has = load[each.reviewer]
        reviewers.append(Available(who, profile.name, has, max(0, places - has), profile.expert))
    return Situation(await desk.store.free_states(at, MOST), tuple(reviewers), known.minutes, known.timed)


async def states(cases: AsyncCollection[Json], ids: Collection[str]) -> dict[str, Case]:
    """The cases of these ids; those that do not exist are left out."""
    found = cases.find({"_id": {"$in": list(ids)}}, {"state": 1})
    return {each["_id"]: Case.model_validate(each["state"], strict=False) async for each in found}


async def kept(cases: AsyncCollection[Json], at: datetime) -> list[Kept]:
    """What is kept for whom now, the first to come free first."""
    query = {"state.assignments.reviewer": {"$exists": True}, "state.status": "open"}
    shown = {"state.assignments": 1, "state.entry.title": 1, "state.kind": 1}
    found = cases.find(query, shown).sort("state.reserved", ASCENDING)
    every = [
        Kept(
            case["_id"],
            case["state"]["entry"]["title"],
            case["state"]["kind"],
            assignment["reviewer"],
            datetime.fromisoformat(assignment["until"]),
            tuple(assignment["reasons"]),
        )
        async for case in found
        for assignment in case["state"]["assignments"]
    ]
    return [each for each in every if each.until > at]


async def _load(cases: AsyncCollection[Json], at: datetime) -> Counter[str]:
    """How many open cases each reviewer has: kept for them, or in their hands."""
    having = {(each.reviewer, each.id) for each in await kept(cases, at)}
    # A state holds its times as text, to the second and in UTC; so they sort as times do.
    now = at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    query = {"state.lease.reviewer": {"$exists": True}, "state.lease.until": {"$gt": now}}
    async for case in cases.find(query, {"state.lease.reviewer": 1}):
        having.add((case["state"]["lease"]["reviewer"], case["_id"]))
    return Counter(reviewer for reviewer, _id in having)
