"""The runtime's promises on a small domain: servers go away, consumers come and go, the oplog forgets; nothing is lost,
nothing takes effect twice, sequences stay whole."""

import asyncio
import contextlib
import os
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
from kafka import KafkaProducer
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from deploy.local import table
from deploy.local.servers import Server, mongo_server
from runtime.consume import STUCK, subscribe, worker_app
from runtime.parking import Parking
from runtime.relay import Relay
from runtime.settings import Settings
from runtime.streams import Streams
from runtime.worker import running
from schemas.submission import PartnerFact
from schemas.topics import SUBMISSIONS
from tests.runtime.keyring import COPIES, KEYRINGS, Issue, Keyring, copying, issue
from tests.support import eventually, own_settings, sequences, whole

Keyrings = Streams[Keyring, Issue, PartnerFact]
STREAMS, KEYS = 60, 20


@asynccontextmanager
async def database(settings: Settings, service: str) -> AsyncIterator[Any]:
    async with AsyncMongoClient[Any](settings.mongo_url, w="majority", journal=True, tz_aware=True) as client:
        yield client[settings.database(service)]


@asynccontextmanager
async def consumer(settings: Settings, copies: Any) -> AsyncIterator[None]:
    """One worker that copies, and a relay beside it that may take the lease."""
    app = worker_app("review", settings)
    subscribe(app, settings.topic(SUBMISSIONS), copying(Streams(copies, COPIES)), Parking(copies))
    async with running(app, Relay(settings, "submissions", (KEYRINGS,))):
        yield


async def load(keyrings: Keyrings, *, pause_s: float = 0.0) -> None:
    """Issue KEYS keys in each of STREAMS streams, asking again whatever the database did not confirm."""
    for key in range(KEYS):
        commands = [issue(f"s{stream}", str(key)) for stream in range(STREAMS)]
        while True:
            try:
                await keyrings.handle(commands)
                break
            except PyMongoError:
                await asyncio.sleep(0.5)
        await asyncio.sleep(pause_s)


async def all_copied(settings: Settings, copies: Any, seconds: float = 90.0) -> None:
    """Wait until every key is in the copies; then nothing may be missing, repeated, out of order or parked."""

    async def done() -> bool:
        return bool(await copies["copies"].count_documents({"version": KEYS}) == STREAMS)

    await eventually(done, seconds)
    expected = Keyring(keys=tuple(str(key) for key in range(KEYS)))
    for stream in range(STREAMS):
        assert (await Streams(copies, COPIES).get(f"s{stream}")).state == expected
    assert await Parking(copies).list(1) == ([], 0)
    history = await asyncio.to_thread(sequences, settings, SUBMISSIONS)
    assert len(history) == STREAMS
    assert all(whole(found) and max(found) == KEYS for found in history.values())


async def test_a_hundred_rebalances_lose_and_repeat_nothing(kafka: str, mongo: str) -> None:
    settings = await own_settings(kafka, mongo, partitions=6)
    async with database(settings, "submissions") as source, database(settings, "review") as copies:
        async with consumer(settings, copies):
            loading = asyncio.create_task(load(Streams(source, KEYRINGS), pause_s=1.0))
            for _ in range(50):  # each joins the group, and leaves it: a hundred rebalances
                async with consumer(settings, copies):
                    await asyncio.sleep(random.uniform(0.0, 0.3))
            await loading
            await all_copied(settings, copies)


async def test_a_broker_that_restarts_delays_and_loses_nothing(kafka_broker: Server, mongo: str) -> None:
    settings = await own_settings(kafka_broker.address, mongo)
    async with database(settings, "submissions") as source, database(settings, "review") as copies:
        async with consumer(settings, copies):
            loading = asyncio.create_task(load(Streams(source, KEYRINGS), pause_s=0.3))
            await asyncio.sleep(2.0)
            kafka_broker.kill()
            await asyncio.sleep(1.0)
            kafka_broker.start()  # in this thread: the broker ends with the thread that started it
            await loading
            await all_copied(settings, copies)


async def test_a_primary_that_steps_down_delays_and_loses_nothing(kafka: str, mongo: str) -> None:
    settings = await own_settings(kafka, mongo)
    async with database(settings, "submissions") as source, database(settings, "review") as copies:
        async with consumer(settings, copies):
            loading = asyncio.create_task(load(Streams(source, KEYRINGS), pause_s=0.3))
            for _ in range(2):
                await asyncio.sleep(1.5)
                with contextlib.suppress(PyMongoError):  # stepping down closes the connection it was asked on
                    await source.client.admin.command("replSetStepDown", 3, force=True)
            await loading
            await all_copied(settings, copies)


