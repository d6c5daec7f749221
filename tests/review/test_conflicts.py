"""A reviewer declares a conflict of interest, before their review, after it, or too late."""

from tests.review.conftest import Review, SignIn, reviewer
from tests.review.entries import OWN, received, scene
from tests.review.people import CASE, FORM, GIVEN, JSON, LI, OPERATOR, WANG, WRITTEN


async def test_a_conflict_is_declared_only_after_a_question(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    li, operator = signed_in(LI), signed_in(OPERATOR)
    page = (await li.post(f"{CASE}/claim")).text
    assert f'href="{CASE}/conflict"' in page and f'action="{CASE}/conflict"' not in page
    asked = (await li.get(f"{CASE}/conflict")).text
    assert "This cannot be taken back here" in asked and f'action="{CASE}/conflict"' in asked
    assert "counts no more" not in asked and OWN not in asked
    lease = (await review.cases.get(f"{OWN}/SC-1@1")).state.lease
    assert lease and lease.reviewer == LI.sub, "a question changes nothing"
    assert (await operator.get(f"{CASE}/conflict")).url.path == CASE, "nothing to ask of who does not review"


async def test_a_conflict_found_after_ones_review_takes_it_back(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    li = signed_in(LI)
    await li.post(f"{CASE}/claim", headers=JSON)
    await li.post(f"{CASE}/reviews", json=GIVEN, headers=JSON)
    assert f'href="{CASE}/conflict"' in (await li.get(CASE)).text
    assert "The review that you gave is taken back" in (await li.get(f"{CASE}/conflict")).text
    assert "on record, and your review is taken back: it counts no more" in (await li.post(f"{CASE}/conflict")).text
    state = (await review.cases.get(f"{OWN}/SC-1@1")).state
    assert (state.reviews, state.left, state.conflicts) == ((), 2, (LI.sub,))
    assert "Conflict of interest declared" in (await signed_in(OPERATOR).get(CASE)).text


async def test_what_was_given_and_taken_back_by_a_conflict_is_not_called_never_given(
    review: Review, signed_in: SignIn
) -> None:
    await review.react([received("SC-1", scene())])
    li, wang = signed_in(LI), signed_in(WANG)
    await li.post(f"{CASE}/claim")
    await li.post(f"{CASE}/reviews", data=FORM)
    await li.post(f"{CASE}/conflict")
    page = (await li.get(CASE)).text
    assert "It was given, then taken back, and counts no more" in page and "It was not given" not in page
    await wang.post(f"{CASE}/claim")
    await wang.post(f"{CASE}/extend", data=WRITTEN | {"person": WANG.sub})
    said = (await wang.post(f"{CASE}/conflict")).text
    assert "on record. You will not" in said and "It was not given" in (await wang.get(CASE)).text


async def test_a_conflict_found_too_late_leads_to_an_operator(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    for me in (LI, WANG):
        await signed_in(me).post(f"{CASE}/claim", headers=JSON)
        verdict = {"verdict": "approve", "comment": ""} if me is LI else {}
        await signed_in(me).post(f"{CASE}/reviews", json=GIVEN | verdict, headers=JSON)
    li = signed_in(LI)
    page = (await li.get(CASE)).text
    assert "A conflict of interest found only now" in page and "Tell an operator" in page
    # An approval is not objected to: whoever gave one is not sent to where nothing can be done.
    assert "Where the decision is to reject or to request changes, they can note an objection to it" in page
    refused = await li.post(f"{CASE}/conflict")
    assert refused.status_code == 409 and "Tell an operator" in refused.text
    assert f'href="{CASE}/conflict"' in (await signed_in(WANG).get(CASE)).text, "the last one is not too late"
    await signed_in(reviewer("zhao")).post(f"{CASE}/claim", headers=JSON)
    await signed_in(reviewer("zhao")).post(f"{CASE}/reviews", json=GIVEN, headers=JSON)
    refused = await signed_in(WANG).post(f"{CASE}/conflict")
    assert refused.status_code == 409 and "Tell an operator" in refused.text, "nor is it silent once it is decided"


async def test_who_can_give_no_review_is_promised_no_owner(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    li, promise = signed_in(LI), "its owner is shown once your review is given"
    assert promise in (await li.get(CASE)).text
    await li.post(f"{CASE}/conflict", headers=JSON)
    page = (await li.get(CASE)).text
    assert promise not in page and "The owner is not shown to you" in page and "Owner: not shown" in page
    # Whoever may not enter as one is not asked to come as another: that would evade what keeps them away.
    refused = await li.post(f"{CASE}/claim")
    assert refused.status_code == 403 and "Sign in as somebody else" not in refused.text
    assert 'href="/cases"' in refused.text


async def test_nothing_is_promised_of_an_empty_form(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    refused = await signed_in(LI).post(f"{CASE}/reviews", data={"key": "k1", "person": LI.sub, "comment": " "})
    assert refused.status_code == 409 and "is kept for 30 days" not in refused.text
