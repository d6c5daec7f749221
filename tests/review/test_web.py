"""The JSON and the pages, as a reviewer meets them."""

import re
from datetime import timedelta
from typing import Any

import httpx2

from review.desk import now
from review.domain.lease import MOST_HELD
from review.domain.reviewing import GiveReview
from review.serving import waiting
from schemas.review import CRITERIA, Verdict
from tests.review.conftest import ADDRESSES, Review, SignIn, reviewer
from tests.review.entries import AT, OTHER, OWN, SUMMARY, owned, product, received, revised, scene
from tests.review.people import CASE, GOOD, JSON, LI, OPERATOR, WANG

QIAN = reviewer("reviewer-qian", OWN)
KEPT = "What you wrote is kept for 30 days, and stands in the form again once you claim the case."


def given(verdict: str = "approve", comment: str = "") -> dict[str, Any]:
    return {"scores": dict.fromkeys(CRITERIA["scene"], 4), "verdict": verdict, "comment": comment}


def differing(sub: str, seconds_ago: int) -> GiveReview:
    """A review that asks for changes, given a while ago."""
    return GiveReview(
        stream=f"{OWN}/SC-1@1",
        cause=f"review-{seconds_ago}",
        actor=f"user:{sub}",
        at=now() - timedelta(seconds=seconds_ago),
        reviewer=sub,
        partner=None,
        scores=dict.fromkeys(CRITERIA["scene"], 4),
        verdict=Verdict.REQUEST_CHANGES,
        comment="say more",
    )


async def json_of(client: httpx2.AsyncClient, path: str = CASE) -> Any:
    return (await client.get(path, headers=JSON)).json()


# --- JSON ------------------------------------------------------------------------------------------------------------