async def test_a_relay_down_for_longer_than_the_oplog_reaches_loses_nothing(kafka: str, tmp_path: Path) -> None:
    with mongo_server(tmp_path, oplog_mb=1) as server:
        settings = await own_settings(kafka, server.address)
        async with database(settings, "submissions") as source, database(settings, "review") as copies:
            keyrings = Streams(source, KEYRINGS)
            relay = Relay(settings, "submissions", (KEYRINGS,))
            relay.start()
            await keyrings.handle([issue(f"s{stream}", "0") for stream in range(STREAMS)])

            async def relayed() -> bool:
                return len(await asyncio.to_thread(sequences, settings, SUBMISSIONS)) == STREAMS

            await eventually(relayed)
            relay.stop()
            await asyncio.to_thread(relay.join)
            await load(keyrings)
            await push_out_of_the_oplog(source)
            async with consumer(settings, copies):
                await all_copied(settings, copies)


async def push_out_of_the_oplog(source: Any) -> None:
    """Write until the oplog no longer holds what the relay saw last."""
    saved = (await source["leases"].find_one({"_id": "relay"}))["at"]
    for n in range(2000):
        await source["filler"].insert_many([{"n": n, "m": m, "text": "x" * 30_000} for m in range(20)])
        oldest = await source.client["local"]["oplog.rs"].find_one({}, {"ts": 1}, sort=[("$natural", 1)])
        if oldest["ts"].time > saved.time + 5:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the oplog still reaches back to the relay's place")


async def test_a_worker_with_events_waiting_that_handles_none_ends_itself(kafka: str, mongo: str) -> None:
    settings = await own_settings(kafka, mongo)
    environment = {**os.environ, **table.environment(settings)}
    worker = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.faults.stuck", env=environment)
    try:
        await asyncio.sleep(6.0)  # nothing waits: it goes on
        assert worker.returncode is None
        async with database(settings, "submissions") as source, database(settings, "review") as copies:
            await Streams(source, KEYRINGS).handle([issue("s", "1")])
            relay = Relay(settings, "submissions", (KEYRINGS,))
            relay.start()
            assert await asyncio.wait_for(worker.wait(), 40) == STUCK
            relay.stop()
            await asyncio.to_thread(relay.join)
            async with consumer(settings, copies):  # the fresh one that a supervisor starts

                async def handled() -> bool:
                    return bool((await Streams(copies, COPIES).get("s")).version)

                await eventually(handled)
    finally:
        with contextlib.suppress(ProcessLookupError):
            worker.kill()


async def test_a_history_repeated_and_shuffled_between_streams_takes_effect_once(kafka: str, mongo: str) -> None:
    settings = await own_settings(kafka, mongo)
    async with database(settings, "submissions") as source, database(settings, "review") as copies:
        keyrings = Streams(source, KEYRINGS)
        await load(keyrings)
        histories = [(await keyrings.get(f"s{stream}")).events for stream in range(STREAMS)]

        def send_thrice() -> None:
            producer = KafkaProducer(**settings.kafka)
            dice = random.Random(7)
            for _ in range(3):
                waiting = [list(history) for history in histories]
                while waiting:
                    history = dice.choice(waiting)
                    event = history.pop(0)
                    for _ in range(dice.choice((1, 1, 2))):
                        producer.send(
                            settings.topic(SUBMISSIONS), key=event.subject.encode(), value=orjson.dumps(event.to_json())
                        )
                    waiting = [history for history in waiting if history]
            producer.flush()

        await asyncio.to_thread(send_thrice)
        async with consumer(settings, copies):
            await all_copied_despite_repeats(copies)


async def all_copied_despite_repeats(copies: Any) -> None:
    async def done() -> bool:
        return bool(await copies["copies"].count_documents({"version": KEYS}) == STREAMS)

    await eventually(done, 60)
    await asyncio.sleep(2.0)  # the repeats that are still on their way
    for stream in range(STREAMS):
        assert (await Streams(copies, COPIES).get(f"s{stream}")).state.keys == tuple(str(key) for key in range(KEYS))
