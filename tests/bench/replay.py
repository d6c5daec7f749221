"""The audit's replay: every event read, decoded, hashed, folded, and compared with the live streams."""

import asyncio
from collections.abc import Sequence

from pymongo import AsyncMongoClient

from audit.deciders import DECIDERS
from audit.replay import replay
from review.agents import on_submissions
from review.domain import CASES
from review.duplicates.index import Duplicates
from review.store import CaseStore
from runtime.settings import Settings
from runtime.streams import Streams
from schemas.envelope import Json
from schemas.events import decode
from schemas.topics import HISTORIES, REVIEW, SUBMISSIONS
from tests.bench.figure import Figure, medians, say
from tests.bench.ground import Ground, Message, messages, publish, received
from tests.bench.limits import bare_read

STREAMS = 8_000
BATCH = 500


def measure(ground: Ground) -> list[Figure]:
    settings = ground.settings()
    sent = messages(received(settings, STREAMS, seed=1))
    reviewed = messages(asyncio.run(_review(settings, sent)))
    publish(settings, SUBMISSIONS, sent)
    publish(settings, REVIEW, reviewed)
    say(f"replay: {len(sent) + len(reviewed):,} events")
    found = medians(3, {"replay": lambda: _replayed(settings), "bare": lambda: bare_read(settings, HISTORIES)})
    return [Figure("replay", found["replay"], "events/s", "bare kafka-python read", found["bare"])]


def _replayed(settings: Settings) -> float:
    verdict = replay(settings, DECIDERS)
    assert verdict.equal, verdict.differences[:1]
    return verdict.rate


async def _review(settings: Settings, sent: Sequence[Message]) -> list[Json]:
    """The cases that the review opens for submissions, as stream documents."""
    async with AsyncMongoClient[Json](settings.mongo_url, w="majority", journal=True, tz_aware=True) as client:
        database = client[settings.database("review")]
        cases, store, duplicates = Streams(database, CASES), CaseStore(database), Duplicates(database)
        await store.create_indexes()
        await duplicates.create_indexes()
        react = on_submissions(cases, store, duplicates)
        for start in range(0, len(sent), BATCH):
            await react([decode(value) for _, value in sent[start : start + BATCH]])
        return await cases.collection.find().to_list()
