"""What many tests need: settings of their own on the shared servers, waiting, and reading what Kafka holds."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pymongo.monitoring import CommandListener, CommandStartedEvent

from runtime.admin import create_topics
from runtime.replay import extent, read
from runtime.settings import Settings
from schemas.events import decode

T = TypeVar("T")


class Finds(CommandListener):
    """Counts the look-ups in one collection, by the client whose `event_listeners` has it."""

    def __init__(self, collection: str) -> None:
        self.collection, self.count = collection, 0

    def started(self, event: CommandStartedEvent) -> None:
        self.count += event.command.get("find") == self.collection

    def succeeded(self, event: Any) -> None:
        pass

    def failed(self, event: Any) -> None:
        pass


async def own_settings(kafka: str, mongo: str, *, partitions: int = 3) -> Settings:
    """Databases, topics and groups that no other test has; short leases."""
    name = secrets.token_hex(4)
    settings = Settings(
        kafka_bootstrap=kafka,
        mongo_url=mongo,
        database_prefix=f"test_{name}_",
        topic_prefix=f"{name}.",
        lease_s=2,
        session_timeout_s=6,
    )
    await asyncio.to_thread(create_topics, settings, partitions=partitions)
    return settings


async def eventually(check: Callable[[], Awaitable[T]], seconds: float = 30.0) -> T:
    """The first true answer of `check`, asked again and again; an AssertionError when there is none in time."""
    for _ in range(int(seconds / 0.05)):
        if answer := await check():
            return answer
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {check.__qualname__}")


def sequences(settings: Settings, topic: str) -> dict[str, list[int]]:
    """The sequences of each stream on a topic, in the order in which Kafka has them."""
    found: dict[str, list[int]] = {}
    name = settings.topic(topic)
    for records in read(settings.kafka, extent(settings.kafka, [name])):
        for record in records:
            event = decode(record.value)
            found.setdefault(event.subject, []).append(event.sequence)
    return found


def whole(sequence: list[int]) -> bool:
    """Whether a stream's sequences on Kafka lack nothing and are in order, but for repeats of what was there."""
    known = 0
    for number in sequence:
        if number > known + 1:
            return False
        known = max(known, number)
    return True
