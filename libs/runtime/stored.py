"""How an event lies in its stream's document: its attributes as fields, for queries and indexes; its data as JSON text,
which goes to Kafka as it is. Nobody takes the data apart on the way (decision 0024).

Events that were stored before that have their data as fields, too; they are read and sent all the same.
"""

from typing import Any

import orjson

from schemas.envelope import Event, Json
from schemas.events import Undecodable, from_json


def to_stored(event: Event) -> Json:
    """The event as an element of a document's `events`."""
    return {**event.attributes(), "data": orjson.dumps(event.data.model_dump(mode="json")).decode()}


def from_stored(stored: Json) -> Event:
    """The event that is stored so. Raises Undecodable."""
    return from_json(as_json(stored))


def as_json(stored: Json) -> Json:
    """The stored event as `Event.to_json` makes it. Raises Undecodable where somebody left no JSON in it."""
    return {**stored, "data": data_of(stored)}


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
