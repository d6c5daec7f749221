"""A service's own streams, folded from their history into a shadow database beside the live one.

`Refold.take` is given each partition's messages in order, any number at a time; memory is that of one batch. What is no
event of the service, jumps, contradicts or cannot be folded is a fault: its stream is told only up to there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from bson import Timestamp
from kafka.consumer.fetcher import ConsumerRecord
from pymongo import InsertOne, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase

from runtime.stored import as_json, as_stored, from_stored
from schemas.envelope import Decider, Event, Json
from schemas.events import Undecodable, from_json

AnyDecider = Decider[Any, Any, Any]


@dataclass(frozen=True)
class Fault:
    """A message that a rebuild cannot take: whose stream it is, its place (`topic:partition:offset`), and why."""

    stream: str
    position: str
    why: str


@dataclass(slots=True)
class _Stream:
    """A stream while it is folded: `events` are all, of which the first `stored` are in the shadow already."""

    state: Any
    events: list[Json] = field(default_factory=list)
    stored: int = 0
    last: Event | None = None


class Refold:
    """Folds the history of one service's deciders into `shadow`."""

    def __init__(self, shadow: AsyncDatabase[Json], deciders: Sequence[AnyDecider]) -> None:
        self._shadow = shadow
        self._deciders = {decider.noun: decider for decider in deciders}
        self.faults: dict[str, Fault] = {}  # by stream: the first

    async def take(self, records: Sequence[ConsumerRecord]) -> None:
        """Fold messages; those that were taken before change nothing."""
        read: dict[str, list[tuple[ConsumerRecord, Json, Event]]] = {noun: [] for noun in self._deciders}
        for record in records:
            try:
                value = _json(record)
                event = from_json(value)
                noun = event.type.partition(".")[0]
                if noun not in read or event.source != self._deciders[noun].source:
                    raise Undecodable(f"no stream of {event.source} has events of type {event.type}")
                read[noun].append((record, value, event))
            except Undecodable as error:
                self._fault(record, (record.key or b"").decode(errors="replace"), str(error))
        for noun, told in read.items():
            if told:
                await self._fold(self._deciders[noun], told)

    async def _fold(self, decider: AnyDecider, read: Sequence[tuple[ConsumerRecord, Json, Event]]) -> None:
        collection = self._shadow[decider.collection]
        streams: dict[str, _Stream] = {}
        async for document in collection.find({"_id": {"$in": list({event.subject for _, _, event in read})}}):
            state = decider.state.model_validate(document["state"], strict=False)
            streams[document["_id"]] = _Stream(state, plain(document["events"]), len(document["events"]))
        for record, value, event in read:
            stream = streams.setdefault(event.subject, _Stream(decider.state()))
            if event.subject not in self.faults and (why := _follow(decider, stream, value, event)):
                self._fault(record, event.subject, why)
        writes = [_write(id, stream) for id, stream in streams.items() if len(stream.events) > stream.stored]
        if writes:
            await collection.bulk_write(writes, ordered=False)

    def _fault(self, record: ConsumerRecord, stream: str, why: str) -> None:
        self.faults.setdefault(stream, Fault(stream, f"{record.topic}:{record.partition}:{record.offset}", why))


def _json(record: ConsumerRecord) -> Json:
    try:
        value: Json = orjson.loads(record.value or b"")
    except orjson.JSONDecodeError as error:
        raise Undecodable(f"not JSON: {error}") from error
    return value


def _follow(decider: AnyDecider, stream: _Stream, value: Json, event: Event) -> str | None:
    """Put an event behind those the stream has; why that cannot be, if it cannot."""
    known = len(stream.events)
    if event.sequence <= known:
        same = form(stream.events[event.sequence - 1]) == form(value)
        return None if same else f"sequence {event.sequence} again, with other content"
    if event.sequence > known + 1:
        return f"sequence {event.sequence} after {known}"
    try:
        stream.state = decider.evolve(stream.state, event.data)
    except Exception as error:  # a history that today's domain cannot fold is named, and the others go on
        return repr(error)
    stream.events.append(value)
    stream.last = event
    return None


def _write(id: str, stream: _Stream) -> InsertOne[Json] | UpdateOne:
    assert stream.last is not None
    # The time of its last event, not of the rebuild: a relay that lost its place need not send all of it again.
    changed = Timestamp(int(stream.last.time.timestamp()), 1)
    said = {"version": len(stream.events), "state": stream.state.model_dump(mode="json")}
    if not stream.stored:
        return InsertOne({"_id": id, **said, "events": [*map(as_stored, stream.events)], "changed": changed})
    added = {"events": {"$each": [*map(as_stored, stream.events[stream.stored :])]}}
    return UpdateOne({"_id": id}, {"$set": {**said, "changed": changed}, "$push": added})


def extended(decider: AnyDecider, live: Json, made: Json) -> Json | None:
    """A live stream that has events beyond those of the one made, with its state folded anew; None where it has others
    than those made, or ones that cannot be folded."""
    events = live["events"]
    if form(plain(events[: len(made["events"])])) != form(plain(made["events"])):
        return None
    state = decider.state.model_validate(made["state"], strict=False)
    try:
        for event in events[len(made["events"]) :]:
            state = decider.evolve(state, from_stored(event).data)
    except Exception:  # written by something else than a decision
        return None
    return live | {"version": len(events), "state": state.model_dump(mode="json")}


def plain(events: Any) -> Any:
    """Stored events as their JSON; as they are where something else was put there by hand."""
    try:
        return [as_json(event) for event in events]
    except (Undecodable, KeyError, TypeError):
        return events


def form(value: Any) -> bytes:
    """A value's JSON with sorted keys, whereby values are compared: what is no JSON equals none of ours."""
    return orjson.dumps(value, default=repr, option=orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME)
