"""A database rebuilt from Kafka: what was lost or changed comes back as it was; what is written meanwhile stands."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest
from kafka import KafkaProducer
from pymongo import AsyncMongoClient

from runtime.consume import subscribe, worker_app
from runtime.parking import Parking
from runtime.rebuild import SHADOW, CannotRebuild, Projection, Report, rebuild
from runtime.relay import Relay
from runtime.settings import Settings
from runtime.streams import Streams
from runtime.swap import Made
from runtime.worker import running
from schemas.envelope import Json
from schemas.topics import SUBMISSIONS
from tests.audit.histories import event
from tests.runtime.keyring import COPIES, KEYRINGS, copying, issue
from tests.support import eventually, own_settings, sequences

SAID = ("version", "state", "events")


class Service:
    """The keyrings' service: its settings, its database, and ways to run and to rebuild it."""

    def __init__(self, settings: Settings, client: AsyncMongoClient[Json]) -> None:
        self.settings, self.client = settings, client
        self.database = client[settings.database("submissions")]
        self.streams = self.database["partners"]
        self.keyrings = Streams(self.database, KEYRINGS)

    async def issue(self, keys: Sequence[str], streams: int = 20) -> None:
        await self.keyrings.handle([issue(f"s{n}", key) for key in keys for n in range(streams)])

    @asynccontextmanager
    async def relayed(self) -> AsyncIterator[None]:
        """Its relay at work for the block, which ends once Kafka has all that is live."""
        relay = Relay(self.settings, "submissions", (KEYRINGS,))
        relay.start()
        try:
            await eventually(self._in_its_place)
            yield
            await eventually(self._all_sent)
        finally:
            relay.stop()
            await asyncio.to_thread(relay.join, 10)

    async def _in_its_place(self) -> bool:
        lease = await self.database["leases"].find_one({"_id": "relay"})
        return bool(lease and lease.get("token"))

    async def _all_sent(self) -> bool:
        told = await asyncio.to_thread(sequences, self.settings, SUBMISSIONS)
        return {id: max(numbers) for id, numbers in told.items()} == {
            found["_id"]: found["version"] async for found in self.streams.find({}, {"version": 1})
        }

    async def live(self) -> dict[str, bytes]:
        """Every live stream's version, state and events, byte by byte."""
        return {
            found["_id"]: orjson.dumps({part: found[part] for part in SAID})
            async for found in self.streams.find().sort("_id")
        }

    async def rebuild(self, *projections: Projection, patience_s: float = 5.0) -> Report:
        return await rebuild(self.settings, "submissions", self.client, (KEYRINGS,), projections, patience_s=patience_s)

    async def send(self, key: str, *values: bytes) -> None:
        """Put messages on the history, as something other than the relay would."""

        def put() -> None:
            producer = KafkaProducer(**self.settings.kafka)
            for value in values:
                producer.send(self.settings.topic(SUBMISSIONS), key=key.encode(), value=value)
            producer.close()

        await asyncio.to_thread(put)


@pytest.fixture
async def service(kafka: str, mongo: str) -> AsyncIterator[Service]:
    settings = await own_settings(kafka, mongo)
    async with AsyncMongoClient[Any](mongo, w="majority", journal=True, tz_aware=True) as client:
        yield Service(settings, client)
        for name in await client.list_database_names():
            if name.startswith(settings.database_prefix):
                await client.drop_database(name)


def counts(report: Report) -> tuple[int, int, int, int, int]:
    (each,) = report.collections
    return each.equal, each.restored, each.mended, each.removed, len(each.unsent)


async def test_a_lost_database_comes_back_byte_for_byte_and_its_relay_sends_nothing_again(service: Service) -> None:
    async with service.relayed():
        await service.issue("abc")
        await service.issue("de")
    before, sent = await service.live(), await asyncio.to_thread(sequences, service.settings, SUBMISSIONS)
    await service.client.drop_database(service.database.name)
    report = await service.rebuild()
    assert report.whole and counts(report) == (0, 20, 0, 0, 0) and report.messages == 100
    assert await service.live() == before
    async with service.relayed():
        await service.issue("f")
    told = await asyncio.to_thread(sequences, service.settings, SUBMISSIONS)
    assert told == {id: [*numbers, 6] for id, numbers in sent.items()}
    assert counts(await service.rebuild()) == (20, 0, 0, 0, 0)
    assert service.database.name + SHADOW not in await service.client.list_database_names()


async def test_what_was_lost_changed_or_turned_back_by_hand_is_put_right_and_kept_beside(service: Service) -> None:
    async with service.relayed():
        await service.issue("abc")
    before = await service.live()
    await service.streams.delete_one({"_id": "s1"})
    await service.streams.update_one({"_id": "s2"}, {"$set": {"state.keys.1": "hand"}})
    await service.streams.update_one({"_id": "s3"}, {"$set": {"events.0.actor": "user:other"}})
    await service.streams.update_one({"_id": "s4"}, {"$set": {"version": 1, "state.keys": ["a"]}})
    await service.streams.update_one({"_id": "s4"}, {"$push": {"events": {"$each": [], "$slice": 1}}})
    await service.streams.update_one({"_id": "s5"}, {"$set": {"version": 9}})
    report = await service.rebuild()
    assert report.whole and counts(report) == (15, 1, 4, 0, 0)
    assert await service.live() == before
    kept = {kept["was"]["_id"]: kept["was"] async for kept in service.database["replaced"].find()}
    assert set(kept) == {"s2", "s3", "s4", "s5"} and kept["s2"]["state"]["keys"][1] == "hand"


