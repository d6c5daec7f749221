"""Every event ever published stays readable, and reads back as it was written."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas import events
from schemas.events import FACTS, Undecodable, decode
from schemas.receipt import ReceiptIssued

#: One file a type, and one more each time the type gained a field: `<type>+<field>.json`. None ever changes.
EVERY = sorted((Path(__file__).parent / "golden").glob("*.json"))
#: Those of events: a receipt is no fact of a history.
GOLDEN = [path for path in EVERY if path.stem != ReceiptIssued.TYPE]


def type_of(path: Path) -> str:
    return path.stem.partition("+")[0]


def written_since(old: Any, new: Any) -> bool:
    """Whether `new` says all that `old` says, and beyond it only that what came later is absent."""
    if isinstance(old, dict):
        later = [value for name, value in new.items() if name not in old]
        return all(name in new and written_since(old[name], new[name]) for name in old) and not any(later)
    if isinstance(old, list):
        return len(old) == len(new) and all(map(written_since, old, new))
    return bool(old == new)


def test_every_event_type_has_a_golden_file() -> None:
    assert {type_of(path) for path in GOLDEN} == set(FACTS)
    assert len(EVERY) == len(GOLDEN) + 1


@pytest.mark.parametrize("type", FACTS)
def test_the_newest_golden_event_of_a_type_reads_back_as_it_was_written(type: str) -> None:
    exact = [
        path.name
        for path in GOLDEN
        if type_of(path) == type and events.from_json(golden := json.loads(path.read_text())).to_json() == golden
    ]
    assert len(exact) == 1


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_events_read_back_as_they_were_written(path: Path) -> None:
    golden = json.loads(path.read_text())
    event = events.from_json(golden)
    assert written_since(golden, event.to_json())
    assert decode(orjson.dumps(event.to_json())) == event


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_field_that_a_later_version_adds_is_passed_over(path: Path) -> None:
    golden = json.loads(path.read_text())
    later = {**golden, "added": 1, "data": {**golden["data"], "added": {"later": True}}}
    assert events.from_json(later) == events.from_json(golden)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"\x00\xff", "not JSON"),
        (b"[]", "not an event: it is no JSON object"),
        (b"null", "not an event: it is no JSON object"),
        (b"{}", "not an event"),
        (b'{"id":"a/1","source":"/x","subject":"a","time":"yesterday"}', "not an event"),
    ],
)
def test_bytes_that_are_no_event_are_said_to_be_none(raw: bytes, why: str) -> None:
    with pytest.raises(Undecodable, match=why):
        decode(raw)


def test_what_is_wrong_with_the_data_of_an_event_is_said_by_its_place_and_without_its_values() -> None:
    golden = json.loads(next(path for path in GOLDEN if path.name == "case.closed.v1.json").read_text())
    with pytest.raises(Undecodable) as error:
        events.from_json({**golden, "data": {"reason": "confidential"}})
    assert str(error.value) == "case.closed.v1: /data/reason: Input should be 'withdrawn' or 'superseded'"


def test_an_unknown_type_is_named() -> None:
    golden = json.loads(GOLDEN[0].read_text())
    with pytest.raises(Undecodable, match=r"unknown event type case\.dreamt\.v1"):
        events.from_json({**golden, "type": "case.dreamt.v1"})
