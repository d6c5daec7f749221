"""A case's decisions: given what happened, when somebody asks, then these facts, whole, or that refusal."""

from datetime import timedelta

import pytest

from review.domain import Case, CaseCommand, Close
from review.domain.acts import decide
from review.domain.case import evolve
from review.domain.lease import Lease
from review.domain.outcome import score
from review.domain.refusals import REFUSALS
from schemas.envelope import Refusal
from schemas.review import (
    CRITERIA,
    CaseChecked,
    CaseClaimed,
    CaseClosed,
    CaseConflictDeclared,
    CaseReleased,
    CaseReviewWithdrawn,
    Decision,
    Reason,
    Route,
    Verdict,
)
from tests.review.acts import (
    CHECKED,
    CLAIMED,
    FINDING,
    FOURS,
    OPENED,
    UNTIL,
    assigning,
    by,
    claim,
    claimed,
    conflicting,
    decided,
    given,
    giving,
    opening,
    releasing,
    reviewed,
)
from tests.review.entries import AT, OTHER, OWN

OPEN = (OPENED, CHECKED)


def test_an_opened_case_is_checked_in_the_same_write() -> None:
    assert decide(Case(), opening()) == (OPENED, CHECKED)


def test_a_hopeless_entry_goes_back_at_once_with_its_reasons() -> None:
    checked = CaseChecked(ruleset="2026-11", findings=(FINDING,), score=30, route=Route.RETURN, lane=Route.RETURN)
    why = Reason(zh="没有附件。", en="There is no attachment.")
    sent_back = decided(Decision.CHANGES_REQUESTED, None, ("没有附件。 There is no attachment.",))
    sent_back = sent_back.model_copy(update={"told": (why,)})
    assert decide(Case(), opening(Route.RETURN, 30, (why,))) == (OPENED, checked, sent_back)
    assert given(OPENED, checked, sent_back).reasons == (why,)


def test_a_case_is_opened_once() -> None:
    assert decide(given(*OPEN), opening()) == ()


def test_a_claim_is_a_lease() -> None:
    assert decide(given(*OPEN), claim()) == (CLAIMED,)
    assert given(*OPEN, CLAIMED).lease == Lease(reviewer="li", until=UNTIL, since=AT)


def test_a_claim_of_what_one_holds_asks_for_nothing() -> None:
    assert decide(given(*OPEN, CLAIMED), claim(minutes=5)) == ()


def test_a_claimed_case_is_not_claimed_by_another() -> None:
    held = {"reviewer": "li", "until": UNTIL.isoformat()}
    assert decide(given(*OPEN, CLAIMED), claim("wang", minutes=29)) == Refusal("case.claimed", held)


def test_a_lease_that_ran_out_is_taken_over() -> None:
    assert decide(given(*OPEN, CLAIMED), claim("wang", minutes=30)) == (
        CaseReleased(reviewer="li", reason="lease-ran-out"),
        CaseClaimed(reviewer="wang", until=UNTIL + timedelta(minutes=30), since=UNTIL),
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


def test_a_conflict_found_after_ones_review_takes_it_back_while_nobody_built_on_it() -> None:
    one = (CLAIMED, reviewed("li", Verdict.APPROVE))
    facts = decide(given(*OPEN, *one), conflicting())
    assert facts == (CaseReviewWithdrawn(reviewer="li"), CaseConflictDeclared(reviewer="li"))
    case = given(*OPEN, *one, *facts)
    assert (case.reviews, case.left, case.conflicts) == ((), 2, ("li",))
    followed = given(*OPEN, *one, reviewed("wang", Verdict.REJECT, "no"))
    assert decide(followed, conflicting()) == Refusal("case.conflict-too-late")
    assert decide(followed, conflicting("wang")) != ()


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


def test_three_who_all_differ_ask_for_changes_and_who_approved_asked_for_none() -> None:
    case = given(
        *OPEN,
        CLAIMED,
        reviewed("li", Verdict.APPROVE, "fine"),
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
    # What no message on Kafka could carry would stop every later one.
    assert decide(given(*OPEN, CLAIMED), giving(comment="字" * 20_001)) == Refusal("review.too-long")
    assert isinstance(decide(given(*OPEN, CLAIMED), giving(comment="字" * 20_000)), tuple)


def test_a_review_needs_the_case_in_hand_but_outlives_its_time_while_nobody_takes_over() -> None:
    assert decide(given(*OPEN), giving()) == Refusal("case.not-held")
    assert decide(given(*OPEN, CLAIMED), giving("wang")) == Refusal("case.not-held")
    assert decide(given(*OPEN, CLAIMED), giving(minutes=45)) == (reviewed("li", Verdict.APPROVE, minutes=45),)


def test_closing_ends_an_open_case_only() -> None:
    close = Close(**by("service:review"), reason="superseded")
    assert decide(Case(), close) == Refusal("case.unknown")
    assert decide(given(*OPEN, CLAIMED), close) == (CaseClosed(reason="superseded"),)
    closed = given(*OPEN, CLAIMED, CaseClosed(reason="superseded"))
    assert (closed.status, closed.closed, closed.lease, closed.left) == ("closed", "superseded", None, 0)
    assert decide(closed, close) == ()
    assert decide(given(*OPEN, decided(Decision.APPROVED)), close) == ()


def test_a_withdrawal_after_the_decision_is_recorded_and_the_decision_stays() -> None:
    close = Close(**by("service:review"), reason="withdrawn")
    rejected = given(*OPEN, reviewed("li", Verdict.REJECT, "no"), decided(Decision.REJECTED))
    assert decide(rejected, close) == (CaseClosed(reason="withdrawn"),)
    closed = evolve(rejected, CaseClosed(reason="withdrawn"))
    assert closed == rejected.model_copy(update={"closed": "withdrawn"})
    assert decide(closed, close) == ()
    assert decide(closed, conflicting()) == Refusal("case.closed"), "nobody could judge again"


@pytest.mark.parametrize("command", [claim(), releasing(), conflicting(), giving()])
def test_what_is_unknown_decided_or_closed_is_not_acted_on(command: CaseCommand) -> None:
    assert decide(Case(), command) == Refusal("case.unknown")
    assert decide(given(*OPEN, decided(Decision.APPROVED)), command) == Refusal("case.decided")
    assert decide(given(*OPEN, CaseClosed(reason="withdrawn")), command) == Refusal("case.closed")


def test_the_score_is_the_weighted_mean_rounded_half_up() -> None:
    def one(facing: int, touching: int, linking: int) -> dict[str, int]:
        return {"facing-society": facing, "touching-the-future": touching, "linking-applications": linking}

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


def test_who_alone_reviewed_the_revision_before_reviews_this_one_no_more() -> None:
    second = given(OPENED.model_copy(update={"revision": 2, "sole_reviewer": "li"}), CHECKED)
    refused = Refusal("case.reviewed-previous")
    assert decide(second, claim("li")) == decide(second, giving("li")) == decide(second, assigning("li")) == refused
    assert decide(second, claim("wang")) == (claimed("wang"),)


def test_one_of_several_who_reviewed_a_revision_was_not_alone() -> None:
    first = given(*OPEN, CLAIMED, reviewed("li", Verdict.APPROVE))
    assert first.sole() == "li"
    assert given(*OPEN).sole() is None
    twice = (claimed("wang"), reviewed("wang", Verdict.REJECT, "no"))
    assert given(*OPEN, CLAIMED, reviewed("li", Verdict.APPROVE), *twice).sole() is None
