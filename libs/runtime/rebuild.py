"""Rebuild a service's database from Kafka: `python -m <service> replay` (docs/decisions/0023, docs/how-to/rebuild.md).

Its streams are folded from its own history, its projections made by its own reactions, both in a shadow database beside
the live one. Then document is compared with document, and what is missing or says something else is put right: one
write a document, guarded by what was compared, so that services may be at work meanwhile and lose nothing. What was
there before is kept in the collection `replaced`.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from kafka import KafkaAdminClient
from kafka.consumer.fetcher import ConsumerRecord
from kafka.structs import TopicPartition
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from runtime.consume import React
from runtime.replay import Extent, extent, read
from runtime.settings import Settings
from runtime.shadow import AnyDecider, Fault, Refold, extended, form, plain
from runtime.swap import Made, Rebuilt, Swap
from schemas.envelope import Event, Json
from schemas.events import Undecodable, decode

#: What is done about messages; taken again, they change nothing.
Take = Callable[[Sequence[ConsumerRecord]], Awaitable[None]]
SHADOW = "_rebuilt"
#: Streams that are named of those left, at most.
NAMED = 20
#: Messages taken at a time.
BATCH = 1000


class CannotRebuild(Exception):
    """Nothing was changed; the message says what must be done first."""


@dataclass(frozen=True)
class Projection:
    """What a service keeps of others' histories: `react(database)` makes it of the events of `topics`."""

    made: Made
    topics: tuple[str, ...]
    react: Callable[[AsyncDatabase[Json]], React]


@dataclass(frozen=True)
class Report:
    """A rebuild's outcome; `faults` were left as they are live."""

    service: str
    messages: int
    seconds: float
    collections: tuple[Rebuilt, ...]
    faults: tuple[Fault, ...]

    @property
    def whole(self) -> bool:
        return not self.faults and not any(each.unsent for each in self.collections)


class _Histories:
    """Topics, read from their first message and, each time again, what has come since."""

    def __init__(self, settings: Settings, topics: Iterable[str], take: Take) -> None:
        self._kafka, self._take = settings.kafka, take
        self._topics = [settings.topic(topic) for topic in topics]
        self._at: dict[TopicPartition, int] = {}
        self.messages = 0

    async def follow(self) -> None:
        now = await asyncio.to_thread(extent, self._kafka, self._topics)
        within = Extent({tp: self._at.get(tp, now.first[tp]) for tp in now.end}, now.end)
        batches = read(self._kafka, within)
        while (records := await asyncio.to_thread(next, batches, None)) is not None:
            for start in range(0, len(records), BATCH):
                await self._take(records[start : start + BATCH])
            self.messages += len(records)
        self._at = now.end


async def rebuild(
    settings: Settings,
    service: str,
    client: AsyncMongoClient[Json],
    deciders: Sequence[AnyDecider],
    projections: Sequence[Projection],
    *,
    patience_s: float = 10.0,
) -> Report:
    """Rebuild a service's streams and projections; `client` writes by majority.

    Facts that are live and not on Kafka yet are waited for `patience_s` seconds, since the relay may be behind; their
    streams are left as they are. Raises CannotRebuild, KafkaError or PyMongoError; a run that was cut off is run again.
    """
    began = time.perf_counter()
    live, shadow = client[settings.database(service)], client[settings.database(service) + SHADOW]
    lost = not any([await live[decider.collection].find_one({}, {"_id": 1}) for decider in deciders])
    if lost and await asyncio.to_thread(_members, settings, service):
        raise CannotRebuild(f"All streams of {service} are gone and a worker of it runs. Stop its workers and its api.")
    await client.drop_database(shadow.name)
    refold, faults = Refold(shadow, deciders), list[Fault]()
    own = _Histories(settings, {decider.topic for decider in deciders}, refold.take)
    await own.follow()
    histories, done = [own], []
    for decider in deciders:
        made = Made(decider.collection, _same_stream, _longer, _unsealing, extended=partial(extended, decider))
        done.append(await Swap(live, shadow, made, refold.faults).run(own.follow, patience_s))
    for each in projections:
        theirs = _Histories(settings, each.topics, _taking(each.react(shadow), faults))
        await theirs.follow()
        histories.append(theirs)
        done.append(await Swap(live, shadow, each.made).run(theirs.follow, patience_s))
    if lost:
        await _go_on(live)
    await client.drop_database(shadow.name)
    messages, seconds = sum(each.messages for each in histories), time.perf_counter() - began
    return Report(service, messages, seconds, tuple(done), (*refold.faults.values(), *faults))


