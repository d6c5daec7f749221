"""What is noticed about an entry's texts: both languages there, in their own place, and saying something."""

import re
from collections.abc import Iterator

from review.checks.ruleset import Ruleset
from schemas.entry import Entry, Industry

#: A rule that speaks, and where in the entry (`summary/en`).
Noticed = Iterator[tuple[str, str]]

CHINESE = re.compile("[\u4e00-\u9fff]+")
PLACEHOLDERS = ("测试数据", "测试测试", "占位", "待补充", "xxx", "lorem ipsum", "todo", "tbd", "asdf")


def language(entry: Entry, rules: Ruleset) -> Noticed:
    title, summary = entry.title, entry.summary
    for name, text in (("title", title), ("summary", summary)):
        if text.en is None:
            yield f"english.{name}", f"{name}/en"
        elif not text.en.isascii() and _chinese_share(text.en) > rules.at("english_share"):
            yield "english.chinese", f"{name}/en"
        if _chinese_share(text.zh) < rules.at("chinese_share"):
            yield "chinese.foreign", f"{name}/zh"
    if summary.en and 100 * len(summary.en) < rules.at("english_length") * len(summary.zh):
        yield "english.short", "summary/en"
    if len(summary.zh) < rules.at("summary_zh"):
        yield "summary.short", "summary/zh"
    if title.zh in summary.zh and len(summary.zh) < 1.5 * len(title.zh):
        yield "summary.title", "summary/zh"
    for place, said in (("title/zh", title.zh), ("summary/zh", summary.zh), ("summary/en", summary.en)):
        lowered = (said or "").lower()
        if any(word in lowered for word in PLACEHOLDERS):
            yield "text.placeholder", place
    start = summary.zh[:60]
    if 100 * len(set(start)) < rules.at("variety") * len(start):
        yield "text.repetitive", "summary/zh"


def wrong_industry(entry: Entry, own: Industry, rules: Ruleset) -> bool:
    """Whether an entry speaks of another industry than the one it is filed under, and not of its own."""
    said = " ".join(filter(None, (entry.title.zh, entry.summary.zh, entry.title.en, entry.summary.en))).lower()
    if any(word in said for word in rules.industries.get(own, ())):
        return False
    others = (sum(word in said for word in words) for industry, words in rules.industries.items() if industry != own)
    return own in rules.industries and max(others, default=0) >= rules.at("industry_words")


def _chinese_share(text: str) -> int:
    """Per cent of a text's characters, blanks aside, that are Chinese."""
    return 100 * sum(map(len, CHINESE.findall(text))) // max(1, len(text) - text.count(" "))
