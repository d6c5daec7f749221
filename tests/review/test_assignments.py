"""The operator's assignments, by page, CSV and JSON: proposed, changed by hand, refused with the reason, applied."""

import asyncio
import re
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from review.assignment.applying import Wish, assign
from review.desk import now
from review.domain.claiming import Claim
from review.domain.lease import LEASE, RESERVED
from review.domain.reviewer import Standing
from review.domain.reviewing import GiveReview
from review.lists import PAGE
from schemas.envelope import Json
from schemas.review import CRITERIA, Verdict
from tests.review.assigning import PEOPLE, PR, SC, assigned, kept, opened, rostered
from tests.review.conftest import ADDRESSES, Review, SignIn, reviewer
from tests.review.entries import OWN, received, scene
from tests.review.people import JSON, ONLOOKER, OPERATOR


async def test_a_program_fetches_a_proposal_and_has_it_carried_out(review: Review, signed_in: SignIn) -> None:
    await opened(review, *PEOPLE)
    operator = signed_in(OPERATOR)
    proposal = (await operator.get("/assignments/proposal", headers=JSON)).json()
    pairs = {(each["case"], each["reviewer"]): each["reasons"] for each in proposal["assignments"]}
    assert pairs[SC, "li"] == ["field", "language", "load", "no-conflict"]
    assert pairs[PR, "wang"] == ["field", "language", "no-conflict"], "who gets the other seat of the scene, too"
    assert len(pairs) == 3 and proposal["unfilled"] == []
    assert not {(SC, "sun"), (PR, "qian"), (SC, "ma"), (PR, "ma")} & pairs.keys(), "in conflict, or without time"
    wanted = [{"case": case, "reviewer": sub, "proposed": True} for case, sub in pairs]
    done = (await operator.post("/assignments", json={"assignments": wanted}, headers=JSON)).json()
    assert done == {"assigned": 3, "freed": 0, "errors": []}
    assert {(id, sub) for id, found in (await kept(review)).items() for sub, _why in found} == set(pairs)
    listed = (await operator.get("/assignments", headers=JSON)).json()["assignments"]
    assert {(each["case"], each["reviewer"]): each["reasons"] for each in listed} == pairs
    again = (await operator.post("/assignments", json={"assignments": wanted}, headers=JSON)).json()
    assert again == {"assigned": 0, "freed": 0, "errors": []}, "what is so already is not written again"
    nothing = (await operator.get("/assignments/proposal", headers=JSON)).json()
    assert (nothing["assignments"], nothing["unfilled"]) == ([], [])
    assert {each["reviewer"]: each["has"] for each in nothing["reviewers"]} == {
        sub: sum(sub == one for _case, one in pairs) for sub in PEOPLE
    }


async def test_whoever_has_nothing_but_what_is_assigned_to_them_is_offered_that(
    review: Review, signed_in: SignIn
) -> None:
    await opened(review, *PEOPLE)
    await assign(review.desk, OPERATOR, "one", [Wish(1, SC, "li"), Wish(2, PR, "li")])
    li, wang = signed_in(reviewer("li")), signed_in(reviewer("wang"))
    assert "Review the next case" in (await li.get("/cases")).text
    assert "Nothing is free for you just now" in (await wang.get("/cases")).text
    assert "Assigned to you: " in (await li.post("/cases:next")).text


async def test_what_nobody_can_take_says_why(review: Review, signed_in: SignIn) -> None:
    await opened(review, "sun", "ma", "qian")
    proposal = (await signed_in(OPERATOR).get("/assignments/proposal", headers=JSON)).json()
    assert {each["case"]: (each["seats"], each["why"]) for each in proposal["unfilled"]} == {
        SC: (1, {"ma": "no-time", "qian": "seated", "sun": "case.conflict"}),
    }, "the product is on the express route: one review, by sun"
    page = (await signed_in(OPERATOR).get("/assignments/proposal")).text
    assert "has a conflict of interest: 孙正" in page and "has no time left today: 马真" in page


