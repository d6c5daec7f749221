"""What an operator asks of one service: what is parked, what waits and for what, and to send parked events on again."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from pymongo import WriteConcern
from pymongo.asynchronous.database import AsyncDatabase

from runtime.consume import React, redrive_one
from runtime.parking import Message, Parking, to_handle
from runtime.relay import lag_s
from runtime.settings import Settings
from runtime.trying import undone
from schemas.differences import Difference, another, differences
from schemas.envelope import Json

log = structlog.get_logger()

#: Topics of one family that an operator is shown: those furthest behind.
MOST_SHOWN = 20
#: Of parked streams, those that wait longest.
MOST_PARKED = 200
#: Of what people did with parked streams, the latest.
MOST_ACTS = 200
#: What says which event it is: mending must not make another one of it.
IDENTITY = ("id", "source", "subject", "sequence")


@dataclass(frozen=True)
class Parked:
    """A stream whose events wait since one of them could not be handled (design, promise 5).

    `id` names it for `redrive`; `waiting` counts its events, the first included; `topic`, `partition` and `offset`
    say where that first one lies in Kafka; `error` is the exception's type and text.
    """

    id: str
    stream: str
    topic: str
    partition: int
    offset: int
    since: datetime
    waiting: int
    error: str


@dataclass(frozen=True)
class Opened(Parked):
    """A parked stream with its first event: `raw` is that event as it came, undecodable bytes replaced.

    `mended` is what is handled in its place, None where nobody mended it; `differences` is in what that which would be
    handled differs from an event. `foreign`: what came is no event of this stream, and may be set aside.
    """

    raw: str
    mended: str | None = None
    differences: tuple[Difference, ...] = ()
    foreign: bool = False


@dataclass(frozen=True)
class Tried:
    """What would be if a stream were redriven now: so many of its events would be handled; `error` stops the next one,
    None where all would be."""

    handled: int
    error: str | None


@dataclass(frozen=True)
class Act:
    """What somebody did with a parked stream: `act` is mended, tried, redriven or set-aside; `said` is how it went."""

    at: datetime
    act: str
    actor: str
    stream: str
    topic: str
    said: Json


class CannotMend(ValueError):
    """What was given cannot stand in for the event: it would be another one, or is none; `differences` say why."""

    def __init__(self, differences: Sequence[Difference]) -> None:
        super().__init__("; ".join(f"{each.pointer}: {each.error['type']}" for each in differences))
        self.differences = tuple(differences)


class OfThisStream(ValueError):
    """What is to be set aside is an event of the stream: nothing that was decided is passed over. It must be mended."""


@dataclass(frozen=True)
class Relay:
    """How the outbox stands. `lag_s` is the age in seconds of the oldest change not yet in Kafka, 0 when none waits;
    `trouble` is what last interrupted the relay, None once it gets on."""

    holder: str | None
    position_at: datetime | None
    lag_s: float
    trouble: str | None = None


@dataclass(frozen=True)
class Consumer:
    """How far one topic has been read: `lag` in events behind its end, `oldest_s` the age of the next one to handle."""

    topic: str
    lag: int
    oldest_s: float


@dataclass(frozen=True)
class Queue:
    """Something that waits: `count` items, the oldest `oldest_s` seconds old; `frees` says what will free it."""

    name: str
    count: int
    oldest_s: float
    frees: str


@dataclass(frozen=True)
class Status:
    """What `/operations` shows; `relay` is None where the service emits nothing."""

    relay: Relay | None
    consumers: tuple[Consumer, ...] = ()
    queues: tuple[Queue, ...] = ()


#: A service's own queues, as they stand.
Queues = Callable[[], Awaitable[tuple[Queue, ...]]]


async def no_queues() -> tuple[Queue, ...]:
    """For a service in which nothing waits but events."""
    return ()


class Operations:
    """One service as its operator sees it. `reactions` gives what its worker subscribes, by topic.

    `families` are topics that come and go, which consumers of their own read: how their names begin, by group.
    """

    def __init__(
        self,
        service: str,
        settings: Settings,
        database: AsyncDatabase[Json],
        reactions: Callable[[AsyncDatabase[Json]], Mapping[str, React]],
        queues: Queues = no_queues,
        families: Mapping[str, str] | None = None,
    ) -> None:
        self._group = settings.topic_prefix + service
        self._settings = settings
        self._database = database
        self._parking = Parking(database)
        self._leases = database["leases"]
        self._reactions = {settings.topic(topic): react for topic, react in reactions(database).items()}
        # For trying out: a transaction as a whole has a write concern, what is written in it must have none.
        plain = database.with_options(write_concern=WriteConcern())
        self._tries = {settings.topic(topic): react for topic, react in reactions(plain).items()}
        self._queues = queues
        named = (families or {}).items()
        self._families = {settings.topic(group): settings.topic(beginning) for group, beginning in named}

    async def parked(self) -> tuple[list[Parked], int]:
        """The parked streams, the MOST_PARKED oldest of them; and how many there are in all."""
        found, total = await self._parking.list(MOST_PARKED)
        return [Parked(**_place(document)) for document in found], total

    async def opened(self, id: str) -> Opened | None:
        """One parked stream with its first event; None if nothing is parked there."""
        document = await self._parking.first(id)
        return _opened(document) if document else None

    async def redrive(self, id: str, actor: str) -> int | None:
        """Handle the parked events of one stream again, in order; how many were, or None if nothing is parked there."""
        document = await self._parking.get(id)
        if document is None:
            return None
        handled = 0

        async def handle(message: Message) -> None:
            nonlocal handled
            await redrive_one(message, self._reactions[message.topic])
            handled += 1

        error = await self._parking.redrive(id, handle)
        await self._parking.note("redriven", document, actor, handled=handled, error=error)
        log.info("parking.redriven", stream=document["stream"], actor=actor, handled=handled, error=error)
        return handled

    async def try_dry(self, id: str, actor: str) -> Tried | None:
        """What redriving a stream would do now; nothing of it stays. None if nothing is parked there."""
        document = await self._parking.get(id)
        if document is None:
            return None
        tried = await self._tried(document)
        await self._parking.note("tried", document, actor, handled=tried.handled, error=tried.error)
        return tried

    async def _tried(self, document: Json) -> Tried:
        handled = 0
        try:
            async with undone(self._database):
                for event in document["events"]:
                    await redrive_one(to_handle(document, event), self._tries[document["topic"]])
                    handled += 1
        except Exception as error:  # what redriving would park the stream for again
            return Tried(handled, repr(error))
        return Tried(handled, None)

    async def mend(self, id: str, body: str, actor: str) -> bool | None:
        """Have `body`, JSON, be handled in place of the first parked event of a stream, which stays beside it.

        False where it is what would be handled anyway; None if nothing is parked there. Raises CannotMend.
        """
        document = await self._parking.get(id)
        if document is None or not document["events"]:
            return None
        first = document["events"][0]
        mended = _mended(body, document["stream"], first["raw"])
        before = to_handle(document, first).raw
        if mended == before:
            return False
        if not await self._parking.mend(id, first["position"], mended):
            return None
        changed = {"position": first["position"], "before": before, "after": mended}
        await self._parking.note("mended", document, actor, **changed)
        log.info("parking.mended", stream=document["stream"], position=first["position"], actor=actor)
        return True

    async def set_aside(self, id: str, position: str, reason: str, actor: str) -> bool:
        """Take the first parked event of a stream away, unhandled, since it is none of that stream: what somebody else
        wrote to the topic can be neither mended nor handled. `position` is the one that was looked at. Its bytes are
        kept in `parked_acts`, and on Kafka.

        False where another one is the first by now, or none. Raises OfThisStream.
        """
        document = await self._parking.get(id)
        first = document["events"][0] if document and document["events"] else None
        if document is None or first is None or first["position"] != position:
            return False
        if not _is_foreign(first["raw"], document["stream"]):
            raise OfThisStream(id)
        if not await self._parking.set_aside(id, position):
            return False
        said = {"position": position, "before": first["raw"], "reason": reason}
        await self._parking.note("set-aside", document, actor, **said)
        log.info("parking.set-aside", stream=document["stream"], position=first["position"], actor=actor)
        return True

    async def acts(self) -> tuple[list[Act], int]:
        """What people did with parked streams, the latest MOST_ACTS first; and how much there is in all."""
        found, total = await self._parking.acts(MOST_ACTS)
        return [_act(document) for document in found], total

    async def status(self) -> Status:
        """Relay, consumers and queues, as they stand now."""
        consumers = await asyncio.to_thread(self._consumers)
        return Status(relay=await self.relay(), consumers=consumers, queues=await self.queues())

    async def relay(self) -> Relay | None:
        """How the outbox stands. A service that reacts to nothing has no worker, and so no relay (audit)."""
        return _relay(await self._leases.find_one({"_id": "relay"})) if self._reactions else None

    async def queues(self) -> tuple[Queue, ...]:
        """What waits in the service itself, in the language of the request."""
        return await self._queues()

    def _consumers(self) -> tuple[Consumer, ...]:
        if not self._reactions and not self._families:
            return ()
        admin = KafkaAdminClient(**self._settings.kafka)
        consumer = KafkaConsumer(**self._settings.kafka, group_id=None)
        try:
            followed = {self._group: list(self._reactions)} if self._reactions else {}
            topics = admin.list_topics() if self._families else []
            for group, beginning in self._families.items():
                family = sorted(topic for topic in topics if topic.startswith(beginning))
                followed[group] = _most_behind(consumer, family, _committed(admin, group))
            return tuple(
                _behind(consumer, topic, committed)
                for group, topics in followed.items()
                for committed in (_committed(admin, group),)
                for topic in topics
            )
        finally:
            consumer.close()
            admin.close()


def _committed(admin: KafkaAdminClient, group: str) -> dict[TopicPartition, Any]:
    """Where a group is, by partition; nowhere, where nobody ever joined it."""
    known = any(each["group_id"] == group for each in admin.list_groups())
    return dict(admin.list_group_offsets(group)[group]) if known else {}


def _most_behind(consumer: KafkaConsumer, topics: list[str], committed: Mapping[TopicPartition, Any]) -> list[str]:
    """Those of many topics that are furthest behind, by what waits on them, MOST_SHOWN at most."""
    partitions = [TopicPartition(topic, n) for topic in topics for n in consumer.partitions_for_topic(topic) or ()]
    waiting = dict.fromkeys(topics, 0)
    for tp, end in consumer.end_offsets(partitions).items() if partitions else ():
        waiting[tp.topic] += end - getattr(committed.get(tp), "offset", 0)
    return sorted(topics, key=lambda topic: -waiting[topic])[:MOST_SHOWN]


def _behind(consumer: KafkaConsumer, topic: str, committed: Mapping[TopicPartition, object]) -> Consumer:
    partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
    end, first = consumer.end_offsets(partitions), consumer.beginning_offsets(partitions)
    done = {tp: max(getattr(committed.get(tp), "offset", first[tp]), first[tp]) for tp in partitions}
    waiting = [tp for tp in partitions if end[tp] > done[tp]]
    oldest = datetime.now(UTC).timestamp()
    if waiting:
        consumer.assign(waiting)
        for tp in waiting:
            consumer.seek(tp, done[tp])
        for records in consumer.poll(timeout_ms=1000, max_records=len(waiting) * 100).values():
            oldest = min(oldest, records[0].timestamp / 1000)
    return Consumer(
        topic=topic,
        lag=sum(end[tp] - done[tp] for tp in partitions),
        oldest_s=max(0.0, datetime.now(UTC).timestamp() - oldest),
    )


def _relay(lease: Json | None) -> Relay:
    now = datetime.now(UTC)
    if lease is None:
        return Relay(holder=None, position_at=None, lag_s=0.0)
    held = lease["until"] > now
    position = lease.get("at")
    return Relay(
        holder=lease["holder"] if held else None,
        position_at=position.as_datetime() if position else None,
        lag_s=lag_s(lease),
        trouble=lease.get("trouble"),
    )


def _place(document: Json) -> dict[str, Any]:
    partition, _, offset = document["position"].partition(":")
    own = {name: document[name] for name in ("stream", "topic", "since", "waiting", "error")}
    return {"id": document["_id"], "partition": int(partition), "offset": int(offset), **own}


def _opened(document: Json) -> Opened:
    first = document["events"][0]
    return Opened(
        **_place(document),
        raw=first["raw"].decode(errors="replace"),
        mended=first["mended"].decode() if "mended" in first else None,
        differences=differences(to_handle(document, first).raw),
        foreign=_is_foreign(first["raw"], document["stream"]),
    )


def _is_foreign(raw: bytes, stream: str) -> bool:
    """Whether what came does not even say that it is an event of this stream."""
    try:
        came = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return True
    return not (isinstance(came, dict) and came.get("subject") == stream and "sequence" in came)


def _mended(body: str, stream: str, raw: bytes) -> bytes:
    """The body as bytes on Kafka. Raises CannotMend unless it is the event of this stream that came as `raw`."""
    if wrong := differences(body.encode(errors="replace")):
        raise CannotMend(wrong)
    value = orjson.loads(body)
    if value["subject"] != stream:
        raise CannotMend([another("/subject", value["subject"], stream)])
    try:
        came = orjson.loads(raw)
        orjson.dumps(came)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        came = {}
    for name in IDENTITY:
        if isinstance(came, dict) and came.get(name) not in (None, value[name]):
            raise CannotMend([another(f"/{name}", value[name], came[name])])
    return orjson.dumps(value)


def _act(document: Json) -> Act:
    fixed = ("_id", "at", "act", "actor", "stream", "topic", "parked")
    said = {name: value for name, value in document.items() if name not in fixed}
    return Act(
        at=document["at"],
        act=document["act"],
        actor=document["actor"],
        stream=document["stream"],
        topic=document["topic"],
        said={
            name: value.decode(errors="replace") if isinstance(value, bytes) else value for name, value in said.items()
        },
    )
