"""Facts of the review service. A case's stream: `partner/reference@revision`."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from schemas.entry import Entry
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
    REARRANGED = "rearranged"  # its sentences or fields in another order
    FUZZY = "fuzzy"  # with words changed


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

    `received` is when the partner sent the revision: waiting is counted from there.
    """

    TYPE: ClassVar[str] = "case.opened.v1"
    submission: str
    revision: int
    partner: str
    digest: str
    entry: Entry
    previous: str | None
    received: datetime | None = None


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


class CaseClaimed(Fact):
    """A lease: `reviewer` alone may give the next review, until `until`."""

    TYPE: ClassVar[str] = "case.claimed.v1"
    reviewer: str
    until: datetime


class CaseReleased(Fact):
    """The lease ended without a review."""

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


class CaseDecided(Fact):
    """Carries what publishing needs, so that nobody has to ask. `score` is the weighted mean of the reviews, 0–100."""

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


class CaseClosed(Fact):
    """No decision is needed any more: a newer revision came, or the submission was withdrawn."""

    TYPE: ClassVar[str] = "case.closed.v1"
    reason: Literal["withdrawn", "superseded"]


CaseFact = (
    CaseOpened
    | CaseChecked
    | CaseClaimed
    | CaseReleased
    | CaseConflictDeclared
    | CaseReviewGiven
    | CaseDecided
    | CaseClosed
)
CASE_FACTS = (
    CaseOpened,
    CaseChecked,
    CaseClaimed,
    CaseReleased,
    CaseConflictDeclared,
    CaseReviewGiven,
    CaseDecided,
    CaseClosed,
)
