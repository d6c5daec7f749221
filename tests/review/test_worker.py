"""The worker, on Kafka: submissions in, the cases' history out."""

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from kafka import KafkaProducer
from pymongo import AsyncMongoClient

from review.agents import attach, on_submissions
from review.checks import assess
from review.checks.language import Noticed
from review.checks.ruleset import Ruleset
from review.checks.scene import scene as looks_at_scenes
from review.domain import CASES, DECIDERS
from review.duplicates.index import Duplicates
from review.serving import reactions
from review.store import CaseStore
from runtime.consume import redrive_one, worker_app
from runtime.operations import Operations, Tried
from runtime.parking import Parking
from runtime.relay import Relay
from runtime.settings import Settings
from runtime.streams import Streams
from runtime.worker import running
from schemas.entry import Scene
from schemas.envelope import Event
from schemas.topics import REVIEW, SUBMISSIONS
from tests.review.entries import OTHER, OWN, linkage, product, received, revised, scene, withdrawn
from tests.support import eventually, own_settings, sequences


def send(settings: Settings, events: Sequence[Event]) -> None:
    producer = KafkaProducer(**settings.kafka)
    for event in events:
        topic, key = settings.topic(SUBMISSIONS), event.subject.encode()
        producer.send(topic, key=key, value=orjson.dumps(event.to_json()))
    producer.close()


async def test_submissions_on_kafka_become_cases_on_kafka(kafka: str, mongo: str) -> None:
    settings = await own_settings(kafka, mongo)
    events = [
        received("SC-1", scene()),
        revised("SC-1", 2, scene(offers=())),
        received("PR-1", product()),
        withdrawn(f"{OTHER}/PR-1", 2),
        received("LK-1", linkage(f"{OWN}/SC-1", f"{OTHER}/PR-1")),
    ]

    await asyncio.to_thread(send, settings, (*events, *events))
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


async def test_a_rule_that_raises_on_one_case_parks_that_stream_alone_until_it_is_mended(
    kafka: str, mongo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = await own_settings(kafka, mongo)

    def broken(entry: Scene, rules: Ruleset) -> Noticed:
        if entry.budget_yuan == 13:
            raise ZeroDivisionError("a rule that nobody tried on thirteen yuan")
        yield from looks_at_scenes(entry, rules)

    monkeypatch.setattr(assess, "scene", broken)
    first, second = received("SC-1", scene(budget_yuan=13)), revised("SC-1", 2, scene())
    others = [received(f"SC-{n}", scene(title={"zh": f"第{n}号航线配送"})) for n in range(2, 40)]
    await asyncio.to_thread(send, settings, [*others[:19], first, second, *others[19:]])
    async with AsyncMongoClient[Any](mongo, w="majority", journal=True, tz_aware=True) as client:
        database = client[settings.database("review")]
        app, store, duplicates = worker_app("review", settings), CaseStore(database), Duplicates(database)
        cases, parking = Streams(database, CASES), Parking(database)
        react = on_submissions(cases, store, duplicates)
        attach(app, settings, parking, react)
        async with running(app, Relay(settings, "review", DECIDERS)):

            async def the_others_are_there() -> bool:
                parked, _ = await parking.list(9)
                return await cases.collection.count_documents({}) == len(others) and [
                    stream["waiting"] for stream in parked
                ] == [2]

            await eventually(the_others_are_there)
        (stuck,), _ = await parking.list(9)
        assert (stuck["stream"], stuck["error"]) == (
            f"{OWN}/SC-1",
            "ZeroDivisionError('a rule that nobody tried on thirteen yuan')",
        )
        monkeypatch.undo()
        operations = Operations("review", settings, database, reactions)
        assert await operations.try_dry(stuck["_id"], "user:zheng") == Tried(2, None)
        assert await cases.collection.count_documents({}) == len(others)
        assert await parking.redrive(stuck["_id"], lambda message: redrive_one(message, react)) is None
        assert [event.type for event in (await cases.get(f"{OWN}/SC-1@1")).events] == [
            "case.opened.v1",
            "case.checked.v1",
            "case.closed.v1",
        ]
        assert (await cases.get(f"{OWN}/SC-1@2")).state.previous == f"{OWN}/SC-1@1"
