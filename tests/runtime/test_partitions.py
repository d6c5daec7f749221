"""The partitions of a history are raised on a real broker: each stream stays whole and in order on one partition."""

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType
from pymongo import AsyncMongoClient

from deploy.local.kafka import JARS
from deploy.local.ports import HOST, answers, free
from deploy.local.servers import kafka_server
from deploy.local.servers import running as running_process
from deploy.local.supervise import Process
from runtime import partitions
from runtime.admin import KEPT, create_topics
from runtime.consume import subscribe, worker_app
from runtime.consumers import Groups
from runtime.parking import Message, Parking
from runtime.partitions import COPY, CannotRaise, Kept, _copy, _remake, raise_partitions
from runtime.relay import Relay
from runtime.replay import extent, read
from runtime.settings import Settings
from runtime.streams import Streams
from runtime.worker import running
from schemas.topics import HISTORIES, SUBMISSIONS
from tests.runtime.keyring import COPIES, KEYRINGS, copying, issue
from tests.support import eventually, own_settings, sequences, whole

STREAMS = 40
#: How the tests' topics are kept.
ALONE = Kept(1, KEPT)


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


async def copied(settings: Settings) -> None:
    """A key in every stream is on the history and in the copies, and no worker runs."""
    async with databases(settings) as (source, copies):
        async with worker(settings, copies):
            await issued(source, copies, range(1))
            await read_to_the_end(settings)


@asynccontextmanager
async def relaying(settings: Settings) -> AsyncIterator[None]:
    """The writer's relay alone, which holds its lease."""
    relay = Relay(settings, "submissions", (KEYRINGS,))
    relay.start()
    async with databases(settings) as (source, _):

        async def held() -> bool:
            return await source["leases"].find_one({"_id": "relay", "until": {"$gt": datetime.now(UTC)}}) is not None

        await eventually(held)
        yield
    relay.stop()
    await asyncio.to_thread(relay.join)


async def relayed(settings: Settings, key: str) -> None:
    """A worker of the writer comes, relays one event more, and goes."""
    before = await asyncio.to_thread(messages, settings)

    async def sent() -> bool:
        return await asyncio.to_thread(messages, settings) > before

    async with databases(settings) as (source, _), relaying(settings):
        await Streams(source, KEYRINGS).handle([issue("s1", key)])
        await eventually(sent)


def messages(settings: Settings) -> int:
    return extent(settings.kafka, [settings.topic(SUBMISSIONS)]).messages


async def test_nothing_is_moved_while_the_relay_that_writes_the_history_runs(kafka: str, mongo: str) -> None:
    settings = await own_settings(kafka, mongo, partitions=3)
    await copied(settings)
    async with relaying(settings):
        with pytest.raises(CannotRaise, match="The relay of submissions runs"):
            await asyncio.to_thread(raise_partitions, settings, SUBMISSIONS, 8)
    assert (await asyncio.to_thread(raise_partitions, settings, SUBMISSIONS, 8)).messages == STREAMS


