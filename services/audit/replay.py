"""The audit's replay: fold every history with the services' own `evolve`, and compare it with the live streams.

It writes nothing: Kafka is read without a consumer group, MongoDB from the primary with majority read concern (a
secondary may be behind, which would look like a difference).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial

from pymongo import MongoClient

from audit.compare import Comparison
from audit.examine import Difference
from audit.fold import AnyDecider
from audit.history import reach, whole
from runtime.settings import Settings
from schemas.envelope import Json, timestamp

#: Differences that are told in full; those beyond are counted.
TOLD = 1000


@dataclass(frozen=True)
class Counts:
    """What was compared of one service. `events` are those folded, `duplicates` the relay's repetitions."""

    service: str
    streams: int
    events: int
    duplicates: int
    differing: int


@dataclass(frozen=True)
class Verdict:
    """What a replay found. `differing` counts all differences, of which `differences` tells the first TOLD.

    `rate` is in events a second; `service` and `stream` say to what the replay was confined, if to anything.
    """

    equal: bool
    at: str
    service: str | None
    stream: str | None
    streams: int
    events: int
    duplicates: int
    differing: int
    seconds: float
    rate: float
    services: tuple[Counts, ...]
    differences: tuple[Difference, ...]

    def to_json(self) -> Json:
        """The verdict as JSON: what is kept, sent and printed."""
        return asdict(self) | {"differences": [asdict(each) | {"kind": str(each.kind)} for each in self.differences]}


@dataclass(frozen=True)
class Progress:
    """How far a replay is: `phase` is history, live, relay or details; `done` of `total` messages are folded."""

    phase: str
    service: str
    done: int
    total: int


def _unseen(_progress: Progress) -> None:
    pass


def reader(settings: Settings) -> MongoClient[Json]:
    """A client that sees what a majority holds, and gives up after five seconds without a primary."""
    return MongoClient(
        settings.mongo_url,
        tz_aware=True,
        readPreference="primary",
        readConcernLevel="majority",
        serverSelectionTimeoutMS=5000,
        appname="shuangqian-audit",
    )


def replay(
    settings: Settings,
    deciders: Sequence[AnyDecider],
    *,
    service: str | None = None,
    stream: str | None = None,
    progress: Callable[[Progress], None] = _unseen,
    patience_s: float = 10.0,
) -> Verdict:
    """Replay all histories, or one service's, or one stream's; what `progress` raises ends it.

    Events that are live and not yet on Kafka are waited for `patience_s` seconds, since the relay may be behind.
    Raises Unreachable, KafkaError or PyMongoError where Kafka or MongoDB is away.
    """
    began, at = time.perf_counter(), timestamp(datetime.now(UTC))
    reach(settings.kafka_bootstrap)
    services = [name for name in dict.fromkeys(decider.service for decider in deciders) if service in (None, name)]
    extents = {name: whole(settings, settings.topic(f"{name}.events"), stream) for name in services}
    total, before = sum(extent.messages for extent in extents.values()), 0
    counts: list[Counts] = []
    differences: list[Difference] = []

    def report(name: str, before: int, phase: str, done: int) -> None:
        progress(Progress(phase, name, before + done, total))

    with reader(settings) as client:
        for name in services:
            own = [decider for decider in deciders if decider.service == name]
            database, tell = client[settings.database(name)], partial(report, name, before)
            one = Comparison(settings, database, own, extents[name], stream, tell, TOLD - len(differences))
            found, unexamined = one.run(patience_s)
            differences += found
            counts.append(Counts(name, one.streams, one.fold.events, one.fold.duplicates, len(found) + unexamined))
            before += extents[name].messages
    seconds = time.perf_counter() - began
    events, differing = sum(count.events for count in counts), sum(count.differing for count in counts)
    return Verdict(
        equal=differing == 0,
        at=at,
        service=service,
        stream=stream,
        streams=sum(count.streams for count in counts),
        events=events,
        duplicates=sum(count.duplicates for count in counts),
        differing=differing,
        seconds=round(seconds, 3),
        rate=round(events / seconds, 1),
        services=tuple(counts),
        differences=tuple(differences),
    )
