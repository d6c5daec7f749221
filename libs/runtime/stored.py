"""How an event lies in its stream's document: its attributes as fields, for queries and indexes; its data as JSON text,
which goes to Kafka as it is. Nobody takes the data apart on the way (decision 0024).

Events that were stored before that have their data as fields, too; they are read and sent all the same.
"""

from typing import Any

import orjson

from runtime.sealing import is_personal, opened, sealed
from schemas.envelope import Event, Json
from schemas.events import FACTS, Undecodable, from_json

#: Bytes of an event's data: topics take messages of 4 MiB, and one that they do not take would hold up all behind it.
LARGEST = 3 * 1024 * 1024


class TooLarge(ValueError):
    """An event's data is larger than LARGEST. The message names it."""


def to_stored(event: Event, key: bytes | None = None) -> Json:
    """The event as an element of a document's `events`; what is personal in it is sealed under `key`.

    Raises TooLarge.
    """
    data = event.data.model_dump(mode="json")
    if is_personal(event.data):
        assert key, f"{event.id} holds personal data, and there is no key to seal it"
        data = sealed(data, event.data.PERSONAL, key, event.id)
    raw = orjson.dumps(data)
    if len(raw) > LARGEST:
        raise TooLarge(f"{event.id} would have {len(raw):,} bytes of data; {LARGEST:,} is the most that is sent")
    return {**event.attributes(), "data": raw.decode()}


def from_stored(stored: Json, key: bytes | None = None) -> Event:
    """The event that is stored so; what is sealed in it is opened, if `key` does. Raises Undecodable."""
    value = as_json(stored)
    if key and value["data"].get("sealed"):
        path = FACTS[value["type"]].PERSONAL
        value = {**value, "data": opened(value["data"], path, key, value["id"])}
    return from_json(value)


def as_json(stored: Json) -> Json:
    """The stored event as `Event.to_json` makes it. Raises Undecodable where somebody left no JSON in it."""
    return {**stored, "data": data_of(stored)}


def as_stored(value: Json) -> Json:
    """An event's JSON, as it is on Kafka, as an element of a document's `events`."""
    return {**value, "data": orjson.dumps(value["data"]).decode()}


def data_of(stored: Json) -> Json:
    """What a stored event says. Raises Undecodable."""
    data: Any = stored["data"]
    try:
        read: Json = orjson.loads(data) if isinstance(data, str) else data
        return read
    except orjson.JSONDecodeError as error:
        raise Undecodable(f"not JSON: {error}") from error


def as_sent(stored: Json) -> bytes:
    """The bytes of a stored event on Kafka: a CloudEvent in structured mode."""
    data = stored["data"]
    return orjson.dumps({**stored, "data": orjson.Fragment(data)} if isinstance(data, str) else stored)
