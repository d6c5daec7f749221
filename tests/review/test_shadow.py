"""Shadow replay: changed rules held against what was checked, on MongoDB, as those who keep the rules meet it."""

import json
from io import StringIO
from pathlib import Path

from rich.console import Console

from review.checks.ruleset import CURRENT, FILE, read
from review.cli import show
from review.domain.acts import LodgeAppeal
from review.shadow import Checked, Shadow, shadow
from runtime.settings import Settings
from schemas.entry import Entry
from schemas.review import CheckFinding, Likeness, Route
from tests.audit.test_cli import shuangqian
from tests.review.conftest import Review
from tests.review.entries import AT, OTHER, OWN, linkage, owned, product, received, scene

COMMAND = "shuangqian"


def stricter(folder: Path) -> Path:
    """The rules in force, but that a missing interface is for experts, and a missing budget is not asked about."""
    text = FILE.read_text(encoding="utf-8").replace(f'version = "{CURRENT.version}"', 'version = "trial"')
    text = text.replace('[rules."product.interfaces"]\nweight = 10', '[rules."product.interfaces"]\nweight = 50')
    start = text.index('[rules."scene.budget"]')
    text = text[:start] + text[text.index("[rules.", start + 1) :]
    path = folder / "trial.toml"
    path.write_text(text, encoding="utf-8")
    return path


def checked(entry: Entry, *findings: CheckFinding, score: int, route: Route) -> Checked:
    return Checked("a/X-1@1", "2026-11", entry, findings, score, route)


def test_the_rules_of_the_time_change_nothing() -> None:
    outcome = shadow([checked(product(), score=100, route=Route.EXPRESS)], CURRENT, first=10)
    assert outcome.to_json() == {
        "version": CURRENT.version,
        "cases": 1,
        "changed": 0,
        "rulesets": {"2026-11": 1},
        "routes": [{"from": "express", "to": "express", "cases": 1}],
        "first": [],
    }


def test_what_was_alike_or_unknown_then_is_taken_from_the_findings_of_then(tmp_path: Path) -> None:
    alike = CheckFinding(
        rule="duplicate.near",
        pointer="/entry/summary",
        weight=25,
        resembles="b/Y-1@1",
        similarity=97,
        likeness=Likeness.FUZZY,
        alike=("/entry/summary/zh",),
    )
    unknown = CheckFinding(rule="linkage.scene", pointer="/entry/scene", weight=20)
    entry = linkage(f"{OWN}/SC-404", f"{OTHER}/PR-1")
    case = checked(entry, unknown, alike, score=55, route=Route.EXPERTS)
    assert shadow([case], CURRENT, first=10).changed == 0
    text = FILE.read_text(encoding="utf-8").replace("same = { value = 98", "same = { value = 95")
    (tmp_path / "rules.toml").write_text(text, encoding="utf-8")
    (change,) = shadow([case], read(tmp_path / "rules.toml"), first=10).changes
    assert (change.new_route, change.new_score) == (Route.RETURN, 35)
    assert [found.rule for found in change.gone] == ["duplicate.near"]
    assert change.come == (alike.model_copy(update={"rule": "duplicate.same", "weight": 45}),)


async def sent(review: Review) -> None:
    turned = product(title={"zh": "隧道裂缝巡检机器人", "en": "Tunnel robot"}, summary=scene().summary, interfaces=())
    await review.react(
        [
            received("SC-1", scene(budget_yuan=None)),
            received("PR-1", product()),
            received("PR-2", owned(turned, OWN)),
        ]
    )


async def test_the_command_says_which_cases_would_go_another_way_and_writes_nothing(
    review: Review, settings: Settings, tmp_path: Path
) -> None:
    await sent(review)
    before = await review.cases.collection.find().sort("_id").to_list()
    done = shuangqian("review", "shadow", "--rules", str(stricter(tmp_path)), settings=settings, module=COMMAND)
    assert (done.returncode, done.stderr) == (1, "")
    assert "By the rules of trial, 1 of 3 cases would have gone another way." in done.stdout
    assert f"{OWN}/PR-2@1  Ordinary review (90) → Two experts (50)" in done.stdout
    assert "− product.interfaces /entry/interfaces (−10) No interfaces or standards are named." in done.stdout
    assert "+ product.interfaces /entry/interfaces (−50)" in done.stdout
    assert "give them a new one" not in done.stdout
    assert await review.cases.collection.find().sort("_id").to_list() == before


