"""Intake: entries a second, each counted when it is in MongoDB and on Kafka; and what the processes then hold."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import count

from deploy.local.servers import Server
from runtime.settings import Settings
from schemas.envelope import Json
from schemas.topics import SUBMISSIONS
from tests.bench import memory
from tests.bench.figure import FOR_S, WITHIN_S, Figure, await_count, medians, rate, say
from tests.bench.ground import PARTNER, Ground, client, counting, lines, messages
from tests.bench.limits import bare_send, bulk_insert
from tests.bench.partner import connect
from tests.faults.fleet import key_for

CLIENTS = 32
#: Entries sent in one measure, at most; fewer where FOR_S are over before.
MOST = 10_000
#: Documents and messages of the bare measures.
BARE = 10_000

#: Sends lines in; returns how many were received.
Send = Callable[[Iterator[bytes]], Awaitable[int]]


def measure(ground: Ground) -> list[Figure]:
    say(f"intake: for {FOR_S:.0f} s, one by one from {CLIENTS} clients, and as one NDJSON stream")
    settings = ground.settings()
    key = asyncio.run(key_for(settings, PARTNER))
    (api, port), (worker, _) = (ground.service(f"submissions-{sort}", settings) for sort in ("api", "worker"))
    with ground.up(api, worker) as servers, client(settings) as mongo, counting(settings, SUBMISSIONS) as on_kafka:
        kept = mongo[settings.database("submissions")]["submissions"]
        await_count(on_kafka, 2)  # the partner's own events
        rounds = count()

        def taken_in(send: Send) -> float:
            number = next(rounds)
            stored, told = kept.estimated_document_count(), on_kafka()
            sent = lines(MOST, seed=number, first=1 + number * MOST)
            began = time.perf_counter()
            received = asyncio.run(asyncio.wait_for(send(_for_a_while(sent)), WITHIN_S))
            await_count(on_kafka, told + received, every_s=0.005)
            seconds = time.perf_counter() - began
            assert kept.estimated_document_count() == stored + received, "receipts and documents do not agree"
            return received / seconds

        def documents() -> list[Json]:
            return list(kept.find().limit(BARE))

        measures = {
            "single": lambda: taken_in(lambda sent: _single(port, key, sent)),
            "ndjson": lambda: taken_in(lambda sent: _ndjson(port, key, sent)),
            "bulk insert": lambda: bulk_insert(settings, documents()),
            "bare send": lambda: bare_send(settings, messages(documents())),
        }
        found = medians(3, measures)
        held = _memory(ground, settings, servers)
    limit = min("bulk insert", "bare send", key=found.__getitem__)
    return [
        Figure(f"intake.{way}", found[way], "entries/s", limit, found[limit]) for way in ("single", "ndjson")
    ] + held


def _for_a_while(sent: Sequence[bytes]) -> Iterator[bytes]:
    until = time.monotonic() + FOR_S
    for line in sent:
        if time.monotonic() > until:
            return
        yield line


async def _single(port: int, key: str, sent: Iterator[bytes]) -> int:
    """One entry a request, from many clients that each wait for an answer before they send the next."""

    async def one_client() -> int:
        connection = await connect(port, key)
        return sum([await connection.post(line) == 201 for line in sent])

    return sum(await asyncio.gather(*(one_client() for _ in range(CLIENTS))))


async def _ndjson(port: int, key: str, sent: Iterator[bytes]) -> int:
    return await (await connect(port, key)).stream(sent)


def _memory(ground: Ground, settings: Settings, servers: Sequence[Server]) -> list[Figure]:
    """What each process holds once the review worker, too, has had its load."""
    say("  memory: the review worker takes them, too")
    review, _ = ground.service("review-worker", settings)
    with ground.up(review) as more, client(settings) as mongo:
        submissions = mongo[settings.database("submissions")]["submissions"].estimated_document_count()
        rate(mongo[settings.database("review")]["cases"].estimated_document_count, submissions)
        return memory.figures(ground, settings, [*servers, *more])
