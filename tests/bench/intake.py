"""Intake: entries a second, each counted when it is in MongoDB and on Kafka; and what the processes then hold."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from typing import Any

from pymongo.collection import Collection

from schemas.envelope import Json
from schemas.topics import SUBMISSIONS
from tests.bench import memory
from tests.bench.figure import Figure, await_count, medians, say
from tests.bench.ground import PARTNER, Ground, client, counting, lines, messages
from tests.bench.limits import bare_send, bulk_insert
from tests.bench.partner import connect
from tests.faults.fleet import key_for

CLIENTS = 32
SINGLE = 1_000
STREAMED = 5_000
#: However slow it is, a measure ends after so long.
WITHIN_S = 60.0

#: Sends lines in; returns how many the receipts say were received.
Send = Callable[[Sequence[bytes]], Awaitable[int]]


def measure(ground: Ground) -> list[Figure]:
    say(f"intake: {SINGLE:,} entries one by one from {CLIENTS} clients, {STREAMED:,} as one NDJSON stream")
    settings = ground.settings()
    key = asyncio.run(key_for(settings, PARTNER))
    (api, port), (worker, _) = (
        ground.service("submissions-api", settings),
        ground.service("submissions-worker", settings),
    )
    with ground.up(api, worker) as servers, client(settings) as mongo, counting(settings, SUBMISSIONS) as on_kafka:
        kept = mongo[settings.database("submissions")]["submissions"]
        await_count(on_kafka, 2)  # the partner's own events
        rounds = count()

        def rate(send: Send, size: int) -> float:
            number = next(rounds)
            sent = lines(size, seed=number, first=1 + number * STREAMED)
            return _rate(send, sent, kept, on_kafka)

        def documents() -> list[Json]:
            return list(kept.find().limit(STREAMED))

        found = medians(
            3,
            {
                "single": lambda: rate(lambda sent: _single(port, key, sent), SINGLE),
                "ndjson": lambda: rate(lambda sent: _ndjson(port, key, sent), STREAMED),
                "bulk insert": lambda: bulk_insert(settings, documents()),
                "bare send": lambda: bare_send(settings, messages(documents())),
            },
        )
        held = _memory(ground, settings, servers, mongo[settings.database("review")]["cases"], kept)
    baseline = min("bulk insert", "bare send", key=found.__getitem__)
    rates = [
        Figure(f"intake.{way}", found[way], "entries/s", baseline, found[baseline]) for way in ("single", "ndjson")
    ]
    return rates + held


def _rate(send: Send, sent: Sequence[bytes], kept: Collection[Json], on_kafka: Callable[[], int]) -> float:
    """Entries a second, from the first request until the last entry is both in MongoDB and on Kafka."""
    stored, told = kept.estimated_document_count(), on_kafka()
    began = time.perf_counter()
    taken = asyncio.run(asyncio.wait_for(send(sent), WITHIN_S))
    await_count(on_kafka, told + len(sent), every_s=0.005)
    seconds = time.perf_counter() - began
    assert taken == kept.estimated_document_count() - stored == len(sent), (
        "an entry was not received, or received twice"
    )
    return len(sent) / seconds


async def _single(port: int, key: str, sent: Sequence[bytes]) -> int:
    """One entry a request, from many clients that each wait for an answer before the next."""
    left = iter(sent)

    async def one_client() -> int:
        connection = await connect(port, key)
        return sum([await connection.post(line) == 201 for line in left])

    return sum(await asyncio.gather(*(one_client() for _ in range(CLIENTS))))


async def _ndjson(port: int, key: str, sent: Sequence[bytes]) -> int:
    return await (await connect(port, key)).stream(sent)


def _memory(
    ground: Ground, settings: Any, servers: Any, cases: Collection[Json], kept: Collection[Json]
) -> list[Figure]:
    """What each process holds once the review worker, too, has had all of it."""
    say("  memory: the review worker takes it all")
    review, _ = ground.service("review-worker", settings)
    with ground.up(review) as more:
        await_count(cases.estimated_document_count, kept.estimated_document_count(), every_s=0.2)
        return memory.figures(ground, settings, [*servers, *more])
