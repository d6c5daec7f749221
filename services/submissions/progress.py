"""Where a submission is after it was taken in: a projection of what review and publishing tell of it.

`evolve` is guarded by each upstream stream's sequence, so that repeats change nothing, and by revision, so that late
news of an older revision never turns a newer one back.
"""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from schemas.envelope import Event
from schemas.publication import (
    EntryCorrected,
    EntryPublished,
    EntryQueued,
    EntryRetracted,
    EntryScheduled,
    EntryUnscheduled,
    EntryWithdrawn,
)
from schemas.review import (
    CaseAppealed,
    CaseChecked,
    CaseClaimed,
    CaseClosed,
    CaseDecided,
    CaseOpened,
    CaseReleased,
    CaseReviewGiven,
    CaseReviewWithdrawn,
    Decision,
    Reason,
    Route,
)


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Step(_Model):
    """Something that happened to the submission: `what` is a word of web/words.py."""

    at: datetime
    what: str
    revision: int | None = None
    release: str | None = None
    edition: int | None = None
    score: int | None = None
    reasons: tuple[str | Reason, ...] = ()
    comments: tuple[str, ...] = ()


class Case(_Model):
    """The review of one revision. `comments` are the reviewers' own words, a text for each review, perhaps empty; their
    names are not kept here."""

    status: str
    reviews: int = 0
    comments: tuple[str, ...] = ()
    reasons: tuple[str | Reason, ...] = ()
    score: int | None = None


class Entry(_Model):
    """The submission in the catalogue: `revision` is the one queued last."""

    status: str
    revision: int
    release: str | None = None
    edition: int = 0
    published: bool = False


class Progress(_Model):
    """One submission. `seen` holds, by upstream stream, the sequence of the last event taken from it."""

    seen: dict[str, int] = {}
    cases: dict[int, Case] = {}
    entry: Entry | None = None
    steps: tuple[Step, ...] = ()

    @property
    def revision(self) -> int:
        """The newest revision that anybody upstream has told of; 0 for none."""
        return max(*self.cases, self.entry.revision if self.entry else 0, 0)

    @property
    def status(self) -> str:
        """Where that revision is."""
        if self.entry and self.entry.revision == self.revision:
            return self.entry.status
        case = self.cases.get(self.revision)
        return case.status if case else "received"

    @property
    def published(self) -> bool:
        """Whether the public sees an edition."""
        return self.entry is not None and self.entry.published


def submission_of(event: Event) -> str:
    """The submission an upstream event tells of: `uscc/reference`."""
    return event.subject.partition("@")[0]


def evolve(progress: Progress, event: Event) -> Progress:
    """The progress after one event of review or publishing; one seen before, or of no interest, changes nothing."""
    _, _, revision = event.subject.partition("@")
    key = f"case-{revision}" if revision else "entry"
    if event.sequence <= progress.seen.get(key, 0):
        return progress
    after = _case(progress, int(revision), event) if revision else _entry(progress, event)
    return after.model_copy(update={"seen": {**progress.seen, key: event.sequence}})


def _case(progress: Progress, revision: int, event: Event) -> Progress:
    case = progress.cases.get(revision, Case(status="opened"))
    step = Step(at=event.time, what=case.status, revision=revision)
    match event.data:
        case CaseOpened():
            return _with(progress, step, revision, case)
        case CaseChecked(route=route):
            waits = case.model_copy(update={"status": "open"} if route is not Route.RETURN else {})
            return _with(progress, step.model_copy(update={"what": "checked"}), revision, waits)
        case CaseClaimed():
            return _with(progress, None, revision, case.model_copy(update={"status": "in-review"}))
        case CaseReleased():
            status = "in-review" if case.reviews else "open"
            return _with(progress, None, revision, case.model_copy(update={"status": status}))
        case CaseReviewGiven(comment=comment):
            given = {"status": "in-review", "reviews": case.reviews + 1, "comments": (*case.comments, comment)}
            return _with(
                progress, step.model_copy(update={"what": "in-review"}), revision, case.model_copy(update=given)
            )
        case CaseReviewWithdrawn():
            left = {"status": "in-review", "reviews": case.reviews - 1, "comments": case.comments[:-1]}
            return _with(progress, None, revision, case.model_copy(update=left))
        case CaseAppealed(reason=reason):
            again = step.model_copy(update={"what": "appealed", "reasons": (reason,)})
            return _with(progress, again, revision, Case(status="open"))
        case CaseDecided(decision=decision, score=score):
            reasons = event.data.told or event.data.reasons
            decided = case.model_copy(update={"status": decision.value, "reasons": reasons, "score": score})
            # An approval asks nothing of the partner: the reviewers' words stay with the reviewers.
            comments = () if decision is Decision.APPROVED else tuple(filter(None, case.comments))
            told = {"what": decision.value, "reasons": reasons, "score": score, "comments": comments}
            return _with(progress, step.model_copy(update=told), revision, decided)
        case CaseClosed(reason=reason):
            return _with(
                progress, step.model_copy(update={"what": reason}), revision, case.model_copy(update={"status": reason})
            )
        case _:
            return progress


def _with(progress: Progress, step: Step | None, revision: int, case: Case) -> Progress:
    steps = (*progress.steps, step) if step else progress.steps
    return progress.model_copy(update={"cases": {**progress.cases, revision: case}, "steps": steps})


def _entry(progress: Progress, event: Event) -> Progress:
    entry = progress.entry or Entry(status="queued", revision=0)
    told: dict[str, Any]
    step: dict[str, Any]
    match event.data:
        case EntryQueued(revision=revision):
            told, step = {"status": "queued", "revision": revision, "release": None}, {"revision": revision}
        case EntryWithdrawn():
            told, step = {"status": "withdrawn"}, {}
        case EntryScheduled(release=release):
            told, step = {"status": "scheduled", "release": release}, {"release": release}
        case EntryUnscheduled(release=release):
            told, step = {"status": "queued", "release": None}, {"release": release, "what": "unscheduled"}
        case EntryPublished(release=release, edition=edition):
            told = {"status": "published", "release": release, "edition": edition, "published": True}
            step = {"release": release, "edition": edition}
        case EntryCorrected(edition=edition):
            told, step = {"status": "corrected", "edition": edition, "published": True}, {"edition": edition}
        case EntryRetracted(reason=reason):
            told, step = {"status": "retracted", "published": False}, {"reasons": (reason,)}
        case _:
            return progress
    happened = Step(at=event.time, **{"what": told["status"], "revision": entry.revision or None, **step})
    return progress.model_copy(update={"entry": entry.model_copy(update=told), "steps": (*progress.steps, happened)})
