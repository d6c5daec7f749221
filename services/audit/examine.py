"""Of one stream, exactly: whether its history gives the live stream, and if not, the first event at which they part."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any

import orjson
import rfc8785

from audit.fold import AnyDecider, as_read, form
from schemas.envelope import Json, canonical_hash
from schemas.events import from_json

#: Longer values are cut where they are shown.
SHOWN_CHARACTERS = 4000
#: Added to what is said of a fault in the history of a stream that is not live.
NOT_LIVE = "; not live"
WITHHELD = "(withheld)"
_ABSENT = object()
#: Makes a Difference of one stream from its kind and whatever of its fields there is.
Make = Callable[..., "Difference"]


class Kind(StrEnum):
    """How a history and a live stream can part."""

    STATE = "state"  # all events are equal, the state is not their fold
    EVENT = "event"  # the same event says different things
    EVENT_NOT_LIVE = "event-not-live"
    EVENT_NOT_ON_KAFKA = "event-not-on-kafka"
    STREAM_NOT_LIVE = "stream-not-live"
    STREAM_NOT_ON_KAFKA = "stream-not-on-kafka"
    VERSION = "version"  # the live version does not count the live events
    JUMP = "jump"  # the history lacks an event between two others
    CONFLICT = "conflict"  # two events in the history have one number
    UNFOLDABLE = "unfoldable"  # the domain's evolve raised
    UNREADABLE = "unreadable"  # a message that is no event
    UNKNOWN_TYPE = "unknown-type"  # an event of a type that no service has
    FUTURE_VERSION = "future-version"  # an event of a later version than this program knows
    SPLIT = "split"  # a stream on two partitions, so that its order is not certain
    BUNDLE_EVENT = "bundle-event"  # an event says something else than a bundle proves
    BUNDLE_EVENT_NOT_ON_KAFKA = "bundle-event-not-on-kafka"
    # What is noticed besides: it does not keep a stream from being equal.
    GAP = "gap"  # a partition does not begin at its beginning any more
    CAUSE_UNKNOWN = "cause-unknown"  # an event's cause is in no history
    NO_EFFECT = "no-effect"  # an event that should have led to another has not
    CLOCK = "clock"  # an event is dated more than a second before an earlier one


#: Live, and not in the history yet: it may be on its way.
NOT_YET = (Kind.EVENT_NOT_ON_KAFKA, Kind.STREAM_NOT_ON_KAFKA)


@dataclass(frozen=True)
class Difference:
    """Where a history and a live stream part.

    `sequence` and `type` name the first event that differs; where the state alone does, the last event that set the
    field. `pointer` (RFC 6901) is the field, in the event or in the state; `history` and `live` are its values as JSON
    text, None where there is none; personal data is withheld. `position` is `topic:partition:offset`.
    """

    kind: Kind
    service: str
    stream: str
    noun: str | None = None
    sequence: int | None = None
    type: str | None = None
    pointer: str | None = None
    history: str | None = None
    live: str | None = None
    position: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """One event of a stream as it is in the history, and where."""

    value: Json
    position: str


def examine(
    decider: AnyDecider, history: Sequence[Sent], live: Json | None, *, went_on: bool = False
) -> Difference | None:
    """Compare one stream's history, as it was read, with the live document; None where they are equal.

    `went_on`: the history was cut where the live stream went on; of the state it is only seen that it can be folded.
    """
    stream = history[0].value["subject"] if history else live["_id"] if live else ""

    def difference(kind: Kind, **where: Any) -> Difference:
        return Difference(kind, decider.service, stream, decider.noun, **where)

    document = _json(live) if live is not None else {}
    events = document.get("events") or []
    events = events if isinstance(events, list) else []
    told, fault = in_order(history, difference)
    if not history:
        return difference(Kind.STREAM_NOT_ON_KAFKA, sequence=1, type=_type(events[0]) if events else None)
    if live is None and fault:  # the fault is why no live stream can come of it
        return replace(fault, detail=f"{fault.detail}{NOT_LIVE}")
    if live is None:
        return difference(Kind.STREAM_NOT_LIVE, **_at(history[0]))
    for sent, stored in zip(told, events, strict=False):
        if found := first_difference(sent.value, stored):
            return difference(Kind.EVENT, **_at(sent), **_field(*found))
    if len(told) > len(events):
        return difference(Kind.EVENT_NOT_LIVE, **_at(told[len(events)]))
    if fault:
        return fault
    if len(events) > len(told) and not went_on:
        return difference(Kind.EVENT_NOT_ON_KAFKA, sequence=len(told) + 1, type=_type(events[len(told)]))
    return _state(decider, told, document, difference, went_on)


def examine_alone(decider: AnyDecider, history: Sequence[Sent]) -> Difference | None:
    """What is wrong in a stream's history by itself: a number that jumps or is there twice, or no fold."""
    make = partial(Difference, service=decider.service, stream=history[0].value["subject"], noun=decider.noun)
    told, fault = in_order(history, make)
    return next((each for each in _folds(decider, told, make) if isinstance(each, Difference)), None) or fault


