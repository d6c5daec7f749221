"""A stream at a moment: its events folded as far as a number or a time, and two moments side by side. Pure.

States are folded with the services' own `evolve`, as they were in force when the audit was started.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any, Literal

from audit.clocks import by_a_clock, ran_back
from audit.examine import WITHHELD, same, withheld
from audit.fold import AnyDecider
from audit.leaves import Leaf
from schemas.envelope import Json
from schemas.events import from_json

Change = Literal["same", "set", "changed", "removed"]
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Moment:
    """A stream after its first `number` events: `leaf` is the last of them, None before the first.

    `state` is JSON with contacts in it, None where the stream was not there yet: the fold of the first `folded` events.
    Where that is not all, `problem` says why the next cannot be folded.
    """

    number: int
    leaf: Leaf | None
    state: Json | None
    folded: int
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One field at two moments: its values as JSON, None where it was not there (`change` tells null from that)."""

    pointer: str
    before: Any
    after: Any
    change: Change


def upto(leaves: Sequence[Leaf], at: datetime) -> int:
    """How many of a stream's events had happened at a time: those before the first that is later."""
    return next((n for n, leaf in enumerate(leaves) if leaf.time > at), len(leaves))


def back(leaves: Sequence[Leaf]) -> list[Leaf]:
    """Events before which a clock ran back (`audit.clocks`); the order is that of the stream."""
    dated = [leaf for leaf in leaves if by_a_clock(leaf.actor)]
    latest = accumulate((leaf.time for leaf in dated), max)
    return [leaf for before, leaf in zip(latest, dated[1:], strict=False) if ran_back(before, leaf.time)]


def moment(decider: AnyDecider | None, leaves: Sequence[Leaf], number: int) -> Moment:
    """A stream, given all its events in order, after its first `number` events; without a decider nothing is folded."""
    last = leaves[number - 1] if number else None
    if decider is None:
        why = f"{leaves[0].ref}: no service of this version has streams of the kind {leaves[0].noun}"
        return Moment(number, last, None, 0, why if number else None)
    state = decider.state()
    for done, leaf in enumerate(leaves[:number]):
        try:
            state = decider.evolve(state, from_json(leaf.event).data)
        except Exception as error:  # a type of a later version, or a domain that no longer folds it: it is said
            told = state.model_dump(mode="json") if done else None
            return Moment(number, last, told, done, f"{leaf.ref}: {error}")
    return Moment(number, last, state.model_dump(mode="json") if number else None, number)


def side_by_side(before: Json | None, after: Json | None) -> list[Field]:
    """Every field of two states with its value in each, contacts withheld."""
    fields = _fields(before if before is not None else {}, after if after is not None else {}, "")
    return [_without_contact(field) for field in fields if field.pointer]  # two empty states are no field


def _fields(before: Any, after: Any, pointer: str) -> Iterator[Field]:
    inner = _inner(before, after)
    other_kind = isinstance(before, dict | list) and isinstance(after, dict | list) and type(before) is not type(after)
    if not inner or other_kind:
        yield _field(pointer, before, after)
        return
    if not isinstance(before, dict | list) and before is not _ABSENT and before is not None:
        yield _field(pointer, before, _ABSENT)
    if not isinstance(after, dict | list) and after is not _ABSENT and after is not None:
        yield _field(pointer, _ABSENT, after)
    for key, mine, yours in inner:
        yield from _fields(mine, yours, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")


def _inner(before: Any, after: Any) -> list[tuple[str, Any, Any]]:
    """What is inside two values, one of which at least has something inside."""
    one, other = _items(before), _items(after)
    return [(key, one.get(key, _ABSENT), other.get(key, _ABSENT)) for key in {**one, **other}]


def _items(value: Any) -> dict[str, Any]:
    match value:
        case dict():
            return value
        case list():
            return {str(n): part for n, part in enumerate(value)}
        case _:
            return {}


def _field(pointer: str, before: Any, after: Any) -> Field:
    change: Change = "changed"
    if before is _ABSENT or after is _ABSENT:
        change = "set" if before is _ABSENT else "removed"
    elif same(before, after):
        change = "same"
    return Field(pointer, None if before is _ABSENT else before, None if after is _ABSENT else after, change)


def _without_contact(field: Field) -> Field:
    if "contact" not in field.pointer.split("/"):
        return field
    # Whether there is one is no personal data.
    before, after = (WITHHELD if value and value is not True else value for value in (field.before, field.after))
    return Field(field.pointer, before, after, field.change)


def told(state: Json | None) -> Json | None:
    """A state as it may be shown."""
    return None if state is None else {name: withheld({name: value})[name] for name, value in state.items()}
