"""What goes wrong at the desk: races, a reviewer removed mid-review, a lease lost while writing, a change of mind."""

import asyncio
import re
from collections import Counter
from html import unescape

from review.desk import Desk
from review.domain.reviewing import LONGEST
from review.drafts import LARGEST, Drafts
from review.judging import judging
from review.roster import Roster
from review.store import CaseStore
from schemas.review import CRITERIA, CaseClaimed
from tests.review.conftest import ADDRESSES, Review, SignIn, reviewer
from tests.review.entries import AT, OTHER, OWN, product, received, revised, scene, withdrawn
from tests.review.people import CASE, FORM, GIVEN, JSON, LI, OPERATOR, WANG
from web.people import Person
from web.problems import Problem

PROFILE = {"name": "李评", "industries": ["new-supply-chain"], "minutes": [60, 0, 0, 0, 0, 0, 0]}


async def test_two_who_claim_a_case_in_the_same_instant_a_thousand_times_never_both_have_it(review: Review) -> None:
    await review.react([received(f"SC-{n}", scene()) for n in range(1000)])
    # Two processes: each with streams of its own, which know nothing of the other's.
    desks = [
        Desk(type(review.cases)(review.database, review.cases.decider), CaseStore(review.database), roster, drafts)
        for roster, drafts in ((Roster(review.database), Drafts(review.database)) for _ in range(2))
    ]
    won: Counter[str] = Counter()
    lost: list[str] = []

    async def claim(desk: Desk, me: Person, case: str) -> None:
        try:
            await desk.claim(case, me, f"{me.sub} {case}")
        except Problem as refused:
            lost.append(refused.type)
        else:
            won[case] += 1

    cases = [f"{OWN}/SC-{n}@1" for n in range(1000)]
    for start in range(0, 1000, 50):
        some = cases[start : start + 50]
        # Nobody holds that many: two people for each case.
        ours = (claim(desks[0], reviewer(f"li {case}"), case) for case in some)
        theirs = (claim(desks[1], reviewer(f"wang {case}"), case) for case in some)
        await asyncio.gather(*ours, *theirs)
    assert won == Counter(cases)
    assert lost == ["case-claimed"] * 1000
    found = [await review.cases.get(case) for case in cases]
    assert all(sum(isinstance(event.data, CaseClaimed) for event in case.events) == 1 for case in found)


async def test_two_processes_deal_out_the_next_cases_and_none_twice(review: Review) -> None:
    await review.react([received(f"SC-{n}", scene()) for n in range(120)])
    desks = [
        Desk(
            type(review.cases)(review.database, review.cases.decider),
            CaseStore(review.database),
            Roster(review.database),
            Drafts(review.database),
        )
        for _ in range(2)
    ]
    asks = (desks[n % 2].next(reviewer(f"r{n}"), f"press-{n}") for n in range(100))
    dealt = [outcome.stream for outcome in await asyncio.gather(*asks) if outcome]
    assert len(dealt) == len(set(dealt)) == 100


async def test_ones_own_field_comes_first(review: Review, signed_in: SignIn) -> None:
    await review.react([received("PR-1", product(), AT), received("SC-1", scene())])
    operator = signed_in(OPERATOR)
    assert (await operator.put("/reviewers/reviewer-li", json=PROFILE, headers=JSON)).status_code == 200
    assert (await signed_in(LI).post("/cases:next", headers=JSON)).json()["sector"] == "new-supply-chain"
    assert (await signed_in(WANG).post("/cases:next", headers=JSON)).json()["href"] == ADDRESSES.path(f"{OTHER}/PR-1@1")


async def test_a_standing_conflict_and_a_roster_with_experts_keep_cases_from_people(
    review: Review, signed_in: SignIn
) -> None:
    await review.react([received("SC-1", scene())])
    operator = signed_in(OPERATOR)
    await operator.put("/reviewers/reviewer-li", json=PROFILE | {"conflicts": [OWN]}, headers=JSON)
    assert (await signed_in(LI).post("/cases:next", headers=JSON)).status_code == 204
    assert (await signed_in(LI).post(f"{CASE}/claim", headers=JSON)).status_code == 403
    assert [one["reviewer"] for one in (await operator.get("/reviewers", headers=JSON)).json()["reviewers"]] == [
        "reviewer-li"
    ]
    assert (await signed_in(LI).get("/reviewers", headers=JSON)).status_code == 403