async def test_a_program_takes_the_next_case_reviews_it_and_decides(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    li, wang = signed_in(LI), signed_in(WANG)
    listed = await json_of(li, "/cases?status=open&kind=scene")
    assert [(case["href"], case["left"]) for case in listed["cases"]] == [(CASE, 2)] and listed["next"] is None
    case = (await li.post("/cases:next", headers=JSON)).json()
    assert (case["href"], case["lease"]["reviewer"], case["reviews"]) == (CASE, "reviewer-li", [])
    none = await wang.post("/cases:next", headers=JSON)
    assert (none.status_code, none.headers["held-by-others"]) == (204, "1")
    assert 0 < int(none.headers["retry-after"]) <= 1800 and none.headers["held-until"].endswith("Z")
    assert (await wang.post(f"{CASE}/claim", headers=JSON)).json()["type"] == "urn:shuangqian:problem:case-claimed"
    assert (await li.post(f"{CASE}/reviews", json=given(), headers=JSON)).json()["given"] == 1
    assert (await json_of(wang))["reviews"] == [], "not before one's own"
    await wang.post(f"{CASE}/claim", headers=JSON)
    done = (await wang.post(f"{CASE}/reviews", json=given(), headers=JSON)).json()
    assert (done["decision"], done["score"], len(done["reviews"])) == ("approved", 80, 2)
    assert [case["href"] for case in (await json_of(li, "/cases?status=decided"))["cases"]] == [CASE]
    none = await wang.post("/cases:next", headers=JSON)
    assert (none.status_code, none.headers["held-by-others"]) == (204, "0") and "retry-after" not in none.headers


async def test_the_same_request_again_has_no_second_effect(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    li = signed_in(LI)
    await li.post(f"{CASE}/claim", headers=JSON)
    twice = [await li.post(f"{CASE}/reviews", json=given(), headers=JSON | {"X-Request-Id": "a1"}) for _ in range(2)]
    assert [answer.status_code for answer in twice] == [200, 200]
    assert (await review.cases.get(f"{OWN}/SC-1@1")).version == 4


async def test_different_requests_under_one_id_all_take_effect(review: Review, signed_in: SignIn) -> None:
    """A proxy or a careless program may give all of a session's requests the same id."""
    await review.react([received("SC-1", scene())])
    li, same = signed_in(LI), JSON | {"X-Request-Id": "session1"}
    assert (await li.post(f"{CASE}/claim", headers=same)).json()["lease"]["reviewer"] == "reviewer-li"
    assert (await li.post(f"{CASE}/reviews", json=given(), headers=same)).json()["given"] == 1


async def test_two_people_under_one_id_both_take_effect(review: Review, signed_in: SignIn) -> None:
    """Programs of two people may both count their requests from 1."""
    await review.react([received("SC-1", scene())])
    first = JSON | {"X-Request-Id": "1"}
    for me in (LI, WANG):
        person = signed_in(me)
        assert (await person.post(f"{CASE}/claim", headers=first)).json()["lease"]["reviewer"] == me.sub
        assert (await person.post(f"{CASE}/reviews", json=given(), headers=first)).status_code == 200
    assert (await review.cases.get(f"{OWN}/SC-1@1")).state.reviewers() == (LI.sub, WANG.sub)


async def test_refusals_over_json(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    li, qian, operator = signed_in(LI), signed_in(QIAN), signed_in(OPERATOR)
    assert (await li.post(f"{CASE}/reviews", json=given(), headers=JSON)).status_code == 409
    assert (await qian.post(f"{CASE}/claim", headers=JSON)).status_code == 403
    assert (await qian.get(CASE, headers=JSON)).status_code == 403
    assert (await qian.post("/cases:next", headers=JSON)).status_code == 204
    assert (await operator.post(f"{CASE}/claim", headers=JSON)).status_code == 403
    assert (await operator.get(CASE, headers=JSON)).status_code == 200
    assert (await li.post(ADDRESSES.path(f"{OWN}/SC-404@1") + "/claim", headers=JSON)).status_code == 404
    await li.post(f"{CASE}/claim", headers=JSON)
    wrong = given() | {"scores": {"evidence": 3}}
    assert (await li.post(f"{CASE}/reviews", json=wrong, headers=JSON)).status_code == 422
    assert (await li.post(f"{CASE}/reviews", json=given("reject"), headers=JSON)).status_code == 422
    assert (await li.post(f"{CASE}/release", headers=JSON)).json()["lease"] is None
    assert (await li.post(f"{CASE}/conflict", headers=JSON)).status_code == 200
    assert (await li.post(f"{CASE}/claim", headers=JSON)).status_code == 403


# --- Pages -----------------------------------------------------------------------------------------------------------


async def test_a_reviewer_goes_from_the_desk_through_a_case_and_back(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    li = signed_in(LI)
    assert "Review the next case" in (await li.get("/cases")).text
    case = await li.post("/cases:next")
    assert case.url.path == CASE
    for text in (SUMMARY["zh"], SUMMARY["en"], "Yours until", "Facing society, 35% of the score", "1,200"):
        assert text in case.text
    assert "罗思源" not in case.text, "no contact"
    assert "Go on with the case you hold" in (await li.get("/cases")).text
    wrong = await li.post(f"{CASE}/reviews", data=GOOD | {"score-facing-society": "", "verdict": "reject"})
    assert wrong.status_code == 422
    assert 'href="#score-facing-society"' in wrong.text and 'href="#comment"' in wrong.text
    assert len(re.findall(r' id="score-facing-society"', wrong.text)) == 1
    assert 'value="reject" checked' in wrong.text, "what was chosen stays"
    done = await li.post(f"{CASE}/reviews", data=GOOD)
    assert done.url.path == "/cases" and "Your review is given." in done.text
    again = await li.post(f"{CASE}/reviews", data=GOOD)
    assert again.url.path == "/cases" and (await review.cases.get(f"{OWN}/SC-1@1")).version == 4
    assert "You are done: no case awaits your review" in again.text


async def test_the_desk_and_operations_promise_no_number_of_reviews(review: Review, signed_in: SignIn) -> None:
    """It goes by the route: one decides an express case, none what the machine returns."""
    await review.react([received("PR-1", product())])
    li = signed_in(LI)
    assert "A case appears here once it is decided." in (await li.get("/cases")).text
    (open_cases,) = await waiting(review.store, review.desk.roster)
    assert open_cases.frees == "Reviewers: see the review desk for how many each case needs."
    await li.post("/cases:next")
    scores = {f"score-{name}": "4" for name in CRITERIA["product"]}
    done = await li.post(f"{ADDRESSES.path(f'{OTHER}/PR-1@1')}/reviews", data=scores | {"verdict": "approve"})
    assert "decides the case" in done.text and "A case appears here once" not in done.text


async def test_others_reviews_are_seen_after_ones_own(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    li, wang, operator = signed_in(LI), signed_in(WANG), signed_in(OPERATOR)
    await li.post("/cases:next")
    await li.post(f"{CASE}/reviews", data=GOOD | {"comment": "solid work"})
    hidden = (await wang.post("/cases:next")).text
    assert "solid work" not in hidden and "You see it once you have given yours" in hidden
    assert "solid work" in (await operator.get(CASE)).text
    await review.cases.handle([differing(WANG.sub, seconds_ago=5)])
    fresh = (await wang.get(CASE)).text
    assert "say more" in fresh and "solid work" not in fresh, "one might look and judge again"
    await wang.post(f"{CASE}/undo")
    await review.cases.handle([differing(WANG.sub, seconds_ago=20)])
    assert "solid work" in (await wang.get(CASE)).text


async def test_raw_and_corrected_scores_stand_beside_each_other(review: Review, signed_in: SignIn) -> None:
    """Li scores four fifths where others give two: with what that says, the outcome stays and each review moves."""
    operator = signed_in(OPERATOR)
    await review.react([received(f"SC-{n}", scene()) for n in range(1, 21)])
    for n in range(1, 21):
        for me, points in ((LI, 4), (WANG, 2)):
            case = f"{OWN}/SC-{n}@1"
            await review.desk.claim(case, me, f"claim {me.sub}")
            scores = dict.fromkeys(CRITERIA["scene"], points + (n % 5 == 0))
            await review.desk.review(case, me, f"review {me.sub}", scores, Verdict.APPROVE, "")
    page = (await operator.get(CASE)).text
    rows = re.findall(
        r'<th scope="row">([^<]+)</th>\s*<td class="numeric">([^<]+)</td>\s*<td class="numeric">\s*(.+?)\s*</td>', page
    )
    assert [(by, raw) for by, raw, _ in rows] == [("reviewer-li", "80"), ("reviewer-wang", "40"), ("Outcome", "60")]
    corrected = [each.split(" ± ") for _, _, each in rows]
    assert [score for score, _margin in corrected] == ["60", "60", "60"]
    assert all(0 < int(margin) <= 50 for _score, margin in corrected)
    assert "What “corrected” means" in page


async def test_where_nobody_was_compared_nothing_is_said_of_the_corrected_score(
    review: Review, signed_in: SignIn
) -> None:
    await review.react([received("SC-1", scene())])
    await review.desk.claim(f"{OWN}/SC-1@1", LI, "claim")
    await review.desk.review(f"{OWN}/SC-1@1", LI, "review", dict.fromkeys(CRITERIA["scene"], 4), Verdict.APPROVE, "")
    assert "too little is known yet" in (await signed_in(OPERATOR).get(CASE)).text


async def test_an_empty_desk_says_who_holds_the_rest(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    await signed_in(LI).post("/cases:next")
    desk = (await signed_in(WANG).post("/cases:next")).text
    assert "No case is free for you just now." in desk and "reviewer-li: 1 case is in their hands, until" in desk


async def test_a_lost_lease_says_who_has_the_case_until_when_and_that_what_was_written_is_kept(
    review: Review, signed_in: SignIn
) -> None:
    await review.react([received("SC-1", scene())])
    li, wang = signed_in(LI), signed_in(WANG)
    await li.post(f"{CASE}/claim")
    await li.post(f"{CASE}/release")
    await wang.post(f"{CASE}/claim")
    lost = await li.post(f"{CASE}/reviews", data=GOOD | {"comment": "two hours of work"})
    assert lost.status_code == 409
    for text in ("reviewer-wang holds it until ", KEPT, f'href="{CASE}"', 'href="/cases"'):
        assert text in lost.text, text
    assert "Go to the catalogue" not in lost.text
    page = (await li.get(CASE)).text
    assert KEPT in page and "Claim this case" not in page
    assert (await li.post(f"{CASE}/extend", headers=JSON)).json()["reviewer"] == "reviewer-wang", (
        "the open page says it"
    )
    await wang.post(f"{CASE}/release")
    assert "two hours of work" in (await li.post(f"{CASE}/claim")).text


async def test_what_goes_wrong_with_a_case_leads_back_to_it_and_to_the_desk(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    nowhere = await signed_in(LI).get("/cases/nowhere")
    assert (
        nowhere.status_code == 404 and 'href="/cases"' in nowhere.text and 'href="/cases/nowhere"' not in nowhere.text
    )
    refused = await signed_in(OPERATOR).post(f"{CASE}/appeals", data={"reason": "too harsh"})
    assert refused.status_code == 409 and f'href="{CASE}"' in refused.text


async def test_a_page_offers_a_claim_only_where_it_would_be_granted_and_else_says_why_not(
    review: Review, signed_in: SignIn
) -> None:
    await review.react([received("SC-1", scene())])
    operator, li = signed_in(OPERATOR), signed_in(LI)
    assert "Claim this case" in (await li.get(CASE)).text

    async def told(profile: dict[str, Any]) -> None:
        await operator.put("/reviewers/reviewer-li", json={"name": "Li"} | profile, headers=JSON)
        page, refused = await li.get(CASE), await li.post(f"{CASE}/claim")
        assert "Claim this case" not in page.text and refused.status_code in (403, 409)
        (reason,) = re.findall(r"<h1[^>]*>([^<]*)</h1>", refused.text)
        assert reason in page.text, "the page says what pressing it would"
        reasons.append(reason)

    reasons: list[str] = []
    await told({"conflicts": [OWN]})
    await told({"partner": OWN})
    assert reasons == ["This case is for other reviewers."] * 2, "whose case it is, is not to be told"
    await operator.put("/reviewers/reviewer-wang", json={"name": "Wang"}, headers=JSON)
    await operator.post(f"{CASE}/assignments", json={"reviewer": "reviewer-wang"}, headers=JSON)
    await told({})
    await operator.delete("/reviewers/reviewer-li", headers=JSON)
    page = (await li.get(CASE)).text
    assert "You are no longer on the roster" in page and "Claim this case" not in page


async def test_nobody_holds_more_than_a_few_cases_at_a_time(review: Review, signed_in: SignIn) -> None:
    await review.react([received(f"SC-{n}", scene()) for n in range(MOST_HELD + 1)])
    li, cases = signed_in(LI), [ADDRESSES.path(f"{OWN}/SC-{n}@1") for n in range(MOST_HELD + 1)]
    for case in (*cases[:-1], cases[0]):
        assert (await li.post(f"{case}/claim")).status_code == 200
    refused = await li.post(f"{cases[-1]}/claim")
    assert refused.status_code == 409 and all(f'href="{case}"' in refused.text for case in cases)
    assert "Claim this case" not in (await li.get(cases[-1])).text
    await li.post(f"{cases[0]}/release")
    assert (await li.post(f"{cases[-1]}/claim")).status_code == 200


async def test_give_back_and_conflict_lead_back_to_the_desk(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    li = signed_in(LI)
    await li.post("/cases:next")
    assert "You gave the case back." in (await li.post(f"{CASE}/release")).text
    assert "on record" in (await li.post(f"{CASE}/conflict")).text
    page = (await li.get(CASE)).text
    assert "Claim this case" not in page and "Declare a conflict" not in page


async def test_a_revision_shows_what_was_asked_and_what_changed(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    for me in (LI, WANG):
        person = signed_in(me)
        await person.post("/cases:next")
        data = GOOD | {"verdict": "request-changes", "comment": "Name the budget.", "key": me.sub}
        await person.post(f"{CASE}/reviews", data=data)
    await review.react([revised("SC-1", 2, scene(budget_yuan=7_000_000))])
    page = (await signed_in(LI).get(ADDRESSES.path(f"{OWN}/SC-1@2"))).text
    for text in (
        "What was asked then",
        "Name the budget.",
        "1 change since",
        "<del>6,800,000</del>",
        "<ins>7,000,000</ins>",
    ):
        assert text in page


async def test_a_near_duplicate_stands_beside_the_case_with_its_score_why_and_what_differs(
    review: Review, signed_in: SignIn
) -> None:
    await review.react([received("SC-1", scene()), received("SC-2", owned(scene(offers=()), OTHER))])
    page = (await signed_in(OPERATOR).get(ADDRESSES.path(f"{OTHER}/SC-2@1"))).text
    for text in (
        f'href="{CASE}"',
        "100% alike",
        "All but the same as another submission.",
        "Alike in: Title, Summary.",
        "The scene offers nothing.",
        "4 values differ",  # the owner, and what the one offers in three values
        "<del>Space</del>",
    ):
        assert text in page, text
    row = re.search(r"Owner · USCC</th>(.*?)</tr>", page, re.DOTALL)
    assert row and "<del>" in row[1] and "<ins>" in row[1]


async def test_the_operator_sees_and_does_nothing(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    operator = signed_in(OPERATOR)
    for path in ("/cases", CASE, "/cases/decided"):
        page = (await operator.get(path)).text
        assert '<form method="post" action="/cases' not in page
    assert (await operator.post("/cases:next")).status_code == 403


async def test_decided_cases_are_filtered(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene()), received("PR-1", product(), AT)])
    for me in (LI, WANG):
        person = signed_in(me)
        await person.post(f"{CASE}/claim")
        await person.post(f"{CASE}/reviews", data=GOOD | {"key": me.sub})
    li = signed_in(LI)
    assert CASE in (await li.get("/cases/decided?decision=approved&kind=scene")).text
    assert "No decided case fits" in (await li.get("/cases/decided?decision=rejected")).text
    all_of_them = (await li.get("/cases/decided?decision=nonsense&kind=xx")).text
    assert CASE in all_of_them and "Remove the filter" not in all_of_them, "it is not shown as if it filtered"


async def test_pages_are_chinese_for_who_asks_and_nobody_comes_in_unsigned(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    li = signed_in(LI)
    for path, text in (("/cases", "评审下一件"), (CASE, "机器检查结果"), ("/cases/decided", "已决定案件")):
        assert text in (await li.get(path, headers={"Accept-Language": "zh"})).text
    li.cookies.clear()
    assert (await li.get("/cases", follow_redirects=False)).headers["location"] == "/sign-in?next=/cases"
    assert (await li.get("/cases", headers=JSON)).status_code == 401
