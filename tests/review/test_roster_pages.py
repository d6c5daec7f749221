"""The roster as an operator keeps it: by form, by file with every mistake at once, by JSON; and who reads it."""

import csv
import io
from datetime import date
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as for_all
from hypothesis import strategies as st

from review.planner.core import Calendar
from review.profiles import COLUMNS, fields, read
from schemas.entry import Industry, Theme
from schemas.review import Away, Profile
from tests.review.conftest import Review, SignIn, reviewer
from tests.review.entries import OTHER, OWN
from tests.review.people import JSON, ONLOOKER, OPERATOR

LI = Profile(
    name="李评",
    industries=(Industry.SUPPLY_CHAIN, Industry.RETAIL),
    themes=(Theme.DATA_EMPOWERMENT,),
    languages=("zh", "en"),
    expert=True,
    partner=OTHER,
    conflicts=(OWN,),
    minutes=(60, 60, 60, 60, 30, 0, 0),
    away=(
        Away(first=date(2026, 12, 1), last=date(2026, 12, 5)),
        Away(first=date(2026, 12, 24), last=date(2026, 12, 24)),
    ),
)
FORM: dict[str, Any] = {
    "reviewer": "reviewer-li",
    "name": "李评",
    "industries": ["new-supply-chain", "new-retail"],
    "themes": ["data-empowerment"],
    "languages": ["zh", "en"],
    "expert": "yes",
    "partner": OTHER,
    "conflicts": OWN,
    **dict.fromkeys(("monday", "tuesday", "wednesday", "thursday"), "60"),
    "friday": "30",
    "away": "2026-12-01/2026-12-05；2026-12-24",
}


async def roster(review: Review) -> dict[str, Profile | None]:
    return {each.reviewer: each.profile for each in await review.desk.roster.active()}


def sent(text: str, encoding: str = "utf-8") -> dict[str, Any]:
    return {"files": {"file": ("roster.csv", text.encode(encoding), "text/csv")}}


def table(answer: httpx2.Response) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


async def test_a_reviewer_is_added_changed_and_removed_by_form(review: Review, signed_in: SignIn) -> None:
    operator = signed_in(OPERATOR)
    assert "Nobody is on the roster yet." in (await operator.get("/reviewers")).text
    added = await operator.post("/reviewers:new", data=FORM)
    assert added.url.path == "/reviewers" and "李评 is on the roster." in added.text
    assert await roster(review) == {"reviewer-li": LI}
    assert 'value="new-retail" checked' in (await operator.get("/reviewers/reviewer-li")).text
    await operator.post("/reviewers/reviewer-li", data=FORM | {"expert": "no", "away": ""})
    assert await roster(review) == {"reviewer-li": LI.model_copy(update={"expert": False, "away": ()})}
    assert "Remove 李评 from the roster?" in (await operator.get("/reviewers/reviewer-li/remove")).text
    await operator.post("/reviewers/reviewer-li/remove")
    assert await roster(review) == {}
    assert (await operator.get("/reviewers/reviewer-li")).status_code == 404
    assert (await operator.post("/reviewers/reviewer-li", data=FORM)).status_code == 404


async def test_all_that_is_wrong_in_a_form_is_said_at_once_and_stays_to_be_mended(
    review: Review, signed_in: SignIn
) -> None:
    wrong = {
        "reviewer": "li ping",
        "name": " ",
        "languages": [],
        "partner": "123",
        "conflicts": f"{OWN}; x",
        "monday": "1441",
        "sunday": "an hour",
        "away": "2026-12-05/2026-12-01",
    }
    answer = await signed_in(OPERATOR).post("/reviewers:new", data=FORM | wrong)
    assert answer.status_code == 422
    for field in wrong:
        assert f'id="{field}-error"' in answer.text and f'href="#{field}"' in answer.text, field
    assert "“2026-12-05/2026-12-01” ends before it begins." in answer.text and 'value="an hour"' in answer.text
    assert await roster(review) == {}


