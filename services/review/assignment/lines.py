"""Proposals and assignments as lines: of a page, of a file, of JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from review.assignment.proposing import Available, Proposal, Unfilled, hindered
from review.assignment.situation import Kept
from review.assignment.words import hindrance, timed, why
from review.domain.case import Case
from schemas.envelope import Json
from web.languages import _, say

#: The CSV of assignments. Of what is uploaded, the first two count; the others are for whoever reads it.
COLUMNS: dict[str, dict[str, str]] = {
    "case": {"zh": "案件", "en": "Case"},
    "reviewer": {"zh": "账号", "en": "Account"},
    "name": {"zh": "姓名", "en": "Name"},
    "title": {"zh": "条目", "en": "Entry"},
    "why": {"zh": "分派理由", "en": "Why"},
}


@dataclass(frozen=True)
class Seat:
    """One review that a case waits for: who is proposed or chosen, empty for nobody, and the number of its field.

    `kept`: the case is kept for them already.
    """

    number: int
    reviewer: str
    shown: str
    why: str
    kept: bool = False


@dataclass(frozen=True)
class Line:
    """A case of the proposal. `may` and `may_not` are reviewers: (account, name, and how their day is used),
    and (account, name, why not).
    """

    id: str
    case: Case
    seats: tuple[Seat, ...]
    may: tuple[tuple[str, str, str], ...]
    may_not: tuple[tuple[str, str, str], ...]
    unfilled: tuple[str, ...]


def proposed(cases: Mapping[str, Case], reviewers: Sequence[Available], proposal: Proposal) -> list[Line]:
    """The proposal, a line for each case."""
    pairs: dict[str, list[tuple[str, str, bool]]] = {}
    for pair in proposal.pairs:
        said = _("Kept already: %(why)s") % {"why": why(pair.reasons)} if pair.kept else why(pair.reasons)
        pairs.setdefault(pair.case, []).append((pair.reviewer, said, pair.kept))
    empty = {each.case: each for each in proposal.unfilled}
    lines: list[Line] = []
    number = 0
    for id, case in cases.items():
        seats = []
        for sub, said, kept in [*pairs.get(id, []), *[("", "", False)] * (empty[id].seats if id in empty else 0)]:
            number += 1
            seats.append(Seat(number, sub, sub, said, kept))
        lines.append(line(id, case, tuple(seats), reviewers, unfilled(empty[id], reviewers) if id in empty else ()))
    return lines


def line(
    id: str, case: Case, seats: tuple[Seat, ...], reviewers: Sequence[Available], why_not: tuple[str, ...] = ()
) -> Line:
    """A case with who is chosen and who could be."""
    rules = [(each, hindered(case, each)) for each in sorted(reviewers, key=lambda each: each.name)]
    may = tuple((each.who.sub, each.name, timed(each)) for each, rule in rules if rule is None)
    may_not = tuple((each.who.sub, each.name, hindrance(rule)) for each, rule in rules if rule)
    return Line(id, case, seats, may, may_not, why_not)


def unfilled(empty: Unfilled, reviewers: Sequence[Available]) -> tuple[str, ...]:
    """Why nobody can take what is left of a case: whom each reason keeps from it, and how their day is used."""
    people = {each.who.sub: each for each in reviewers}
    by_rule: dict[str, list[str]] = {}
    for sub, rule in empty.why:
        by_rule.setdefault(rule, []).append(timed(people[sub]) if rule in ("no-time", "full") else people[sub].name)
    return tuple(hindrance(rule) + _(": ") + _(", ").join(found) for rule, found in by_rule.items())


def rows_of_proposal(lines: Sequence[Line]) -> list[dict[str, str]]:
    """The proposal as rows of CSV, one for each seat that is filled."""
    names = {sub: name for each in lines for sub, name, _said in (*each.may, *each.may_not)}
    return [
        {
            "case": each.id,
            "reviewer": seat.reviewer,
            "name": names.get(seat.reviewer, ""),
            "title": _title(each.case),
            "why": seat.why,
        }
        for each in lines
        for seat in each.seats
        if seat.reviewer
    ]


def rows_of_kept(found: Sequence[Kept], names: Mapping[str, str]) -> list[dict[str, str]]:
    """The present assignments as rows of CSV."""
    return [
        {
            "case": each.id,
            "reviewer": each.reviewer,
            "name": names.get(each.reviewer, ""),
            "title": say(each.title),
            "why": why(each.reasons),
        }
        for each in found
    ]


def _title(case: Case) -> str:
    """What the entry is called, in the language spoken."""
    return say(case.entry.title.model_dump()) if case.entry else ""


def as_json(proposal: Proposal, reviewers: Sequence[Available]) -> Json:
    """A proposal for programs: codes, and no texts."""
    return {
        "assignments": [
            {"case": pair.case, "reviewer": pair.reviewer, "reasons": pair.reasons, "kept": pair.kept}
            for pair in proposal.pairs
        ],
        "unfilled": [{"case": each.case, "seats": each.seats, "why": dict(each.why)} for each in proposal.unfilled],
        "reviewers": [
            {
                "reviewer": each.who.sub,
                "today_min": each.today_min,
                "used_min": round(each.used_min, 1),
                "has": each.load,
                "time_for": each.capacity,
            }
            for each in reviewers
        ],
    }
