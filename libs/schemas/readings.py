"""What people write for a number or a day, read as what they mean: full-width digits, 500万元, 2026年1月5日."""

import re
import unicodedata
from datetime import date, datetime, timedelta, timezone
from typing import Any

_NUMBER = re.compile(r"([+-]?[0-9]{1,3}(?:,[0-9]{3})+|[+-]?[0-9]+)(\.[0-9]+)?\s*([万亿]?)\s*(.*)")
_MANY = {"": 1, "万": 10_000, "亿": 100_000_000}
_WHOLE_UNITS = ("", "元", "人民币", "平方米", "m2", "yuan", "人", "名", "个", "项", "级")
#: Numbers of this size and more are not exact in JSON for all readers, and plausible for nothing.
_MOST = 1e15
#: The city's time: whoever writes a moment for a day means the day that it is here.
_CITY = timezone(timedelta(hours=8))
_OFFSET = re.compile(r".*(?:Z|[+-][0-9]{2}:?[0-9]{2})", re.IGNORECASE)
#: Year, month and day in figures, in any of the usual ways.
DAY = r"([0-9]{4})\s*[-/.年]\s*([0-9]{1,2})\s*[-/.月]\s*([0-9]{1,2})(?:\s*[日号])?"
_DAYS = (re.compile(DAY + r"(?:[T\s].*)?"), re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})"))


def plain(text: str) -> str:
    """A text without blanks at its ends, with full-width letters, digits and signs as their usual ones."""
    return unicodedata.normalize("NFKC", text).strip()


def whole(value: str) -> int | None:
    """A whole number that was written as text: "７", "1,200", "500万元"."""
    read = _read(value, _WHOLE_UNITS)
    return int(read) if read is not None and read == int(read) else None


def number(value: str, unit: str) -> int | float | None:
    """A number that was written as text, with its unit behind it or without: "99.5%"."""
    return _read(value, ("", plain(unit), "%" if unit in ("", "percent", "百分比") else ""))


def _read(text: str, units: tuple[str, ...]) -> int | float | None:
    found = _NUMBER.fullmatch(plain(text))
    if not found or found[4].strip() not in units or len(text) > 40:
        return None
    digits = found[1].replace(",", "")
    read: int | float
    if found[2]:
        # Rounded to what was written: 1.1 × 10,000 is 11,000 and no more.
        read = round(float(digits + found[2]) * _MANY[found[3]], len(found[2]) - 1)
    else:
        read = int(digits) * _MANY[found[3]]
    return read if abs(read) < _MOST else None


def day(value: Any) -> str | None:
    """A day that was written otherwise, as YYYY-MM-DD: 2026/1/5, 2026年1月5日 or 号, 20260105; of a moment with its
    offset, such as 2026-01-04T16:00:00Z, the day that it is in the city."""
    text = plain(value) if isinstance(value, str) else str(value) if type(value) is int else ""
    found = next((match for pattern in _DAYS if (match := pattern.fullmatch(text))), None)
    try:
        if found and _OFFSET.fullmatch(text, found.end(3)):
            return datetime.fromisoformat(text).astimezone(_CITY).date().isoformat()
        return date(*map(int, found.groups())).isoformat() if found else None
    except (ValueError, OverflowError):
        return None
