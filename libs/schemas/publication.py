"""Facts of the publishing service: the entries of the catalogue and the monthly releases."""

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from schemas.entry import Entry, Name
from schemas.envelope import Fact

#: What one month releases, and what the programme as a whole does.
MONTHLY = {"scene": 100, "product": 100}
PROGRAMME = {"scene": 1000, "product": 1000}

# An entry. Stream: `partner/reference`.


class EntryQueued(Fact):
    """Approved, and waiting for a release (or, once published, for a correction).

    `since` is when the review decided: waiting is counted from there. `score` is the review's, 0–100.
    """

    TYPE: ClassVar[str] = "entry.queued.v1"
    case: str
    partner: str
    revision: int
    digest: str
    entry: Entry
    since: datetime | None = None
    score: int | None = None


class EntryWithdrawn(Fact):
    """The partner took it back before it was published. A scheduled one leaves its release, unless that is frozen."""

    TYPE: ClassVar[str] = "entry.withdrawn.v1"


class EntryScheduled(Fact):
    """Edition `edition`, with the content that is queued now, will be part of `release`."""

    TYPE: ClassVar[str] = "entry.scheduled.v1"
    release: str
    edition: int


class EntryUnscheduled(Fact):
    """It is not part of `release` after all, and waits again."""

    TYPE: ClassVar[str] = "entry.unscheduled.v1"
    release: str


class EntryPublished(Fact):
    """Carries the edition's content as the public sees it, for those who tell of it."""

    TYPE: ClassVar[str] = "entry.published.v1"
    release: str
    edition: int
    partner: str
    digest: str
    entry: Entry
    published_at: datetime | None = None


class EntryCorrected(Fact):
    """A later approved revision took the place of the edition before, which stays in the history."""

    TYPE: ClassVar[str] = "entry.corrected.v1"
    edition: int
    partner: str
    digest: str
    entry: Entry
    corrected_at: datetime | None = None


class EntryRetracted(Fact):
    """No longer public, for a reason that stays public."""

    TYPE: ClassVar[str] = "entry.retracted.v1"
    reason: str
    retracted_at: datetime | None = None


EntryFact = (
    EntryQueued | EntryWithdrawn | EntryScheduled | EntryUnscheduled | EntryPublished | EntryCorrected | EntryRetracted
)
ENTRY_FACTS = (
    EntryQueued,
    EntryWithdrawn,
    EntryScheduled,
    EntryUnscheduled,
    EntryPublished,
    EntryCorrected,
    EntryRetracted,
)

# A release. Stream: `YYYY-MM`.


class ManifestLine(BaseModel):
    """One entry of a release: enough to say what it is, and the digest that fixes what it says."""

    model_config = ConfigDict(frozen=True)

    entry: str
    edition: int
    kind: Literal["scene", "product", "linkage"]
    sector: str | None
    partner: str
    title: Name
    digest: str


class ReleaseOpened(Fact):
    """`targets`: entries of each kind that the month must hold to be frozen, and at most may hold."""

    TYPE: ClassVar[str] = "release.opened.v1"
    targets: dict[str, int]


class ReleaseEntryAdded(Fact):
    """The month holds this entry."""

    TYPE: ClassVar[str] = "release.entry-added.v1"
    line: ManifestLine


class ReleaseEntryRefused(Fact):
    """A scheduled entry came too late, or one too many. A fact, so that whoever asks again for the same scheduling is
    told the same, even if a place has become free meanwhile: the entry leaves the release on the strength of it."""

    TYPE: ClassVar[str] = "release.entry-refused.v1"
    entry: str
    edition: int
    rule: Literal["release.full", "release.frozen"]


class ReleaseEntryRemoved(Fact):
    """The month holds it no longer."""

    TYPE: ClassVar[str] = "release.entry-removed.v1"
    entry: str


class ReleaseFrozen(Fact):
    """`manifest` is the SHA-256 of the canonical form of all lines, in the order of their entry ids."""

    TYPE: ClassVar[str] = "release.frozen.v1"
    manifest: str


class ReleasePublished(Fact):
    """From this one write on, every entry of the manifest is visible, and before it none is."""

    TYPE: ClassVar[str] = "release.published.v1"
    manifest: str
    lines: tuple[ManifestLine, ...]
    published_at: datetime | None = None


ReleaseFact = (
    ReleaseOpened | ReleaseEntryAdded | ReleaseEntryRefused | ReleaseEntryRemoved | ReleaseFrozen | ReleasePublished
)
RELEASE_FACTS = (
    ReleaseOpened,
    ReleaseEntryAdded,
    ReleaseEntryRefused,
    ReleaseEntryRemoved,
    ReleaseFrozen,
    ReleasePublished,
)
