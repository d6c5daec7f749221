"""A case: the review of one revision of one submission. Stream: `partner/reference@revision`."""

from datetime import datetime
from typing import Literal, assert_never

from pydantic import BaseModel, ConfigDict

from review.domain.lease import Assignment, Lease
from review.domain.outcome import left
from schemas.entry import Entry, sector
from schemas.envelope import State
from schemas.review import (
    REVIEWS_NEEDED,
    CaseAppealed,
    CaseAssigned,
    CaseChecked,
    CaseClaimed,
    CaseClosed,
    CaseConflictDeclared,
    CaseDecided,
    CaseExtended,
    CaseFact,
    CaseOpened,
    CaseReleased,
    CaseReviewGiven,
    CaseReviewWithdrawn,
    CaseUnassigned,
    CheckFinding,
    Decision,
    Reason,
    Route,
    Verdict,
)


class Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Review(Value):
    reviewer: str
    scores: dict[str, int]
    verdict: Verdict
    comment: str
    given: datetime | None = None


class Appeal(Value):
    """An objection, and the decision it was against."""

    by: Literal["partner", "operator"]
    reason: str
    against: Decision


class Case(State):
    """`status` is empty before the case is opened. `left` counts the reviews it still waits for.

    `sector` is the entry's industry or theme. `reserved` is when the last of the assignments ends. `former` are the
    reviews of decisions that were appealed against. `sole_reviewer` is who alone reviewed the revision before. `closed`
    is why nothing more can come of it: a decided case whose submission is withdrawn stays decided.
    """

    status: Literal["", "open", "decided", "closed"] = ""
    submission: str = ""
    revision: int = 0
    partner: str = ""
    digest: str = ""
    kind: str = ""
    sector: str | None = None
    entry: Entry | None = None
    previous: str | None = None
    sole_reviewer: str | None = None
    received: datetime | None = None
    ruleset: str | None = None
    findings: tuple[CheckFinding, ...] = ()
    checked: int | None = None
    route: Route | None = None
    assignments: tuple[Assignment, ...] = ()
    reserved: datetime | None = None
    lease: Lease | None = None
    conflicts: tuple[str, ...] = ()
    reviews: tuple[Review, ...] = ()
    former: tuple[Review, ...] = ()
    appeals: tuple[Appeal, ...] = ()
    left: int = REVIEWS_NEEDED
    decision: Decision | None = None
    score: int | None = None
    reasons: tuple[str | Reason, ...] = ()
    decided: datetime | None = None
    closed: Literal["withdrawn", "superseded"] | None = None

    def reviewers(self) -> tuple[str, ...]:
        """Who has reviewed it, in order, those before an appeal first."""
        return tuple(review.reviewer for review in (*self.former, *self.reviews))

    def sole(self) -> str | None:
        """Who alone has reviewed it; None where several have, or nobody."""
        reviewers = set(self.reviewers())
        return reviewers.pop() if len(reviewers) == 1 else None

    def barred(self) -> frozenset[str]:
        """Those who may not review it, whatever the roster says of them."""
        return frozenset((*self.reviewers(), *self.conflicts, *([self.sole_reviewer] if self.sole_reviewer else [])))

    def verdicts(self) -> tuple[Verdict, ...]:
        return tuple(review.verdict for review in self.reviews)


def evolve(case: Case, fact: CaseFact) -> Case:
    match fact:
        case CaseOpened():
            return case.model_copy(
                update={
                    "status": "open",
                    "submission": fact.submission,
                    "revision": fact.revision,
                    "partner": fact.partner,
                    "digest": fact.digest,
                    "kind": fact.entry.kind,
                    "sector": sector(fact.entry),
                    "entry": fact.entry,
                    "previous": fact.previous,
                    "sole_reviewer": fact.sole_reviewer,
                    "received": fact.received,
                }
            )
        case CaseChecked():
            route = fact.lane or fact.route
            checked = {"ruleset": fact.ruleset, "findings": fact.findings, "checked": fact.score, "route": route}
            return case.model_copy(update=checked | {"left": left((), route)})
        case CaseAssigned():
            assignment = Assignment(reviewer=fact.reviewer, until=fact.until, reasons=fact.reasons)
            return _assigned(case, (*_others(case, fact.reviewer), assignment))
        case CaseUnassigned(reviewer=reviewer):
            return _assigned(case, _others(case, reviewer))
        case CaseClaimed():
            return case.model_copy(update={"lease": Lease(reviewer=fact.reviewer, until=fact.until, since=fact.since)})
        case CaseExtended(until=until):
            assert case.lease is not None
            return case.model_copy(update={"lease": case.lease.model_copy(update={"until": until})})
        case CaseReleased():
            return case.model_copy(update={"lease": None})
        case CaseConflictDeclared(reviewer=reviewer):
            barred = case.model_copy(update={"conflicts": (*case.conflicts, reviewer)})
            return _assigned(barred, _others(case, reviewer))
        case CaseReviewGiven():
            review = Review(
                reviewer=fact.reviewer,
                scores=fact.scores,
                verdict=fact.verdict,
                comment=fact.comment,
                given=fact.given,
            )
            case = _assigned(case.model_copy(update={"lease": None}), _others(case, fact.reviewer))
            return _reviewed(case, (*case.reviews, review))
        case CaseReviewWithdrawn(reviewer=reviewer):
            return _reviewed(case, tuple(review for review in case.reviews if review.reviewer != reviewer))
        case CaseDecided():
            return case.model_copy(
                update={
                    "status": "decided",
                    "decision": fact.decision,
                    "score": fact.score,
                    "reasons": fact.told or fact.reasons,
                    "decided": fact.decided,
                    "left": 0,
                    "lease": None,
                }
            )
        case CaseAppealed():
            return _appealed(case, fact)
        case CaseClosed(reason=reason) if case.status == "decided":
            return case.model_copy(update={"closed": reason})
        case CaseClosed(reason=reason):
            return case.model_copy(update={"status": "closed", "closed": reason, "left": 0, "lease": None})
        case _:
            assert_never(fact)


def _others(case: Case, reviewer: str) -> tuple[Assignment, ...]:
    return tuple(each for each in case.assignments if each.reviewer != reviewer)


def _assigned(case: Case, assignments: tuple[Assignment, ...]) -> Case:
    reserved = max((each.until for each in assignments), default=None)
    return case.model_copy(update={"assignments": assignments, "reserved": reserved})


def _reviewed(case: Case, reviews: tuple[Review, ...]) -> Case:
    """With these reviews; where they decide, the fact that says so comes next."""
    assert case.route is not None
    verdicts = tuple(review.verdict for review in reviews)
    return case.model_copy(update={"reviews": reviews, "left": max(1, left(verdicts, case.route))})


def _appealed(case: Case, fact: CaseAppealed) -> Case:
    assert case.decision is not None
    # Whatever way it went before, a decision that was objected to is made by two who agree.
    route = Route.EXPERTS if case.route is Route.EXPERTS else Route.ORDINARY
    return case.model_copy(
        update={
            "status": "open",
            "route": route,
            "former": (*case.former, *case.reviews),
            "reviews": (),
            "appeals": (*case.appeals, Appeal(by=fact.by, reason=fact.reason, against=case.decision)),
            "left": left((), route),
            "decision": None,
            "score": None,
            "reasons": (),
            "decided": None,
        }
    )
