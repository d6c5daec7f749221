"""What is noticed about an entry's texts: both languages there, in their own place, and saying something."""

import re
from collections.abc import Iterator, Sequence

from review.checks.ruleset import Ruleset
from schemas.entry import Entry, Industry

#: A rule that speaks, and where in the entry (`summary/en`).
Noticed = Iterator[tuple[str, str]]

CHINESE = re.compile("[\u4e00-\u9fff]+")
#: Latin ones as whole words, for `todo` is in `photodocumentation`; and Chinese ones that may be meant (driving yields
#: 测试数据, a scan shows 占位) where they stand alone. What a field lacks is 亟待补充.
PLACEHOLDERS = re.compile(
    r"测试测试|(?<!亟)待补充|占位[符文]|(?<!\w)(?:测试数据|占位)(?!\w)"
    r"|(?<![a-z0-9])(?:x{3,}|lorem ipsum|todo|tbd|asdf\w*)(?![a-z0-9])"
)
#: Characters of a Chinese text, and words of an English one, that are looked at together for repetition.
LOOKED_AT = 60


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
        if PLACEHOLDERS.search((said or "").lower()):
            yield "text.placeholder", place
    if _variety(summary.zh) < rules.at("variety"):
        yield "text.repetitive", "summary/zh"
    if _variety((summary.en or "").lower().split()) < rules.at("english_variety"):
        yield "text.repetitive", "summary/en"


def wrong_industry(entry: Entry, own: Industry, rules: Ruleset) -> bool:
    """Whether an entry speaks of another industry than the one it is filed under, and not of its own."""
    said = " ".join(filter(None, (entry.title.zh, entry.summary.zh, entry.title.en, entry.summary.en))).lower()
    if any(word in said for word in rules.industries.get(own, ())):
        return False
    others = (sum(word in said for word in words) for industry, words in rules.industries.items() if industry != own)
    return own in rules.industries and max(others, default=0) >= rules.at("industry_words")


def _variety(parts: Sequence[str]) -> int:
    """Per cent of a text's parts that differ, where it repeats itself most: characters, or words."""
    last = max(0, len(parts) - LOOKED_AT)
    starts = (*range(0, last, LOOKED_AT), last)  # the last ones are looked at with as many before them as it takes
    looked_at = [parts[start : start + LOOKED_AT] for start in starts]
    return min(100 * len(set(each)) // len(each) if each else 100 for each in looked_at)


def _chinese_share(text: str) -> int:
    """Per cent of a text's characters, blanks aside, that are Chinese."""
    return 100 * sum(map(len, CHINESE.findall(text))) // max(1, len(text) - text.count(" "))
