"""From one service's streams to another's: relay, Kafka, consumer; and what is parked on the way."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from kafka import KafkaProducer
from prometheus_client import REGISTRY
from pymongo import AsyncMongoClient

from runtime import relay, stored
from runtime.consume import subscribe, worker_app
from runtime.operations import Operations
from runtime.parking import Parking
from runtime.relay import Relay
from runtime.settings import Settings
from runtime.streams import Streams
from runtime.worker import running
from schemas.envelope import Event
from schemas.submission import PartnerKeyIssued
from schemas.topics import SUBMISSIONS
from tests.runtime.keyring import AT, COPIES, KEYRINGS, copying, issue
from tests.support import eventually, own_settings, sequences


@pytest.fixture
async def settings(kafka: str, mongo: str) -> Settings:
    return await own_settings(kafka, mongo)


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[AsyncMongoClient[Any]]:
    async with AsyncMongoClient[Any](settings.mongo_url, w="majority", journal=True, tz_aware=True) as made:
        yield made


async def test_every_event_reaches_the_other_service_once(settings: Settings, client: AsyncMongoClient[Any]) -> None:
    keyrings = Streams(client[settings.database("submissions")], KEYRINGS)
    copies_db = client[settings.database("review")]
    copies = Streams(copies_db, COPIES)
    app = worker_app("review", settings)
    subscribe(app, settings.topic(SUBMISSIONS), copying(copies), Parking(copies_db))
    await keyrings.handle([issue(f"before-{n}", "1") for n in range(50)])
    async with running(app, Relay(settings, "submissions", (KEYRINGS,))):
        await keyrings.handle([issue(f"s{n % 100}", str(n)) for n in range(1000)])

        async def all_there() -> bool:
            return len([d async for d in copies_db["copies"].find({"version": {"$in": [1, 10]}})]) == 150

        await eventually(all_there)
    assert (await copies.get("s7")).state == (await keyrings.get("s7")).state
    assert await asyncio.to_thread(sequences, settings, SUBMISSIONS) == {f"before-{n}": [1] for n in range(50)} | {
        f"s{n}": list(range(1, 11)) for n in range(100)
    }


async def test_what_somebody_put_into_a_document_by_hand_is_not_sent(
    settings: Settings, client: AsyncMongoClient[Any]
) -> None:
    keyrings = Streams(client[settings.database("submissions")], KEYRINGS)
    await keyrings.handle([issue("real", "1"), issue("real", "2")])
    copied = await keyrings.collection.find_one({"_id": "real"})
    assert copied is not None
    await keyrings.collection.insert_one(copied | {"_id": "ghost-before"})
    with relaying(settings):
        await eventually(lambda: _sent(settings, {"real": [1, 2]}))
        await keyrings.collection.insert_one(copied | {"_id": "ghost-after"})
        await keyrings.handle([issue("last", "1")])
        await eventually(lambda: _sent(settings, {"real": [1, 2], "last": [1]}))


async def test_a_relay_that_does_not_get_on_says_since_when(
    settings: Settings, client: AsyncMongoClient[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "LATE_S", 2.0)
    database = client[settings.database("submissions")]
    keyrings = Streams(database, KEYRINGS)
    with monkeypatch.context() as unlimited:
        unlimited.setattr(stored, "LARGEST", 10 * 1024 * 1024)
        await keyrings.handle([issue("large", "x" * 5 * 1024 * 1024)])  # more than the topic takes
    with relaying(settings):

        async def behind() -> bool:
            lease = await database["leases"].find_one({"_id": "relay"})
            stuck = lease is not None and min(relay.lag_s(lease), _lag()) > 2.0
            return stuck and "MessageSizeTooLarge" in (lease or {}).get("trouble", "")

        await eventually(behind)
        # Once the topic takes it, all goes on.
        await keyrings.collection.delete_one({"_id": "large"})
        await database["leases"].update_one({"_id": "relay"}, {"$set": {"token": None}})

        async def well() -> bool:
            return _lag() == 0.0

        await eventually(well)


@contextmanager
def relaying(settings: Settings) -> Iterator[None]:
    """The relay alone, with no consumer beside it."""
    thread = Relay(settings, "submissions", (KEYRINGS,))
    thread.start()
    yield
    thread.stop()
    thread.join(30)


async def _sent(settings: Settings, expected: dict[str, list[int]]) -> bool:
    return await asyncio.to_thread(sequences, settings, SUBMISSIONS) == expected


def _lag() -> float:
    return REGISTRY.get_sample_value("shuangqian_relay_lag_seconds") or 0.0


async def test_counters_are_there_before_there_is_anything_to_count(settings: Settings) -> None:
    topic, database = settings.topic(SUBMISSIONS), AsyncMongoClient[Any](settings.mongo_url)["none"]
    subscribe(worker_app("review", settings), topic, copying(Streams(database, COPIES)), Parking(database))
    for name in ("shuangqian_events_parked_total", "shuangqian_events_handled_total"):
        assert REGISTRY.get_sample_value(name, {"topic": topic}) == 0.0


async def test_poison_parks_its_stream_alone_and_is_redriven_in_order(
    settings: Settings, client: AsyncMongoClient[Any]
) -> None:
    copies_db = client[settings.database("review")]
    copies, parking = Streams(copies_db, COPIES), Parking(copies_db)
    healthy = copying(copies)
    faulty = {"on": True}

    async def react(events: Sequence[Event]) -> None:
        if faulty["on"] and any(event.subject == "raises" and event.sequence == 2 for event in events):
            raise RuntimeError("a bug")
        await healthy(events)

    app = worker_app("review", settings)
    topic = settings.topic(SUBMISSIONS)
    subscribe(app, topic, react, parking)

    def send_all() -> None:
        producer = KafkaProducer(**settings.kafka)
        for sequence in (1, 2, 3):
            for stream in ("raises", "fine"):
                event = Event(
                    id=f"{stream}/{sequence}",
                    source="/submissions",
                    subject=stream,
                    time=AT,
                    sequence=sequence,
                    causationid="x",
                    correlationid="x",
                    actor="user:test",
                    data=PartnerKeyIssued(key=str(sequence), label="", hash=""),
                )
                producer.send(topic, key=stream.encode(), value=orjson.dumps(event.to_json()))
        producer.send(topic, key=b"bytes", value=b"\xff\x00 no event")
        producer.send(topic, key=b"unknown", value=orjson.dumps({**event.to_json(), "type": "partner.promoted.v1"}))
        producer.flush()

    await asyncio.to_thread(send_all)
    async with running(app, Relay(settings, "submissions", (KEYRINGS,))):

        async def done() -> bool:
            return (await copies.get("fine")).version == 3 and (await parking.list(9))[1] == 3

        await eventually(done)

        async def both_wait() -> bool:
            parked = {document["stream"]: document for document in (await parking.list(9))[0]}
            return bool(parked["raises"]["waiting"] == 2)

        await eventually(both_wait)
    operations = Operations("review", settings, copies_db, lambda _: {SUBMISSIONS: react})
    waiting = {stream.stream: stream.waiting for stream in (await operations.parked())[0]}
    assert waiting == {"raises": 2, "unknown": 1, "bytes": 1}
    assert [(consumer.topic, consumer.lag) for consumer in (await operations.status()).consumers] == [(topic, 0)]
    parked = {document["stream"]: document for document in (await parking.list(9))[0]}
    assert "unknown event type partner.promoted.v1" in parked["unknown"]["error"]
    assert "not JSON" in parked["bytes"]["error"]
    assert "a bug" in parked["raises"]["error"]
    assert (await copies.get("raises")).state.keys == ("1",)

    id = parked["raises"]["_id"]
    assert await operations.redrive(id, "user:operator") == 0
    faulty["on"] = False
    assert await operations.redrive(id, "user:operator") == 2
    assert await operations.redrive(id, "user:operator") is None
    assert (await copies.get("raises")).state.keys == ("1", "2", "3")
    assert {document["stream"] for document in (await parking.list(9))[0]} == {"unknown", "bytes"}
