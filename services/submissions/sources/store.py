"""What is kept of sources besides their streams: when each is due, what it listed, and its last fetches.

None of it is history. Schedules follow the streams and can be made anew from them; a source whose `listed` is lost is
compared with what is held.
"""

import os
import secrets
import socket
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from runtime.lease import LeaseLost
from schemas.envelope import Json
from submissions.domain.source import Source
from submissions.sources.compare import Held, Listed
from submissions.sources.fetch import Known

#: Fetches of a source that are kept.
KEPT = 50
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def create_indexes(database: AsyncDatabase[Json]) -> None:
    await database["schedules"].create_index([("active", 1), ("slow", 1), ("due", 1)])
    await database["fetches"].create_index([("source", 1), ("fence", -1)])
    await database["listed"].create_index("references")


def whose(partner: str | None) -> Json:
    """A query for the ids of one partner's sources; None: everybody's. (";" follows ":".)"""
    return {"_id": {"$gte": f"{partner}/source:", "$lt": f"{partner}/source;"}} if partner else {}


def partner_of(source: str) -> str:
    return source.partition("/")[0]


def name_of(source: str) -> str:
    return source.partition("/source:")[2]


def id_of(partner: str, name: str) -> str:
    return f"{partner}/source:{name}"


@dataclass(frozen=True)
class Claim:
    """The right to fetch a source, until `Schedules.renew` says otherwise; `fence` counts its fetches."""

    source: str
    fence: int
    schedule: Json

    @property
    def fetch(self) -> str:
        return f"{self.source}@{self.fence}"

    @property
    def known(self) -> Known:
        return Known(self.schedule.get("etag"), self.schedule.get("modified"))


class Schedules:
    """`schedules`: one document a source, `{_id, partner, version, active, slow, due, until, holder, fence, …}`."""

    def __init__(self, database: AsyncDatabase[Json], lease_s: float = 10.0) -> None:
        self._schedules = database["schedules"]
        self._sources = database["sources"]
        self._ttl = timedelta(seconds=lease_s)
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"

    async def follow(self, source: str, version: int, state: Source, at: datetime) -> None:
        """Have a source's schedule be what its stream says: fetched soon after each change, or not at all."""
        fresh: Json = {"version": version, "active": state.terms is not None and not state.paused, "due": at}
        fresh |= {"etag": None, "modified": None, "failures": 0, "failing_since": None, "slow": False}
        # With another fence, a fetch that is under way by the old terms ends when it next asks.
        fresh |= {"partner": partner_of(source), "until": _EPOCH}
        with suppress(DuplicateKeyError):  # it follows that version, or a later one, already
            await self._schedules.update_one(
                {"_id": source, "version": {"$lt": version}}, {"$set": fresh, "$inc": {"fence": 1}}, upsert=True
            )

    async def behind(self) -> AsyncIterator[str]:
        """Sources whose schedule does not follow their stream: a process ended between the two."""
        pipeline: list[Json] = [
            {"$project": {"version": 1}},
            {"$lookup": {"from": "schedules", "localField": "_id", "foreignField": "_id", "as": "schedule"}},
            {"$match": {"$expr": {"$ne": ["$version", {"$first": "$schedule.version"}]}}},
        ]
        async for document in await self._sources.aggregate(pipeline):
            yield document["_id"]

    async def claim(self, at: datetime, *, slow: bool, but: Collection[str]) -> Claim | None:
        """The longest due source that nobody fetches, of a partner who is not among `but`: nobody else gets it now."""
        found = await self._schedules.find_one_and_update(
            {"active": True, "slow": slow, "due": {"$lte": at}, "until": {"$lte": at}, "partner": {"$nin": list(but)}},
            {"$set": {"holder": self._holder, "until": at + self._ttl}, "$inc": {"fence": 1}},
            sort=[("due", 1)],
            return_document=ReturnDocument.AFTER,
        )
        return Claim(found["_id"], found["fence"], found) if found else None

    async def renew(self, claim: Claim) -> None:
        """Hold on to it for another term. Raises LeaseLost."""
        await self._held(claim, {"$set": {"until": datetime.now(UTC) + self._ttl}})

    async def release(self, claim: Claim, **kept: Any) -> None:
        """Give it up, and keep what became of it. Raises LeaseLost."""
        mine = self._mine(claim)
        asked = {"asked": claim.schedule.get("asked")}
        done = await self._schedules.update_one(mine | asked, {"$set": {**kept, "until": _EPOCH}})
        if done.matched_count == 0:  # somebody asked for a fetch meanwhile: it is due, as they said
            for name in ("due", "etag", "modified", "confirmed"):
                kept.pop(name, None)
            await self._held(claim, {"$set": {**kept, "until": _EPOCH}})

    async def _held(self, claim: Claim, update: Json) -> None:
        result = await self._schedules.update_one(self._mine(claim), update)
        if result.matched_count == 0:
            raise LeaseLost(claim.source)

    def _mine(self, claim: Claim) -> Json:
        return {"_id": claim.source, "fence": claim.fence, "holder": self._holder}

    async def due_now(self, source: str, at: datetime, **kept: Any) -> None:
        """Have it fetched as soon as there is room, and read whether or not it changed."""
        await self._schedules.update_one(
            {"_id": source}, {"$set": {"due": at, "asked": at, "etag": None, "modified": None, **kept}}
        )

    async def get(self, source: str) -> Json | None:
        return await self._schedules.find_one({"_id": source})

    async def all(self, partner: str | None) -> dict[str, Json]:
        return {document["_id"]: document async for document in self._schedules.find(whose(partner))}