async def test_nobody_is_added_twice(review: Review, signed_in: SignIn) -> None:
    operator = signed_in(OPERATOR)
    await operator.post("/reviewers:new", data=FORM)
    again = await operator.post("/reviewers:new", data=FORM | {"name": "another"})
    assert again.status_code == 422 and "This account is on the roster already." in again.text
    assert await roster(review) == {"reviewer-li": LI}


async def test_a_file_with_mistakes_names_all_of_them_by_row_and_changes_nothing(
    review: Review, signed_in: SignIn
) -> None:
    operator = signed_in(OPERATOR)
    lines = ("reviewer,name,industries,monday", "li,Li,new-retail,60", "wang,Wang,retail,90", ",,,", "li,,,soon")
    answer = await operator.post("/reviewers:file", **sent("\n".join(lines)))
    assert answer.status_code == 422
    for said in (
        "Row 2, Account: This account stands in the file more than once.",
        "Row 3, Industries: “retail” is not among them: New manufacturing; New retail;",
        "Row 5, Name: Give a name of 128 characters at most.",
        "Row 5, Monday: Give whole minutes from 0 to 1440.",
    ):
        assert said in answer.text, said
    assert await roster(review) == {}
    mended = ("账号,姓名,产业,周一,专家", "li,李评,新零售,60,是", "wang,王审,New retail；new-manufacturing,90,")
    done = await operator.post("/reviewers:file", **sent("\n".join(mended), "gb18030"))
    assert "2 of 2 rows said something new" in done.text
    assert await roster(review) == {
        "li": Profile(name="李评", industries=(Industry.RETAIL,), expert=True, minutes=(60, 0, 0, 0, 0, 0, 0)),
        "wang": Profile(
            name="王审", industries=(Industry.RETAIL, Industry.MANUFACTURING), minutes=(90, 0, 0, 0, 0, 0, 0)
        ),
    }


async def test_the_roster_comes_back_as_it_was_downloaded_and_a_column_that_is_not_there_changes_nothing(
    review: Review, signed_in: SignIn
) -> None:
    operator = signed_in(OPERATOR)
    await operator.post("/reviewers:new", data=FORM | {"name": "=2+3"})
    download = await operator.get("/reviewers.csv", headers={"Accept": "*/*"})
    (row,) = table(download)
    assert row["Name"] == "'=2+3", "no spreadsheet computes it"
    done = await operator.post("/reviewers:file", files={"file": ("a.csv", download.content, "text/csv")})
    assert "0 of 1 rows said something new" in done.text
    await operator.post("/reviewers:file", **sent("reviewer,name\nreviewer-li,李评\nma,马真\n"))
    assert await roster(review) == {"reviewer-li": LI, "ma": Profile(name="马真")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"Account,Name,Conflict\nli,Li,{OWN}\n", "These headings are not known: Conflict. Those that are: Account;"),
        (f"Account,Name\nli,Li,{OWN}\n", "Row 2 holds something in a column without a heading."),
        (f"Account,Name,\nli,Li,{OWN}\n", "Row 2 holds something in a column without a heading."),
        ("", "Choose a file first"),
    ],
)
async def test_nothing_in_a_file_is_passed_over(review: Review, signed_in: SignIn, text: str, said: str) -> None:
    answer = await signed_in(OPERATOR).post("/reviewers:file", **sent(text))
    assert answer.status_code == 422 and said in answer.text
    assert await roster(review) == {}


async def test_json_keeps_the_same_rules(review: Review, signed_in: SignIn) -> None:
    operator = signed_in(OPERATOR)
    wrong = {"name": "", "minutes": [0, 0, 0, 0, 0, 0, -1], "conflicts": ["x"]}
    answer = await operator.put("/reviewers/li", json=wrong, headers=JSON)
    assert answer.status_code == 422
    assert {each["field"] for each in answer.json()["errors"]} == {"name", "sunday", "conflicts"}
    right = LI.model_dump(mode="json")
    assert (await operator.put("/reviewers/reviewer-li", json=right, headers=JSON)).status_code == 200
    assert await roster(review) == {"reviewer-li": LI}
    assert await review.desk.roster.calendars() == [
        Calendar(
            (60, 60, 60, 60, 30, 0, 0),
            ((date(2026, 12, 1), date(2026, 12, 5)), (date(2026, 12, 24), date(2026, 12, 24))),
        )
    ]


