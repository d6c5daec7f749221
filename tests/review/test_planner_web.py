"""The planner as an operator meets it: what was measured, what follows, and plans that are scored."""

import re
from datetime import UTC, date, datetime, timedelta

import httpx2

from review.domain.reviewer import Register, stream
from review.planner.measured import SCORED, measured
from review.planner.plans import Plans
from schemas.review import Away, Profile
from tests.review.conftest import Review, SignIn, reviewer
from tests.review.entries import AT, received, scene
from tests.review.test_web import GOOD
from web.people import Person

OPERATOR = Person("operator-zheng", "郑运", ("operator",))
ONLOOKER = Person("onlooker-jin", "金观", ("onlooker",))
PAGE = {"Accept": "text/html", "Accept-Language": "en"}
SOON = (datetime.now(UTC) + timedelta(days=10)).date().isoformat()
QUESTION = {"goal": "40", "until": SOON, "reviewers": "4", "minutes_a_day": "60", "threshold": "", "waiting": "60"}
SUPPOSED = {"arrivals": "0", "minutes": "20", "spread": "0.5", "discordant": "10"}


async def test_open_cases_and_the_time_of_reviews_are_measured(review: Review, signed_in: SignIn) -> None:
    await review.react([received(f"SC-{n}", scene()) for n in range(3)])
    for sub in ("reviewer-li", "reviewer-wang"):
        client = signed_in(reviewer(sub))
        path = (await client.post("/cases:next", headers=PAGE)).url.path
        assert (await client.post(f"{path}/reviews", data=GOOD | {"key": sub}, headers=PAGE)).url.path == "/cases"
    known = await measured(review.store.cases, datetime.now(UTC))
    assert (known.waiting, known.timed, known.discordant) == (2, 2, 0.0)
    assert 0 <= known.minutes < 1
    assert known.express(0.0) == 1.0
    assert len(known.checked) == 3
    assert known.arrivals == 0  # they came long ago


async def test_the_roster_says_who_reviews_when_unless_the_form_does(review: Review, signed_in: SignIn) -> None:
    operator = signed_in(OPERATOR)
    assert (
        'id="reviewers" name="reviewers" type="text" inputmode="decimal" value="7"'
        in (await operator.get("/planner", headers=PAGE)).text
    ), "nobody is on the roster"
    await review.desk.roster.reviewers.handle(
        [
            Register(stream=stream(sub), cause="test", actor="user:test", at=AT, reviewer=sub, profile=profile)
            for sub, profile in (
                ("li", Profile(name="Li", minutes=(60,) * 7)),
                ("wang", Profile(name="Wang", minutes=(120,) * 7, away=(Away(first=AT.date(), last=date.max),))),
                ("ma", Profile(name="Ma")),
            )
        ]
    )
    form = (await operator.get("/planner", headers=PAGE)).text
    assert "Empty: the 2 on the roster" in form and "1,260 a week in all" in form, "without ma, who has no time"
    asked = {**QUESTION, **SUPPOSED, "reviewers": "", "minutes_a_day": ""}
    rostered = decided_of(await operator.get("/planner", params=asked, headers=PAGE))
    assert "Decided by then with 2 reviewers" in (await operator.get("/planner", params=asked, headers=PAGE)).text
    # The one who is not away has an hour a day: eleven days are too few for 60 cases of two reviews.
    assert rostered < decided_of(await operator.get("/planner", params=asked | {"reviewers": "8"}, headers=PAGE))
    assert rostered < decided_of(await operator.get("/planner", params=asked | {"minutes_a_day": "240"}, headers=PAGE))
    kept = await operator.post("/planner", data=asked, headers=PAGE)
    assert "2, as on the roster then" in kept.text


def decided_of(answer: httpx2.Response) -> int:
    """The figure that the answer foretells."""
    found = re.search(r"Decided by then.*?sq-figure__value\">\s*([\d,]+)", answer.text, re.DOTALL)
    assert found, answer.text
    return int(found[1].replace(",", ""))


