"""What the machine notices about an entry before people read it: pure, and steered by the tables below.

A finding's weight counts against the entry's score of 100. Checks advise: only a hopeless entry goes back unread.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from schemas.entry import Entry, Linkage, Product, Scene
from schemas.review import CheckFinding, Route

#: The version of this file's rules: every case says by which it was checked.
RULESET = "2026-11"
#: Below this score an entry goes back to its partner at once: no single finding is enough, several serious ones are.
RETURN_BELOW = 40

#: Where a rule begins to speak, and why there.
THRESHOLDS = {
    "summary_zh": 40,  # characters; a reader cannot tell who gains what from less than two short sentences
    "distinction_zh": 20,  # characters; less only repeats the title
    "chinese_share": 30,  # per cent of Chinese characters; product names and figures may be Latin, a text may not
    "english_share": 10,  # per cent of Chinese characters an English text may quote
    "variety": 25,  # per cent of different characters in the first 60; prose has over 60, key-mashing under 20
    "open_days": 14,  # a partner needs two weeks to read a scene and answer it
    "maturity": 4,  # TRL; below it there is nothing yet that a scene could try out
    "near": 90,  # per cent alike; below it, the same template filled in by different people
    "same": 98,  # per cent alike; beyond it, only a name or a number was changed
}


@dataclass(frozen=True)
class Rule:
    """What a rule takes off the score, and its sentence for people."""

    weight: int
    zh: str
    en: str


RULES: dict[str, Rule] = {
    "english.title": Rule(
        5, "缺少英文标题：面向世界发布需要中英双语。", "The title has no English; releases go to the world."
    ),
    "english.summary": Rule(
        10, "缺少英文简介：境外读者无法了解该项目。", "The summary has no English; readers abroad cannot follow it."
    ),
    "english.chinese": Rule(15, "英文栏内主要是中文。", "The English field is mostly Chinese."),
    "chinese.foreign": Rule(25, "中文栏内几乎没有中文。", "The Chinese field has hardly any Chinese."),
    "summary.short": Rule(
        15,
        "简介过短：请说明对象、做法和预期成效。",
        "The summary is very short: say for whom, how, and what is expected.",
    ),
    "summary.title": Rule(20, "简介只是重复标题。", "The summary only repeats the title."),
    "text.placeholder": Rule(40, "含有测试或占位文字。", "There is test or placeholder text in it."),
    "text.repetitive": Rule(40, "文字重复堆砌，没有实际内容。", "The text repeats itself and says nothing."),
    "scene.offers": Rule(15, "场景没有提供任何支持。", "The scene offers nothing."),
    "scene.budget": Rule(5, "没有填写预算。", "No budget is given."),
    "scene.window": Rule(
        10, "开放期不足两周，合作方来不及响应。", "Open for less than two weeks: too short to answer."
    ),
    "product.figures": Rule(15, "没有技术指标。", "There are no technical figures."),
    "product.interfaces": Rule(10, "没有说明接口和标准。", "No interfaces or standards are named."),
    "product.distinction": Rule(10, "独特之处过于简略。", "What sets it apart is hardly said."),
    "product.maturity": Rule(10, "成熟度偏低，尚不能进入场景试用。", "Not mature enough yet to be tried in a scene."),
    "linkage.evidence": Rule(25, "没有任何证据。", "There is no evidence at all."),
    "linkage.gain": Rule(15, "结果与基线相同，看不出成效。", "The result equals the baseline: no gain is shown."),
    "linkage.scene": Rule(20, "所引用的场景未知。", "The scene it refers to is not known."),
    "linkage.product": Rule(20, "所引用的产品未知。", "The product it refers to is not known."),
    "attachments.none": Rule(5, "没有附件可供核对。", "There is no attachment to check it by."),
    "duplicate.near": Rule(25, "与另一件申报高度相似。", "Much like another submission."),
    "duplicate.same": Rule(45, "与另一件申报几乎完全相同。", "All but the same as another submission."),
}

CHINESE = re.compile("[\u4e00-\u9fff]")
PLACEHOLDERS = ("测试数据", "测试测试", "占位", "待补充", "xxx", "lorem ipsum", "todo", "tbd", "asdf")


@dataclass(frozen=True)
class Resemblance:
    """Another submission's case that reads alike, `similarity` in per cent."""

    case: str
    similarity: int


def findings(entry: Entry, unknown: Iterable[str], resemblances: Iterable[Resemblance]) -> tuple[CheckFinding, ...]:
    """Everything noticed about an entry, text first; pointers are into the submission (`/entry/…`).

    `unknown` are the entries it refers to that nobody has sent, `resemblances` what it reads like.
    """
    noticed = [*_language(entry), *_completeness(entry), *_references(entry, frozenset(unknown))]
    found = [CheckFinding(rule=rule, pointer=pointer, weight=RULES[rule].weight) for rule, pointer in noticed]
    return (*found, *map(_duplicate, resemblances))


