"""An entry laid out for reading: both languages side by side, and what changed from one revision to the next."""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from rapidfuzz.distance import Levenshtein

from schemas.entry import Attachment, Entry, Evidence, Figure, Linkage, Name, Offer, Product, Scene, Text
from web.languages import LANGUAGE_TAGS, day, number, say
from web.words import WORDS

#: What the fields of an entry are called.
LABELS: dict[str, dict[str, str]] = {
    "title": {"zh": "标题", "en": "Title"},
    "summary": {"zh": "简介", "en": "Summary"},
    "owner": {"zh": "申报单位", "en": "Owner"},
    "name": {"zh": "名称", "en": "Name"},
    "uscc": {"zh": "统一社会信用代码", "en": "USCC"},
    "district": {"zh": "区域", "en": "District"},
    "zone": {"zh": "产业功能区", "en": "Zone"},
    "tags": {"zh": "标签", "en": "Tags"},
    "attachments": {"zh": "附件", "en": "Attachments"},
    "level": {"zh": "层级", "en": "Level"},
    "industry": {"zh": "产业", "en": "Industry"},
    "facility": {"zh": "载体", "en": "Facility"},
    "theme": {"zh": "主题", "en": "Theme"},
    "needs": {"zh": "需求", "en": "Needs"},
    "budget_yuan": {"zh": "预算（元）", "en": "Budget, yuan"},
    "opens": {"zh": "开放日期", "en": "Opens"},
    "closes": {"zh": "截止日期", "en": "Closes"},
    "offers": {"zh": "提供的支持", "en": "Offers"},
    "capabilities": {"zh": "能力", "en": "Capabilities"},
    "figures": {"zh": "技术指标", "en": "Technical figures"},
    "interfaces": {"zh": "接口与标准", "en": "Interfaces and standards"},
    "distinction": {"zh": "独特之处", "en": "What sets it apart"},
    "maturity": {"zh": "成熟度（TRL）", "en": "Maturity (TRL)"},
    "markets": {"zh": "销售市场", "en": "Markets"},
    "takes": {"zh": "从供应链取得", "en": "Takes from the supply chain"},
    "gives": {"zh": "向供应链提供", "en": "Gives to the supply chain"},
    "scene": {"zh": "场景", "en": "Scene"},
    "product": {"zh": "产品", "en": "Product"},
    "stage": {"zh": "阶段", "en": "Stage"},
    "site": {"zh": "地点", "en": "Site"},
    "starts": {"zh": "开始日期", "en": "Starts"},
    "ends": {"zh": "结束日期", "en": "Ends"},
    "asks": {"zh": "申请的支持", "en": "Asks"},
    "evidence": {"zh": "证据", "en": "Evidence"},
    "type": {"zh": "类型", "en": "Type"},
    "amount": {"zh": "数量", "en": "Amount"},
    "unit": {"zh": "单位", "en": "Unit"},
    "description": {"zh": "说明", "en": "Description"},
    "value": {"zh": "数值", "en": "Value"},
    "measure": {"zh": "指标", "en": "Measure"},
    "baseline": {"zh": "基线", "en": "Baseline"},
    "result": {"zh": "结果", "en": "Result"},
    "document": {"zh": "文件", "en": "Document"},
    "href": {"zh": "链接", "en": "Link"},
    "sha256": {"zh": "SHA-256", "en": "SHA-256"},
    "zh": {"zh": "中文", "en": "Chinese"},
    "en": {"zh": "英文", "en": "English"},
}


#: Lists of the partner's own words, whatever code or day they look like.
FREE = ("tags", "interfaces", "markets")


@dataclass(frozen=True)
class Line:
    """One line of a cell. `href` where it leads to a document, `missing` where that language says nothing."""

    text: str
    href: str | None = None
    missing: bool = False


@dataclass(frozen=True)
class Row:
    """A field: `en` is None where it says the same in every language, and one cell spans both columns."""

    field: str
    zh: tuple[Line, ...]
    en: tuple[Line, ...] | None = None


@dataclass(frozen=True)
class Change:
    """A value of two entries, in pieces: (text, whether only this side has it); empty where a side says nothing.

    `language` is that of a text.
    """

    label: str
    language: str | None
    before: tuple[tuple[str, bool], ...]
    after: tuple[tuple[str, bool], ...]

    @property
    def differs(self) -> bool:
        return self.before != self.after


def rows(entry: Entry) -> list[Row]:
    """The entry's fields in order, those that say nothing left out; of its kind's own ones first what it is about."""
    own: tuple[str, ...]
    match entry:
        case Scene():
            own = ("level", "industry", "facility", "theme", "needs", "offers", "budget_yuan", "opens", "closes")
        case Product():
            own = ("industry", "capabilities", "figures", "interfaces", "distinction", "maturity")
            own += ("markets", "takes", "gives")
        case Linkage():
            own = ("scene", "product", "stage", "site", "starts", "ends", "asks", "evidence")
    fields = ("title", "summary", *own, "district", "zone", "tags", "attachments")
    return [_row(field, value) for field in fields if (value := getattr(entry, field)) not in (None, ())]


