"""What a history is made of: messages, how the event in one is read, and the form in which JSON values are compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError

from schemas.envelope import Decider, Json
from schemas.events import Undecodable, from_json

AnyDecider = Decider[Any, Any, Any]
#: What is no JSON (dates, say) came into a live stream by hand: it is written so that it equals no JSON of ours.
_FORM = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME


def form(value: Any) -> bytes:
    """A JSON value's bytes with sorted keys: equal bytes are equal values.

    It is RFC 8785 but for fractions and for keys beyond ASCII, and many times as fast. Two values of different forms
    may still be equal (100 and 100.0): `examine.same` decides by the canonical hash.
    """
    return orjson.dumps(value, default=repr, option=_FORM)


def as_read(decider: AnyDecider, state: Any) -> Any:
    """A live state as its service reads it: fields that a later version added have their defaults.

    A state that says anything else than it would after being read is returned as it is (docs/decisions/0007).
    """
    try:
        read = decider.state.model_validate(state, strict=False).model_dump(mode="json")
    except ValidationError:
        return state
    return read if _says(state, read) else state


def _says(less: Any, more: Any) -> bool:
    """Whether `more` says all that `less` says, and differs by added fields only."""
    if isinstance(less, dict) and isinstance(more, dict):
        return all(key in more and _says(value, more[key]) for key, value in less.items())
    if isinstance(less, list) and isinstance(more, list):
        return len(less) == len(more) and all(map(_says, less, more))
    return form(less) == form(more)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a history, and where it lies."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None

    @property
    def position(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"

    @property
    def stream(self) -> str:
        """Its key; empty where it has none."""
        return (self.key or b"").decode(errors="backslashreplace")


def read_event(message: Message, deciders: Mapping[str, AnyDecider]) -> tuple[AnyDecider, Json, Any]:
    """The decider, JSON value and event of a message. Raises Undecodable, also for an event in the wrong place."""
    try:
        value = orjson.loads(message.value or b"")
    except orjson.JSONDecodeError as error:
        raise Undecodable(f"not JSON: {error}") from error
    event = from_json(value)
    decider = deciders.get(event.type.partition(".")[0])
    if decider is None or event.source != decider.source:
        raise Undecodable(f"no stream of {event.source} has events of type {event.type}")
    if type(event.sequence) is not int or event.sequence < 1:
        raise Undecodable(f"sequence {event.sequence!r} is not a number from 1")
    if event.id != f"{event.subject}/{event.sequence}":
        raise Undecodable(f"id {event.id} is not {event.subject}/{event.sequence}")
    if message.key is None:
        raise Undecodable(f"no key: the event's stream is {event.subject!r}")
    if message.key != event.subject.encode():
        raise Undecodable(f"key {message.stream!r} is not the event's stream {event.subject!r}")
    return decider, value, event