async def test_nothing_is_moved_that_was_relayed_after_all_had_been_read(
    kafka: str, mongo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Groups go on at the end: they would never read it."""
    settings = await own_settings(kafka, mongo, partitions=3)
    await copied(settings)
    loop, all_read = asyncio.get_running_loop(), partitions._all_read

    def and_then(settings: Settings, topic: str) -> None:
        all_read(settings, topic)
        asyncio.run_coroutine_threadsafe(relayed(settings, "1"), loop).result()

    monkeypatch.setattr(partitions, "_all_read", and_then)
    with pytest.raises(CannotRaise, match="was written to meanwhile"):
        await asyncio.to_thread(raise_partitions, settings, SUBMISSIONS, 8)
    assert await asyncio.to_thread(lag, settings) == 1


@pytest.mark.parametrize("filled", [True, False])
async def test_what_a_worker_relayed_to_the_topic_that_was_made_anew_is_not_deleted_with_it(
    kafka: str, mongo: str, filled: bool
) -> None:
    """And the way out that docs/how-to/raise-partitions.md tells."""
    settings = await own_settings(kafka, mongo, partitions=3)
    name = settings.topic(SUBMISSIONS)
    await copied(settings)

    def until_cut_off() -> None:
        with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
            _remake(settings, admin, name + COPY, 8, ALONE)
            _copy(settings, name, name + COPY)
            _remake(settings, admin, name, 8, ALONE)
            if filled:
                _copy(settings, name + COPY, name)

    await asyncio.to_thread(until_cut_off)
    await relayed(settings, "1")
    before = await asyncio.to_thread(messages, settings)
    with pytest.raises(CannotRaise, match=r"has events that \S+ has not"):
        await asyncio.to_thread(raise_partitions, settings, SUBMISSIONS, 8)
    assert await asyncio.to_thread(messages, settings) == before

    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        admin.delete_topics([name])
    async with databases(settings) as (source, copies):
        await source["leases"].update_one({"_id": "relay"}, {"$unset": {"token": "", "at": ""}})
        await asyncio.to_thread(raise_partitions, settings, SUBMISSIONS, 8)
        await Streams(source, KEYRINGS).handle([issue("s1", "2")])

        async def all_copied() -> bool:
            return bool(await copies["copies"].count_documents({"_id": "s1", "version": 3}))

        async with worker(settings, copies):
            await eventually(all_copied)
    after = await asyncio.to_thread(sequences, settings, SUBMISSIONS)
    assert all(whole(sequence) for sequence in after.values())
    assert set(after["s1"]) == {1, 2, 3}


@contextmanager
def second_broker(first: Path, folder: Path, cluster: str) -> Iterator[None]:
    """Another broker beside the one in `first`, so that a topic can have two replicas."""
    (port,) = free(1)
    own = {"process.roles": "broker", "node.id": "2", "log.dirs": str(folder / "data")}
    own |= {"listeners": f"INTERNAL://{HOST}:{port}", "advertised.listeners": f"INTERNAL://{HOST}:{port}"}
    lines = [line.partition("=") for line in (first / "server.properties").read_text().splitlines()]
    (folder / "data").mkdir(parents=True)
    (folder / "server.properties").write_text(
        "".join(f"{name}={value}\n" for name, value in ({name: value for name, _, value in lines} | own).items())
    )
    (folder / "data" / "meta.properties").write_text(f"version=1\nnode.id=2\ncluster.id={cluster}\n")
    argv = ("java", "-Xmx384m", f"-Dlog4j2.configurationFile={first / 'log4j2.properties'}", "-cp", f"{JARS}/*")
    process = Process("kafka-2", (*argv, "kafka.Kafka", str(folder / "server.properties")), lambda: answers(port))
    with running_process(process, folder / "log"):
        yield


async def test_replicas_and_settings_of_the_history_stay_as_they_are(mongo: str, tmp_path: Path) -> None:
    changed = {"min.insync.replicas": "2", "max.message.bytes": "8388608", "segment.ms": "3600000"}
    with kafka_server(tmp_path / "1") as first, closing(KafkaAdminClient(bootstrap_servers=first.address)) as admin:
        cluster = admin.describe_cluster()["cluster_id"]
        with second_broker(tmp_path / "1", tmp_path / "2", cluster):

            async def both() -> bool:
                brokers = admin.describe_cluster()["brokers"]
                return len(brokers) == 2 and not any(broker["is_fenced"] for broker in brokers)

            await eventually(both)
            settings = Settings(
                kafka_bootstrap=first.address, mongo_url=mongo, database_prefix=f"test_{secrets.token_hex(4)}_"
            )
            create_topics(settings, partitions=2, replication=2)
            admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, SUBMISSIONS, changed)])
            with closing(KafkaProducer(bootstrap_servers=first.address)) as producer:
                producer.send(SUBMISSIONS, key=b"s1", value=b"{}").get()
            raised = await asyncio.to_thread(raise_partitions, settings, SUBMISSIONS, 4)
            assert (raised.messages, raised.partitions) == (1, 4)
            (described,) = admin.describe_topics([SUBMISSIONS])
            assert [len(part["replica_nodes"]) for part in described["partitions"]] == [2] * 4
            own = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, SUBMISSIONS)])["topic"][SUBMISSIONS]
            assert {name: each["value"] for name, each in own.items()} == KEPT | changed


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
            _remake(settings, admin, name + COPY, 8, ALONE)
            if cut_off == "while the copy is made":
                return
            _copy(settings, name, name + COPY)
            if cut_off == "after the topic was deleted":
                admin.delete_topics([name])
            else:
                _remake(settings, admin, name, 8, ALONE)

    await asyncio.to_thread(until_cut_off)
    raised = await asyncio.to_thread(raise_partitions, settings, SUBMISSIONS, 8)
    assert (raised.messages, raised.streams) == (3 * STREAMS, STREAMS)
    assert await asyncio.to_thread(sequences, settings, SUBMISSIONS) == before
    assert await asyncio.to_thread(lag, settings) == 0


async def test_the_command_by_which_an_installation_makes_its_histories_keeps_them_for_ever(kafka: str) -> None:
    prefix = f"{secrets.token_hex(4)}."
    environ = {
        **os.environ,
        "SHUANGQIAN_KAFKA_BOOTSTRAP": kafka,
        "SHUANGQIAN_TOPIC_PREFIX": prefix,
        "LC_ALL": "en_GB.UTF-8",
    }
    said = []
    for _ in range(2):
        made = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "runtime.admin", "4", "1"), env=environ, stdout=asyncio.subprocess.PIPE
        )
        said.append((await made.communicate())[0].decode().split("\n"))
    assert said == [[*(prefix + topic for topic in HISTORIES), ""], ["All histories are there.", ""]]
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        (described,) = admin.describe_topics([prefix + SUBMISSIONS])
        assert len(described["partitions"]) == 4
        resource = ConfigResource(ConfigResourceType.TOPIC, prefix + SUBMISSIONS)
        own = admin.describe_configs([resource])["topic"][prefix + SUBMISSIONS]
        assert {name: each["value"] for name, each in own.items()} == KEPT
