"""What the recorder makes of one message of a history: the leaf it becomes, and what is odd about it. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import orjson
from pydantic import ValidationError

from audit.fold import Message
from schemas.canonical import event_hash
from schemas.entry import USCC
from schemas.envelope import Json
from schemas.events import FACTS, Undecodable, from_json

_PARTNER = re.compile(USCC.removeprefix("^").removesuffix("$") + r"(?=/|$)")
#: The fields of a document of `recorded` that follow from its event, and what each is.
_KINDS: dict[str, Any] = {
    "_id": str,
    "leaf": int,
    "service": str,
    "noun": str,
    "stream": str,
    "sequence": int,
    "type": str,
    "time": datetime,
    "actor": str | None,
    "cause": str | None,
    "correlation": str | None,
    "trace": str | None,
    "partner": str | None,
    "position": str,
    "hash": bytes,
    "event": bytes,
}
_BLANKS: dict[Any, Any] = {str: "", int: -1, datetime: datetime(1970, 1, 1, tzinfo=UTC), bytes: b""}


class Odd(StrEnum):
    """What can be odd about a message, a stream or a history."""

    NOT_AN_EVENT = "not-an-event"  # nothing that names an event can be read: no leaf
    UNKNOWN_TYPE = "unknown-type"
    FUTURE_VERSION = "future-version"  # of a type that is known in other versions
    WRONG_DATA = "wrong-data"  # the type is known, and does not say what it must
    WRONG_KEY = "wrong-key"  # it lies under another stream's key
    NO_CANONICAL_FORM = "no-canonical-form"  # it stands in the log by the bytes that came
    CONFLICT = "conflict"  # its number was taken, by an event with other content
    JUMP = "jump"  # the event before it in its stream had not come
    CLOCK = "clock-ran-back"  # it is dated more than a second before an earlier event of its stream
    GAP = "gap"  # messages that were to be read next are gone
    ENDS_EARLIER = "ends-earlier"  # a partition ends before what was read of it
    REMADE = "remade"  # the topic was deleted and made anew
    PARTITIONS = "partitions"  # the topic has another number of partitions


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something odd, and where: `position` is `topic:partition:offset`. `detail` says what was found and expected."""

    kind: Odd
    position: str
    ref: str | None = None
    detail: Json = field(default_factory=dict)


@dataclass(slots=True)
class Reading:
    """A message as it was read: `leaf` is its document in `recorded`, less its number; None where it is no event."""

    leaf: Json | None
    oddities: list[Oddity]


def predecessor(ref: str, sequence: int) -> str:
    """The ref of the event before this one in its stream."""
    return f"{ref.rpartition('/')[0]}/{sequence - 1}"


def read(message: Message, service: str) -> Reading:
    """Read a message of a service's history; never raises for what it holds."""
    raw = message.value or b""
    try:
        value = orjson.loads(raw)
        ref, sequence, time = named(value, service)
    except ValueError as error:  # orjson's own errors are such
        detail = {"error": str(error), "key": message.stream, "bytes": len(raw)}
        return Reading(None, [Oddity(Odd.NOT_AN_EVENT, message.position, detail=detail)])
    hashed, formed = event_hash(raw, value)
    odd = [Oddity(kind, message.position, ref, detail) for kind, detail in _odd(message, value, formed)]
    stream = value["subject"]
    partner = _PARTNER.match(stream)
    traceparent = _text(value, "traceparent")
    leaf = {
        "_id": ref,
        "leaf": None,
        "service": service,
        "noun": value["type"].partition(".")[0],
        "stream": stream,
        "sequence": sequence,
        "type": value["type"],
        "time": time,
        "actor": _text(value, "actor"),
        "cause": _text(value, "causationid"),
        "correlation": _text(value, "correlationid"),
        "trace": traceparent.split("-")[1] if traceparent and traceparent.count("-") == 3 else None,
        "partner": partner[0] if partner else None,
        "position": message.position,
        "hash": hashed,
        "event": raw,
    }
    return Reading(leaf, odd)


def place(position: str) -> tuple[str, int, int] | None:
    """Topic, partition and offset; None where it is no position, written as one is."""
    match = re.fullmatch(r"(.+):(0|[1-9][0-9]*):(0|[1-9][0-9]*)", position, re.ASCII)
    return (match[1], int(match[2]), int(match[3])) if match else None