def assess(found: Iterable[CheckFinding]) -> tuple[int, Route]:
    """The score (100 less the weights, at least 0) and where the case goes. Of duplicates only the likest counts."""
    duplicates = [finding.weight for finding in found if finding.resembles]
    others = sum(finding.weight for finding in found if not finding.resembles)
    score = max(0, 100 - others - max(duplicates, default=0))
    return score, Route.RETURN if score < RETURN_BELOW else Route.ORDINARY


def reasons(found: Iterable[CheckFinding]) -> tuple[str, ...]:
    """The findings as sentences in both languages, the weightiest first, each once."""
    rules = sorted({finding.rule for finding in found}, key=lambda rule: (-RULES[rule].weight, rule))
    return tuple(f"{RULES[rule].zh} {RULES[rule].en}" for rule in rules)


Noticed = Iterator[tuple[str, str]]


def _language(entry: Entry) -> Noticed:
    title, summary = entry.title, entry.summary
    for name, text in (("title", title), ("summary", summary)):
        if text.en is None:
            yield f"english.{name}", f"/entry/{name}/en"
        elif _chinese_share(text.en) > THRESHOLDS["english_share"]:
            yield "english.chinese", f"/entry/{name}/en"
        if _chinese_share(text.zh) < THRESHOLDS["chinese_share"]:
            yield "chinese.foreign", f"/entry/{name}/zh"
    if len(summary.zh) < THRESHOLDS["summary_zh"]:
        yield "summary.short", "/entry/summary/zh"
    if title.zh in summary.zh and len(summary.zh) < 1.5 * len(title.zh):
        yield "summary.title", "/entry/summary/zh"
    for name, said in (("title/zh", title.zh), ("summary/zh", summary.zh), ("summary/en", summary.en or "")):
        lowered = said.lower()
        if any(word in lowered for word in PLACEHOLDERS):
            yield "text.placeholder", f"/entry/{name}"
    start = summary.zh[:60]
    if 100 * len(set(start)) < THRESHOLDS["variety"] * len(start):
        yield "text.repetitive", "/entry/summary/zh"


def _completeness(entry: Entry) -> Noticed:
    if not entry.attachments and not isinstance(entry, Linkage):
        yield "attachments.none", "/entry/attachments"
    match entry:
        case Scene():
            tests: tuple[tuple[bool, str, str], ...] = (
                (not entry.offers, "scene.offers", "offers"),
                (entry.budget_yuan is None, "scene.budget", "budget_yuan"),
                ((entry.closes - entry.opens).days < THRESHOLDS["open_days"], "scene.window", "closes"),
            )
        case Product():
            brief = len(entry.distinction.zh) < THRESHOLDS["distinction_zh"]
            tests = (
                (not entry.figures, "product.figures", "figures"),
                (not entry.interfaces, "product.interfaces", "interfaces"),
                (brief, "product.distinction", "distinction/zh"),
                (entry.maturity < THRESHOLDS["maturity"], "product.maturity", "maturity"),
            )
        case Linkage():
            tests = (
                (not entry.evidence, "linkage.evidence", "evidence"),
                *(
                    (evidence.baseline == evidence.result, "linkage.gain", f"evidence/{i}/result")
                    for i, evidence in enumerate(entry.evidence)
                ),
            )
    yield from ((rule, f"/entry/{pointer}") for holds, rule, pointer in tests if holds)


def references(entry: Entry) -> tuple[tuple[str, str], ...]:
    """The submissions that an entry refers to, each with the kind it must be of."""
    return (("scene", entry.scene), ("product", entry.product)) if isinstance(entry, Linkage) else ()


def _references(entry: Entry, unknown: frozenset[str]) -> Noticed:
    yield from ((f"linkage.{kind}", f"/entry/{kind}") for kind, id in references(entry) if id in unknown)


def _duplicate(resemblance: Resemblance) -> CheckFinding:
    rule = "duplicate.same" if resemblance.similarity >= THRESHOLDS["same"] else "duplicate.near"
    return CheckFinding(
        rule=rule,
        pointer="/entry/summary",
        weight=RULES[rule].weight,
        resembles=resemblance.case,
        similarity=resemblance.similarity,
    )


def _chinese_share(text: str) -> int:
    """Per cent of a text's characters, blanks aside, that are Chinese."""
    return 100 * len(CHINESE.findall(text)) // max(1, len(text) - text.count(" "))
