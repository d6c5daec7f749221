"""What may be asked of a case, and what follows.

The machine opens and checks it; reviewers claim it one at a time, and their reviews decide it by its route.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, assert_never

from review.domain.barred import barred
from review.domain.case import Case, Review, evolve
from review.domain.lease import STEP, Lease
from review.domain.outcome import DECISIONS, outcome, score
from schemas.entry import Entry
from schemas.envelope import Command, Decider, Refusal
from schemas.review import (
    CASE_FACTS,
    CRITERIA,
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
    Route,
    Verdict,
)

SCORES = range(6)
#: How long a review may be taken back, and how long others' reviews stay hidden from who gave it.
UNDO = timedelta(seconds=15)


@dataclass(frozen=True, kw_only=True)
class Open(Command):
    """Open the case of a revision, with what the checks found already worked out."""

    submission: str
    revision: int
    partner: str
    digest: str
    entry: Entry
    previous: str | None
    sole_reviewer: str | None = None
    ruleset: str
    findings: tuple[CheckFinding, ...]
    score: int
    route: Route
    reasons: tuple[str, ...]  # what the partner is told where the route is `return`


@dataclass(frozen=True, kw_only=True)
class Assign(Command):
    """`partner` is whom the reviewer acts for, if anybody; `conflicts` are other partners they may not judge."""

    reviewer: str
    partner: str | None = None
    conflicts: tuple[str, ...] = ()
    expert: bool = False
    until: datetime
    reasons: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Unassign(Command):
    reviewer: str


@dataclass(frozen=True, kw_only=True)
class Claim(Command):
    """`partner` is whom the reviewer acts for, if anybody; `conflicts` are other partners they may not judge."""

    reviewer: str
    partner: str | None
    conflicts: tuple[str, ...] = ()
    expert: bool = False
    until: datetime


@dataclass(frozen=True, kw_only=True)
class Extend(Command):
    """Hold the case until then, or as long as a lease can last."""

    reviewer: str
    until: datetime


@dataclass(frozen=True, kw_only=True)
class Leave(Command):
    """The holder has closed the page: hold it no longer than until then, unless they come back."""

    reviewer: str
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


@dataclass(frozen=True, kw_only=True)
class LodgeAppeal(Command):
    """An appeal against the decision, by the partner or by an operator."""

    by: Literal["partner", "operator"]
    reason: str


@dataclass(frozen=True, kw_only=True)
class Close(Command):
    reason: Literal["withdrawn", "superseded"]


CaseCommand = (
    Open
    | Assign
    | Unassign
    | Claim
    | Extend
    | Leave
    | Release
    | DeclareConflict
    | GiveReview
    | WithdrawReview
    | LodgeAppeal
    | Close
)


def decide(case: Case, command: CaseCommand) -> tuple[CaseFact, ...] | Refusal:
    match command:
        case Open():
            return _open(command) if not case.status else ()
        case Close(reason=reason):
            if not case.status:
                return Refusal("case.unknown")
            return (CaseClosed(reason=reason),) if case.status == "open" else ()
        case LodgeAppeal():
            return _lodge_appeal(case, command)
        case WithdrawReview() if case.status == "decided":
            return Refusal("case.undo-too-late")
    if case.status != "open":
        return Refusal(f"case.{case.status or 'unknown'}")
    match command:
        case Assign():
            return _assign(case, command)
        case Unassign(reviewer=reviewer):
            assigned = any(each.reviewer == reviewer for each in case.assignments)
            return (CaseUnassigned(reviewer=reviewer),) if assigned else ()
        case Claim():
            return _claim(case, command)
        case Extend():
            return _extend(case, command)
        case Leave(reviewer=reviewer, until=until):
            goes = _holds(case, reviewer) and case.lease and case.lease.until > until
            return (CaseExtended(reviewer=reviewer, until=until),) if goes else ()
        case Release(reviewer=reviewer):
            if not _holds(case, reviewer):
                return Refusal("case.not-held")
            return (CaseReleased(reviewer=reviewer, reason="given-back"),)
        case DeclareConflict(reviewer=reviewer):
            return _declare_conflict(case, reviewer)
        case GiveReview():
            return _give_review(case, command)
        case WithdrawReview():
            return _withdraw_review(case, command)
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
        sole_reviewer=command.sole_reviewer,
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


def _assign(case: Case, command: Assign) -> tuple[CaseFact, ...] | Refusal:
    if kept := barred(case, command.reviewer, command.partner, command.conflicts, command.expert):
        return kept
    others = [each for each in case.assignments if each.reviewer != command.reviewer and each.runs(command.at)]
    if len(others) >= case.left:
        return Refusal("case.assigned", {"reviewers": [each.reviewer for each in others]})
    return (CaseAssigned(reviewer=command.reviewer, until=command.until, reasons=command.reasons),)


def _claim(case: Case, command: Claim) -> tuple[CaseFact, ...] | Refusal:
    if kept := barred(case, command.reviewer, command.partner, command.conflicts, command.expert):
        return kept
    waited_for = {each.reviewer: each.until for each in case.assignments if each.runs(command.at)}
    if waited_for and command.reviewer not in waited_for:
        return Refusal("case.reserved", {"until": max(waited_for.values()).isoformat()})
    claimed = CaseClaimed(reviewer=command.reviewer, until=command.until, since=command.at)
    match case.lease:
        case None:
            return (claimed,)
        case Lease(reviewer=holder, until=until) as lease if lease.runs(command.at):
            held = {"reviewer": holder, "until": until.isoformat()}
            return () if holder == command.reviewer else Refusal("case.claimed", held)
        case Lease(reviewer=holder):
            return CaseReleased(reviewer=holder, reason="lease-ran-out"), claimed


def _extend(case: Case, command: Extend) -> tuple[CaseFact, ...] | Refusal:
    if case.lease is None or not _holds(case, command.reviewer):
        return Refusal("case.not-held")
    until = min(command.until, case.lease.last() or command.until)
    # One whose end lies beyond any lease that could be given now is set right, too.
    worthwhile = until - case.lease.until >= STEP or not case.lease.runs(command.at)
    return (CaseExtended(reviewer=command.reviewer, until=until),) if worthwhile and until > command.at else ()


def _declare_conflict(case: Case, reviewer: str) -> tuple[CaseFact, ...] | Refusal:
    if reviewer in case.conflicts:
        return ()
    if reviewer in case.reviewers():
        return Refusal("case.reviewed")
    declared = CaseConflictDeclared(reviewer=reviewer)
    return (CaseReleased(reviewer=reviewer, reason="given-back"), declared) if _holds(case, reviewer) else (declared,)


def _give_review(case: Case, command: GiveReview) -> tuple[CaseFact, ...] | Refusal:
    if kept := barred(case, command.reviewer, command.partner, command.conflicts, command.expert):
        return kept
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
        given=command.at,
    )
    after = evolve(case, given)
    assert after.route is not None
    decision = outcome(after.verdicts(), after.route)
    if decision is None:
        return (given,)
    reasons = tuple(review.comment for review in after.reviews if review.comment and _speaks_for(review, decision))
    scored = score(case.kind, [review.scores for review in after.reviews])
    return given, _decided(case, decision, scored, reasons, command.at)


def _speaks_for(review: Review, decision: Decision) -> bool:
    """Whether a review's comment belongs to the decision's reasons: where all differed, all do."""
    return decision is Decision.CHANGES_REQUESTED or DECISIONS[review.verdict] is decision


def _withdraw_review(case: Case, command: WithdrawReview) -> tuple[CaseFact, ...] | Refusal:
    last = case.reviews[-1] if case.reviews else None
    if last is None or last.reviewer != command.reviewer:
        return Refusal("case.undo-too-late")
    if last.given is None or command.at > last.given + UNDO:
        return Refusal("case.undo-too-late")
    withdrawn = CaseReviewWithdrawn(reviewer=command.reviewer)
    if case.lease and case.lease.runs(command.at):
        return (withdrawn,)
    return withdrawn, CaseClaimed(reviewer=command.reviewer, until=command.until, since=command.at)


def _lodge_appeal(case: Case, command: LodgeAppeal) -> tuple[CaseFact, ...] | Refusal:
    if case.status != "decided":
        return Refusal("case.unknown" if not case.status else "case.not-decided")
    if case.decision is Decision.APPROVED:
        return Refusal("case.approved")
    if not command.reason.strip():
        return Refusal("appeal.reason")
    return (CaseAppealed(by=command.by, reason=command.reason.strip()),)


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


CASES: Decider[Case, CaseCommand, CaseFact] = Decider("case", "review", "cases", Case, CASE_FACTS, decide, evolve)