def fields(page: str) -> dict[str, str]:
    """The form of the proposal as a browser would send it."""
    hidden = dict(re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)">', page))
    for select in re.findall(r"<select.*?</select>", page, re.DOTALL):
        name = re.search(r'name="([\w-]+)"', select)
        chosen = re.search(r'value="([^"]*)" selected', select)
        assert name
        hidden[name[1]] = chosen[1] if chosen else ""
    return hidden


async def test_an_operator_changes_one_by_hand_a_conflict_is_refused_with_the_reason_then_all_is_applied(
    review: Review, signed_in: SignIn
) -> None:
    await opened(review, *PEOPLE)
    operator = signed_in(OPERATOR)
    form = fields((await operator.get("/assignments/proposal")).text)
    (seat,) = (name[5:] for name, case in form.items() if case == SC and form[f"reviewer-{name[5:]}"] == "li")
    refused = await operator.post("/assignments", data=form | {f"reviewer-{seat}": "sun"})
    assert refused.status_code == 422 and "孙正 has a conflict of interest. Choose somebody else." in refused.text
    assert f'href="#reviewer-{seat}"' in refused.text and await kept(review) == {SC: [], PR: []}, "nothing half done"
    assert fields(refused.text)[f"reviewer-{seat}"] == "sun", "what was chosen stays, to be mended"
    done = await operator.post("/assignments", data=fields(refused.text) | {f"reviewer-{seat}": "ma"})
    assert done.url.path == "/assignments" and "Assigned: 3." in done.text
    reasons = dict((await kept(review))[SC])
    assert reasons["ma"] == ("operator", "field", "load", "no-conflict")
    assert all("operator" not in why for sub, why in reasons.items() if sub != "ma")
    assert "chosen by an operator · own field · has least to do · no conflict of interest" in done.text
    assert (
        "Assigned to you: chosen by an operator · own field"
        in (await signed_in(reviewer("ma")).get(ADDRESSES.path(f"{OWN}/SC-1@1"))).text
    )


async def test_a_seat_left_empty_and_one_taken_is_no_fault_and_cases_left_empty_stay_free(
    review: Review, signed_in: SignIn
) -> None:
    await opened(review, *PEOPLE)
    operator = signed_in(OPERATOR)
    form = fields((await operator.get("/assignments/proposal")).text)
    first = next(name[5:] for name, case in form.items() if case == SC)
    nobody = {name: "" for name in form if name.startswith("reviewer-") and name != f"reviewer-{first}"}
    await operator.post("/assignments", data=form | nobody)
    found = await kept(review)
    assert (len(found[SC]), found[PR]) == (1, [])


async def test_a_case_whose_seats_are_all_left_empty_keeps_no_other_from_being_assigned(
    review: Review, signed_in: SignIn
) -> None:
    await opened(review, "qian", "sun")
    operator = signed_in(OPERATOR)
    form = fields((await operator.get("/assignments/proposal")).text)
    seats = [name[5:] for name, case in form.items() if case == SC and name.startswith("case-")]
    assert len(seats) == 2
    done = await operator.post("/assignments", data=form | {f"reviewer-{seat}": "" for seat in seats})
    assert done.status_code == 200 and "Assigned: 1." in done.text
    assert {id: [sub for sub, _why in found] for id, found in (await kept(review)).items()} == {SC: [], PR: ["sun"]}
    # What somebody else assigned since the form was shown stays theirs.
    await operator.post("/assignments", data=form | {name: "" for name in form if name.startswith("reviewer-")})
    assert [sub for sub, _why in (await kept(review))[PR]] == ["sun"]


