"""What the machine notices, what it weighs, and which route follows."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from review.checks.assess import assess, findings, reasons
from review.checks.ruleset import CURRENT, FILE, BadRules, read
from review.duplicates.likeness import Resemblance
from schemas.entry import Entry
from schemas.review import CheckFinding, Likeness, Reason, Route
from tests.review.entries import ATTACHMENT, SUMMARY, linkage, product, scene

SCENE, PRODUCT = "91510100MA6CGUGA1W/SC-1", "91510106MA6RH83W82/PR-1"
FIGURE = {"name": {"zh": "识别准确率"}, "value": 99.2, "unit": "%"}
EVIDENCE = {
    "stage": "demonstration",
    "measure": {"zh": "单列检测时间"},
    "baseline": 1500.0,
    "result": 40.0,
    "unit": "s",
    "document": ATTACHMENT,
}


def found(entry: Entry, **context: Any) -> tuple[CheckFinding, ...]:
    return findings(entry, context.get("unknown", ()), context.get("resemblances", ()), CURRENT)


def noticed(entry: Entry, **context: Any) -> list[tuple[str, str]]:
    return [(finding.rule, finding.pointer) for finding in found(entry, **context)]


def route(entry: Entry, **context: Any) -> tuple[int, Route]:
    return assess(entry, found(entry, **context), CURRENT)


def offer(type: str, amount: int, unit: str) -> dict[str, Any]:
    return {"type": type, "amount": amount, "unit": unit}


def evidence(**changes: Any) -> Entry:
    return linkage(SCENE, PRODUCT, evidence=(EVIDENCE | changes,))


@pytest.mark.parametrize("entry", [scene(), product(), linkage(SCENE, PRODUCT)], ids=["scene", "product", "linkage"])
def test_nothing_is_noticed_about_a_good_entry(entry: Entry) -> None:
    assert noticed(entry) == []


#: An entry with a fault, and the finding that it must have.
FAULTS: list[tuple[Entry, tuple[str, str]]] = [
    (scene(title={"zh": "无人机配送样本"}), ("english.title", "/entry/title/en")),
    (scene(summary={"zh": SUMMARY["zh"]}), ("english.summary", "/entry/summary/en")),
    (scene(summary=SUMMARY | {"en": SUMMARY["zh"]}), ("english.chinese", "/entry/summary/en")),
    (scene(summary=SUMMARY | {"en": "Drones wanted for samples."}), ("english.short", "/entry/summary/en")),
    (scene(summary=SUMMARY | {"zh": SUMMARY["en"]}), ("chinese.foreign", "/entry/summary/zh")),
    (scene(summary=SUMMARY | {"zh": "用无人机运送检验样本，快而且稳。"}), ("summary.short", "/entry/summary/zh")),
    (scene(summary=SUMMARY | {"zh": "医院间检验样本无人机配送项目"}), ("summary.title", "/entry/summary/zh")),
    (scene(summary=SUMMARY | {"zh": SUMMARY["zh"] + "（待补充）"}), ("text.placeholder", "/entry/summary/zh")),
    (scene(summary=SUMMARY | {"en": "Lorem ipsum dolor. " + SUMMARY["en"]}), ("text.placeholder", "/entry/summary/en")),
    (scene(title={"zh": "TODO标题", "en": "Drones"}), ("text.placeholder", "/entry/title/zh")),
    (scene(title={"zh": "测试数据（占位）", "en": "Drones"}), ("text.placeholder", "/entry/title/zh")),
    (scene(summary=SUMMARY | {"zh": "很好很好" * 20}), ("text.repetitive", "/entry/summary/zh")),
    (scene(summary=SUMMARY | {"zh": SUMMARY["zh"] + "很好很好" * 40}), ("text.repetitive", "/entry/summary/zh")),
    (scene(summary=SUMMARY | {"zh": SUMMARY["zh"][:60] + "好" * 59}), ("text.repetitive", "/entry/summary/zh")),
    (scene(summary=SUMMARY | {"en": "museum " * 70}), ("text.repetitive", "/entry/summary/en")),
    (scene(summary=SUMMARY | {"en": "We are the best of all. " * 10}), ("text.repetitive", "/entry/summary/en")),
    (
        scene(summary=SUMMARY | {"zh": "本馆拟将馆藏非遗技艺做成文创展陈，让观众在互动中了解蜀锦与漆器的来历和做法。"}),
        ("fit.industry", "/entry/industry"),
    ),
    (
        scene(level="enterprise", industry=None, theme="technology-transfer", budget_yuan=200_000_000),
        ("fit.level", "/entry/level"),
    ),
    (scene(level="enterprise", industry=None, theme="data-empowerment"), ("fit.offers", "/entry/offers")),
    (scene(offers=()), ("scene.offers", "/entry/offers")),
    (scene(offers=(offer("space", 1, "m2"),)), ("offers.small", "/entry/offers/0/amount")),
    (scene(offers=(offer("space", 100_000, "m2"),)), ("offers.large", "/entry/offers/0/amount")),
    (
        scene(offers=(offer("data", 2, "data-sets"), offer("fund", 99_000_000, "yuan"))),
        ("offers.budget", "/entry/offers/1/amount"),
    ),
    (scene(budget_yuan=None), ("scene.budget", "/entry/budget_yuan")),
    (scene(closes=date(2026, 11, 20)), ("scene.window", "/entry/closes")),
    (scene(attachments=()), ("attachments.none", "/entry/attachments")),
    (scene(attachments=(ATTACHMENT | {"sha256": "0" * 64},)), ("evidence.hash", "/entry/attachments/0/sha256")),
    (product(figures=()), ("product.figures", "/entry/figures")),
    (product(figures=(FIGURE | {"value": 992.0},)), ("figures.percent", "/entry/figures/0/value")),
    (product(figures=(FIGURE | {"value": 100.0},)), ("figures.perfect", "/entry/figures/0/value")),
    (product(figures=(FIGURE, FIGURE | {"value": 98.0})), ("figures.repeated", "/entry/figures/1/name")),
    (product(interfaces=()), ("product.interfaces", "/entry/interfaces")),
    (product(distinction={"zh": "比别人的更好更快更稳。"}), ("product.distinction", "/entry/distinction/zh")),
    (product(maturity=2), ("product.maturity", "/entry/maturity")),
    (product(maturity=5, markets=("德国",)), ("product.markets", "/entry/markets")),
    (linkage(SCENE, PRODUCT, stage="laboratory", evidence=()), ("linkage.evidence", "/entry/evidence")),
    (linkage(SCENE, PRODUCT, ends=date(2026, 3, 10)), ("linkage.brief", "/entry/ends")),
    (linkage(SCENE, PRODUCT, asks=(offer("fund", 1, "yuan"),)), ("offers.small", "/entry/asks/0/amount")),
    (evidence(result=1500.0), ("linkage.gain", "/entry/evidence/0/result")),
    (evidence(baseline=0.0), ("evidence.baseline", "/entry/evidence/0/baseline")),
    (evidence(result=0.04), ("evidence.gain", "/entry/evidence/0/result")),
    (evidence(unit="%"), ("evidence.percent", "/entry/evidence/0/result")),
    (
        evidence(document=ATTACHMENT | {"sha256": "f" * 64}),
        ("evidence.hash", "/entry/evidence/0/document/sha256"),
    ),
    (
        linkage(SCENE, PRODUCT, evidence=(EVIDENCE | {"stage": "laboratory"}, EVIDENCE)),
        ("evidence.repeated", "/entry/evidence/1/document"),
    ),
    (
        linkage(SCENE, PRODUCT, stage="implementation", evidence=(EVIDENCE | {"stage": "implementation"},)),
        ("linkage.implementation", "/entry/stage"),
    ),
]


@pytest.mark.parametrize(
    ("entry", "expected"),
    FAULTS,
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_fault_is_noticed_where_it_is(entry: Entry, expected: tuple[str, str]) -> None:
    assert expected in noticed(entry)


@pytest.mark.parametrize(
    "summary",
    [
        SUMMARY | {"en": SUMMARY["en"] + " It screens with AutoDock and keeps photodocumentation of XXXL kits."},
        SUMMARY | {"zh": SUMMARY["zh"] + "道路测试数据已累计三百万公里，可识别颅内占位病变，不抢占位置。"},
        SUMMARY | {"zh": SUMMARY["zh"] + "各医院的低空运营人才缺口亟待补充。"},
    ],
    ids=["latin", "chinese", "lacking"],
)
def test_words_that_only_hold_a_placeholder_are_not_accused(summary: dict[str, str]) -> None:
    assert noticed(scene(summary=summary)) == []


def test_every_rule_but_those_on_other_entries_is_shown_to_speak() -> None:
    shown = {rule for _, (rule, _) in FAULTS}
    assert CURRENT.rules.keys() - shown == {
        *("linkage.scene", "linkage.product", "duplicate.near", "duplicate.same"),
        *("duplicate.summary", "duplicate.english"),
    }


def test_a_linkage_with_unknown_ends_is_noticed() -> None:
    assert noticed(linkage(SCENE, PRODUCT), unknown=[PRODUCT]) == [("linkage.product", "/entry/product")]


def test_near_duplicates_name_the_other_case_and_why_and_only_the_likest_counts() -> None:
    alike = (
        Resemblance("a/b@1", 100, Likeness.REARRANGED, "zh", ("title/zh", "summary/zh")),
        Resemblance("a/c@1", 91, Likeness.FUZZY, "zh", ("summary/zh",)),
        Resemblance("a/d@1", 100, Likeness.EXACT, "en", ("summary/en",)),
    )
    first, second, third = found(scene(), resemblances=alike)
    assert first == CheckFinding(
        rule="duplicate.same",
        pointer="/entry/summary",
        weight=45,
        resembles="a/b@1",
        similarity=100,
        likeness=Likeness.REARRANGED,
        alike=("/entry/title/zh", "/entry/summary/zh"),
    )
    assert [(each.rule, each.weight) for each in (second, third)] == [("duplicate.near", 25), ("duplicate.english", 15)]
    assert route(scene(), resemblances=alike) == (55, Route.EXPERTS)


def test_only_the_hopeless_go_back_at_once_and_are_told_why_in_both_languages() -> None:
    hopeless = scene(title={"zh": "测试测试"}, summary={"zh": "测试测试测试测试测试测试"}, offers=(), budget_yuan=None)
    assert route(hopeless)[1] is Route.RETURN
    rule = CURRENT.rules["text.placeholder"]
    assert reasons(found(hopeless), CURRENT)[0] == Reason(zh=rule.zh, en=rule.en)


def test_no_single_finding_sends_an_entry_back() -> None:
    assert all(100 - rule.weight >= CURRENT.routes.return_.below for rule in CURRENT.rules.values())


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (product(), (100, Route.EXPRESS)),
        (scene(offers=(offer("space", 500, "m2"),)), (100, Route.EXPRESS)),
        (scene(), (100, Route.ORDINARY)),  # it offers more than 500 m²
        (product(interfaces=()), (90, Route.ORDINARY)),
        (linkage(SCENE, PRODUCT), (100, Route.ORDINARY)),
        (linkage(SCENE, PRODUCT, stage="laboratory", evidence=()), (75, Route.ORDINARY)),
        (scene(offers=(offer("space", 100_000, "m2"),)), (90, Route.EXPERTS)),
        (
            product(figures=(), interfaces=(), distinction={"zh": "比别人的更好更快更稳。"}, maturity=2),
            (55, Route.EXPERTS),
        ),
        (
            linkage(SCENE, PRODUCT, stage="implementation", evidence=(EVIDENCE | {"stage": "implementation"},)),
            (100, Route.EXPERTS),
        ),
    ],
    ids=["product", "small", "offering", "fault", "linkage", "unproven", "large", "doubtful", "implementation"],
)
def test_the_route_follows_from_score_and_findings(entry: Entry, expected: tuple[int, Route]) -> None:
    assert route(entry) == expected


def changed(folder: Path, *replacements: tuple[str, str]) -> Path:
    text = FILE.read_text(encoding="utf-8")
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    (folder / "rules.toml").write_text(text, encoding="utf-8")
    return folder / "rules.toml"


def test_changed_rules_are_read_and_judge_otherwise(tmp_path: Path) -> None:
    rules = read(
        changed(
            tmp_path,
            (f'version = "{CURRENT.version}"', 'version = "trial"'),
            ("open_days = { value = 14", "open_days = { value = 300"),
        )
    )
    noticed = findings(scene(), (), (), rules)
    assert [(each.rule, each.pointer) for each in noticed] == [("scene.window", "/entry/closes")]
    assert rules.version == "trial"


@pytest.mark.parametrize(
    ("replacement", "said"),
    [
        (('[rules."scene.window"]', '[rules."scene.windwo"]'), "rules.scene.windwo: no such rule"),
        (("open_days = {", "open_dayz = {"), "thresholds.open_days: missing"),
        (("near = { value = 90", "near = { value = 70"), "near and same must be in order, from 90 to 100"),
        (("from = 100", "from = 50"), "must not overlap"),
        (("weight = 45", "weight = 450"), "rules.duplicate.same.weight"),
        (("weight = 45", "wieght = 45"), "rules.duplicate.same.wieght"),
        (("[routes.return]", "[routes.return"), "rules.toml"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_rules_that_are_not_right_are_refused_and_say_where(
    tmp_path: Path, replacement: tuple[str, str], said: str
) -> None:
    with pytest.raises(BadRules) as refused:
        read(changed(tmp_path, replacement))
    assert said in str(refused.value)
