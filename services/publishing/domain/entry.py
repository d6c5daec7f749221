"""An entry of the catalogue, from the day it is approved. Stream: `partner/reference`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, assert_never

from pydantic import BaseModel, ConfigDict

from schemas.entry import Entry, sector, without_contact
from schemas.envelope import Command, Decider, Refusal, State
from schemas.publication import (
    ENTRY_FACTS,
    EntryCorrected,
    EntryFact,
    EntryPublished,
    EntryQueued,
    EntryRetracted,
    EntryScheduled,
    EntryUnscheduled,
    EntryWithdrawn,
    ManifestLine,
)


class Content(BaseModel):
    """One approved revision: what it says, which case approved it, and since when it waits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    case: str
    revision: int
    digest: str
    sector: str | None
    entry: Entry
    since: datetime | None
    score: int | None


class Edition(Content):
    """Content under its number and release, fixed when it was scheduled: later revisions do not touch it.

    `published_at` is None until the entry's own stream has heard of its release's publication.
    """

    number: int
    release: str
    published_at: datetime | None


Status = Literal["new", "queued", "scheduled", "published", "retracted", "withdrawn"]


class CatalogueEntry(State):
    """`queued` waits for a release or, beside a published edition, for a correction."""

    status: Status = "new"
    kind: str | None = None
    partner: str | None = None
    queued: Content | None = None
    edition: Edition | None = None
    revision: int = 0  # the latest that was approved
    withdrawn: bool = False
    retracted_at: datetime | None = None
    reason: str | None = None  # of the retraction


@dataclass(frozen=True, kw_only=True)
class Queue(Command):
    """The review approved this revision."""

    case: str
    partner: str
    revision: int
    digest: str
    entry: Entry
    score: int | None = None


@dataclass(frozen=True, kw_only=True)
class Withdraw(Command):
    """The partner takes the submission back."""


@dataclass(frozen=True, kw_only=True)
class Schedule(Command):
    """Fix what is queued now as an edition of `release`."""

    release: str


@dataclass(frozen=True, kw_only=True)
class Unschedule(Command):
    """`release` has refused or removed the entry: it waits again."""

    release: str


@dataclass(frozen=True, kw_only=True)
class Publish(Command):
    """`release` was published, and this entry with it."""

    release: str


@dataclass(frozen=True, kw_only=True)
class Correct(Command):
    """Put the queued revision in the place of the published edition."""


@dataclass(frozen=True, kw_only=True)
class Retract(Command):
    reason: str


EntryCommand = Queue | Withdraw | Schedule | Unschedule | Publish | Correct | Retract
Answer = tuple[EntryFact, ...] | Refusal


def decide(state: CatalogueEntry, command: EntryCommand) -> Answer:
    """The facts that follow from a command, or the rule against it."""
    match command:
        case Queue():
            return _queue(state, command)
        case Withdraw():
            return _withdraw(state)
        case Schedule(release=release):
            return _schedule(state, release)
        case Unschedule(release=release):
            held = state.status == "scheduled" and state.edition and state.edition.release == release
            return (EntryUnscheduled(release=release),) if held else ()
        case Publish(release=release):
            return _publish(state, release, command.at)
        case Correct():
            return _correct(state, command.at)
        case Retract(reason=reason):
            if state.status == "retracted":
                return ()
            if state.status != "published":
                return Refusal("entry.not-published")
            return (EntryRetracted(reason=reason, retracted_at=command.at),)
        case _:
            assert_never(command)


def _queue(state: CatalogueEntry, command: Queue) -> Answer:
    if state.withdrawn or state.status == "retracted":
        return Refusal("entry.withdrawn" if state.withdrawn else "entry.retracted")
    if command.revision <= state.revision:
        return ()  # a later one was approved before
    return (
        EntryQueued(
            case=command.case,
            partner=command.partner,
            revision=command.revision,
            digest=command.digest,
            entry=without_contact(command.entry),
            since=command.at,
            score=command.score,
        ),
    )


def _withdraw(state: CatalogueEntry) -> Answer:
    if state.withdrawn:
        return ()
    if state.status in ("published", "retracted"):
        return Refusal("entry.published")
    # Also before any approval, which may be on its way: two services' topics come in no certain order.
    return (EntryWithdrawn(),)