async def test_a_case_that_lost_one_of_two_is_proposed_for_its_empty_seat_and_keeps_the_other(
    review: Review, signed_in: SignIn
) -> None:
    await opened(review, "li", "wang", "zhao")
    await assigned(review, (SC, "li"), (SC, "wang"), (PR, "li"))
    operator = signed_in(OPERATOR)
    await review.desk.remove("wang", OPERATOR, "remove")
    proposal = (await operator.get("/assignments/proposal", headers=JSON)).json()
    assert [(each["case"], each["reviewer"], each["kept"]) for each in proposal["assignments"]] == [
        (SC, "li", True),
        (SC, "zhao", False),
    ], "the product has all it waits for"
    page = (await operator.get("/assignments/proposal")).text
    assert "Kept already: chosen by an operator" in page
    # By page, by file, by program: whoever has the other seat stays.
    done = await operator.post("/assignments", data=fields(page))
    assert "Assigned: 1. Taken off: 0." in done.text
    assert [sub for sub, _why in (await kept(review))[SC]] == ["li", "zhao"]
    await operator.post("/assignments:off", data={"case": SC, "reviewer": "zhao"})
    file = (await operator.get("/assignments/proposal.csv")).content
    done = await operator.post("/assignments:file", files={"file": ("a.csv", file, "text/csv")})
    assert "Assigned: 1. Taken off: 0." in done.text
    await operator.post("/assignments:off", data={"case": SC, "reviewer": "zhao"})
    wanted = [{name: each[name] for name in ("case", "reviewer")} for each in proposal["assignments"]]
    answer = await operator.post("/assignments", json={"assignments": wanted}, headers=JSON)
    assert answer.json() == {"assigned": 1, "freed": 0, "errors": []}


async def test_whoever_is_taken_off_by_the_form_loses_the_case_though_nobody_is_put_in_their_place(
    review: Review, signed_in: SignIn
) -> None:
    await opened(review, "li", "wang", "zhao")
    await assigned(review, (SC, "li"), (PR, "wang"))
    operator = signed_in(OPERATOR)
    form = fields((await operator.get("/assignments/proposal")).text)
    seats = [name[5:] for name, case in form.items() if name.startswith("case-") and case == SC]
    assert [form.get(f"kept-{seat}", "") for seat in seats] == ["1", ""]
    (mine, other) = (f"reviewer-{seat}" for seat in seats)
    # Nobody takes the empty seat, and li stays; then li is taken off, too.
    done = await operator.post("/assignments", data=form | {other: ""})
    assert "Assigned: 0. Taken off: 0." in done.text and [sub for sub, _ in (await kept(review))[SC]] == ["li"]
    done = await operator.post("/assignments", data=form | {mine: "", other: ""})
    assert "Assigned: 0. Taken off: 1." in done.text
    assert {id: [sub for sub, _ in found] for id, found in (await kept(review)).items()} == {SC: [], PR: ["wang"]}


async def test_of_a_form_with_a_fault_what_was_kept_already_does_not_count_as_assigned(
    review: Review, signed_in: SignIn
) -> None:
    await opened(review, "li", "sun", "zhao")
    await assigned(review, (SC, "li"))
    operator = signed_in(OPERATOR)
    page = (await operator.get("/assignments/proposal")).text
    form = fields(page)
    seats = [name[5:] for name, case in form.items() if name.startswith("case-") and case == SC]
    (mine, other) = (f"reviewer-{seat}" for seat in seats)
    refused = (await operator.post("/assignments", data=form | {other: "sun"})).text
    assert "has a conflict of interest. Choose somebody else." in refused
    for text in (page, refused):
        counted = re.search("Reviews assigned</dt>(.*?)</dd>", text, re.DOTALL)
        assert counted and re.findall(r"\d+", counted[1]) == ["2", "2"], "the scene’s second, and the product’s"
    # And whoever was kept can be taken off by the form as it came back.
    done = await operator.post("/assignments", data=fields(refused) | {mine: "", other: ""})
    assert "Taken off: 1." in done.text


