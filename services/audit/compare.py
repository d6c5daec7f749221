"""One key's messages against the live streams of its name: equal, or where they part, or not to be said yet."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from audit.examine import NOT_YET, Difference, Kind, Sent, examine, examine_alone, in_order
from audit.fold import AnyDecider, Message, read_event
from audit.quick import agreed, alone
from runtime.stored import as_json
from schemas.envelope import Json
from schemas.events import FACTS, Undecodable

#: Stands for the key of a message that has none: it is no UTF-8, so no stream is called so.
NO_KEY = b"\xff"


@dataclass(slots=True)
class Told:
    """One stream as far as its history is in order: its events, each once, and their places."""

    noun: str
    events: Sequence[Json]
    positions: Sequence[str] = ()


@dataclass(slots=True)
class Judged:
    """What became of the streams of one name. `behind`: one has live events that the history has not, or not yet."""

    told: list[Told] = field(default_factory=list)
    duplicates: int = 0
    differences: list[Difference] = field(default_factory=list)
    behind: bool = False
    went_on: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """The partition in which messages lie."""

    topic: str
    partition: int


#: A message of which key and place are known: its offset and its value.
Record = tuple[int, bytes | None]


def judge(
    deciders: Mapping[str, AnyDecider],
    key: bytes,
    records: Sequence[Record],
    place: Place,
    live: Mapping[str, Json],
    *,
    cut: bool = False,
    exactly: bool = False,
) -> Judged:
    """Compare the messages of one key, in order, with the live streams of that name, which are given by noun.

    `cut`: the history was cut, so live streams may have gone on. `exactly`: without trying the fast way first.
    """
    id = _id(key)
    if len(live) == 1 and records and id is not None and not exactly:
        ((noun, document),) = live.items()
        values = [value or b"" for _, value in records]
        if (events := agreed(deciders[noun], id, values, document)) is not None:
            return Judged([Told(noun, events)], len(values) - len(events))
    read = {noun: _read(document) for noun, document in live.items()}
    return _exactly(deciders, _messages(key, records, place), read, cut)


def judge_alone(
    deciders: Mapping[str, AnyDecider], key: bytes, records: Sequence[Record], place: Place, *, exactly: bool = False
) -> Judged:
    """Hold the messages of one key against nothing but themselves: their numbers, and whether they can be folded."""
    id = _id(key)
    if id is not None and not exactly and (found := alone(deciders, id, [value or b"" for _, value in records])):
        noun, events = found
        return Judged([Told(noun, events)], len(records) - len(events))
    judged = Judged()
    for noun, history in _histories(deciders, _messages(key, records, place), judged).items():
        _take(judged, noun, history)
        if found_wrong := examine_alone(deciders[noun], history):
            judged.differences.append(found_wrong)
    return judged


def _messages(key: bytes, records: Sequence[Record], place: Place) -> list[Message]:
    known = None if key == NO_KEY else key
    return [Message(place.topic, place.partition, offset, known, value) for offset, value in records]


def _read(document: Json) -> Json:
    """A live stream with its events as JSON; what somebody put there that is no event stays as it is."""
    events = document.get("events")
    return document | {"events": [*map(_event, events)]} if isinstance(events, list) else document


def _event(stored: Any) -> Any:
    try:
        return as_json(stored)
    except (Undecodable, KeyError, TypeError):
        return stored


def _id(key: bytes) -> str | None:
    try:
        return key.decode()
    except UnicodeDecodeError:  # no stream is called so
        return None


def _exactly(
    deciders: Mapping[str, AnyDecider], messages: Sequence[Message], live: Mapping[str, Json], cut: bool
) -> Judged:
    judged = Judged()
    histories = _histories(deciders, messages, judged)
    for noun in dict.fromkeys((*histories, *live)):
        decider, history, document = deciders[noun], histories.get(noun, []), live.get(noun)
        if cut and not history:
            continue
        told = _take(judged, noun, history)
        went_on = cut and document is not None and _has_more(document, told)
        judged.went_on += went_on
        if found := examine(decider, history, document, went_on=went_on):
            judged.differences.append(found)
            judged.behind |= found.kind in NOT_YET
    return judged


def _histories(
    deciders: Mapping[str, AnyDecider], messages: Sequence[Message], judged: Judged
) -> dict[str, list[Sent]]:
    """The events among the messages, by noun; what is none is told."""
    histories: dict[str, list[Sent]] = {}
    for message in messages:
        try:
            decider, value, _event = read_event(message, deciders)
        except Undecodable as error:
            judged.differences.append(_unreadable(next(iter(deciders.values())).service, message, str(error)))
            continue
        histories.setdefault(decider.noun, []).append(Sent(value, message.position))
    return histories


def _take(judged: Judged, noun: str, history: Sequence[Sent]) -> Sequence[Sent]:
    """Count a stream in; its events, each once, up to where they are in order."""
    told, fault = in_order(history, _unnamed)
    judged.told.append(Told(noun, [sent.value for sent in told], [sent.position for sent in told]))
    judged.duplicates += 0 if fault else len(history) - len(told)
    return told


def split(
    deciders: Mapping[str, AnyDecider], messages: Sequence[Message], live: Mapping[str, Json]
) -> Iterator[Difference]:
    """Of the streams of one key whose messages lie on several partitions: that they do, and, in the order of their
    numbers, where they part from the live ones besides."""
    histories: dict[str, list[tuple[int, Sent]]] = {}
    for message in messages:
        try:
            decider, value, _event = read_event(message, deciders)
        except Undecodable:  # told already
            continue
        histories.setdefault(decider.noun, []).append((message.partition, Sent(value, message.position)))
    for noun, placed in histories.items():
        if len(partitions := sorted({partition for partition, _ in placed})) < 2:
            continue
        in_number = sorted((sent for _, sent in placed), key=lambda sent: sent.value["sequence"])
        other = next(sent for at, sent in placed if at == partitions[1])
        decider, first = deciders[noun], other.value
        where = {"sequence": first["sequence"], "type": first["type"], "position": other.position}
        detail = ", ".join(map(str, partitions))
        yield Difference(Kind.SPLIT, decider.service, first["subject"], noun, **where, detail=detail)
        if found := examine(decider, in_number, _read(live[noun]) if noun in live else None):
            yield found


def _unnamed(kind: Kind, **_where: object) -> Difference:
    return Difference(kind, "", "")


def _has_more(document: Json, told: Sequence[Sent]) -> bool:
    events = document.get("events")
    return isinstance(events, list) and len(events) > len(told)


def _unreadable(service: str, message: Message, error: str) -> Difference:
    kind, type = _kind(message.value)
    return Difference(kind, service, message.stream, type=type, position=message.position, detail=error)


def _kind(value: bytes | None) -> tuple[Kind, str | None]:
    """What keeps an event from being read: a type nobody has, a version that is not known yet, or anything else."""
    try:
        type = orjson.loads(value or b"")["type"]
        name, _, version = type.rpartition(".v")
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return Kind.UNREADABLE, None
    if type in FACTS:
        return Kind.UNREADABLE, None
    known = [int(each.rpartition(".v")[2]) for each in FACTS if each.rpartition(".v")[0] == name]
    if known and version.isdecimal() and int(version) > max(known):
        return Kind.FUTURE_VERSION, type
    return Kind.UNKNOWN_TYPE, type
