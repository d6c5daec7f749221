"""The fast way to know that a stream is equal. It may say yes only where the exact way (`audit.examine`) would.

Two things make it fast and keep it safe. History and live events are compared as bytes: the relay sends the stored
event's own JSON, so what is equal to the byte needs no canonical form, and the live document's values may be folded
for the history's. And an entry that stands in several events of a stream is validated once: models are frozen,
validating is pure, and it is the same entry only where its bytes are. All else is left to the exact way.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import orjson

from audit.fold import AnyDecider, as_read, form
from runtime.stored import as_json
from schemas.envelope import Json, State
from schemas.events import FACTS

#: What is no JSON (dates, say) came into a live stream by hand: it is refused here, and the exact way says what it is.
_PLAIN = orjson.OPT_PASSTHROUGH_DATETIME


def agreed(decider: AnyDecider, id: str, values: Sequence[bytes], live: Json) -> list[Json] | None:
    """The stream's events, where its history (each message's bytes, in order) surely gives the live document.

    None means that the exact way must say: it may be equal all the same.
    """
    events = live.get("events")
    if not isinstance(events, list) or live.get("version") != len(events):
        return None
    if len(values) != len(events):
        values = list(dict.fromkeys(values))  # the relay's repetitions, to the byte
        if len(values) != len(events):
            return None
    try:
        for value, event in zip(values, events, strict=True):
            if _sent(event) != value:
                return None
        events = [*map(as_json, events)]
        state = folded(decider, id, events)
        return events if state is not None and _is(decider, state, live.get("state")) else None
    except Exception:  # whatever it is, it is told by the exact way
        return None


def _sent(stored: Json) -> bytes:
    """What the relay would send of a stored event (`runtime.stored.as_sent`). Raises where that is no JSON."""
    data = stored["data"]
    return orjson.dumps({**stored, "data": orjson.Fragment(data)} if isinstance(data, str) else stored, option=_PLAIN)


def alone(deciders: Mapping[str, AnyDecider], id: str, values: Sequence[bytes]) -> tuple[str, list[Json]] | None:
    """The noun and events of a history that surely is in order and can be folded; None where the exact way must say."""
    try:
        events = [orjson.loads(value) for value in values]
        noun = events[0]["type"].partition(".")[0]
        if events[-1]["sequence"] != len(events):  # the relay's repetitions, to the byte
            events = [orjson.loads(value) for value in dict.fromkeys(values)]
        return (noun, events) if folded(deciders[noun], id, events) is not None else None
    except Exception:  # whatever it is, it is told by the exact way
        return None


def folded(decider: AnyDecider, id: str, events: Sequence[Json]) -> State | None:
    """The fold of events that all are as `audit.fold.read_event` wants them, numbered from 1; None where one is not.

    Raises KeyError, ValidationError, or whatever `evolve` raises.
    """
    source, validators, evolve = decider.source, _validators(decider.noun), decider.evolve
    state: State = decider.state()
    entry: tuple[Json, Any] | None = None
    for number, event in enumerate(events, 1):
        sequence, validated = event["sequence"], validators.get(event["type"])
        if validated is None or type(sequence) is not int or sequence != number:
            return None
        if event["id"] != f"{id}/{number}" or event["subject"] != id or event["source"] != source:
            return None
        if not (event.keys() >= _NEEDED):
            return None
        datetime.fromisoformat(event["time"])
        data = event["data"]
        validator, field = validated
        if field and isinstance(data, dict) and isinstance(inner := data.get(field), dict):
            if entry and orjson.dumps(inner, option=_PLAIN) == orjson.dumps(entry[0], option=_PLAIN):
                data = {**data, field: entry[1]}
            fact: Any = validator.validate_python(data, strict=False, extra="ignore")
            entry = inner, getattr(fact, field)
        else:
            fact = validator.validate_python(data, strict=False, extra="ignore")
        state = evolve(state, fact)
    return state


_NEEDED = {"causationid", "correlationid", "actor"}


@cache
def _validators(noun: str) -> dict[str, tuple[Any, str | None]]:
    """Of each type of a noun's events what validates its facts, and the field that holds an entry, if any."""
    return {
        type: (fact.__pydantic_validator__, "entry" if _holds_entry(fact) else None)
        for type, fact in FACTS.items()
        if type.partition(".")[0] == noun
    }


def _holds_entry(fact: Any) -> bool:
    field = fact.model_fields.get("entry")
    return field is not None and field.annotation is not str


def _is(decider: AnyDecider, state: State, live: Any) -> bool:
    """Whether a fold is the live state, by bytes; else in the form in which the order of keys does not matter."""
    if orjson.dumps(live, option=_PLAIN) == state.__pydantic_serializer__.to_json(state):
        return True
    told = form(state.model_dump(mode="json"))
    return form(live) == told or form(as_read(decider, live)) == told
