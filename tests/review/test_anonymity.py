"""Whoever is to judge an entry does not learn whose it is before their review is given: not by any page, nor by JSON,
an address, a header or a cookie. Operators see all."""

import re
from base64 import b64decode
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from time import process_time
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from review.addresses import Addresses
from review.anonymity import NAMELESS, nameless, naming
from review.desk import now
from review.domain.claiming import Claim
from review.domain.reviewing import GiveReview
from review.lists import PAGE
from schemas.entry import Name, Owner
from schemas.review import Verdict
from tests.review.conftest import ADDRESSES, Review, SignIn, reviewer
from tests.review.entries import AT, OTHER, OWN, SUMMARY, linkage, product, received, revised, scene
from tests.review.people import FORM, GIVEN, JSON, LI, OPERATOR, WANG

NAMES = {"zh": "天府新区场景创新局", "en": "Tianfu Scene Office"}
OWNER = {"name": NAMES, "uscc": OWN}
MAKER = "蓉衡轨道智维科技有限公司"


def telling(**changes: Any) -> Any:
    """A scene whose texts name its owner, in both languages and by its code."""
    own = changes.pop("own", SUMMARY["zh"])
    said = {"zh": f"{NAMES['zh']}开放：" + own, "en": f"By {NAMES['en']} ({OWN}): " + SUMMARY["en"]}
    title = {"zh": f"{NAMES['zh']}无人机配送", "en": f"Drones for {NAMES['en']}"}
    return scene(owner=OWNER, summary=said, title=title, **changes)


async def everything_was_sent(review: Review) -> None:
    """A scene that names its owner, its second revision, one like it, a product of another partner, and a linkage."""
    await review.react(
        [
            received("SC-1", telling()),
            received("SC-2", telling(own=SUMMARY["zh"].replace("五家医院", "六所诊所"))),
            received("PR-1", product()),
        ]
    )
    await review.react([revised("SC-1", 2, telling(budget_yuan=7_000_000))])
    # Copied, and it still says from whom.
    title = scene().title.model_copy(update={"zh": f"{NAMES['zh']}运送场景", "en": f"By {NAMES['en']}"})
    copied = telling(own=SUMMARY["zh"] + "可试。").model_copy(update={"owner": product().owner, "title": title})
    await review.react([received("SC-3", copied)])
    await review.react([received("LK-1", linkage(f"{OWN}/SC-1", f"{OTHER}/PR-1", tags=(MAKER,)))])
    await review.react([received(f"SC-{n}", telling(), AT + timedelta(days=1)) for n in range(100, 101 + PAGE)])


def silent(answer: httpx2.Response) -> None:
    """Nothing in an answer, nor on the way to it, says whose entry it was."""
    for each in (*answer.history, answer):
        cookie = each.headers.get("set-cookie", "").partition("=")[2].split(".")[0]
        told = (
            str(each.url),
            each.text,
            str(each.headers),
            b64decode(cookie + "==", validate=False).decode(errors="ignore"),
        )
        for name in (OWN, OTHER, MAKER, *NAMES.values(), "罗思源"):
            assert not any(name in text for text in told), (name, each.url)


CASES = (f"{OWN}/SC-1@2", f"{OWN}/SC-1@1", f"{OWN}/SC-2@1", f"{OTHER}/PR-1@1", f"{OTHER}/LK-1@1", f"{OTHER}/SC-3@1")


async def test_no_page_and_no_json_says_whose_a_case_is_before_ones_review_is_given(
    review: Review, signed_in: SignIn
) -> None:
    await everything_was_sent(review)
    li = signed_in(LI)
    states = [(await review.cases.get(case)).state for case in CASES]
    assert {state.route for state in states} == {"ordinary", "express"}
    assert states[0].previous and all(
        finding.resembles for finding in (states[0].findings[-1], states[-1].findings[-1])
    )
    for accept in ("text/html", "application/json"):
        for language in ("zh", "en"):
            as_what = {"Accept": accept, "Accept-Language": language}
            for path in map(ADDRESSES.path, CASES):
                answer = await li.get(path, headers=as_what)
                assert answer.status_code == 200
                silent(answer)
                if accept == "text/html":  # the question before a conflict of interest
                    silent(await li.get(f"{path}/conflict", headers=as_what))
            for list in ("/cases", "/cases?status=closed", "/cases?status=decided", "/cases/decided"):
                silent(await li.get(list, headers=as_what))
    first = (await li.get("/cases", headers=JSON)).json()
    rest = await li.get("/cases", params={"after": first["next"]}, headers=JSON)
    assert len(first["cases"]) == PAGE and rest.json()["cases"], "lists go on without saying where"
    silent(rest)


