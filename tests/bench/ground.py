"""What every part stands on: servers of its own, programs as processes, and the entries that are sent."""

import asyncio
import gc
import json
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import orjson
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from pymongo import AsyncMongoClient, MongoClient

from deploy.local import table
from deploy.local.ports import DEFAULTS, HOST, free
from deploy.local.sample.generate import FIRST, generate, partners
from deploy.local.servers import Server, running
from deploy.local.supervise import Process
from runtime.admin import create_topics
from runtime.garbage import collect_less_often
from runtime.settings import Settings
from runtime.stored import as_sent
from runtime.streams import Streams
from schemas import topics
from schemas.envelope import Json
from submissions.domain.submission import SUBMISSIONS
from submissions.intake import Intake
from submissions.ndjson import BATCH_LINES, Line

#: Who sends all entries.
PARTNER, OTHER_PARTNER = partners()[:2]
#: A message: its key and its value.
Message = tuple[bytes, bytes]


@dataclass(frozen=True)
class Ground:
    """A broker, a database and a folder; parts keep apart by databases, topics and groups of their own."""

    kafka: str
    mongo: str
    folder: Path

    def settings(self) -> Settings:
        """Settings with databases and topics that are empty; all else is as in production."""
        name = secrets.token_hex(4)
        settings = Settings(
            kafka_bootstrap=self.kafka, mongo_url=self.mongo, database_prefix=f"bench_{name}_", topic_prefix=f"{name}."
        )
        create_topics(settings)
        return settings

    def service(self, name: str, settings: Settings) -> tuple[Process, int]:
        """One of our processes (`review-worker`) on a free port, as the process table has it; and that port."""
        ports = dict(zip(DEFAULTS, free(len(DEFAULTS)), strict=True))
        rows = {row.name: row for row in table.services(table.Stack(self.folder, ports, settings, "", ()))}
        port = ports[name.removesuffix("-api")]
        return replace(rows[name], ready=partial(is_ready, port)), port

    def bare(self, name: str, settings: Settings) -> tuple[Process, int]:
        """A program of this folder (`bare_app`) on a free port; and that port."""
        (port,) = free(1)
        argv = (sys.executable, "-u", "-m", f"tests.bench.{name}", str(port))
        return Process(name, argv, partial(is_ready, port), table.environment(settings)), port

    @contextmanager
    def up(self, *processes: Process) -> Iterator[list[Server]]:
        """Processes for the block, ready when it begins, ended after it. Raises ChildFailed."""
        with ExitStack() as started:
            yield [started.enter_context(running(process, self.folder / "log")) for process in processes]


@contextmanager
def collecting_as_an_api_does() -> Iterator[None]:
    """For the block, garbage is collected as in the processes that answer, and not as in this one: a full collection
    here takes 25 to 40 ms, which whoever is timed would seem to have waited for."""
    thresholds = gc.get_threshold()
    collect_less_often()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*thresholds)


def get(port: int, path: str) -> tuple[int, Any]:
    """The status of a GET, and the JSON it is answered with. Raises OSError."""
    with closing(HTTPConnection(HOST, port, timeout=5)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def is_ready(port: int) -> bool:
    """Whether the process on `port` says that it is ready. Cheaper than the table's probe, so it may be asked often."""
    try:
        return get(port, "/readyz")[0] == 200
    except OSError:
        return False


def client(settings: Settings) -> MongoClient[Json]:
    """MongoDB as the services use it: a write counts when a majority has it in the journal."""
    return MongoClient(settings.mongo_url, w="majority", journal=True, tz_aware=True)


def lines(count: int, seed: int, first: int = FIRST, partner: Any = PARTNER) -> list[bytes]:
    """`count` scenes as a partner sends them; the same seed gives the same, `first` is the first's number."""
    return [orjson.dumps(line) for line in generate("scene", count, seed, [partner], first)]


def received(settings: Settings, count: int, seed: int) -> list[Json]:
    """The stream documents of `count` scenes, written by intake itself; nothing of them is on Kafka."""

    async def take() -> list[Json]:
        async with AsyncMongoClient[Json](settings.mongo_url, w="majority", journal=True, tz_aware=True) as client:
            streams = Streams(client[settings.database("submissions")], SUBMISSIONS)
            intake = Intake(streams, PARTNER["uscc"], f"partner:{PARTNER['uscc']}", "en", settings.pepper)
            sent = [Line(number, raw, len(raw)) for number, raw in enumerate(lines(count, seed), 1)]
            for start in range(0, count, BATCH_LINES):
                await intake.take(sent[start : start + BATCH_LINES])
            return await streams.collection.find().to_list()

    return asyncio.run(take())


def messages(documents: Sequence[Json]) -> list[Message]:
    """The events of stream documents as the relay sends them."""
    return [(document["_id"].encode(), as_sent(event)) for document in documents for event in document["events"]]


@contextmanager
def producing(settings: Settings) -> Iterator[KafkaProducer]:
    """For the block, a producer that is connected. Its large batches make it two to three times as fast."""
    producer = KafkaProducer(**settings.kafka, acks="all", linger_ms=5, batch_size=256 * 1024)
    try:
        producer.partitions_for(settings.topic(topics.SUBMISSIONS))
        yield producer
    finally:
        producer.close()


def send(producer: KafkaProducer, topic: str, sent: Sequence[Message]) -> None:
    """Put messages on a topic, as it is called in Kafka; returns when the broker has acknowledged all."""
    futures = [producer.send(topic, key=key, value=value) for key, value in sent]
    producer.flush()
    for future in futures:
        future.get(timeout=0)


def publish(settings: Settings, topic: str, sent: Sequence[Message]) -> None:
    """Put messages on a history, for others to read."""
    with producing(settings) as producer:
        send(producer, settings.topic(topic), sent)


@contextmanager
def counting(settings: Settings, topic: str) -> Iterator[Callable[[], int]]:
    """For the block, how many messages a topic holds: its end offsets, which are cheap to ask for."""
    consumer = KafkaConsumer(**settings.kafka)
    try:
        name = settings.topic(topic)
        parts = [TopicPartition(name, n) for n in consumer.partitions_for_topic(name) or ()]
        yield lambda: sum(consumer.end_offsets(parts).values())
    finally:
        consumer.close()