async def test_what_is_measured_is_read_from_indexes(review: Review) -> None:
    await review.react([received(f"SC-{n}", scene()) for n in range(3)])
    cases = review.store.cases
    counted = await cases.find({"state.received": {"$gte": "2026"}}, {"_id": 0, "state.received": 1}).explain()
    latest = cases.find({}, {"_id": 0, "state.checked": 1}).sort("state.received", -1).limit(SCORED)
    happened = cases.find({"state.status": "decided", "state.decided": {"$gte": "2026", "$lt": "2027"}})
    for explained, covered in ((counted, True), (await latest.explain(), True), (await happened.explain(), False)):
        stages = str(explained["queryPlanner"]["winningPlan"])
        assert "IXSCAN" in stages and "COLLSCAN" not in stages
        assert ("FETCH" not in stages) == covered, "nothing but the index is read"


async def test_the_answer_says_who_is_needed_and_the_address_says_the_question(signed_in: SignIn) -> None:
    operator = signed_in(OPERATOR)
    form = (await operator.get("/planner", headers=PAGE)).text
    assert "What is supposed" in form and "To decide" not in form
    answer = await operator.get("/planner", params=QUESTION | SUPPOSED, headers=PAGE)
    assert answer.status_code == 200
    assert "To decide 40 by" in answer.text and "reviewers" in answer.text
    assert "Express lane from a score of" in answer.text


async def test_what_cannot_be_is_said_at_its_field(signed_in: SignIn) -> None:
    operator = signed_in(OPERATOR)
    for wrong, said in (
        ({"goal": "many"}, "Give a whole number from 1 to 3000."),
        ({"reviewers": "0"}, "Give a whole number from 1 to 60."),
        ({"minutes": "nan"}, "Give 0.5 to 1440."),
        ({"until": "2020-01-01"}, "Give a day from today on"),
        ({"until": "the 28th"}, "Give a day from today on"),
        ({"threshold": "80"}, "Give a number from 0 to 1, or none."),
        ({"arrivals": "2999"}, "more than is simulated"),
    ):
        answer = await operator.get("/planner", params=QUESTION | SUPPOSED | wrong, headers=PAGE)
        assert (answer.status_code, said in answer.text) == (422, True), wrong
        assert (await operator.post("/planner", data=QUESTION | SUPPOSED | wrong, headers=PAGE)).status_code == 422


async def test_a_plan_that_is_kept_is_scored_by_what_was_decided(review: Review, signed_in: SignIn) -> None:
    operator = signed_in(OPERATOR)
    kept = await operator.post("/planner", data=QUESTION | SUPPOSED, headers=PAGE)
    assert kept.url.path.startswith("/planner/plans/")
    shown = kept.text
    assert "still running" in shown and "Decided since the plan was made" in shown
    # A day after its last day, with nothing decided: not as foretold.
    long_ago = datetime.now(UTC) - timedelta(days=30)
    past = {"made": long_ago, "question.until": (long_ago + timedelta(days=5)).date().isoformat()}
    await review.database["plans"].update_one({}, {"$set": past})
    assert "not as foretold" in (await operator.get(kept.url.path, headers=PAGE)).text
    (plan,) = await Plans(review.database).list()
    assert plan.by == "operator-zheng" and plan.question.goal == 40
    assert (await operator.get("/planner/plans/none", headers=PAGE)).status_code == 404


async def test_an_onlooker_looks_and_keeps_nothing(review: Review, signed_in: SignIn) -> None:
    onlooker = signed_in(ONLOOKER)
    shown = await onlooker.get("/planner", params=QUESTION | SUPPOSED, headers=PAGE)
    assert shown.status_code == 200 and "Keep this plan" not in shown.text
    assert (await onlooker.post("/planner", data=QUESTION | SUPPOSED, headers=PAGE)).status_code == 403
    assert await Plans(review.database).list() == []
    assert (await signed_in(reviewer("reviewer-li")).get("/planner", headers=PAGE)).status_code == 403