def _row(field: str, value: Any) -> Row:
    values = value if isinstance(value, tuple) else (value,)
    first = values[0]
    match first:
        case Name() | Text():
            return _both(field, values, lambda name, language: _said(name, language))
        case Offer():
            return _both(field, values, _offer)
        case Figure():
            return _both(field, values, _figure)
        case Evidence():
            return _both(field, values, _evidence)
        case Attachment():
            return _both(field, values, lambda file, language: _said(file.title, language, file.href))
    if field in ("scene", "product"):
        return Row(field, (Line(value),))
    if str(first) in WORDS and field not in FREE:
        return _both(field, values, lambda code, language: Line(WORDS[code][language]))
    if isinstance(value, tuple):
        return Row(field, (Line(", ".join(value)),))
    if isinstance(value, int):
        return Row(field, (Line(number(value)),))
    return Row(field, (Line(day(value)),))


def _both(field: str, values: tuple[Any, ...], line: Callable[[Any, str], Line]) -> Row:
    return Row(field, tuple(line(each, "zh") for each in values), tuple(line(each, "en") for each in values))


def _said(text: Name | Text, language: str, href: str | None = None) -> Line:
    said = text.zh if language == "zh" else text.en
    return Line(said or "", href, missing=not said)


def _offer(offer: Offer, language: str) -> Line:
    words = f"{WORDS[offer.type][language]} {number(offer.amount)} {WORDS[offer.unit][language]}"
    described = offer.description and (offer.description.zh if language == "zh" else offer.description.en)
    return Line(words + (_colon(language) + described if described else ""))


def _figure(figure: Figure, language: str) -> Line:
    name = figure.name.zh if language == "zh" else figure.name.en or figure.name.zh
    return Line(f"{name}{_colon(language)}{number(figure.value)} {figure.unit}")


def _evidence(evidence: Evidence, language: str) -> Line:
    measure = evidence.measure.zh if language == "zh" else evidence.measure.en or evidence.measure.zh
    figures = f"{number(evidence.baseline)} → {number(evidence.result)} {evidence.unit}"
    stage = WORDS[evidence.stage][language]
    return Line(f"{stage}{_colon(language)}{measure} {figures}", evidence.document.href)


def _colon(language: str) -> str:
    return "：" if language == "zh" else ": "


# --- Two entries beside each other, and one revision beside the next ------------------------------------------------


def differences(before: Entry, after: Entry) -> list[Change]:
    """Every value that differs, in the order of the new entry, then what is gone."""
    return [change for change in beside(before, after) if change.differs]


def beside(before: Entry, after: Entry, without: Collection[str] = ()) -> list[Change]:
    """Every value of two entries, but for some fields, in the order of the second; then what it lacks."""
    old, new = (dict(_values(entry.model_dump(exclude={"kind", *without}))) for entry in (before, after))
    paths = (*new, *(path for path in old if path not in new))
    return [_change(path, old.get(path, ""), new.get(path, "")) for path in paths]


def label(pointer: str) -> str:
    """What a place in an entry is called: `/entry/offers/0/amount` as “Offers 1 · Amount”."""
    return _label(tuple(pointer.removeprefix("/entry").strip("/").split("/")))


def _label(path: tuple[str, ...]) -> str:
    words = ""
    for step in path:
        words += f" {int(step) + 1}" if step.isdigit() else f" · {say(LABELS.get(step, step))}"
    return words.removeprefix(" · ")


def _values(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """The leaves of an entry's fields, as text, by their path. Codes and days are told in words."""
    match value:
        case dict():
            for name, part in value.items():
                yield from _values(part, (*path, name))
        case tuple():
            for index, part in enumerate(value):
                yield from _values(part, (*path, str(index)))
        case None:
            pass
        case str():
            yield path, say(WORDS[value]) if value in WORDS and path[0] not in FREE else value
        case date():
            yield path, day(value)
        case bool():
            yield path, str(value)
        case int() | float() if round(value, 3) == value:  # beyond that, two that differ could look the same
            yield path, number(value)
        case _:
            yield path, str(value)


def _change(path: tuple[str, ...], before: str, after: str) -> Change:
    old, new = _words(before), _words(after)
    steps = [*Levenshtein.opcodes(old, new)]
    return Change(
        _label(path),
        path[-1] if path[-1] in LANGUAGE_TAGS else None,
        tuple(("".join(old[s.src_start : s.src_end]), s.tag != "equal") for s in steps if s.src_end > s.src_start),
        tuple(("".join(new[s.dest_start : s.dest_end]), s.tag != "equal") for s in steps if s.dest_end > s.dest_start),
    )


def _words(text: str) -> list[str]:
    """Latin words and numbers whole, everything else a character at a time."""
    return re.findall(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|[A-Za-z0-9]+|.", text, re.DOTALL)