async def test_no_act_at_the_desk_says_it_either(review: Review, signed_in: SignIn) -> None:
    await everything_was_sent(review)
    li, case = signed_in(LI), ADDRESSES.path(CASES[0])
    for path in ("/claim", "/extend", "/leave", "/draft", "/release", "/claim"):
        silent(await li.post(case + path, headers=JSON))
        silent(await li.post(case + path))
    silent(await li.post(case + "/reviews", data=FORM | {"verdict": ""}))
    silent(await li.post(case + "/reviews", json=GIVEN | {"scores": {}}, headers=JSON))
    silent(await li.post(case + "/reviews", data=FORM))
    silent(await li.get("/cases"))
    silent(await li.get(case, headers=JSON))
    silent(await li.post(case + "/undo"))
    silent(await li.post("/cases:next"))
    silent(await li.post(case + "/conflict"))
    silent(await signed_in(WANG).post("/cases:next", headers=JSON))


async def test_the_page_says_that_something_is_hidden_and_shows_all_else(review: Review, signed_in: SignIn) -> None:
    await everything_was_sent(review)
    page = (await signed_in(LI).get(ADDRESSES.path(CASES[0]))).text
    for text in (
        "You judge without knowing whose entry this is",
        f"Drones for {NAMELESS}",
        SUMMARY["zh"],
        "Tianfu",
        "7,000,000",
    ):
        assert text in page
    assert f"{NAMELESS}开放：" in page
    assert "<del>六所诊所</del>" in page and "Owner ·" not in page, "one much like it is shown beside it"
    product_page = (await signed_in(LI).get(ADDRESSES.path(f"{OTHER}/LK-1@1"))).text
    assert f'href="{ADDRESSES.path(CASES[0])}"' in product_page, "a linkage leads to its scene"


async def test_who_guesses_the_id_learns_nothing_and_an_operator_is_led_to_the_case(
    review: Review, signed_in: SignIn
) -> None:
    await everything_was_sent(review)
    li, operator = signed_in(LI), signed_in(OPERATOR)
    for id in (f"/cases/{OWN}/SC-1/2", f"/cases/{OWN}/SC-404/2", f"/cases/{OWN}/SC-1/two"):
        refused = await li.get(id, headers=JSON)
        assert (refused.status_code, refused.json()["type"]) == (404, "urn:shuangqian:problem:case-unknown")
        assert (await li.post(id + "/claim", headers=JSON)).status_code == 404
    led = await operator.get(f"/cases/{OWN}/SC-1/2", headers=JSON)
    assert led.url.path == ADDRESSES.path(CASES[0])
    assert (led.json()["id"], led.json()["anonymised"]) == (CASES[0], False)
    as_written = await operator.get(f"/cases/{CASES[0]}", headers=JSON)
    assert as_written.url.path == ADDRESSES.path(CASES[0]), "as histories and this very answer have it"
    assert (await li.get(f"/cases/{CASES[0]}")).status_code == 404
    page = (await operator.get(f"/cases/{OWN}/SC-1/2")).text
    assert NAMES["en"] in page and OWN in page and "You judge without knowing" not in page


