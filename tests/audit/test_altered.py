"""A record that somebody altered by hand: each field of it that is gone, or is of another kind, is named; what reads it
goes on. Without servers."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from audit.catalogue import Unreadable, catalogue
from audit.leaves import _leaf
from audit.log.check import check_recorded
from audit.recorder_read import _KINDS, altered, read
from audit.recorder_store import after
from schemas.envelope import Json, timestamp
from tests.audit.histories import event, message
from tests.audit.scenes import Scene, found, scene
from tests.runtime.keyring import AT

GONE = object()
#: What no field can be, in MongoDB's kinds.
OTHERS = (GONE, 1.5, True, {"a": 1}, ["a"])


@pytest.fixture(scope="module")
def whole() -> Scene:
    return scene()


def changed(document: Json, name: str, value: Any) -> Json:
    rest = {key: each for key, each in document.items() if key != name}
    return rest if value is GONE else rest | {name: value}


@pytest.mark.parametrize("name", _KINDS)
def test_a_field_that_is_gone_or_is_of_another_kind_is_named_and_what_lists_its_record_goes_on(
    whole: Scene, name: str
) -> None:
    one = whole.recorded[7]
    for value in OTHERS:
        record = changed(one, name, value)
        assert altered(record) == name
        if name != "_id":  # no document is without
            leaf = _leaf(record)
            assert (leaf.ref, leaf.altered) == ("/submissions/s7/1", name)
            assert isinstance(leaf.time, datetime) and isinstance(leaf.event, dict)
        if name not in ("_id", "leaf"):
            documents = [record if each is one else each for each in whole.recorded]
            assert set(found(replace(whole, recorded=documents))) == {"leaf 7", "/submissions/s7/1"}, value


def test_what_was_recorded_of_a_stream_so_far_is_held_against_its_events(whole: Scene) -> None:
    """The recorder goes by `latest`: with one that lies years ahead, no clock of the stream could run back any more."""
    one = whole.recorded[97]
    for value in (GONE, None, "text", one["latest"] + timedelta(days=900)):
        documents = [changed(each, "latest", value) if each is one else each for each in whole.recorded]
        (part,) = check_recorded([each["hash"] for each in whole.recorded], documents)
        assert (part.place, part.ref) == ("leaf 97", "/submissions/s7/2") and "latest" in part.detail


def recorded(*events: Json) -> list[Json]:
    """What the recorder makes of these events."""
    known: dict[int, Json] = {}
    for each in events:
        leaf = read(message(each), "submissions").leaf
        assert leaf is not None
        after(leaf, known.get(each["sequence"] - 1))
        known[each["sequence"]] = leaf | {"leaf": len(known)}
    return list(known.values())


def test_what_the_recorder_itself_wrote_agrees_also_where_it_knew_no_event_before_or_had_no_such_field() -> None:
    def of(sequence: int, minute: int, actor: str = "user:li") -> Json:
        return event("s", sequence) | {"time": timestamp(AT + timedelta(minutes=minute)), "actor": actor}

    agents = recorded(of(1, 5, "service:review"), of(2, 3), of(3, 1, "service:review"), of(4, 2))
    assert [each["latest"] and (each["latest"] - AT).seconds // 60 for each in agents] == [None, 3, 3, 3]
    jumped = recorded(of(1, 1), of(3, 5), of(4, 9), of(2, 7))
    older = [changed(each, "latest", GONE) for each in agents[:2]]
    third = {**agents[2]}
    after(third, older[1])
    for documents in (agents, jumped, [*older, third]):
        assert check_recorded([each["hash"] for each in documents], documents) == []
    assert [each.place for each in check_recorded([], [agents[0], changed(agents[1], "latest", GONE)])] == ["leaf 1"]


def test_a_latest_time_that_is_none_is_not_gone_by() -> None:
    first, second = recorded(event("s", 1), event("s", 2))
    for value in ("text", 5, {"a": 1}):
        assert after(second, {**first, "latest": value}) == [] and second["latest"] == second["time"]


def test_a_catalogue_that_cannot_be_told_names_the_event_and_whether_its_record_was_altered(whole: Scene) -> None:
    one = whole.recorded[7]
    with pytest.raises(Unreadable, match=r"^/submissions/s7/1: not an event") as raised:
        catalogue([_leaf({**one, "event": b"{}"})])
    assert (raised.value.leaf.number, raised.value.leaf.altered) == (7, "event")
    with pytest.raises(Unreadable, match=r"^/submissions/s7/1: unknown event type x\.v9") as raised:
        catalogue([replace(_leaf(one), event=event("s7", 1) | {"type": "x.v9"})])
    assert raised.value.leaf.altered is None
