"""What reviewers ask about all cases at once: queries on the streams' states, and the indexes they use.

States hold their times as ISO text in UTC, which sorts by time; leases end on whole seconds, so that their texts
compare exactly.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.database import AsyncDatabase

from review.domain import CASES
from review.domain.case import Case, Review
from review.domain.lease import LEASE, RESERVED, SKEW
from schemas.entry import KINDS, Owner
from schemas.envelope import Json

PAGE = 50
MOST_COUNTED = 1000
BY_KIND = [("state.status", ASCENDING), ("state.kind", ASCENDING), ("state.received", ASCENDING), ("_id", ASCENDING)]
_LISTED = {
    "version": 1,
    **{
        f"state.{field}": 1
        for field in (
            *("status", "submission", "revision", "partner", "kind", "received", "checked", "route", "lease", "left"),
            *("reviews.reviewer", "decision", "score", "decided", "closed", "entry.title", "entry.district"),
            "entry.owner",
        )
    },
}
_ORDER = [("state.left", ASCENDING), ("state.received", ASCENDING), ("_id", ASCENDING)]
_FREE = {
    f"state.{field}": 1
    for field in (
        *("partner", "left", "received", "route", "conflicts", "reviews.reviewer", "former.reviewer"),
        "sole_reviewer",
    )
}


@dataclass(frozen=True)
class Listed:
    """A case as a line of a list. `given` counts its reviews, `left` those it still waits for."""

    id: str
    kind: str
    title: Json
    owner: Owner
    district: str
    partner: str
    revision: int
    status: str
    received: datetime
    checked: int
    given: int
    left: int
    holder: str | None
    until: datetime | None
    decision: str | None
    score: int | None
    decided: datetime | None
    closed: str | None

    @property
    def cursor(self) -> str:
        """Where a list goes on after this case."""
        return f"{_text(self.decided or self.received)} {self.id}"


@dataclass(frozen=True)
class Waiting:
    """The open cases of one kind, and when the one that waits longest was received."""

    kind: str
    count: int
    oldest: datetime | None


@dataclass(frozen=True)
class Held:
    """A case that somebody has claimed, or that is assigned to them, until then."""

    id: str
    reviewer: str
    until: datetime


@dataclass(frozen=True)
class Standing:
    """A reviewer as cases are chosen for them: what they may not judge, and what they know.

    `partner` is whom they act for, `conflicts` are other partners; `sectors` are industries and themes.
    """

    sub: str
    partner: str | None = None
    conflicts: tuple[str, ...] = ()
    expert: bool = True
    sectors: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()

    @property
    def partners(self) -> list[str]:
        """Those whose cases they may not judge."""
        return [*self.conflicts, *([self.partner] if self.partner else [])]


@dataclass(frozen=True)
class Judged:
    """A decided case with the reviews that decided it."""

    id: str
    kind: str
    title: Json
    score: int
    reviews: tuple[Review, ...]


@dataclass(frozen=True, slots=True)
class Free:
    """A case that nobody holds and that waits for nobody in particular; `barred` may not review it."""

    id: str
    partner: str
    left: int
    received: str
    experts: bool
    barred: frozenset[str | None] = field(default_factory=frozenset)

    def suits(self, who: Standing) -> bool:
        return self.partner not in who.partners and who.sub not in self.barred and (who.expert or not self.experts)


class CaseStore:
    """Queries on `database["cases"]`; nothing here writes."""

    def __init__(self, database: AsyncDatabase[Json]) -> None:
        self.cases = database[CASES.collection]

    async def create_indexes(self) -> None:
        up, down = ASCENDING, DESCENDING
        status = ("state.status", up)
        # The order in which cases are handed out; with what keeps one from being free, so that the index alone
        # passes over those that are held.
        order = [("state.left", up), ("state.received", up), ("_id", up), ("state.lease.until", up)]
        await self.cases.create_index([status, *order, ("state.reserved", up)], name="next")
        await self.cases.create_index(
            [status, ("state.sector", up), *order, ("state.reserved", up)], name="next_of_sector"
        )
        await self.cases.create_index(
            "state.assignments.reviewer", partialFilterExpression={"state.assignments.reviewer": {"$exists": True}}
        )
        await self.cases.create_index(BY_KIND)
        await self.cases.create_index(
            [("state.decided", down), ("_id", down)], partialFilterExpression={"state.status": "decided"}
        )
        # What was reviewed today, by whom.
        for given in ("state.reviews.given", "state.former.given"):
            await self.cases.create_index(given, partialFilterExpression={given: {"$exists": True}})
        # What the planner measures: arrivals, the first of all, the scores of the latest.
        await self.cases.create_index([("state.received", up), ("state.checked", up)])
        await self.cases.create_index([("state.submission", up), ("state.revision", up)])
        await self.cases.create_index(
            "state.lease.reviewer", partialFilterExpression={"state.lease.reviewer": {"$exists": True}}
        )

    # What the worker asks

    async def revisions(self, submissions: Collection[str]) -> dict[str, set[int]]:
        """The revisions of these submissions that have a case."""
        if not submissions:
            return {}
        found: dict[str, set[int]] = {}
        query = {"state.submission": {"$in": list(submissions)}}
        async for case in self.cases.find(query, {"state.submission": 1, "state.revision": 1, "_id": 0}):
            found.setdefault(case["state"]["submission"], set()).add(case["state"]["revision"])
        return found

    async def known(self, submissions: Collection[str]) -> set[tuple[str, str]]:
        """Those of these submissions that stand, with their kinds: (kind, submission)."""
        if not submissions:
            return set()
        query = {"state.submission": {"$in": list(submissions)}, "state.closed": {"$ne": "withdrawn"}}
        found = self.cases.find(query, {"state.submission": 1, "state.kind": 1, "_id": 0})
        return {(case["state"]["kind"], case["state"]["submission"]) async for case in found}

    # What a reviewer asks

    async def free(self, at: datetime, most: int, sector: str | None = None) -> list[Free]:
        """The first `most` cases that are free, of a sector or of all: fewest reviews left, then longest waiting."""
        query: Json = {"state.status": "open"} | ({"state.sector": sector} if sector else {}) | _free(at)
        found = self.cases.find(query, _FREE).hint("next_of_sector" if sector else "next").sort(_ORDER).limit(most)
        return [_as_free(case) async for case in found]

    async def free_states(self, at: datetime, most: int) -> dict[str, Case]:
        """The first `most` cases that are free, by id, in the order in which they are handed out."""
        found = self.cases.find({"state.status": "open"} | _free(at), {"state": 1}).hint("next").sort(_ORDER)
        return {each["_id"]: Case.model_validate(each["state"], strict=False) async for each in found.limit(most)}

    async def candidates(self, who: Standing, at: datetime, most: int = PAGE) -> list[str]:
        """The cases a reviewer may claim now: fewest reviews left first, then the longest waiting."""
        found = self.cases.find(_reviewable(who) | _free(at), {"_id": 1}).hint("next").sort(_ORDER).limit(most)
        return [case["_id"] async for case in found]

    async def claimed(self, reviewers: Collection[str], at: datetime) -> dict[str, str]:
        """The case that each of these reviewers holds now, if any; the one that runs out first."""
        now, far = _second(at), _second(at + LEASE + SKEW)
        query = {"state.lease.reviewer": {"$in": list(reviewers)}, "state.lease.until": {"$gt": now, "$lte": far}}
        found = self.cases.find(query, {"state.lease.reviewer": 1}).sort("state.lease.until", DESCENDING)
        return {case["state"]["lease"]["reviewer"]: case["_id"] async for case in found}

    async def assigned(self, reviewers: Collection[str], at: datetime) -> list[tuple[str, Free]]:
        """The free cases that wait for these reviewers: (reviewer, case), the longest waiting first."""
        query: Json = {
            "state.assignments.reviewer": {"$in": list(reviewers)},
            "state.status": "open",
            "state.lease.until": _not_within(at, LEASE),
        }
        found = self.cases.find(query, _FREE | {"state.assignments": 1}).sort("state.received")
        return [
            (assignment["reviewer"], _as_free(case))
            async for case in found
            for assignment in case["state"]["assignments"]
            if assignment["reviewer"] in reviewers and _time(assignment["until"]) > at
        ]

    async def held_by_others(self, who: Standing, at: datetime) -> list[Held]:
        """The cases a reviewer could claim if others did not hold them or they were not kept for others, the first to
        come free first."""
        now = _second(at)
        waits = {"$or": [{"state.lease.until": {"$gt": now}}, {"state.reserved": {"$gt": now}}]}
        others = {"state.lease.reviewer": {"$ne": who.sub}, "state.assignments.reviewer": {"$ne": who.sub}}
        shown = {"state.lease": 1, "state.assignments": 1, "state.reserved": 1}
        found = self.cases.find(_reviewable(who) | waits | others, shown).limit(MOST_COUNTED)
        return sorted([_held(case["_id"], case["state"], at) async for case in found], key=lambda held: held.until)

    async def held(self, reviewer: str) -> list[Listed]:
        """What a reviewer has claimed, the first to run out first; one that ran out stays until another takes it."""
        found = self.cases.find({"state.lease.reviewer": reviewer}, _LISTED).sort("state.lease.until")
        return [_listed(case) async for case in found]

    async def kept_for(self, reviewer: str) -> list[str]:
        """The open cases that are assigned to a reviewer."""
        query = {"state.assignments.reviewer": reviewer, "state.status": "open"}
        return [case["_id"] async for case in self.cases.find(query, {"_id": 1})]

    async def awaiting(self, who: Standing) -> int:
        """How many open cases await a review that this reviewer may give, whoever holds them; MOST_COUNTED at most."""
        return await self.cases.count_documents(_reviewable(who), limit=MOST_COUNTED)

    async def waiting(self) -> list[Waiting]:
        """How many cases are open, by kind, and since when. The index alone answers it."""
        shown = {"_id": 0, "state.kind": 1, "state.received": 1}
        group = {"_id": "$state.kind", "count": {"$sum": 1}, "oldest": {"$min": "$state.received"}}
        steps: list[Json] = [{"$match": {"state.status": "open"}}, {"$project": shown}, {"$group": group}]
        found = {
            each["_id"]: Waiting(each["_id"], each["count"], _time(each["oldest"]))
            async for each in await self.cases.aggregate(steps, hint=dict(BY_KIND))
        }
        return [found.get(kind, Waiting(kind, 0, None)) for kind in KINDS]

    async def listed(
        self, status: str, kind: str | None, after: str | None, without_partner: str | None = None
    ) -> list[Listed]:
        """Up to PAGE cases of a status, the longest known first, from the cursor `after` on."""
        query: Json = {"state.status": status, "state.kind": {"$in": [kind] if kind else list(KINDS)}}
        query |= _not_of(without_partner) | _beyond("state.received", "$gt", after)
        order = [("state.received", ASCENDING), ("_id", ASCENDING)]
        return [_listed(case) async for case in self.cases.find(query, _LISTED).sort(order).limit(PAGE)]

    async def decided(
        self,
        decision: str | None = None,
        kind: str | None = None,
        after: str | None = None,
        without_partner: str | None = None,
        most: int = PAGE,
    ) -> tuple[list[Listed], int]:
        """Up to `most` decided cases, the latest first, from the cursor `after` on; and how many there are in all."""
        query: Json = {"state.status": "decided"} | _not_of(without_partner)
        query |= ({"state.decision": decision} if decision else {}) | ({"state.kind": kind} if kind else {})
        total = await self.cases.count_documents(query)
        order = [("state.decided", DESCENDING), ("_id", DESCENDING)]
        found = self.cases.find(query | _beyond("state.decided", "$lt", after), _LISTED).sort(order).limit(most)
        return [_listed(case) async for case in found], total

    async def judged(self, most: int) -> list[Judged]:
        """The latest decided cases that people reviewed, the last decided first."""
        query = {"state.status": "decided", "state.score": {"$ne": None}}
        shown = {f"state.{field}": 1 for field in ("kind", "entry.title", "score", "reviews")}
        found = self.cases.find(query, shown).sort([("state.decided", DESCENDING), ("_id", DESCENDING)]).limit(most)
        return [_judged(case["_id"], case["state"]) async for case in found]

    async def latest(self, submission: str) -> Listed | None:
        """The case of a submission's latest revision."""
        case = await self.cases.find_one(
            {"state.submission": submission}, _LISTED, sort=[("state.revision", DESCENDING)]
        )
        return _listed(case) if case else None

    async def titles(self, ids: Collection[str]) -> dict[str, Listed]:
        """These cases as lines, by id; those that do not exist are left out."""
        found = self.cases.find({"_id": {"$in": list(ids)}}, _LISTED)
        return {case["_id"]: _listed(case) async for case in found}