async def test_where_the_last_line_of_a_page_is_taken_off_the_first_page_is_shown(
    review: Review, signed_in: SignIn
) -> None:
    await review.react([received(f"SC-{n}", scene(budget_yuan=n + 1)) for n in range(PAGE + 1)])
    await rostered(review, "li")
    await assigned(review, *((f"{OWN}/SC-{n}@1", "li") for n in range(PAGE + 1)))
    operator = signed_in(OPERATOR)
    (after,) = re.findall(r'/assignments\?after=([^"&]+)"', (await operator.get("/assignments")).text)
    page = (await operator.get(f"/assignments?after={after}")).text
    (last,) = re.findall(r'name="case" value="([^"]+)"', page)
    done = await operator.post("/assignments:off", data={"case": last, "reviewer": "li", "after": after})
    assert "Taken off: anybody may have the case now." in done.text and "No case is assigned" not in done.text
    assert done.text.count('name="case"') == PAGE and (done.url.path, done.url.query) == ("/assignments", b"")


async def test_faults_over_json_point_at_what_is_wrong(review: Review, signed_in: SignIn) -> None:
    await opened(review, *PEOPLE)
    wanted: list[Json] = [{"case": SC, "reviewer": "li"}, {"case": SC, "reviewer": "sun"}]
    answer = await signed_in(OPERATOR).post("/assignments", json={"assignments": wanted}, headers=JSON)
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/assignments/1/reviewer"]
    assert await kept(review) == {SC: [], PR: []}


async def test_load_counts_what_is_kept_and_held_and_time_is_not_given_twice(review: Review, signed_in: SignIn) -> None:
    await review.react([received(f"SC-{n}", scene(budget_yuan=n + 1)) for n in range(3)])
    await rostered(review, "li", "zhao")
    await assign(review.desk, OPERATOR, "one", [Wish(1, f"{OWN}/SC-0@1", "li")])
    await review.desk.claim(f"{OWN}/SC-1@1", reviewer("li"), "claim")
    proposal = (await signed_in(OPERATOR).get("/assignments/proposal", headers=JSON)).json()
    # An hour holds three reviews of twenty minutes, two of which li has already.
    new = [each for each in proposal["assignments"] if not each["kept"]]
    assert [each["reviewer"] for each in new] == ["zhao", "li", "zhao"], "the other seat of the first, both of the last"
    assert all("load" in each["reasons"] for each in new if each["reviewer"] == "zhao")


async def reviewed(
    review: Review, id: str, sub: str, at: datetime, verdict: Verdict = Verdict.APPROVE, minutes: float = 20
) -> None:
    """Somebody has reviewed the scene, in so many minutes that ended then."""
    by: Json = {"stream": id, "actor": f"user:{sub}", "reviewer": sub, "partner": None, "expert": True}
    said: Json = {"scores": dict.fromkeys(CRITERIA["scene"], 4), "verdict": verdict, "comment": "So it is."}
    began = at - timedelta(minutes=minutes)
    claim = Claim(**by, at=began, cause=f"claim:{sub}", until=began + LEASE)
    outcomes = await review.cases.handle([claim, GiveReview(**by, **said, at=at, cause=f"give:{sub}")])
    assert [outcome.refusal for outcome in outcomes] == [None, None]


