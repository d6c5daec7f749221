"""Intake from Kafka: entries a second from a partner's topic, each counted when in MongoDB and on its history."""

import time
from collections.abc import Callable, Sequence

from pymongo.collection import Collection

from runtime.settings import Settings
from runtime.streams import Streams
from schemas.envelope import Json
from schemas.topics import INTAKE
from submissions.__main__ import mongo
from submissions.callers import Caller
from submissions.domain.partner import PARTNERS
from submissions.kafka_accounts import KafkaAccounts
from tests.bench.figure import WITHIN_S
from tests.bench.ground import PARTNER, producing, send

USCC: str = PARTNER["uscc"]


async def prepare(settings: Settings) -> None:
    """Grant the partner access to Kafka: with it come its topics."""
    async with mongo(settings) as client:
        partners = Streams(client[settings.database("submissions")], PARTNERS)
        accounts = KafkaAccounts(settings, partners)
        await accounts.grant(USCC, "bench", Caller("user:operator", None), "bench/kafka")


def hand_in(settings: Settings, sent: Sequence[bytes]) -> None:
    """Write the partner's lines to its topic."""
    with producing(settings) as producer:
        send(producer, settings.topic(INTAKE + USCC), [(b"%d" % number, raw) for number, raw in enumerate(sent)])


def taken_in(settings: Settings, sent: Sequence[bytes], kept: Collection[Json], on_kafka: Callable[[], int]) -> float:
    """Entries a second, from the first that is sent to the last that is stored and told on `submissions.events`.

    `kept` holds the stream documents, `on_kafka` counts that history. Raises TimeoutError.
    """
    stored, told = kept.estimated_document_count(), on_kafka()
    began = time.perf_counter()
    hand_in(settings, sent)
    until = time.monotonic() + WITHIN_S
    while on_kafka() < told + len(sent):
        if time.monotonic() > until:
            raise TimeoutError(f"{on_kafka() - told:,} of {len(sent):,} came in {WITHIN_S} s")
        time.sleep(0.005)
    seconds = time.perf_counter() - began
    assert kept.estimated_document_count() == stored + len(sent), "messages and documents do not agree"
    return len(sent) / seconds
