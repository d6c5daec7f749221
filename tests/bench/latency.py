"""How long an entry takes from its request until a consumer sees its event, under a load that strains nothing."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from statistics import median, quantiles
from typing import Any

import orjson
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from runtime.settings import Settings
from schemas.topics import PUBLISHING, SUBMISSIONS
from tests.bench.figure import Figure, await_count, say
from tests.bench.ground import PARTNER, Ground, lines
from tests.bench.partner import Connection, connect
from tests.faults.fleet import key_for

PER_SECOND = 50
SECONDS = 8
ROUNDS = 3
CONNECTIONS = 16

#: Streams, and when (time.perf_counter) each was sent or seen.
Times = dict[str, float]
#: Sends one stream's line.
Send = Callable[[str, bytes], Coroutine[Any, Any, None]]


def measure(ground: Ground) -> list[Figure]:
    say(f"latency: {PER_SECOND} a second for {SECONDS} s, {ROUNDS} times")
    settings = ground.settings()
    key = asyncio.run(key_for(settings, PARTNER))
    (api, port), (worker, _) = (
        ground.service("submissions-api", settings),
        ground.service("submissions-worker", settings),
    )
    own: list[list[float]] = []
    bare: list[list[float]] = []
    with ground.up(api, worker), _seen(settings, SUBMISSIONS) as events, _seen(settings, PUBLISHING) as echoes:
        for number in range(ROUNDS):
            size = PER_SECOND * SECONDS
            sent = {_stream(line): line for line in lines(size, seed=number, first=1 + number * size)}
            own.append(_latencies(asyncio.run(_through_intake(port, key, sent)), events))
            bare.append(_latencies(asyncio.run(_through_kafka(settings, sent)), echoes))
            say(f"  p50: {median(own[-1]):.3g} ms; of a round trip: {median(bare[-1]):.3g} ms")
    return [_figure(percent, own, bare) for percent in (50, 99)]


def _figure(percent: int, own: Sequence[Sequence[float]], bare: Sequence[Sequence[float]]) -> Figure:
    """The median of all rounds' percentiles."""
    value, limit = (round(median(quantiles(each, n=100)[percent - 1] for each in rounds), 2) for rounds in (own, bare))
    return Figure(f"latency.accepted_to_event.p{percent}", value, "ms", "Kafka round trip", limit)


def _stream(line: bytes) -> str:
    return f"{PARTNER['uscc']}/{orjson.loads(line)['reference']}"


def _latencies(sent: Times, seen: Times) -> list[float]:
    """Milliseconds from sent to seen, once all were seen."""
    await_count(lambda: len(sent.keys() & seen.keys()), len(sent), every_s=0.1)
    return [1000 * (seen[stream] - at) for stream, at in sent.items()]


async def _through_intake(port: int, key: str, sent: dict[str, bytes]) -> Times:
    """Entries posted one by one; each by a connection that is free."""
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await connect(port, key))

    async def send(_: str, line: bytes) -> None:
        connection = await free.get()
        assert await connection.post(line) == 201
        free.put_nowait(connection)

    return await _paced(sent, send)


async def _through_kafka(settings: Settings, sent: dict[str, bytes]) -> Times:
    """The same lines, by a producer of our own."""
    producer = KafkaProducer(**settings.kafka, acks="all")

    async def send(stream: str, line: bytes) -> None:
        producer.send(settings.topic(PUBLISHING), key=stream.encode(), value=line)

    try:
        return await _paced(sent, send)
    finally:
        producer.close()


async def _paced(sent: dict[str, bytes], send: Send) -> Times:
    """Send PER_SECOND lines a second, whether or not those before were answered; when each was sent."""
    began, times = time.perf_counter(), Times()
    async with asyncio.TaskGroup() as tasks:
        for number, (stream, line) in enumerate(sent.items()):
            await asyncio.sleep(max(0.0, began + number / PER_SECOND - time.perf_counter()))
            times[stream] = time.perf_counter()
            tasks.create_task(send(stream, line))
    return times


@contextmanager
def _seen(settings: Settings, topic: str) -> Iterator[Times]:
    """For the block, a consumer in a thread of its own that notes when it first sees each stream on a topic."""
    times, stop = Times(), threading.Event()
    thread = threading.Thread(target=partial(_consume, settings, topic, times, stop), daemon=True)
    thread.start()
    try:
        yield times
    finally:
        stop.set()
        thread.join(10)


def _consume(settings: Settings, topic: str, times: Times, stop: threading.Event) -> None:
    consumer = KafkaConsumer(**settings.kafka, enable_auto_commit=False)
    name = settings.topic(topic)
    consumer.assign([TopicPartition(name, n) for n in consumer.partitions_for_topic(name) or ()])
    consumer.seek_to_beginning()
    while not stop.is_set():
        for records in consumer.poll(timeout_ms=200).values():
            now = time.perf_counter()
            for record in records:
                times.setdefault(record.key.decode(), now)
    consumer.close()
