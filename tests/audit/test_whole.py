"""Replays as a whole: on several processes, cut, resumed, read-only; and what they notice across services."""

import dataclasses
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import NewPartitions
from kafka.errors import OffsetOutOfRangeError
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from audit import team
from audit.deciders import DECIDERS
from audit.examine import Difference, Kind
from audit.history import partition_of
from audit.kept import Kept
from audit.replay import Progress, Until, Verdict, replay
from deploy.local.servers import Server, mongo_server
from runtime.admin import create_topics
from runtime.replay import extent, read
from runtime.settings import Settings
from runtime.stored import as_sent
from schemas.envelope import Json
from schemas.events import from_json
from tests.audit.conftest import DECIDERS as DECIDERS_OF_TESTS
from tests.audit.conftest import World
from tests.audit.histories import document, event
from tests.audit.test_cli import ROOT, environment
from tests.bench.ground import messages, publish
from tests.bench.limits import insert
from tests.bench.lives import Lives, lives


def told(differences: tuple[Difference, ...]) -> set[tuple[str, str, int | None]]:
    return {(each.kind, each.stream, each.sequence) for each in differences}


def test_several_processes_find_what_one_finds(lived: World) -> None:
    lived.database["partners"].update_one({"_id": "s4"}, {"$set": {"state.keys.1": "hand"}})
    lived.database["partners"].insert_one(document("extra", event("extra", 1)))
    heard: list[Progress] = []
    one, two = lived.replay(processes=1), lived.replay(processes=2, progress=heard.append)
    same = ("equal", "streams", "events", "duplicates", "differing", "services", "differences", "noticed")
    assert [getattr(one, name) for name in same] == [getattr(two, name) for name in same]
    assert told(two.differences) == {(Kind.STATE, "s4", 2), (Kind.STREAM_NOT_ON_KAFKA, "extra", 1)}
    assert (two.processes, heard[-1].phase, heard[-1].done) == (2, "links", 60)


