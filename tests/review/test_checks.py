"""What the machine notices, what it weighs, and what it calls a near-duplicate."""

from datetime import date
from typing import Any

import pytest

from review.checks import RETURN_BELOW, RULES, THRESHOLDS, Resemblance, assess, findings, reasons
from review.duplicates import bands
from schemas.entry import Entry
from schemas.review import CheckFinding, Route
from tests.review.entries import SUMMARY, linkage, product, scene

SCENE, PRODUCT = "91510100MA6CGUGA1W/SC-1", "91510106MA6RH83W82/PR-1"


def noticed(entry: Entry, **context: Any) -> list[tuple[str, str]]:
    found = findings(entry, context.get("unknown", ()), context.get("resemblances", ()))
    return [(finding.rule, finding.pointer) for finding in found]


@pytest.mark.parametrize("entry", [scene(), product(), linkage(SCENE, PRODUCT)], ids=["scene", "product", "linkage"])
def test_nothing_is_noticed_about_a_good_entry(entry: Entry) -> None:
    assert noticed(entry) == []
    assert assess(()) == (100, Route.ORDINARY)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (scene(title={"zh": "无人机配送样本"}), ("english.title", "/entry/title/en")),
        (scene(summary={"zh": SUMMARY["zh"]}), ("english.summary", "/entry/summary/en")),
        (scene(summary=SUMMARY | {"en": SUMMARY["zh"]}), ("english.chinese", "/entry/summary/en")),
        (scene(summary=SUMMARY | {"zh": SUMMARY["en"]}), ("chinese.foreign", "/entry/summary/zh")),
        (scene(summary=SUMMARY | {"zh": "用无人机运送检验样本，快而且稳。"}), ("summary.short", "/entry/summary/zh")),
        (scene(summary=SUMMARY | {"zh": "医院间检验样本无人机配送项目"}), ("summary.title", "/entry/summary/zh")),
        (scene(summary=SUMMARY | {"zh": SUMMARY["zh"] + "（待补充）"}), ("text.placeholder", "/entry/summary/zh")),
        (scene(summary=SUMMARY | {"zh": "很好很好" * 20}), ("text.repetitive", "/entry/summary/zh")),
        (scene(offers=()), ("scene.offers", "/entry/offers")),
        (scene(budget_yuan=None), ("scene.budget", "/entry/budget_yuan")),
        (scene(closes=date(2026, 11, 20)), ("scene.window", "/entry/closes")),
        (scene(attachments=()), ("attachments.none", "/entry/attachments")),
        (product(figures=()), ("product.figures", "/entry/figures")),
        (product(interfaces=()), ("product.interfaces", "/entry/interfaces")),
        (product(distinction={"zh": "比别人的更好更快更稳。"}), ("product.distinction", "/entry/distinction/zh")),
        (product(maturity=2), ("product.maturity", "/entry/maturity")),
        (linkage(SCENE, PRODUCT, stage="laboratory", evidence=()), ("linkage.evidence", "/entry/evidence")),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_fault_is_noticed_where_it_is(entry: Entry, expected: tuple[str, str]) -> None:
    assert expected in noticed(entry)


def test_a_linkage_without_gain_or_with_unknown_ends_is_noticed() -> None:
    entry = linkage(SCENE, PRODUCT)
    same = entry.model_copy(update={"evidence": (entry.evidence[0].model_copy(update={"result": 1500.0}),)})
    assert noticed(same) == [("linkage.gain", "/entry/evidence/0/result")]
    assert noticed(entry, unknown=[PRODUCT]) == [("linkage.product", "/entry/product")]


def test_near_duplicates_name_the_other_case_and_only_the_likest_counts() -> None:
    found = findings(scene(), (), (Resemblance("a/b@1", 99), Resemblance("a/c@1", 91)))
    assert found == (
        CheckFinding(rule="duplicate.same", pointer="/entry/summary", weight=45, resembles="a/b@1", similarity=99),
        CheckFinding(rule="duplicate.near", pointer="/entry/summary", weight=25, resembles="a/c@1", similarity=91),
    )
    assert assess(found) == (55, Route.ORDINARY)


def test_only_the_hopeless_go_back_at_once_and_are_told_why_in_both_languages() -> None:
    hopeless = scene(title={"zh": "测试测试"}, summary={"zh": "测试测试测试测试测试测试"}, offers=(), budget_yuan=None)
    found = findings(hopeless, (), ())
    assert assess(found)[1] is Route.RETURN
    assert reasons(found)[0] == f"{RULES['text.placeholder'].zh} {RULES['text.placeholder'].en}"


def test_no_single_finding_sends_an_entry_back() -> None:
    assert all(100 - rule.weight >= RETURN_BELOW for rule in RULES.values())
    assert THRESHOLDS["near"] < THRESHOLDS["same"]


def test_texts_alike_share_a_band_and_kinds_do_not_mix() -> None:
    text = SUMMARY["zh"] + SUMMARY["en"]
    assert bands("scene", text) & bands("scene", text.replace("四百份", "五百份"))
    assert not bands("scene", text) & bands("product", text)
    assert not bands("scene", text) & bands("scene", product().summary.zh)
    assert len(bands("scene", "短")) == 12
