"""The recorder: each event of every history gets, once, the next leaf; what is odd is said plainly; a kill at any point
leaves neither a gap nor a doubled leaf."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import orjson
import pytest
import rfc8785
from kafka import KafkaAdminClient

from audit import log_texts
from audit.history import whole
from audit.recorder import Recorder
from deploy.local import table
from deploy.local.ports import free
from deploy.local.supervise import end, spawn
from runtime.admin import create_topics
from runtime.partitions import raise_partitions
from runtime.stored import as_json, as_sent
from schemas.envelope import Json, timestamp
from tests.audit.conftest import World
from tests.audit.histories import event
from tests.runtime.keyring import AT


def until(check: Callable[[], Any], seconds: float = 40.0) -> Any:
    for _ in range(int(seconds / 0.05)):
        if answer := check():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s")


@contextmanager
def recording(world: World) -> Iterator[None]:
    recorder = Recorder(world.settings)
    recorder.start()
    try:
        yield
    finally:
        recorder.stop()
        recorder.join(15)


def leaves(world: World) -> list[dict[str, Any]]:
    return list(world.client[world.settings.database("audit")]["recorded"].find(sort=[("leaf", 1)]))


def oddities(world: World) -> list[dict[str, Any]]:
    return list(world.client[world.settings.database("audit")]["oddities"].find(sort=[("noted", 1), ("_id", 1)]))


def record(world: World, count: int, odd: int = 0) -> list[dict[str, Any]]:
    """What is recorded once there are so many leaves and oddities."""
    with recording(world):
        until(lambda: len(leaves(world)) >= count and len(oddities(world)) >= odd)
        time.sleep(0.3)  # nothing more may come
    found = leaves(world)
    assert [leaf["leaf"] for leaf in found] == list(range(len(found)))
    assert len(found) == count
    return found


def test_every_event_of_every_history_is_recorded_once_with_what_it_says(lived: World) -> None:
    # given the relay's repeats
    live = list(lived.database["partners"].find())
    lived.send(*((document["_id"], as_sent(document["events"][0])) for document in live))
    # when the recorder runs
    found = record(lived, 60)
    # then
    by_ref = {leaf["_id"]: leaf for leaf in found}
    assert {leaf["service"] for leaf in found} == {"submissions", "review"}
    for document in live:
        for stored in map(as_json, document["events"]):
            leaf = by_ref[f"{stored['source']}/{stored['id']}"]
            assert orjson.loads(leaf["event"]) == stored
            assert leaf["hash"] == hashlib.sha256(rfc8785.dumps(stored)).digest()
            assert (leaf["noun"], leaf["stream"], leaf["sequence"]) == ("partner", document["_id"], stored["sequence"])
            assert (leaf["type"], leaf["actor"], leaf["cause"]) == (
                stored["type"],
                stored["actor"],
                stored["causationid"],
            )
    # and order within each stream is kept, nothing is odd, and a second run adds nothing
    for stream in {leaf["stream"] for leaf in found}:
        own = [leaf["sequence"] for leaf in found if leaf["stream"] == stream and leaf["service"] == "review"]
        assert own == sorted(own)
    assert oddities(lived) == []
    assert record(lived, 60) == found


def dated(number: int, actor: str, ms: int) -> Json:
    """The event of that number of the stream `v`, so many milliseconds after AT."""
    return event("v", number) | {"actor": actor, "time": timestamp(AT + timedelta(milliseconds=ms))}


def test_what_is_odd_is_noted_with_its_place_and_never_ends_the_recorder(world: World) -> None:
    messages = [
        event("s", 1),
        event("s", 1, "other"),
        event("s", 2) | {"type": "partner.key-issued.v9"},
        event("s", 3) | {"type": "partner.vanished.v1"},
        event("s", 4) | {"data": {"key": 13900139000}},
        event("s", 5) | {"time": "2026-10-01T08:00:00.000Z"},
        event("s", 6) | {"data": {"key": "6", "label": "", "hash": "", "n": 2**60}},
        event("s", 9),
    ]
    world.send(*(("s", orjson.dumps(each)) for each in messages))
    world.send(("s", b"no json"), ("s", orjson.dumps(event("s", 10) | {"id": "t/10"})))
    world.send(("t", orjson.dumps(event("u", 1))))
    clocks = [("user:li", 5000), ("user:li", 4933), ("service:review", 0), ("user:li", 3999)]
    world.send(*(("v", orjson.dumps(dated(n, actor, ms))) for n, (actor, ms) in enumerate(clocks, 1)))
    found = record(world, 13, 11)
    # a plain place for each, in order of the messages
    noted = {(each["kind"], each["ref"], int(each["position"].rpartition(":")[2])) for each in oddities(world)}
    assert noted == {
        ("conflict", "/submissions/s/1", 1),
        ("future-version", "/submissions/s/2", 2),
        ("unknown-type", "/submissions/s/3", 3),
        ("wrong-data", "/submissions/s/4", 4),
        ("clock-ran-back", "/submissions/s/5", 5),
        ("clock-ran-back", "/submissions/v/4", 13),
        ("no-canonical-form", "/submissions/s/6", 6),
        ("jump", "/submissions/s/9", 7),
        ("not-an-event", None, 8),
        ("not-an-event", None, 9),
        ("wrong-key", "/submissions/u/1", 0),
    }
    # in words, in the reader's language
    told = {each["kind"]: log_texts.detail(each["kind"], each["detail"]) for each in oddities(world)}
    assert all(each or kind == "no-canonical-form" for kind, each in told.items())
    # what is wrong with data is told by pointer: what it says may be personal
    wrong = next(each for each in oddities(world) if each["kind"] == "wrong-data")
    assert wrong["detail"] == {"error": "/data/key: string_type; /data/label: missing; /data/hash: missing"}
    # what has a name is a leaf all the same: also the second event of one name
    second = next(leaf for leaf in found if "contradicts" in leaf)
    assert second["contradicts"] == "/submissions/s/1" and second["position"].endswith(":1")
    assert (
        next(leaf for leaf in found if leaf["sequence"] == 6)["hash"]
        == hashlib.sha256(orjson.dumps(messages[6])).digest()
    )


def test_messages_that_retention_took_are_said_to_be_gone(lived: World) -> None:
    # given a history whose first messages are gone
    extent = whole(lived.settings, lived.topic)
    tp, _ = max(extent.end.items(), key=lambda each: each[1])
    with closing(KafkaAdminClient(**lived.settings.kafka)) as admin:
        admin.delete_records({tp: 2})
    # when it is recorded
    record(lived, 58, 1)
    gap = next(each for each in oddities(lived) if each["kind"] == "gap")
    assert (gap["position"], gap["detail"]) == (f"{lived.topic}:{tp.partition}:0", {"expected": 0, "found": 2})


def test_a_topic_with_other_partitions_is_read_again_and_repeats_nothing(lived: World) -> None:
    before = record(lived, 60)
    raise_partitions(lived.settings, "submissions.events", 6)
    lived.decide(("s0", "new"))
    lived.relay(31)
    lived.relay(31, "review")
    after = record(lived, 62, 1)
    assert after[:60] == before
    assert [each["kind"] for each in oddities(lived)] == ["partitions"]
    assert oddities(lived)[0]["detail"]["before"] == 3 and oddities(lived)[0]["detail"]["now"] == 6


def test_a_topic_that_was_emptied_and_made_anew_is_noticed(lived: World) -> None:
    record(lived, 60)
    with closing(KafkaAdminClient(**lived.settings.kafka)) as admin:
        admin.delete_topics([lived.topic])
        until(lambda: lived.topic not in admin.list_topics())
    create_topics(lived.settings, partitions=3)
    lived.send(("fresh", orjson.dumps(event("fresh", 1))))
    record(lived, 61, 1)
    assert [each["kind"] for each in oddities(lived)] == ["remade"]


@pytest.mark.parametrize(
    "point", ["recorder.before_write", "recorder.after_write", "recorder.after_titles", "recorder.after_save"]
)
def test_a_recorder_killed_at_any_crash_point_leaves_no_gap_and_doubles_nothing(lived: World, point: str) -> None:
    environment = os.environ | table.environment(lived.settings)
    process = [sys.executable, "-m", "tests.audit.recording"]
    for passes in (0, 1):
        killed = subprocess.run(process, env=environment | {"SHUANGQIAN_CRASH_AT": f"{point}:{passes}"}, timeout=60)
        assert killed.returncode == -signal.SIGKILL
        time.sleep(lived.settings.lease_s)
    found = record(lived, 60)
    assert len({leaf["_id"] for leaf in found}) == 60


def test_recorders_killed_at_random_while_events_come_leave_no_gap_and_double_nothing(world: World) -> None:
    environment = os.environ | table.environment(world.settings)
    dice = random.Random(3)
    sent = 0
    for _ in range(6):
        process = subprocess.Popen([sys.executable, "-m", "tests.audit.recording"], env=environment)
        events = [event(f"s{n % 50}", n // 50 + 1) for n in range(sent, sent + 3000)]
        world.send(*((each["subject"], orjson.dumps(each)) for each in events))
        sent += 3000
        time.sleep(dice.uniform(1.0, 3.0))
        process.kill()
        process.wait()
    found = record(world, sent)
    assert len({leaf["_id"] for leaf in found}) == sent
    assert oddities(world) == []


def test_the_worker_serves_what_machines_ask_and_ends_when_told(lived: World, tmp_path: Path) -> None:
    port = free(1)[0]
    stack = table.Stack(tmp_path, {"audit-worker": port}, lived.settings, "", ())
    process = table.worker(stack, "audit", port)
    child = spawn(process, tmp_path / "log.txt")
    try:
        until(process.ready)
        until(lambda: len(leaves(lived)) == 60)
        with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            text = answer.read().decode()
        assert "shuangqian_recorder_leaves 60.0" in text
        child.popen.send_signal(signal.SIGTERM)
        assert child.popen.wait(20) in (0, -signal.SIGTERM)
    finally:
        end([child])
