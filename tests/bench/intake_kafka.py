"""Intake from Kafka: entries a second from a partner's topic, each counted when in MongoDB and on its history.

`prepare` and `taken_in` are for measures that take turns with others on the same entries.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from itertools import count

from pymongo.collection import Collection

from runtime.settings import Settings
from runtime.streams import Streams
from schemas.envelope import Json
from schemas.topics import INTAKE, SUBMISSIONS
from submissions.__main__ import mongo
from submissions.callers import Caller
from submissions.domain.partner import PARTNERS
from submissions.kafka_accounts import KafkaAccounts
from tests.bench.figure import WITHIN_S, Figure, await_count, medians, say
from tests.bench.ground import PARTNER, Ground, client, counting, lines, messages, producing, send
from tests.bench.limits import bare_send, bulk_insert
from tests.faults.fleet import key_for

#: Entries sent in one measure.
MOST = 10_000
#: They share the topic's partitions; one of them is the relay besides, which takes a third of its time.
WORKERS = 2
USCC: str = PARTNER["uscc"]


def measure(ground: Ground) -> list[Figure]:
    say(f"intake.kafka: {MOST:,} entries on a partner's topic, {WORKERS} workers")
    settings = ground.settings()
    asyncio.run(prepare(settings))
    workers = [ground.service("submissions-worker", settings)[0] for _ in range(WORKERS)]
    with ground.up(*workers), client(settings) as held, counting(settings, SUBMISSIONS) as on_kafka:
        kept = held[settings.database("submissions")]["submissions"]
        await_count(on_kafka, 3)  # the partner's own events
        rounds = count()

        def kafka() -> float:
            number = next(rounds)
            return taken_in(settings, lines(MOST, seed=number, first=1 + number * MOST), kept, on_kafka)

        def documents() -> list[Json]:
            return list(kept.find().limit(MOST))

        taken_in(settings, lines(1000, seed=99, first=900_000), kept, on_kafka)  # the topic is found, all is warm
        found = medians(
            3,
            {
                "kafka": kafka,
                "bulk insert": lambda: bulk_insert(settings, documents()),
                "bare send": lambda: bare_send(settings, messages(documents())),
            },
        )
    limit = min("bulk insert", "bare send", key=found.__getitem__)
    return [Figure("intake.kafka", found["kafka"], "entries/s", limit, found[limit])]


async def prepare(settings: Settings) -> None:
    """Register the partner, and grant it access to Kafka: with it come its topics."""
    await key_for(settings, PARTNER)
    async with mongo(settings) as client:
        partners = Streams(client[settings.database("submissions")], PARTNERS)
        accounts = KafkaAccounts(settings, partners)
        await accounts.grant(USCC, "bench", Caller("user:operator", None), "bench/kafka")


def taken_in(settings: Settings, sent: Sequence[bytes], kept: Collection[Json], on_kafka: Callable[[], int]) -> float:
    """Entries a second, from the first that is sent to the last that is stored and told on `submissions.events`.

    `kept` holds the stream documents, `on_kafka` counts that history. Raises TimeoutError.
    """
    stored, told = kept.estimated_document_count(), on_kafka()
    with producing(settings) as producer:
        began = time.perf_counter()
        send(producer, settings.topic(INTAKE + USCC), [(b"%d" % number, raw) for number, raw in enumerate(sent)])
    until = time.monotonic() + WITHIN_S
    while on_kafka() < told + len(sent):
        if time.monotonic() > until:
            raise TimeoutError(f"{on_kafka() - told:,} of {len(sent):,} came in {WITHIN_S} s")
        time.sleep(0.005)
    seconds = time.perf_counter() - began
    assert kept.estimated_document_count() == stored + len(sent), "messages and documents do not agree"
    return len(sent) / seconds