async def test_what_was_reviewed_earlier_today_leaves_less_time_what_was_reviewed_yesterday_does_not(
    review: Review, signed_in: SignIn
) -> None:
    # Given scenes that wait for two reviews each, and an hour a day: time for three reviews of twenty minutes.
    await review.react([received(f"SC-{n}", scene(budget_yuan=n + 1)) for n in range(6)])
    await rostered(review, "li", "zhao")
    ids = [f"{OWN}/SC-{n}@1" for n in range(6)]
    operator = signed_in(OPERATOR)
    # When li gives two today, zhao one yesterday, and li holds none of them any more,
    at = now()
    await reviewed(review, ids[0], "li", at)
    await reviewed(review, ids[1], "li", at)
    await reviewed(review, ids[2], "zhao", at - timedelta(days=1))
    # then li has time for one more, zhao for three; and the page says how the day is used.
    proposal = (await operator.get("/assignments/proposal", headers=JSON)).json()
    assert proposal["reviewers"] == [
        {"reviewer": "li", "today_min": 60, "used_min": 40.0, "has": 0, "time_for": 1},
        {"reviewer": "zhao", "today_min": 60, "used_min": 0.0, "has": 0, "time_for": 3},
    ]
    assert Counter(each["reviewer"] for each in proposal["assignments"]) == {"li": 1, "zhao": 3}
    en = (await operator.get("/assignments/proposal")).text
    assert "李评 (0.7 of 1 h used)" in en and "赵明 (0 of 1 h used)" in en
    assert "has time, but for cases that come first: 李评 (0.7 of 1 h used)" in en
    zh = (await operator.get("/assignments/proposal", headers={"Accept-Language": "zh"})).text
    assert "李评（已用 0.7 / 1 小时）" in zh
    # And when the two decide a case today, and the decision is objected to, it was their time all the same.
    await reviewed(review, ids[3], "li", at, Verdict.REJECT)
    await reviewed(review, ids[3], "zhao", at, Verdict.REJECT)
    await review.desk.appeal(ids[3], OPERATOR, "objection", "partner", "see page 2")
    proposal = (await operator.get("/assignments/proposal", headers=JSON)).json()
    assert proposal["reviewers"] == [
        {"reviewer": "li", "today_min": 60, "used_min": 60.0, "has": 0, "time_for": 0},
        {"reviewer": "zhao", "today_min": 60, "used_min": 20.0, "has": 0, "time_for": 2},
    ]


async def test_after_reviews_of_a_moment_the_page_does_not_say_that_there_is_no_time_and_none_used(
    review: Review, signed_in: SignIn
) -> None:
    await review.react([received(f"SC-{n}", scene(budget_yuan=n + 1)) for n in range(61)])
    await rostered(review, "li", "zhao")
    for n in range(60):
        for sub in ("li", "zhao"):
            await reviewed(review, f"{OWN}/SC-{n}@1", sub, now(), minutes=0.001)
    page = (await signed_in(OPERATOR).get("/assignments/proposal")).text
    assert "0.5 minutes each, as measured" in page and "李评 (0.5 of 1 h used)" in page
    assert "no time left" not in page


async def test_two_operators_at_once_leave_no_case_kept_for_more_than_its_seats_ask(
    review: Review, signed_in: SignIn
) -> None:
    await opened(review, *PEOPLE)
    pairs = (["li", "zhao"], ["wang", "ma"])
    wishes = [[Wish(n, SC, sub) for n, sub in enumerate(pair)] for pair in pairs]
    done = await asyncio.gather(*(assign(review.desk, OPERATOR, f"press-{n}", each) for n, each in enumerate(wishes)))
    assert len((await kept(review))[SC]) == 2
    # Whoever was second is told so, or took the place of the first.
    assert all(each.assigned or len(each.faults) == 2 for each in done)


async def test_a_reviewer_in_conflict_is_refused_even_if_the_case_moves_on_in_between(
    review: Review, signed_in: SignIn
) -> None:
    await opened(review, *PEOPLE)
    await review.desk.declare_conflict(SC, reviewer("zhao"), "declared")
    done = await assign(review.desk, OPERATOR, "press", [Wish(7, SC, "zhao")])
    assert [(fault.row, fault.field) for fault in done.faults] == [(7, "reviewer")] and not done.written


