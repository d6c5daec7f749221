"""What a cell says, as the JSON that its column wants.

What is certain is put right: width of figures and codes, dates in any of the usual ways, names of choices instead of
codes, spaces around. What is not is left as it stands, for the rules to refuse; and what a text would hide (an Excel
error, say) becomes an `odd` value, which no rule takes.
"""

import re
import unicodedata
from datetime import date, datetime, time, timedelta
from functools import cache
from math import isfinite
from typing import Any

from schemas.readings import DAY
from submissions.sheets.columns import Column
from web.words import WORDS

#: As readers give them; None and "" are blank, and an Odd is what a reader could not read.
Cell = str | float | bool | date | time | timedelta | dict[str, str] | None
#: Excel keeps 15 digits of a number: of a longer one, such as a code, the last are lost.
_EXACT = 10**15
#: Excel counts days from here.
_EPOCH = date(1899, 12, 30)
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_DATE = re.compile(DAY)
#: The time that Excel writes behind a day where the cell is formatted as date and time.
_MIDNIGHT = re.compile(
    r"(?:[ T]+|(?<=[日号]))(?:0?0:00(?::00(?:\.0+)?)?|12:00(?::00)? ?AM|上午 ?12:00(?::00)?)$", re.IGNORECASE
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
#: An apostrophe that spreadsheets are given so that they take what follows as text.
_ESCAPED = re.compile(r"'(?=['=+\-@0-9])")
_PARTS = re.compile(r"[;；\r\n]")
#: Items of one cell, far more than any list may have: the last of more holds all that follow it.
_MOST_PARTS = 1000


def odd(why: str, shown: object) -> dict[str, str]:
    """A value that no rule takes; `why` is a name of `findings.ODD`."""
    return {"cell": why, "shown": str(shown)}


def is_odd(value: object) -> bool:
    return isinstance(value, dict) and value.keys() == {"cell", "shown"}


def value(column: Column, cell: Cell) -> Any:
    """A cell's JSON value; None where it is blank."""
    if isinstance(cell, str):
        if _CONTROL.search(cell):
            return odd("control", _CONTROL.sub("␀", cell))
        cell = cell.strip()
    if cell is None or cell == "" or is_odd(cell):
        return cell or None
    if isinstance(cell, float) and not isfinite(cell):
        return odd("digits", cell)
    match column.type:
        case "date":
            return _date(cell)
        case "integer" | "number":
            return _number(cell)
        case "choice":
            text = _text(cell)
            return text if is_odd(text) else _choices(column.choices).get(_plain(text), text)
        case "ascii":
            text = _text(cell)
            return text if is_odd(text) else unicodedata.normalize("NFKC", text).strip()
        case _:
            return _text(cell)


def values(column: Column, cell: Cell) -> list[Any]:
    """The items that a cell of a parted column holds; None where between two separators there is nothing."""
    if not isinstance(cell, str) or _CONTROL.search(cell):
        return [one] if (one := value(column, cell)) is not None else []
    lines = re.sub("\r\n?", "\n", cell).split("\n")
    # A semicolon at a line's end parts once; a blank line holds a place, as another cell beside this one has it.
    text = "\n".join(re.sub("[;；]$", "", line.rstrip()) for line in lines)
    parts = [value(column, part) for part in _PARTS.split(text, _MOST_PARTS)]
    while parts and parts[-1] is None:
        parts.pop()
    return parts


def written(column: Column, value: Any) -> str | float:
    """A JSON value as a cell from which `value` reads the same."""
    if column.type in ("integer", "number"):
        return float(value) if isinstance(value, float) else int(value)
    text = str(value)
    return f"'{text}" if column.type == "text" and _ESCAPED.match(text) else text


def fits_one_cell(items: list[str]) -> bool:
    """Whether a parted column can hold these items."""
    return not any(_PARTS.search(item) for item in items)


def _text(cell: Any) -> Any:
    match cell:
        case bool():
            return str(cell).upper()
        case str():
            return _ESCAPED.sub("", cell, count=1) if _ESCAPED.match(cell) else cell
        case float() | int():
            if abs(cell) >= _EXACT:
                return odd("digits", f"{cell:.0f}")
            return str(int(cell)) if cell == int(cell) else repr(cell)
        case _:
            return odd("date", cell.isoformat() if isinstance(cell, date | time) else cell)


def _number(cell: Any) -> Any:
    if isinstance(cell, date | time | timedelta):
        return odd("date", cell)
    if isinstance(cell, bool):
        return cell
    if isinstance(cell, int | float):
        return int(cell) if abs(cell) < _EXACT and cell == int(cell) else cell
    text = _plain(cell).removeprefix("'")
    if _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    if re.fullmatch(r"[+-]?[0-9]{1,19}", text):
        return int(text)
    # Beyond what a float holds it is left to the rules as text: JSON has no infinity.
    return float(text) if _NUMBER.fullmatch(text) and isfinite(float(text)) else cell


def _date(cell: Any) -> Any:
    match cell:
        case datetime():
            return cell.date().isoformat() if cell.time() == time() else cell.isoformat(" ")
        case date():
            return cell.isoformat()
        case bool() | time() | timedelta():
            return str(cell)
        case int() | float():
            # A day's serial number, of a cell that is not formatted as a date: the years 1954 to 2173.
            certain = cell == int(cell) and 20_000 <= cell < 100_000
            return (_EPOCH + timedelta(days=int(cell))).isoformat() if certain else str(cell)
        case _:
            text = _MIDNIGHT.sub("", _plain(cell).removeprefix("'"))
            if match := _DATE.fullmatch(text):
                return "-".join((match[1], match[2].zfill(2), match[3].zfill(2)))
            return f"{text[:4]}-{text[4:6]}-{text[6:]}" if re.fullmatch(r"(19|20)[0-9]{6}", text) else cell


def _plain(text: str) -> str:
    """Half-width, without what cannot be seen around it."""
    return unicodedata.normalize("NFKC", text).strip(" \t\r\n\u200b\ufeff")


@cache
def _choices(codes: tuple[str, ...]) -> dict[str, str]:
    """The codes by how people write them: as the code, in Chinese and in English, in any case."""
    found: dict[str, str] = {}
    for code in codes:
        for text in (code, *WORDS.get(code, {}).values()):
            found[_plain(text)] = found[_plain(text).casefold()] = code
    return _AnyCase(found)


class _AnyCase(dict[str, str]):
    def get(self, key: str, default: Any = None) -> Any:
        return super().get(key.casefold(), default)