def _same_stream(live: Json, made: Json) -> bool:
    alike = all(form(live.get(part)) == form(made[part]) for part in ("version", "state"))
    return alike and form(plain(live.get("events"))) == form(plain(made["events"]))


def _unsealing(live: Json, made: Json) -> Json:
    """What history gives, with what it does not have: the key to what is personal in it."""
    return made | ({"seal": live["seal"]} if "seal" in live else {})


def _longer(live: Json, made: Json) -> bool:
    events = live.get("events")
    return isinstance(events, list) and len(events) > len(made["events"])


def _taking(react: React, faults: list[Fault]) -> Take:
    """What a projection does about messages: those it cannot take are named, as its worker would park them."""

    async def take(records: Sequence[ConsumerRecord]) -> None:
        told: list[tuple[ConsumerRecord, Event]] = []
        for record in records:
            try:
                told.append((record, decode(record.value or b"")))
            except Undecodable as error:
                faults.append(_fault(record, error))
        try:
            await react([event for _, event in told])
        except (ValueError, TypeError, LookupError, AssertionError):  # not a database that is away
            for record, event in told:
                try:
                    await react([event])
                except (ValueError, TypeError, LookupError, AssertionError) as error:
                    faults.append(_fault(record, error))

    return take


def _fault(record: ConsumerRecord, error: Exception) -> Fault:
    stream = (record.key or b"").decode(errors="replace")
    return Fault(stream, f"{record.topic}:{record.partition}:{record.offset}", str(error) or repr(error))


def _members(settings: Settings, service: str) -> bool:
    """Whether any worker of the service is in its consumer group."""
    group = settings.topic(service)
    with closing(KafkaAdminClient(**settings.kafka)) as admin:
        # A group that nobody ever joined cannot be described.
        known = any(each["group_id"] == group for each in admin.list_groups())
        return known and bool(admin.describe_groups([group])[group]["members"])


async def _go_on(live: AsyncDatabase[Json]) -> None:
    """After all was lost: the relay goes on from now, since Kafka has what was rebuilt."""
    now = (await live.command("ping"))["operationTime"]
    place = {"until": datetime(1970, 1, 1, tzinfo=UTC), "fence": 0, "token": None, "at": now}
    await live["leases"].update_one({"_id": "relay"}, {"$setOnInsert": place}, upsert=True)


def run(settings: Settings, service: str, deciders: Sequence[AnyDecider], projections: Sequence[Projection]) -> None:
    """The command: say what became of each collection. Exit code 0; 1 where something was left; 2 where it cannot be
    done yet."""

    async def all_of_it() -> Report:
        async with AsyncMongoClient[Json](settings.mongo_url, w="majority", journal=True, tz_aware=True) as client:
            return await rebuild(settings, service, client, deciders, projections)

    try:
        report = asyncio.run(all_of_it())
    except CannotRebuild as failed:
        print(failed, file=sys.stderr)
        sys.exit(2)
    print(f"{service}: {report.messages:,} messages read in {report.seconds:.1f} s")
    for each in report.collections:
        counts = f"{each.equal:,} equal, {each.restored:,} restored, {each.mended:,} mended, {each.removed:,} removed"
        print(f"  {each.collection}: {counts}")
        for stream in each.unsent[:NAMED]:
            print(f"    left: {stream} has facts that are not on Kafka. Let the relay run, then do this again.")
        if len(each.unsent) > NAMED:
            print(f"    … and {len(each.unsent) - NAMED:,} more")
    for fault in report.faults:
        print(f"  left: {fault.stream} at {fault.position}: {fault.why}")
    sys.exit(0 if report.whole else 1)
