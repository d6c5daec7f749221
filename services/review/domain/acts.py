"""What may be asked of a case, and what follows.

The machine opens and checks it; reviewers claim it one at a time, and their reviews decide it by its route. An appeal
opens it again; a newer revision closes it, and so does a withdrawal, after its decision too.
"""

from dataclasses import dataclass
from typing import Literal, assert_never

from review.domain.assigning import Assign, Unassign, assign, unassign
from review.domain.case import Case, evolve
from review.domain.claiming import (
    Claim,
    DeclareConflict,
    Extend,
    Leave,
    Release,
    claim,
    declare_conflict,
    extend,
    leave,
    release,
)
from review.domain.reviewing import LONGEST, GiveReview, WithdrawReview, give_review, returned, withdraw_review
from schemas.entry import Entry
from schemas.envelope import Command, Decider, Refusal
from schemas.review import (
    CASE_FACTS,
    CaseAppealed,
    CaseChecked,
    CaseClosed,
    CaseFact,
    CaseOpened,
    CheckFinding,
    Decision,
    Reason,
    Route,
)


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
    reasons: tuple[Reason, ...]  # what the partner is told where the route is `return`


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
            # A decision stays, whatever comes after it; that the submission is withdrawn ends what could be asked yet.
            ends = case.status == "open" or (case.status == "decided" and reason == "withdrawn")
            return (CaseClosed(reason=reason),) if ends and not case.closed else ()
        case LodgeAppeal():
            return _lodge_appeal(case, command)
        case WithdrawReview() if case.status == "decided":
            return Refusal("case.undo-too-late")
        case DeclareConflict(reviewer=reviewer) if case.status == "decided" and reviewer in case.reviewers():
            return Refusal("case.closed" if case.closed else "case.conflict-too-late")
    if case.status != "open":
        return Refusal(f"case.{case.status or 'unknown'}")
    match command:
        case Assign():
            return assign(case, command)
        case Unassign():
            return unassign(case, command)
        case Claim():
            return claim(case, command)
        case Extend():
            return extend(case, command)
        case Leave():
            return leave(case, command)
        case Release():
            return release(case, command)
        case DeclareConflict():
            return declare_conflict(case, command)
        case GiveReview():
            return give_review(case, command)
        case WithdrawReview():
            return withdraw_review(case, command)
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
    return opened, checked, returned(case, command.reasons, command.at)


def _lodge_appeal(case: Case, command: LodgeAppeal) -> tuple[CaseFact, ...] | Refusal:
    if case.status != "decided":
        return Refusal("case.unknown" if not case.status else "case.not-decided")
    if case.closed:
        return Refusal("case.closed")
    if case.decision is Decision.APPROVED:
        return Refusal("case.approved")
    if not command.reason.strip():
        return Refusal("appeal.reason")
    if len(command.reason) > LONGEST:
        return Refusal("appeal.too-long")
    return (CaseAppealed(by=command.by, reason=command.reason.strip()),)


CASES: Decider[Case, CaseCommand, CaseFact] = Decider("case", "review", "cases", Case, CASE_FACTS, decide, evolve)
