"""Whatever is tampered with is found, and the report points at it. `make faults` tampers 10,000 times."""

import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from audit.log.check import Parted
from audit.log.checking import check
from audit.recorder_read import _KINDS, Odd
from tests.audit.conftest import World
from tests.audit.histories import event
from tests.audit.logs import Log, keeping, log_of
from tests.audit.tampering import ACTS, PLACES, tamper

COUNT = int(os.environ.get("TAMPERINGS", "300"))


@pytest.mark.timeout(300 + COUNT // 10)
def test_every_tampering_is_detected_at_the_right_place() -> None:
    done = tamper(COUNT, seed=6)
    assert {(each.where, each.act) for each in done} == {(w, a) for w in [*PLACES, "bundle"] for a in ACTS}
    assert [each for each in done if not each.detected] == []
    assert [each for each in done if not each.rightly] == []


@pytest.fixture
def log(lived: World, tmp_path: Path) -> Log:
    made = log_of(lived, tmp_path / "log")
    with keeping(made):
        made.wait(60)
    return made


def parts(log: Log) -> list[tuple[Parted, str]]:
    outcome = check(log.settings, log.world.client)
    return [(each.kind, each.place) for each in outcome.parts]


def test_a_real_log_agrees_with_real_kafka_and_mongodb(log: Log) -> None:
    outcome = check(log.settings, log.world.client)
    assert (outcome.parts, outcome.size, outcome.recorded, outcome.messages) == ((), 60, 60, 60)


def test_what_is_changed_in_a_real_log_is_named(log: Log) -> None:
    recorded = log.world.client[log.settings.database("audit")]["recorded"]
    one: Any = recorded.find_one({"leaf": 7})
    # MongoDB
    recorded.update_one({"leaf": 7}, {"$set": {"actor": "user:nobody"}})
    assert parts(log) == [(Parted.RECORDED, "leaf 7")]
    # Kafka, which still says what the log has, is not blamed for it.
    recorded.update_one({"leaf": 7}, {"$set": {"event": one["event"].replace(b"user:test", b"user:tent")}})
    assert parts(log) == [(Parted.RECORDED, "leaf 7")]
    recorded.delete_one({"leaf": 7})
    assert parts(log) == [(Parted.LEAF_MISSING, "leaf 7")]
    recorded.insert_one(one)
    # a tile
    tile = log.folder.path / "tile/0/000.p/60"
    raw = tile.read_bytes()
    tile.write_bytes(raw[:-1])
    assert parts(log) == [(Parted.TILE, "tile/0/000.p/60")]
    tile.write_bytes(raw)
    # the checkpoint
    (log.folder.path / "checkpoint").write_text((log.folder.checkpoint() or "").replace("60", "61"))
    assert parts(log) == [(Parted.CHECKPOINT, "checkpoint")]


def test_a_record_that_lacks_a_field_is_named_and_the_rest_is_checked(log: Log) -> None:
    recorded = log.world.client[log.settings.database("audit")]["recorded"]
    one: Any = recorded.find_one({"leaf": 7})
    for field in sorted(set(_KINDS) - {"_id"} | {"latest"}):
        for update in ({"$unset": {field: ""}}, {"$set": {field: {"a": 1}}}):
            recorded.update_one({"_id": one["_id"]}, update)
            missing = field == "leaf"  # it is none of the log's any more
            assert parts(log) == [(Parted.LEAF_MISSING if missing else Parted.RECORDED, "leaf 7")], update
            recorded.replace_one({"_id": one["_id"]}, one)


def test_what_was_odd_on_kafka_is_not_called_tampering(log: Log) -> None:
    log.world.send(("s0", b"no json"), ("s0", orjson.dumps(event("s0", 1, "other"))))
    with keeping(log):
        log.wait(61)
    odd = log.world.client[log.settings.database("audit")]["oddities"]
    assert {each["kind"] for each in odd.find()} == {Odd.NOT_AN_EVENT, Odd.CONFLICT}
    assert parts(log) == []
