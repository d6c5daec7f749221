"""Histories on real Kafka with their live streams in real MongoDB, carried there by the relay."""

import asyncio
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from pymongo import AsyncMongoClient, MongoClient
from pymongo.database import Database

from audit.fold import AnyDecider
from audit.history import whole
from audit.replay import Verdict, replay
from runtime.admin import create_topics
from runtime.relay import Relay
from runtime.settings import Settings
from runtime.streams import Streams
from schemas.envelope import Json
from tests.runtime.keyring import COPIES, KEYRINGS, issue

DECIDERS: tuple[AnyDecider, ...] = (KEYRINGS, COPIES)


class World:
    """One installation of the tests' domain: its settings, its submissions database, and ways to make history."""

    def __init__(self, settings: Settings, client: MongoClient[Json]) -> None:
        self.settings, self.client = settings, client
        self.database: Database[Json] = client[settings.database("submissions")]
        self.topic = settings.topic("submissions.events")

    def decide(self, *keys: tuple[str, str]) -> None:
        """Issue keys (stream, key) in the submissions service and in the copies of review."""

        async def handle() -> None:
            async with AsyncMongoClient[Any](self.settings.mongo_url, w="majority", journal=True) as client:
                for decider in (KEYRINGS, COPIES):
                    streams = Streams(client[self.settings.database(decider.service)], decider)
                    await streams.handle([issue(stream, key) for stream, key in keys])

        asyncio.run(handle())

    def relay(self, events: int, service: str = "submissions") -> None:
        """Run a service's relay until its topic holds this many events."""
        relay = Relay(self.settings, service, DECIDERS[:1] if service == "submissions" else DECIDERS[1:])
        relay.start()
        try:
            topic = self.settings.topic(f"{service}.events")
            until = time.monotonic() + 30
            while whole(self.settings, topic).messages < events:
                assert time.monotonic() < until, "the relay did not send"
                time.sleep(0.05)
        finally:
            relay.stop()
            relay.join(10)

    def events(self, stream: str) -> list[Json]:
        """The events of a live stream of the submissions, as they are stored."""
        found = self.database["partners"].find_one({"_id": stream})
        assert found
        return list(found["events"])

    def send(self, *messages: tuple[str, bytes]) -> None:
        """Put messages (key, value) on the submissions' history, as something other than the relay would."""
        producer = KafkaProducer(**self.settings.kafka)
        for key, value in messages:
            producer.send(self.topic, key=key.encode(), value=value)
        producer.close()

    def replay(self, **wanted: Any) -> Verdict:
        return replay(self.settings, DECIDERS, **{"patience_s": 0.5} | wanted)


@pytest.fixture
def world(kafka: str, mongo: str, tmp_path: Path) -> Iterator[World]:
    prefix = secrets.token_hex(4)
    settings = Settings(
        kafka_bootstrap=kafka,
        mongo_url=mongo,
        database_prefix=f"test_{prefix}_",
        topic_prefix=f"{prefix}.",
        lease_s=2,
        log_folder=tmp_path / "log",
    )
    create_topics(settings, partitions=3)
    with MongoClient[Json](mongo, tz_aware=True, w="majority") as client:
        yield World(settings, client)
        for service in ("submissions", "review", "audit"):
            client.drop_database(settings.database(service))


@pytest.fixture
def lived(world: World) -> World:
    """Ten streams of three events in each of two services, all on Kafka."""
    world.decide(*((f"s{n % 10}", str(n // 10)) for n in range(30)))
    world.relay(30)
    world.relay(30, "review")
    return world
