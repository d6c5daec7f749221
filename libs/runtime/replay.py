"""Reading histories from their beginning: for rebuilding, and for the audit."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord


@dataclass(frozen=True, slots=True)
class Extent:
    """What is to be read: each partition's first and end offset, as they stood when asked."""

    first: dict[TopicPartition, int]
    end: dict[TopicPartition, int]

    @property
    def messages(self) -> int:
        return sum(self.end[tp] - self.first[tp] for tp in self.end)


def extent(kafka: Mapping[str, Any], topics: Sequence[str]) -> Extent:
    """How much history there is now. `kafka`: Settings.kafka."""
    consumer = KafkaConsumer(**kafka, group_id=None, enable_auto_commit=False)
    try:
        parts = [TopicPartition(topic, n) for topic in topics for n in consumer.partitions_for_topic(topic) or ()]
        return Extent(consumer.beginning_offsets(parts), consumer.end_offsets(parts))
    finally:
        consumer.close()


def reader(kafka: Mapping[str, Any]) -> KafkaConsumer:
    """A consumer that belongs to no group: it commits nothing. What is asked for and gone is OffsetOutOfRangeError."""
    return KafkaConsumer(
        **kafka,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_poll_records=10_000,
        fetch_max_bytes=64 * 1024 * 1024,
        max_partition_fetch_bytes=8 * 1024 * 1024,
    )


def read(kafka: Mapping[str, Any], within: Extent) -> Iterator[list[ConsumerRecord]]:
    """Every message of an extent, in lists; in order within each partition. Writes nothing, commits nothing."""
    if not within.messages:
        return
    consumer = reader(kafka)
    try:
        yield from drain(consumer, within)
    finally:
        consumer.close()


def drain(consumer: KafkaConsumer, within: Extent) -> Iterator[list[ConsumerRecord]]:
    """As `read`, with a consumer that is used again and again: connecting takes as long as reading thousands."""
    left = {tp for tp, end in within.end.items() if end > within.first[tp]}
    if not left:
        return
    consumer.assign(sorted(left))
    consumer.resume(*left)
    for tp in left:
        consumer.seek(tp, within.first[tp])
    while left:
        for tp, records in consumer.poll(timeout_ms=1000).items():
            end = within.end[tp]
            yield [record for record in records if record.offset < end]
        done = {tp for tp in left if consumer.position(tp) >= within.end[tp]}
        if done:
            left -= done
            consumer.pause(*done)
