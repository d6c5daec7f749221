"""Leases: extended, left, taken back, kept for whom a case is assigned to; and clocks that jump."""

from datetime import timedelta

import pytest

from review.domain import Case
from review.domain.acts import decide
from review.domain.assigning import Unassign
from review.domain.lease import LEASE, LEFT, LONGEST, RESERVED
from review.domain.reviewing import UNDO
from schemas.envelope import Refusal
from schemas.review import (
    CaseAssigned,
    CaseClaimed,
    CaseConflictDeclared,
    CaseExtended,
    CaseReleased,
    CaseReviewWithdrawn,
    CaseUnassigned,
    Decision,
    Verdict,
)
from tests.review.acts import (
    CHECKED,
    OPENED,
    assigning,
    by,
    claim,
    claimed,
    conflicting,
    decided,
    extending,
    given,
    giving,
    leaving,
    releasing,
    reviewed,
    taking_back,
)
from tests.review.entries import AT, OWN

OPEN = (OPENED, CHECKED)
HELD = given(*OPEN, claimed("li"))
DAY = 24 * 60.0


def test_an_extension_gives_the_whole_time_again_from_now() -> None:
    assert decide(HELD, extending(minutes=20)) == (
        CaseExtended(reviewer="li", until=AT + timedelta(minutes=20) + LEASE),
    )


def test_an_extension_by_less_than_five_minutes_is_no_fact() -> None:
    assert decide(HELD, extending(minutes=4)) == ()


def test_extensions_end_four_hours_after_the_claim() -> None:
    late = given(*OPEN, claimed("li"), CaseExtended(reviewer="li", until=AT + LONGEST - timedelta(minutes=10)))
    assert decide(late, extending(minutes=225)) == (CaseExtended(reviewer="li", until=AT + LONGEST),)
    assert (
        decide(given(*OPEN, claimed("li"), CaseExtended(reviewer="li", until=AT + LONGEST)), extending(minutes=239))
        == ()
    )


def test_the_last_minutes_of_a_lease_are_given_however_few() -> None:
    almost = CaseExtended(reviewer="li", until=AT + LONGEST - timedelta(minutes=4))
    assert decide(given(*OPEN, claimed("li"), almost), extending(minutes=234)) == (
        CaseExtended(reviewer="li", until=AT + LONGEST),
    ), "the page says that there is more time, and asks for it"


def test_a_lease_that_ran_out_is_extended_while_nobody_took_the_case() -> None:
    assert decide(HELD, extending(minutes=45)) == (
        CaseExtended(reviewer="li", until=AT + timedelta(minutes=45) + LEASE),
    )


@pytest.mark.parametrize("case", [given(*OPEN), given(*OPEN, claimed("wang"))])
def test_only_the_holder_extends(case: Case) -> None:
    assert decide(case, extending()) == Refusal("case.not-held")


def test_who_may_not_judge_it_any_more_is_told_so_and_not_to_claim_again() -> None:
    assert decide(HELD, extending(conflicts=(OWN,))) == Refusal("case.conflict")
    assert decide(given(*OPEN), extending(conflicts=(OWN,))) == Refusal("case.conflict")
    assert decide(given(*OPEN), extending(partner=OWN)) == Refusal("case.own-partner")


def test_whoever_closes_the_page_holds_the_case_for_one_minute_more() -> None:
    left = CaseExtended(reviewer="li", until=AT + timedelta(minutes=5) + LEFT)
    assert decide(HELD, leaving(minutes=5)) == (left,)
    gone = given(*OPEN, claimed("li"), left)
    assert decide(gone, claim("wang", minutes=5.5)) == Refusal(
        "case.claimed", {"reviewer": "li", "until": left.until.isoformat()}
    )
    assert decide(gone, claim("wang", minutes=6)) == (
        CaseReleased(reviewer="li", reason="lease-ran-out"),
        claimed("wang", 6),
    )
    assert decide(gone, extending(minutes=5.5)) == (
        CaseExtended(reviewer="li", until=AT + timedelta(minutes=5.5) + LEASE),
    ), "back from a link or a reload"


def test_leaving_never_lengthens_and_is_nothing_for_others() -> None:
    assert decide(HELD, leaving(minutes=29.5)) == ()
    assert decide(HELD, leaving("wang")) == ()
    assert decide(given(*OPEN), leaving()) == ()


# --- Undo ------------------------------------------------------------------------------------------------------------

REVIEWED = given(*OPEN, claimed("li"), reviewed("li", Verdict.REJECT, "no"))
SECONDS = 1 / 60


def test_a_review_is_taken_back_within_seconds_and_the_case_is_in_hand_again() -> None:
    facts = decide(REVIEWED, taking_back(minutes=10 * SECONDS))
    at = AT + timedelta(seconds=10)
    assert facts == (CaseReviewWithdrawn(reviewer="li"), CaseClaimed(reviewer="li", until=at + LEASE, since=at))
    case = given(*OPEN, claimed("li"), reviewed("li", Verdict.REJECT, "no"), *facts)
    assert (case.reviews, case.left, case.lease and case.lease.reviewer) == ((), 2, "li")
    assert decide(case, giving(minutes=1)) == (reviewed("li", Verdict.APPROVE, minutes=1),)


def test_it_stands_once_the_seconds_have_passed() -> None:
    late = UNDO.total_seconds() / 60 + SECONDS
    assert decide(REVIEWED, taking_back(minutes=late)) == Refusal("case.undo-too-late")


