"""A replay in pieces: one partition of one service's history each, held against the live streams that lie in it.

A unit's messages are kept in memory as bytes while it is at work, and nothing of them afterwards; a partition that
holds more than AT_ONCE is gone through in slices, by the hash of the key. So memory is bounded, however long it is.
"""

import gc
import time
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field
from typing import Any

import orjson
from kafka import KafkaConsumer, TopicPartition
from pymongo import MongoClient

from audit.compare import NO_KEY, Judged, Place, Record, judge, judge_alone, split
from audit.effects import Links
from audit.examine import Difference
from audit.fold import AnyDecider, Message, read_event
from runtime.replay import Extent, drain, reader
from runtime.settings import Settings
from schemas.envelope import Json
from schemas.events import Undecodable

#: The partition of a service that has no topic.
NOWHERE = -1
#: Messages that a unit holds in memory, about.
AT_ONCE = 200_000
#: Live streams read with one query.
CHUNK = 200
#: Seconds between two looks at Kafka for what the relay has yet to send.
LOOK_AGAIN_S = 0.3
#: Differences that are told in full; those beyond are counted.
TOLD = 1000

Report = Callable[[str, int], None]


@dataclass(frozen=True)
class Unit:
    """A partition of a service's history, or a slice of it.

    `ids`: only the streams of these names, also where nothing of them is in the history. `first`: from there on.
    `live`: held against the live streams, else against nothing but itself.
    `offset` and `until` (RFC 3339, UTC) end the history: the last message, the last moment that counts.
    """

    service: str
    partition: int
    slice: int = 0
    slices: int = 1
    ids: frozenset[str] | None = None
    first: int | None = None
    offset: int | None = None
    until: str | None = None
    live: bool = True

    @property
    def name(self) -> str:
        return f"{self.service}-{self.partition}-{self.slice}of{self.slices}"

    @property
    def cut(self) -> bool:
        return self.offset is not None or self.until is not None


@dataclass
class Found:
    """What a unit comes to. `versions` are the lengths of its streams, by noun; `end` is the offset read up to."""

    service: str
    partition: int
    end: int = 0
    events: int = 0
    duplicates: int = 0
    went_on: int = 0
    differing: int = 0
    differences: list[Difference] = field(default_factory=list)
    versions: dict[str, dict[str, int]] = field(default_factory=dict)
    links: Links = field(default_factory=Links)
    gap: int = 0

    def take(self, key: bytes, judged: Judged) -> None:
        """Count one name's streams in."""
        id = key.decode(errors="replace")
        self.duplicates += judged.duplicates
        self.went_on += judged.went_on
        self.differing += len(judged.differences)
        self.differences += judged.differences[: max(0, TOLD - len(self.differences))]
        for told in judged.told:
            self.events += len(told.events)
            self.versions.setdefault(told.noun, {})[id] = len(told.events)
            self.links.tell(self.service, told.noun, id, told.events, told.positions)


