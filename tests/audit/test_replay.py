"""Replays on real Kafka and MongoDB: equal after a load, and every tampering found and named."""

import threading
import time
from dataclasses import asdict
from typing import Any

import orjson
from kafka import KafkaProducer

from audit import texts
from audit.examine import Kind
from audit.replay import Progress, Verdict
from runtime.stored import as_sent
from tests.audit.conftest import World
from tests.audit.histories import document, event

TYPE = "partner.key-issued.v1"


def only(verdict: Verdict) -> dict[str, Any]:
    """What is said of the one difference there is, without what is None."""
    assert not verdict.equal and verdict.differing == 1
    (difference,) = verdict.to_json()["differences"]
    return {name: value for name, value in difference.items() if value is not None and name != "position"}


def test_history_gives_the_live_state_after_a_load(world: World) -> None:
    world.decide(*((f"s{n % 300}", str(n)) for n in range(1500)))
    world.relay(1500)
    world.relay(1500, "review")
    heard: list[Progress] = []
    verdict = world.replay(progress=heard.append)
    assert (verdict.equal, verdict.streams, verdict.events, verdict.differences) == (True, 600, 3000, ())
    assert [(c.service, c.streams, c.events) for c in verdict.services] == [
        ("submissions", 300, 1500),
        ("review", 300, 1500),
    ]
    last = heard[-1]
    assert (last.phase, last.done, last.total) == ("links", 3000, 3000)
    assert [each.done for each in heard] == sorted(each.done for each in heard)


def test_a_replay_can_be_of_one_service_or_one_stream(lived: World) -> None:
    one = lived.replay(service="review")
    assert ([c.service for c in one.services], one.streams) == (["review"], 10)
    stream = lived.replay(stream="s3")
    assert (stream.equal, stream.streams, stream.events) == (True, 2, 6)
    lived.database["partners"].update_one({"_id": "s4"}, {"$set": {"state.keys.0": "hand"}})
    assert lived.replay(stream="s3").equal and not lived.replay(stream="s4").equal


def test_a_live_field_changed_by_hand_is_found_with_field_and_values(lived: World) -> None:
    lived.database["partners"].update_one({"_id": "s4"}, {"$set": {"state.keys.1": "hand"}})
    assert only(lived.replay()) == {
        "kind": Kind.STATE,
        "service": "submissions",
        "stream": "s4",
        "noun": "partner",
        "sequence": 2,
        "type": TYPE,
        "pointer": "/keys/1",
        "history": '"1"',
        "live": '"hand"',
    }


def test_a_stored_event_changed_by_hand_is_found(lived: World) -> None:
    data = lived.events("s5")[2]["data"]
    forged = orjson.dumps(orjson.loads(data) | {"label": "forged"}).decode()
    lived.database["partners"].update_one({"_id": "s5"}, {"$set": {"events.2.data": forged}})
    found = only(lived.replay())
    assert (found["kind"], found["sequence"], found["pointer"]) == (Kind.EVENT, 3, "/data/label")
    assert (found["history"], found["live"]) == ('""', '"forged"')


def test_what_is_no_json_in_a_stored_event_is_found(lived: World) -> None:
    lived.database["partners"].update_one({"_id": "s5"}, {"$set": {"events.2.data": "{forged"}})
    found = only(lived.replay())
    assert (found["kind"], found["sequence"], found["pointer"]) == (Kind.EVENT, 3, "/data")


def test_the_last_event_dropped_from_the_database_is_found(lived: World) -> None:
    lived.database["partners"].update_one(
        {"_id": "s6"}, {"$pop": {"events": 1, "state.keys": 1}, "$set": {"version": 2}}
    )
    found = only(lived.replay())
    assert (found["kind"], found["stream"], found["sequence"]) == (Kind.EVENT_NOT_LIVE, "s6", 3)


def test_a_stream_dropped_from_the_database_is_found(lived: World) -> None:
    lived.database["partners"].delete_one({"_id": "s7"})
    found = only(lived.replay())
    assert (found["kind"], found["stream"], found["sequence"]) == (Kind.STREAM_NOT_LIVE, "s7", 1)


def test_live_streams_and_events_that_never_reach_kafka_are_found_after_waiting(lived: World) -> None:
    lived.database["partners"].insert_one(document("extra", event("extra", 1)))
    lived.database["partners"].update_one(
        {"_id": "s1"}, {"$push": {"events": event("s1", 4), "state.keys": "4"}, "$inc": {"version": 1}}
    )
    verdict = lived.replay()
    assert {(d.kind, d.stream, d.sequence) for d in verdict.differences} == {
        (Kind.STREAM_NOT_ON_KAFKA, "extra", 1),
        (Kind.EVENT_NOT_ON_KAFKA, "s1", 4),
    }


