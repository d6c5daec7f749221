"""Every event ever published stays readable, and reads back as it was written."""

import json
from pathlib import Path

import orjson
import pytest

from schemas import events
from schemas.events import FACTS, Undecodable, decode

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))


def test_every_event_type_has_a_golden_file() -> None:
    assert {path.stem for path in GOLDEN} == set(FACTS)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_events_read_back_as_they_were_written(path: Path) -> None:
    golden = json.loads(path.read_text())
    event = events.from_json(golden)
    assert event.to_json() == golden
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
        (b"[]", "not an event"),
        (b"{}", "not an event"),
        (b'{"id":"a/1","source":"/x","subject":"a","time":"yesterday"}', "not an event"),
    ],
)
def test_bytes_that_are_no_event_are_said_to_be_none(raw: bytes, why: str) -> None:
    with pytest.raises(Undecodable, match=why):
        decode(raw)


def test_an_unknown_type_is_named() -> None:
    golden = json.loads(GOLDEN[0].read_text())
    with pytest.raises(Undecodable, match=r"unknown event type case\.dreamt\.v1"):
        events.from_json({**golden, "type": "case.dreamt.v1"})
