"""A case: the review of one revision of one submission. Stream: `partner/reference@revision`.

The machine opens and checks it; reviewers claim it one at a time, and two who agree decide it.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, assert_never

from pydantic import BaseModel, ConfigDict

from schemas.entry import Entry
from schemas.envelope import Command, Decider, Refusal, State
from schemas.review import (
    CASE_FACTS,
    CRITERIA,
    REVIEWS_NEEDED,
    CaseChecked,
    CaseClaimed,
    CaseClosed,
    CaseConflictDeclared,
    CaseDecided,
    CaseFact,
    CaseOpened,
    CaseReleased,
    CaseReviewGiven,
    CheckFinding,
    Decision,
    Route,
    Verdict,
)

SCORES = range(6)
DECISIONS = {
    Verdict.APPROVE: Decision.APPROVED,
    Verdict.REQUEST_CHANGES: Decision.CHANGES_REQUESTED,
    Verdict.REJECT: Decision.REJECTED,
}

#: Why a command was answered with no, for people.
REFUSALS: dict[str, dict[str, str]] = {
    "case.unknown": {"zh": "没有这个案件。", "en": "There is no such case."},
    "case.decided": {"zh": "该案件已有决定。", "en": "This case has been decided."},
    "case.closed": {
        "zh": "该案件已结案：申报已撤回，或已有新修订。",
        "en": "This case is closed: the submission was withdrawn or has a newer revision.",
    },
    "case.own-partner": {
        "zh": "申报单位的人员不得评审本单位的案件。",
        "en": "The submitting partner’s own people do not review its cases.",
    },
    "case.conflict": {
        "zh": "您已申明与该案件有利益冲突。",
        "en": "You have declared a conflict of interest in this case.",
    },
    "case.reviewed": {"zh": "您已评审过该案件。", "en": "You have reviewed this case already."},
    "case.claimed": {"zh": "该案件已由他人领取。", "en": "Somebody else has claimed this case."},
    "case.not-held": {
        "zh": "您没有领取该案件，或领取已过期。请重新领取。",
        "en": "You do not hold this case, or your time ran out. Claim it again.",
    },
    "review.scores": {
        "zh": "请按每项标准打分，从 0 到 5 的整数。",
        "en": "Score every criterion, in whole numbers from 0 to 5.",
    },
    "review.comment": {
        "zh": "要求修改或不通过时，请写明理由，让申报单位知道如何改进。",
        "en": "To request changes or reject, say why, so that the partner knows what would mend it.",
    },
}


class Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Lease(Value):
    reviewer: str
    until: datetime


class Review(Value):
    reviewer: str
    scores: dict[str, int]
    verdict: Verdict
    comment: str


class Case(State):
    """`status` is empty before the case is opened. `left` counts the reviews it still waits for."""

    status: Literal["", "open", "decided", "closed"] = ""
    submission: str = ""
    revision: int = 0
    partner: str = ""
    digest: str = ""
    kind: str = ""
    entry: Entry | None = None
    previous: str | None = None
    received: datetime | None = None
    ruleset: str | None = None
    findings: tuple[CheckFinding, ...] = ()
    checked: int | None = None
    route: Route | None = None
    lease: Lease | None = None
    conflicts: tuple[str, ...] = ()
    reviews: tuple[Review, ...] = ()
    left: int = REVIEWS_NEEDED
    decision: Decision | None = None
    score: int | None = None
    reasons: tuple[str, ...] = ()
    decided: datetime | None = None
    closed: Literal["withdrawn", "superseded"] | None = None

    def reviewers(self) -> tuple[str, ...]:
        """Who has reviewed it, in order."""
        return tuple(review.reviewer for review in self.reviews)


@dataclass(frozen=True, kw_only=True)
class Open(Command):
    """Open the case of a revision, with what the checks found already worked out."""

    submission: str
    revision: int
    partner: str
    digest: str
    entry: Entry
    previous: str | None
    ruleset: str
    findings: tuple[CheckFinding, ...]
    score: int
    route: Route
    reasons: tuple[str, ...]  # what the partner is told where the route is `return`


@dataclass(frozen=True, kw_only=True)
class Claim(Command):
    """`partner` is whom the reviewer acts for, if anybody."""

    reviewer: str
    partner: str | None
    until: datetime


@dataclass(frozen=True, kw_only=True)
class Release(Command):
    reviewer: str


@dataclass(frozen=True, kw_only=True)
class DeclareConflict(Command):
    reviewer: str


@dataclass(frozen=True, kw_only=True)
class GiveReview(Command):
    reviewer: str
    partner: str | None
    scores: dict[str, int]
    verdict: Verdict
    comment: str


@dataclass(frozen=True, kw_only=True)
class Close(Command):
    reason: Literal["withdrawn", "superseded"]


CaseCommand = Open | Claim | Release | DeclareConflict | GiveReview | Close


def decide(case: Case, command: CaseCommand) -> tuple[CaseFact, ...] | Refusal:
    match command:
        case Open():
            return _open(command) if not case.status else ()
        case Close(reason=reason):
            if not case.status:
                return Refusal("case.unknown")
            return (CaseClosed(reason=reason),) if case.status == "open" else ()
    if case.status != "open":
        return Refusal(f"case.{case.status or 'unknown'}")
    match command:
        case Claim():
            return _claim(case, command)
        case Release(reviewer=reviewer):
            if not _holds(case, reviewer):
                return Refusal("case.not-held")
            return (CaseReleased(reviewer=reviewer, reason="given-back"),)
        case DeclareConflict(reviewer=reviewer):
            return _declare_conflict(case, reviewer)
        case GiveReview():
            return _give_review(case, command)
        case _:
            assert_never(command)


def _open(command: Open) -> tuple[CaseFact, ...]:
    opened = CaseOpened(
        submission=command.submission,
        revision=command.revision,
        partner=command.partner,
        digest=command.digest,
        entry=command.entry,
        previous=command.previous,
        received=command.at,
    )
    checked = CaseChecked(
        ruleset=command.ruleset,
        findings=command.findings,
        score=command.score,
        route=Route.RETURN if command.route is Route.RETURN else Route.ORDINARY,
        lane=command.route,
    )
    if command.route is not Route.RETURN:
        return opened, checked
    case = evolve(Case(), opened)
    return opened, checked, _decided(case, Decision.CHANGES_REQUESTED, None, command.reasons, command.at)


def _claim(case: Case, command: Claim) -> tuple[CaseFact, ...] | Refusal:
    if barred := _barred(case, command.reviewer, command.partner):
        return barred
    claimed = CaseClaimed(reviewer=command.reviewer, until=command.until)
    match case.lease:
        case None:
            return (claimed,)
        case Lease(reviewer=holder, until=until) if until > command.at:
            held = {"reviewer": holder, "until": until.isoformat()}
            return () if holder == command.reviewer else Refusal("case.claimed", held)
        case Lease(reviewer=holder):
            return CaseReleased(reviewer=holder, reason="lease-ran-out"), claimed


def _declare_conflict(case: Case, reviewer: str) -> tuple[CaseFact, ...] | Refusal:
    if reviewer in case.conflicts:
        return ()
    if reviewer in case.reviewers():
        return Refusal("case.reviewed")
    declared = CaseConflictDeclared(reviewer=reviewer)
    return (CaseReleased(reviewer=reviewer, reason="given-back"), declared) if _holds(case, reviewer) else (declared,)


def _give_review(case: Case, command: GiveReview) -> tuple[CaseFact, ...] | Refusal:
    if barred := _barred(case, command.reviewer, command.partner):
        return barred
    # A lease that ran out still counts while nobody took the case over: what was written is not thrown away.
    if not _holds(case, command.reviewer):
        return Refusal("case.not-held")
    criteria = CRITERIA[case.kind]
    if command.scores.keys() != criteria.keys() or any(score not in SCORES for score in command.scores.values()):
        return Refusal("review.scores", {"criteria": [*criteria]})
    if command.verdict is not Verdict.APPROVE and not command.comment.strip():
        return Refusal("review.comment")
    given = CaseReviewGiven(
        reviewer=command.reviewer,
        scores={name: command.scores[name] for name in criteria},
        verdict=command.verdict,
        comment=command.comment.strip(),
    )
    reviews = evolve(case, given).reviews
    decision = outcome(tuple(review.verdict for review in reviews))
    if decision is None:
        return (given,)
    reasons = tuple(review.comment for review in reviews if review.comment and _speaks_for(review, decision))
    return given, _decided(case, decision, score(case.kind, reviews), reasons, command.at)


def _speaks_for(review: Review, decision: Decision) -> bool:
    """Whether a review's comment belongs to the decision's reasons: where all differed, all do."""
    return decision is Decision.CHANGES_REQUESTED or DECISIONS[review.verdict] is decision


def _barred(case: Case, reviewer: str, partner: str | None) -> Refusal | None:
    """What keeps a reviewer from this case for good."""
    if partner == case.partner:
        return Refusal("case.own-partner")
    if reviewer in case.conflicts:
        return Refusal("case.conflict")
    if reviewer in case.reviewers():
        return Refusal("case.reviewed")
    return None


def _holds(case: Case, reviewer: str) -> bool:
    return case.lease is not None and case.lease.reviewer == reviewer


def _decided(case: Case, decision: Decision, score: int | None, reasons: tuple[str, ...], at: datetime) -> CaseDecided:
    assert case.entry is not None
    return CaseDecided(
        submission=case.submission,
        revision=case.revision,
        partner=case.partner,
        digest=case.digest,
        decision=decision,
        score=score,
        reasons=reasons,
        entry=case.entry,
        decided=at,
    )


def outcome(verdicts: tuple[Verdict, ...]) -> Decision | None:
    """What reviews decide together; None where they do not yet.

    Two that agree decide. One more than that without two that agree means that all differ: then changes are asked for.
    """
    if not verdicts:
        return None
    verdict, count = Counter(verdicts).most_common(1)[0]
    if count >= REVIEWS_NEEDED:
        return DECISIONS[verdict]
    return Decision.CHANGES_REQUESTED if len(verdicts) > REVIEWS_NEEDED else None


def score(kind: str, reviews: tuple[Review, ...]) -> int:
    """The mean of the reviews' weighted scores, 0–100, rounded half up."""
    fifths = sum(weight * review.scores[name] for review in reviews for name, weight in CRITERIA[kind].items())
    full = 5 * len(reviews)
    return (2 * fifths + full) // (2 * full)


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
                    "entry": fact.entry,
                    "previous": fact.previous,
                    "received": fact.received,
                }
            )
        case CaseChecked(ruleset=ruleset, findings=findings, score=checked, route=route, lane=lane):
            return case.model_copy(
                update={"ruleset": ruleset, "findings": findings, "checked": checked, "route": lane or route}
            )
        case CaseClaimed(reviewer=reviewer, until=until):
            return case.model_copy(update={"lease": Lease(reviewer=reviewer, until=until)})
        case CaseReleased():
            return case.model_copy(update={"lease": None})
        case CaseConflictDeclared(reviewer=reviewer):
            return case.model_copy(update={"conflicts": (*case.conflicts, reviewer)})
        case CaseReviewGiven():
            review = Review(reviewer=fact.reviewer, scores=fact.scores, verdict=fact.verdict, comment=fact.comment)
            reviews = (*case.reviews, review)
            # The first is followed by a second; the second, where it does not decide, by a third.
            left = max(1, REVIEWS_NEEDED - len(reviews))
            return case.model_copy(update={"reviews": reviews, "left": left, "lease": None})
        case CaseDecided():
            return case.model_copy(
                update={
                    "status": "decided",
                    "decision": fact.decision,
                    "score": fact.score,
                    "reasons": fact.reasons,
                    "decided": fact.decided,
                    "left": 0,
                    "lease": None,
                }
            )
        case CaseClosed(reason=reason):
            return case.model_copy(update={"status": "closed", "closed": reason, "left": 0, "lease": None})
        case _:
            assert_never(fact)


CASES: Decider[Case, CaseCommand, CaseFact] = Decider("case", "review", "cases", Case, CASE_FACTS, decide, evolve)
DECIDERS = (CASES,)
