"""The partitions of a history are raised on a real broker: each stream stays whole and in order on one partition."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest
from kafka import KafkaAdminClient
from pymongo import AsyncMongoClient

from runtime.consume import subscribe, worker_app
from runtime.consumers import Groups
from runtime.parking import Message, Parking
from runtime.partitions import COPY, CannotRaise, _copy, _remake, raise_partitions
from runtime.relay import Relay
from runtime.replay import extent, read
from runtime.settings import Settings
from runtime.streams import Streams
from runtime.worker import running
from schemas.topics import SUBMISSIONS
from tests.runtime.keyring import COPIES, KEYRINGS, copying, issue
from tests.support import eventually, own_settings, sequences

STREAMS = 40


@asynccontextmanager
async def databases(settings: Settings) -> AsyncIterator[tuple[Any, Any]]:
    async with AsyncMongoClient[Any](settings.mongo_url, w="majority", journal=True, tz_aware=True) as client:
        yield client[settings.database("submissions")], client[settings.database("review")]


@asynccontextmanager
async def worker(settings: Settings, copies: Any) -> AsyncIterator[list[str]]:
    """A relay that sends the keyrings' events and a consumer of them; the events it was given."""
    given: list[str] = []
    copy = copying(Streams(copies, COPIES))

    async def react(events: Any) -> None:
        given.extend(event.id for event in events)
        await copy(events)

    app = worker_app("review", settings)
    subscribe(app, settings.topic(SUBMISSIONS), react, Parking(copies))
    async with running(app, Relay(settings, "submissions", (KEYRINGS,))):
        yield given


async def issued(source: Any, copies: Any, keys: range) -> None:
    """Issue keys in every stream, and wait until all are copied."""
    for key in keys:
        await Streams(source, KEYRINGS).handle([issue(f"s{stream}", str(key)) for stream in range(STREAMS)])

    async def copied() -> bool:
        return bool(await copies["copies"].count_documents({"version": keys.stop}) == STREAMS)

    await eventually(copied, 60)


async def read_to_the_end(settings: Settings) -> None:
    async def done() -> bool:
        return await asyncio.to_thread(lag, settings) == 0

    await eventually(done)


def lag(settings: Settings) -> int:
    with closing(Groups(settings, {"review": [SUBMISSIONS]})) as groups:
        return sum(part.lag for group in groups.read() for part in group.parts)


def partitions_of_streams(settings: Settings) -> dict[bytes, set[int]]:
    found: dict[bytes, set[int]] = {}
    name = settings.topic(SUBMISSIONS)
    for records in read(settings.kafka, extent(settings.kafka, [name])):
        for record in records:
            found.setdefault(record.key, set()).add(record.partition)
    return found


async def test_streams_stay_whole_on_one_partition_each_and_nothing_is_read_twice(kafka: str, mongo: str) -> None:
    settings = await own_settings(kafka, mongo, partitions=3)
    async with databases(settings) as (source, copies):
        async with worker(settings, copies):
            await issued(source, copies, range(4))
            with pytest.raises(CannotRaise, match="A worker of review runs"):
                await asyncio.to_thread(raise_partitions, settings, SUBMISSIONS, 8)
            await read_to_the_end(settings)
        await Parking(copies).park(Message(settings.topic(SUBMISSIONS), "s1", "0:0", b"{"), "not JSON")
        with pytest.raises(CannotRaise, match=r"review has 1 parked stream of submissions\.events"):
            await asyncio.to_thread(raise_partitions, settings, SUBMISSIONS, 8)
        await copies["parked"].delete_many({})
        before = await asyncio.to_thread(sequences, settings, SUBMISSIONS)
        raised = await asyncio.to_thread(raise_partitions, settings, SUBMISSIONS, 8)
        assert (raised.messages, raised.streams, raised.partitions) == (4 * STREAMS, STREAMS, 8)
        assert await asyncio.to_thread(sequences, settings, SUBMISSIONS) == before
        # What was issued while nobody relayed waits in the database, and follows in order.
        await Streams(source, KEYRINGS).handle([issue(f"s{stream}", "4") for stream in range(STREAMS)])
        async with worker(settings, copies) as given:
            await issued(source, copies, range(5, 7))
        assert len(given) == len(set(given)) == 3 * STREAMS
        after = await asyncio.to_thread(sequences, settings, SUBMISSIONS)
        assert after == {f"s{stream}": list(range(1, 8)) for stream in range(STREAMS)}
        lying = await asyncio.to_thread(partitions_of_streams, settings)
        assert all(len(parts) == 1 for parts in lying.values())
        assert len(set().union(*lying.values())) > 3
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        assert settings.topic(SUBMISSIONS) + COPY not in admin.list_topics()


async def test_what_is_not_read_yet_is_not_moved_and_fewer_partitions_are_refused(kafka: str, mongo: str) -> None:
    settings = await own_settings(kafka, mongo, partitions=3)
    async with databases(settings) as (source, copies):
        async with worker(settings, copies):
            await issued(source, copies, range(1))
            await read_to_the_end(settings)
        relay = Relay(settings, "submissions", (KEYRINGS,))
        relay.start()
        await Streams(source, KEYRINGS).handle([issue("s1", "1")])

        async def waits() -> bool:
            return await asyncio.to_thread(lag, settings) == 1

        await eventually(waits)
        relay.stop()
        await asyncio.to_thread(relay.join)
        with pytest.raises(CannotRaise, match=r"review has 1 event of submissions\.events to read"):
            await asyncio.to_thread(raise_partitions, settings, SUBMISSIONS, 8)
        with pytest.raises(CannotRaise, match="has 3 partitions"):
            await asyncio.to_thread(raise_partitions, settings, SUBMISSIONS, 3)
        assert len((await asyncio.to_thread(sequences, settings, SUBMISSIONS))["s1"]) == 2


@pytest.mark.parametrize("cut_off", ["while the copy is made", "after the topic was deleted", "while it is filled"])
async def test_a_run_that_was_cut_off_is_run_again(kafka: str, mongo: str, cut_off: str) -> None:
    settings = await own_settings(kafka, mongo, partitions=3)
    name = settings.topic(SUBMISSIONS)
    async with databases(settings) as (source, copies):
        async with worker(settings, copies):
            await issued(source, copies, range(3))
            await read_to_the_end(settings)
    before = await asyncio.to_thread(sequences, settings, SUBMISSIONS)

    def until_cut_off() -> None:
        with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
            _remake(settings, admin, name + COPY, 8, 1)
            if cut_off == "while the copy is made":
                return
            _copy(settings, name, name + COPY)
            if cut_off == "after the topic was deleted":
                admin.delete_topics([name])
            else:
                _remake(settings, admin, name, 8, 1)

    await asyncio.to_thread(until_cut_off)
    raised = await asyncio.to_thread(raise_partitions, settings, SUBMISSIONS, 8)
    assert (raised.messages, raised.streams) == (3 * STREAMS, STREAMS)
    assert await asyncio.to_thread(sequences, settings, SUBMISSIONS) == before
    assert await asyncio.to_thread(lag, settings) == 0