class Lists:
    """`listed`: one document a source, `{_id, fence, references, digests, elsewhere}`."""

    def __init__(self, database: AsyncDatabase[Json]) -> None:
        self._listed = database["listed"]
        self._schedules, self._sources = database["schedules"], database["sources"]

    async def get(self, source: str) -> dict[str, str]:
        """What it listed the last time."""
        held = await self._listed.find_one({"_id": source})
        return dict(zip(held["references"], held["digests"], strict=True)) if held else {}

    async def others(self, source: str, *, wanted: bool = False) -> frozenset[str]:
        """What the same partner's other sources list; with `wanted`, also what they would list if this did not.

        Only of those that still are, and have lists: one that was removed holds nothing off.
        """
        found: set[str] = set()
        query = {"$and": [whose(partner_of(source)), {"_id": {"$ne": source}, "state.terms.content": "entries"}]}
        others = [each["_id"] async for each in self._sources.find(query, {"_id": 1})]
        async for document in self._listed.find({"_id": {"$in": others}}, {"digests": 0}):
            found.update(document["references"], document["elsewhere"] if wanted else ())
        return frozenset(found)

    async def keep(self, claim: Claim, listed: Listed, elsewhere: Collection[str] = ()) -> None:
        """Remember a list. Raises LeaseLost where the source was changed or removed, or is another's now."""
        if await self._schedules.find_one({"_id": claim.source, "fence": claim.fence}, {"_id": 1}) is None:
            raise LeaseLost(claim.source)
        document = {"references": list(listed), "digests": list(listed.values()), "elsewhere": list(elsewhere)}
        try:
            await self._listed.update_one(
                {"_id": claim.source, "fence": {"$lte": claim.fence}},
                {"$set": {"fence": claim.fence, **document}},
                upsert=True,
            )
        except DuplicateKeyError as error:
            raise LeaseLost(claim.source) from error

    async def erase(self, source: str) -> None:
        await self._listed.delete_one({"_id": source})


class Fetches:
    """`fetches`: the last of each source, `{_id, source, fence, at, duration_s, status, counts, …}`."""

    def __init__(self, database: AsyncDatabase[Json]) -> None:
        self._fetches = database["fetches"]

    async def begin(self, claim: Claim, at: datetime) -> None:
        """Write that it is under way; what was under way before ended with its process."""
        await self._fetches.update_many(
            {"source": claim.source, "status": "running", "fence": {"$lt": claim.fence}},
            {"$set": {"status": "interrupted"}},
        )
        begun = {"_id": claim.fetch, "source": claim.source, "fence": claim.fence, "at": at, "status": "running"}
        await self._fetches.replace_one({"_id": claim.fetch}, begun, upsert=True)

    async def end(self, claim: Claim, duration_s: float, result: Json) -> None:
        """Write what became of it, and forget the oldest."""
        await self._fetches.update_one({"_id": claim.fetch}, {"$set": {**result, "duration_s": duration_s}})
        oldest = await self._fetches.find({"source": claim.source}).sort("fence", -1).skip(KEPT).to_list(1)
        if oldest:
            await self._fetches.delete_many({"source": claim.source, "fence": {"$lte": oldest[0]["fence"]}})

    async def last(self, source: str) -> list[Json]:
        """The latest first."""
        return await self._fetches.find({"source": source}).sort("fence", -1).to_list()


async def forget(database: AsyncDatabase[Json], source: str) -> None:
    """Erase what is kept of a source that was removed."""
    for collection, field in (("source_secrets", "_id"), ("listed", "_id"), ("fetches", "source")):
        await database[collection].delete_many({field: source})


async def waiting(database: AsyncDatabase[Json], at: datetime) -> tuple[int, datetime | None]:
    """How many sources are due and not being fetched, and since when the longest is."""
    due = {"active": True, "due": {"$lte": at}, "until": {"$lte": at}}
    oldest = await database["schedules"].find_one(due, sort=[("due", 1)])
    return await database["schedules"].count_documents(due), oldest["due"] if oldest else None


async def held(database: AsyncDatabase[Json], partner: str, references: Sequence[str]) -> Mapping[str, Held]:
    """How the streams hold those of the references that there are."""
    ids = [f"{partner}/{reference}" for reference in references]
    wanted = {"state.revision": 1, "state.digests": 1, "state.withdrawn": 1}
    found = {}
    async for document in database["submissions"].find({"_id": {"$in": ids}}, wanted):
        state = document["state"]
        digest = state["digests"].get(str(state["revision"]))
        found[document["_id"].partition("/")[2]] = Held(state["revision"], digest, state["withdrawn"])
    return found
