"""Intake: entries a second by each way in, counted when they are in MongoDB and on Kafka; how long one waits; and what
the processes then hold."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import count
from statistics import median, quantiles

from deploy.local.servers import Server
from runtime.settings import Settings
from schemas.envelope import Json
from schemas.topics import SUBMISSIONS
from tests.bench import intake_kafka, memory
from tests.bench.figure import FOR_S, WITHIN_S, Figure, await_count, medians, rate, say
from tests.bench.ground import (
    OTHER_PARTNER,
    PARTNER,
    Ground,
    client,
    collecting_as_an_api_does,
    counting,
    lines,
    messages,
)
from tests.bench.limits import SPARE, bare_send, bulk_insert
from tests.bench.partner import Connection, connect
from tests.faults.fleet import key_for

CLIENTS = 32
STREAMS = 4
#: Entries sent in one measure, at most; fewer where FOR_S are over before.
MOST = 10_000
#: Documents and messages of the bare measures.
BARE = 10_000
ROUNDS = 3
#: Requests that come at a set pace come for so many seconds, and so often in turn: a machine that is slow for a moment
#: is slow to both sides of a comparison.
PACED_S = 2.0
TURNS = 12
#: How many requests a second another partner sends beside a flood.
CALM_PER_S = 50

COMMON = "a common handler"

#: Sends lines in; returns how many were received.
Send = Callable[[Iterator[bytes]], Awaitable[int]]


def measure(ground: Ground) -> list[Figure]:
    say(f"intake: for {FOR_S:.0f} s each, one by one from {CLIENTS} clients, as NDJSON; a common handler beside it")
    # What a partner may send is raised out of the way; in the flood the limits stand as they are.
    settings = ground.settings().model_copy(update={"requests_per_second": 10**9, "entries_per_second": 10**9})
    key, _ = asyncio.run(_keys(settings))
    (api, port), (worker, _) = (ground.service(f"submissions-{sort}", settings) for sort in ("api", "worker"))
    common, common_port = ground.bare("common_app", settings)
    with (
        ground.up(api, worker, common) as (*servers, _),
        client(settings) as mongo,
        counting(settings, SUBMISSIONS) as on_kafka,
        counting(settings, SPARE) as on_spare,
    ):
        kept = mongo[settings.database("submissions")]["submissions"]
        in_common = mongo[settings.database("common")]["entries"]
        await_count(on_kafka, 5)  # the partners' own events
        rounds = count()

        def taken_in(send: Send, stored: Callable[[], int], told: Callable[[], int]) -> float:
            number = next(rounds)
            before, told_before = stored(), told()
            sent = lines(MOST, seed=number, first=1 + number * MOST)
            began = time.perf_counter()
            received = asyncio.run(asyncio.wait_for(send(_for_a_while(sent)), WITHIN_S))
            await_count(told, told_before + received, every_s=0.005)
            seconds = time.perf_counter() - began
            assert stored() == before + received, "receipts and documents do not agree"
            return received / seconds

        def ours(send: Send) -> float:
            return taken_in(send, kept.estimated_document_count, on_kafka)

        def from_kafka() -> float:
            number = next(rounds)
            return intake_kafka.taken_in(settings, lines(MOST, number, 1 + number * MOST), kept, on_kafka)

        def documents() -> list[Json]:
            return list(kept.find().limit(BARE))

        found = medians(
            ROUNDS,
            {
                "single": lambda: ours(lambda sent: _single(port, key, sent)),
                "ndjson": lambda: ours(lambda sent: _ndjson(port, key, sent)),
                "ndjson_x4": lambda: ours(lambda sent: _several(port, key, sent)),
                "kafka": from_kafka,
                COMMON: lambda: taken_in(
                    lambda sent: _single(common_port, key, sent), in_common.estimated_document_count, on_spare
                ),
                "bulk insert": lambda: bulk_insert(settings, documents()),
                "bare send": lambda: bare_send(settings, messages(documents())),
            },
        )
        pace = min(found["single"], found[COMMON]) / 5
        say(f"  one by one, a fifth of full load ({pace:.0f} a second), in turn")
        with collecting_as_an_api_does():
            waits, common_waits = _waits((port, common_port), key, pace)
        for name, times in (("ours", waits), (COMMON, common_waits)):
            say(f"  {name}: p99 {p99(times):.1f} ms, median {median(times):.1f}")
        held = _memory(ground, settings, servers)
    fair = _fairness(ground)
    limit = min("bulk insert", "bare send", key=found.__getitem__)
    return [
        *(
            Figure(f"intake.{way}", found[way], "entries/s", limit, found[limit])
            for way in ("single", "ndjson", "ndjson_x4", "kafka")
        ),
        *(
            Figure(f"intake.{way}_vs_common", found[way], "entries/s", COMMON, found[COMMON])
            for way in ("single", "ndjson")
        ),
        Figure("intake.single_p50_vs_common", round(median(waits), 2), "ms", COMMON, round(median(common_waits), 2)),
        Figure("intake.single_p99_vs_common", round(p99(waits), 2), "ms", COMMON, round(p99(common_waits), 2)),
        *fair,
        *held,
    ]


async def _keys(settings: Settings) -> tuple[str, str]:
    key, other = await key_for(settings, PARTNER), await key_for(settings, OTHER_PARTNER)
    await intake_kafka.prepare(settings)
    return key, other


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


async def _several(port: int, key: str, sent: Iterator[bytes]) -> int:
    """Several streams at once, sharing the lines."""
    return sum(await asyncio.gather(*(_ndjson(port, key, sent) for _ in range(STREAMS))))


def _waits(ports: Sequence[int], key: str, per_s: float) -> list[list[float]]:
    """For each port, how long requests took that came `per_s` a second, in milliseconds."""
    waits: list[list[float]] = [[] for _ in ports]
    for turn in range(TURNS):
        first = 10_000_000 + turn * 100_000
        sent = lines(int(per_s * PACED_S), seed=first, first=first)
        for port, taken in zip(ports, waits, strict=True):
            taken += asyncio.run(_paced(port, key, sent, per_s))
    return waits


def p99(times_ms: Sequence[float]) -> float:
    """The 99th percentile."""
    return quantiles(times_ms, n=100)[98]


async def _paced(port: int, key: str, sent: Sequence[bytes], per_s: float) -> list[float]:
    """Milliseconds from when each request was due, whether or not those before were answered, to its answer."""
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(CLIENTS):
        free.put_nowait(await connect(port, key))
    began, times = time.perf_counter() + 0.1, list[float]()

    async def send(line: bytes, due: float) -> None:
        connection = await free.get()
        assert await connection.post(line) == 201
        free.put_nowait(connection)
        times.append(1000 * (time.perf_counter() - due))

    async with asyncio.TaskGroup() as tasks:
        for number, line in enumerate(sent):
            due = began + number / per_s
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.create_task(send(line, due))
    return times


def _fairness(ground: Ground) -> list[Figure]:
    """Another partner's p99 while one floods the api with streams and single requests, and while one has more waiting
    on its Kafka topic than its rate lets in, beside its p99 when alone."""
    settings = ground.settings()
    key, other = asyncio.run(_keys(settings))
    (api, port), (worker, _) = (ground.service(f"submissions-{sort}", settings) for sort in ("api", "worker"))
    alone, beside, beside_kafka = list[float](), list[float](), list[float]()
    with ground.up(api, worker), counting(settings, SUBMISSIONS) as on_kafka, collecting_as_an_api_does():
        for turn in range(TURNS):
            first = 20_000_000 + turn * 100_000
            calm = lines(int(3 * CALM_PER_S * PACED_S), seed=first, first=first, partner=OTHER_PARTNER)
            third = len(calm) // 3
            alone += asyncio.run(_paced(port, other, calm[:third], CALM_PER_S))
            beside += asyncio.run(_beside_a_flood(port, key, other, calm[third : 2 * third], first))
            flood = lines(int(1.5 * settings.entries_per_second * PACED_S), seed=first + 2, first=first + 70_000)
            taken_in = on_kafka() + len(flood) + third
            intake_kafka.hand_in(settings, flood)
            beside_kafka += asyncio.run(_paced(port, other, calm[2 * third :], CALM_PER_S))
            assert on_kafka() < taken_in, "the flood was over before the others had asked"
            await_count(on_kafka, taken_in)
    figures = []
    for name, said, times in (
        ("a_flood", "a flood", beside),
        ("a_flood_on_kafka", "a flood on Kafka", beside_kafka),
    ):
        say(f"  another partner beside {said}: p99 {p99(times):.1f} ms, median {median(times):.1f}")
        waits = round(p99(times), 2)
        figures.append(Figure(f"intake.other_p99_in_{name}", waits, "ms", "its p99 when alone", round(p99(alone), 2)))
    say(f"  alone: p99 {p99(alone):.1f} ms, median {median(alone):.1f}")
    return figures


async def _beside_a_flood(port: int, key: str, other: str, calm: Sequence[bytes], first: int) -> list[float]:
    flood = iter(lines(30_000, seed=first + 1, first=first + 30_000))
    ended = False

    def until_ended() -> Iterator[bytes]:
        for line in flood:
            if ended:
                return
            yield line

    flooding = [
        asyncio.create_task(each) for each in (_several(port, key, until_ended()), _single(port, key, until_ended()))
    ]
    await asyncio.sleep(0.5)
    times = await _paced(port, other, calm, CALM_PER_S)
    ended = True
    await asyncio.gather(*flooding)
    return times


def _memory(ground: Ground, settings: Settings, servers: Sequence[Server]) -> list[Figure]:
    """What each process holds once the review worker, too, has had its load."""
    say("  memory: the review worker takes them, too")
    review, _ = ground.service("review-worker", settings)
    with ground.up(review) as more, client(settings) as mongo:
        submissions = mongo[settings.database("submissions")]["submissions"].estimated_document_count()
        rate(mongo[settings.database("review")]["cases"].estimated_document_count, submissions)
        return memory.figures(ground, settings, [*servers, *more])
