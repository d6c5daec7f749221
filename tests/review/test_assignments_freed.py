"""What is kept for somebody who is away, or may not judge it any more, becomes free for others."""

from datetime import timedelta

from review.assignment.applying import Wish, assign
from review.desk import now
from review.domain.claiming import Claim
from review.domain.lease import LEASE
from tests.review.assigning import PEOPLE, PR, SC, assigned, kept, opened, rostered
from tests.review.conftest import Review, SignIn, reviewer
from tests.review.entries import OTHER, OWN, received, scene
from tests.review.people import JSON, ONLOOKER, OPERATOR
from web.languages import CITY_TIME


async def test_of_whoever_is_away_it_is_said_what_is_kept_for_them_and_one_press_frees_it(
    review: Review, signed_in: SignIn
) -> None:
    await opened(review, "li", "wang")
    await assigned(review, (SC, "li"), (SC, "wang"), (PR, "li"))
    operator, onlooker = signed_in(OPERATOR), signed_in(ONLOOKER)
    assert "who is away" not in (await operator.get("/assignments")).text
    # On leave since yesterday, as the roster's form says it; another will be next week.
    today = now().astimezone(CITY_TIME).date()
    leave = {"li": today - timedelta(days=1), "wang": today + timedelta(days=7)}
    for sub, first in leave.items():
        days = f"{first}/{first + timedelta(days=3)}"
        answer = await operator.post(f"/reviewers/{sub}", data={"name": sub, "languages": "zh", "away": days})
    for page in (answer.text, (await operator.get("/assignments")).text):
        assert "2 cases are kept for li, who is away." in page and "kept for wang" not in page
    looked = (await onlooker.get("/assignments")).text
    assert "who is away" in looked and "Free them" not in looked
    assert (await onlooker.post("/assignments:free", data={"reviewer": "li"})).status_code == 403
    freed = (await operator.post("/assignments:free", data={"reviewer": "li"})).text
    assert "2 cases are free for others." in freed and "who is away" not in freed
    assert {id: [sub for sub, _why in found] for id, found in (await kept(review)).items()} == {SC: ["wang"], PR: []}


async def test_a_change_of_the_roster_frees_what_somebody_may_judge_no_more(review: Review, signed_in: SignIn) -> None:
    await opened(review, "li", "wang")
    await assigned(review, (SC, "li"), (SC, "wang"), (PR, "li"))
    await review.cases.handle(
        [Claim(stream=SC, cause="c", actor="user:li", at=now(), reviewer="li", partner=None, until=now() + LEASE)]
    )
    operator = signed_in(OPERATOR)
    conflicted = {"name": "李评", "conflicts": [OWN]}
    assert (await operator.put("/reviewers/li", json=conflicted, headers=JSON)).status_code == 200
    case = (await review.cases.get(SC)).state
    assert (case.lease, [each.reviewer for each in case.assignments]) == (None, ["wang"])
    assert [sub for sub, _why in (await kept(review))[PR]] == ["li"], "what they may still judge stays theirs"
    listed = (await operator.get("/assignments", headers=JSON)).json()["assignments"]
    assert {(each["case"], each["reviewer"]) for each in listed} == {(SC, "wang"), (PR, "li")}
    file = "reviewer,name,conflicts\nwang,王审," + OWN
    await operator.post("/reviewers:file", files={"file": ("roster.csv", file.encode(), "text/csv")})
    await operator.post("/reviewers/li", data={"name": "李评", "languages": "zh", "partner": OTHER})
    assert await kept(review) == {SC: [], PR: []}, "by file and by form as well"


async def test_the_first_expert_on_the_roster_frees_experts_cases_of_all_others(review: Review) -> None:
    large = {"type": "space", "amount": 100_000, "unit": "m2"}
    await review.react([received("SC-1", scene(offers=(large,)))])
    await rostered(review, "li")
    assert (await review.cases.get(SC)).state.route == "experts"
    await assigned(review, (SC, "li"))
    await review.desk.register({"wang": PEOPLE["wang"].model_copy(update={"expert": True})}, OPERATOR, "expert")
    assert (await review.cases.get(SC)).state.assignments == ()


async def test_whom_somebody_acts_for_is_learnt_from_their_sign_in_and_what_is_kept_for_them_is_free(
    review: Review, signed_in: SignIn
) -> None:
    await opened(review, "li", "qian")
    await assigned(review, (SC, "li"), (SC, "qian"))
    desk = (await signed_in(reviewer("li", OWN)).get("/cases")).text
    assert "Review the next case" in desk, "the product is theirs to judge"
    assert [sub for sub, _why in (await kept(review))[SC]] == ["qian"]
    assert await signed_in(reviewer("qian", OWN)).post("/cases:next", headers=JSON), "204"
    assert await kept(review) == {SC: [], PR: []}
    found = {each.reviewer: each.profile for each in await review.desk.roster.active() if each.profile}
    assert (found["li"].partner, found["li"].conflicts) == (OWN, ())
    assert (found["qian"].partner, found["qian"].conflicts) == (OTHER, (OWN,)), "what the roster said stays"
    late = await assign(review.desk, OPERATOR, "again", [Wish(0, SC, "li"), Wish(1, SC, "qian")])
    assert (late.assigned, len(late.faults)) == (0, 2)