async def test_the_desk_offers_next_only_where_next_gives_something(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    await rostered(review, "li")
    await assigned(review, (SC, "li"))
    at = now()
    standing = await review.desk.standing(reviewer("li"))
    assert await review.store.queue.waits_for(standing, at)
    assert not await review.store.queue.waits_for(replace(standing, conflicts=(OWN,)), at)
    assert not await review.store.queue.waits_for(replace(standing, sub="zhao"), at)
    # Assigned to them, and in the hands of somebody to whom it was assigned as well: the desk says until when.
    await rostered(review, "wang")
    await review.desk.assign(SC, OPERATOR, "also", "wang")
    await review.desk.claim(SC, reviewer("wang"), "claim")
    assert [held.reviewers for held in await review.store.queue.held_by_others(standing, now())] == [("wang",)]
    page = (await signed_in(reviewer("li")).get("/cases")).text
    assert "Review the next case" not in page and "the first comes free at" in page


async def test_a_desk_of_which_all_is_with_others_says_with_whom_in_a_few_lines(
    review: Review, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    await review.react([received(f"SC-{n}", scene(budget_yuan=n + 1)) for n in range(8)])
    await rostered(review, *PEOPLE)
    ids = [f"{OWN}/SC-{n}@1" for n in range(8)]
    await review.desk.claim(ids[0], reviewer("zhao"), "claim")
    mine = ["li", "li", "li", "wang", "ma", "zhao", "qian"]
    await assigned(review, *((id, sub) for id, sub in zip(ids[1:], mine, strict=True)))
    await assigned(review, (ids[0], "li"))
    yang = signed_in(reviewer("yang"))
    page = (await yang.get("/cases")).text
    assert "zhao: 1 case is in their hands, until" in page and "li: 3 cases are kept for them, the first until" in page
    assert page.count("kept for them, ") == 4 and "and 1 more" in page, "five lines, and the rest as a number"
    # A case in somebody's hands that is kept for others as well is not free when they give it back.
    held = {each.id: each for each in await review.store.queue.held_by_others(Standing("yang"), now())}
    assert held[ids[0]].until > now() + RESERVED - timedelta(minutes=5)
    answer = await yang.post("/cases:next", headers=JSON)
    assert (answer.status_code, answer.headers["Held-By-Others"]) == (204, "8")
    # Where no more are counted, nobody is told that this is the number.
    for module in ("queue", "pages", "api"):
        monkeypatch.setattr(f"review.{module}.MOST_COUNTED", 6)
    assert "There are over 6; of the first:" in (await yang.get("/cases")).text
    headers = (await yang.post("/cases:next", headers=JSON)).headers
    assert headers["Held-By-Others-At-Least"] == "6" and "Held-By-Others" not in headers


async def test_several_for_whom_one_case_is_kept_are_enumerated_as_each_language_does(
    review: Review, signed_in: SignIn
) -> None:
    await review.react([received("SC-1", scene())])
    await rostered(review, "li", "ma")
    await assigned(review, (SC, "li"), (SC, "ma"))
    for language, said in (("en", "li, ma: 1 case is kept for them"), ("zh", "li、ma：为其保留 1 件")):
        page = await signed_in(reviewer("yang")).get("/cases", headers={"Accept-Language": language})
        assert said in page.text


async def test_onlookers_look_and_reviewers_do_not(review: Review, signed_in: SignIn) -> None:
    await opened(review, *PEOPLE)
    onlooker = signed_in(ONLOOKER)
    for path in ("/assignments", "/assignments/proposal", "/reviewers"):
        answer = await onlooker.get(path)
        assert (answer.status_code == 200 and "<form method" not in re.sub(r"(?s).*<main", "", answer.text)) or (
            path == "/assignments/proposal" and "Assign these" not in answer.text
        ), path
        assert (await signed_in(reviewer("li")).get(path)).status_code == 403
    for path in ("/assignments", "/assignments:off", "/assignments:file", "/reviewers:file", "/reviewers:new"):
        assert (await onlooker.post(path)).status_code == 403, path
    assert (await signed_in(OPERATOR).get("/assignments")).status_code == 200