def test_a_partition_in_slices_is_the_same_as_whole(lived: World, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = lived.replay()
    monkeypatch.setattr("audit.replay.AT_ONCE", 4)
    sliced = lived.replay()
    assert (sliced.equal, sliced.services) == (True, whole.services)


def test_a_history_can_be_cut_at_an_offset_or_a_moment(lived: World) -> None:
    """Live streams that went on after the cut are held against their events only."""
    cut = lived.replay(until=Until(offset=1))
    assert cut.equal and 0 < cut.events < 60 and cut.went_on > 0 and cut.until == "1"
    (first, *_), *_ = read(lived.settings.kafka, extent(lived.settings.kafka, [lived.topic]))
    at = orjson.loads(first.value)["time"]
    whole = lived.replay(until=Until(time=datetime.fromisoformat(at)))
    assert (whole.equal, whole.events, whole.went_on, whole.until) == (True, 60, 0, at)  # all have the same time
    for stream in lived.database["partners"].find():
        forged = orjson.dumps(orjson.loads(stream["events"][0]["data"]) | {"label": "forged"}).decode()
        lived.database["partners"].update_one({"_id": stream["_id"]}, {"$set": {"events.0.data": forged}})
    assert {each.kind for each in lived.replay(until=Until(offset=1)).differences} == {Kind.EVENT}


class Cut(Exception):
    """The replay is cut off here."""


def test_a_replay_that_was_cut_off_goes_on_where_it_was(lived: World, tmp_path: Path) -> None:
    lived.database["partners"].update_one({"_id": "s4"}, {"$set": {"state.keys.1": "hand"}})
    kept, seen = Kept(tmp_path / "kept"), list[int]()

    def cut(progress: Progress) -> None:
        seen.append(progress.done)
        if progress.done > 25:
            raise Cut

    with pytest.raises(Cut):
        lived.replay(keep=kept, progress=cut)
    through = len(list((tmp_path / "kept").glob("*.json")))
    assert through > 0
    heard: list[Progress] = []
    verdict = lived.replay(keep=kept, progress=heard.append)
    assert (verdict.resumed, verdict.streams, verdict.events, verdict.differing) == (True, 20, 60, 1)
    assert told(verdict.differences) == {(Kind.STATE, "s4", 2)}
    # Nothing is read twice: what was through is not read again.
    assert max(each.done for each in heard if each.phase == "history") < 60
    kept.forget()
    assert not (tmp_path / "kept").exists()


def test_what_the_relay_had_not_sent_is_looked_at_again(lived: World, tmp_path: Path) -> None:
    lived.decide(("s1", "late"))
    kept = Kept(tmp_path / "kept")
    assert told(lived.replay(service="submissions", keep=kept).differences) == {(Kind.EVENT_NOT_ON_KAFKA, "s1", 4)}
    lived.relay(31)
    assert lived.replay(service="submissions", keep=kept).equal


def test_a_process_that_is_killed_ends_the_replay_which_goes_on_with_resume(lived: World, tmp_path: Path) -> None:
    cache = {"XDG_CACHE_HOME": str(tmp_path)}
    argv = [sys.executable, "-m", "tests.audit.command", "audit", "replay", "--processes", "2"]
    env = environment(lived.settings) | cache
    with subprocess.Popen(argv, env=env, cwd=ROOT, stderr=subprocess.PIPE, text=True) as command:
        while not (workers := _workers(command.pid)):
            assert command.poll() is None
        os.kill(workers[0], signal.SIGKILL)
        _, said = command.communicate(timeout=60)
    assert (command.returncode, "--resume" in said) == (2, True)
    again = subprocess.run([*argv, "--resume"], env=env, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (again.returncode, "60 events" in again.stdout) == (0, True)
    assert list((tmp_path / "shuangqian" / "replay").glob("*")) == []


def _workers(pid: int) -> list[int]:
    found = []
    for child in psutil.Process(pid).children():
        with suppress(psutil.NoSuchProcess):  # some live for an instant
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child.pid)
    return found


# --- What no replay passes over --------------------------------------------------------------------------------


def test_a_stream_on_two_partitions_is_named_with_both(lived: World) -> None:
    """As happens where somebody adds partitions to a history that is in use."""
    admin = KafkaAdminClient(**lived.settings.kafka)
    admin.create_partitions({lived.topic: NewPartitions(7)})
    admin.close()
    moved = next(f"s{n}" for n in range(10) if partition_of(f"s{n}", 7) != partition_of(f"s{n}", 3))
    lived.decide((moved, "later"))
    lived.send((moved, as_sent(lived.events(moved)[3])))
    verdict = lived.replay(service="submissions")
    assert told(verdict.differences) == {(Kind.SPLIT, moved, 4)}
    places = sorted((partition_of(moved, 3), partition_of(moved, 7)))
    assert verdict.differences[0].detail == ", ".join(map(str, places))
    assert (verdict.streams, verdict.differing) == (10, 1)


def test_a_history_whose_beginning_is_gone_is_a_gap_and_its_streams_lack_events(lived: World) -> None:
    admin = KafkaAdminClient(**lived.settings.kafka)
    place = TopicPartition(lived.topic, partition_of("s3", 3))
    admin.delete_records({place: 1})
    admin.close()
    verdict = lived.replay()
    assert not verdict.equal and {each.kind for each in verdict.differences} == {Kind.JUMP}
    (gap,) = verdict.notices
    assert (gap.kind, gap.position, gap.detail) == (Kind.GAP, f"{lived.topic}:{place.partition}:1", "0 – 0")


def test_what_is_removed_while_it_is_about_to_be_read_is_not_passed_over(lived: World) -> None:
    place, asked = (
        TopicPartition(lived.topic, partition_of("s3", 3)),
        extent(lived.settings.kafka, [lived.topic]),
    )
    admin = KafkaAdminClient(**lived.settings.kafka)
    admin.delete_records({place: 1})
    admin.close()
    with pytest.raises(OffsetOutOfRangeError):
        list(read(lived.settings.kafka, asked))


def test_a_clock_that_ran_backwards_is_noticed_and_the_streams_are_equal(world: World) -> None:
    late, early = event("a", 1), event("a", 2)
    early["time"] = "2026-10-31T08:00:00.000Z"
    world.database["partners"].insert_one(document("a", late, early))
    world.send(*(("a", orjson.dumps(each)) for each in (late, early)))
    verdict = world.replay()
    assert verdict.equal and told(verdict.notices) == {(Kind.CLOCK, "a", 2)}
    assert verdict.notices[0].detail == f"{late['time']} → {early['time']}"


def test_a_cause_that_no_history_has_is_noticed(world: World) -> None:
    known, unknown = event("a", 1), event("b", 1)
    known["causationid"], unknown["causationid"] = "/submissions/b/1", "/submissions/a/7"
    for each in (known, unknown):
        world.database["partners"].insert_one(document(each["subject"], each))
        world.send((each["subject"], orjson.dumps(each)))
    verdict = world.replay()
    assert verdict.equal and told(verdict.notices) == {(Kind.CAUSE_UNKNOWN, "b", 1)}
    assert verdict.notices[0].detail == "/submissions/a/7"


@pytest.fixture
def lived_through(world: World) -> tuple[World, Lives]:
    """A month of entries from submission to publication, in all services; not yet on Kafka or in MongoDB."""
    return world, lives(1)


def written(world: World, made: Lives, drop: Callable[[Json], bool] = lambda _: False) -> Verdict:
    """Write the lives, but for streams whose last event `drop` picks from there on, and replay."""
    for streams in made.all:
        documents = []
        for each in streams.documents():
            events: list[Json] = each["events"]
            kept = next((n for n, one in enumerate(events) if drop(one)), len(events))
            if kept:
                state = streams.decider.state()
                for one in events[:kept]:
                    state = streams.decider.evolve(state, from_json(one).data)
                documents.append(
                    each | {"events": events[:kept], "version": kept, "state": state.model_dump(mode="json")}
                )
        insert(world.client[world.settings.database(streams.decider.service)][streams.decider.collection], documents)
        publish(world.settings, streams.decider.topic, messages(documents))
    return replay(world.settings, DECIDERS, patience_s=0.5)


@pytest.fixture
def forgotten(world: World) -> Any:
    yield
    for service in ("publishing", "notifications"):
        world.client.drop_database(world.settings.database(service))


@pytest.mark.usefixtures("forgotten")
def test_whole_lives_are_equal_and_nothing_is_noticed(lived_through: tuple[World, Lives]) -> None:
    verdict = written(*lived_through)
    assert (verdict.equal, verdict.noticed, verdict.events, verdict.streams) == (True, 0, 1203, 301)


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize(
    ("lost", "owing", "sequence"),
    [
        ("case.opened.v1", "{entry}", 1),
        ("entry.queued.v1", "{entry}@1", 7),
        ("entry.published.v1", "2026-01", 103),
    ],
)
def test_an_effect_that_did_not_come_is_noticed_with_its_cause(
    lived_through: tuple[World, Lives], lost: str, owing: str, sequence: int
) -> None:
    """The worker that should have reacted did not: in every database and history all is equal."""
    world, made = lived_through
    entry = next(iter(made.submissions.events))
    verdict = written(world, made, lambda each: each["type"] == lost and each["subject"].startswith(entry))
    assert verdict.equal
    owed = {(each.stream, each.sequence) for each in verdict.notices if each.kind is Kind.NO_EFFECT}
    assert (owing.format(entry=entry), sequence) in owed
    under_way = replay(world.settings, DECIDERS, patience_s=0.5, under_way_s=1e9)
    assert Kind.NO_EFFECT not in {each.kind for each in under_way.notices}


def test_a_history_held_against_nothing_needs_no_database_and_finds_what_is_wrong_in_itself(lived: World) -> None:
    away = lived.settings.model_copy(update={"mongo_url": "mongodb://127.0.0.1:9/"})
    verdict = replay(away, DECIDERS_OF_TESTS, against="nothing")
    assert (verdict.equal, verdict.streams, verdict.events, verdict.against) == (True, 20, 60, "nothing")
    lived.send(("s2", orjson.dumps(event("s2", 9))), ("s3", orjson.dumps(event("s3", 2, key="forged"))), ("x", b"?"))
    found = told(replay(away, DECIDERS_OF_TESTS, against="nothing").differences)
    assert found == {(Kind.JUMP, "s2", 9), (Kind.CONFLICT, "s3", 2), (Kind.UNREADABLE, "x", None)}


# --- It may only read ------------------------------------------------------------------------------------------


def test_a_replay_needs_no_right_to_write_anywhere(kafka: str, tmp_path: Path) -> None:
    """On a MongoDB that asks for passwords, as a user who may read and nothing else; on Kafka in no group."""
    with mongo_server(tmp_path / "mongod") as server:
        settings = Settings(kafka_bootstrap=kafka, mongo_url=server.address, topic_prefix=secrets.token_hex(4) + ".")
        create_topics(settings, partitions=3)
        with MongoClient[Json](server.address, w="majority") as client:
            world = World(settings, client)
            world.decide(*((f"s{n}", "1") for n in range(10)))
            world.relay(10)
            world.relay(10, "review")
            reads = [{"role": "read", "db": settings.database(service)} for service in ("submissions", "review")]
            client.admin.command("createUser", "auditor", pwd="look", roles=reads)
            client.admin.command("createUser", "root", pwd="all", roles=["root"])
        _ask_for_passwords(server, tmp_path / "key")
        as_auditor, as_root = (
            settings.model_copy(update={"mongo_url": server.address.replace("//", f"//{user}@")})
            for user in ("auditor:look", "root:all")
        )
        before = _groups_and_ends(settings)
        verdict = replay(as_auditor, DECIDERS_OF_TESTS, patience_s=0.5)
        assert (verdict.equal, verdict.streams, verdict.events) == (True, 20, 20)
        assert _groups_and_ends(settings) == before
        with team.client(as_auditor) as auditor:
            for service in ("submissions", "review", "audit"):
                database = auditor[settings.database(service)]
                for write in (
                    lambda: database["partners"].insert_one({"_id": "forged"}),  # noqa: B023
                    lambda: database["partners"].update_one({"_id": "s1"}, {"$set": {"version": 7}}),  # noqa: B023
                    lambda: database["partners"].delete_one({"_id": "s1"}),  # noqa: B023
                    lambda: database.create_collection("own"),  # noqa: B023
                ):
                    with pytest.raises(OperationFailure, match="not authorized"):
                        write()
        with MongoClient[Json](as_root.mongo_url, w="majority") as root:
            root[settings.database("submissions")]["partners"].delete_one({"_id": "s1"})
        assert told(replay(as_auditor, DECIDERS_OF_TESTS, patience_s=0.5).differences) == {
            (Kind.STREAM_NOT_LIVE, "s1", 1)
        }


def _ask_for_passwords(server: Server, key: Path) -> None:
    key.write_text("c2h1YW5ncWlhbg==" * 4)
    key.chmod(0o600)
    port = int(server.address.rpartition(":")[2].partition("/")[0])

    def is_primary() -> bool:
        try:
            with MongoClient[Json]("127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=500) as client:
                return bool(client.admin.command("hello")["isWritablePrimary"])
        except PyMongoError:
            return False

    server.stop()
    argv = (*server.process.argv, "--auth", "--keyFile", str(key))
    server.process = dataclasses.replace(server.process, argv=argv, ready=is_primary)
    server.start()


def _groups_and_ends(settings: Settings) -> tuple[set[str], dict[TopicPartition, int]]:
    admin = KafkaAdminClient(**settings.kafka)
    try:
        groups = {str(group) for group in admin.list_groups()}
    finally:
        admin.close()
    topics = [settings.topic(f"{service}.events") for service in ("submissions", "review")]
    return groups, extent(settings.kafka, topics).end
