"""Claiming: a case is one reviewer's alone for a while; held longer, given back, or declined for a conflict."""

from dataclasses import dataclass
from datetime import datetime

from review.domain.barred import barred
from review.domain.case import Case
from review.domain.lease import STEP, Lease
from schemas.envelope import Command, Refusal
from schemas.review import (
    CaseClaimed,
    CaseConflictDeclared,
    CaseExtended,
    CaseFact,
    CaseReleased,
    CaseReviewWithdrawn,
)


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
    """Hold the case until then, or as long as a lease can last; the reviewer as in a claim."""

    reviewer: str
    partner: str | None
    conflicts: tuple[str, ...] = ()
    expert: bool = False
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


def claim(case: Case, command: Claim) -> tuple[CaseFact, ...] | Refusal:
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


def extend(case: Case, command: Extend) -> tuple[CaseFact, ...] | Refusal:
    # Before whether they hold it: who may not judge it any more holds it no more, and would be told to claim it again.
    if kept := barred(case, command.reviewer, command.partner, command.conflicts, command.expert):
        return kept
    if case.lease is None or not holds(case, command.reviewer):
        return Refusal("case.not-held")
    last = case.lease.last() or command.until
    until = min(command.until, last)
    # One whose end lies beyond any lease that could be given now is set right, too; and the last minutes are given,
    # however few: whoever asks for more time while there is some gets it.
    worthwhile = until - case.lease.until >= STEP or not case.lease.runs(command.at) or case.lease.until < until == last
    return (CaseExtended(reviewer=command.reviewer, until=until),) if worthwhile and until > command.at else ()


def leave(case: Case, command: Leave) -> tuple[CaseFact, ...]:
    goes = holds(case, command.reviewer) and case.lease and case.lease.until > command.until
    return (CaseExtended(reviewer=command.reviewer, until=command.until),) if goes else ()


def release(case: Case, command: Release) -> tuple[CaseFact, ...] | Refusal:
    if not holds(case, command.reviewer):
        return Refusal("case.not-held")
    return (CaseReleased(reviewer=command.reviewer, reason="given-back"),)


def declare_conflict(case: Case, command: DeclareConflict) -> tuple[CaseFact, ...] | Refusal:
    reviewer = command.reviewer
    if reviewer in case.conflicts:
        return ()
    declared = CaseConflictDeclared(reviewer=reviewer)
    if reviewer in case.reviewers():
        # Nobody has built on a review that is the last one: it is taken back, and counts no more.
        voided = takes_review_along(case, reviewer)
        return (CaseReviewWithdrawn(reviewer=reviewer), declared) if voided else Refusal("case.conflict-too-late")
    return (CaseReleased(reviewer=reviewer, reason="given-back"), declared) if holds(case, reviewer) else (declared,)


def takes_review_along(case: Case, reviewer: str) -> bool:
    """Whether a conflict of interest that they declare now takes their review back."""
    return bool(case.status == "open" and case.reviews) and case.reviews[-1].reviewer == reviewer


def holds(case: Case, reviewer: str) -> bool:
    """Whether they have it; a lease that ran out is theirs until somebody else takes the case."""
    return case.lease is not None and case.lease.reviewer == reviewer