async def test_names_are_shown_once_ones_own_review_stands(review: Review, signed_in: SignIn) -> None:
    await review.react([received("SC-1", telling())])
    case, li = f"{OWN}/SC-1@1", signed_in(LI)

    async def judged(sub: str, seconds_ago: int) -> None:
        at = now() - timedelta(seconds=seconds_ago)
        common: dict[str, Any] = {"stream": case, "actor": f"user:{sub}", "at": at, "reviewer": sub, "partner": None}
        until = at.replace(microsecond=0) + timedelta(minutes=30)
        await review.cases.handle([Claim(**common, cause=f"claim {seconds_ago}", until=until)])
        given: dict[str, Any] = {
            "scores": GIVEN["scores"],
            "verdict": Verdict.REJECT,
            "comment": f"{NAMES['zh']} again",
        }
        await review.cases.handle([GiveReview(**common, **given, cause=f"review {seconds_ago}")])

    await judged(LI.sub, seconds_ago=5)
    silent(await li.get(ADDRESSES.path(case), headers=JSON))  # it may still be taken back, and given again
    await li.post(ADDRESSES.path(case) + "/undo")
    await judged(LI.sub, seconds_ago=30)
    whole = (await li.get(ADDRESSES.path(case), headers=JSON)).json()
    assert (whole["id"], whole["entry"]["owner"], whole["partner"]) == (case, OWNER, OWN)
    await judged(WANG.sub, seconds_ago=20)
    assert (await review.cases.get(case)).state.decision == "rejected"
    # Decided or not, to whoever did not judge it: an appeal may bring it to them.
    zhao = await signed_in(reviewer("reviewer-zhao")).get(ADDRESSES.path(case))
    assert "Rejected" in zhao.text
    silent(zhao)


async def test_an_expert_who_holds_a_case_sees_names_and_nobody_who_is_only_led_there(
    review: Review, signed_in: SignIn
) -> None:
    case = ADDRESSES.path(f"{OTHER}/LK-1@1")
    await review.react([received("LK-1", linkage(f"{OWN}/SC-1", f"{OTHER}/PR-1", stage="implementation"))])
    assert (await review.cases.get(f"{OTHER}/LK-1@1")).state.route == "experts"
    li = signed_in(LI)
    silent(await li.get(case))
    assert MAKER in (await li.post(f"{case}/claim")).text, "the documents that an expert checks say it anyway"
    silent(await signed_in(WANG).get(case))


async def test_the_revision_before_that_went_back_by_machine_does_not_tell_either(
    review: Review, signed_in: SignIn
) -> None:
    nothing = {"title": {"zh": "测试测试"}, "summary": {"zh": "测试测试测试测试测试。"}, "offers": ()}
    await review.react([received("SC-1", scene(owner=OWNER, **nothing))])
    await review.react([revised("SC-1", 2, telling())])
    first = (await review.cases.get(f"{OWN}/SC-1@1")).state
    assert (first.route, first.status) == ("return", "decided")
    page = await signed_in(LI).get(ADDRESSES.path(f"{OWN}/SC-1@2"))
    assert f'href="{ADDRESSES.path(f"{OWN}/SC-1@1")}"' in page.text
    silent(await signed_in(LI).get(ADDRESSES.path(f"{OWN}/SC-1@1")))


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("By JINYUN COMPUTING TECHNOLOGY CO., LTD.", f"By {NAMELESS}."),
        ("by jinyun  computing\ntechnology co., ltd. again", f"by {NAMELESS}. again"),
        ("由Ｊｉｎｙｕｎ　Ｃｏｍｐｕｔｉｎｇ　Technology Co.，Ltd提供", f"由{NAMELESS}提供"),
        ("Jinyun Computing Technology Co Ltd, Jinyun Computing Technology Co.,Ltd", f"{NAMELESS}, {NAMELESS}"),
        (
            "Jinyun Computing Technology Co., Ltd, Jinyun Computing, Technology",
            f"{NAMELESS}, Jinyun Computing, Technology",
        ),
        ("锦云成都计算，锦云·成都·计算", f"{NAMELESS}，{NAMELESS}"),
        ("锦云，成都计算", "锦云，成都计算"),
        ("91510100 MA6CGUGA1W, 91510100-ma6cguga1w, 9151 0100 MA6C GUGA 1W", f"{NAMELESS}, {NAMELESS}, {NAMELESS}"),
        ("锦云（成都）计算，锦云(成都)计算", f"{NAMELESS}，{NAMELESS}"),
        ("code 91510100ma6cguga1w, see /91510100MA6CGUGA1W.pdf", f"code {NAMELESS}, see /{NAMELESS}.pdf"),
        ("Jinyun Computing Technology Company", "Jinyun Computing Technology Company"),
    ],
)
def test_a_name_is_hidden_in_whatever_case_and_width(said: str, shown: str) -> None:
    owner = {"name": {"zh": "锦云（成都）计算", "en": "Jinyun Computing Technology Co., Ltd."}, "uscc": OWN}
    assert nameless(said, naming(Owner.model_validate(owner))) == shown


