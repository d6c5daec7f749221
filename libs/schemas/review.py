"""Facts of the review service. A case's stream: `partner/reference@revision`."""

from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from schemas.entry import Entry, Industry, Theme
from schemas.envelope import Fact

#: What each kind is scored by, 0 to 5, with each criterion's weight in per cent (design, section 5).
CRITERIA: dict[str, dict[str, int]] = {
    "scene": {"facing-society": 35, "touching-the-future": 35, "linking-applications": 30},
    "product": {"hard-core-support": 40, "open-compatibility": 30, "unique-personality": 30},
    "linkage": {"evidence": 50, "benefit": 30, "repeatability": 20},
}
#: Concordant reviews that decide a case.
REVIEWS_NEEDED = 2


class Verdict(StrEnum):
    APPROVE = "approve"
    REQUEST_CHANGES = "request-changes"
    REJECT = "reject"


class Decision(StrEnum):
    APPROVED = "approved"
    CHANGES_REQUESTED = "changes-requested"
    REJECTED = "rejected"


class Route(StrEnum):
    """Where a case goes after the machine's checks."""

    RETURN = "return"  # back to the partner at once
    EXPRESS = "express"  # one approving review decides; any other verdict makes it an ordinary case
    ORDINARY = "ordinary"  # two concordant reviews decide
    EXPERTS = "experts"  # two concordant reviews by experts decide


class Likeness(StrEnum):
    """How one entry's text resembles another's."""

    EXACT = "exact"  # the same but for blanks, punctuation and capitals
    REARRANGED = "rearranged"  # its clauses or fields in another order
    FUZZY = "fuzzy"  # with words changed


class Reason(BaseModel):
    """Why a case was decided as it was, a sentence in each language."""

    model_config = ConfigDict(frozen=True)

    zh: str
    en: str


class CheckFinding(BaseModel):
    """What a check noticed. `weight` counts against the entry (0–100).

    Of near-duplicates: `resembles` names the other case, `similarity` is in per cent, `likeness` says how they are
    alike, and `alike` in which fields (JSON Pointers).
    """

    model_config = ConfigDict(frozen=True)

    rule: str
    pointer: str
    weight: int
    resembles: str | None = None
    similarity: int | None = None
    likeness: Likeness | None = None
    alike: tuple[str, ...] = ()


class CaseOpened(Fact):
    """`entry` is without contact. `previous` is the case of the revision before, where there was one.

    `received` is when the partner sent the revision: waiting is counted from there. `sole_reviewer` is who alone had
    reviewed the revision before.
    """

    TYPE: ClassVar[str] = "case.opened.v1"
    submission: str
    revision: int
    partner: str
    digest: str
    entry: Entry
    previous: str | None
    received: datetime | None = None
    sole_reviewer: str | None = None


class CaseChecked(Fact):
    """What the machine noticed, by which version of the rules, and where the case goes from here.

    `route` says whether people decide it (`ordinary`) or it goes back (`return`); `lane` says which of the four routes
    it is, and is absent from cases checked before there were four (docs/decisions/0012).
    """

    TYPE: ClassVar[str] = "case.checked.v1"
    ruleset: str
    findings: tuple[CheckFinding, ...]
    score: int  # 100 less the findings' weights, at least 0
    route: Literal[Route.ORDINARY, Route.RETURN]
    lane: Route | None = None


class CaseAssigned(Fact):
    """The case comes first for this reviewer, and to nobody else, until `until`; a later one takes its place.

    `reasons` say why this reviewer: `operator` where a person chose, `field`, `language`, `expert`, `load`,
    `no-conflict`.
    """

    TYPE: ClassVar[str] = "case.assigned.v1"
    reviewer: str
    until: datetime
    reasons: tuple[str, ...] = ()


class CaseUnassigned(Fact):
    """The case no longer waits for this reviewer."""

    TYPE: ClassVar[str] = "case.unassigned.v1"
    reviewer: str


class CaseClaimed(Fact):
    """A lease: `reviewer` alone may give the next review, until `until`. `since` is when it began."""

    TYPE: ClassVar[str] = "case.claimed.v1"
    reviewer: str
    until: datetime
    since: datetime | None = None


class CaseExtended(Fact):
    """The lease ends at `until` now: later where its holder is at work, sooner where they left the page."""

    TYPE: ClassVar[str] = "case.extended.v1"
    reviewer: str
    until: datetime


