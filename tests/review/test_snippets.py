"""Snippets: the office's and one's own, chosen for a comment, in two languages."""

from pathlib import Path

import pytest

from review.office import LONGEST, OFFICE, read
from review.snippets import MOST
from tests.review.conftest import Review, SignIn, reviewer
from tests.review.entries import received, scene
from tests.review.people import CASE, GOOD, LI, OPERATOR, WANG

REMARK = {"zh": "请附现场照片。", "en": "Please add photographs of the site."}


async def test_ones_own_stand_before_the_offices_under_ones_review_and_under_nobody_elses(
    review: Review, signed_in: SignIn
) -> None:
    await review.react([received("SC-1", scene())])
    li = signed_in(LI)
    assert "The snippet is kept." in (await li.post("/snippets", data=REMARK)).text
    page = (await li.post("/cases:next")).text
    assert page.index(REMARK["zh"]) < page.index(OFFICE.snippets[0].zh) and f'value="{REMARK["en"]}"' in page
    await li.post(f"{CASE}/release")
    page = (await signed_in(WANG).post("/cases:next")).text
    assert REMARK["zh"] not in page and OFFICE.snippets[0].en in page
    assert REMARK["zh"] not in (await signed_in(WANG).get("/snippets")).text


async def test_without_scripts_a_snippet_goes_to_the_end_of_what_is_written(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", scene())])
    li = signed_in(LI)
    await li.post(f"{CASE}/claim")
    for written, there in (("", REMARK["zh"]), ("Good.", f"Good.\n{REMARK['zh']}")):
        page = await li.post(f"{CASE}/draft", data=GOOD | {"comment": written, "snippet": REMARK["zh"]})
        assert page.url.path == CASE and f">{there}</textarea>" in page.text
        assert 'value="approve" checked' in page.text, "what else was filled in stays"


async def test_what_is_kept_can_be_deleted_and_is_kept_once(signed_in: SignIn, review: Review) -> None:
    li = signed_in(LI)
    for _ in range(2):
        await li.post("/snippets", data=REMARK)
    await li.post("/snippets", data={"zh": "", "en": "Only in English."})
    kept = await review.database["snippets"].find_one({"_id": LI.sub})
    assert kept and [(each["zh"], each["en"]) for each in kept["own"]] == [
        (REMARK["zh"], REMARK["en"]),
        ("", "Only in English."),
    ]
    page = await li.post(f"/snippets/{kept['own'][0]['id']}/delete")
    assert "The snippet is deleted." in page.text and REMARK["zh"] not in page.text and "Only in English." in page.text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"zh": " ", "en": ""}, "Write the snippet in one language at least."),
        ({"zh": "长" * (LONGEST + 1), "en": ""}, "Shorten it to 1000 characters."),
    ],
)
async def test_what_cannot_be_kept_is_said_at_its_field(form: dict[str, str], said: str, signed_in: SignIn) -> None:
    answer = await signed_in(LI).post("/snippets", data=form)
    assert answer.status_code == 422 and said in answer.text and 'href="#zh"' in answer.text
    assert form["zh"].strip() in answer.text, "what was written stays"


async def test_there_is_an_end_to_what_one_keeps_and_only_reviewers_keep_any(signed_in: SignIn) -> None:
    li = signed_in(reviewer("reviewer-ma"))
    for n in range(MOST):
        await li.post("/snippets", data={"zh": f"第 {n} 条"})
    full = await li.post("/snippets", data={"zh": "再一条"})
    assert full.status_code == 422 and "Delete one first." in full.text
    assert (await signed_in(OPERATOR).get("/snippets")).status_code == 403


def test_the_office_says_each_of_its_own_in_both_languages() -> None:
    assert OFFICE.snippets and all(snippet.zh and snippet.en for snippet in OFFICE.snippets)


def test_a_file_that_says_what_is_not_known_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "desk.toml"
    wrong.write_text('[anonymised]\nroutes = ["fast"]\nwhy = ""\n')
    with pytest.raises(ValueError, match="fast"):
        read(wrong)


async def test_a_page_that_stayed_open_keeps_no_snippet_for_who_signed_in_since(signed_in: SignIn) -> None:
    wang = signed_in(WANG)
    assert (await wang.get("/snippets")).text.count(f'name="person" value="{WANG.sub}"') >= 1
    refused = await wang.post("/snippets", data=REMARK | {"person": LI.sub})
    assert refused.status_code == 409 and 'href="/cases">Review desk</a>' in refused.text
    assert REMARK["zh"] not in (await wang.get("/snippets")).text