def in_order(history: Sequence[Sent], difference: Make) -> tuple[list[Sent], Difference | None]:
    """The events in order, each once, up to the first that jumps or contradicts, which is the fault."""
    told: list[Sent] = []
    for sent in history:
        sequence = sent.value["sequence"]
        if sequence > len(told) + 1:
            expected, found = str(len(told) + 1), str(sequence)
            where = _at(sent) | {"pointer": "/sequence", "detail": f"{expected} → {found}"}
            return told, difference(Kind.JUMP, **where)
        if sequence == len(told) + 1:
            told.append(sent)
        elif other := first_difference(told[sequence - 1].value, sent.value):
            pointer, before, after = other
            where = {"pointer": pointer, "detail": f"{shown(pointer, before)} → {shown(pointer, after)}"}
            return told, difference(Kind.CONFLICT, **_at(sent), **where)
    return told, None


def _state(
    decider: AnyDecider, told: Sequence[Sent], document: Json, difference: Make, went_on: bool
) -> Difference | None:
    """Fold event by event, so that the last event that set the field at fault can be named."""
    folds: list[Json] = []
    for fold in _folds(decider, told, difference):
        if isinstance(fold, Difference):
            return fold
        folds.append(fold)
    if went_on:
        return None
    live = as_read(decider, document["state"]) if "state" in document else _ABSENT
    if found := first_difference(folds[-1], live):
        pointer = found[0]
        values = [_value(fold, pointer) for fold in folds]
        setter = max((n for n in range(1, len(folds)) if not same(values[n - 1], values[n])), default=0)
        return difference(Kind.STATE, **_at(told[setter]), **_field(*found))
    if document.get("version") != len(told):
        return difference(Kind.VERSION, **_field("/version", len(told), document.get("version", _ABSENT)))
    return None


def _folds(decider: AnyDecider, told: Sequence[Sent], difference: Make) -> Iterator[Json | Difference]:
    """The state after each event, up to one that the domain cannot fold, of which the difference comes last."""
    state = decider.state()
    for sent in told:
        try:
            state = decider.evolve(state, from_json(sent.value).data)
        except Exception as error:
            yield difference(Kind.UNFOLDABLE, **_at(sent), detail=repr(error))
            return
        yield state.model_dump(mode="json")


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal: by their canonical hash (RFC 8785)."""
    if one is _ABSENT or other is _ABSENT:
        return one is other
    if form(one) == form(other):
        return True
    try:
        return canonical_hash(one) == canonical_hash(other)
    except rfc8785.CanonicalizationError:  # a number that JSON cannot carry: no history holds one
        return False


def first_difference(one: Any, other: Any, pointer: str = "") -> tuple[str, Any, Any] | None:
    """JSON Pointer of the first field in which two JSON values differ, and both values; None where they are equal."""
    if same(one, other):
        return None
    inner: list[tuple[str, Any, Any]] = []
    if isinstance(one, dict) and isinstance(other, dict):
        inner = [(key, one.get(key, _ABSENT), other.get(key, _ABSENT)) for key in [*one, *(other.keys() - one.keys())]]
    elif isinstance(one, list) and isinstance(other, list):
        longest = range(max(len(one), len(other)))
        inner = [
            (str(n), one[n] if n in range(len(one)) else _ABSENT, other[n] if n in range(len(other)) else _ABSENT)
            for n in longest
        ]
    for key, mine, yours in inner:
        if found := first_difference(mine, yours, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}"):
            return found
    return pointer, one, other


def withheld(value: Any) -> Any:
    """The JSON value with every contact in it withheld: personal data stays with the submissions service.

    Whether there is one (`contact` true) is no personal data.
    """
    match value:
        case dict():
            return {
                key: WITHHELD if key == "contact" and part and part is not True else withheld(part)
                for key, part in value.items()
            }
        case list():
            return [withheld(part) for part in value]
        case _:
            return value


def _type(event: Any) -> str | None:
    return event.get("type") if isinstance(event, dict) else None


def _at(sent: Sent) -> Json:
    return {"sequence": sent.value["sequence"], "type": sent.value["type"], "position": sent.position}


def _field(pointer: str, history: Any, live: Any) -> Json:
    return {"pointer": pointer, "history": shown(pointer, history), "live": shown(pointer, live)}


def shown(pointer: str, value: Any) -> str | None:
    """A field's value as JSON text for people: cut where it is long, personal data withheld."""
    if value is _ABSENT:
        return None
    if "contact" in pointer.split("/") and not isinstance(value, bool):
        return WITHHELD if value else "null"
    text = orjson.dumps(withheld(value), option=orjson.OPT_INDENT_2).decode()
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + " …"


def _value(value: Any, pointer: str) -> Any:
    """The value at a pointer; what is not there is absent."""
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        match value:
            case dict():
                value = value.get(key, _ABSENT)
            case list() if key.isdigit() and int(key) < len(value):
                value = value[int(key)]
            case _:
                return _ABSENT
    return value


def _json(document: Json) -> Json:
    """A live document as JSON; what is none (put there by hand) becomes the text that describes it."""
    value: Json = orjson.loads(form({name: part for name, part in document.items() if name != "changed"}))
    return value
