"""By which reviews a case is decided, on each route; and what an appeal opens again."""

from itertools import product

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from review.domain.acts import LodgeAppeal, decide
from review.domain.case import Appeal
from review.domain.outcome import PANEL, left, outcome
from schemas.envelope import Refusal
from schemas.review import CaseAppealed, CaseClosed, CaseFact, Decision, Route, Verdict
from tests.review.acts import OPENED, by, checked, claim, claimed, decided, given, giving, reviewed

APPROVE, CHANGES, REJECT = Verdict
PEOPLE = ("li", "wang", "zhao")


def after(route: Route, *verdicts: Verdict) -> tuple[CaseFact, ...]:
    """An open case with these reviews, by different people, and the next in sun's hands."""
    given_by = (reviewed(name, verdict, "why") for name, verdict in zip(PEOPLE, verdicts, strict=False))
    return (OPENED, checked(route), *given_by, claimed("sun"))


def test_express_is_decided_by_one_who_approves() -> None:
    case = given(*after(Route.EXPRESS))
    assert case.left == 1
    assert decide(case, giving("sun")) == (reviewed("sun", APPROVE), decided(Decision.APPROVED))


@pytest.mark.parametrize("first", [CHANGES, REJECT])
def test_express_becomes_ordinary_by_any_other_verdict(first: Verdict) -> None:
    assert decide(given(*after(Route.EXPRESS)), giving("sun", first, "why")) == (reviewed("sun", first, "why"),)
    second = given(*after(Route.EXPRESS, first))
    assert second.left == 1
    assert decide(second, giving("sun")) == (reviewed("sun", APPROVE),), "one that approves no longer decides"


def test_experts_alone_review_what_goes_to_experts() -> None:
    case = given(OPENED, checked(Route.EXPERTS))
    assert decide(case, claim("li")) == Refusal("case.experts-only")
    assert decide(given(*after(Route.EXPERTS)), giving("sun")) == Refusal("case.experts-only")


def test_two_experts_who_agree_decide() -> None:
    case = given(*after(Route.EXPERTS, APPROVE))
    command = giving("sun")
    assert decide(case, type(command)(**(vars(command) | {"expert": True}))) == (
        reviewed("sun", APPROVE),
        decided(Decision.APPROVED, reasons=("why",)),
    )


# --- Settled ---------------------------------------------------------------------------------------------------------

VERDICTS = st.lists(st.sampled_from(list(Verdict)), max_size=PANEL).map(tuple)


def of_panel(verdicts: tuple[Verdict, ...]) -> Decision:
    """What a whole panel decides, said another way than the code does: the middle of its seats wins if two share it."""
    shared = [verdict for verdict in Verdict if verdicts.count(verdict) > PANEL // 2]
    names = {APPROVE: Decision.APPROVED, CHANGES: Decision.CHANGES_REQUESTED, REJECT: Decision.REJECTED}
    return names[shared[0]] if shared else Decision.CHANGES_REQUESTED


def completions(verdicts: tuple[Verdict, ...]) -> set[Decision]:
    """What may still come of it, whatever the seats that are left would say."""
    return {of_panel((*verdicts, *more)) for more in product(Verdict, repeat=PANEL - len(verdicts))}


@any_of(VERDICTS, st.sampled_from([Route.ORDINARY, Route.EXPERTS]))
def test_reviews_decide_as_soon_as_no_further_one_could_change_the_outcome_and_no_sooner(
    verdicts: tuple[Verdict, ...], route: Route
) -> None:
    possible = completions(verdicts)
    assert outcome(verdicts, route) == (possible.pop() if len(possible) == 1 else None)


@any_of(VERDICTS, st.sampled_from([Route.ORDINARY, Route.EXPRESS, Route.EXPERTS]))
def test_left_is_the_fewest_reviews_that_could_settle_it(verdicts: tuple[Verdict, ...], route: Route) -> None:
    assert left(verdicts, route) == next(
        count
        for count in range(PANEL + 1)
        if any(outcome((*verdicts, *more), route) for more in product(Verdict, repeat=count))
    )


@any_of(VERDICTS)
def test_on_the_express_route_only_a_first_approval_decides_alone(verdicts: tuple[Verdict, ...]) -> None:
    express = outcome(verdicts, Route.EXPRESS)
    assert express == (Decision.APPROVED if verdicts[:1] == (APPROVE,) else outcome(verdicts))


# --- Appeals ---------------------------------------------------------------------------------------------------------


def objecting(reason: str = "Annex 2 has it.") -> LodgeAppeal:
    return LodgeAppeal(**by("user:operator"), by="partner", reason=reason)


REJECTED = (
    OPENED,
    checked(Route.EXPRESS),
    reviewed("li", REJECT, "no"),
    reviewed("wang", REJECT, "no"),
    decided(Decision.REJECTED, reasons=("no", "no")),
)
APPEALED = CaseAppealed(by="partner", reason="Annex 2 has it.")


def test_an_appeal_opens_the_case_for_other_reviewers() -> None:
    assert decide(given(*REJECTED), objecting(" Annex 2 has it. ")) == (APPEALED,)
    case = given(*REJECTED, APPEALED)
    assert (case.status, case.left, case.route, case.decision, case.reviews) == ("open", 2, Route.ORDINARY, None, ())
    assert case.appeals == (Appeal(by="partner", reason="Annex 2 has it.", against=Decision.REJECTED),)
    assert case.reviewers() == ("li", "wang")
    assert decide(case, claim("li")) == Refusal("case.reviewed")
    again = given(*REJECTED, APPEALED, reviewed("zhao", APPROVE), claimed("sun"))
    assert decide(again, giving("sun")) == (reviewed("sun", APPROVE), decided(Decision.APPROVED)), "new reviews alone"


def test_what_was_sent_back_by_the_machine_is_judged_by_people_after_an_appeal() -> None:
    case = given(OPENED, checked(Route.RETURN), decided(Decision.CHANGES_REQUESTED, None), APPEALED)
    assert (case.status, case.route, case.left) == ("open", Route.ORDINARY, 2)


def test_appeals_go_against_decisions_that_did_not_approve_and_say_why() -> None:
    approved = given(OPENED, checked(Route.ORDINARY), decided(Decision.APPROVED))
    assert decide(approved, objecting()) == Refusal("case.approved")
    assert decide(given(*REJECTED), objecting("  ")) == Refusal("appeal.reason")
    assert decide(given(*REJECTED), objecting("x" * 20_001)) == Refusal("appeal.too-long")
    assert decide(given(*after(Route.ORDINARY)), objecting()) == Refusal("case.not-decided")
    assert decide(given(OPENED, CaseClosed(reason="withdrawn")), objecting()) == Refusal("case.not-decided")
    assert decide(given(*REJECTED, CaseClosed(reason="withdrawn")), objecting()) == Refusal("case.closed")
    assert decide(given(), objecting()) == Refusal("case.unknown")
