"""What events say of each other across services: causes that must be there, and effects that should follow.

`EXPECTED` is the flow of ARCHITECTURE.md as data: change it with the agents.
"""

import hashlib
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from audit.clocks import by_a_clock, ran_back
from schemas.envelope import Json

#: An event's name among all events: /service/stream/sequence.
REF = re.compile(r"^/([a-z]+)/(.+)/([0-9]+)$")

#: Where an event stands: service, noun, stream, sequence, type, position.
Where = tuple[str, str, str, int, str, str | None]


@dataclass(frozen=True)
class Expectation:
    """An event of one of the types `cause` leads to one of `effects` in each of the streams `targets` names.

    It is excused where an event of the types `excuses` stands in the target or in the cause's own stream, of the same
    revision, a later one, or of all. Types are without version.
    """

    cause: tuple[str, ...]
    service: str
    effects: tuple[str, ...]
    targets: Callable[[Json], Sequence[str]]
    excuses: tuple[str, ...] = ()


EXPECTED = (
    Expectation(
        ("submission.received", "submission.revised"),
        "review",
        ("case.opened",),
        lambda event: [f"{event['subject']}@{event['data']['revision']}"],
    ),
    Expectation(
        ("case.decided",),
        "publishing",
        ("entry.queued",),
        lambda event: [event["data"]["submission"]] if event["data"]["decision"] == "approved" else [],
        # A later revision, or the same one before an appeal, may have been approved first.
        ("entry.queued", "entry.withdrawn", "entry.retracted"),
    ),
    Expectation(
        ("entry.scheduled",),
        "publishing",
        ("release.entry-added", "release.entry-refused"),
        lambda event: [event["data"]["release"]],
        ("entry.unscheduled", "entry.withdrawn"),
    ),
    Expectation(
        ("release.published",),
        "publishing",
        ("entry.published",),
        lambda event: [line["entry"] for line in event["data"]["lines"]],
    ),
    Expectation(
        ("subscription.requested",),
        "notifications",
        ("delivery.queued",),
        lambda event: [f"{event['subject']}:{'confirmation' if event['data']['channel'] == 'email' else 'challenge'}"],
    ),
)
_BY_CAUSE = {type: expected for expected in EXPECTED for type in expected.cause}
_EFFECTS = {type for expected in EXPECTED for type in expected.effects}
_EXCUSES = {type for expected in EXPECTED for type in expected.excuses}


def _mark(service: str, types: Sequence[str], target: str, cause: str) -> int:
    """64 bits that stand for an effect: in `target`, of the first of `types`, because of `cause`."""
    said = "\0".join((service, types[0], target, cause))
    return int.from_bytes(hashlib.blake2b(said.encode(), digest_size=8).digest(), "big")


_OF_EFFECT = {type: expected for expected in EXPECTED for type in expected.effects}


