"""The worker, on Kafka: submissions in, the cases' history out."""

import asyncio
from typing import Any

import orjson
from kafka import KafkaProducer
from pymongo import AsyncMongoClient

from review.agents import attach, on_submissions
from review.domain import CASES, DECIDERS
from review.duplicates.index import Duplicates
from review.store import CaseStore
from runtime.consume import worker_app
from runtime.parking import Parking
from runtime.relay import Relay
from runtime.streams import Streams
from runtime.worker import running
from schemas.topics import REVIEW, SUBMISSIONS
from tests.review.entries import OTHER, OWN, linkage, product, received, revised, scene, withdrawn
from tests.support import eventually, own_settings, sequences


async def test_submissions_on_kafka_become_cases_on_kafka(kafka: str, mongo: str) -> None:
    settings = await own_settings(kafka, mongo)
    events = [
        received("SC-1", scene()),
        revised("SC-1", 2, scene(offers=())),
        received("PR-1", product()),
        withdrawn(f"{OTHER}/PR-1", 2),
        received("LK-1", linkage(f"{OWN}/SC-1", f"{OTHER}/PR-1")),
    ]

    def send() -> None:
        producer = KafkaProducer(bootstrap_servers=kafka)
        for event in (*events, *events):
            topic, key = settings.topic(SUBMISSIONS), event.subject.encode()
            producer.send(topic, key=key, value=orjson.dumps(event.to_json()))
        producer.close()

    await asyncio.to_thread(send)
    async with AsyncMongoClient[Any](mongo, w="majority", journal=True, tz_aware=True) as client:
        database = client[settings.database("review")]
        app, store, duplicates = worker_app("review", settings), CaseStore(database), Duplicates(database)
        attach(app, settings, Parking(database), on_submissions(Streams(database, CASES), store, duplicates))
        expected = {
            f"{OWN}/SC-1@1": [1, 2, 3],
            f"{OWN}/SC-1@2": [1, 2],
            f"{OTHER}/PR-1@1": [1, 2, 3],
            f"{OTHER}/LK-1@1": [1, 2],
        }
        async with running(app, Relay(settings, "review", DECIDERS)):

            async def all_there() -> bool:
                return await asyncio.to_thread(sequences, settings, REVIEW) == expected

            await eventually(all_there)
        assert await database["parked"].count_documents({}) == 0
