"""Which cases a reviewer can have now, in which order, and which others hold: queries on the streams' states.

The ends of leases are whole seconds, so that their texts compare exactly.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.collection import AsyncCollection

from review.domain.case import Case
from review.domain.lease import LEASE, RESERVED, SKEW
from review.domain.reviewer import Standing
from review.times import moment, second
from schemas.envelope import Json

#: The most that are looked through for one reviewer, and that are counted.
MOST = 50
MOST_COUNTED = 1000
_ORDER = [("state.left", ASCENDING), ("state.received", ASCENDING), ("_id", ASCENDING)]
_FREE = {
    f"state.{field}": 1
    for field in (
        *("partner", "left", "received", "route", "conflicts", "reviews.reviewer", "former.reviewer"),
        "sole_reviewer",
    )
}


@dataclass(frozen=True)
class Held:
    """A case that somebody has claimed, until then; or that is `kept` for them, or for several."""

    id: str
    reviewers: tuple[str, ...]
    until: datetime
    kept: bool = False


@dataclass(frozen=True)
class Holder:
    """How many cases somebody has claimed, or are `kept` for these, and when the first of them is free."""

    reviewers: tuple[str, ...]
    kept: bool
    count: int
    until: datetime


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


@dataclass(frozen=True, slots=True)
class Taken:
    """An open case that somebody has claimed, or that is assigned: `holder` has the lease, if anybody."""

    case: Free
    holder: str | None
    assigned: tuple[str, ...]


class CaseQueue:
    """The open cases as they are handed out."""

    def __init__(self, cases: AsyncCollection[Json]) -> None:
        self.cases = cases

    async def free(self, at: datetime, most: int, sector: str | None = None) -> list[Free]:
        """The first `most` cases that are free, of a sector or of all: fewest reviews left, then longest waiting."""
        query: Json = {"state.status": "open"} | ({"state.sector": sector} if sector else {}) | _free(at)
        found = self.cases.find(query, _FREE).hint("next_of_sector" if sector else "next").sort(_ORDER).limit(most)
        return [_as_free(case) async for case in found.batch_size(most)]  # all in one answer, not the first 101

    async def with_empty_seats(self, at: datetime, most: int) -> dict[str, Case]:
        """The first `most` cases that nobody holds and that are kept for fewer than the reviews they wait for, by id,
        in the order in which they are handed out; of their assignments those that run."""
        runs = {"input": {"$ifNull": ["$state.assignments", []]}, "cond": {"$gt": ["$$this.until", second(at)]}}
        seats = {"$expr": {"$lt": [{"$size": {"$filter": runs}}, "$state.left"]}}
        unheld = {"state.status": "open", "state.lease.until": _not_within(at, LEASE)}
        query = unheld | {"$or": [{"state.reserved": _not_within(at, RESERVED)}, seats]}
        found = self.cases.find(query, {"state": 1}).hint("next").sort(_ORDER).limit(most)
        return {each["_id"]: _running(Case.model_validate(each["state"], strict=False), at) async for each in found}

    async def candidates(
        self, who: Standing, at: datetime, most: int = MOST, sectors: Sequence[str] | None = None
    ) -> list[str]:
        """The cases a reviewer may claim now, of some sectors or of all: fewest reviews left first, then the longest
        waiting."""
        query = _reviewable(who) | _free(at) | ({"state.sector": {"$in": [*sectors]}} if sectors else {})
        index = "next_of_sector" if sectors else "next"
        found = self.cases.find(query, {"_id": 1}).hint(index).sort(_ORDER).limit(most)
        return [case["_id"] async for case in found]

    async def claimed(self, reviewers: Collection[str], at: datetime) -> dict[str, str]:
        """The case that each of these reviewers holds now, if any; the one that runs out first."""
        now, far = second(at), second(at + LEASE + SKEW)
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
            if assignment["reviewer"] in reviewers and moment(assignment["until"]) > at
        ]

    async def waits_for(self, who: Standing, at: datetime) -> bool:
        """Whether *next* would give them a case: one that is free, or that waits for them and is theirs to judge."""
        if await self.candidates(who, at, 1):
            return True
        return any(case.suits(who) for _sub, case in await self.assigned([who.sub], at))

    async def held_by_others(self, who: Standing, at: datetime) -> list[Held]:
        """The cases a reviewer could claim if others did not hold them or they were not kept for others, the first to
        come free first; MOST_COUNTED at most."""
        now = second(at)
        # A case that is assigned to them as well may be in another's hands.
        kept = {"state.reserved": {"$gt": now}, "state.assignments.reviewer": {"$ne": who.sub}}
        waits = {"$or": [{"state.lease.until": {"$gt": now}}, kept]}
        others = {"state.lease.reviewer": {"$ne": who.sub}}
        shown = {"state.lease": 1, "state.assignments": 1, "state.reserved": 1}
        # What is claimed comes first, then what is kept, the first to end first: those beyond are free later.
        query = _reviewable(who) | waits | others
        found = self.cases.find(query, shown).hint("next").sort("state.reserved").limit(MOST_COUNTED)
        held = [_held(case["_id"], case["state"], at, who.sub) async for case in found]
        return sorted(held, key=lambda each: each.until)

    async def too_few(self, experts: Collection[Standing]) -> list[Free]:
        """The experts' cases that wait for more reviews than these experts may still give, the longest waiting first;
        of the first MOST_COUNTED."""
        query = {"state.status": "open", "state.route": "experts"}
        found = self.cases.find(query, _FREE).sort("state.received").hint("experts").limit(MOST_COUNTED)
        cases = [_as_free(case) async for case in found]
        return [case for case in cases if sum(map(case.suits, experts)) < case.left]

    async def taken(self) -> list[Taken]:
        """The open cases that somebody has claimed, though the lease ran out, or that are assigned."""
        found: dict[str, Taken] = {}
        shown = _FREE | {"state.assignments.reviewer": 1, "state.lease.reviewer": 1}
        for somebody in ("state.lease.reviewer", "state.assignments.reviewer"):  # one index each, none for both
            query = {"state.status": "open", somebody: {"$exists": True}}
            found |= {case["_id"]: _as_taken(case) async for case in self.cases.find(query, shown)}
        return [*found.values()]

    async def awaiting(self, who: Standing) -> int:
        """How many open cases await a review that this reviewer may give, whoever holds them; MOST_COUNTED at most."""
        return await self.cases.count_documents(_reviewable(who), limit=MOST_COUNTED)


def holders(held: Sequence[Held]) -> list[Holder]:
    """Who has them, in the order in which they come."""
    found: dict[tuple[tuple[str, ...], bool], list[Held]] = {}
    for each in held:
        found.setdefault((each.reviewers, each.kept), []).append(each)
    return [Holder(who, kept, len(cases), min(case.until for case in cases)) for (who, kept), cases in found.items()]


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


def _free(at: datetime) -> Json:
    """Those that nobody holds, nor waits for: `Lease.runs` and `Assignment.runs`, as a query."""
    return {"state.lease.until": _not_within(at, LEASE), "state.reserved": _not_within(at, RESERVED)}


def _not_within(at: datetime, span: timedelta) -> Json:
    return {"$not": {"$gt": second(at), "$lte": second(at + span + SKEW)}}


def _running(case: Case, at: datetime) -> Case:
    return case.model_copy(update={"assignments": tuple(each for each in case.assignments if each.runs(at))})


def _as_free(case: Json) -> Free:
    state = case["state"]
    given = (*state["reviews"], *state.get("former", ()))
    barred = frozenset((*(review["reviewer"] for review in given), *state["conflicts"], state.get("sole_reviewer")))
    experts = state["route"] == "experts"
    return Free(case["_id"], state["partner"], state["left"], state["received"], experts, barred)


def _as_taken(case: Json) -> Taken:
    state = case["state"]
    holder = (state.get("lease") or {}).get("reviewer")
    return Taken(_as_free(case), holder, tuple(each["reviewer"] for each in state.get("assignments") or ()))


def _held(id: str, state: Json, at: datetime, sub: str) -> Held:
    """As it stands to a reviewer: what is kept for others as well is not free for them when the lease ends."""
    lease = state["lease"]
    kept = tuple(each["reviewer"] for each in state["assignments"] if moment(each["until"]) > at)
    reserved = moment(state["reserved"]) if kept and sub not in kept else at
    if lease and moment(lease["until"]) > at:
        return Held(id, (lease["reviewer"],), max(moment(lease["until"]), reserved))
    return Held(id, kept, reserved, kept=True)