def test_a_relay_that_is_behind_is_waited_for(lived: World) -> None:
    lived.decide(("s1", "late"), ("new", "late"))
    late = threading.Timer(1.0, lived.relay, (32,))
    late.start()
    verdict = lived.replay(service="submissions", patience_s=20)
    late.join()
    assert (verdict.equal, verdict.streams, verdict.events) == (True, 11, 32)


def test_a_state_changed_by_hand_is_found_though_the_relay_was_behind(lived: World) -> None:
    lived.decide(("s1", "late"))
    lived.database["partners"].update_one({"_id": "s1"}, {"$set": {"state.keys.0": "hand"}})
    late = threading.Timer(1.0, lived.relay, (31,))
    late.start()
    found = only(lived.replay(service="submissions", patience_s=20))
    late.join()
    assert (found["kind"], found["pointer"]) == (Kind.STATE, "/keys/0")


def test_repeated_messages_are_counted_and_harmless(lived: World) -> None:
    repeated = [("s2", as_sent(each)) for each in lived.events("s2")]
    lived.send(*repeated[1:], repeated[2])
    verdict = lived.replay()
    assert (verdict.equal, verdict.duplicates, verdict.events) == (True, 3, 60)


def test_reordered_messages_are_found_at_the_first_out_of_order(lived: World) -> None:
    events = [event("turned", n) for n in (1, 2, 3)]
    lived.database["partners"].insert_one(document("turned", *events))
    lived.send(*(("turned", orjson.dumps(events[n])) for n in (0, 2, 1)))
    found = only(lived.replay())
    assert (found["kind"], found["stream"], found["sequence"], found["detail"]) == (Kind.JUMP, "turned", 3, "2 → 3")


def test_a_second_event_with_a_known_number_is_found(lived: World) -> None:
    lived.send(("s2", orjson.dumps(event("s2", 2, key="forged"))))
    found = only(lived.replay())
    assert (found["kind"], found["stream"], found["sequence"]) == (Kind.CONFLICT, "s2", 2)


def test_no_unreadable_message_is_passed_over(lived: World) -> None:
    lived.send(
        ("junk", b"\xff\x00"),
        ("s2", orjson.dumps({**event("s2", 4), "type": "partner.promoted.v1"})),
        ("s3", orjson.dumps({**event("s3", 4), "type": "partner.key-issued.v2"})),
    )
    verdict = lived.replay()
    kinds = {"junk": Kind.UNREADABLE, "s2": Kind.UNKNOWN_TYPE, "s3": Kind.FUTURE_VERSION}
    assert verdict.differing == 3 and {d.stream: d.kind for d in verdict.differences} == kinds
    told = {d.stream: (d.detail, d.position) for d in verdict.differences}
    assert (told["junk"][0] or "").startswith("not JSON")
    assert told["s2"][0] == "unknown event type partner.promoted.v1"
    assert all((position or "").startswith(f"{lived.topic}:") for _, position in told.values())


def test_a_message_without_a_key_is_said_to_have_none(lived: World) -> None:
    producer = KafkaProducer(**lived.settings.kafka)
    producer.send(lived.topic, value=orjson.dumps(event("s4", 1)))
    producer.send(lived.topic, key=b"\xfe", value=orjson.dumps(event("s4", 1)))
    producer.close()
    keyless, odd = sorted(lived.replay().differences, key=lambda each: each.stream)
    assert (keyless.kind, keyless.stream, keyless.detail) == (
        Kind.UNREADABLE,
        "",
        "no key: the event's stream is 's4'",
    )
    assert (odd.kind, odd.stream) == (Kind.UNREADABLE, "\\xfe")
    assert texts.named(asdict(keyless)) == "(no key)"


def test_a_replay_only_reads(lived: World) -> None:
    lived.database.command("profile", 2)
    lived.replay()
    lived.database.command("profile", 0)
    mine = list(lived.database["system.profile"].find({"appName": "shuangqian-audit"}))
    assert mine and {op["op"] for op in mine} <= {"query", "getmore", "command"}
    assert {next(iter(op["command"])) for op in mine} <= {"find", "getMore"}
    assert set(lived.client.list_database_names()).isdisjoint({lived.settings.database("audit")})


def test_a_replay_beside_writers_and_relay_is_equal(lived: World) -> None:
    """What is written while the replay reads is neither missing nor too much."""

    def write() -> None:
        for turn in range(20):
            lived.decide(*((f"s{n}", f"w{turn}") for n in range(10)))

    writer, sender = threading.Thread(target=write), threading.Thread(target=lived.relay, args=(30 + 200,))
    sender.start()
    writer.start()
    verdicts = []
    while writer.is_alive():
        verdicts.append(lived.replay(service="submissions", patience_s=20))
        time.sleep(0.05)
    sender.join()
    assert verdicts and all(verdict.equal for verdict in verdicts), verdicts[-1]
