"""Reviewing: a review is given, or taken back within seconds; and the decision that reviews lead to."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from review.domain.barred import barred
from review.domain.case import Case, Review, evolve
from review.domain.claiming import holds
from review.domain.outcome import DECISIONS, outcome, score
from schemas.envelope import Command, Refusal
from schemas.review import (
    CRITERIA,
    CaseClaimed,
    CaseDecided,
    CaseFact,
    CaseReviewGiven,
    CaseReviewWithdrawn,
    Decision,
    Reason,
    Verdict,
)

SCORES = range(6)
#: Characters of a comment, or of an appeal's reason: ten pages. What a decision puts together still is a message.
LONGEST = 20_000
#: How long a review may be taken back, and how long others' reviews stay hidden from who gave it.
UNDO = timedelta(seconds=15)


@dataclass(frozen=True, kw_only=True)
class GiveReview(Command):
    reviewer: str
    partner: str | None
    conflicts: tuple[str, ...] = ()
    expert: bool = False
    scores: dict[str, int]
    verdict: Verdict
    comment: str


@dataclass(frozen=True, kw_only=True)
class WithdrawReview(Command):
    """Take back one's review, and hold the case again until then if nobody else does."""

    reviewer: str
    until: datetime


def give_review(case: Case, command: GiveReview) -> tuple[CaseFact, ...] | Refusal:
    if kept := barred(case, command.reviewer, command.partner, command.conflicts, command.expert):
        return kept
    # A lease that ran out still counts while nobody took the case over: what was written is not thrown away.
    if not holds(case, command.reviewer):
        return Refusal("case.not-held")
    criteria = CRITERIA[case.kind]
    if command.scores.keys() != criteria.keys() or any(score not in SCORES for score in command.scores.values()):
        return Refusal("review.scores", {"criteria": [*criteria]})
    if command.verdict is not Verdict.APPROVE and not command.comment.strip():
        return Refusal("review.comment")
    if len(command.comment) > LONGEST:
        return Refusal("review.too-long")
    given = CaseReviewGiven(
        reviewer=command.reviewer,
        scores={name: command.scores[name] for name in criteria},
        verdict=command.verdict,
        comment=command.comment.strip(),
        given=command.at,
    )
    after = evolve(case, given)
    assert after.route is not None
    decision = outcome(after.verdicts(), after.route)
    if decision is None:
        return (given,)
    reasons = tuple(review.comment for review in after.reviews if review.comment and _speaks_for(review, decision))
    scored = score(case.kind, [review.scores for review in after.reviews])
    return given, decided(case, decision, scored, reasons, command.at)


def _speaks_for(review: Review, decision: Decision) -> bool:
    """Whether a review's comment belongs to the decision's reasons; who approved asked for no changes."""
    if decision is Decision.CHANGES_REQUESTED:
        return review.verdict is not Verdict.APPROVE
    return DECISIONS[review.verdict] is decision


def withdraw_review(case: Case, command: WithdrawReview) -> tuple[CaseFact, ...] | Refusal:
    last = case.reviews[-1] if case.reviews else None
    if last is None or last.reviewer != command.reviewer:
        return Refusal("case.undo-too-late")
    if last.given is None or command.at > last.given + UNDO:
        return Refusal("case.undo-too-late")
    withdrawn = CaseReviewWithdrawn(reviewer=command.reviewer)
    if case.lease and case.lease.runs(command.at):
        return (withdrawn,)
    return withdrawn, CaseClaimed(reviewer=command.reviewer, until=command.until, since=command.at)


def returned(case: Case, reasons: tuple[Reason, ...], at: datetime) -> CaseDecided:
    """The fact that the machine sends the case back, without a score."""
    texts = tuple(f"{reason.zh} {reason.en}" for reason in reasons)
    return decided(case, Decision.CHANGES_REQUESTED, None, texts, at).model_copy(update={"told": reasons})


def decided(case: Case, decision: Decision, score: int | None, reasons: tuple[str, ...], at: datetime) -> CaseDecided:
    """The fact that the case is decided."""
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
