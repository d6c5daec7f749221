"""The worker's whole way, on Kafka: approved cases come in, a killed request is finished, a publication goes out."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable

import orjson
from kafka import KafkaProducer
from pymongo import AsyncMongoClient

from publishing import agents
from publishing.domain import DECIDERS, ENTRIES, RELEASES
from publishing.domain.entry import Schedule
from publishing.domain.release import Freeze, Open, PublishRelease
from publishing.store import Catalogue, create_indexes
from runtime.admin import create_topics
from runtime.consume import worker_app
from runtime.parking import Parking
from runtime.relay import Relay
from runtime.replay import extent, read
from runtime.settings import Settings
from runtime.streams import Streams
from runtime.worker import running
from schemas.envelope import Event, Json
from schemas.events import decode
from schemas.topics import PUBLISHING, REVIEW
from tests.publishing.given import MONTH, act, decided

SIZE = {"scene": 3, "product": 3}


async def eventually(check: Callable[[], Awaitable[bool]], seconds: float = 30.0) -> None:
    """Return once `check` says yes."""
    for _ in range(int(seconds / 0.05)):
        if await check():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {seconds} s")


async def test_a_month_goes_from_decided_cases_to_published_entries(kafka: str, mongo: str) -> None:
    prefix = secrets.token_hex(4)
    settings = Settings(
        kafka_bootstrap=kafka, mongo_url=mongo, database_prefix=f"test_{prefix}_", topic_prefix=f"{prefix}.", lease_s=2
    )
    await asyncio.to_thread(create_topics, settings, partitions=2)
    cases = [decided(kind, n) for kind, count in SIZE.items() for n in range(count)]
    await asyncio.to_thread(send, settings, cases)
    async with AsyncMongoClient[Json](settings.mongo_url, w="majority", journal=True, tz_aware=True) as client:
        database = client[settings.database("publishing")]
        await create_indexes(database)
        entries, releases = Streams(database, ENTRIES), Streams(database, RELEASES)
        worker = worker_app("publishing", settings)
        agents.attach(worker, settings, Parking(database), agents.reactions(entries, releases))
        async with running(worker, Relay(settings, "publishing", DECIDERS)):

            async def count(status: str) -> int:
                return await entries.collection.count_documents({"state.status": status})

            async def queued() -> bool:
                return await count("queued") == 6

            async def complete() -> bool:
                return (await releases.get(MONTH)).state.counts == SIZE

            async def told() -> bool:
                return await count("published") == 6

            await eventually(queued)
            await releases.handle([Open(stream=MONTH, targets=SIZE, **act("open").fields)])
            ids = [id["_id"] async for id in entries.collection.find({}, {"_id": 1})]
            # A request killed after its first write: the worker does the rest.
            await entries.handle([Schedule(stream=id, release=MONTH, **act("killed").fields) for id in ids])
            await eventually(complete)
            await releases.handle([Freeze(stream=MONTH, **act("freeze").fields)])
            await releases.handle([PublishRelease(stream=MONTH, **act("publish").fields)])
            assert sum(row["count"] for row in await Catalogue(database).counts()) == 6
            await eventually(told)

            async def sent() -> bool:
                return len(await asyncio.to_thread(history, settings)) == 6 * 3 + 9

            await eventually(sent)
        events = await asyncio.to_thread(history, settings)
        for id in ids:
            own = [event for event in events if event.subject == id]
            assert [event.sequence for event in own] == [1, 2, 3]
            assert {event.correlationid for event in own} == {f"/submissions/{id}/1"}
        assert await Parking(database).list(1) == ([], 0)
        await client.drop_database(database.name)


def send(settings: Settings, events: list[Event]) -> None:
    with KafkaProducer(**settings.kafka) as producer:
        for event in events:
            producer.send(settings.topic(REVIEW), key=event.subject.encode(), value=orjson.dumps(event.to_json()))
        producer.flush()


def history(settings: Settings) -> list[Event]:
    """What publishing has told the others."""
    topics = extent(settings.kafka, [settings.topic(PUBLISHING)])
    return [decode(r.value) for records in read(settings.kafka, topics) for r in records]
