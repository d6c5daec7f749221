"""Parking: an event that cannot be handled waits here, and the later ones of its stream behind it, in order.

One document a parked stream: `{_id: "topic stream", topic, stream, error, since, events: [{position, raw, mended}]}`.
`position` is `partition:offset` on Kafka: an event delivered twice is parked once. `mended` (not always there) are the
bytes handled in place of `raw`, which stays as it came. What people do is noted in `parked_acts` (decision 17).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError, PyMongoError

from runtime import telemetry
from schemas.envelope import Json

#: Without events a stream is about to be parked no longer.
_THERE: Json = {"events.0": {"$exists": True}}
#: What is told of a stream in place of its events, which may be many megabytes.
_TOLD: Json = {"waiting": {"$size": "$events"}, "position": {"$first": "$events.position"}}


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a topic: its stream (the key), its place and its bytes."""

    topic: str
    stream: str
    position: str
    raw: bytes
    traceparent: str | None = None


class Parking:
    """The parked streams of one service."""

    def __init__(self, database: AsyncDatabase[Json]) -> None:
        self._parked = database["parked"]
        self._acts = database["parked_acts"]

    async def parked(self, topic: str, streams: Iterable[str]) -> set[str]:
        """Which of these streams are parked."""
        if await self._parked.find_one({}, {"_id": 1}) is None:
            return set()  # mostly, and far cheaper than to look each of them up
        ids = {f"{topic} {stream}": stream for stream in streams}
        return {ids[document["_id"]] async for document in self._parked.find({"_id": {"$in": list(ids)}}, {"_id": 1})}

    async def park(self, message: Message, error: str) -> None:
        """Park a message that could not be handled, and with it its stream from here on."""
        while not await self.join(message):
            # One write: a stream that is parked without events is for a redrive to delete.
            parked = {
                "_id": _id(message),
                "topic": message.topic,
                "stream": message.stream,
                "error": error,
                "since": datetime.now(UTC),
                "events": [_waiting(message)],
            }
            with suppress(DuplicateKeyError):  # parked meanwhile: it joins
                await self._parked.insert_one(parked)
                return

    async def join(self, message: Message) -> bool:
        """Put a message behind the others of its parked stream; False where the stream is parked no longer."""
        there = {"$in": [message.position, "$events.position"]}
        behind = {"$concatArrays": ["$events", [_waiting(message)]]}
        # In one operation: what was seen of a stream before or after it would not hold then.
        result = await self._parked.update_one(
            {"_id": _id(message)}, [{"$set": {"events": {"$cond": [there, "$events", behind]}}}]
        )
        return result.matched_count == 1

    async def tell(self, every_s: float = 10.0) -> None:
        """Keep the gauge of parked streams, until cancelled: each worker of a service tells the same."""
        topics = set[str]()
        while True:
            try:
                counted = await self._parked.aggregate([{"$group": {"_id": "$topic", "streams": {"$sum": 1}}}])
                found = {each["_id"]: each["streams"] async for each in counted}
                topics |= found.keys()
                for topic in topics:
                    telemetry.STREAMS_PARKED.labels(topic).set(found.get(topic, 0))
            except PyMongoError:
                pass  # what was told last stands until the database is there again
            await asyncio.sleep(every_s)

    async def acts(self, limit: int) -> tuple[list[Json], int]:
        """The latest of what people did, the latest first; and how much there is in all."""
        found = await self._acts.find().sort("_id", -1).limit(limit).to_list()
        return found, await self._acts.estimated_document_count()

    async def list(self, limit: int) -> tuple[list[Json], int]:
        """What is parked, the longest waiting first, without its events: `waiting` says how many, `position` where the
        first one lies. And how many streams there are in all."""
        ways: list[Json] = [
            {"$match": _THERE},
            {"$sort": {"since": 1}},
            {"$limit": limit},
            {"$set": _TOLD},
            {"$unset": "events"},
        ]
        found = await (await self._parked.aggregate(ways)).to_list()
        return found, len(found) if len(found) < limit else await self._parked.count_documents(_THERE)

    async def first(self, id: str) -> Json | None:
        """One parked stream as `list` has it, with its first event alone."""
        first = {"events": {"$slice": ["$events", 1]}}
        found = await self._parked.aggregate([{"$match": {"_id": id, **_THERE}}, {"$set": _TOLD | first}])
        return next(iter(await found.to_list()), None)

    async def get(self, id: str) -> Json | None:
        """One parked stream, with all its events."""
        return await self._parked.find_one({"_id": id})

    async def mend(self, id: str, position: str, mended: bytes) -> bool:
        """Have `mended` be handled in place of what came at a position; False where nothing is parked there."""
        result = await self._parked.update_one(
            {"_id": id, "events.position": position}, {"$set": {"events.$.mended": mended}}
        )
        return result.matched_count == 1

    async def set_aside(self, id: str, position: str) -> bool:
        """Take one event away, unhandled; False where nothing is parked there. Without any the stream is parked no
        longer."""
        result = await self._parked.update_one(
            {"_id": id, "events.position": position}, {"$pull": {"events": {"position": position}}}
        )
        await self._parked.delete_one({"_id": id, "events": []})
        return result.matched_count == 1

    async def note(self, act: str, document: Json, actor: str, **what: Any) -> None:
        """Keep what somebody did with a parked stream: `mended`, `tried`, `redriven` or `set-aside`."""
        kept = {"at": datetime.now(UTC), "act": act, "actor": actor, "parked": document["_id"], **what}
        await self._acts.insert_one({**kept, "stream": document["stream"], "topic": document["topic"]})

    async def redrive(self, id: str, handle: Callable[[Message], Awaitable[None]]) -> str | None:
        """Handle a parked stream's events in order, each leaving as it succeeds; the error of the first that does not.

        When none is left the stream is parked no longer. Later events go on joining meanwhile.
        """
        while document := await self.get(id):
            if not document["events"]:
                await self._parked.delete_one({"_id": id, "events": []})
                continue
            first = document["events"][0]
            try:
                await handle(to_handle(document, first))
            except Exception as error:
                await self._parked.update_one({"_id": id}, {"$set": {"error": repr(error)}})
                return repr(error)
            await self._parked.update_one({"_id": id}, {"$pull": {"events": {"position": first["position"]}}})
        return None


def to_handle(document: Json, event: Json) -> Message:
    """A parked event as it is to be handled: mended, where it was."""
    return Message(document["topic"], document["stream"], event["position"], event.get("mended") or event["raw"])


def _waiting(message: Message) -> Json:
    return {"position": message.position, "raw": message.raw}


def _id(message: Message) -> str:
    return f"{message.topic} {message.stream}"
