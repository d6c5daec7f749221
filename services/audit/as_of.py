"""A stream, a release or the catalogue as of a moment: what the command line, the pages and programs are told."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from audit.catalogue import catalogue
from audit.fold import AnyDecider
from audit.leaves import Leaf, Leaves, in_order
from audit.moments import Field, Moment, back, moment, side_by_side, told, upto
from schemas.envelope import Json, timestamp
from web.languages import CITY_TIME

#: A moment: after so many events, or a time.
Point = int | datetime
#: A text that says a part of a second.
_FRACTION = re.compile(r"\d[.,]\d")


@dataclass(frozen=True, slots=True)
class Look:
    """A stream at a moment, `now`, beside another, `before`.

    `leaves` are all its events in order; `missing` is the ref of the first that is not recorded, if later ones are;
    `back` are those before which a clock ran back; `contradicting` those that came with a number already taken.
    """

    service: str
    stream: str
    leaves: tuple[Leaf, ...]
    now: Moment
    before: Moment
    missing: str | None
    back: tuple[Leaf, ...]
    contradicting: tuple[Leaf, ...]

    @property
    def altered(self) -> list[Leaf]:
        """The events whose records are not what was written: neither what they say is proven, nor the states after."""
        return [leaf for leaf in (*self.leaves, *self.contradicting) if leaf.altered]

    @property
    def fields(self) -> list[Field]:
        return side_by_side(self.before.state, self.now.state)

    def to_json(self) -> Json:
        """What is printed and answered, contacts withheld."""
        return {
            "service": self.service,
            "stream": self.stream,
            "events": len(self.leaves),
            "now": _moment_json(self.now),
            "with": _moment_json(self.before),
            "differences": [asdict(field) for field in self.fields if field.change != "same"],
            "missing": self.missing,
            "clock_ran_back": [leaf.ref for leaf in self.back],
            "contradicting": [leaf.ref for leaf in self.contradicting],
            "altered": [_altered_json(leaf) for leaf in self.altered],
        }


def _altered_json(leaf: Leaf) -> Json:
    return {"event": leaf.ref, "leaf": leaf.number, "field": leaf.altered}


def _moment_json(moment: Moment) -> Json:
    leaf = moment.leaf
    return {
        "number": moment.number,
        "event": leaf.ref if leaf else None,
        "leaf": leaf.number if leaf else None,
        "time": timestamp(leaf.time) if leaf else None,
        "state": told(moment.state),
        "folded": moment.folded,
        "problem": moment.problem,
    }


def point(text: str) -> Point:
    """A number of events, or a time: see `when`. Raises ValueError."""
    text = text.strip()
    if re.fullmatch(r"\d{1,4}", text):
        return int(text)
    return when(text)


def when(text: str) -> datetime:
    """The last millisecond of the time that a text says, in UTC: of a day, of a second, or that very one.

    It is RFC 3339, and the city's where it has no offset. Raises ValueError.
    """
    day = re.fullmatch(r"\d{4}-\d\d-\d\d|\d{8}", text.strip())
    length = timedelta(days=1) if day else timedelta(seconds=1)
    return _read(text, timedelta() if _FRACTION.search(text) else length - timedelta(milliseconds=1))


def since(text: str) -> datetime:
    """The beginning of the time that a text says, in UTC: see `when`."""
    return _read(text, timedelta())


def _read(text: str, later: timedelta) -> datetime:
    try:
        at = datetime.fromisoformat(text.strip())
        return ((at if at.tzinfo else at.replace(tzinfo=CITY_TIME)) + later).astimezone(UTC)
    except OverflowError:  # before the year 1 in UTC, or after 9999
        raise ValueError(text) from None


def look(
    leaves: Leaves, deciders: Sequence[AnyDecider], service: str, stream: str, at: Point | None, other: Point | None
) -> Look | None:
    """A stream at a moment (None: now) beside another (None: one event earlier); None where none of it is recorded."""
    found = leaves.stream(service, stream)
    if not found:
        return None
    decider = next((each for each in deciders if (each.service, each.noun) == (service, found[0].noun)), None)
    ordered, missing = in_order(found)
    number = _number(ordered, at, len(ordered))
    return Look(
        service=service,
        stream=stream,
        leaves=tuple(ordered),
        now=moment(decider, ordered, number),
        before=moment(decider, ordered, _number(ordered, other, max(0, number - 1))),
        missing=missing,
        back=tuple(back(ordered)),
        contradicting=tuple(leaf for leaf in found if leaf.contradicts),
    )


def _number(ordered: Sequence[Leaf], at: Point | None, otherwise: int) -> int:
    match at:
        case None:
            return otherwise
        case int():
            return min(at, len(ordered))
        case _:
            return upto(ordered, at)


@dataclass(frozen=True, slots=True)
class Listing:
    """The catalogue at a time, `now`, beside another, `before`: entry by entry.

    `altered` are the events it was made from whose records are not what was written.
    """

    at: datetime
    other: datetime | None
    now: Json
    before: Json
    altered: tuple[Leaf, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many entries of each kind."""
        kinds = [line["kind"] for line in self.now.values()]
        return {kind: kinds.count(kind) for kind in ("scene", "product", "linkage")}

    @property
    def changed(self) -> dict[str, str]:
        """What is different about an entry from before: added, removed or corrected."""
        found = dict.fromkeys(self.now.keys() - self.before.keys(), "added")
        found |= dict.fromkeys(self.before.keys() - self.now.keys(), "removed")
        both = self.now.keys() & self.before.keys()
        found |= {entry: "corrected" for entry in both if self.now[entry] != self.before[entry]}
        return dict(sorted(found.items()))

    def to_json(self) -> Json:
        return {
            "at": timestamp(self.at),
            "with": timestamp(self.other) if self.other else None,
            "counts": self.counts,
            "entries": self.now,
            "differences": self.changed if self.other else {},
            "altered": [_altered_json(leaf) for leaf in self.altered],
        }


def listing(leaves: Leaves, at: datetime, other: datetime | None) -> Listing:
    """The catalogue at a time, beside another if one is given. Raises Unreadable."""
    altered: dict[int, Leaf] = {}

    def public(until: datetime) -> Iterator[Leaf]:
        for leaf in leaves.public(until):
            if leaf.altered:
                altered[leaf.number] = leaf
            yield leaf

    before = catalogue(public(other)) if other else {}
    return Listing(at, other, catalogue(public(at)), before, tuple(altered.values()))
