"""Putting entries into a release and taking them out: two streams, each deciding what is its own.

The entry's stream says that it belongs to one release at most; the release's, that it holds no more than it may.
First the entry is scheduled, then the release answers that scheduling, once and for all, by added or refused; what
was refused or removed is unscheduled because of that answer. Each step's cause is the event before it, so whoever
comes to it, the person's request or the worker that reacts to the same event, it takes effect once.

A release's stream holds MAX_EVENTS at most, and must always have room to be filled, frozen and published. So what the
month has no place for is not even scheduled: only who comes at the same moment as others is refused by a fact.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from publishing.domain.entry import CatalogueEntry, EntryCommand, Schedule, Unschedule, line
from publishing.domain.release import LINKAGES_AT_MOST, Add, Release, ReleaseCommand, Remove
from publishing.store import kinds_queued, oldest_queued
from runtime.streams import MAX_EVENTS, Outcome, Streams
from schemas.entry import KINDS
from schemas.envelope import Event, Refusal
from schemas.publication import EntryFact, ReleaseEntryRefused, ReleaseEntryRemoved, ReleaseFact

Entries = Streams[CatalogueEntry, EntryCommand, EntryFact]
Releases = Streams[Release, ReleaseCommand, ReleaseFact]

#: Events that are kept for freezing and publishing a month: nothing is put in any more beyond that.
TO_END = 2
#: Events that are kept for filling it too, with what is withdrawn meanwhile: nothing is taken out beyond that.
TO_FILL = 600


@dataclass(frozen=True)
class Act:
    """Who does something, when, and the cause by which doing it twice is doing it once."""

    cause: str
    actor: str
    at: datetime

    def because(self, cause: str) -> dict[str, Any]:
        """The fields of a command that follows from the event `cause` in the course of this act."""
        return {"cause": cause, "actor": self.actor, "at": self.at}

    @property
    def fields(self) -> dict[str, Any]:
        return self.because(self.cause)


@dataclass(frozen=True)
class Added:
    """What became of the entries that were to be added: those in the release now, and why the others are not."""

    entries: tuple[str, ...]
    refused: dict[str, Refusal]


async def add(entries: Entries, releases: Releases, month: str, ids: Sequence[str], act: Act) -> Added:
    """Add queued entries to an open release; each may be refused, for want of room or by either stream."""
    ids = list(dict.fromkeys(ids))
    refused = _unfit(await releases.get(month), ids, await kinds_queued(entries.collection, ids))
    scheduled = await entries.handle(
        [Schedule(stream=id, release=month, **act.fields) for id in ids if id not in refused]
    )
    refused |= {outcome.stream: outcome.refusal for outcome in scheduled if outcome.refusal}
    answers = await releases.handle(
        [
            Add(stream=month, line=line(outcome.stream, outcome.state), **act.because(event.ref))
            for outcome in scheduled
            if outcome.state.status == "scheduled"
            for event in outcome.events
        ]
    )
    answered = [event for answer in answers for event in answer.events]
    await let_go(entries, answered, act)
    for event in answered:
        if isinstance(event.data, ReleaseEntryRefused):
            refused[event.data.entry] = Refusal(event.data.rule)
    return Added(tuple(id for id in ids if id not in refused), refused)


def _unfit(release: Outcome[Release], ids: Sequence[str], queued: Mapping[str, str]) -> dict[str, Refusal]:
    """Of what is `queued`, with its kind, that for which the release has no place; the others' own streams know."""
    unfit, taken = {}, Counter[str]()
    for id in ids:
        if (kind := queued.get(id)) is None:
            continue
        if release.state.status != "open":
            unfit[id] = Refusal("release.unknown" if release.state.status == "new" else "release.frozen")
        elif taken[kind] >= room(release.state, kind):
            unfit[id] = Refusal("release.full")
        elif release.version + taken.total() >= MAX_EVENTS - TO_END:
            unfit[id] = Refusal("release.changed-too-often")
        else:
            taken[kind] += 1
    return unfit


async def fill(entries: Entries, releases: Releases, month: str, act: Act) -> Added:
    """Add what has waited longest of each kind, up to the release's targets."""
    release = (await releases.get(month)).state
    ids = [id for kind in KINDS for id in await oldest_queued(entries.collection, kind, room(release, kind))]
    return await add(entries, releases, month, ids, act)


def room(release: Release, kind: str) -> int:
    """How many more of a kind the release may hold."""
    return max(0, release.targets.get(kind, LINKAGES_AT_MOST) - release.counts.get(kind, 0))


async def remove(entries: Entries, releases: Releases, month: str, entry: str, act: Act) -> Outcome[Release]:
    """Take an entry out of an open release; it waits again."""
    release = await releases.get(month)
    if release.version >= MAX_EVENTS - TO_FILL and release.state.status == "open":
        return replace(release, refusal=Refusal("release.changed-too-often"))
    [outcome] = await releases.handle([Remove(stream=month, entry=entry, **act.fields)])
    await let_go(entries, outcome.events, act)
    return outcome


async def let_go(entries: Entries, answers: Sequence[Event], act: Act) -> None:
    """Unschedule the entries that these events of their release refused or removed."""
    await entries.handle(
        [
            Unschedule(stream=event.data.entry, release=event.subject, **act.because(event.ref))
            for event in answers
            if isinstance(event.data, ReleaseEntryRefused | ReleaseEntryRemoved)
        ]
    )