def _reviewable(who: Standing) -> Json:
    """The cases on which a reviewer may still give a review, whoever holds them."""
    return {
        "state.status": "open",
        "state.reviews.reviewer": {"$ne": who.sub},
        "state.former.reviewer": {"$ne": who.sub},
        "state.conflicts": {"$ne": who.sub},
        "state.sole_reviewer": {"$ne": who.sub},
        **({"state.partner": {"$nin": who.partners}} if who.partners else {}),
        **({} if who.expert else {"state.route": {"$ne": "experts"}}),
    }


def _judged(id: str, state: Json) -> Judged:
    reviews = tuple(Review.model_validate(review, strict=False) for review in state["reviews"])
    return Judged(id, state["kind"], state["entry"]["title"], state["score"], reviews)


def _free(at: datetime) -> Json:
    """Those that nobody holds, nor waits for: `Lease.runs` and `Assignment.runs`, as a query."""
    return {"state.lease.until": _not_within(at, LEASE), "state.reserved": _not_within(at, RESERVED)}


def _not_within(at: datetime, span: timedelta) -> Json:
    return {"$not": {"$gt": _second(at), "$lte": _second(at + span + SKEW)}}


def _as_free(case: Json) -> Free:
    state = case["state"]
    given = (*state["reviews"], *state.get("former", ()))
    barred = frozenset((*(review["reviewer"] for review in given), *state["conflicts"], state.get("sole_reviewer")))
    experts = state["route"] == "experts"
    return Free(case["_id"], state["partner"], state["left"], state["received"], experts, barred)