def altered(document: Json) -> str | None:
    """The first field of a document of `recorded` that is not as its own event has it; None where all are.

    It is `event` where what the event says does not give the hash that was recorded of it.
    """
    for name in _KINDS:
        if not _of_its_kind(document, name):
            return name
    if not isinstance(document.get("contradicts", ""), str):
        return "contradicts"
    at = place(document["position"])
    if at is None:
        return "position"
    made = read(Message(*at, None, bytes(document["event"])), document["service"]).leaf
    if made is None or bytes(document["hash"]) != made["hash"]:
        return "event"
    if "contradicts" in document:
        made |= {"_id": f"{made['_id']}#{made['hash'].hex()}", "contradicts": made["_id"]}
    made["leaf"] = document["leaf"]
    # MongoDB keeps milliseconds.
    made["time"] = made["time"].replace(microsecond=made["time"].microsecond // 1000 * 1000)
    # What `latest` is follows from the events before it.
    for name in sorted((made.keys() | document.keys()) - {"latest"}):
        there = document.get(name)
        if (bytes(there) if isinstance(there, bytes) else there) != made.get(name):
            return name
    return None


def filled(document: Json, names: Iterable[str] = tuple(_KINDS)) -> Json:
    """These fields of a document of `recorded`, each of its kind: what is missing, or something else, is blank."""
    return {name: document[name] if _of_its_kind(document, name) else _BLANKS.get(_KINDS[name]) for name in names}


def _of_its_kind(document: Json, name: str) -> bool:
    value = document.get(name, ...)
    return isinstance(value, _KINDS[name]) and not isinstance(value, bool)


def named(value: Any, service: str) -> tuple[str, int, datetime]:
    """An event's ref, sequence and time: what it takes to have a place in the log. Raises ValueError."""
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    for name in ("id", "source", "subject", "type", "time"):
        if not isinstance(value.get(name), str) or not value[name]:
            raise ValueError(f"no {name}")
    sequence = value.get("sequence")
    if type(sequence) is not int or not 0 < sequence < 2**53:
        raise ValueError(f"sequence {sequence!r} is not a number from 1")
    if value["source"] != f"/{service}":
        raise ValueError(f"source {value['source']!r} is not /{service}")
    if value["id"] != f"{value['subject']}/{sequence}":
        raise ValueError(f"id {value['id']!r} is not {value['subject']}/{sequence}")
    ref = f"{value['source']}/{value['id']}"
    if "\x00" in value["subject"] or len(ref.encode()) > 1024:
        raise ValueError("its stream's name is not one that can be kept")
    try:
        time = datetime.fromisoformat(value["time"])
    except ValueError:
        raise ValueError(f"time {value['time']!r} is not one") from None
    if time.tzinfo is None:
        raise ValueError(f"time {value['time']!r} has no offset from UTC")
    try:
        return ref, sequence, time.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"time {value['time']!r} is not one") from None


def _odd(message: Message, value: Json, formed: bool) -> list[tuple[Odd, Json]]:
    odd: list[tuple[Odd, Json]] = []
    if message.key != value["subject"].encode():
        odd.append((Odd.WRONG_KEY, {"expected": value["subject"], "found": message.stream}))
    if not formed:
        odd.append((Odd.NO_CANONICAL_FORM, {}))
    kind = value["type"]
    if kind not in FACTS:
        base = kind.rpartition(".v")[0]
        known = sorted(name for name in FACTS if base and name.rpartition(".v")[0] == base)
        odd.append(
            (Odd.FUTURE_VERSION, {"found": kind, "known": known}) if known else (Odd.UNKNOWN_TYPE, {"found": kind})
        )
        return odd
    try:
        from_json(value)
    except Undecodable as error:
        odd.append((Odd.WRONG_DATA, {"error": _without_values(error)}))
    return odd


def _without_values(error: Undecodable) -> str:
    """What is wrong with an event, by JSON Pointer and without what it says: that may be personal."""
    if isinstance(error.__cause__, ValidationError):
        found = error.__cause__.errors(include_url=False, include_context=False, include_input=False)
        return "; ".join(f"/data/{'/'.join(map(str, each['loc']))}: {each['type']}" for each in found)
    return str(error)


def _text(value: Json, name: str) -> str | None:
    found = value.get(name)
    return found if isinstance(found, str) else None
