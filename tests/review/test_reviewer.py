"""The roster's decisions."""

from typing import Any

from review.domain.refusals import REFUSALS
from review.domain.reviewer import Register, Remove, Reviewer, decide, evolve
from schemas.entry import Industry
from schemas.envelope import Refusal
from schemas.review import Profile, ReviewerChanged, ReviewerFact, ReviewerRegistered, ReviewerRemoved
from tests.review.entries import AT

BY: dict[str, Any] = {"stream": "reviewer/li", "cause": "test", "actor": "user:operator", "at": AT}
PROFILE = Profile(name="Li", industries=(Industry.CULTURE,), minutes=(60, 0, 0, 0, 0, 0, 0))
EXPERT = PROFILE.model_copy(update={"expert": True})
REGISTERED = ReviewerRegistered(reviewer="li", profile=PROFILE)


def given(*facts: ReviewerFact) -> Reviewer:
    reviewer = Reviewer()
    for fact in facts:
        reviewer = evolve(reviewer, fact)
    return reviewer


def registering(profile: Profile = PROFILE) -> Register:
    return Register(**BY, reviewer="li", profile=profile)


def test_somebody_is_registered_changed_and_removed() -> None:
    assert decide(Reviewer(), registering()) == (REGISTERED,)
    assert decide(given(REGISTERED), registering(EXPERT)) == (ReviewerChanged(profile=EXPERT),)
    assert decide(given(REGISTERED), Remove(**BY)) == (ReviewerRemoved(),)
    assert given(REGISTERED, ReviewerChanged(profile=EXPERT)) == Reviewer(
        status="active", reviewer="li", profile=EXPERT
    )


def test_what_is_so_already_is_no_fact() -> None:
    assert decide(given(REGISTERED), registering()) == ()
    assert decide(given(REGISTERED, ReviewerRemoved()), Remove(**BY)) == ()


def test_whoever_was_removed_is_registered_again_and_nobody_is_removed_who_never_was() -> None:
    assert decide(given(REGISTERED, ReviewerRemoved()), registering()) == (REGISTERED,)
    refused = decide(Reviewer(), Remove(**BY))
    assert refused == Refusal("reviewer.unknown") and isinstance(refused, Refusal) and refused.rule in REFUSALS


def test_a_state_is_read_back_as_it_was_written() -> None:
    reviewer = given(REGISTERED)
    assert Reviewer.model_validate(reviewer.model_dump(mode="json"), strict=False) == reviewer
