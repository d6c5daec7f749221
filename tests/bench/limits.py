"""The limits: the same work with nothing around it, as bare as the client libraries allow."""

import threading
import time
from collections.abc import Sequence
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from pymongo.collection import Collection

from runtime.settings import Settings
from runtime.stored import as_sent
from schemas.envelope import Json
from schemas.topics import NOTIFICATIONS, SUBMISSIONS
from tests.bench.ground import Message, client, producing, send

#: Documents in one bulk.
BULK = 500
#: A topic to which nothing else is sent in these parts, and which none of the processes that are measured follows.
SPARE = NOTIFICATIONS


def bulk_insert(settings: Settings, documents: Sequence[Json]) -> float:
    """Documents a second into an empty collection: unordered bulks, majority and journal."""
    with client(settings) as mongo:
        collection: Collection[Json] = mongo[settings.database("limits")]["streams"]
        collection.drop()
        began = time.perf_counter()
        insert(collection, documents)
        return len(documents) / (time.perf_counter() - began)


def insert(collection: Collection[Json], documents: Sequence[Json]) -> None:
    """Insert documents in unordered bulks."""
    for start in range(0, len(documents), BULK):
        collection.insert_many(documents[start : start + BULK], ordered=False)


def bare_send(settings: Settings, sent: Sequence[Message]) -> float:
    """Messages a second from a producer that does nothing else, to the last acknowledgement."""
    with producing(settings) as producer:
        began = time.perf_counter()
        send(producer, settings.topic(SPARE), sent)
        return len(sent) / (time.perf_counter() - began)


class BareRelay(threading.Thread):
    """A change stream and a producer: each event is sent on. No lease, no place that is saved, no order to keep."""

    def __init__(self, settings: Settings, place: Any, count: int) -> None:
        super().__init__(name="bare-relay", daemon=True)
        self._settings, self._place, self._left = settings, place, count

    def run(self) -> None:
        topic = self._settings.topic(SUBMISSIONS)
        with client(self._settings) as mongo, producing(self._settings) as producer:
            streams = mongo[self._settings.database("submissions")]["submissions"]
            with streams.watch(resume_after=self._place, batch_size=1000, max_await_time_ms=200) as changes:
                while self._left and changes.alive:
                    if change := changes.try_next():
                        key = change["documentKey"]["_id"].encode()
                        for event in change["fullDocument"]["events"]:
                            producer.send(topic, key=key, value=as_sent(event))
                        self._left -= 1

    def stop(self) -> None:
        """End it, whatever there is left to send."""
        self._left = 0


def bare_read(settings: Settings, topics: Sequence[str]) -> float:
    """Messages a second from a consumer that reads topics from their beginning to their end, and looks at none."""
    consumer = KafkaConsumer(
        **settings.kafka,
        enable_auto_commit=False,
        max_poll_records=10_000,
        fetch_max_bytes=64 * 1024 * 1024,
        max_partition_fetch_bytes=8 * 1024 * 1024,
    )
    try:
        names = map(settings.topic, topics)
        parts = [TopicPartition(name, n) for name in names for n in consumer.partitions_for_topic(name) or ()]
        wanted, read = sum(consumer.end_offsets(parts).values()), 0
        began = time.perf_counter()
        consumer.assign(parts)
        consumer.seek_to_beginning()
        while read < wanted:
            read += sum(map(len, consumer.poll(timeout_ms=1000).values()))
        return read / (time.perf_counter() - began)
    finally:
        consumer.close()
