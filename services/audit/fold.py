"""Folding a history, message by message, while keeping of each event only its hash.

This is the fast pass: it finds the streams that may differ from the live ones. `audit.examine` then says of each of
those whether and where it does.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson
from pydantic import ValidationError

from schemas.envelope import Decider, Json, State
from schemas.events import Undecodable, from_json

AnyDecider = Decider[Any, Any, Any]
#: Bytes of one event's hash.
SIZE = hashlib.sha256().digest_size
#: What is no JSON (dates, say) came into a live stream by hand: it is written so that it equals no JSON of ours.
_FORM = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME


def form(value: Any) -> bytes:
    """A JSON value's bytes with sorted keys: equal bytes are equal values.

    It is RFC 8785 but for fractions and for keys beyond ASCII, and many times as fast. Two values of different forms
    may still be equal (100 and 100.0): `examine.same` decides by the canonical hash.
    """
    return orjson.dumps(value, default=repr, option=_FORM)


def digest(value: Any) -> bytes:
    """SHA-256 of a value's form."""
    return hashlib.sha256(form(value)).digest()


def as_read(decider: AnyDecider, state: Any) -> Any:
    """A live state as its service reads it: fields that it lacks, added by a later version, have their defaults.

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
        return (self.key or b"").decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that is no event of a known stream."""

    position: str
    stream: str
    error: str


@dataclass(slots=True)
class Folded:
    """One stream as far as it was folded. `digests` holds the hash of each event; `fault` says why folding stopped."""

    state: State
    digests: bytearray = field(default_factory=bytearray)
    fault: str | None = None

    @property
    def version(self) -> int:
        return len(self.digests) // SIZE


class Fold:
    """The fold of one service's history. Give `take` each partition's messages in order; duplicates are harmless."""

    def __init__(self, deciders: Iterable[AnyDecider]) -> None:
        self.deciders = {decider.noun: decider for decider in deciders}
        self.streams: dict[str, dict[str, Folded]] = {noun: {} for noun in self.deciders}
        self.unreadable: list[Unreadable] = []
        self.events = 0
        self.duplicates = 0

    def take(self, message: Message) -> None:
        """Fold one message; never raises for what the message holds."""
        try:
            decider, value, event = read_event(message, self.deciders)
        except Undecodable as error:
            self.unreadable.append(Unreadable(message.position, message.stream, str(error)))
            return
        streams = self.streams[decider.noun]
        stream = streams.get(event.subject)
        if stream is None:
            stream = streams[event.subject] = Folded(decider.state())
        if stream.fault:
            return
        known, hashed = stream.version, digest(value)
        if event.sequence <= known:
            self._again(stream, event.sequence, hashed)
        elif event.sequence > known + 1:
            stream.fault = f"sequence {event.sequence} after {known}"
        else:
            try:
                stream.state = decider.evolve(stream.state, event.data)
            except (
                Exception
            ) as error:  # a domain that cannot fold its own history is a finding, not the end of the audit
                stream.fault = repr(error)
                return
            stream.digests += hashed
            self.events += 1

    def _again(self, stream: Folded, sequence: int, hashed: bytes) -> None:
        """An event whose number was there before: the relay's repetition, or another event that took its number."""
        if stream.digests[(sequence - 1) * SIZE : sequence * SIZE] == hashed:
            self.duplicates += 1
        else:
            stream.fault = f"sequence {sequence} again, with other content"


def read_event(message: Message, deciders: dict[str, AnyDecider]) -> tuple[AnyDecider, Json, Any]:
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
    if message.key != event.subject.encode():
        raise Undecodable(f"key {message.stream!r} is not the event's stream {event.subject!r}")
    return decider, value, event
