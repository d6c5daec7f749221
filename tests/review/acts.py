"""Commands and facts of one case, for the domain's tests: who, when, and what they said."""

from datetime import timedelta
from typing import Any

from review.domain import Case, Open
from review.domain.assigning import Assign
from review.domain.case import evolve
from review.domain.claiming import Claim, DeclareConflict, Extend, Leave, Release
from review.domain.lease import LEASE, LEFT, RESERVED
from review.domain.reviewing import GiveReview, WithdrawReview
from schemas.entry import without_contact
from schemas.review import (
    CRITERIA,
    CaseChecked,
    CaseClaimed,
    CaseDecided,
    CaseFact,
    CaseOpened,
    CaseReviewGiven,
    CheckFinding,
    Decision,
    Reason,
    Route,
    Verdict,
)
from tests.review.entries import AT, OWN, scene

SUBMISSION = f"{OWN}/SC-1"
CASE = f"{SUBMISSION}@1"
ENTRY = without_contact(scene())
FOURS = dict.fromkeys(CRITERIA["scene"], 4)
UNTIL = AT + timedelta(minutes=30)
FINDING = CheckFinding(rule="scene.offers", pointer="/entry/offers", weight=15)


def opening(route: Route = Route.ORDINARY, score: int = 85, reasons: tuple[Reason, ...] = ()) -> Open:
    return Open(
        **by("service:review"),
        submission=SUBMISSION,
        revision=1,
        partner=OWN,
        digest="0" * 64,
        entry=ENTRY,
        previous=None,
        ruleset="2026-11",
        findings=(FINDING,),
        score=score,
        route=route,
        reasons=reasons,
    )


def by(actor: str, minutes: float = 0) -> dict[str, Any]:
    return {"stream": CASE, "cause": "test", "actor": actor, "at": AT + timedelta(minutes=minutes)}


def claim(reviewer: str = "li", minutes: float = 0, partner: str | None = None) -> Claim:
    until = UNTIL + timedelta(minutes=minutes)
    return Claim(**by(f"user:{reviewer}", minutes), reviewer=reviewer, partner=partner, until=until)


def giving(
    reviewer: str = "li",
    verdict: Verdict = Verdict.APPROVE,
    comment: str = "",
    scores: dict[str, int] | None = None,
    minutes: float = 0,
    partner: str | None = None,
) -> GiveReview:
    return GiveReview(
        **by(f"user:{reviewer}", minutes),
        reviewer=reviewer,
        partner=partner,
        scores=FOURS if scores is None else scores,
        verdict=verdict,
        comment=comment,
    )


def releasing(reviewer: str = "li") -> Release:
    return Release(**by(f"user:{reviewer}"), reviewer=reviewer)


def conflicting(reviewer: str = "li") -> DeclareConflict:
    return DeclareConflict(**by(f"user:{reviewer}"), reviewer=reviewer)


OPENED = CaseOpened(
    submission=SUBMISSION, revision=1, partner=OWN, digest="0" * 64, entry=ENTRY, previous=None, received=AT
)
CHECKED = CaseChecked(ruleset="2026-11", findings=(FINDING,), score=85, route=Route.ORDINARY, lane=Route.ORDINARY)
CLAIMED = CaseClaimed(reviewer="li", until=UNTIL, since=AT)


def reviewed(reviewer: str, verdict: Verdict, comment: str = "", minutes: float = 0) -> CaseReviewGiven:
    at = AT + timedelta(minutes=minutes)
    return CaseReviewGiven(reviewer=reviewer, scores=FOURS, verdict=verdict, comment=comment, given=at)


def decided(decision: Decision, score: int | None = 80, reasons: tuple[str, ...] = ()) -> CaseDecided:
    return CaseDecided(
        submission=SUBMISSION,
        revision=1,
        partner=OWN,
        digest="0" * 64,
        decision=decision,
        score=score,
        reasons=reasons,
        entry=ENTRY,
        decided=AT,
    )


def given(*facts: CaseFact) -> Case:
    case = Case()
    for fact in facts:
        case = evolve(case, fact)
    return case


def checked(route: Route) -> CaseChecked:
    return CHECKED.model_copy(update={"lane": route})


def claimed(reviewer: str, minutes: float = 0) -> CaseClaimed:
    at = AT + timedelta(minutes=minutes)
    return CaseClaimed(reviewer=reviewer, until=at + LEASE, since=at)


def extending(reviewer: str = "li", minutes: float = 0, **who: Any) -> Extend:
    until = AT + timedelta(minutes=minutes) + LEASE
    return Extend(**by(f"user:{reviewer}", minutes), reviewer=reviewer, until=until, **{"partner": None, **who})


def leaving(reviewer: str = "li", minutes: float = 0) -> Leave:
    return Leave(**by(f"user:{reviewer}", minutes), reviewer=reviewer, until=AT + timedelta(minutes=minutes) + LEFT)


def taking_back(reviewer: str = "li", minutes: float = 0) -> WithdrawReview:
    until = AT + timedelta(minutes=minutes) + LEASE
    return WithdrawReview(**by(f"user:{reviewer}", minutes), reviewer=reviewer, until=until)


def assigning(reviewer: str = "li", minutes: float = 0, **who: Any) -> Assign:
    until = AT + timedelta(minutes=minutes) + RESERVED
    return Assign(**by("user:operator", minutes), reviewer=reviewer, until=until, reasons=("field",), **who)
