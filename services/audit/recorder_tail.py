"""Following every history on Kafka from a place of one's own: no consumer group, nothing is written there.

The place holds, of each topic, the id that Kafka gave it and the next offset of each partition. What is there is held
against it: a topic that was made anew or has other partitions is read again from its beginning, messages that are
gone are said to be.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import OffsetOutOfRangeError

from audit.fold import Message
from audit.recorder_read import Odd, Oddity
from runtime.settings import Settings
from schemas.envelope import Json

#: Seconds between two looks at what topics and partitions there are.
LOOK_EVERY_S = 5.0


@dataclass
class Place:
    """Where reading of one topic stands: `next` is the next offset of each partition, from 0."""

    topic: str
    id: str
    next: list[int]

    def to_json(self) -> Json:
        return {"topic": self.topic, "id": self.id, "next": self.next}


class Tail:
    """Reads on from its places; a context manager. `odd` collects what is found to be wrong with the topics."""

    def __init__(self, settings: Settings, topics: Sequence[str], places: Sequence[Json]) -> None:
        self._topics = topics
        self.places = {place["topic"]: Place(**place) for place in places}
        self.odd: list[Oddity] = []
        self.behind: dict[str, int] = {}
        common = {**settings.kafka, "metadata_max_age_ms": 10_000}
        self._admin = KafkaAdminClient(**common)
        self._consumer = KafkaConsumer(
            **common,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_bytes=16 * 1024 * 1024,
            max_partition_fetch_bytes=8 * 1024 * 1024,
        )
        self._looked = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None) -> None:
        self._consumer.close()
        self._admin.close()

    def poll(self, at_most: int, timeout_ms: int) -> list[Message]:
        """The next messages, in order within each partition; the places are those behind them."""
        if time.monotonic() - self._looked > LOOK_EVERY_S:
            self._look()
        try:
            found = self._consumer.poll(timeout_ms=timeout_ms, max_records=at_most)
        except OffsetOutOfRangeError:  # what was to be read next is gone, or the partition ends before it
            self._look()
            return []
        messages: list[Message] = []
        for tp, records in found.items():
            next = self.places[tp.topic].next
            for record in records:
                if record.offset > next[tp.partition]:
                    self._gone(tp, next[tp.partition], record.offset)
                messages.append(Message(tp.topic, tp.partition, record.offset, record.key, record.value))
                next[tp.partition] = record.offset + 1
            self.behind[tp.topic] = max(0, self.behind[tp.topic] - len(records))
        return messages

    def _look(self) -> None:
        """Hold what Kafka has against the places, and read on where both say."""
        there: list[TopicPartition] = []
        for topic in self._admin.describe_topics(list(self._topics)):
            if topic["error_code"] == 0 and topic["partitions"]:
                there += self._assigned(topic["name"], str(topic["topic_id"]), len(topic["partitions"]))
        first = self._consumer.beginning_offsets(there) if there else {}
        end = self._consumer.end_offsets(there) if there else {}
        if set(there) != set(self._consumer.assignment()):
            self._consumer.assign(there)
        for tp in there:
            next = self.places[tp.topic].next
            if end[tp] < next[tp.partition]:
                detail = {"read": next[tp.partition], "end": end[tp]}
                self.odd.append(Oddity(Odd.ENDS_EARLIER, _position(tp, end[tp]), detail=detail))
                next[tp.partition] = first[tp]
            elif first[tp] > next[tp.partition]:
                self._gone(tp, next[tp.partition], first[tp])
                next[tp.partition] = first[tp]
            self._consumer.seek(tp, next[tp.partition])
        self.behind = dict.fromkeys(self._topics, 0)
        for tp in there:
            self.behind[tp.topic] += end[tp] - self.places[tp.topic].next[tp.partition]
        self._looked = time.monotonic()

    def _assigned(self, topic: str, id: str, count: int) -> list[TopicPartition]:
        place = self.places.get(topic)
        if place is None:
            place = self.places[topic] = Place(topic, id, [0] * count)
        elif place.id != id or len(place.next) != count:
            kind = Odd.PARTITIONS if len(place.next) != count else Odd.REMADE
            detail = {"before": len(place.next), "now": count, "read": place.next}
            self.odd.append(Oddity(kind, f"{topic} {place.id} → {id}, {len(place.next)} → {count}", detail=detail))
            place = self.places[topic] = Place(topic, id, [0] * count)
        return [TopicPartition(topic, number) for number in range(count)]

    def _gone(self, tp: TopicPartition, expected: int, found: int) -> None:
        self.odd.append(Oddity(Odd.GAP, _position(tp, expected), detail={"expected": expected, "found": found}))


def _position(tp: TopicPartition, offset: int) -> str:
    return f"{tp.topic}:{tp.partition}:{offset}"
