"""Cases as lines of lists: open, decided, in hand; how many wait; and those that people judged."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.cursor import AsyncCursor

from review.domain.case import Review
from review.times import moment, text
from schemas.entry import KINDS, Owner
from schemas.envelope import Json

PAGE = 50
BY_KIND = [("state.status", ASCENDING), ("state.kind", ASCENDING), ("state.received", ASCENDING), ("_id", ASCENDING)]
_LISTED = {
    "version": 1,
    **{
        f"state.{field}": 1
        for field in (
            *("status", "submission", "revision", "partner", "kind", "received", "checked", "route", "lease", "left"),
            *("reviews.reviewer", "decision", "score", "decided", "closed", "entry.title", "entry.district"),
            *("entry.owner", "findings.resembles"),
        )
    },
}


@dataclass(frozen=True)
class Listed:
    """A case as a line of a list. `given` counts its reviews, `left` those it still waits for.

    `owners` is whose it is, and whose those are that it resembles: a copy may name whom it was copied from.
    """

    id: str
    kind: str
    title: Json
    owners: tuple[Owner, ...]
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
        return f"{text(self.decided or self.received)} {self.id}"


@dataclass(frozen=True)
class Waiting:
    """The open cases of one kind, and when the one that waits longest was received."""

    kind: str
    count: int
    oldest: datetime | None


@dataclass(frozen=True)
class Judged:
    """A decided case with the reviews that decided it."""

    id: str
    kind: str
    title: Json
    score: int
    reviews: tuple[Review, ...]


class CaseLists:
    """What pages and programs show of many cases."""

    def __init__(self, cases: AsyncCollection[Json]) -> None:
        self.cases = cases

    async def waiting(self) -> list[Waiting]:
        """How many cases are open, by kind, and since when. The index alone answers it."""
        shown = {"_id": 0, "state.kind": 1, "state.received": 1}
        group = {"_id": "$state.kind", "count": {"$sum": 1}, "oldest": {"$min": "$state.received"}}
        steps: list[Json] = [{"$match": {"state.status": "open"}}, {"$project": shown}, {"$group": group}]
        found = {
            each["_id"]: Waiting(each["_id"], each["count"], moment(each["oldest"]))
            async for each in await self.cases.aggregate(steps, hint=dict(BY_KIND))
        }
        return [found.get(kind, Waiting(kind, 0, None)) for kind in KINDS]

    async def oldest(self, without: Collection[str]) -> datetime | None:
        """Since when the open cases wait, but for some."""
        query: Json = {"state.status": "open", "state.kind": {"$in": list(KINDS)}, "_id": {"$nin": list(without)}}
        found = self.cases.find(query, {"state.received": 1}).hint(BY_KIND).sort("state.received", ASCENDING).limit(1)
        return next((moment(case["state"]["received"]) for case in await found.to_list()), None)

    async def listed(
        self, status: str, kind: str | None, after: str | None, without_partner: str | None = None
    ) -> list[Listed]:
        """Up to PAGE cases of a status, the longest known first, from the cursor `after` on."""
        query: Json = {"state.status": status, "state.kind": {"$in": [kind] if kind else list(KINDS)}}
        query |= _not_of(without_partner) | beyond("state.received", "$gt", after)
        order = [("state.received", ASCENDING), ("_id", ASCENDING)]
        return await self._lines(self.cases.find(query, _LISTED).sort(order).limit(PAGE))

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
        found = self.cases.find(query | beyond("state.decided", "$lt", after), _LISTED).sort(order).limit(most)
        return await self._lines(found), total

    async def judged(self, most: int) -> list[Judged]:
        """The latest decided cases that people reviewed, the last decided first."""
        query = {"state.status": "decided", "state.score": {"$ne": None}}
        shown = {f"state.{field}": 1 for field in ("kind", "entry.title", "score", "reviews")}
        found = self.cases.find(query, shown).sort([("state.decided", DESCENDING), ("_id", DESCENDING)]).limit(most)
        return [_judged(case["_id"], case["state"]) async for case in found]

    async def latest(self, submission: str) -> Listed | None:
        """The case of a submission's latest revision."""
        found = self.cases.find({"state.submission": submission}, _LISTED).sort("state.revision", DESCENDING).limit(1)
        return next(iter(await self._lines(found)), None)

    async def held(self, reviewer: str) -> list[Listed]:
        """What a reviewer has claimed, the first to run out first; one that ran out stays until another takes it."""
        found = self.cases.find({"state.lease.reviewer": reviewer}, _LISTED).sort("state.lease.until")
        return await self._lines(found)

    async def _lines(self, found: AsyncCursor[Json]) -> list[Listed]:
        """Each case found as a line; whom all of them resemble is asked once, where they resemble any."""
        cases = await found.to_list()
        resembled = {each["_id"]: _resembled(each) for each in cases}
        owners: dict[str, Json] = {}
        if every := set().union(*resembled.values()):
            query, shown = {"_id": {"$in": sorted(every)}}, {"state.entry.owner": 1}
            owners = {each["_id"]: each["state"]["entry"]["owner"] async for each in self.cases.find(query, shown)}
        return [_listed(case, [owners[id] for id in resembled[case["_id"]] if id in owners]) for case in cases]


def _judged(id: str, state: Json) -> Judged:
    reviews = tuple(Review.model_validate(review, strict=False) for review in state["reviews"])
    return Judged(id, state["kind"], state["entry"]["title"], state["score"], reviews)


def _not_of(partner: str | None) -> Json:
    return {"state.partner": {"$ne": partner}} if partner else {}


def beyond(field: str, operator: str, cursor: str | None) -> Json:
    """What comes after a cursor in the order of (field, _id)."""
    if not cursor:
        return {}
    at, _, id = cursor.partition(" ")
    return {"$or": [{field: {operator: at}}, {field: at, "_id": {operator: id}}]}


def _resembled(document: Json) -> list[str]:
    return [found["resembles"] for found in document["state"]["findings"] if found.get("resembles")]


def _listed(document: Json, alike: Sequence[Json]) -> Listed:
    state: dict[str, Any] = document["state"]
    lease = state["lease"] or {"reviewer": None, "until": None}
    return Listed(
        id=document["_id"],
        kind=state["kind"],
        title=state["entry"]["title"],
        owners=tuple(map(Owner.model_validate, (state["entry"]["owner"], *alike))),
        district=state["entry"]["district"],
        partner=state["partner"],
        revision=state["revision"],
        status=state["status"],
        received=moment(state["received"]),
        checked=state["checked"],
        given=len(state["reviews"]),
        left=state["left"],
        holder=lease["reviewer"],
        until=lease["until"] and moment(lease["until"]),
        decision=state["decision"],
        score=state["score"],
        decided=state["decided"] and moment(state["decided"]),
        closed=state["closed"],
    )
