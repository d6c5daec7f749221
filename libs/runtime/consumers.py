"""Where consumer groups stand: how far each has read, what waits for it, and which worker has which partitions.

All of it is Kafka's own, open to whoever may describe its groups: to know how another service's workers keep up, nobody
reads that service's database.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from runtime.settings import Settings
from schemas.asyncapi import READERS
from schemas.topics import INTAKE_GROUP

#: A broker that does not answer is told of after so long, not waited for.
ANSWERS_WITHIN_MS = 5_000
#: Milliseconds to wait for the records whose age is asked for.
RECORDS_WITHIN_MS = 500


@dataclass(frozen=True)
class Part:
    """One partition as a group has read it: `done` is the next offset to handle, `end` the one behind the last event.

    `next_at` is when the next event to handle was written (seconds since 1970); None where none waits.
    """

    topic: str
    number: int
    done: int
    end: int
    next_at: float | None = None

    @property
    def lag(self) -> int:
        """Events that wait."""
        return self.end - self.done


@dataclass(frozen=True)
class Member:
    """A worker in a group: what it calls itself, the address it comes from, and its (topic, partition)s."""

    name: str
    host: str
    parts: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Group:
    """A consumer group. `state` is Kafka's: Stable, PreparingRebalance, CompletingRebalance, Empty or Dead."""

    name: str
    state: str
    parts: tuple[Part, ...] = ()
    members: tuple[Member, ...] = ()


def followed() -> Mapping[str, set[str]]:
    """Each consumer group with the histories it reads. Audit reads without one; intake finds its topics itself."""
    read: dict[str, set[str]] = {}
    for topic, services in READERS.values():
        for service in services:
            read.setdefault(service, set()).add(topic)
    names = ("submissions", "review", "publishing", "notifications")
    return {name: read[name] for name in names} | {INTAKE_GROUP: set()}


class Groups:
    """Reads the groups that are `followed`, each with the topics it is known to read, and whatever else it has read.

    Names are without the settings' prefix. Blocking, and for one thread at a time; close it. Raises KafkaError.
    """

    def __init__(self, settings: Settings, followed: Mapping[str, Iterable[str]]) -> None:
        self._prefix = settings.topic_prefix
        self._followed = {settings.topic(name): {*map(settings.topic, topics)} for name, topics in followed.items()}
        # It says of each member, each time, that it cannot read what Faust adds for itself; nobody asks for that.
        logging.getLogger("kafka.admin._groups").setLevel(logging.ERROR)
        common = {**settings.kafka, "metadata_max_age_ms": 10_000}
        self._admin = KafkaAdminClient(**common, request_timeout_ms=ANSWERS_WITHIN_MS)
        # One record of each partition is wanted, not what a consumer would read ahead.
        self._consumer = KafkaConsumer(
            **common,
            group_id=None,
            enable_auto_commit=False,
            max_partition_fetch_bytes=1024,
            request_timeout_ms=ANSWERS_WITHIN_MS,
        )
        self._written: dict[TopicPartition, tuple[int, float]] = {}

    def close(self) -> None:
        self._consumer.close()
        self._admin.close()

    def read(self) -> tuple[Group, ...]:
        """Every group as it stands now, in the order in which they were given."""
        # A group that nobody ever joined cannot be described.
        existing = {group["group_id"] for group in self._admin.list_groups()}
        known = [name for name in self._followed if name in existing]
        described: Mapping[str, Any] = self._admin.describe_groups(known) if known else {}
        committed: Mapping[str, Any] = self._admin.list_group_offsets(dict.fromkeys(known)) if known else {}
        members = {name: tuple(map(_member, described[name]["members"])) for name in known}
        read = {
            name: topics | {tp.topic for tp in committed.get(name, {})} | _topics(members.get(name, ()))
            for name, topics in self._followed.items()
        }
        tps = [
            TopicPartition(topic, number)
            for topic in sorted(set().union(*read.values()))
            for number in sorted(self._consumer.partitions_for_topic(topic) or ())
        ]
        first = self._consumer.beginning_offsets(tps) if tps else {}
        end = self._consumer.end_offsets(tps) if tps else {}
        stand = {
            name: {
                tp: max(getattr(committed.get(name, {}).get(tp), "offset", first[tp]), first[tp])
                for tp in tps
                if tp.topic in topics
            }
            for name, topics in read.items()
        }
        return tuple(
            Group(
                name=name.removeprefix(self._prefix),
                state=described[name]["group_state"] if name in known else "Dead",
                parts=tuple(
                    Part(self._short(tp.topic), tp.partition, at, end[tp], self._next_at(tp, at, end[tp]))
                    for tp, at in done.items()
                ),
                members=tuple(
                    Member(m.name, m.host, tuple((self._short(topic), n) for topic, n in m.parts))
                    for m in members.get(name, ())
                ),
            )
            for name, done in stand.items()
        )

    def _short(self, topic: str) -> str:
        return topic.removeprefix(self._prefix)

    def _next_at(self, tp: TopicPartition, offset: int, end: int) -> float | None:
        """When the event at an offset was written; asked of Kafka once an offset."""
        if offset >= end:
            return None
        known, written = self._written.get(tp, (-1, 0.0))
        if known == offset:
            return written
        self._consumer.assign([tp])
        self._consumer.seek(tp, offset)
        for records in self._consumer.poll(timeout_ms=RECORDS_WITHIN_MS, max_records=1).values():
            self._written[tp] = (offset, records[0].timestamp / 1000)
            return self._written[tp][1]
        return None


def _member(described: Mapping[str, Any]) -> Member:
    assigned = described["member_assignment"] or {}
    parts = tuple((each["topic"], n) for each in assigned.get("assigned_partitions", ()) for n in each["partitions"])
    return Member(described["client_id"], described["client_host"].removeprefix("/"), tuple(sorted(parts)))


def _topics(members: Iterable[Member]) -> set[str]:
    return {topic for member in members for topic, _ in member.parts}
