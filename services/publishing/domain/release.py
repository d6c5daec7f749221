"""A month's release. Stream: `YYYY-MM`. Its publication is one write, from which all its entries are visible."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, assert_never

from pydantic import Field

from schemas.envelope import Command, Decider, Refusal, State, canonical_hash
from schemas.publication import (
    RELEASE_FACTS,
    ManifestLine,
    ReleaseEntryAdded,
    ReleaseEntryRefused,
    ReleaseEntryRemoved,
    ReleaseFact,
    ReleaseFrozen,
    ReleaseOpened,
    ReleasePublished,
)

#: Linkages have no target: a month has as many as there are, within reason.
LINKAGES_AT_MOST = 100
MONTH = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")  # and not \d, which full-width digits are, too


class Release(State):
    """`lines` come in the order in which they were added; `counts` are theirs by kind."""

    status: Literal["new", "open", "frozen", "published"] = "new"
    targets: dict[str, int] = Field(default_factory=dict)
    lines: tuple[ManifestLine, ...] = ()
    counts: dict[str, int] = Field(default_factory=dict)
    manifest: str | None = None
    published_at: datetime | None = None

    def holds(self, entry: str) -> bool:
        return any(line.entry == entry for line in self.lines)


@dataclass(frozen=True, kw_only=True)
class Open(Command):
    """`targets`: how many of each kind; other kinds are welcome up to LINKAGES_AT_MOST."""

    targets: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Add(Command):
    """`cause` is the entry's own scheduling: one scheduling is answered once and for all, by added or refused."""

    line: ManifestLine


@dataclass(frozen=True, kw_only=True)
class Remove(Command):
    entry: str


@dataclass(frozen=True, kw_only=True)
class Freeze(Command):
    """Let nothing in or out any more."""


@dataclass(frozen=True, kw_only=True)
class PublishRelease(Command):
    """Show the frozen release to the public."""


ReleaseCommand = Open | Add | Remove | Freeze | PublishRelease
Answer = tuple[ReleaseFact, ...] | Refusal


def decide(state: Release, command: ReleaseCommand) -> Answer:
    """The facts that follow from a command, or the rule against it."""
    match command:
        case Open(targets=targets):
            return _open(state, command.stream, targets)
        case Add(line=line):
            return _add(state, line)
        case Remove(entry=entry):
            if state.status != "open":
                return Refusal("release.frozen" if state.status != "new" else "release.unknown")
            return (ReleaseEntryRemoved(entry=entry),) if state.holds(entry) else Refusal("release.absent")
        case Freeze():
            return _freeze(state)
        case PublishRelease():
            return _publish(state, command.at)
        case _:
            assert_never(command)


def _open(state: Release, month: str, targets: Mapping[str, int]) -> Answer:
    if not MONTH.fullmatch(month):
        return Refusal("release.month")
    return () if state.status != "new" else (ReleaseOpened(targets=dict(targets)),)


def _add(state: Release, line: ManifestLine) -> Answer:
    if state.status == "new":
        return Refusal("release.unknown")
    if state.holds(line.entry):
        return ()
    if state.status != "open":
        return (ReleaseEntryRefused(entry=line.entry, edition=line.edition, rule="release.frozen"),)
    if state.counts.get(line.kind, 0) >= state.targets.get(line.kind, LINKAGES_AT_MOST):
        return (ReleaseEntryRefused(entry=line.entry, edition=line.edition, rule="release.full"),)
    return (ReleaseEntryAdded(line=line),)


def _freeze(state: Release) -> Answer:
    if state.status == "new":
        return Refusal("release.unknown")
    if state.status != "open":
        return ()
    if lacking := missing(state):
        return Refusal("release.incomplete", {"missing": lacking})
    return (ReleaseFrozen(manifest=manifest(state.lines)),)


def _publish(state: Release, at: datetime) -> Answer:
    match state.status:
        case "published":
            return ()
        case "frozen":
            assert state.manifest is not None
            return (ReleasePublished(manifest=state.manifest, lines=in_order(state.lines), published_at=at),)
        case "open" | "new":
            return Refusal("release.not-frozen" if state.status == "open" else "release.unknown")
        case _:
            assert_never(state.status)


def missing(state: Release) -> dict[str, int]:
    """How many of each kind the release still needs; empty when it can be frozen."""
    lacks = {kind: target - state.counts.get(kind, 0) for kind, target in state.targets.items()}
    return {kind: lack for kind, lack in lacks.items() if lack > 0}


def in_order(lines: Iterable[ManifestLine]) -> tuple[ManifestLine, ...]:
    """By entry id, so that what a release says does not depend on the order in which it was put together."""
    return tuple(sorted(lines, key=lambda line: line.entry))


def manifest(lines: Iterable[ManifestLine]) -> str:
    """SHA-256 of the canonical form of all lines, in the order of their entry ids."""
    return canonical_hash([line.model_dump(mode="json") for line in in_order(lines)])


def evolve(state: Release, fact: ReleaseFact) -> Release:
    """The release after one more fact."""
    match fact:
        case ReleaseOpened(targets=targets):
            return state.model_copy(update={"status": "open", "targets": targets})
        case ReleaseEntryAdded(line=line):
            return _holding(state, (*state.lines, line))
        case ReleaseEntryRefused():
            return state
        case ReleaseEntryRemoved(entry=entry):
            return _holding(state, tuple(line for line in state.lines if line.entry != entry))
        case ReleaseFrozen(manifest=hash):
            return state.model_copy(update={"status": "frozen", "manifest": hash})
        case ReleasePublished(published_at=at):
            return state.model_copy(update={"status": "published", "published_at": at})
        case _:
            assert_never(fact)


def _holding(state: Release, lines: tuple[ManifestLine, ...]) -> Release:
    return state.model_copy(update={"lines": lines, "counts": dict(Counter(line.kind for line in lines))})


RELEASES = Decider("release", "publishing", "releases", Release, RELEASE_FACTS, decide, evolve)