async def test_a_reviewer_removed_mid_review_loses_the_case_and_their_reviews_stand(
    review: Review, signed_in: SignIn
) -> None:
    await review.react([received("SC-1", scene()), received("SC-2", scene())])
    operator, li = signed_in(OPERATOR), signed_in(LI)
    await operator.put("/reviewers/reviewer-li", json=PROFILE, headers=JSON)
    await li.post(f"{CASE}/claim", headers=JSON)
    await li.post(f"{CASE}/reviews", json=GIVEN, headers=JSON)
    await li.post(ADDRESSES.path(f"{OWN}/SC-2@1") + "/claim", headers=JSON)
    assert (await operator.delete("/reviewers/reviewer-li", headers=JSON)).status_code == 204
    assert (await operator.delete("/reviewers/nobody", headers=JSON)).status_code == 404
    assert (await review.cases.get(f"{OWN}/SC-2@1")).state.lease is None
    assert (await review.cases.get(f"{OWN}/SC-1@1")).state.reviewers() == ("reviewer-li",)
    refused = await li.post(ADDRESSES.path(f"{OWN}/SC-2@1") + "/reviews", json=GIVEN, headers=JSON)
    assert refused.json()["type"] == "urn:shuangqian:problem:reviewer-removed"
    assert (await li.post("/cases:next", headers=JSON)).status_code == 403


