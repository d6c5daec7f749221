"""Events as they lie in documents: of every type there ever was, nothing is lost, and Kafka gets the same bytes."""

import json
from pathlib import Path

import orjson
import pytest
from bson import decode, encode

from runtime.sealing import is_personal, new_key
from runtime.stored import as_json, as_sent, data_of, from_stored, to_stored
from schemas.events import Undecodable, from_json

HERE = Path(__file__).parents[1] / "schemas" / "golden"
KEY = new_key()
#: All but the receipts, which are no events of a stream.
GOLDEN = sorted(path for path in HERE.glob("*.json") if not path.stem.startswith("receipt"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_an_event_comes_back_from_its_document_as_it_went_in(path: Path) -> None:
    event = from_json(json.loads(path.read_text()))
    stored = decode(encode(to_stored(event, KEY)))
    assert from_stored(stored, KEY) == event
    if not is_personal(event.data):
        assert as_json(stored) == event.to_json()
        assert as_sent(stored) == orjson.dumps(event.to_json())


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_an_event_whose_data_was_stored_as_fields_is_read_and_sent_alike(path: Path) -> None:
    event = from_json(json.loads(path.read_text()))
    stored = decode(encode(event.to_json()))
    assert from_stored(stored) == event
    assert as_sent(stored) == orjson.dumps(event.to_json())


def test_attributes_are_fields_for_queries_and_data_is_text() -> None:
    event = from_json(json.loads(GOLDEN[0].read_text()))
    stored = to_stored(event)
    assert (stored["type"], stored["sequence"], stored["actor"]) == (event.type, event.sequence, event.actor)
    assert isinstance(stored["data"], str)


def test_text_that_is_no_json_is_said_to_be_none() -> None:
    stored = to_stored(from_json(json.loads(GOLDEN[0].read_text()))) | {"data": "{cut"}
    with pytest.raises(Undecodable, match="not JSON"):
        data_of(stored)
