"""The stream store: one decision is one document write.

A stream is one MongoDB document `{_id, version, state, events}`, with a `seal` where it holds personal data (decision
0025). `Streams.handle` loads it, decides, and writes state and events together, guarded by `version`. Nothing else
writes. The relay makes Kafka's history of what is written.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic

from bson import Timestamp
from pymongo import InsertOne, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, ConnectionFailure, DocumentTooLarge, PyMongoError

from runtime import telemetry
from runtime.crash import crash_point
from runtime.groups import Groups
from runtime.sealing import is_personal, new_key
from runtime.stored import TooLarge, from_stored, to_stored
from runtime.trying import trying
from schemas.envelope import C, Decider, Event, F, Json, Refusal, S

#: A stream that would grow beyond this is a mistake of modelling: what can grow without end is several streams.
MAX_EVENTS = 2000
DUPLICATE_KEY = 11000
#: What MongoDB says of a document that would pass 16 MB: of an insert, and of an update.
TOO_LARGE = {10334, 17419}
#: Each attempt on a stream that many write is won by one of them.
ATTEMPTS = 50
ABSENT = object()
#: What is read of a stream to decide on it: of its events the attributes that are asked for, and not what they say.
OUTLINE = {"state": 1, "seal": 1} | {f"events.{name}": 1 for name in ("causationid", "correlationid", "traceparent")}
#: Commands decided at one go: others have their turn after that many.
BREATH = 3


class StreamFull(Exception):
    """A stream would pass MAX_EVENTS, or what MongoDB holds in one document (16 MB), or one event what Kafka takes. The
    message names it."""


class Contended(Exception):
    """Others wrote the same streams first, ATTEMPTS times in a row."""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[S]):
    """What became of one command.

    `events` are those that its cause has in the stream, whether written now (`fresh`) or by an earlier delivery.
    """

    stream: str
    version: int
    state: S
    events: tuple[Event, ...] = ()
    refusal: Refusal | None = None
    fresh: bool = False


@dataclass(slots=True)
class _Stream(Generic[S]):
    """A stream while commands are decided on it: `stored` events are in the database, in outline; `new` ones are not
    yet."""

    id: str
    stored: list[Json]
    state: S
    new: list[Event]
    #: The state as it is in the database.
    before: Json
    #: What opens the personal data in it.
    key: bytes | None = None
    #: The stored events of the commands that came before, by their cause.
    known: dict[str, list[Event]] = field(default_factory=dict)

    @property
    def version(self) -> int:
        return len(self.stored) + len(self.new)

    @property
    def last(self) -> Json | None:
        """The attributes of the last event that are asked for."""
        return self.new[-1].attributes() if self.new else self.stored[-1] if self.stored else None

    def caused_by(self, cause: str) -> tuple[Event, ...]:
        return (*self.known.get(cause, ()), *(event for event in self.new if event.causationid == cause))


class Streams(Generic[S, C, F]):
    """The streams of one decider, in `database[decider.collection]`."""

    def __init__(self, database: AsyncDatabase[Json], decider: Decider[S, C, F]) -> None:
        self.decider = decider
        self.collection = database[decider.collection]
        self._groups = Groups[C, Outcome[S]](self._carry_out)

    async def get(self, stream: str) -> Outcome[S]:
        """The stream's state and history; version 0 where it does not exist."""
        document = await self.collection.find_one({"_id": stream}, {"changed": 0})
        found = self._stream(document) if document else self._unseen(stream)
        events = tuple(from_stored(event, found.key) for event in found.stored)
        return Outcome(stream, found.version, found.state, events)

    async def handle(self, commands: Sequence[C]) -> list[Outcome[S]]:
        """Carry out commands, any number at once, in order within each stream; an outcome for each.

        Raises what `decide` raises, StreamFull, Contended, or a PyMongoError; commands already written stay written,
        and asking again is harmless, for a cause that is in the history takes no second effect. A single command is
        written together with those of whoever else asks at the moment.
        """
        if len(commands) != 1 or trying():
            return await self._carry_out(commands)
        (command,) = commands
        if telemetry.tracing():
            command = replace(command, request=telemetry.current_traceparent())
        return [await self._groups.handle(command)]

    async def _carry_out(self, commands: Sequence[C]) -> list[Outcome[S]]:
        # Not while trying: an insert that is refused ends the transaction.
        if len(commands) == 1 and commands[0].begins and not trying() and (first := await self._first(commands[0])):
            return [first]
        outcomes: dict[int, Outcome[S]] = {}
        waiting = list(enumerate(commands))
        for attempt in range(ATTEMPTS):
            streams = await self._load([command for _, command in waiting])
            decided: dict[str, list[tuple[int, Outcome[S]]]] = {}
            for index, command in waiting:
                decided.setdefault(command.stream, []).append((index, self._decide(streams[command.stream], command)))
                if index % BREATH == BREATH - 1:
                    await asyncio.sleep(0)
            written = await self._write([stream for stream in streams.values() if stream.new])
            for stream, results in decided.items():
                if not streams[stream].new or stream in written:
                    outcomes.update(results)
            waiting = [(index, command) for index, command in waiting if index not in outcomes]
            if not waiting:
                return [outcomes[index] for index in range(len(commands))]
            await asyncio.sleep(random.uniform(0, min(0.005 * 2**attempt, 0.5)))  # apart from the others who lost
        raise Contended(", ".join(sorted({command.stream for _, command in waiting})))

    async def _first(self, command: C) -> Outcome[S] | None:
        """The outcome of a command whose stream is not there yet, without looking first; None where it is there."""
        stream = self._unseen(command.stream)
        outcome = self._decide(stream, command)
        return outcome if stream.id in await self._write([stream] if stream.new else []) else None

    async def dry_run(self, commands: Sequence[C], supposed: Mapping[str, S] | None = None) -> list[Outcome[S]]:
        """What `handle` would do now, in order; nothing is written, and the events are never told. `supposed` are the
        states from which some streams go on, whatever is stored."""
        streams = await self._load(commands)
        for id, state in (supposed or {}).items():
            streams[id].state = state
        return [self._decide(streams[command.stream], command) for command in commands]

    async def _load(self, commands: Sequence[C]) -> dict[str, _Stream[S]]:
        """The streams of these commands, with the events of those that came before."""
        streams = {command.stream: self._unseen(command.stream) for command in commands}
        async for document in self.collection.find({"_id": {"$in": list(streams)}}, OUTLINE):
            streams[document["_id"]] = self._stream(document)
        causes = {id: {event["causationid"] for event in stream.stored} for id, stream in streams.items()}
        again = [command for command in commands if command.cause in causes[command.stream]]
        if again:
            asked = {"$literal": list({command.cause for command in again})}
            events = {"$filter": {"input": "$events", "cond": {"$in": ["$$this.causationid", asked]}}}
            ids = list({command.stream for command in again})
            async for document in self.collection.find({"_id": {"$in": ids}}, {"events": events}):
                stream = streams[document["_id"]]
                for event in document["events"]:
                    stream.known.setdefault(event["causationid"], []).append(from_stored(event, stream.key))
        return streams

    def _stream(self, document: Json) -> _Stream[S]:
        state = self.decider.state.model_validate(document["state"], strict=False)
        return _Stream(document["_id"], document["events"], state, [], document["state"], document.get("seal"))

    def _unseen(self, id: str) -> _Stream[S]:
        """A stream before its first event."""
        return _Stream(id, [], self.decider.state(), [], {})

    def _decide(self, stream: _Stream[S], command: C) -> Outcome[S]:
        if known := stream.caused_by(command.cause):
            return Outcome(stream.id, stream.version, stream.state, known)
        facts = self.decider.decide(stream.state, command)
        if isinstance(facts, Refusal):
            return Outcome(stream.id, stream.version, stream.state, refusal=facts)
        if stream.version + len(facts) > MAX_EVENTS:
            raise StreamFull(f"{stream.id} holds {stream.version} events; {MAX_EVENTS} is the most a stream may have")
        added = self._wrap(stream, command, facts) if facts else ()
        stream.new.extend(added)
        for fact in facts:
            stream.state = self.decider.evolve(stream.state, fact)
        return Outcome(stream.id, stream.version, stream.state, added, fresh=bool(added))

    def _wrap(self, stream: _Stream[S], command: C, facts: tuple[F, ...]) -> tuple[Event, ...]:
        source, version, last = self.decider.source, stream.version, stream.last
        correlation = (last["correlationid"] if last else command.correlation) or f"{source}/{stream.id}/1"
        # A stream's story is one trace: a person's act goes on where the stream's last event left off.
        parent = command.traceparent or (last.get("traceparent") if last else None)
        name = f"{self.decider.noun} {type(command).__name__}"
        with telemetry.within(command.request), telemetry.span(name, parent=parent) as traceparent:
            return tuple(
                Event(
                    id=f"{stream.id}/{version + n}",
                    source=source,
                    subject=stream.id,
                    time=command.at,
                    sequence=version + n,
                    causationid=command.cause,
                    correlationid=correlation,
                    actor=command.actor,
                    data=fact,
                    traceparent=traceparent,
                )
                for n, fact in enumerate(facts, start=1)
            )

    async def _write(self, streams: Sequence[_Stream[S]]) -> set[str]:
        """Write each stream whose version is still the one decided on; the ids of those surely written.

        One not in the result may have been written all the same (a connection lost, another's stream in the same bulk):
        the caller reads again, and finds its cause or decides anew.
        """
        if not streams:
            return set()
        crash_point("handle.before_write")
        inserts = [stream for stream in streams if not stream.stored]
        updates = [stream for stream in streams if stream.stored]
        writes: list[InsertOne[Json] | UpdateOne] = []
        for stream in (*inserts, *updates):
            writes.append(_update(stream) if stream.stored else _insert(stream))
            if len(writes) % BREATH == 0:
                await asyncio.sleep(0)
        lost: set[str] = set()
        try:
            result = await self.collection.bulk_write(writes, ordered=False)
            matched = result.matched_count
        except BulkWriteError as error:
            details: Any = error.details
            if any(e["code"] in TOO_LARGE for e in details["writeErrors"]):
                raise StreamFull(str(details["writeErrors"][0]["errmsg"])) from error
            if details["writeConcernErrors"] or any(e["code"] != DUPLICATE_KEY for e in details["writeErrors"]):
                if not error.has_error_label("RetryableWriteError") and not details["writeConcernErrors"]:
                    raise
                return set()
            lost = {inserts[e["index"]].id for e in details["writeErrors"]}
            matched = details["nMatched"]
        except ConnectionFailure:
            return set()
        except PyMongoError as error:
            if isinstance(error, DocumentTooLarge) or getattr(error, "code", None) in TOO_LARGE:
                raise StreamFull(str(error)) from error
            if not error.has_error_label("RetryableWriteError"):
                raise
            return set()
        crash_point("handle.after_write")
        if matched < len(updates):
            lost |= {stream.id for stream in updates}
        return {stream.id for stream in streams} - lost