async def test_a_removed_reviewer_sees_nothing_of_the_desk_by_any_address(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    operator, li = signed_in(OPERATOR), signed_in(LI)
    both = signed_in(Person(LI.sub, LI.name, ("reviewer", "operator")))
    await operator.put("/reviewers/reviewer-li", json=PROFILE, headers=JSON)
    await li.post(f"{CASE}/claim", headers=JSON)
    await operator.delete("/reviewers/reviewer-li", headers=JSON)
    lists = ("/cases", "/cases?status=open", "/cases?status=decided", CASE)
    acts = ("claim", "extend", "draft", "leave", "undo", "release", "conflict")
    for accept in ({}, JSON):
        answers = [await li.get(path, headers=accept) for path in lists]
        answers += [await li.post(f"{CASE}/{act}", headers=accept) for act in acts]
        answers.append(await li.post("/cases:next", headers=accept))
        if accept != JSON:  # these are pages alone
            answers += [await li.get(path) for path in ("/cases/decided", "/snippets", f"{CASE}/conflict")]
            answers += [await li.post(path) for path in ("/snippets", "/snippets/1/delete")]
        for answer in answers:
            assert answer.status_code == 403 and "no longer on the roster" in answer.text, answer.url
        for path in ("/cases", CASE):
            assert (await both.get(path, headers=accept)).status_code == 200, "an operator still comes as one"


async def test_what_was_written_survives_a_lost_lease(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    li, wang = signed_in(LI), signed_in(WANG)
    await li.post(f"{CASE}/claim")
    kept = await li.post(f"{CASE}/draft", data={"comment": "almost done", "verdict": "reject"}, headers=JSON)
    assert kept.status_code == 204
    await li.post(f"{CASE}/release")
    await wang.post(f"{CASE}/claim")
    assert "almost done" not in (await wang.get(CASE)).text
    await wang.post(f"{CASE}/release")
    page = (await li.post(f"{CASE}/claim")).text
    assert "almost done" in page and 'value="reject" checked' in page


async def test_who_lost_the_case_hears_so_before_what_is_missing_and_keeps_what_was_sent(
    review: Review, signed_in: SignIn
) -> None:
    await review.react([received("SC-1", scene())])
    li, wang = signed_in(LI), signed_in(WANG)
    await li.post(f"{CASE}/claim")
    missing = await li.post(f"{CASE}/reviews", data={"verdict": "reject"})
    assert missing.status_code == 422 and 'href="#comment"' in missing.text, "while one holds it, what is missing"
    await li.post(f"{CASE}/release")
    await wang.post(f"{CASE}/claim")
    lost = await li.post(f"{CASE}/reviews", data={"comment": "the last words"})
    assert lost.status_code == 409 and "reviewer-wang holds it until" in lost.text
    assert "What you wrote is kept for 30 days" in lost.text and "There is a problem" not in lost.text
    zh = {"Accept-Language": "zh"}
    refused = await li.post(f"{CASE}/reviews", data={"comment": "the last words"}, headers=zh)
    assert re.search("reviewer-wang 领取至.*。您写下的内容", refused.text)
    assert "他人领取。reviewer-wang" in (await li.get(CASE, headers=zh)).text
    huge = await li.post(f"{CASE}/reviews", data={"comment": "x" * (LARGEST + 1)})
    assert huge.status_code == 409 and "too long to be saved" in huge.text and "is kept for" not in huge.text
    await wang.post(f"{CASE}/release")
    assert "the last words" in (await li.post(f"{CASE}/claim")).text


async def test_a_page_that_stayed_open_does_nothing_in_the_name_of_who_signed_in_since(
    review: Review, signed_in: SignIn
) -> None:
    """All tabs of a browser share one session: what was being written would land in somebody else's draft."""
    await review.react([received("SC-1", scene())])
    wang = signed_in(WANG)
    opened = (await wang.post(f"{CASE}/claim", data={"person": WANG.sub})).text
    opened += (await wang.get(f"{CASE}/conflict")).text
    acting = re.findall(r"<form method=.post. action=./cases.*?</form>", opened, re.DOTALL)
    assert len(acting) == 3 and all(f'name="person" value="{WANG.sub}"' in form for form in acting)
    of_li = {"person": LI.sub, "comment": "unfinished words"}
    for act in ("draft", "extend", "leave", "release", "conflict", "claim", "undo", "reviews"):
        refused = await wang.post(f"{CASE}/{act}", data=of_li, headers=JSON)
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:shuangqian:problem:page-of-another"), act
    page = await wang.post(f"{CASE}/reviews", data=of_li)
    assert "Somebody else is signed in now." in page.text and f'href="{CASE}"' in page.text
    assert (await wang.post("/cases:next", data=of_li)).status_code == 409
    assert "unfinished words" not in (await wang.get(CASE)).text
    state = (await review.cases.get(f"{OWN}/SC-1@1")).state
    assert state.lease and state.lease.reviewer == WANG.sub
    mine = {"person": WANG.sub, "comment": "words of my own"}
    assert (await wang.post(f"{CASE}/draft", data=mine, headers=JSON)).status_code == 204
    assert "words of my own" in (await wang.get(CASE)).text


async def test_what_was_written_of_a_case_that_closed_is_shown_to_its_writer_and_leads_to_the_newer_revision(
    review: Review, signed_in: SignIn
) -> None:
    await review.react([received("SC-1", scene())])
    li, wang, newer = signed_in(LI), signed_in(WANG), ADDRESSES.path(f"{OWN}/SC-1@2")
    await li.post(f"{CASE}/claim")
    await review.react([revised("SC-1", 2, scene(budget_yuan=7_000_000))])
    refused = await li.post(
        f"{CASE}/reviews", data={"score-facing-society": "4", "verdict": "reject", "comment": "the last words"}
    )
    assert refused.status_code == 409 and "This case is closed" in refused.text
    assert "stands on the case’s page, to copy" in refused.text and f'href="{newer}"' in refused.text
    page = (await li.get(CASE)).text
    assert "What you had written" in page and ">the last words</p>" in page and "Facing society 4/5" in page
    assert f'href="{newer}"' in page
    others = (await wang.get(CASE)).text
    assert f'href="{newer}"' in others and "What you had written" not in others and "the last words" not in others
    assert "There is a newer revision" not in (await li.get(newer)).text
    huge = await li.post(f"{CASE}/reviews", data={"comment": "x" * (LARGEST + 1)})
    assert "too long to be saved" in huge.text and "is kept for" not in huge.text


async def test_who_has_a_conflict_since_they_claimed_hears_so_and_is_promised_no_claim(
    review: Review, signed_in: SignIn
) -> None:
    await review.react([received("SC-1", scene())])
    operator, li = signed_in(OPERATOR), signed_in(LI)
    await li.post(f"{CASE}/claim")
    await operator.put("/reviewers/reviewer-li", json=PROFILE | {"conflicts": [OWN]}, headers=JSON)
    assert (await review.cases.get(f"{OWN}/SC-1@1")).state.lease is None
    await li.post(f"{CASE}/draft", data={"comment": "the last words"}, headers=JSON)
    extended = await li.post(f"{CASE}/extend", headers=JSON)
    assert extended.json()["type"] == "urn:shuangqian:problem:case-for-others"
    refused = (await li.post(f"{CASE}/reviews", data={"comment": "the very last words"})).text
    page = (await li.get(CASE)).text
    for text in (refused, page):
        assert "This case is for other reviewers." in text and "once you claim" not in text
    assert "stands on the case’s page, to copy" in refused
    assert ">the very last words</p>" in page and "Claim this case" not in page


async def test_a_draft_is_kept_whole_or_refused_never_cut(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    li = signed_in(LI)
    await li.post(f"{CASE}/claim")
    written = "字" * (LONGEST + 5000) + "the end"
    assert (await li.post(f"{CASE}/draft", data={"comment": written}, headers=JSON)).status_code == 204
    assert written in (await li.get(CASE)).text
    refused = await li.post(f"{CASE}/draft", data={"comment": "x" * LARGEST}, headers=JSON)
    assert refused.status_code == 422 and "At most 200,000 characters are kept." in refused.json()["detail"]
    assert written in (await li.get(CASE)).text, "the one before stays"
    shown = await li.post(f"{CASE}/reviews", data={"comment": "x" * LARGEST})
    assert "Shorten it to 20,000 characters." in shown.text and "x" * LARGEST in shown.text


async def test_a_form_with_errors_is_not_a_dead_end(review: Review, signed_in: SignIn) -> None:
    """Its address is that of the POST: the other language, and signing in again, ask for it by GET."""
    await review.react([received("SC-1", scene())])
    li = signed_in(LI)
    for act in ("reviews", "appeals"):
        assert (await li.get(f"{CASE}/{act}")).url.path == CASE


async def test_a_review_is_taken_back_from_the_desk(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    li = signed_in(LI)
    await li.post(f"{CASE}/claim")
    scores = {f"score-{name}": "4" for name in CRITERIA["scene"]}
    desk = await li.post(f"{CASE}/reviews", data=scores | {"verdict": "reject", "comment": "too soon", "key": "k1"})
    assert f'action="{CASE}/undo"' in desk.text
    page = await li.post(f"{CASE}/undo")
    assert "Your review is taken back." in page.text and "too soon" in page.text
    state = (await review.cases.get(f"{OWN}/SC-1@1")).state
    assert (state.reviews, state.lease and state.lease.reviewer) == ((), "reviewer-li")


async def test_the_form_of_a_review_taken_back_is_shown_again_and_gives_it_the_second_time(
    review: Review, signed_in: SignIn
) -> None:
    """The browser's Back leads to it, with its old key."""
    await review.react([received("SC-1", scene())])
    li = signed_in(LI)
    await li.post(f"{CASE}/claim")
    await li.post(f"{CASE}/reviews", data=FORM)
    await li.post(f"{CASE}/undo")
    again = await li.post(f"{CASE}/reviews", data=FORM | {"comment": "too soon"})
    assert "none is given now. Look it over, and send it from here." in again.text
    assert "too soon" in again.text and 'value="reject" checked' in again.text
    (key,) = re.findall(r'name="key" value="([^"]*)"', again.text)
    assert key and key != FORM["key"]
    wrong = (await li.post(f"{CASE}/reviews", data=FORM | {"comment": ""})).text
    assert "none is given now" in wrong and "Say why, so that" in wrong
    done = await li.post(f"{CASE}/reviews", data=FORM | {"comment": "too soon", "key": key})
    assert "Your review is given." in done.text
    assert (await review.cases.get(f"{OWN}/SC-1@1")).state.reviewers() == (LI.sub,)
    await li.post(f"{CASE}/undo")
    await li.post(f"{CASE}/release")
    page = (await li.post(f"{CASE}/reviews", data=FORM)).text
    assert "none is given now." in page and "Look it over" not in page and "Claim this case" in page


async def test_a_review_taken_back_after_somebody_else_took_the_case_asks_for_nothing(
    review: Review, signed_in: SignIn
) -> None:
    await review.react([received("SC-1", scene())])
    li = signed_in(LI)
    await li.post(f"{CASE}/claim")
    await li.post(f"{CASE}/reviews", json=GIVEN, headers=JSON)
    await signed_in(WANG).post(f"{CASE}/claim")
    page = (await li.post(f"{CASE}/undo")).text
    assert "Somebody else has claimed the case meanwhile." in page and "reviewer-wang holds it until" in page
    assert "Judge again" not in page


async def test_leaving_frees_the_case_in_a_minute_and_coming_back_keeps_it(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    li = signed_in(LI)
    await li.post(f"{CASE}/claim", headers=JSON)
    await li.post(f"{CASE}/leave", headers=JSON)
    none = await signed_in(WANG).post("/cases:next", headers=JSON)
    assert (none.status_code, none.headers["held-by-others"]) == (204, "1")
    assert 0 < int(none.headers["retry-after"]) <= 60
    await li.post(f"{CASE}/extend", headers=JSON)
    none = await signed_in(WANG).post("/cases:next", headers=JSON)
    assert int(none.headers["retry-after"]) > 1700


async def test_of_reloads_the_history_shows_the_last_alone(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    li = signed_in(LI)
    await li.post(f"{CASE}/claim", headers=JSON)
    for _ in range(3):
        for act in ("leave", "extend"):
            await li.post(f"{CASE}/{act}", headers=JSON)
    await li.post(f"{CASE}/release", headers=JSON)
    await li.post(f"{CASE}/claim", headers=JSON)
    await li.post(f"{CASE}/leave", headers=JSON)
    assert (await review.cases.get(f"{OWN}/SC-1@1")).version == 2 + 1 + 6 + 1 + 1 + 1, "every fact stays"
    page = (await li.get(CASE)).text
    assert page.count("Time changed") == 2, "one for each time that the case was held"


async def test_of_a_decided_case_its_page_says_that_the_submission_was_withdrawn_and_offers_no_appeal(
    review: Review, signed_in: SignIn
) -> None:
    await review.react([received("SC-1", scene())])
    for me in (LI, WANG):
        person = signed_in(me)
        await person.post(f"{CASE}/claim", headers=JSON)
        await person.post(f"{CASE}/reviews", json=GIVEN, headers=JSON)
    await review.react([withdrawn(f"{OWN}/SC-1", 2)])
    operator = signed_in(OPERATOR)
    page = (await operator.get(CASE)).text
    standing = re.search(r'<ul class="rv-standing">\s*<li>(.*?)</li>', page, re.DOTALL)
    assert standing and "Rejected" in standing[1] and "Withdrawn" in standing[1]
    assert "The partner’s objection" not in page
    refused = await operator.post(f"{CASE}/appeals", data={"reason": "see 2"})
    assert refused.status_code == 409 and "the submission was withdrawn" in refused.text
    assert "A conflict of interest found only now" not in (await signed_in(LI).get(CASE)).text
    assert CASE in (await operator.get("/cases/decided")).text


async def test_an_operator_notes_an_appeal_and_others_judge(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    for me in (LI, WANG):
        person = signed_in(me)
        await person.post(f"{CASE}/claim", headers=JSON)
        await person.post(f"{CASE}/reviews", json=GIVEN, headers=JSON)
    operator = signed_in(OPERATOR)
    assert "The partner’s objection" in (await operator.get(CASE)).text
    for reason, why in ((" ", "Say what the objection is."), ("长" * (LONGEST + 1), "This is too long")):
        wrong = await operator.post(f"{CASE}/appeals", data={"reason": reason})
        assert wrong.status_code == 422 and "There is a problem" in wrong.text and 'href="#reason"' in wrong.text
        assert why in wrong.text and f"{reason}</textarea>" in wrong.text, "what was written stays"
    assert (
        await operator.post(f"{CASE}/appeals", json={"by": "partner", "reason": " "}, headers=JSON)
    ).status_code == 422
    assert (
        "Other reviewers judge the case again"
        in (await operator.post(f"{CASE}/appeals", data={"reason": "see 2"})).text
    )
    for who in (operator, signed_in(reviewer("zhao"))):
        page = (await who.get(CASE)).text
        assert "see 2" in page and "2 set aside by an appeal" in page
    assert (await operator.get(CASE)).text.count("Set aside by an appeal") == 2, "each review says it"
    assert (await signed_in(LI).post("/cases:next", headers=JSON)).status_code == 204
    assert (await signed_in(reviewer("zhao")).post("/cases:next", headers=JSON)).json()["left"] == 2


async def test_an_objection_written_while_the_session_ended_is_kept_and_sent_again(
    review: Review, signed_in: SignIn
) -> None:
    await review.react([received("SC-1", scene())])
    for me in (LI, WANG):
        await signed_in(me).post(f"{CASE}/claim", headers=JSON)
        await signed_in(me).post(f"{CASE}/reviews", json=GIVEN, headers=JSON)
    nobody, written = signed_in(OPERATOR), 'Two pages,\r\nand "quotes" & <signs>.'
    nobody.cookies.clear()
    ended = await nobody.post(f"{CASE}/appeals", data={"by": "partner", "reason": written})
    assert ended.status_code == 401 and ended.headers["cache-control"] == "no-store"
    form = re.search(r'<form method="post" action="([^"]*)" id="again">(.*?)</form>', ended.text, re.DOTALL)
    assert form
    fields = {name: unescape(value) for name, value in re.findall(r'name="([^"]*)" value="([^"]*)"', form[2])}
    assert (form[1], fields) == (f"{CASE}/appeals", {"by": "partner", "reason": written})
    assert "Other reviewers judge the case again" in (await signed_in(OPERATOR).post(form[1], data=fields)).text
    program = await nobody.post(f"{CASE}/appeals", json={"by": "partner", "reason": written}, headers=JSON)
    assert program.status_code == 401 and program.headers["content-type"] == "application/problem+json"


async def test_an_assigned_case_comes_first_to_one_and_to_nobody_else(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene()), received("PR-1", product(), AT)])
    operator, li, wang = signed_in(OPERATOR), signed_in(LI), signed_in(WANG)
    path = ADDRESSES.path(f"{OTHER}/PR-1@1") + "/assignments"
    assert (await operator.post(path, json={"reviewer": "reviewer-li"}, headers=JSON)).status_code == 404
    await operator.put("/reviewers/reviewer-li", json=PROFILE, headers=JSON)
    assert (await operator.post(path, json={"reviewer": "reviewer-li"}, headers=JSON)).status_code == 200
    assert (await wang.post(ADDRESSES.path(f"{OTHER}/PR-1@1") + "/claim", headers=JSON)).status_code == 409
    assert (await wang.post("/cases:next", headers=JSON)).json()["href"] == CASE
    assert (await li.post("/cases:next", headers=JSON)).json()["href"] == ADDRESSES.path(f"{OTHER}/PR-1@1"), (
        "before their own field"
    )
    await operator.delete("/reviewers/reviewer-li", headers=JSON)
    assert (await review.cases.get(f"{OTHER}/PR-1@1")).state.assignments == ()


async def test_operators_see_how_reviewers_judge(review: Review, signed_in: SignIn) -> None:
    operator = signed_in(OPERATOR)
    assert "Nobody has reviewed a decided case yet." in (await operator.get("/cases/judging")).text
    await review.react([received("SC-1", scene()), received("SC-2", scene())])
    for reference in ("SC-1", "SC-2"):
        for me, score in ((LI, 5), (WANG, 1)):
            person, case = signed_in(me), ADDRESSES.path(f"{OWN}/{reference}@1")
            await person.post(f"{case}/claim", headers=JSON)
            review_of = GIVEN | {"scores": dict.fromkeys(CRITERIA["scene"], score)}
            await person.post(f"{case}/reviews", json=review_of, headers=JSON)
    page = (await operator.get("/cases/judging")).text
    found = await judging(review.store)
    assert [judge.reviewer for judge in found.judges] == ["reviewer-wang", "reviewer-li"]
    assert found.judges[0].severity == -found.judges[1].severity < -20
    assert f"{found.judges[1].severity:+.1f}" in page and "60.0" in page
    assert (await signed_in(LI).get("/cases/judging")).status_code == 403