def test_a_short_name_leaves_no_hole_in_a_longer_word() -> None:
    names = naming(Owner.model_validate({"name": {"zh": "天府", "en": "Arc"}, "uscc": OWN}))
    assert nameless("ARC searches: an arc, Archives of Arc.", names) == (
        f"{NAMELESS} searches: an {NAMELESS}, Archives of {NAMELESS}."
    )


BUREAU = naming(
    Owner.model_validate(
        {"name": {"zh": "天府新区场景创新局", "en": "Tianfu New Area Scene Innovation Bureau"}, "uscc": OWN}
    )
)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("由天府新区 场景创新局开放", f"由{NAMELESS}开放"),
        ("由天\u200b府 新　区场景\n创新\u2060局开放", f"由{NAMELESS}开放"),
        ("天府新区·场景创新局，天府-新区（场景）创新局", f"{NAMELESS}，{NAMELESS}"),
        ("天府新区，场景创新局", "天府新区，场景创新局"),
        ("#TianfuNewAreaSceneInnovationBureau", f"#{NAMELESS}"),
        ("see tianfu-new-area-scene-innovation-bureau.cn", f"see {NAMELESS}.cn"),
        ("Tianfu_New‑Area – Scene Innovation Bureau’s", f"{NAMELESS}’s"),
        ("two Tianfu New Area Scene Innovation Bureaus", f"two {NAMELESS}"),
        ("Tian\u200bfu New A\u00adrea Scene Innovation Bureau", NAMELESS),
        ("byTianfuNewAreaSceneInnovationBureauInc", f"by{NAMELESS}Inc"),
        (f"9151\u200b0100MA6CGUGA1W, {OWN}天府新区场景创新局", f"{NAMELESS}, {NAMELESS * 2}"),
        ("天府新区的场景创新，Tianfu New Area scenes", "天府新区的场景创新，Tianfu New Area scenes"),
    ],
)
def test_a_name_is_hidden_however_its_parts_are_put_together(said: str, shown: str) -> None:
    assert nameless(said, BUREAU) == shown


def test_a_name_glued_to_the_code_is_hidden_with_it() -> None:
    names = naming(Owner.model_validate({"name": {"zh": "锦云", "en": "Jinyun Computing"}, "uscc": OWN}))
    assert nameless(f"{OWN}Jinyun Computing锦云", names) == NAMELESS * 3


def test_two_short_words_stay_words() -> None:
    names = naming(Owner.model_validate({"name": {"zh": "新弧", "en": "New Arc"}, "uscc": OWN}))
    assert nameless("new architecture, a new arc, New-Arcs, renew arc", names) == (
        f"new architecture, a {NAMELESS}, {NAMELESS}, renew arc"
    )


def test_the_letters_of_an_abbreviation_are_no_words_and_two_characters_are_parted_by_blanks_alone() -> None:
    names = naming(Owner.model_validate({"name": {"zh": "天府", "en": "A.I. Lab"}, "uscc": OWN}))
    assert nameless("Thai labour, the AI Lab; 今天——府内，天 府", names) == (
        f"Thai labour, the {NAMELESS}; 今天——府内，{NAMELESS}"
    )


def test_a_name_that_ends_in_brackets_leaves_none_behind() -> None:
    names = naming(
        Owner.model_validate({"name": {"zh": "锦云企业管理中心（有限合伙）", "en": "Jinyun (LP)"}, "uscc": OWN})
    )
    assert nameless("由锦云企业管理中心（有限合伙）与Jinyun LP", names) == f"由{NAMELESS}与{NAMELESS}"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Wuhou District People’s Government", "opened by the Wuhou District People's Government"),
        ("Wuhou District People's Government", "opened by the Wuhou District People’s Government"),
        ("Wuhou District People＇s Government", "opened by the WUHOU DISTRICT PEOPLEʼS GOVERNMENT"),
        ("Men’s Lab", "opened by the Mens Lab"),
    ],
)
def test_one_apostrophe_stands_for_another_and_none_for_any(name: str, said: str) -> None:
    names = naming(Owner.model_validate({"name": {"zh": "武侯区人民政府", "en": name}, "uscc": OWN}))
    assert nameless(said, names) == f"opened by the {NAMELESS}"
    assert nameless("Women's Lab", names) == "Women's Lab"


