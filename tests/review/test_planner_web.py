"""The planner as an operator meets it: what was measured, what follows, and plans that are scored."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import httpx2
import pytest

from review.checks.ruleset import CURRENT
from review.domain.acts import CaseCommand
from review.domain.claiming import DeclareConflict
from review.domain.reviewer import Register, stream
from review.domain.reviewing import WithdrawReview
from review.planner.core import Calendar, Foretold, foretell
from review.planner.form import defaults, read
from review.planner.measured import BY_PEOPLE, COMES_TO_PEOPLE, ROUTED, _checked, happened, measured, timed
from review.planner.plans import Plans, Question
from review.shadow import checked_again
from schemas.review import Away, Profile, Route, Verdict
from tests.review.acts import by, claim, giving
from tests.review.conftest import ADDRESSES, Review, SignIn, reviewer
from tests.review.entries import AT, OTHER, OWN, linkage, product, received, scene
from tests.review.people import GOOD, ONLOOKER, OPERATOR

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
    assert (known.waiting, known.timed.reviews, known.timed.discordant) == (3, 2, 0.0), "one was decided today"
    assert 0 <= known.timed.minutes < 1
    assert known.arrivals == 0  # they came long ago


async def test_a_review_that_was_undone_and_given_again_is_one_review_and_takes_all_its_time(review: Review) -> None:
    await review.react([received("SC-1", scene())])
    undo = WithdrawReview(**by("user:li", 20.1), reviewer="li", until=AT + timedelta(minutes=50))
    acts: list[CaseCommand] = [claim("li"), giving("li", minutes=20), undo, giving("li", minutes=20.3)]
    acts += [claim("wang", minutes=30), giving("wang", minutes=40)]
    # Zhao's was taken back for good, for a conflict of interest.
    declared = DeclareConflict(**by("user:zhao", 26), reviewer="zhao")
    acts[4:4] = [claim("zhao", minutes=21), giving("zhao", Verdict.REJECT, "no", minutes=25), declared]
    for n, act in enumerate(acts):
        await review.cases.handle([replace(act, cause=f"act {n}")])
    known = await timed(review.store.cases)
    assert (known.reviews, round(known.minutes, 1)) == (2, 15.1), "20.2 and 10"


async def test_an_express_lane_takes_what_the_route_would_and_not_what_scores_as_much(review: Review) -> None:
    linked = linkage(f"{OWN}/SC-1", f"{OTHER}/PR-1")
    # With nothing attached a score of 95; of the scene, too much is promised for one reader's word at any score.
    await review.react([received("SC-1", scene()), received("PR-1", product(attachments=())), received("LK-1", linked)])
    known = await measured(review.store.cases, datetime.now(UTC))
    # The same that `shuangqian review shadow` would say of rules with that score.
    for threshold in (None, 0.95, 0.9, 0.6):
        rules = CURRENT
        if threshold:
            express = CURRENT.routes.express.model_copy(update={"from_": round(100 * threshold)})
            rules = CURRENT.model_copy(update={"routes": CURRENT.routes.model_copy(update={"express": express})})
        checked = [_checked(case["_id"], case["state"]) async for case in review.store.cases.find({}, {"state": 1})]
        routes = [checked_again(one, rules)[2] for one in checked]
        people = [route for route in routes if route is not Route.RETURN]
        assert known.express(threshold) == pytest.approx(people.count(Route.EXPRESS) / len(people)), threshold
    assert known.express(None) == 0.0 and known.express(0.95) == pytest.approx(1 / 3)


async def test_only_cases_with_a_review_count_as_decided_and_only_those_for_people_as_come(
    review: Review, signed_in: SignIn
) -> None:
    at = datetime.now(UTC)
    hopeless = {"summary": {"zh": "测试" * 6}, "title": {"zh": "测试" * 6}, "attachments": ()}
    small = scene(offers=({"type": "space", "amount": 400, "unit": "m2"},))
    await review.react([received("S-1", small, at), *(received(f"X-{n}", scene(**hopeless), at) for n in range(3))])
    routes = [case["state"]["route"] async for case in review.store.cases.find({}, {"state.route": 1})]
    assert sorted(routes) == ["express", "return", "return", "return"]
    before = await measured(review.store.cases, at)
    assert (before.waiting, before.begun, len(before.express_from), round(before.arrivals)) == (1, 0, 1, 1)
    assert await happened(review.store.cases, at.date(), at.date() + timedelta(days=1)) == 0
    client = signed_in(reviewer("reviewer-li"))
    path = (await client.post("/cases:next", headers=PAGE)).url.path
    await client.post(f"{path}/reviews", data=GOOD | {"key": "li"}, headers=PAGE)
    assert await happened(review.store.cases, at.date(), at.date() + timedelta(days=1)) == 1


async def test_a_case_that_had_a_review_before_today_waits_for_one_more(review: Review, signed_in: SignIn) -> None:
    await review.react([received(f"SC-{n}", scene()) for n in range(1, 4)])
    await review.cases.handle([replace(claim("wang"), cause="claim")])
    await review.cases.handle([replace(giving("wang", minutes=10), cause="give")])
    known = await measured(review.store.cases, AT + timedelta(minutes=20))
    assert (known.waiting, known.begun) == (3, 0), "what was given today is of the day that is foretold"
    # Of another case the first review is given today.
    client = signed_in(reviewer("reviewer-li"))
    other = ADDRESSES.path(f"{OWN}/SC-2@1")
    await client.post(f"{other}/claim", headers=PAGE)
    await client.post(f"{other}/reviews", data=GOOD | {"key": "li"}, headers=PAGE)
    known = await measured(review.store.cases, datetime.now(UTC))
    assert (known.waiting, known.begun, known.assumptions().begun) == (3, 1, 1)
    shown = (await signed_in(OPERATOR).get("/planner", headers=PAGE)).text
    assert "Measured: 3, those decided today among them; 1 had a review before today" in shown
    assert "Measured: under 0.5" not in shown, "no case is decided yet, by which reviews could be timed"


async def test_a_plan_made_in_the_evening_is_scored_on_the_whole_day_that_it_foretold(
    review: Review, signed_in: SignIn
) -> None:
    """Two review, each 20 minutes a day, 10 minutes a review: two of three cases, one of them before it is made."""

    async def decide(reference: str, minutes: int) -> None:
        for sub in ("li", "wang"):
            for act in (claim(sub, minutes), giving(sub, minutes=minutes + 10)):
                case, cause = f"{OWN}/{reference}@1", f"{sub} {act.at}"
                # The second and third resemble the first, and so are experts' cases.
                await review.cases.handle([replace(act, stream=case, cause=cause, expert=True)])
            minutes += 20

    await review.react([received(f"SC-{n}", scene()) for n in range(1, 4)])
    await decide("SC-1", 5 * 60)
    evening = AT + timedelta(hours=8, minutes=30)  # 17:30 by the city's clocks
    known = await measured(review.store.cases, evening)
    assert (known.waiting, known.begun, known.passed) == (3, 0, 17 / 24)
    day, reviewers = evening.date(), [Calendar((20,) * 7)] * 2
    foretold = foretell(known.assumptions(), reviewers, day, day, 2)
    assert foretold == Foretold(2, 2, 2, 1.0)
    question = Question(goal=2, until=day, reviewers=2, minutes_a_day=20, threshold=None)
    id = await Plans(review.database).keep(evening, "user:op", question, known.assumptions(), foretold, 2)
    await decide("SC-2", 10 * 60)
    shown = (await signed_in(OPERATOR).get(f"/planner/plans/{id}", headers=PAGE)).text
    assert "within what was foretold" in shown


async def test_the_form_as_it_first_stands_is_always_one_that_can_be_simulated(
    review: Review, signed_in: SignIn
) -> None:
    operator = signed_in(OPERATOR)
    # All came at once and just now, as after a first run: by the day that is more than any plan's.
    await review.react([received(f"SC-{n}", scene(), datetime.now(UTC)) for n in range(3)])
    for waiting, arrivals in ((3, 3.0), (5_081, 5_081.0), (100_000, 100_000.0), (3_000_000, 3_000_000.0)):
        known = replace(await measured(review.store.cases, datetime.now(UTC)), waiting=waiting, arrivals=arrivals)
        form = defaults(known, date(2026, 11, 2), ())
        asked, errors = read(form, known, date(2026, 11, 2), ())
        assert asked is not None and not errors, errors
        assert waiting > 1_000_000 or form["waiting"] == str(waiting), "nothing is cut unseen"
    shown = await operator.get("/planner", headers=PAGE)
    form = dict(re.findall(r'<input class="govuk-input[^>]*? name="(\w+)"[^>]*? value="([^"]*)"', shown.text))
    assert (await operator.get("/planner", params=form, headers=PAGE)).status_code == 200


async def test_an_answer_says_whether_reviewers_or_cases_are_too_few(signed_in: SignIn) -> None:
    operator = signed_in(OPERATOR)
    asked = QUESTION | SUPPOSED | {"waiting": "100000", "goal": "100000"}
    many = await operator.get("/planner", params=asked, headers=PAGE)
    assert "you need more than 200 reviewers" in many.text and "more than 200</td>" in many.text
    few = await operator.get("/planner", params=asked | {"waiting": "10", "goal": "11"}, headers=PAGE)
    assert "11 cannot be decided: not more than 10 are sure to come in time" in few.text
    assert "no number is enough" in few.text


async def test_one_reviewer_is_one(review: Review, signed_in: SignIn) -> None:
    # On the express route: one review decides it.
    await review.react([received("SC-1", scene(offers=({"type": "space", "amount": 400, "unit": "m2"},)))])
    asked = QUESTION | SUPPOSED | {"goal": "1", "waiting": "1"}
    en = (await signed_in(OPERATOR).get("/planner", params=asked, headers=PAGE)).text
    assert re.search(r"To decide 1 by [^<]* you need 1 reviewer\.", en)
    zh = await signed_in(OPERATOR).get("/planner", params=asked, headers=PAGE | {"Accept-Language": "zh"})
    assert "需要 1 名评审员。" in zh.text


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


async def test_where_nobody_on_the_roster_has_time_the_answer_says_so(review: Review, signed_in: SignIn) -> None:
    operator = signed_in(OPERATOR)
    people = (("ma", Profile(name="Ma")), ("zhu", Profile(name="Zhu")))
    registered = [
        Register(stream=stream(sub), cause="test", actor="user:test", at=AT, reviewer=sub, profile=profile)
        for sub, profile in people
    ]
    await review.desk.roster.reviewers.handle(registered)
    form = (await operator.get("/planner", headers=PAGE)).text
    assert "Empty: the 2 on the roster" in form and "0 a week in all" in form, "and not seven with an hour a day"
    asked = {**QUESTION, **SUPPOSED, "reviewers": "", "minutes_a_day": ""}
    answer = await operator.get("/planner", params=asked, headers=PAGE)
    assert "Nobody has time for reviews by the end of" in answer.text and decided_of(answer) == 0
    # What the form says of their time holds, as ever.
    assert decided_of(await operator.get("/planner", params=asked | {"minutes_a_day": "60"}, headers=PAGE)) > 0


def decided_of(answer: httpx2.Response) -> int:
    """The figure that the answer foretells."""
    found = re.search(r"Decided by then.*?sq-figure__value\">\s*([\d,]+)", answer.text, re.DOTALL)
    assert found, answer.text
    return int(found[1].replace(",", ""))


async def test_what_is_measured_is_read_from_indexes(review: Review) -> None:
    await review.react([received(f"SC-{n}", scene()) for n in range(3)])
    cases = review.store.cases
    came = {"state.received": {"$gte": "2026"}} | COMES_TO_PEOPLE
    counted = await cases.find(came, {"_id": 0, "state.received": 1}).explain()
    latest = cases.find({}, {"state.entry": 1}).sort("state.received", -1).limit(ROUTED)
    begun = cases.find({"state.status": "open", "state.reviews.reviewer": {"$exists": True}})
    happened = cases.find(BY_PEOPLE | {"state.decided": {"$gte": "2026", "$lt": "2027"}})
    looked = [(await each.explain(), False) for each in (latest, begun, happened)]
    for explained, covered in ((counted, True), *looked):
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


async def test_where_an_express_lane_is_asked_for_the_answer_is_of_that_one(review: Review, signed_in: SignIn) -> None:
    # With nothing attached a score of 95: every express lane that is compared would take it.
    await review.react([received("PR-1", product(attachments=()))])
    operator = signed_in(OPERATOR)
    plain = (await operator.get("/planner", params=QUESTION | SUPPOSED, headers=PAGE)).text
    assert re.search(r"you need \d+ reviewers, or \d+ and the express lane at 0\.9\.", plain)
    asked = (await operator.get("/planner", params=QUESTION | SUPPOSED | {"threshold": "0.8"}, headers=PAGE)).text
    said = re.search(r"you need (\d+) reviewers and the express lane at 0\.8\.", asked)
    figure = re.search(r'Reviewers needed for.*?sq-figure__value">\s*(\d+)', asked, re.DOTALL)
    assert said and figure and said[1] == figure[1], "as the figure below it says"
    too_much = {"threshold": "0.8", "waiting": "100000", "goal": "100000"}
    shown = (await operator.get("/planner", params=QUESTION | SUPPOSED | too_much, headers=PAGE)).text
    assert "with the express lane at 0.8 you need more than 200 reviewers." in shown


async def test_a_plan_without_a_question_about_the_express_lane_has_that_of_the_rules_even_if_it_took_none(
    signed_in: SignIn,
) -> None:
    shown = (await signed_in(OPERATOR).post("/planner", data=QUESTION | SUPPOSED, headers=PAGE)).text
    assert "as the rules had it" in shown and "0 %" in shown, "no case is there that could be in it"
    assert "no express lane" not in shown


async def test_what_cannot_be_is_said_at_its_field(signed_in: SignIn) -> None:
    operator = signed_in(OPERATOR)
    for wrong, said in (
        ({"goal": "many"}, "Give a whole number from 1 to 1,000,000."),
        ({"reviewers": "0"}, "Give a whole number from 1 to 200."),
        ({"minutes": "nan"}, "Give 0.5 to 1,440."),
        ({"until": "2020-01-01"}, "Give a day from today on"),
        ({"until": "the 28th"}, "Give a day from today on"),
        ({"threshold": "80"}, "Give a number from 0 to 1, or none."),
        ({"arrivals": "999999"}, "more than is simulated: give fewer, or an earlier day"),
    ):
        answer = await operator.get("/planner", params=QUESTION | SUPPOSED | wrong, headers=PAGE)
        assert (answer.status_code, said in answer.text) == (422, True), wrong
        assert (await operator.post("/planner", data=QUESTION | SUPPOSED | wrong, headers=PAGE)).status_code == 422
    # With several, the summary tells them apart; and what cannot be kept leads back to the form as it was sent.
    wrong = QUESTION | SUPPOSED | {"goal": "", "waiting": "", "discordant": ""}
    summary = (await operator.get("/planner", params=wrong, headers=PAGE)).text
    for said in ("Cases to decide: Give a whole number", "Open cases: Give a whole", "third review, %: Give 0 to 100."):
        assert said in summary, said
    refused = (await operator.post("/planner", data=wrong, headers=PAGE)).text
    in_chinese = await operator.post("/planner", data=wrong, headers=PAGE | {"Accept-Language": "zh"})
    assert "。待评审案件：" in in_chinese.text
    back = re.search(r'href="(/planner\?[^"]+)"', refused)
    assert "Open cases: Give a whole number" in refused and back
    assert 'id="goal-error"' in (await operator.get(back[1].replace("&amp;", "&"), headers=PAGE)).text


async def test_a_plan_that_is_kept_is_scored_by_what_was_decided(review: Review, signed_in: SignIn) -> None:
    operator = signed_in(OPERATOR)
    kept = await operator.post("/planner", data=QUESTION | SUPPOSED, headers=PAGE)
    assert kept.url.path.startswith("/planner/plans/")
    shown = kept.text
    assert "still running" in shown and "Decided from the day it was made on" in shown
    # A day after its last day, with nothing decided: not as foretold.
    long_ago = datetime.now(UTC) - timedelta(days=30)
    past = {"made": long_ago, "question.until": (long_ago + timedelta(days=5)).date().isoformat()}
    await review.database["plans"].update_one({}, {"$set": past})
    assert "not as foretold" in (await operator.get(kept.url.path, headers=PAGE)).text
    (plan,) = await Plans(review.database).list()
    assert plan.by == "operator-zheng" and plan.question.goal == 40
    unknown = await operator.get("/planner/plans/none", headers=PAGE)
    assert unknown.status_code == 404 and 'href="/planner#plans"' in unknown.text


async def test_an_onlooker_looks_and_keeps_nothing(review: Review, signed_in: SignIn) -> None:
    onlooker = signed_in(ONLOOKER)
    shown = await onlooker.get("/planner", params=QUESTION | SUPPOSED, headers=PAGE)
    assert shown.status_code == 200 and "Keep this plan" not in shown.text
    assert (await onlooker.post("/planner", data=QUESTION | SUPPOSED, headers=PAGE)).status_code == 403
    assert await Plans(review.database).list() == []
    assert (await signed_in(reviewer("reviewer-li")).get("/planner", headers=PAGE)).status_code == 403
