"""What publishing does about events: approved entries queue, releases' answers and publication reach the entries."""

from collections.abc import Iterable, Sequence
from typing import Any

import faust

from publishing.domain.entry import CatalogueEntry, Publish, Queue, Unschedule, Withdraw, line
from publishing.domain.release import Add, Remove
from publishing.releasing import Entries, Releases
from publishing.store import scheduled
from runtime.consume import React, subscribe
from runtime.parking import Parking
from runtime.settings import Settings
from schemas import topics
from schemas.envelope import Event
from schemas.publication import (
    EntryScheduled,
    EntryWithdrawn,
    ReleaseEntryRefused,
    ReleaseEntryRemoved,
    ReleasePublished,
)
from schemas.review import CaseDecided, Decision
from schemas.submission import SubmissionWithdrawn

ACTOR = "service:publishing"


def attach(app: faust.App, settings: Settings, parking: Parking, reactions: dict[str, React]) -> None:
    """Subscribe each reaction to its topic."""
    for topic, react in reactions.items():
        subscribe(app, settings.topic(topic), react, parking)


def reactions(entries: Entries, releases: Releases) -> dict[str, React]:
    """What this service reacts to, by topic."""
    return {
        topics.REVIEW: on_review(entries),
        topics.SUBMISSIONS: on_submissions(entries),
        topics.PUBLISHING: on_publishing(entries, releases),
    }


def on_review(entries: Entries) -> React:
    """What was approved waits for a release or, where it is published already, for a correction."""

    async def react(events: Sequence[Event]) -> None:
        await entries.handle(
            [
                _queue(event, event.data)
                for event in events
                if isinstance(event.data, CaseDecided) and event.data.decision == Decision.APPROVED
            ]
        )

    return react


def _queue(event: Event, decided: CaseDecided) -> Queue:
    return Queue(
        stream=decided.submission,
        case=event.subject,
        partner=decided.partner,
        revision=decided.revision,
        digest=decided.digest,
        entry=decided.entry,
        score=decided.score,
        correlation=event.correlationid,
        traceparent=event.traceparent,
        **_following(event),
    )


def on_submissions(entries: Entries) -> React:
    """What its partner took back is not released."""

    async def react(events: Sequence[Event]) -> None:
        await entries.handle(
            [
                Withdraw(
                    stream=event.subject,
                    correlation=event.correlationid,
                    traceparent=event.traceparent,
                    **_following(event),
                )
                for event in events
                if isinstance(event.data, SubmissionWithdrawn)
            ]
        )

    return react


def on_publishing(entries: Entries, releases: Releases) -> React:
    """Finish what a request may have left half done, and tell each entry that its release was published.

    No command carries a traceparent: each entry's own trace goes on, not its release's.
    """

    async def react(events: Sequence[Event]) -> None:
        asking = [event for event in events if isinstance(event.data, EntryScheduled | EntryWithdrawn)]
        held = await scheduled(entries.collection, {event.subject for event in asking})
        await releases.handle([command for event in asking for command in _ask(event, held.get(event.subject))])
        await entries.handle([command for event in events for command in _tell(event)])

    return react


def _ask(event: Event, entry: CatalogueEntry | None) -> Iterable[Add | Remove]:
    """What the event asks of a release; nothing once the entry is scheduled no more, for then it was answered."""
    if entry is None or entry.edition is None:
        return
    match event.data:
        case EntryScheduled(release=release) if release == entry.edition.release:
            yield Add(stream=release, line=line(event.subject, entry), **_following(event))
        case EntryWithdrawn():
            yield Remove(stream=entry.edition.release, entry=event.subject, **_following(event))
        case _:
            pass


def _tell(event: Event) -> Iterable[Unschedule | Publish]:
    """What a release's event tells its entries."""
    match event.data:
        case ReleaseEntryRefused(entry=entry) | ReleaseEntryRemoved(entry=entry):
            yield Unschedule(stream=entry, release=event.subject, **_following(event))
        case ReleasePublished(lines=lines):
            for listed in lines:
                yield Publish(stream=listed.entry, release=event.subject, **_following(event))
        case _:
            pass


def _following(event: Event) -> dict[str, Any]:
    """The fields of a command that follows from an event: its time is the event's."""
    return {"cause": event.ref, "actor": ACTOR, "at": event.time}
