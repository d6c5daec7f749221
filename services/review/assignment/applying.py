"""Assignments as somebody wishes them, carried out: all of them, or none and every fault at once."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from review.assignment.proposing import Available, hindered, reasons
from review.assignment.situation import situation, states
from review.assignment.words import hindrance
from review.desk import Desk, now
from review.domain import Case, CaseCommand
from review.domain.assigning import Assign, Unassign
from review.domain.lease import RESERVED
from web.languages import _
from web.people import Person, actor

#: Wishes at once: more than are kept on any day, so that all of them can be sent back as they were downloaded.
MAX_WISHES = 20_000


@dataclass(frozen=True)
class Wish:
    """A case for a reviewer; for nobody where `reviewer` is empty. `by_hand`: a person chose, not the machine.

    `row` is where the wish stands: in the file, the form or the list.
    """

    row: int
    case: str
    reviewer: str
    by_hand: bool = True


@dataclass(frozen=True)
class Fault:
    """What is wrong with a wish: in which field, and what to do."""

    row: int
    field: str
    text: str


@dataclass(frozen=True)
class Applied:
    """How many assignments are new, and how many were taken off; and what is wrong."""

    assigned: int = 0
    freed: int = 0
    faults: tuple[Fault, ...] = ()

    @property
    def written(self) -> bool:
        """Whether anything was changed."""
        return bool(self.assigned or self.freed)


async def assign(desk: Desk, me: Person, cause: str, wishes: Sequence[Wish]) -> Applied:
    """Keep each case named for just those whom its wishes name, for 24 hours from now. Other cases stay as they are.

    With any fault nothing is written. Should a case have moved on in the moment between, that one is named as a fault,
    and the others are assigned.
    """
    at = now()
    people = {each.who.sub: each for each in (await situation(desk, at)).reviewers}
    found = await states(desk.store.cases, {wish.case for wish in wishes})
    cases = {wish.case: found.get(wish.case, Case()) for wish in wishes}
    if faults := _faults(wishes, cases, people):
        return Applied(faults=tuple(faults))
    getting = Counter(wish.reviewer for wish in wishes if wish.reviewer)
    commands: list[tuple[Wish, CaseCommand]] = []
    by_case: dict[str, dict[str, Wish]] = {}
    for wish in wishes:
        by_case.setdefault(wish.case, {})[wish.reviewer] = wish
    for id, named in by_case.items():
        case = cases[id]
        first = next(iter(named.values()))
        has = {each.reviewer for each in case.assignments if each.runs(at)}
        for sub in sorted({each.reviewer for each in case.assignments} - named.keys()):
            commands.append((first, Unassign(**_by(id, me, f"{cause}:off:{sub}", at), reviewer=sub)))
        for sub in sorted(named.keys() - has - {""}):
            why = reasons(case, people[sub], people.values(), getting)
            codes = ("operator", *why) if named[sub].by_hand else why
            commands.append((named[sub], _assign(id, me, f"{cause}:{sub}", at, people[sub], codes)))
    outcomes = await desk.cases.handle([command for _wish, command in commands]) if commands else []
    done = Counter(type(command) for (_wish, command), outcome in zip(commands, outcomes, strict=True) if outcome.fresh)
    late = tuple(
        Fault(wish.row, "reviewer", _refused(outcome.refusal.rule, wish.reviewer, people))
        for (wish, _command), outcome in zip(commands, outcomes, strict=True)
        if outcome.refusal
    )
    return Applied(done[Assign], done[Unassign], late)


def _faults(wishes: Sequence[Wish], cases: Mapping[str, Case], people: Mapping[str, Available]) -> list[Fault]:
    faults: list[Fault] = []
    seen: dict[str, list[str]] = {}
    for wish in wishes:
        case, others = cases[wish.case], seen.setdefault(wish.case, [])
        if case.status != "open":
            faults.append(Fault(wish.row, "case", hindrance(f"case.{case.status or 'unknown'}")))
        elif wish.reviewer in others:
            faults.append(Fault(wish.row, "reviewer", _("The same stands in a row before.")))
        elif others and "" in (wish.reviewer, *others):
            faults.append(Fault(wish.row, "reviewer", _("Another row keeps this case for somebody, or for nobody.")))
        elif wish.reviewer and (rule := _hindered(case, wish.reviewer, people)):
            faults.append(Fault(wish.row, "reviewer", _refused(rule, wish.reviewer, people)))
        elif len(set(others)) >= case.left:
            most = _("This case waits for so many reviews: %(count)s. No more people can have it.")
            faults.append(Fault(wish.row, "reviewer", most % {"count": case.left}))
        others.append(wish.reviewer)
    return faults


def _hindered(case: Case, sub: str, people: Mapping[str, Available]) -> str | None:
    return hindered(case, people[sub]) if sub in people else "reviewer.unknown"


def _refused(rule: str, sub: str, people: Mapping[str, Available]) -> str:
    if rule in ("case.unknown", "case.decided", "case.closed", "case.assigned"):
        return hindrance(rule)
    called = people[sub].name if sub in people else sub
    return _("%(reviewer)s %(why)s. Choose somebody else.") % {"reviewer": called, "why": hindrance(rule)}


def _assign(id: str, me: Person, cause: str, at: datetime, reviewer: Available, codes: tuple[str, ...]) -> Assign:
    who = reviewer.who
    return Assign(
        **_by(id, me, cause, at),
        reviewer=who.sub,
        partner=who.partner,
        conflicts=who.conflicts,
        expert=who.expert,
        until=(at + RESERVED).replace(microsecond=0),
        reasons=codes,
    )


def _by(id: str, me: Person, cause: str, at: datetime) -> dict[str, Any]:
    # One cause takes effect in a stream only once, and a case may be kept for several: each has a cause of its own.
    return {"stream": id, "cause": cause, "actor": actor(me), "at": at}
