"""A partner's own facts, one after the other: those of the past by time, then new ones as the database tells of them.

A `Place` says how far somebody has got. What follows a place never lacks a fact; after a place that is older than the
database's log reaches, facts may come a second time, with the id they had.
"""

import asyncio
import base64
import binascii
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson
from bson import Timestamp
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import OperationFailure

from runtime.relay import CHANGED, HISTORY_LOST, RESCAN_MARGIN_S, new_events
from runtime.stored import as_json
from schemas.envelope import Json, timestamp
from submissions.store import whose

#: Milliseconds the database waits for a change: short, since a connection to it is held meanwhile.
AWAIT_MS = 50
#: Seconds between two such questions.
ASK_EVERY_S = 0.5
#: Facts of the past that are asked for at one go, unless said otherwise: the database sorts no more than these.
AT_ONCE = 1000
#: Between the clock that stamps a fact and the database's that stamps the write: seconds they may part.
CLOCKS_PART_S = 3600


@dataclass(frozen=True)
class Place:
    """`at` is the database's time from which changes are followed, by `token` once there is one.

    Before that come the facts of the past from `since` on, if it is set. `stream` and `sequence` name the last that was
    told of those at the time `since`, or of the next change.
    """

    at: tuple[int, int]
    token: str | None = None
    since: str | None = None
    stream: str = ""
    sequence: int = 0

    def text(self) -> str:
        """The place as partners keep it; they need not understand it."""
        said = [*self.at, self.token, self.since, self.stream, self.sequence]
        return base64.urlsafe_b64encode(orjson.dumps(said)).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> "Place | None":
        """The place a text names; None where it names none."""
        try:
            match orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))):
                case [int(time), int(inc), str() | None as token, str() | None as since, str(stream), int(sequence)]:
                    bytes.fromhex(token or "")
                    legible = min(time, inc, sequence) >= 0 and max(time, inc) < 2**32 and sequence < 2**63
                    legible = legible and (not since or datetime.fromisoformat(since).tzinfo is not None)
                    return cls((time, inc), token, since, stream, sequence) if legible else None
                case _:
                    return None
        except (binascii.Error, ValueError):
            return None


@dataclass(frozen=True)
class Feed:
    """The facts of one partner's submissions in `collection`, those of the past `at_once` at one go; the database waits
    `await_ms` for news."""

    collection: AsyncCollection[Json]
    partner: str
    await_ms: int = AWAIT_MS
    at_once: int = AT_ONCE

    async def begin(self, since: datetime | None = None) -> Place:
        """The place before the first fact from `since` on; without it, before the next fact."""
        answer = await self.collection.database.command("ping")
        now: Timestamp = answer["operationTime"]
        return Place((now.time, now.inc + 1), since=timestamp(since) if since else None)

    async def follow(self, place: Place) -> AsyncGenerator[tuple[Place, Json | None]]:
        """Each fact after `place`, as `told` has it, with the place after it, without end; None again and again while
        nothing happens."""
        while True:
            try:
                if place.since:
                    came = self.at_once
                    while came == self.at_once:
                        came = 0
                        async for after, fact in self._past(place):
                            place, came = after, came + 1
                            yield after, fact
                    place = Place(place.at)
                async for after, news in self._changes(place):
                    place = after
                    yield after, news
            except OperationFailure as error:
                if error.code not in HISTORY_LOST:
                    raise
                since = datetime.fromtimestamp(place.at[0] - RESCAN_MARGIN_S, UTC)
                place = await self.begin(since)

    async def _past(self, place: Place) -> AsyncIterator[tuple[Place, Json]]:
        assert place.since
        changed = int(datetime.fromisoformat(place.since).timestamp()) - CLOCKS_PART_S
        same = {"events.time": place.since}
        later: list[Json] = [
            {"events.time": {"$gt": place.since}},
            same | {"events.subject": {"$gt": place.stream}},
            same | {"events.subject": place.stream, "events.sequence": {"$gt": place.sequence}},
        ]
        pipeline: list[Json] = [
            {
                "$match": whose(self.partner)
                | {"changed": {"$gte": Timestamp(min(max(0, changed), 2**32 - 1), 0)}}
                | {"events.time": {"$gte": place.since}}
            },
            {"$project": {"events": 1}},
            {"$unwind": "$events"},
            {"$match": {"$or": later}},
            {"$sort": {"events.time": 1, "events.subject": 1, "events.sequence": 1}},
            {"$limit": self.at_once},  # so it keeps no more than these, rather than sort all that is left for each page
        ]
        async for document in await self.collection.aggregate(pipeline, allowDiskUse=True):
            event = told(document["events"])
            after = replace(place, since=event["time"], stream=event["subject"], sequence=event["sequence"])
            yield after, event

    async def _changes(self, place: Place) -> AsyncIterator[tuple[Place, Json | None]]:
        own = {f"documentKey.{field}": condition for field, condition in whose(self.partner).items()}
        pipeline: list[Json] = [
            {"$match": own | {"operationType": {"$in": ["insert", "update"]}}},
            {"$unset": [f"{where}.{name}" for where in CHANGED for name in ("state", "seal")]},
        ]
        start: Json = (
            {"resume_after": {"_data": place.token}}
            if place.token
            else {"start_at_operation_time": Timestamp(*place.at)}
        )
        async with await self.collection.watch(pipeline, max_await_time_ms=self.await_ms, **start) as changes:
            while True:
                change: Any = await changes.try_next()
                token = str((changes.resume_token or {}).get("_data") or "") or place.token
                if change is None:
                    yield replace(place, token=token), None
                    await asyncio.sleep(ASK_EVERY_S)
                    continue
                at = change["clusterTime"]
                before, place = place, Place((at.time, at.inc), token)
                events = [told(document) for document in new_events(change)]
                known = before.sequence if events and events[0]["subject"] == before.stream else 0
                new = [event for event in events if event["sequence"] > known]
                for event in new[:-1]:
                    # The database has no place between the facts of one write: the stream's own number says how far.
                    yield replace(before, stream=event["subject"], sequence=event["sequence"]), event
                for event in new[-1:]:
                    yield place, event


def told(document: Json) -> Json:
    """A stored event as its partner's programs get it: as history has it, so that its hash is that of its proof; of
    one from before contacts were sealed, without the contact."""
    event = as_json(document)
    entry = event["data"].get("entry")
    if not (entry and entry.get("contact")):
        return event
    return {**event, "data": {**event["data"], "entry": {**entry, "contact": None}}}