def test_nobody_takes_back_anothers_review_or_one_that_was_followed() -> None:
    assert decide(REVIEWED, taking_back("wang")) == Refusal("case.undo-too-late")
    assert decide(given(*OPEN), taking_back()) == Refusal("case.undo-too-late")
    followed = given(*OPEN, reviewed("li", Verdict.REJECT, "no"), reviewed("wang", Verdict.APPROVE))
    assert decide(followed, taking_back()) == Refusal("case.undo-too-late")


def test_a_decision_is_final() -> None:
    both = (reviewed("wang", Verdict.REJECT, "no"), reviewed("li", Verdict.REJECT, "no"))
    case = given(*OPEN, *both, decided(Decision.REJECTED))
    assert decide(case, taking_back()) == Refusal("case.undo-too-late")


def test_a_case_that_another_took_meanwhile_stays_theirs() -> None:
    taken = given(*OPEN, reviewed("li", Verdict.REJECT, "no"), claimed("wang"))
    assert decide(taken, taking_back(minutes=5 * SECONDS)) == (CaseReviewWithdrawn(reviewer="li"),)


# --- Assignment ------------------------------------------------------------------------------------------------------

ASSIGNED = CaseAssigned(reviewer="li", until=AT + RESERVED, reasons=("field",))


def test_an_assigned_case_is_kept_for_its_reviewer_for_a_day() -> None:
    assert decide(given(*OPEN), assigning()) == (ASSIGNED,)
    case = given(*OPEN, ASSIGNED)
    assert case.reserved == AT + RESERVED
    assert decide(case, claim("wang")) == Refusal("case.reserved", {"until": (AT + RESERVED).isoformat()})
    assert decide(case, claim("li")) == (claimed("li"),)
    assert decide(case, claim("wang", minutes=DAY)) == (claimed("wang", DAY),)


def test_a_later_assignment_of_the_same_reviewer_takes_the_place_of_the_former() -> None:
    later = CaseAssigned(reviewer="li", until=AT + timedelta(hours=1) + RESERVED, reasons=("field",))
    assert decide(given(*OPEN, ASSIGNED), assigning(minutes=60)) == (later,)
    case = given(*OPEN, ASSIGNED, later)
    assert (len(case.assignments), case.reserved) == (1, later.until)


def test_nobody_is_assigned_what_they_may_not_judge() -> None:
    assert decide(given(*OPEN), assigning(conflicts=(OWN,))) == Refusal("case.conflict")
    assert decide(REVIEWED, assigning()) == Refusal("case.reviewed")


def test_no_more_are_assigned_than_the_case_waits_for() -> None:
    both = given(*OPEN, ASSIGNED, ASSIGNED.model_copy(update={"reviewer": "wang"}))
    assert decide(both, assigning("zhao")) == Refusal("case.assigned", {"reviewers": ["li", "wang"]})
    assert decide(both, assigning("li", minutes=60)) != (), "who is one of them may be kept it for longer"
    a_day_later = 24 * 60.0
    assert isinstance(decide(both, assigning("zhao", minutes=a_day_later)), tuple), "their time is over"


def test_a_review_or_a_conflict_ends_the_assignment() -> None:
    assert given(*OPEN, ASSIGNED, claimed("li"), reviewed("li", Verdict.APPROVE)).reserved is None
    assert given(*OPEN, ASSIGNED, CaseConflictDeclared(reviewer="li")).assignments == ()
    assert decide(given(*OPEN, ASSIGNED), conflicting()) == (CaseConflictDeclared(reviewer="li"),)


def test_an_assignment_is_taken_off() -> None:
    off = Unassign(**by("user:operator"), reviewer="li")
    assert decide(given(*OPEN, ASSIGNED), off) == (CaseUnassigned(reviewer="li"),)
    assert decide(given(*OPEN), off) == ()
    assert given(*OPEN, ASSIGNED, CaseUnassigned(reviewer="li")).reserved is None


# --- Clocks ----------------------------------------------------------------------------------------------------------


def test_a_clock_that_jumps_a_day_ahead_ends_leases_and_loses_no_review() -> None:
    assert decide(HELD, claim("wang", minutes=DAY)) == (
        CaseReleased(reviewer="li", reason="lease-ran-out"),
        claimed("wang", DAY),
    )
    assert decide(HELD, giving(minutes=DAY)) == (reviewed("li", Verdict.APPROVE, minutes=DAY),)


def test_a_lease_given_by_a_clock_a_day_ahead_locks_nobody_out() -> None:
    ahead = given(*OPEN, claimed("li", DAY))
    assert decide(ahead, claim("wang")) == (CaseReleased(reviewer="li", reason="lease-ran-out"), claimed("wang"))
    assert decide(ahead, extending()) == (CaseExtended(reviewer="li", until=AT + LEASE),), "its holder goes on"
    assert decide(ahead, giving()) == (reviewed("li", Verdict.APPROVE),)


def test_an_assignment_given_by_a_clock_two_days_ahead_blocks_nobody() -> None:
    ahead = CaseAssigned(reviewer="li", until=AT + timedelta(days=3), reasons=("field",))
    assert decide(given(*OPEN, ahead), claim("wang")) == (claimed("wang"),)


def test_a_state_with_everything_in_it_is_read_back_as_it_was_written() -> None:
    case = given(*OPEN, ASSIGNED, claimed("li"), CaseExtended(reviewer="li", until=AT + LONGEST))
    assert Case.model_validate(case.model_dump(mode="json"), strict=False) == case
    assert decide(case, releasing()) == (CaseReleased(reviewer="li", reason="given-back"),)