class Worker:
    """Carries units out, one after the other, with connections that it keeps."""

    def __init__(self, settings: Settings, deciders: Sequence[AnyDecider], client: MongoClient[Json]) -> None:
        self._settings, self._client = settings, client
        self._in_vain = False  # a relay that was waited for and did not come is not waited for again
        self._consumer: KafkaConsumer = reader(settings.kafka)
        self._deciders: dict[str, dict[str, AnyDecider]] = {}
        for decider in deciders:
            self._deciders.setdefault(decider.service, {})[decider.noun] = decider

    def close(self) -> None:
        """End the connection to Kafka."""
        self._consumer.close()

    def run(self, unit: Unit, report: Report, patience_s: float) -> Found:
        """Read, fold and compare a unit; `report(phase, messages)` hears how it goes, and may end it by raising.

        The history's end is fixed before the live streams are read, so the live ones can only be ahead of it. Those
        that are, are waited for `patience_s` seconds.
        """
        deciders, place = self._deciders[unit.service], self._place(unit)
        within = self._extent(unit, place)
        found = Found(unit.service, unit.partition, sum(within.end.values()))
        found.gap = sum(within.first.values()) if unit.first is None else 0
        with _collecting_nothing():
            histories = self._read(unit, within)
            behind: dict[bytes, Mapping[str, Json]] = {}
            for keys in _chunks(list(histories)):
                lives = self._live(unit.service, keys) if unit.live else {}
                for key in keys:
                    if unit.live:
                        judged = judge(deciders, key, histories[key], place, lives[key], cut=unit.cut)
                    else:
                        judged = judge_alone(deciders, key, histories[key], place)
                    if judged.behind:
                        behind[key] = lives[key]
                    else:
                        found.take(key, judged)
                report("history", sum(len(histories.pop(key)) for key in keys if key not in behind))
            report("history", sum(len(histories[key]) for key in behind))
            self._wait(found, place, histories, behind, report, patience_s)
        return found

    def histories(self, unit: Unit) -> tuple[Place, dict[bytes, list[Record]]]:
        """A unit's messages by key, each in order, and where they lie."""
        place = self._place(unit)
        return place, self._read(unit, self._extent(unit, place))

    def _place(self, unit: Unit) -> Place:
        return Place(self._settings.topic(f"{unit.service}.events"), unit.partition)

    def _extent(self, unit: Unit, place: Place) -> Extent:
        if unit.partition == NOWHERE:
            return Extent({}, {})
        partition = TopicPartition(*astuple(place))
        first, end = self._consumer.beginning_offsets([partition]), self._consumer.end_offsets([partition])
        if unit.offset is not None:
            end = {partition: min(end[partition], max(first[partition], unit.offset + 1))}
        return Extent(first if unit.first is None else {partition: unit.first}, end)

    def _read(self, unit: Unit, within: Extent) -> dict[bytes, list[Record]]:
        """The unit's messages by key, each in order."""
        histories: dict[bytes, list[Record]] = {id.encode(): [] for id in unit.ids or ()}
        only = frozenset(histories) if unit.ids is not None else None
        for records in drain(self._consumer, within):
            for record in records:
                key = NO_KEY if record.key is None else record.key
                if only is not None and key not in only:
                    continue
                if unit.slices > 1 and zlib.crc32(key) % unit.slices != unit.slice:
                    continue
                if unit.until is not None and _is_after(record.value, unit.until):
                    continue
                histories.setdefault(key, []).append((record.offset, record.value))
        return histories

    def _live(self, service: str, keys: Sequence[bytes]) -> dict[bytes, dict[str, Json]]:
        """The live streams of these names, by name and noun."""
        found: dict[bytes, dict[str, Json]] = {key: {} for key in keys}
        database = self._client[self._settings.database(service)]
        ids = [key.decode(errors="replace") for key in keys]
        for noun, decider in self._deciders[service].items():
            wanted = database[decider.collection].find(
                {"_id": {"$in": ids}}, {"changed": 0, "seal": 0}, batch_size=len(ids)
            )
            for document in wanted:
                found.get(document["_id"].encode(), {})[noun] = document
        return found

    def _wait(
        self,
        found: Found,
        place: Place,
        histories: dict[bytes, list[Record]],
        behind: dict[bytes, Mapping[str, Json]],
        report: Report,
        patience_s: float,
    ) -> None:
        """Take in what comes to Kafka of the streams behind, until each has what it had live or patience ends."""
        deciders, end = self._deciders[found.service], found.end
        until = time.monotonic() + (0 if self._in_vain else patience_s)
        while behind and found.partition != NOWHERE:
            report("relay", 0)
            end, came = self._newly_sent(place, end, histories, behind, deciders)
            for key in came:
                judged = judge(deciders, key, histories[key], place, behind[key])
                if not judged.behind:
                    found.take(key, judged)
                    del behind[key]
            self._in_vain |= bool(behind) and time.monotonic() > until
            if not behind or self._in_vain:
                break
            time.sleep(LOOK_AGAIN_S)
        for key, lives in behind.items():
            found.take(key, judge(deciders, key, histories[key], place, lives))

    def _newly_sent(
        self,
        place: Place,
        since: int,
        histories: dict[bytes, list[Record]],
        behind: Mapping[bytes, Mapping[str, Json]],
        deciders: Mapping[str, AnyDecider],
    ) -> tuple[int, set[bytes]]:
        """Adds to the histories what came since; the new end, and the keys of which something came."""
        partition = TopicPartition(*astuple(place))
        end, came = self._consumer.end_offsets([partition])[partition], set()
        for records in drain(self._consumer, Extent({partition: since}, {partition: end})):
            for record in records:
                if record.key in behind and _is_held(record, place, behind[record.key], deciders):
                    histories[record.key].append((record.offset, record.value))
                    came.add(record.key)
        return end, came

    def split(self, service: str, ids: Collection[str], partitions: int) -> Iterator[Difference]:
        """Of streams that lie on several partitions: that they do, and where, taken by their numbers, they differ."""
        deciders = self._deciders[service]
        topic = self._settings.topic(f"{service}.events")
        units = [Unit(service, number, ids=frozenset(ids)) for number in range(partitions)]
        lies: dict[bytes, list[tuple[int, Record]]] = {}
        for unit in units:
            for key, records in self._read(unit, self._extent(unit, self._place(unit))).items():
                lies.setdefault(key, []).extend((unit.partition, record) for record in records)
        for key, placed in lies.items():
            messages = [Message(topic, number, offset, key, value) for number, (offset, value) in placed]
            yield from split(deciders, messages, self._live(service, [key])[key])


def _is_held(record: Any, place: Place, lives: Mapping[str, Json], deciders: Mapping[str, AnyDecider]) -> bool:
    """Whether a message that came late counts: what was written after the live stream was read does not."""
    try:
        message = Message(place.topic, place.partition, record.offset, record.key, record.value)
        decider, _value, event = read_event(message, deciders)
    except Undecodable:  # it is no part of what was live; the next replay tells of it
        return False
    live = lives.get(decider.noun)
    return live is not None and event.sequence <= len(live.get("events") or ())


def _is_after(value: bytes | None, until: str) -> bool:
    try:
        return bool(orjson.loads(value or b"")["time"] > until)
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return False


def _chunks(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(keys), CHUNK):
        yield keys[start : start + CHUNK]


@contextmanager
def _collecting_nothing() -> Iterator[None]:
    """What is folded is in no cycle, so the collector need not go through it again and again."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
