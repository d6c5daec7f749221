"""The audit's replay: fold every history with the services' own `evolve`, and compare it with the live streams.

It writes nothing: Kafka is read without a consumer group, MongoDB from the primary with majority read concern (a
secondary may be behind, which would look like a difference). A user of MongoDB who may only read is enough.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pymongo import MongoClient

from audit.fold import AnyDecider
from audit.history import partition_of, reach, wholes
from audit.kept import Kept
from audit.servers import kafka_said, mongo_said
from audit.sums import Against, Sums, Verdict
from audit.team import carried_out, client
from audit.units import AT_ONCE, NOWHERE, Unit
from runtime.replay import Extent
from runtime.settings import Settings
from schemas.envelope import Json, timestamp

__all__ = ["Against", "Progress", "Until", "Verdict", "replay", "units_of"]
#: Messages below which other processes take longer to start than they save.
WORTH_SHARING = 30_000
#: Seconds in which what follows from an event may still be under way.
UNDER_WAY_S = 60.0


@dataclass(frozen=True)
class Until:
    """Where the history is cut: after this offset in each partition, or after this moment."""

    offset: int | None = None
    time: datetime | None = None


@dataclass(frozen=True)
class Progress:
    """How far a replay is: `phase` is history, alone (held against nothing else), both (of a shadow replay), bundle,
    relay, live or links; `done` of `total` messages are through, in so many seconds."""

    phase: str
    service: str
    done: int
    total: int
    seconds: float = 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds that are left at this pace, where that can be said."""
        return self.seconds * (self.total - self.done) / self.done if self.done and self.seconds else None


def _unseen(_progress: Progress) -> None:
    pass


def replay(
    settings: Settings,
    deciders: Sequence[AnyDecider],
    *,
    service: str | None = None,
    stream: str | None = None,
    until: Until | None = None,
    against: Against = "live",
    processes: int | None = None,
    keep: Kept | None = None,
    progress: Callable[[Progress], None] = _unseen,
    patience_s: float = 10.0,
    under_way_s: float = UNDER_WAY_S,
) -> Verdict:
    """Replay all histories, or one service's, or one stream's; what `progress` raises ends it.

    Against `nothing`, MongoDB is not asked: the history is held against itself, and all that is noticed is.

    It takes as many `processes` as there are cores, unless told, and where there is enough to share. Events that are
    live and not yet on Kafka are waited for `patience_s` seconds, since the relay may be behind. An effect may be
    `under_way_s` seconds behind its cause. What is found is kept in `keep`, and taken from there.

    Raises Unreachable, Removed, KafkaError, PyMongoError or ProcessLost.
    """
    began, at = time.perf_counter(), datetime.now(UTC)
    reach(settings.kafka_bootstrap)
    services = [name for name in dict.fromkeys(decider.service for decider in deciders) if service in (None, name)]
    topics = {name: settings.topic(f"{name}.events") for name in services}
    there = wholes(settings, list(topics.values()), stream)
    extents = {name: there[topic] for name, topic in topics.items()}
    total = sum(extent.messages for extent in extents.values())
    processes = processes or (os.cpu_count() or 1 if total >= WORTH_SHARING else 1)

    def hear(phase: str, name: str, done: int) -> None:
        phase = "alone" if (phase, against) == ("history", "nothing") else phase
        progress(Progress(phase, name, min(done, total), total, time.perf_counter() - began))

    sums, resumed = Sums(topics), False
    units: list[Unit] = []
    for unit in units_of(extents, stream, until, against):
        if keep and (found := keep.get(unit)):
            resumed = True
            sums.add(found)
        else:
            units.append(unit)
    for unit, found in carried_out(settings, deciders, units, processes, hear, patience_s):
        sums.add(found)
        if keep:
            keep.keep(unit, found)
    with client(settings) as mongo:
        if until is None and stream is None and against == "live":
            hear("live", services[-1], total)
            late = list(_latecomers(settings, deciders, mongo, sums))
            for _, found in carried_out(settings, deciders, late, 1, lambda *_: None, patience_s):
                sums.add(found)
        if against == "live":
            sums.mend_split(settings, deciders, mongo, {name: len(extent.end) for name, extent in extents.items()})
    hear("links", services[-1], total)
    if stream is None and (until is None or until.time is not None):
        end = min(at, until.time) if until and until.time else at
        sums.link(timestamp(end - timedelta(seconds=under_way_s)))
    seconds = time.perf_counter() - began
    return sums.verdict(
        at=timestamp(at),
        service=service,
        stream=stream,
        seconds=round(seconds, 3),
        rate=round(sums.events / seconds, 1),
        until=(timestamp(until.time) if until.time else str(until.offset)) if until else None,
        against=against,
        processes=processes,
        resumed=resumed,
        kafka=kafka_said(settings),
        mongo=mongo_said(settings) if against == "live" else None,
    )


def units_of(
    extents: Mapping[str, Extent], stream: str | None, until: Until | None, against: Against
) -> Iterator[Unit]:
    """The units of a replay, the largest first, so that no process is left alone with one at the end."""
    ids = None if stream is None else frozenset([stream])
    offset = until.offset if until else None
    time = timestamp(until.time) if until and until.time else None
    sized: list[tuple[int, Unit]] = []
    for service, extent in extents.items():
        for place, end in extent.end.items():
            messages = end - extent.first[place]
            slices = 1 if stream else -(-messages // AT_ONCE) or 1
            for number in range(slices):
                unit = Unit(service, place.partition, number, slices, ids, None, offset, time, against == "live")
                sized.append((messages // slices, unit))
        if ids and not extent.end and against == "live":
            sized.append((0, Unit(service, NOWHERE, ids=ids)))
    return (unit for _, unit in sorted(sized, key=lambda each: -each[0]))


def _latecomers(
    settings: Settings, deciders: Sequence[AnyDecider], mongo: MongoClient[Json], sums: Sums
) -> Iterator[Unit]:
    """Units of the live streams that no history had: new ones whose events are on their way, or such as never come."""
    for service, counted in sums.services.items():
        places: dict[int, set[str]] = {}
        for decider in deciders:
            if decider.service == service:
                known = counted.versions.get(decider.noun, {})
                for document in mongo[settings.database(service)][decider.collection].find({}, {"_id": 1}):
                    if (id := document["_id"]) not in known:
                        partition = partition_of(id, len(counted.ends)) if counted.ends else NOWHERE
                        places.setdefault(partition, set()).add(id)
        for partition, ids in places.items():
            yield Unit(service, partition, ids=frozenset(ids), first=counted.ends.get(partition))