async def test_facts_that_kafka_does_not_have_yet_stay_and_are_named(service: Service) -> None:
    async with service.relayed():
        await service.issue("ab")
    await service.issue("c", streams=2)
    await service.keyrings.handle([issue("new", "a")])
    before = await service.live()
    report = await service.rebuild(patience_s=0)
    assert not report.whole and report.collections[0].unsent == ["new", "s0", "s1"]
    assert await service.live() == before


async def test_a_history_that_jumps_contradicts_or_is_no_event_leaves_its_stream_and_is_named(service: Service) -> None:
    async with service.relayed():
        await service.issue("ab")
    await service.send("s1", orjson.dumps(event("s1", 9)))
    await service.send("s2", orjson.dumps(event("s2", 1, key="other")))
    await service.send("s3", b"\xff no event")
    await service.streams.update_many({}, {"$set": {"state.keys": []}})
    report = await service.rebuild()
    assert counts(report) == (0, 0, 17, 0, 0)
    assert {(fault.stream, fault.why.partition(":")[0]) for fault in report.faults} == {
        ("s1", "sequence 9 after 2"),
        ("s2", "sequence 1 again, with other content"),
        ("s3", "not JSON"),
    }
    left = {found["_id"] async for found in service.streams.find({"state.keys": []}, {"_id": 1})}
    assert left == {"s1", "s2", "s3"}


async def test_all_gone_while_a_worker_runs_is_refused_with_the_next_step(service: Service) -> None:
    async with service.relayed():
        await service.issue("a")
    copies = service.client[service.settings.database("review")]
    app = worker_app("submissions", service.settings)
    subscribe(app, service.settings.topic(SUBMISSIONS), copying(Streams(copies, COPIES)), Parking(copies))
    async with running(app, Relay(service.settings, "submissions", (KEYRINGS,))):

        async def copied() -> bool:
            return await copies["copies"].count_documents({}) == 20

        await eventually(copied)
        await service.streams.drop()
        with pytest.raises(CannotRebuild, match="Stop its workers"):
            await service.rebuild()
    assert await service.streams.count_documents({}) == 0


async def test_streams_are_rebuilt_again_and_again_under_load_and_nothing_is_lost_or_repeated(service: Service) -> None:
    """Writers go on in some streams, while others are lost and changed by hand and brought back, four times."""
    async with service.relayed():
        await service.issue("ab", streams=40)
    quiet = {id: said for id, said in (await service.live()).items() if int(id[1:]) >= 10}
    asked, stopping = 0, asyncio.Event()

    async def write() -> None:
        nonlocal asked
        while not stopping.is_set():
            await service.keyrings.handle([issue(f"s{n}", f"k{asked}") for n in range(10)])
            asked += 1
            await asyncio.sleep(0.1)

    async with service.relayed():
        writing = asyncio.create_task(write())
        for round in range(4):
            await service.streams.delete_many({"_id": {"$in": [f"s{n}" for n in range(10, 20)]}})
            await service.streams.update_many({"_id": {"$in": list(quiet)}}, {"$set": {"state.keys.0": f"hand{round}"}})
            await service.streams.update_one({"_id": "s39"}, {"$set": {"events.0.actor": f"user:hand{round}"}})
            # One that is written at the moment, too: what was decided on a state changed by hand is put right as well.
            await service.streams.update_one({"_id": "s0"}, {"$set": {"state.keys.0": f"hand{round}"}})
            assert (await service.rebuild(patience_s=30)).whole
        stopping.set()
        await writing
    assert (await service.rebuild()).whole
    live = await service.live()
    assert {id: said for id, said in live.items() if id in quiet} == quiet
    keys = ["a", "b", *(f"k{n}" for n in range(asked))]
    assert asked > 10
    for n in range(10):
        assert orjson.loads(live[f"s{n}"])["state"]["keys"] == keys


def versioned(collection: str) -> Projection:
    """A projection that copies keyrings, as another service's worker would."""

    def ahead(live: Json, made: Json) -> bool:
        return bool(live["version"] > made["version"])

    made = Made(collection, lambda a, b: a["state"] == b["state"], ahead)
    copies = replace(COPIES, collection=collection)
    return Projection(made, (SUBMISSIONS,), lambda database: copying(Streams(database, copies)))


async def test_a_projection_is_rebuilt_while_its_worker_adds_to_it(service: Service) -> None:
    app = worker_app("submissions", service.settings)
    live = Streams(service.database, COPIES)
    subscribe(app, service.settings.topic(SUBMISSIONS), copying(live), Parking(service.database))
    async with running(app, Relay(service.settings, "submissions", (KEYRINGS,))):
        for round in range(5):
            await service.issue([f"{round}.{n}" for n in range(4)])
            await service.database["copies"].update_many(
                {"_id": {"$in": ["s3", "s4"]}}, {"$set": {"state.keys": ["hand"]}}
            )
            assert (await service.rebuild(versioned("copies"))).whole

        async def copied() -> bool:
            found = [found async for found in live.collection.find({}, {"state": 1})]
            return len(found) == 20 and all(len(each["state"]["keys"]) == 20 for each in found)

        await eventually(copied)