@dataclass
class Links:
    """What the events of one unit of a replay name beyond their own stream; `told` goes through streams in order."""

    causes: dict[str, Where] = field(default_factory=dict)
    #: By mark: the service that owes it, the target, the revision, the time, and the event it should follow from.
    owed: dict[int, tuple[str, str, float, str, Where]] = field(default_factory=dict)
    done: list[int] = field(default_factory=list)
    excuses: dict[str, float] = field(default_factory=dict)
    clocks: list[tuple[Where, str]] = field(default_factory=list)

    def tell(self, service: str, noun: str, id: str, events: Sequence[Json], positions: Sequence[str]) -> None:
        """Take in one stream's events, in order."""
        last_cause, last_time = "", ""
        for number, event in enumerate(events, 1):
            cause, type, time = str(event["causationid"]), event["type"], event["time"]
            base = type.rpartition(".")[0]
            clock = by_a_clock(str(event["actor"]))
            foreign = cause != last_cause and cause[:1] == "/" and cause not in self.causes
            backwards = clock and time < last_time and ran_back(*map(datetime.fromisoformat, (last_time, time)))
            expected = _BY_CAUSE.get(base)
            if foreign or backwards or expected:
                where = (service, noun, id, number, type, positions[number - 1] if positions else None)
                if foreign:
                    self.causes[cause] = where
                if backwards:
                    self.clocks.append((where, f"{last_time} → {time}"))
                if expected:
                    self._owe(expected, event, where)
            if base in _EFFECTS:
                effect = _OF_EFFECT[base]
                self.done.append(_mark(service, effect.effects, id, cause))
            if base in _EXCUSES:
                rank = float(event["data"].get("revision", math.inf))
                self.excuses[f"{base}\0{id}"] = max(rank, self.excuses.get(f"{base}\0{id}", 0))
            last_cause, last_time = cause, max(time, last_time) if clock else last_time

    def _owe(self, expected: Expectation, event: Json, where: Where) -> None:
        service, _, id, number, *_ = where
        ref = f"/{service}/{id}/{number}"
        revision = float(event["data"].get("revision", 0))
        for target in expected.targets(event):
            mark = _mark(expected.service, expected.effects, target, ref)
            self.owed[mark] = (expected.service, target, revision, event["time"], where)


class Ledger:
    """What all units' links come to. Give it each unit's, then ask for what is left over.

    It holds little: what is owed and what is done cancel out as they come.
    """

    def __init__(self) -> None:
        self._causes: dict[str, Where] = {}
        self._owed: dict[int, tuple[str, str, float, str, Where]] = {}
        self._done: set[int] = set()
        self._excuses: dict[str, float] = {}

    def add(self, links: Links) -> None:
        """Take in what one unit found."""
        self._causes |= links.causes
        self._excuses |= links.excuses
        for mark in links.done:
            if self._owed.pop(mark, None) is None:
                self._done.add(mark)
        for mark, owed in links.owed.items():
            if mark in self._done:
                self._done.discard(mark)
            else:
                self._owed[mark] = owed

    def unknown_causes(self, versions: dict[str, dict[str, int]]) -> Iterator[tuple[Where, str]]:
        """The events whose cause is an event that no history has; `versions` are streams' lengths by service."""
        for cause, where in self._causes.items():
            named = REF.match(cause)
            if named and named[1] in versions and int(named[3]) > versions[named[1]].get(named[2], 0):
                yield where, cause

    def without_effect(self, services: Sequence[str], before: str) -> Iterator[tuple[Where, str]]:
        """The events from before that time which should have led to another in these services, and did not."""
        for service, target, revision, time, where in self._owed.values():
            if service in services and time < before and not self._excused(where, target, revision):
                expected = _BY_CAUSE[where[4].rpartition(".")[0]]
                yield where, f"{expected.effects[0]} → /{service}/{target}"

    def _excused(self, where: Where, target: str, revision: float) -> bool:
        excuses = _BY_CAUSE[where[4].rpartition(".")[0]].excuses
        return any(
            self._excuses.get(f"{type}\0{id}", -1.0) >= revision for type in excuses for id in (target, where[2])
        )


def links_to_json(links: Links) -> Json:
    """The links as JSON, to be kept."""
    return {
        "causes": links.causes,
        "owed": [[mark, *owed] for mark, owed in links.owed.items()],
        "done": links.done,
        "excuses": {name: None if rank == math.inf else rank for name, rank in links.excuses.items()},
        "clocks": links.clocks,
    }


def links_from_json(value: Json) -> Links:
    """The links that `links_to_json` wrote."""
    owed: dict[int, Any] = {mark: (*rest[:4], tuple(rest[4])) for mark, *rest in value["owed"]}
    return Links(
        {cause: tuple(where) for cause, where in value["causes"].items()},
        owed,
        value["done"],
        {name: math.inf if rank is None else rank for name, rank in value["excuses"].items()},
        [(tuple(where), detail) for where, detail in value["clocks"]],
    )
