"""What reviewers ask about all cases at once: queries on the streams' states, and the indexes they use.

States hold their times as ISO text in UTC, which sorts by time; leases end on whole seconds, so that their texts
compare exactly.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.database import AsyncDatabase

from review.domain import CASES
from schemas.entry import KINDS
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
        )
    },
}


@dataclass(frozen=True)
class Listed:
    """A case as a line of a list. `given` counts its reviews, `left` those it still waits for."""

    id: str
    kind: str
    title: Json
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
    """A case that somebody has claimed until then."""

    id: str
    reviewer: str
    until: datetime


class CaseStore:
    """Queries on `database["cases"]`; nothing here writes."""

    def __init__(self, database: AsyncDatabase[Json]) -> None:
        self.cases = database[CASES.collection]

    async def create_indexes(self) -> None:
        up, down = ASCENDING, DESCENDING
        status = ("state.status", up)
        await self.cases.create_index([status, ("state.left", up), ("state.received", up), ("_id", up)])
        await self.cases.create_index(BY_KIND)
        await self.cases.create_index(
            [("state.decided", down), ("_id", down)], partialFilterExpression={"state.status": "decided"}
        )
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

    async def candidates(self, reviewer: str, partner: str | None, at: datetime, most: int = PAGE) -> list[str]:
        """The cases a reviewer may claim now: fewest reviews left first, then the longest waiting."""
        free = {"$or": [{"state.lease": None}, {"state.lease.until": {"$lte": _second(at)}}]}
        order = [("state.left", ASCENDING), ("state.received", ASCENDING), ("_id", ASCENDING)]
        found = self.cases.find(_reviewable(reviewer, partner) | free, {"_id": 1}).sort(order).limit(most)
        return [case["_id"] async for case in found]

    async def held_by_others(self, reviewer: str, partner: str | None, at: datetime) -> list[Held]:
        """The cases a reviewer could claim if others did not hold them, the first to come free first."""
        query = _reviewable(reviewer, partner) | {
            "state.lease.until": {"$gt": _second(at)},
            "state.lease.reviewer": {"$exists": True, "$ne": reviewer},
        }
        found = self.cases.find(query, {"state.lease": 1}).sort("state.lease.until")
        return [
            Held(case["_id"], case["state"]["lease"]["reviewer"], _time(case["state"]["lease"]["until"]))
            async for case in found
        ]

    async def held(self, reviewer: str) -> list[Listed]:
        """What a reviewer has claimed, the first to run out first; one that ran out stays until another takes it."""
        found = self.cases.find({"state.lease.reviewer": reviewer}, _LISTED).sort("state.lease.until")
        return [_listed(case) async for case in found]

    async def awaiting(self, reviewer: str, partner: str | None) -> int:
        """How many open cases await a review that this reviewer may give, whoever holds them; MOST_COUNTED at most."""
        return await self.cases.count_documents(_reviewable(reviewer, partner), limit=MOST_COUNTED)

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


def _reviewable(reviewer: str, partner: str | None) -> Json:
    """The cases on which a reviewer may still give a review, whoever holds them."""
    return {
        "state.status": "open",
        "state.reviews.reviewer": {"$ne": reviewer},
        "state.conflicts": {"$ne": reviewer},
    } | _not_of(partner)


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
