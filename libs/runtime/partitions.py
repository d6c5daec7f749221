"""Raise the partitions of a history without breaking the order of any stream: `python -m runtime.partitions TOPIC N`.

Kafka can add partitions to a topic, but then a stream's later events lie on another partition than its earlier ones,
and whoever reads the history again may meet them in the wrong order. So the history is copied, stream by stream in
order, to a topic that has the partitions from its beginning (docs/decisions/0016, docs/how-to/raise-partitions.md).

A run that was cut off is run again. While `<topic>.moving` exists, it is known which of the two holds all: the topic
itself as long as it has its old number of partitions, else the copy. What somebody wrote to the topic since is in it
alone: then it is not made anew.
"""

import hashlib
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic
from kafka.errors import UnknownTopicOrPartitionError
from kafka.producer.future import FutureRecordMetadata
from kafka.structs import OffsetAndMetadata
from pymongo import MongoClient

from runtime.admin import KEPT
from runtime.consumers import Groups, followed
from runtime.replay import extent, read
from runtime.settings import Settings
from runtime.speech import either
from schemas.envelope import Json

COPY = ".moving"
#: Seconds in which a broker makes or forgets a topic.
WITHIN_S = 30.0
SEND_EVERY = 10_000

#: Of each stream, a digest of its messages in their order.
Digests = dict[bytes, bytes]


@dataclass(frozen=True)
class Kept:
    """How a topic is kept: on so many brokers, with these settings of its own."""

    replication: int
    settings: dict[str, str]


class CannotRaise(Exception):
    """Nothing was changed; the message says what must be done first."""


@dataclass(frozen=True)
class Raised:
    """What was moved, and to how many partitions."""

    messages: int
    streams: int
    partitions: int


def raise_partitions(settings: Settings, topic: str, count: int) -> Raised:
    """Move a history to a topic of its name with `count` partitions; groups go on where they were, at its end.

    Its replicas and settings stay as they are. All workers that write or read it must have ended, and what they read be
    read to its end. Raises CannotRaise.
    """
    name, copy = settings.topic(topic), settings.topic(topic) + COPY
    with closing(KafkaAdminClient(**settings.kafka)) as admin:
        existing = set(admin.list_topics())
        has = _partitions(settings, name) if name in existing else 0
        if copy not in existing:
            if not has:
                raise CannotRaise(either(f"There is no topic {name}.", f"没有主题 {name}。"))
            if count <= has:
                fewer = f"{name} has {_counted(has, 'partition')}; give a larger number than that."
                raise CannotRaise(either(fewer, f"{name} 已有 {has:,} 个分区，请给出更大的数。"))
        _ended(settings, topic)
        if copy not in existing or 0 < has < _partitions(settings, copy):
            before = extent(settings.kafka, [name])
            _all_read(settings, topic)
            kept = _kept(admin, name)
            _remake(settings, admin, copy, count, kept)
            if _copy(settings, name, copy) != _digests(settings, copy):
                other = f"The copy of {name} is not what it should be. Run it again."
                raise CannotRaise(either(other, f"{name} 的副本与原主题不一致，请重新运行。"))
            _ended(settings, topic)
            if extent(settings.kafka, [name]) != before:
                written = f"{name} was written to meanwhile. End all workers, and run it again."
                raise CannotRaise(either(written, f"其间 {name} 又有写入。请结束所有工作进程后重新运行。"))
        elif (meant := _partitions(settings, copy)) != count:
            begun = f"{name} is on its way to {_counted(meant, 'partition')}: finish that first."
            raise CannotRaise(either(begun, f"{name} 正在增至 {meant:,} 个分区，请先完成该操作。"))
        elif has and not _begins(settings, name, copy):
            more = f"{name} has events that {copy} has not: a worker ran. See docs/how-to/raise-partitions.md."
            zh = f"{name} 含有 {copy} 中没有的事件：其间有工作进程运行。见 docs/how-to/raise-partitions.md。"
            raise CannotRaise(either(more, zh))
        else:
            kept = _kept(admin, copy)
        _remake(settings, admin, name, count, kept)
        digests = _copy(settings, copy, name)
        if digests != _digests(settings, name):
            other = f"{name} is not yet what {copy} is. End all workers, and run it again."
            raise CannotRaise(either(other, f"{name} 与 {copy} 尚不一致。请结束所有工作进程后重新运行。"))
        _go_on_at_the_end(settings, admin, topic)
        admin.delete_topics([copy])
        return Raised(extent(settings.kafka, [name]).messages, len(digests), count)


def _reading(topic: str) -> dict[str, set[str]]:
    return {group: topics for group, topics in followed().items() if topic in topics}


def _ended(settings: Settings, topic: str) -> None:
    """No worker runs that reads the history or, by its relay, writes it. Raises CannotRaise."""
    writer = topic.partition(".")[0]
    with closing(Groups(settings, {writer: (), **_reading(topic)})) as groups:
        for group in groups.read():
            if group.members:
                runs = f"A worker of {group.name} runs. Let it read to the end, then end it."
                raise CannotRaise(either(runs, f"{group.name} 的工作进程仍在运行。请待其读完后结束。"))
    with MongoClient[Json](settings.mongo_url, tz_aware=True) as mongo:
        held = {"_id": "relay", "until": {"$gt": datetime.now(UTC)}}
        if mongo[settings.database(writer)]["leases"].find_one(held):
            relays = f"The relay of {writer} runs, or was killed a moment ago. End its workers, and wait a little."
            raise CannotRaise(
                either(relays, f"{writer} 的转发器仍在运行，或刚被强行终止。请结束其工作进程，稍候再试。")
            )


