"""Commands in any order: whatever people do, the rules of a case hold."""

from dataclasses import dataclass
from datetime import timedelta

from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st

from review.domain import CaseCommand, Close
from review.domain.acts import LodgeAppeal, decide
from review.domain.case import evolve
from review.domain.lease import LEASE, LONGEST, Lease
from review.domain.outcome import PANEL, outcome
from review.domain.refusals import REFUSALS
from schemas.envelope import Refusal
from schemas.review import (
    CaseAppealed,
    CaseClaimed,
    CaseClosed,
    CaseDecided,
    CaseExtended,
    CaseFact,
    CaseReleased,
    CaseReviewGiven,
    CaseReviewWithdrawn,
    Route,
    Verdict,
)
from tests.review.acts import (
    OPENED,
    assigning,
    by,
    checked,
    claim,
    conflicting,
    extending,
    given,
    giving,
    leaving,
    opening,
    releasing,
    taking_back,
)
from tests.review.entries import AT, OTHER, OWN

PEOPLE = {"li": None, "wang": None, "zhao": OTHER, "sun": None, "qian": OWN}


@dataclass(frozen=True)
class Step:
    """Somebody's act, some minutes after the one before."""

    act: str
    reviewer: str
    verdict: Verdict
    minutes: int

    def command(self, minute: int) -> CaseCommand:
        match self.act:
            case "claim":
                return claim(self.reviewer, minute, PEOPLE[self.reviewer])
            case "release":
                return releasing(self.reviewer)
            case "conflict":
                return conflicting(self.reviewer)
            case "extend":
                return extending(self.reviewer, minute)
            case "leave":
                return leaving(self.reviewer, minute)
            case "undo":
                return taking_back(self.reviewer, minute)
            case "assign":
                return assigning(self.reviewer, minute)
            case "appeal":
                return LodgeAppeal(**by("user:operator", minute), by="partner", reason="why")
            case "close":
                return Close(**by("service:review"), reason="withdrawn")
            case "open":
                return opening()
            case _:
                why = "why" if self.verdict is not Verdict.APPROVE else ""
                return giving(self.reviewer, self.verdict, why, minutes=minute, partner=PEOPLE[self.reviewer])


ACTS = (
    *(
        "claim",
        "claim",
        "claim",
        "claim",
        "review",
        "review",
        "review",
        "review",
        "release",
        "conflict",
        "open",
        "close",
    ),
    *("extend", "leave", "undo", "assign", "appeal"),
)
STEPS = st.lists(
    st.builds(
        Step, st.sampled_from(ACTS), st.sampled_from([*PEOPLE]), st.sampled_from(list(Verdict)), st.integers(0, 20)
    ),
    max_size=40,
)


@any_of(STEPS, st.sampled_from([Route.ORDINARY, Route.EXPRESS]))
@settings(max_examples=500, deadline=None)
def test_whatever_the_order_of_commands_the_rules_hold(steps: list[Step], route: Route) -> None:
    opening_facts: tuple[CaseFact, ...] = (OPENED, checked(route))
    case, minute, facts = given(*opening_facts), 0, list[CaseFact](opening_facts)
    live: Lease | None = None
    since_appeal: list[Verdict] = []
    standing: set[str] = set()
    for step in steps:
        minute += step.minutes
        at = AT + timedelta(minutes=minute)
        answer = decide(case, step.command(minute))
        if isinstance(answer, Refusal):
            assert answer.rule in REFUSALS
            continue
        for fact in answer:
            match fact:
                case CaseClaimed(reviewer=reviewer, until=until, since=since):
                    assert live is None or live.until <= at, "two live leases"
                    live = Lease(reviewer=reviewer, until=until, since=since)
                case CaseExtended(reviewer=reviewer, until=until):
                    assert live and live.reviewer == reviewer and until <= at + LEASE
                    assert live.since and until <= live.since + LONGEST
                    live = Lease(reviewer=reviewer, until=until, since=live.since)
                case CaseReviewGiven(reviewer=reviewer, verdict=verdict):
                    assert reviewer not in standing and reviewer not in case.conflicts and reviewer != "qian"
                    standing.add(reviewer)
                    since_appeal.append(verdict)
                    live = None
                case CaseReviewWithdrawn(reviewer=reviewer):
                    standing.remove(reviewer)
                    since_appeal.pop()
                case CaseDecided(decision=decision):
                    assert isinstance(facts[-1], CaseReviewGiven)
                    assert decision == outcome(tuple(since_appeal), case.route or route)
                case CaseAppealed():
                    since_appeal, route = [], Route.ORDINARY
                case CaseReleased() | CaseClosed():
                    live = None
            facts.append(fact)
            case = evolve(case, fact)
            assert set(case.reviewers()) == standing
        assert len(since_appeal) <= PANEL
        settled = outcome(tuple(since_appeal), case.route or route) is not None
        assert settled == (case.status == "decided") or case.status == "closed", (
            "a decision is made as soon as it can be"
        )
