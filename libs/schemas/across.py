"""The rules that cross fields, on whatever of the fields is there and of the right type."""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import orjson

from schemas.entry import OFFER_UNITS, OfferType, as_whole
from schemas.finding import Finding

#: The city's totals: an offer beyond them is a slip of the pen (design, section 5).
CITY_TOTALS = {"space": 10_000_000, "fund": 10_000_000_000}
#: Dates outside this century are slips too. Fixed, so that no clock that is wrong refuses what is good.
FIRST_DAY, LAST_DAY = "2000-01-01", "2099-12-31"
DATES = {"scene": ("opens", "closes"), "linkage": ("starts", "ends")}
STAGES = ("laboratory", "demonstration", "implementation")
PLACEHOLDERS = (
    *("待补充", "待填写", "待填", "待定", "待完善", "暂无", "暂缺", "同上", "略", "无"),
    *("tbd", "tbc", "todo", "to do", "n/a", "none", "null", "test", "xxx", "lorem ipsum"),
)
#: A set of texts: asking an enumeration for its members costs more than the rest of the rule.
_OFFER_TYPES = tuple(map(str, OfferType))
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]")
_LATIN = re.compile(r"[A-Za-z]")
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")


def across(raw: Any) -> Iterator[Finding]:
    """Every breach of a rule that crosses fields, in the order of the fields' kinds."""
    entry = raw.get("entry") if isinstance(raw, dict) else None
    if not isinstance(entry, dict):
        return
    yield from _worded(entry)
    match entry.get("kind"):
        case "scene":
            yield from _level_fits(entry)
            yield from _in_order(entry, "opens", "closes")
            yield from _offers_fit(entry, "offers")
        case "linkage":
            yield from _two_entries(entry)
            yield from _in_order(entry, "starts", "ends")
            yield from _offers_fit(entry, "asks")
            yield from _stage_evidenced(entry)


def _worded(entry: dict[str, Any]) -> Iterator[Finding]:
    """Texts say something, and in their field's language. Names may be Latin in Chinese: many products' are."""
    for field in ("title", "summary", "distinction"):
        text = entry.get(field)
        if not isinstance(text, dict):
            continue
        zh, en = text.get("zh"), text.get("en")
        for language, said in (("zh", zh), ("en", en)):
            if isinstance(said, str) and _keeps_a_place(said):
                yield Finding(rule="text.placeholder", pointer=f"/entry/{field}/{language}", found=said[:80])
        if field != "title" and isinstance(zh, str) and not _HAN.search(zh) and _LATIN.search(zh):
            yield Finding(rule="text.language", pointer=f"/entry/{field}/zh", found=zh[:80], expected="zh")
        if isinstance(en, str) and not en.isascii() and len(_HAN.findall(en)) > len(_LATIN.findall(en)):
            yield Finding(rule="text.language", pointer=f"/entry/{field}/en", found=en[:80], expected="en")


def _keeps_a_place(text: str) -> bool:
    """Whether a text has neither letter nor digit, is one sign over and over, or says but that it is to come."""
    if len(text) > 14 and text[0].isalnum() and text[0] != text[1]:
        return False  # most, and fast
    said = _EDGES.sub("", text).casefold()
    return bool(text) and (not said or (len(said) >= 5 and len(set(said)) == 1) or said in PLACEHOLDERS)


def _level_fits(entry: dict[str, Any]) -> Iterator[Finding]:
    industry, facility, theme = entry.get("industry"), entry.get("facility"), entry.get("theme")
    if entry.get("level") == "industrial":
        if industry is None:
            yield Finding(rule="scene.level-fit", pointer="/entry/industry", expected="industrial → industry")
        if theme is not None:
            yield Finding(rule="scene.level-fit", pointer="/entry/theme", expected="industrial → no theme")
    if entry.get("level") == "enterprise":
        if theme is None:
            yield Finding(rule="scene.level-fit", pointer="/entry/theme", expected="enterprise → theme")
        for name, value in (("industry", industry), ("facility", facility)):
            if value is not None:
                yield Finding(rule="scene.level-fit", pointer=f"/entry/{name}", expected=f"enterprise → no {name}")


def _in_order(entry: dict[str, Any], first: str, last: str) -> Iterator[Finding]:
    days = {name: day for name in (first, last) if isinstance(day := entry.get(name), str) and _DAY.fullmatch(day)}
    for name, day in days.items():
        # ISO dates compare as text.
        if not FIRST_DAY <= day <= LAST_DAY:
            within = f"{FIRST_DAY} – {LAST_DAY}"
            yield Finding(rule="dates.plausible", pointer=f"/entry/{name}", found=day, expected=within)
    if len(days) == 2 and days[last] < days[first]:
        yield Finding(rule="dates.order", pointer=f"/entry/{last}", found=days[last], expected=days[first])


def _offers_fit(entry: dict[str, Any], field: str) -> Iterator[Finding]:
    offers = entry.get(field)
    if not isinstance(offers, list):
        return
    first: dict[bytes, int] = {}  # which offer said this first
    for i, offer in enumerate(offers):
        if not isinstance(offer, dict) or offer.get("type") not in _OFFER_TYPES:
            continue
        unit, total = OFFER_UNITS[offer["type"]], CITY_TOTALS.get(offer["type"])
        amount = as_whole(offer.get("amount"))
        if isinstance(offer.get("unit"), str) and offer["unit"] != unit:
            yield Finding(
                rule="offer.unit", pointer=f"/entry/{field}/{i}/unit", found=offer["unit"][:80], expected=unit
            )
        if total and isinstance(amount, int) and amount > total:
            yield Finding(
                rule="offer.amount", pointer=f"/entry/{field}/{i}/amount", found=str(amount), expected=f"{total:,}"
            )
        with suppress(orjson.JSONEncodeError):  # it nests deeper than is written, and breaks other rules by that
            same = first.setdefault(orjson.dumps(offer, option=orjson.OPT_SORT_KEYS), i + 1)
            if same <= i:
                pointer = f"/entry/{field}/{i}"
                yield Finding(rule="offer.repeated", pointer=pointer, found=offer["type"], expected=str(same))


def _two_entries(entry: dict[str, Any]) -> Iterator[Finding]:
    scene, product = entry.get("scene"), entry.get("product")
    if isinstance(scene, str) and scene and scene == product:
        yield Finding(rule="linkage.same-entry", pointer="/entry/product", found=product[:80])


def _stage_evidenced(entry: dict[str, Any]) -> Iterator[Finding]:
    stage, evidence = entry.get("stage"), entry.get("evidence", [])
    if stage not in STAGES or not isinstance(evidence, list):
        return
    measured = [item.get("stage") if isinstance(item, dict) else None for item in evidence]
    if stage != "laboratory" and stage not in measured:
        yield Finding(rule="evidence.stage", pointer="/entry/evidence", expected=stage)
    for i, other in enumerate(measured):
        if other in STAGES and STAGES.index(other) > STAGES.index(stage):
            pointer = f"/entry/evidence/{i}/stage"
            yield Finding(rule="evidence.beyond-stage", pointer=pointer, found=other, expected=stage)
