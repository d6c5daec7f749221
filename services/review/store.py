"""The collection of cases: its indexes, what the worker asks; `queue`, for reviewers, and `lists`, for all who look."""

from collections.abc import Collection

from pymongo import ASCENDING, DESCENDING, AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from review.domain import CASES
from review.lists import BY_KIND, CaseLists
from review.queue import CaseQueue
from runtime.settings import Settings
from schemas.envelope import Json


def mongo(settings: Settings) -> AsyncMongoClient[Json]:
    """A client on which a write that returns is on a majority, in the journal."""
    return AsyncMongoClient(settings.mongo_url, w="majority", journal=True, tz_aware=True)


class CaseStore:
    """Queries on `database["cases"]`; nothing here writes."""

    def __init__(self, database: AsyncDatabase[Json]) -> None:
        self.cases = database[CASES.collection]
        self.queue, self.lists = CaseQueue(self.cases), CaseLists(self.cases)

    async def create_indexes(self) -> None:
        up, down = ASCENDING, DESCENDING
        status = ("state.status", up)
        # The order in which cases are handed out, and until when one is held or kept.
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
        await self.cases.create_index(
            [("state.received", up), ("_id", up)],
            partialFilterExpression={"state.status": "open", "state.route": "experts"},
            name="experts",
        )
        # What was reviewed today, by whom.
        for given in ("state.reviews.given", "state.former.given"):
            await self.cases.create_index(given, partialFilterExpression={given: {"$exists": True}})
        # What the planner measures: arrivals, the first of all, the latest; and open cases that have a review.
        await self.cases.create_index([("state.received", up), ("state.route", up)])
        begun = {"state.status": "open", "state.reviews.reviewer": {"$exists": True}}
        await self.cases.create_index("state.reviews.reviewer", partialFilterExpression=begun)
        await self.cases.create_index([("state.submission", up), ("state.revision", up)])
        await self.cases.create_index(
            "state.lease.reviewer", partialFilterExpression={"state.lease.reviewer": {"$exists": True}}
        )

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
        known, withdrawn = set[tuple[str, str]](), set[tuple[str, str]]()
        query = {"state.submission": {"$in": list(submissions)}}
        shown = {"state.submission": 1, "state.kind": 1, "state.closed": 1, "_id": 0}
        async for case in self.cases.find(query, shown):
            state = case["state"]
            # Its earlier revisions were superseded; after the withdrawal there is none.
            (withdrawn if state["closed"] == "withdrawn" else known).add((state["kind"], state["submission"]))
        return known - withdrawn