def _held(id: str, state: Json, at: datetime) -> Held:
    lease = state["lease"]
    if lease and _time(lease["until"]) > at:
        return Held(id, lease["reviewer"], _time(lease["until"]))
    reviewers = ", ".join(each["reviewer"] for each in state["assignments"])
    return Held(id, reviewers, _time(state["reserved"]))


def _not_of(partner: str | None) -> Json:
    return {"state.partner": {"$ne": partner}} if partner else {}


def _beyond(field: str, operator: str, cursor: str | None) -> Json:
    """What comes after a cursor in the order of (field, _id)."""
    if not cursor:
        return {}
    at, _, id = cursor.partition(" ")
    return {"$or": [{field: {operator: at}}, {field: at, "_id": {operator: id}}]}


def _listed(document: Json) -> Listed:
    state: dict[str, Any] = document["state"]
    lease = state["lease"] or {"reviewer": None, "until": None}
    return Listed(
        id=document["_id"],
        kind=state["kind"],
        title=state["entry"]["title"],
        owner=Owner.model_validate(state["entry"]["owner"]),
        district=state["entry"]["district"],
        partner=state["partner"],
        revision=state["revision"],
        status=state["status"],
        received=_time(state["received"]),
        checked=state["checked"],
        given=len(state["reviews"]),
        left=state["left"],
        holder=lease["reviewer"],
        until=lease["until"] and _time(lease["until"]),
        decision=state["decision"],
        score=state["score"],
        decided=state["decided"] and _time(state["decided"]),
        closed=state["closed"],
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _text(at: datetime) -> str:
    """A moment as Pydantic writes it in a state."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _second(at: datetime) -> str:
    return _text(at.replace(microsecond=0))