def seconds(text: str, names: re.Pattern[str]) -> float:
    """Of the processor, for hiding the names in a text."""
    began, calls, took = process_time(), 0, 0.0
    while took < 0.001:  # what takes less cannot be told from what the clock adds
        nameless(text, names)
        calls, took = calls + 1, process_time() - began
    return took / calls


def test_an_apostrophe_between_chinese_characters_makes_no_text_slow() -> None:
    names = naming(Owner.model_validate({"name": {"zh": "天’府锦云公司", "en": "A '"}, "uscc": OWN}))
    assert nameless("由天'府 锦云公司与天府锦云公司", names) == f"由{NAMELESS}与{NAMELESS}"
    assert seconds("天" + " " * 20_000, names) < 40 * seconds("天" + " " * 2_000, names)


@pytest.mark.parametrize("name", ["-", "·", "()", ".,", "▇", "▇▇▇ ▇", "\u200b", "’", "' ’"])
def test_a_name_that_is_none_hides_nothing_and_ends(name: str) -> None:
    names = naming(Owner.model_construct(name=Name.model_construct(zh=name, en=None), uscc=OWN))
    assert nameless(f"a-b·▇ {OWN}", names) == f"a-b·▇ {NAMELESS}"


def within_itself(text: str, layers: int) -> str:
    return text[0] * layers + text + text[1:] * layers


@pytest.mark.parametrize(
    ("zh", "said"),
    [
        ("锦云", partial(within_itself, OWN)),
        ("锦云", lambda times: "Lab 5G" * 3 * times),
        ("AI 锦云AI", lambda times: "AI 锦云AI" * 2 * times),
        ("锦云AI 云", lambda times: "锦云AI 云" * 2 * times + OWN * (times // 10)),
    ],
)
def test_a_name_within_itself_or_glued_to_itself_a_thousand_times_is_hidden_and_costs_so_much_more(
    zh: str, said: Callable[[int], str]
) -> None:
    names = naming(Owner.model_validate({"name": {"zh": zh, "en": "Lab 5G"}, "uscc": OWN}))
    assert names.search(nameless(said(1_100), names)) is None
    assert seconds(said(1_100), names) < 40 * seconds(said(110), names)


PIECES = (
    "天府",
    "新区",
    "场景创新局",
    "天",
    "Tianfu",
    "New",
    "Area",
    "Scene Innovation",
    "Bureau",
    "s",
    "x",
    OWN,
    OWN[:8],
    OWN[8:],
)
GAPS = ("", " ", "  " * 50, "-", "\u200b", "\u200b \n" * 20, "·", "，", "., ", "（", ")" * 50, NAMELESS)


@given(st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(GAPS)), max_size=60))
def test_what_is_hidden_once_is_hidden(parts: list[tuple[str, str]]) -> None:
    once = nameless("".join(map("".join, parts)), BUREAU)
    assert BUREAU.search(once) is None and nameless(once, BUREAU) == once


@given(st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(GAPS)), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_a_text_of_ten_times_the_length_takes_nothing_like_a_hundred_times_as_long(
    parts: list[tuple[str, str]],
) -> None:
    """The same parts again and again are what a pattern that goes back and back is slowest at."""
    part = "".join(map("".join, parts))
    long, short = ((part * (length // len(part) + 1))[:length] for length in (20_000, 2_000))
    assert seconds(long, BUREAU) < 40 * min(seconds(short, BUREAU) for _ in range(3))


@given(st.text(max_size=90))
def test_an_address_leads_back_and_only_where_it_was_made(text: str) -> None:
    sealed = ADDRESSES.seal(text)
    assert ADDRESSES.opened(sealed) == text and ADDRESSES.seal(text) == sealed
    assert Addresses("another secret").opened(sealed) is None


@pytest.mark.parametrize(
    "sealed", ["", "decided", "%", "é", "A" * 66, ADDRESSES.seal("x")[:-1], ADDRESSES.seal("x") + "A"]
)
def test_what_was_not_sealed_here_leads_nowhere(sealed: str) -> None:
    assert ADDRESSES.opened(sealed) is None