def _sealed(stream: _Stream[Any]) -> tuple[list[Json], bytes | None]:
    """The new events as they are stored, and the key that opens what is personal in the stream then."""
    key, events = stream.key, list[Json]()
    for event in stream.new:
        if event.data.ERASES:
            key = None
        elif key is None and is_personal(event.data):
            key = new_key()
        try:
            events.append(to_stored(event, key))
        except TooLarge as error:
            raise StreamFull(str(error)) from error
    return events, key


def _insert(stream: _Stream[Any]) -> InsertOne[Json]:
    events, key = _sealed(stream)
    return InsertOne(
        {
            "_id": stream.id,
            "version": stream.version,
            "state": stream.state.model_dump(mode="json"),
            "events": events,
            "changed": Timestamp(0, 0),  # the server puts its own time in place of this one
            **({"seal": key} if key else {}),
        }
    )


def _update(stream: _Stream[Any]) -> UpdateOne:
    state = stream.state.model_dump(mode="json")
    # Most of a state, the entry above all, stays as it is: only what changes is written.
    changed = {f"state.{name}": value for name, value in state.items() if stream.before.get(name, ABSENT) != value}
    events, key = _sealed(stream)
    if key and key != stream.key:
        changed["seal"] = key
    return UpdateOne(
        {"_id": stream.id, "version": len(stream.stored)},
        {
            "$set": {"version": stream.version, **changed},
            "$push": {"events": {"$each": events}},
            "$currentDate": {"changed": {"$type": "timestamp"}},
            **({"$unset": {"seal": ""}} if stream.key and not key else {}),
        },
    )
