"""A case's decisions: given what happened, when somebody asks, then these facts, whole, or that refusal."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st

from review.domain import (
    REFUSALS,
    Case,
    CaseCommand,
    Claim,
    Close,
    DeclareConflict,
    GiveReview,
    Lease,
    Open,
    Release,
    Review,
    decide,
    evolve,
    outcome,
    score,
)
from schemas.entry import without_contact
from schemas.envelope import Refusal
from schemas.review import (
    CRITERIA,
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
from tests.review.entries import AT, OTHER, OWN, scene

SUBMISSION = f"{OWN}/SC-1"
CASE = f"{SUBMISSION}@1"
ENTRY = without_contact(scene())
FOURS = dict.fromkeys(CRITERIA["scene"], 4)
UNTIL = AT + timedelta(minutes=30)
FINDING = CheckFinding(rule="scene.offers", pointer="/entry/offers", weight=15)


def opening(route: Route = Route.ORDINARY, score: int = 85, reasons: tuple[str, ...] = ()) -> Open:
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
CLAIMED = CaseClaimed(reviewer="li", until=UNTIL)


def reviewed(reviewer: str, verdict: Verdict, comment: str = "") -> CaseReviewGiven:
    return CaseReviewGiven(reviewer=reviewer, scores=FOURS, verdict=verdict, comment=comment)


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


OPEN = (OPENED, CHECKED)


def test_an_opened_case_is_checked_in_the_same_write() -> None:
    assert decide(Case(), opening()) == (OPENED, CHECKED)


def test_a_hopeless_entry_goes_back_at_once_with_its_reasons() -> None:
    checked = CaseChecked(ruleset="2026-11", findings=(FINDING,), score=30, route=Route.RETURN, lane=Route.RETURN)
    assert decide(Case(), opening(Route.RETURN, 30, ("why",))) == (
        OPENED,
        checked,
        decided(Decision.CHANGES_REQUESTED, None, ("why",)),
    )


def test_a_case_is_opened_once() -> None:
    assert decide(given(*OPEN), opening()) == ()


def test_a_claim_is_a_lease() -> None:
    assert decide(given(*OPEN), claim()) == (CLAIMED,)
    assert given(*OPEN, CLAIMED).lease == Lease(reviewer="li", until=UNTIL)


def test_a_claim_of_what_one_holds_asks_for_nothing() -> None:
    assert decide(given(*OPEN, CLAIMED), claim(minutes=5)) == ()


def test_a_claimed_case_is_not_claimed_by_another() -> None:
    held = {"reviewer": "li", "until": UNTIL.isoformat()}
    assert decide(given(*OPEN, CLAIMED), claim("wang", minutes=29)) == Refusal("case.claimed", held)


def test_a_lease_that_ran_out_is_taken_over() -> None:
    assert decide(given(*OPEN, CLAIMED), claim("wang", minutes=30)) == (
        CaseReleased(reviewer="li", reason="lease-ran-out"),
        CaseClaimed(reviewer="wang", until=UNTIL + timedelta(minutes=30)),
    )


def test_a_case_is_given_back_by_its_holder_alone() -> None:
    case = given(*OPEN, CLAIMED)
    assert decide(case, releasing("wang")) == Refusal("case.not-held")
    assert decide(case, releasing()) == (CaseReleased(reviewer="li", reason="given-back"),)


def test_the_partners_own_people_neither_claim_nor_review() -> None:
    assert decide(given(*OPEN), claim(partner=OWN)) == Refusal("case.own-partner")
    assert decide(given(*OPEN, CLAIMED), giving(partner=OWN)) == Refusal("case.own-partner")
    assert decide(given(*OPEN), claim(partner=OTHER)) == (CLAIMED,)


def test_a_conflict_gives_the_case_back_and_bars_for_good() -> None:
    declared = CaseConflictDeclared(reviewer="li")
    released = CaseReleased(reviewer="li", reason="given-back")
    assert decide(given(*OPEN), conflicting()) == (declared,)
    assert decide(given(*OPEN, CLAIMED), conflicting()) == (released, declared)
    barred = given(*OPEN, CLAIMED, released, declared)
    assert decide(barred, conflicting()) == ()
    assert decide(barred, claim()) == Refusal("case.conflict")
    assert decide(barred, giving()) == Refusal("case.conflict")


def test_the_first_review_ends_the_lease_and_decides_nothing() -> None:
    facts = decide(given(*OPEN, CLAIMED), giving(comment="  well made "))
    assert facts == (reviewed("li", Verdict.APPROVE, "well made"),)
    case = given(*OPEN, CLAIMED, *facts)
    assert (case.lease, case.left, case.reviewers()) == (None, 1, ("li",))


def test_a_reviewer_reviews_a_case_once() -> None:
    case = given(*OPEN, CLAIMED, reviewed("li", Verdict.APPROVE))
    assert decide(case, claim()) == Refusal("case.reviewed")
    assert decide(case, giving()) == Refusal("case.reviewed")
    assert decide(case, conflicting()) == Refusal("case.reviewed")


def test_two_who_agree_decide_in_the_same_write() -> None:
    case = given(*OPEN, CLAIMED, reviewed("li", Verdict.REJECT, "a"), CaseClaimed(reviewer="wang", until=UNTIL))
    assert decide(case, giving("wang", Verdict.REJECT, "b")) == (
        reviewed("wang", Verdict.REJECT, "b"),
        decided(Decision.REJECTED, 80, ("a", "b")),
    )


def test_where_two_differ_a_third_decides_and_only_its_side_is_told() -> None:
    differing = (reviewed("li", Verdict.APPROVE, "good"), reviewed("wang", Verdict.REJECT, "bad"))
    case = given(*OPEN, CLAIMED, *differing)
    assert (case.status, case.left) == ("open", 1)
    assert decide(evolve(case, CaseClaimed(reviewer="zhao", until=UNTIL)), giving("zhao")) == (
        reviewed("zhao", Verdict.APPROVE),
        decided(Decision.APPROVED, 80, ("good",)),
    )


def test_three_who_all_differ_ask_for_changes() -> None:
    case = given(
        *OPEN,
        CLAIMED,
        reviewed("li", Verdict.APPROVE),
        reviewed("wang", Verdict.REJECT, "bad"),
        CaseClaimed(reviewer="zhao", until=UNTIL),
    )
    assert decide(case, giving("zhao", Verdict.REQUEST_CHANGES, "mend")) == (
        reviewed("zhao", Verdict.REQUEST_CHANGES, "mend"),
        decided(Decision.CHANGES_REQUESTED, 80, ("bad", "mend")),
    )


@pytest.mark.parametrize(
    "scores",
    [{}, FOURS | {"evidence": 3}, FOURS | {"facing-society": 6}, FOURS | {"facing-society": -1}, {"facing-society": 4}],
)
def test_scores_name_exactly_the_kinds_criteria_from_0_to_5(scores: dict[str, int]) -> None:
    refused = decide(given(*OPEN, CLAIMED), giving(scores=scores))
    assert refused == Refusal("review.scores", {"criteria": [*CRITERIA["scene"]]})


def test_whoever_does_not_approve_says_why() -> None:
    assert decide(given(*OPEN, CLAIMED), giving(verdict=Verdict.REJECT, comment=" ")) == Refusal("review.comment")


def test_a_review_needs_the_case_in_hand_but_outlives_its_time_while_nobody_takes_over() -> None:
    assert decide(given(*OPEN), giving()) == Refusal("case.not-held")
    assert decide(given(*OPEN, CLAIMED), giving("wang")) == Refusal("case.not-held")
    assert decide(given(*OPEN, CLAIMED), giving(minutes=45)) == (reviewed("li", Verdict.APPROVE),)


def test_closing_ends_an_open_case_only() -> None:
    close = Close(**by("service:review"), reason="superseded")
    assert decide(Case(), close) == Refusal("case.unknown")
    assert decide(given(*OPEN, CLAIMED), close) == (CaseClosed(reason="superseded"),)
    closed = given(*OPEN, CLAIMED, CaseClosed(reason="superseded"))
    assert (closed.status, closed.closed, closed.lease, closed.left) == ("closed", "superseded", None, 0)
    assert decide(closed, close) == ()
    assert decide(given(*OPEN, decided(Decision.APPROVED)), close) == ()


@pytest.mark.parametrize("command", [claim(), releasing(), conflicting(), giving()])
def test_what_is_unknown_decided_or_closed_is_not_acted_on(command: CaseCommand) -> None:
    assert decide(Case(), command) == Refusal("case.unknown")
    assert decide(given(*OPEN, decided(Decision.APPROVED)), command) == Refusal("case.decided")
    assert decide(given(*OPEN, CaseClosed(reason="withdrawn")), command) == Refusal("case.closed")


def test_the_score_is_the_weighted_mean_rounded_half_up() -> None:
    def one(facing: int, touching: int, linking: int) -> Review:
        scores = {"facing-society": facing, "touching-the-future": touching, "linking-applications": linking}
        return Review(reviewer="x", scores=scores, verdict=Verdict.APPROVE, comment="")

    assert score("scene", (one(5, 5, 5),)) == 100
    assert score("scene", (one(0, 0, 0),)) == 0
    assert score("scene", (one(5, 4, 3),)) == 81  # 35 + 28 + 18
    assert score("scene", (one(5, 5, 5), one(5, 5, 4), one(4, 4, 4))) == 91  # (100 + 94 + 80) / 3
    assert score("scene", (one(1, 0, 0), one(0, 0, 1))) == 7  # 6.5


def test_a_state_is_read_back_as_it_was_written() -> None:
    case = given(*OPEN, CLAIMED, reviewed("li", Verdict.REJECT, "bad"), CaseClaimed(reviewer="wang", until=UNTIL))
    assert Case.model_validate(case.model_dump(mode="json"), strict=False) == case


def test_every_refusal_has_its_text() -> None:
    assert all(set(texts) == {"zh", "en"} for texts in REFUSALS.values())


# --- Whatever the order ----------------------------------------------------------------------------------------------

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
            case "close":
                return Close(**by("service:review"), reason="withdrawn")
            case "open":
                return opening()
            case _:
                why = "why" if self.verdict is not Verdict.APPROVE else ""
                return giving(self.reviewer, self.verdict, why, minutes=minute, partner=PEOPLE[self.reviewer])


ACTS = ("claim", "claim", "claim", "review", "review", "review", "release", "conflict", "open", "close")
STEPS = st.lists(
    st.builds(
        Step, st.sampled_from(ACTS), st.sampled_from([*PEOPLE]), st.sampled_from(list(Verdict)), st.integers(0, 20)
    ),
    max_size=40,
)


@any_of(STEPS)
@settings(max_examples=300, deadline=None)
def test_whatever_the_order_of_commands_the_rules_hold(steps: list[Step]) -> None:
    case, minute, facts = given(*OPEN), 0, list[CaseFact](OPEN)
    live: Lease | None = None
    for step in steps:
        minute += step.minutes
        at = AT + timedelta(minutes=minute)
        answer = decide(case, step.command(minute))
        if isinstance(answer, Refusal):
            assert answer.rule in REFUSALS
            continue
        for fact in answer:
            match fact:
                case CaseClaimed(reviewer=reviewer, until=until):
                    assert live is None or live.until <= at, "two live leases"
                    live = Lease(reviewer=reviewer, until=until)
                case CaseReleased() | CaseReviewGiven() | CaseClosed():
                    live = None
            facts.append(fact)
            case = evolve(case, fact)
    given_by = [fact.reviewer for fact in facts if isinstance(fact, CaseReviewGiven)]
    barred = [fact.reviewer for fact in facts if isinstance(fact, CaseConflictDeclared)]
    assert "qian" not in given_by, "the partner's own reviewer"
    assert len(set(given_by)) == len(given_by), "a reviewer twice"
    assert not set(given_by) & set(barred)
    verdicts = tuple(fact.verdict for fact in facts if isinstance(fact, CaseReviewGiven))
    decisions = [fact for fact in facts if isinstance(fact, CaseDecided)]
    assert len(decisions) <= 1
    if decisions:
        assert len(verdicts) == 3 or (len(verdicts) == 2 and len(set(verdicts)) == 1)
        assert decisions[0].decision == outcome(verdicts)
        assert isinstance(facts[-2], CaseReviewGiven) and facts[-1] == decisions[0], "something after the decision"
    else:
        assert len(verdicts) < 2 or (len(verdicts) == 2 and len(set(verdicts)) == 2)