class CaseReleased(Fact):
    """The lease ended without a review; given back, too, where the roster no longer has its holder."""

    TYPE: ClassVar[str] = "case.released.v1"
    reviewer: str
    reason: Literal["given-back", "lease-ran-out"]


class CaseConflictDeclared(Fact):
    """The reviewer has an interest in it, and will not review it."""

    TYPE: ClassVar[str] = "case.conflict-declared.v1"
    reviewer: str


class CaseReviewGiven(Fact):
    """One review: a score of 0 to 5 for each criterion of the kind, and a verdict. It ends the lease."""

    TYPE: ClassVar[str] = "case.review-given.v1"
    reviewer: str
    scores: dict[str, int]
    verdict: Verdict
    comment: str
    given: datetime | None = None


class CaseReviewWithdrawn(Fact):
    """The reviewer took the last review, their own, back: within seconds, or for a conflict of interest."""

    TYPE: ClassVar[str] = "case.review-withdrawn.v1"
    reviewer: str


class CaseDecided(Fact):
    """Carries what publishing needs, so that nobody has to ask. `score` is the weighted mean of the reviews, 0–100.

    `told` are the reasons in each language, where the machine decided; `reasons` has both in one text, or is what
    reviewers wrote.
    """

    TYPE: ClassVar[str] = "case.decided.v1"
    submission: str
    revision: int
    partner: str
    digest: str
    decision: Decision
    score: int | None
    reasons: tuple[str, ...]
    entry: Entry
    decided: datetime | None = None
    told: tuple[Reason, ...] = ()


class CaseAppealed(Fact):
    """The decision was objected to: the case is open again, for reviewers who have not reviewed it."""

    TYPE: ClassVar[str] = "case.appealed.v1"
    by: Literal["partner", "operator"]
    reason: str


class CaseClosed(Fact):
    """No decision is needed any more: a newer revision came, or the submission was withdrawn. One made before stays."""

    TYPE: ClassVar[str] = "case.closed.v1"
    reason: Literal["withdrawn", "superseded"]


CASE_FACTS = (
    CaseOpened,
    CaseChecked,
    CaseAssigned,
    CaseUnassigned,
    CaseClaimed,
    CaseExtended,
    CaseReleased,
    CaseConflictDeclared,
    CaseReviewGiven,
    CaseReviewWithdrawn,
    CaseDecided,
    CaseAppealed,
    CaseClosed,
)
CaseFact = (
    CaseOpened
    | CaseChecked
    | CaseAssigned
    | CaseUnassigned
    | CaseClaimed
    | CaseExtended
    | CaseReleased
    | CaseConflictDeclared
    | CaseReviewGiven
    | CaseReviewWithdrawn
    | CaseDecided
    | CaseAppealed
    | CaseClosed
)

# --- The roster. A reviewer's stream: `reviewer/<subject>` -----------------------------------------------------


class Away(BaseModel):
    """Days on which a reviewer does not review, both included."""

    model_config = ConfigDict(frozen=True)

    first: date
    last: date


class Profile(BaseModel):
    """What a reviewer knows, may not judge, and has time for.

    `partner` is the USCC of whom they act for, if anybody; `conflicts` are those of other partners.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    industries: tuple[Industry, ...] = ()
    themes: tuple[Theme, ...] = ()
    languages: tuple[Literal["zh", "en"], ...] = ("zh",)
    expert: bool = False
    partner: str | None = None
    conflicts: tuple[str, ...] = ()
    minutes: tuple[int, int, int, int, int, int, int] = (0, 0, 0, 0, 0, 0, 0)  # for reviews, Monday to Sunday
    away: tuple[Away, ...] = ()


class ReviewerRegistered(Fact):
    """The reviewer is on the roster; again, where they were removed from it."""

    TYPE: ClassVar[str] = "reviewer.registered.v1"
    reviewer: str
    profile: Profile


class ReviewerChanged(Fact):
    """What is known of the reviewer is this now, as a whole."""

    TYPE: ClassVar[str] = "reviewer.changed.v1"
    profile: Profile


class ReviewerRemoved(Fact):
    """The reviewer reviews no more. The reviews they gave stand."""

    TYPE: ClassVar[str] = "reviewer.removed.v1"


REVIEWER_FACTS = (ReviewerRegistered, ReviewerChanged, ReviewerRemoved)
ReviewerFact = ReviewerRegistered | ReviewerChanged | ReviewerRemoved
