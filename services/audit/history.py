"""Reading histories from Kafka for the audit: whole, or one stream's partition. Nothing is written or committed."""

import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import orjson
from kafka import TopicPartition
from kafka.partitioner.default import murmur2

from audit.fold import AnyDecider, Message, read_event
from runtime.replay import Extent, extent, read
from runtime.settings import Settings
from schemas.envelope import Json
from schemas.events import Undecodable


class Unreachable(Exception):
    """Kafka does not answer at its addresses."""


def reach(bootstrap: str, timeout_s: float = 3.0) -> None:
    """Return once a broker accepts a connection; the client itself would wait for half a minute. Raises Unreachable."""
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            with socket.create_connection((host, int(port)), timeout_s):
                return
        except (OSError, ValueError):
            continue
    raise Unreachable(bootstrap)


def partition_of(stream: str, partitions: int) -> int:
    """The partition in which a stream's events lie, as every Kafka producer reckons it by default."""
    return int((murmur2(stream.encode()) & 0x7FFFFFFF) % partitions)


def whole(settings: Settings, topic: str, stream: str | None = None) -> Extent:
    """What there is to read now: of a topic, or of the one partition that holds `stream`."""
    return wholes(settings, [topic], stream)[topic]


def wholes(settings: Settings, topics: Sequence[str], stream: str | None = None) -> dict[str, Extent]:
    """As `whole`, of several topics by their names: connecting takes longer than asking."""
    full, found = extent(settings.kafka, topics), dict[str, Extent]()
    for topic in topics:
        places = [place for place in full.end if place.topic == topic]
        if stream is not None and places:
            wanted = partition_of(stream, len(places))
            places = [place for place in places if place.partition == wanted]
        found[topic] = Extent({at: full.first[at] for at in places}, {at: full.end[at] for at in places})
    return found


def messages(settings: Settings, within: Extent, stream: str | None = None) -> Iterator[list[Message]]:
    """The messages of an extent in lists, in order within each partition; only those keyed by `stream`, if given."""
    key = stream.encode() if stream is not None else None
    for records in read(settings.kafka, within):
        yield [
            Message(record.topic, record.partition, record.offset, record.key, record.value)
            for record in records
            if key is None or record.key == key
        ]


def event_at(settings: Settings, position: str) -> Json | None:
    """The event at `topic:partition:offset`; None where that is no position, or there is no event at it.

    Raises Unreachable or a KafkaError.
    """
    topic, _, rest = position.partition(":")
    partition, _, offset = rest.partition(":")
    if not (topic and partition.isdecimal() and offset.isdecimal()):
        return None
    reach(settings.kafka_bootstrap)
    full = extent(settings.kafka, [topic])
    place = TopicPartition(topic, int(partition))
    if not full.first.get(place, 0) <= int(offset) < full.end.get(place, 0):
        return None
    one = Extent({place: int(offset)}, {place: int(offset) + 1})
    for batch in messages(settings, one):
        for message in batch:
            try:
                value: Json = orjson.loads(message.value or b"")
                return value if isinstance(value["time"], str) else None
            except (orjson.JSONDecodeError, KeyError, TypeError):
                return None
    return None


@dataclass(frozen=True)
class Told:
    """One message of a stream: its event as JSON, or the error that says why it is none."""

    service: str
    position: str
    event: Json | None
    error: str | None = None
    again: bool = False  # the relay's repetition of an event told before


@dataclass(frozen=True)
class Story:
    """What one service's history tells of a stream; `scanned` messages were looked through, in `seconds`."""

    service: str
    told: tuple[Told, ...]
    scanned: int
    seconds: float


def story(settings: Settings, deciders: Sequence[AnyDecider], service: str, stream: str) -> Story:
    """A stream's events in order, from the one partition that holds it. Raises Unreachable or a KafkaError."""
    began = time.perf_counter()
    reach(settings.kafka_bootstrap)
    own = {decider.noun: decider for decider in deciders if decider.service == service}
    told: list[Told] = []
    seen: set[tuple[str, int]] = set()
    where = whole(settings, settings.topic(f"{service}.events"), stream)
    for batch in messages(settings, where, stream):
        for message in batch:
            try:
                decider, value, event = read_event(message, own)
            except Undecodable as error:
                told.append(Told(service, message.position, None, str(error)))
                continue
            number = (decider.noun, event.sequence)
            told.append(Told(service, message.position, value, again=number in seen))
            seen.add(number)
    return Story(service, tuple(told), where.messages, time.perf_counter() - began)
