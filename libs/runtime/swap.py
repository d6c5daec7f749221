"""Putting a live collection right by one made anew beside it, document by document, while services write to it.

Each write is guarded by what was compared, so that whatever is written meanwhile stands, and is looked at again. What
was there before is kept in the collection `replaced`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError

from runtime.streams import DUPLICATE_KEY
from schemas.envelope import Json

#: Documents compared at a time.
COMPARED = 500
LOOK_AGAIN_S = 0.3


@dataclass(frozen=True)
class Made:
    """A collection that history gives, and how a live document of it is held against the one made anew.

    `ahead`: the live one has heard of more than the one made. `put`: what to write in place of the live one.
    `extended`: a live stream that is ahead as it ought to be, None where it contradicts the one made. Projections have
    none: they are ahead only of what was read of Kafka, and what no history gives is removed.
    """

    collection: str
    same: Callable[[Json, Json], bool]
    ahead: Callable[[Json, Json], bool]
    put: Callable[[Json, Json], Json] = lambda _live, made: made
    extended: Callable[[Json, Json], Json | None] | None = None


@dataclass
class Rebuilt:
    """What became of one collection's documents. `unsent` are streams that have facts which Kafka does not have."""

    collection: str
    equal: int = 0
    restored: int = 0
    mended: int = 0
    removed: int = 0
    unsent: list[str] = field(default_factory=list)


class Swap:
    """Holds each live document against the one made anew, and puts right what differs."""

    def __init__(
        self, live: AsyncDatabase[Json], shadow: AsyncDatabase[Json], how: Made, left: Collection[str] = ()
    ) -> None:
        """`left` are ids that are not to be touched."""
        self._live: AsyncCollection[Json] = live[how.collection]
        self._made: AsyncCollection[Json] = shadow[how.collection]
        self._replaced: AsyncCollection[Json] = live["replaced"]
        self._how, self._left = how, left
        self._mended: set[str] = set()
        self.done = Rebuilt(how.collection)

    async def run(self, follow: Callable[[], Awaitable[None]], patience_s: float) -> Rebuilt:
        """Compare all; then, again and again, what was ahead of the history, was written meanwhile or was put right.

        `follow` brings the shadow up to what Kafka has by then. Ends when nothing is left to look at, or with patience.
        """
        pending: dict[str, Json | None] = {}
        async for ids in _ids(self._made):
            pending |= await self._settle(dict.fromkeys(ids), first=True)
        async for ids in _ids(self._live):
            known = {made["_id"] async for made in self._made.find({"_id": {"$in": ids}}, {"_id": 1})}
            unknown = [id for id in ids if id not in known and id not in self._left]
            pending |= {found["_id"]: found async for found in self._live.find({"_id": {"$in": unknown}})}
        until = time.monotonic() + patience_s
        while pending:
            await asyncio.sleep(LOOK_AGAIN_S)
            await follow()
            pending = await self._settle(pending, first=False)
            if time.monotonic() > until:
                break
        self.done.unsent = sorted(pending)
        return self.done

    async def _settle(self, before: dict[str, Json | None], *, first: bool) -> dict[str, Json | None]:
        """Put right what can be; those to look at again, as they were live. `before` is how they were last time."""
        held = {found["_id"]: found async for found in self._live.find({"_id": {"$in": list(before)}})}
        made = {found["_id"]: found async for found in self._made.find({"_id": {"$in": list(before)}})}
        again: dict[str, Json | None] = {}
        missing: list[Json] = []
        for id in before:
            if id in self._left:
                continue
            live, new = held.get(id), made.get(id)
            if live is None and new is None:
                continue
            if live is None:
                assert new is not None
                missing.append(new)
            elif new is not None and self._how.same(live, new):
                self.done.equal += id not in self._mended
            elif new is not None and not self._how.ahead(live, new):
                await self._replace(live, self._how.put(live, new))
                again[id] = live
            # A projection hears of nothing but what is on Kafka: all of that was read since it was as it still is.
            elif not self._how.extended:
                if not first and before[id] == live:
                    await self._replace(live, self._how.put(live, new) if new else None)
                again[id] = live
            elif new is not None and (right := self._how.extended(live, new)) is not None:
                if not self._how.same(live, right):
                    await self._replace(live, right)
                    again[id] = live
                # All that it had when last looked at has come to Kafka: what is new since then is on its way.
                elif (last := before[id]) is not None and not self._how.ahead(last, new):
                    self.done.equal += id not in self._mended
                else:
                    again[id] = live
            else:
                again[id] = live
        return again | await self._insert(missing)

    async def _insert(self, missing: Sequence[Json]) -> dict[str, Json | None]:
        """Write documents that are not there; those that have come meanwhile are to be looked at again."""
        there: list[str] = []
        if missing:
            try:
                await self._live.insert_many(missing, ordered=False)
            except BulkWriteError as error:
                details: Any = error.details
                if details["writeConcernErrors"] or any(e["code"] != DUPLICATE_KEY for e in details["writeErrors"]):
                    raise
                there = [missing[e["index"]]["_id"] for e in details["writeErrors"]]
        self.done.restored += len(missing) - len(there)
        return dict.fromkeys(there)

    async def _replace(self, live: Json, new: Json | None) -> None:
        """Put another in the place of a document, if that is still what was compared; what was there is kept."""
        # Without the key to what is personal in it: destroyed, it must be nowhere.
        was = {name: value for name, value in live.items() if name != "seal"}
        kept = {"collection": self._how.collection, "at": datetime.now(UTC), "was": was}
        kept_as = (await self._replaced.insert_one(kept)).inserted_id
        as_compared = {"_id": live["_id"], "$expr": {"$eq": ["$$ROOT", {"$literal": live}]}}
        if new is None:
            written = (await self._live.delete_one(as_compared)).deleted_count
            self.done.removed += written
        else:
            written = (await self._live.replace_one(as_compared, new)).matched_count
            self._mended |= {live["_id"]} if written else set()
            self.done.mended = len(self._mended)
        if not written:
            await self._replaced.delete_one({"_id": kept_as})


async def _ids(collection: AsyncCollection[Json]) -> AsyncIterator[list[str]]:
    """The ids of a collection, COMPARED at a time."""
    last: Json = {}
    while ids := [found["_id"] async for found in collection.find(last, {"_id": 1}).sort("_id").limit(COMPARED)]:
        yield ids
        last = {"_id": {"$gt": ids[-1]}}