@pytest.mark.parametrize("conflicts", [[f" {OWN}", f"{OTHER} "], [f"{OWN};{OTHER}"], [f"{OWN}\n{OTHER}"]])
async def test_json_registers_what_was_checked(review: Review, signed_in: SignIn, conflicts: list[str]) -> None:
    """A conflict of interest with a blank beside it would be equal to nobody's code."""
    profile = {"name": " Li ", "partner": f"{OTHER} ", "conflicts": conflicts}
    answer = await signed_in(OPERATOR).put("/reviewers/%20li%20", json=profile, headers=JSON)
    assert (answer.status_code, answer.json()["reviewer"]) == (200, "li")
    assert await roster(review) == {"li": Profile(name="Li", partner=OTHER, conflicts=(OWN, OTHER))}


async def test_whom_a_reviewer_acts_for_is_kept_from_them_however_they_sign_in(
    review: Review, signed_in: SignIn
) -> None:
    await signed_in(OPERATOR).put("/reviewers/li", json={"name": "Li", "partner": OWN}, headers=JSON)
    without, other = await review.desk.standing(reviewer("li")), await review.desk.standing(reviewer("li", OTHER))
    assert (without.partner, without.conflicts) == (OWN, ())
    assert (other.partner, other.conflicts) == (OTHER, (OWN,))


async def test_an_onlooker_reads_the_roster_and_changes_nothing(review: Review, signed_in: SignIn) -> None:
    await signed_in(OPERATOR).post("/reviewers:new", data=FORM)
    onlooker = signed_in(ONLOOKER)
    page = (await onlooker.get("/reviewers")).text
    assert "李评" in page and "Add a reviewer" not in page and "Send the roster" not in page
    assert (await onlooker.get("/reviewers/reviewer-li")).status_code == 403
    assert (await onlooker.post("/reviewers/reviewer-li/remove")).status_code == 403
    assert await roster(review) == {"reviewer-li": LI}


async def test_many_conflicts_wrap_and_leave_the_columns_beside_them_in_sight(
    review: Review, signed_in: SignIn
) -> None:
    await signed_in(OPERATOR).post("/reviewers:new", data=FORM)
    page = (await signed_in(ONLOOKER).get("/reviewers")).text
    assert f'<td class="wraps"><code>{OTHER}</code> <code>{OWN}</code></td>' in page


# --- Profiles as texts -----------------------------------------------------------------------------------------------

DAYS = st.dates(date(2026, 1, 1), date(2030, 12, 31))
PROFILES = st.builds(
    Profile,
    name=st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=128),
    industries=st.lists(st.sampled_from(Industry), unique=True).map(tuple),
    themes=st.lists(st.sampled_from(Theme), unique=True).map(tuple),
    languages=st.sampled_from([("zh",), ("en",), ("zh", "en")]),
    expert=st.booleans(),
    partner=st.sampled_from([None, OWN, OTHER]),
    conflicts=st.sampled_from([(), (OWN,), (OWN, OTHER)]),
    minutes=st.tuples(*[st.integers(0, 1440)] * 7),
    away=st.lists(st.tuples(DAYS, DAYS).map(lambda two: Away(first=min(two), last=max(two))), max_size=3).map(tuple),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@for_all(PROFILES)
def test_any_profile_is_read_back_from_its_texts(profile: Profile) -> None:
    assert read(fields("li", profile)) == ("li", profile, {})


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@for_all(st.dictionaries(st.sampled_from(list(COLUMNS)), st.text()))
def test_any_texts_are_a_profile_or_named_faults(texts: dict[str, str]) -> None:
    _reviewer, profile, errors = read(texts)
    assert (profile is None) == bool(errors) and errors.keys() <= COLUMNS.keys()
    assert all(errors.values())


@pytest.mark.parametrize("text", ["9" * 5000, "١٢", "1.5", "-1", "1e2"])
def test_minutes_are_plain_whole_numbers(text: str) -> None:
    assert "monday" in read({"reviewer": "li", "name": "Li", "languages": "zh", "monday": text})[2]