def test_changed_rules_with_the_version_of_those_in_force_are_remarked_on(tmp_path: Path) -> None:
    path = stricter(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace('"trial"', f'"{CURRENT.version}"'), encoding="utf-8")
    told = StringIO()
    for rules in (CURRENT, read(path)):
        show(Console(file=told), Shadow(rules.version), rules)
    assert told.getvalue().count("give them a new one before use") == 1


async def test_a_case_that_was_appealed_since_is_held_against_how_it_was_checked(
    review: Review, settings: Settings
) -> None:
    hopeless = scene(title={"zh": "测试测试"}, summary={"zh": "测试测试测试测试测试测试"}, offers=())
    await review.react([received("SC-1", hopeless)])
    appeal = LodgeAppeal(
        stream=f"{OWN}/SC-1@1", cause="appeal", actor="user:zheng", at=AT, by="partner", reason="Read it again."
    )
    (outcome,) = await review.cases.handle([appeal])
    assert outcome.state.route is Route.ORDINARY
    told = shuangqian("review", "shadow", "--rules", str(FILE), "--json", settings=settings, module=COMMAND)
    assert json.loads(told.stdout)["routes"] == [{"from": "return", "to": "return", "cases": 1}]


async def test_the_command_speaks_chinese_and_json_and_may_look_at_the_last_days_only(
    review: Review, settings: Settings, tmp_path: Path
) -> None:
    await sent(review)
    rules = str(stricter(tmp_path))
    chinese = shuangqian("review", "shadow", "--rules", rules, "--lang", "zh", settings=settings, module=COMMAND)
    assert "按 trial 版规则，3 个案件中有 1 个会改走其他路线。" in chinese.stdout
    assert "常规评审 (90) → 专家评审 (50)" in chinese.stdout
    told = shuangqian("review", "shadow", "--rules", rules, "--json", "--first", "0", settings=settings, module=COMMAND)
    outcome = json.loads(told.stdout)
    assert (outcome["cases"], outcome["changed"], outcome["first"]) == (3, 1, [])
    assert {"from": "ordinary", "to": "experts", "cases": 1} in outcome["routes"]
    later = shuangqian(
        "review", "shadow", "--rules", rules, "--since", "2026-11-03", "--json", settings=settings, module=COMMAND
    )
    assert (later.returncode, json.loads(later.stdout)["cases"]) == (0, 0)


def test_rules_or_a_day_that_are_not_right_are_refused_in_a_line_each(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(FILE.read_text(encoding="utf-8").replace('[rules."scene.window"]', '[rules."scene.windwo"]'))
    done = shuangqian("review", "shadow", "--rules", str(bad), module=COMMAND)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"The rules of {bad} cannot be used:\nrules.scene.windwo: There is no such rule.\n"
    # In either language, without Python's or its libraries' own words.
    overlapping = FILE.read_text(encoding="utf-8").replace("from = 100", "from = 50")
    bad.write_text(overlapping.replace("weight = 45", "weight = 450"))
    heavy = shuangqian("--lang", "zh", "review", "shadow", "--rules", str(bad), module=COMMAND)
    assert heavy.stderr == f"无法使用 {bad} 中的规则：\nrules.duplicate.same.weight：不得大于 100。\n"
    for text, said in (
        (overlapping, "routes：return、experts、express 的分数区间不能重叠。"),
        ("[routes]\na b = 1", "第 2 行第 3 列不是合法的 TOML。"),
        (None, "没有这个文件。"),
    ):
        bad.write_text(text) if text else bad.unlink()
        done = shuangqian("--lang", "zh", "review", "shadow", "--rules", str(bad), module=COMMAND)
        assert (done.returncode, done.stderr) == (2, f"无法使用 {bad} 中的规则：\n{said}\n")
    done = shuangqian("--lang", "zh", "review", "shadow", "--rules", str(tmp_path), module=COMMAND)
    assert (done.returncode, done.stderr) == (2, f"无法使用 {tmp_path} 中的规则：\n这是目录，不是文件。\n")
    done = shuangqian("review", "shadow", "--rules", str(FILE), "--since", "yesterday", module=COMMAND)
    assert (done.returncode, done.stderr) == (2, "yesterday is no day: write YYYY-MM-DD.\n")


def test_an_empty_history_is_no_difference() -> None:
    assert (Shadow("x").cases, Shadow("x").changed) == (0, 0)
