"""Assigning: a case is kept for a reviewer, until a moment or until it is taken off."""

from dataclasses import dataclass
from datetime import datetime

from review.domain.barred import barred
from review.domain.case import Case
from schemas.envelope import Command, Refusal
from schemas.review import CaseAssigned, CaseFact, CaseUnassigned


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


def assign(case: Case, command: Assign) -> tuple[CaseFact, ...] | Refusal:
    if kept := barred(case, command.reviewer, command.partner, command.conflicts, command.expert):
        return kept
    others = [each for each in case.assignments if each.reviewer != command.reviewer and each.runs(command.at)]
    if len(others) >= case.left:
        return Refusal("case.assigned", {"reviewers": [each.reviewer for each in others]})
    return (CaseAssigned(reviewer=command.reviewer, until=command.until, reasons=command.reasons),)


def unassign(case: Case, command: Unassign) -> tuple[CaseFact, ...]:
    assigned = any(each.reviewer == command.reviewer for each in case.assignments)
    return (CaseUnassigned(reviewer=command.reviewer),) if assigned else ()