def _all_read(settings: Settings, topic: str) -> None:
    """Nothing of the history is unread or parked. Raises CannotRaise."""
    reading = _reading(topic)
    with closing(Groups(settings, reading)) as groups:
        for group in groups.read():
            lag = sum(part.lag for part in group.parts if part.topic == topic)
            # A group that never joined has no place to lose: it will read from the first event.
            if lag and group.state != "Dead":
                unread = f"{group.name} has {_counted(lag, 'event')} of {topic} to read. Let it read to the end."
                raise CannotRaise(either(unread, f"{group.name} 还有 {topic} 的 {lag:,} 个事件未读，请待其读完。"))
    with MongoClient[Json](settings.mongo_url) as mongo:
        for service in reading:
            parked = mongo[settings.database(service)]["parked"].count_documents({"topic": settings.topic(topic)})
            if parked:  # an event that waits is known by its place, which is about to change
                waits = f"{service} has {_counted(parked, 'parked stream')} of {topic}. Mend and redrive first."
                raise CannotRaise(either(waits, f"{service} 有 {parked:,} 个 {topic} 的搁置流，请先修正并重新发送。"))


def _go_on_at_the_end(settings: Settings, admin: KafkaAdminClient, topic: str) -> None:
    """All was read before it was moved: no group shall read it a second time."""
    end = extent(settings.kafka, [settings.topic(topic)]).end
    known = {group["group_id"] for group in admin.list_groups()}
    for group in map(settings.topic, _reading(topic)):
        if group in known:
            admin.alter_group_offsets(group, {tp: OffsetAndMetadata(at, "", -1) for tp, at in end.items()})


def _copy(settings: Settings, source: str, target: str) -> Digests:
    """Every message of one topic to another, with its key, headers and time; the digests of what was read."""
    digests: Digests = {}
    producer = KafkaProducer(
        **settings.kafka,
        acks="all",
        enable_idempotence=True,
        linger_ms=5,
        batch_size=256 * 1024,
        max_request_size=4 * 1024 * 1024,
    )
    with closing(producer):
        sent: list[FutureRecordMetadata] = []
        for records in read(settings.kafka, extent(settings.kafka, [source])):
            for record in records:
                _digest(digests, record.key, record.value)
                sent.append(
                    producer.send(
                        target,
                        key=record.key,
                        value=record.value,
                        headers=list(record.headers),
                        timestamp_ms=record.timestamp,
                    )
                )
            if len(sent) >= SEND_EVERY:
                _acknowledged(producer, sent)
        _acknowledged(producer, sent)
    return digests


def _acknowledged(producer: KafkaProducer, sent: list[FutureRecordMetadata]) -> None:
    producer.flush()
    for future in sent:
        future.get(timeout=0)
    sent.clear()


def _digests(settings: Settings, topic: str) -> Digests:
    digests: Digests = {}
    for records in read(settings.kafka, extent(settings.kafka, [topic])):
        for record in records:
            _digest(digests, record.key, record.value)
    return digests


def _begins(settings: Settings, part: str, whole: str) -> bool:
    """Whether each stream of one topic is what the other has of it, or the beginning of that."""
    left, digests = _digests(settings, part), Digests()
    for records in read(settings.kafka, extent(settings.kafka, [whole])):
        for record in records:
            _digest(digests, record.key, record.value)
            stream = record.key or b""
            if left.get(stream) == digests[stream]:
                del left[stream]
    return not left


def _digest(digests: Digests, key: bytes | None, value: bytes | None) -> None:
    """Each stream's digest covers the one before it, so a message that is missing, repeated or elsewhere shows."""
    stream = key or b""
    digests[stream] = hashlib.sha256(digests.get(stream, b"") + hashlib.sha256(value or b"").digest()).digest()


def _kept(admin: KafkaAdminClient, topic: str) -> Kept:
    """How a topic is kept: its replicas, and the settings that are its own."""
    (described,) = admin.describe_topics([topic])
    replication = max(len(part["replica_nodes"]) for part in described["partitions"])
    own = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])["topic"][topic]
    return Kept(replication, KEPT | {name: each["value"] for name, each in own.items()})


def _remake(settings: Settings, admin: KafkaAdminClient, topic: str, count: int, kept: Kept) -> None:
    """An empty topic of that name, whatever was there before."""
    with suppress(UnknownTopicOrPartitionError):
        admin.delete_topics([topic])
    _until(lambda: topic not in admin.list_topics())
    admin.create_topics([NewTopic(topic, count, kept.replication, topic_configs=kept.settings)])
    _until(lambda: _partitions(settings, topic) == count)


def _partitions(settings: Settings, topic: str) -> int:
    return len(extent(settings.kafka, [topic]).end)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _until(check: Callable[[], bool]) -> None:
    until = time.monotonic() + WITHIN_S
    while not check():
        if time.monotonic() > until:
            raise TimeoutError(f"Kafka did not do it within {WITHIN_S:.0f} s")
        time.sleep(0.1)


def main() -> None:
    match sys.argv[1:]:
        case [topic, count] if count.isdecimal():
            try:
                raised = raise_partitions(Settings.load(), topic, int(count))
            except CannotRaise as failed:
                sys.exit(str(failed))
            moved = f"{_counted(raised.messages, 'event')} of {_counted(raised.streams, 'stream')}"
            done = f"{topic}: {moved} on {_counted(raised.partitions, 'partition')}"
            zh = f"{topic}：{raised.streams:,} 个流的 {raised.messages:,} 个事件，分布于 {raised.partitions:,} 个分区"
            print(either(done, zh))
        case _:
            usage = "python -m runtime.partitions submissions.events 24"
            sys.exit(either(f"usage: {usage}", f"用法：{usage}"))


if __name__ == "__main__":
    main()
