"""Near-duplicates: a text is found again as it is, rearranged or a little changed, and an unrelated one is not."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.local.sample.generate import generate, partners
from review.checks.assess import findings
from review.checks.ruleset import CURRENT
from review.duplicates.index import MOST_HOLDERS, Asked, Duplicates, _likest
from review.duplicates.likeness import Resemblance, compare
from review.duplicates.sketches import TOKENS, likeness, sketches, tokens
from review.duplicates.texts import clauses
from schemas.entry import Scene
from schemas.review import Likeness
from tests.review.conftest import Review
from tests.review.entries import SUMMARY, product, scene

HAN = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=8, max_size=40)
PARAGRAPH = st.lists(HAN, min_size=2, max_size=6, unique=True)
WORDS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=9)
ENGLISH = st.lists(WORDS, min_size=12, max_size=60).map(" ".join)


def tokens_of(zh: str, en: str | None = None, kind: str = "scene") -> set[int]:
    said = {"summary/zh": clauses(zh)} | ({"summary/en": clauses(en)} if en else {})
    return {token for token in tokens(sketches([said], [kind]))[0].tolist() if token}


@given(PARAGRAPH, ENGLISH)
def test_a_text_is_its_own_duplicate(parts: list[str], english: str) -> None:
    zh = "。".join(parts)
    assert tokens_of(zh, english) == tokens_of(zh, english)
    assert len(tokens_of(zh, english)) == TOKENS
    assert compare(clauses(zh), clauses(zh)) == (100, Likeness.EXACT)


@given(PARAGRAPH, st.randoms(use_true_random=False))
def test_sentences_in_another_order_are_found(parts: list[str], rng: random.Random) -> None:
    turned = parts[:]
    rng.shuffle(turned)
    one, other = "。".join(parts), "！".join(turned)
    assert tokens_of(one) == tokens_of(other), "every token is the same, whatever the order"
    expected = Likeness.EXACT if turned == parts else Likeness.REARRANGED
    assert compare(clauses(one), clauses(other)) == (100, expected)


@given(PARAGRAPH)
def test_blanks_punctuation_width_and_capitals_do_not_matter(parts: list[str]) -> None:
    plain = "，".join(parts) + "。AI 5G"
    dressed = " ".join("，".join(parts)) + " . ａｉ５ｇ"
    assert compare(clauses(plain), clauses(dressed)) == (100, Likeness.EXACT)


@given(PARAGRAPH, PARAGRAPH, ENGLISH, ENGLISH)
def test_unrelated_texts_are_not_found(one: list[str], other: list[str], english: str, more: str) -> None:
    assert compare(clauses("。".join(one)), clauses("。".join(other))) is None or set(one) & set(other)
    if not set("".join(one)) & set("".join(other)):
        assert not tokens_of("。".join(one)) & tokens_of("。".join(other))


def test_a_number_is_no_two_clauses() -> None:
    assert clauses("1,000 samples, 24 hours; 甲，5台,乙。") == ("1000samples", "24hours", "甲", "5台", "乙")


def test_entries_of_different_kinds_have_no_token_in_common() -> None:
    assert not tokens_of(SUMMARY["zh"], SUMMARY["en"]) & tokens_of(SUMMARY["zh"], SUMMARY["en"], "product")


def test_who_speaks_no_english_is_not_alike_for_that() -> None:
    without = sketches([{"summary/zh": ("甲" * 20,)}, {"summary/zh": ("乙" * 20,)}], ["scene", "scene"])
    assert not set(tokens(without)[0].tolist()) & set(tokens(without)[1].tolist()) - {0}
    assert likeness(without[:1], without[1:], "en").tolist() == [0.0]


@settings(max_examples=20, deadline=None)  # how long one takes says nothing on a busy machine
@given(st.integers(0, 10_000))
def test_nine_in_ten_of_those_ninety_per_cent_alike_are_found(seed: int) -> None:
    """Of changed copies of real texts: by a whole word in ten, in two places. Both languages are changed alike."""
    rng = random.Random(seed)
    lines = list(generate("scene", 40, seed, partners()))
    met = 0
    for line in lines:
        said = {name: line["entry"]["summary"][name] for name in ("zh", "en")}
        other = {name: _changed(text, rng) for name, text in said.items()}
        met += bool(tokens_of(said["zh"], said["en"]) & tokens_of(other["zh"], other["en"]))
    assert met >= 0.9 * len(lines)


def _changed(text: str, rng: random.Random) -> str:
    """A text with 5 % of its characters replaced in each of two places."""
    size = max(1, len(text) // 20)
    for place in (rng.randrange(len(text) // 2 - size), rng.randrange(len(text) // 2, len(text) - size)):
        text = text[:place] + "甲乙丙丁戊己庚辛壬癸子丑寅卯辰"[: size % 15 + 1] + text[place + size :]
    return text


ZH = (
    "天府新区五家医院每天互送约四百份检验样本",
    "现开放三条低空航线和两处屋顶起降点",
    "征集能在雨雾天气准点运行的方案",
)
EN = ("Five hospitals send each other some 400 samples a day", "Three routes and two pads are open to operators")


def told_in(zh: Sequence[str], en: Sequence[str] | None = EN, title: str = "检验样本无人机配送") -> Scene:
    """A scene with these sentences for its summary."""
    summary = {"zh": "。".join(zh) + "。"} | ({"en": ". ".join(en) + "."} if en else {})
    return scene(title={"zh": title}, summary=summary)


SENT = told_in(ZH)
FUZZY = told_in((ZH[0].replace("四百", "五百"), *ZH[1:]), (EN[0].replace("400", "500"), EN[1]))


@pytest.mark.parametrize(
    ("entry", "similarity", "likeness", "language", "fields"),
    [
        (SENT, 100, "exact", "zh", ("title/zh", "summary/zh", "summary/en")),
        (told_in(ZH[::-1], EN[::-1]), 100, "rearranged", "zh", ("title/zh", "summary/zh", "summary/en")),
        (
            told_in(("检验样本无人机配送", *ZH[:2]), title=ZH[2]),
            100,
            "rearranged",
            "zh",
            ("title/zh", "summary/zh", "summary/en"),
        ),
        (FUZZY, 98, "fuzzy", "zh", ("title/zh", "summary/zh", "summary/en")),
        (
            told_in(ZH, ("A new translation, word by word", "It shares nothing with theirs")),
            100,
            "exact",
            "zh",
            ("title/zh", "summary/zh"),
        ),
        (told_in(ZH, None), 100, "exact", "zh", ("title/zh", "summary/zh")),
        (
            told_in(("老城区街巷窄，垃圾清运只能在夜里", "路线凭经验，常常绕路"), title="夜间清运"),
            100,
            "exact",
            "en",
            ("summary/en",),
        ),
        (
            told_in(("，".join(ZH[::-1]),), ("A new translation", "word by word")),
            100,
            "rearranged",
            "zh",
            ("title/zh", "summary/zh"),
        ),
    ],
    ids=["exact", "sentences", "fields", "fuzzy", "retranslated", "untranslated", "mistranslated", "clauses"],
)
async def test_a_copy_is_found_and_it_is_said_why(
    review: Review, entry: Scene, similarity: int, likeness: str, language: Any, fields: tuple[str, ...]
) -> None:
    await ask(review.duplicates, ("a/SC-1@1", SENT), ("a/PR-1@1", product()))
    assert await ask(review.duplicates, ("b/SC-9@1", entry)) == [
        (Resemblance("a/SC-1@1", similarity, Likeness(likeness), language, fields),)
    ]


COPIED = {
    "zh": "列车以每小时十公里驶过检测棚，仪器在四十秒内给出全列轮缘高度、厚度和踏面磨耗，并写入检修系统，数据可追溯。",
    "en": "As a train rolls through the shed, the gauge measures flange height and tread wear of every wheel.",
}
OWN_WORDS = {
    "title": {"zh": "轨旁智能体检站", "en": "Wayside health station"},
    "distinction": {"zh": "机身采用整体铸铝，在零下三十度的线路旁常年值守，换件只要十分钟，不必停运，一人即可。"},
}


async def test_a_summary_that_is_wholly_anothers_is_found_whatever_was_written_around_it(review: Review) -> None:
    await ask(review.duplicates, ("a/PR-1@1", product(summary=COPIED)))
    await ask(review.duplicates, ("a/SC-1@1", SENT))
    copied = product(summary=COPIED, **OWN_WORDS)
    (found,) = await ask(review.duplicates, ("b/PR-9@1", copied))
    fields = ("summary/zh", "summary/en")
    assert found == (Resemblance("a/PR-1@1", 100, Likeness.EXACT, "zh", fields, part=True),)
    assert [(each.rule, each.weight) for each in findings(copied, (), found, CURRENT) if each.resembles] == [
        ("duplicate.summary", 25)
    ]
    turned = told_in(("，".join(ZH[::-1]),), ("A new translation", "word by word"), title="五院之间的低空物资往来线路")
    assert await ask(review.duplicates, ("b/SC-9@1", turned)) == [
        (Resemblance("a/SC-1@1", 100, Likeness.REARRANGED, "zh", ("summary/zh",), part=True),)
    ]


async def test_a_short_summary_may_be_anybodys(review: Review) -> None:
    short = {"zh": "详见附件，欢迎来函。"}
    await ask(review.duplicates, ("a/PR-1@1", product(summary=short)))
    assert await ask(review.duplicates, ("b/PR-9@1", product(summary=short, **OWN_WORDS))) == [()]


async def test_what_is_alike_by_half_is_no_duplicate(review: Review) -> None:
    await ask(review.duplicates, ("a/SC-1@1", SENT))
    other = told_in(
        (ZH[0], "车辆在早晚高峰要四十分钟以上，样本温度难以全程控制", "希望以电动冷藏车改善"), ("Another text",)
    )
    assert await ask(review.duplicates, ("b/SC-9@1", other)) == [()]


# The index, in MongoDB


async def ask(duplicates: Duplicates, *asked: tuple[str, Any]) -> list[tuple[Resemblance, ...]]:
    return await duplicates.search([Asked(case, entry) for case, entry in asked])


def cases(answers: Sequence[Sequence[Resemblance]]) -> list[list[str]]:
    return [[each.case for each in found] for found in answers]


async def test_within_a_batch_the_later_names_the_earlier_and_nobody_itself(review: Review) -> None:
    batch = (("a/SC-1@1", SENT), ("b/SC-1@1", FUZZY), ("a/SC-1@2", SENT))
    once = [[], ["a/SC-1@1"], ["b/SC-1@1"]]
    assert cases(await ask(review.duplicates, *batch)) == once
    assert cases(await ask(review.duplicates, *batch)) == once, "asked again, the answer is the same"
    assert await review.duplicates.collection.count_documents({}) == 3


async def test_of_a_submission_the_latest_revision_is_named(review: Review) -> None:
    await ask(review.duplicates, ("a/SC-1@1", SENT), ("a/SC-1@2", SENT))
    assert cases(await ask(review.duplicates, ("b/SC-1@1", SENT))) == [["a/SC-1@2"]]


def test_a_later_revision_is_later_by_its_number() -> None:
    """As a text, 9 comes after 10."""
    found = [Resemblance(f"a/SC-1@{n}", 100, Likeness.EXACT, "zh", ()) for n in (9, 10, 11)]
    assert cases([_likest(found)]) == [["a/SC-1@11"]]


async def test_a_submissions_revisions_do_not_crowd_out_other_submissions(review: Review) -> None:
    known = [*(f"a/SC-1@{n}" for n in range(1, 6)), "b/SC-1@1", "c/SC-1@1"]
    assert len(known) < MOST_HOLDERS, "so many are found"
    await ask(review.duplicates, *((case, SENT) for case in known))
    assert cases(await ask(review.duplicates, ("d/SC-1@1", SENT))) == [["a/SC-1@5", "b/SC-1@1", "c/SC-1@1"]]


async def test_a_flood_of_copies_is_recognised_by_a_few_of_them(review: Review) -> None:
    flood = [(f"a/SC-{n}@1", SENT) for n in range(100)]
    for start in range(0, 100, 20):
        found = await ask(review.duplicates, *flood[start : start + 20])
        assert all(found[1:]), "each resembles one before it"
    holders = await review.duplicates.collection.count_documents({"tokens.0": {"$exists": True}})
    assert holders == MOST_HOLDERS
    fresh = Duplicates(review.database)
    assert (await ask(fresh, ("b/SC-1@1", SENT)))[0], "another worker finds them too"


async def test_of_two_at_once_at_two_workers_one_at_least_names_the_other(review: Review) -> None:
    one, two = Duplicates(review.database), Duplicates(review.database)
    for n in range(40):
        entry = told_in((f"第{n}批次样本由{n * 7919}号航线送达", *ZH[1:]), None, title=f"航线{n * 104729}")
        first, second = await asyncio.gather(ask(one, (f"a/SC-{n}@1", entry)), ask(two, (f"b/SC-{n}@1", entry)))
        named = [*cases(first)[0], *cases(second)[0]]
        assert f"a/SC-{n}@1" in named or f"b/SC-{n}@1" in named
