"""Scaling the review from one worker to four, under load: for how long no event of a partition is handled."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

from deploy.local import table
from deploy.local.ports import DEFAULTS, free
from deploy.local.supervise import end
from deploy.local.workers import Workers
from runtime.consumers import Group, Groups
from runtime.settings import Settings
from schemas import topics
from tests.bench.figure import Figure, say
from tests.bench.ground import Ground, Message, client, messages, producing, received

#: Events a second on each partition, so that a pause is seen to a fifth of a second.
A_SECOND = 5
#: Seconds of load before the workers come, and after all of them have partitions.
BEFORE_S, AFTER_S = 5.0, 5.0
#: Seconds in which four workers are up and have partitions, at most; and in which the last event is handled.
WITHIN_S = 90.0
WORKERS = 4
#: What the issue asks for.
MARK_S = 5.0


@dataclass
class Seen:
    """When each event was handled (monotonic seconds), by partition; `sent` counts those on Kafka.

    `repeated` are the cases with an event more than one that was opened once has, `parked` the streams that wait.
    """

    handled: dict[int, list[float]] = field(default_factory=dict)
    sent: int = 0
    repeated: int = 0
    parked: int = 0

    @property
    def count(self) -> int:
        return sum(map(len, self.handled.values()))

    def longest_pause_s(self) -> float:
        """The longest time between two events of one partition, of all partitions."""
        return max(b - a for at in self.handled.values() for a, b in pairwise(at))


def measure(ground: Ground) -> list[Figure]:
    say("review.rebalance_pause: one worker, then four")
    settings = ground.settings()
    seen = asyncio.run(scaled(ground, settings, WORKERS))
    assert seen.count == seen.sent and not seen.repeated and not seen.parked, seen
    return [Figure("review.rebalance_pause", seen.longest_pause_s(), "s", "at most", MARK_S)]


async def scaled(ground: Ground, settings: Settings, *steps: int) -> Seen:
    """Have one worker handle a steady load, scale it by `steps` (2, 4), and end the load once each has partitions."""

    async def during(running: Workers) -> None:
        for workers in steps:
            await running.scale("review-worker", workers, say)
            await shared_out(settings, workers)

    return await under_load(ground, settings, during)


async def under_load(
    ground: Ground, settings: Settings, during: Callable[[Workers], Awaitable[None]], more_s: float = 0.0
) -> Seen:
    """Have one worker handle a steady load, do something `during` it, and see what became of every event.

    There is load for as long as scaling takes, and for `more_s` more.
    """
    ports = dict(zip(DEFAULTS, free(len(DEFAULTS)), strict=True))
    running = Workers(table.Stack(ground.folder, ports, settings, "", ()), [])
    seconds = int(BEFORE_S + WITHIN_S + AFTER_S + more_s)
    await running.scale("review-worker", 1, say)
    try:
        prepared = messages(await asyncio.to_thread(received, settings, topics.PARTITIONS * A_SECOND * seconds, 3))
        with watching(settings, prepared) as seen, sending(settings, prepared, seen):
            await asyncio.sleep(BEFORE_S)
            await during(running)
            await asyncio.sleep(AFTER_S)
        return seen
    finally:
        await asyncio.to_thread(end, running.children)


async def shared_out(settings: Settings, workers: int) -> None:
    """Wait until each of so many workers has partitions."""

    def shared() -> bool:
        with closing(Groups(settings, {"review": [topics.SUBMISSIONS]})) as groups:
            (group,) = groups.read()
            return _is_shared(group, workers)

    until = time.monotonic() + WITHIN_S
    while not await asyncio.to_thread(shared):
        if time.monotonic() > until:
            raise TimeoutError(f"not {workers} workers with partitions in {WITHIN_S} s")
        await asyncio.sleep(0.2)


def _is_shared(group: Group, workers: int) -> bool:
    return group.state == "Stable" and sum(bool(member.parts) for member in group.members) == workers


@contextmanager
def sending(settings: Settings, prepared: list[Message], seen: Seen) -> Iterator[None]:
    """A steady load for the block: A_SECOND events a second on each partition, in turn."""
    stopping = threading.Event()

    def send() -> None:
        topic = settings.topic(topics.SUBMISSIONS)
        with producing(settings) as producer:
            began = time.monotonic()
            for number, (key, value) in enumerate(prepared):
                if stopping.wait(max(0.0, began + number / (A_SECOND * topics.PARTITIONS) - time.monotonic())):
                    break
                producer.send(topic, key=key, value=value, partition=number % topics.PARTITIONS)
                seen.sent += 1
            producer.flush()

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


@contextmanager
def watching(settings: Settings, prepared: list[Message]) -> Iterator[Seen]:
    """Note when each case is written, until all that was sent in the block are."""
    partition = {f"{key.decode()}@1": number % topics.PARTITIONS for number, (key, _) in enumerate(prepared)}
    seen, stopping = Seen(), threading.Event()
    with client(settings) as mongo:
        database = mongo[settings.database("review")]
        opened = database["cases"].watch([{"$match": {"operationType": "insert"}}], max_await_time_ms=50)

        def watch() -> None:
            while not stopping.is_set():
                change = opened.try_next()
                if change:
                    at = seen.handled.setdefault(partition[change["documentKey"]["_id"]], [])
                    at.append(time.monotonic())

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield seen
            until = time.monotonic() + WITHIN_S
            while seen.count < seen.sent and time.monotonic() < until:
                time.sleep(0.05)
        finally:
            stopping.set()
            thread.join()
            opened.close()
        # Opened and checked: whatever else the worker does once for a case, each kind of event is there once.
        types = {"$size": "$events.type"}, {"$size": {"$setUnion": ["$events.type", []]}}
        seen.repeated = database["cases"].count_documents({"$expr": {"$ne": [*types]}})
        seen.parked = database["parked"].count_documents({})