def _schedule(state: CatalogueEntry, release: str) -> Answer:
    if state.status == "scheduled" and state.edition:
        held = state.edition.release
        return () if held == release else Refusal("entry.scheduled", {"release": held})
    if state.status != "queued":
        return Refusal("entry.published" if state.status == "published" else "entry.not-queued")
    return (EntryScheduled(release=release, edition=1),)


def _publish(state: CatalogueEntry, release: str, at: datetime) -> Answer:
    edition = state.edition
    if edition is None or edition.release != release:
        return Refusal("entry.not-scheduled")
    if state.status != "scheduled":
        return ()
    assert state.partner is not None
    return (
        EntryPublished(
            release=release,
            edition=edition.number,
            partner=state.partner,
            digest=edition.digest,
            entry=edition.entry,
            published_at=at,
        ),
    )


def _correct(state: CatalogueEntry, at: datetime) -> Answer:
    if state.status != "published" or state.edition is None or state.partner is None:
        return Refusal("entry.not-published")
    if state.queued is None:
        return Refusal("entry.nothing-to-correct")
    return (
        EntryCorrected(
            edition=state.edition.number + 1,
            partner=state.partner,
            digest=state.queued.digest,
            entry=state.queued.entry,
            corrected_at=at,
        ),
    )


def evolve(state: CatalogueEntry, fact: EntryFact) -> CatalogueEntry:
    """The entry after one more fact."""
    match fact:
        case EntryQueued():
            status = "queued" if state.status == "new" else state.status
            return _with(
                state,
                status=status,
                kind=fact.entry.kind,
                partner=fact.partner,
                queued=_content(fact),
                revision=fact.revision,
            )
        case EntryWithdrawn():
            if state.status == "scheduled":
                return _with(state, withdrawn=True)
            return _with(state, withdrawn=True, status="withdrawn", queued=None)
        case EntryScheduled(release=release, edition=number):
            return _with(state, status="scheduled", queued=None, edition=_edition(state.queued, number, release, None))
        case EntryUnscheduled():
            if state.withdrawn:
                return _with(state, status="withdrawn", queued=None, edition=None)
            return _with(state, status="queued", queued=state.queued or _waiting(state.edition), edition=None)
        case EntryPublished(published_at=at):
            assert state.edition is not None
            return _with(state, status="published", edition=state.edition.model_copy(update={"published_at": at}))
        case EntryCorrected(edition=number, corrected_at=at):
            assert state.edition is not None
            return _with(state, queued=None, edition=_edition(state.queued, number, state.edition.release, at))
        case EntryRetracted(reason=reason, retracted_at=at):
            return _with(state, status="retracted", queued=None, reason=reason, retracted_at=at)
        case _:
            assert_never(fact)


def line(stream: str, state: CatalogueEntry) -> ManifestLine:
    """The scheduled entry as its release lists it."""
    edition = state.edition
    assert edition is not None and state.partner is not None
    return ManifestLine(
        entry=stream,
        edition=edition.number,
        kind=edition.entry.kind,
        sector=edition.sector,
        partner=state.partner,
        title=edition.entry.title,
        digest=edition.digest,
    )


def _with(state: CatalogueEntry, **changes: object) -> CatalogueEntry:
    return state.model_copy(update=changes)


def _content(fact: EntryQueued) -> Content:
    return Content(
        case=fact.case,
        revision=fact.revision,
        digest=fact.digest,
        sector=sector(fact.entry),
        entry=fact.entry,
        since=fact.since,
        score=fact.score,
    )


def _edition(content: Content | None, number: int, release: str, at: datetime | None) -> Edition:
    assert content is not None
    return Edition(**_fields(content), number=number, release=release, published_at=at)


def _waiting(edition: Edition | None) -> Content:
    assert edition is not None
    return Content(**_fields(edition))


def _fields(content: Content) -> dict[str, object]:
    return {name: getattr(content, name) for name in Content.model_fields}


ENTRIES = Decider("entry", "publishing", "entries", CatalogueEntry, ENTRY_FACTS, decide, evolve)
