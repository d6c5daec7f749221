"""Between what stands in a form's fields and what an entry says: texts by JSON Pointer here, JSON there.

Nothing is judged here. What cannot be read as a number stays text, for intake's rules to tell.
"""

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from schemas.entry import OFFER_UNITS
from schemas.envelope import Json
from submissions.forms.kinds import FORMS
from submissions.forms.layout import Field, Group, fields, groups

#: What stands in the fields, by the pointer that names the field; a field that was not shown has none.
Values = dict[str, str]

_WHOLE = re.compile(r"[+-]?(\d{1,18}|\d{1,3}(,\d{3}){1,5})")
_NUMBER = re.compile(r"[+-]?(\d{1,30}|\d{1,3}(,\d{3}){1,5})(\.\d{1,30})?([eE][+-]?\d{1,3})?")


@cache
def known(kind: str) -> Mapping[str, Field]:
    """The fields of a kind by pointer, with `*` where an item's number stands."""
    parts = [part for section in FORMS[kind] for part in section.parts]
    return {field.pointer: field for part in parts for field in fields(part)}


def field_of(kind: str, pointer: str) -> Field | None:
    """The field that a name in a form stands for; None for any other name."""
    return known(kind).get(re.sub(r"(?<=/)\d{1,3}(?=/)", "*", pointer))


def typed(kind: str, form: Mapping[str, Any]) -> Values:
    """What somebody typed, of the fields that the form has; browsers end lines with CR LF."""
    texts = {name: text for name, text in form.items() if isinstance(text, str) and field_of(kind, name)}
    return renumbered(kind, {name: text.replace("\r\n", "\n") for name, text in texts.items()})


# --- Groups ----------------------------------------------------------------------------------------------------------


def items(values: Values, group: Group) -> list[tuple[str, Values]]:
    """The items that a group's fields make, in order: the number each has, and its values by pointer from the item."""
    found: dict[str, Values] = {}
    for name, text in values.items():
        if name.startswith(group.pointer + "/"):
            number, slash, rest = name[len(group.pointer) + 1 :].partition("/")
            if number.isdecimal():
                found.setdefault(number, {})[slash + rest] = text
    return sorted(found.items(), key=lambda item: int(item[0]))


def renumbered(kind: str, values: Values, *, without_blank: bool = False) -> Values:
    """The same values with each group's items numbered from 0; where asked, without those that say nothing."""
    after = dict(values)
    for group in groups(FORMS[kind]).values():
        held = [item for _, item in items(values, group)]
        kept = [item for item in held if not without_blank or any(text.strip() for text in item.values())]
        after = {name: text for name, text in after.items() if not name.startswith(group.pointer + "/")}
        for number, item in enumerate(kept[: group.most]):
            after |= {f"{group.pointer}/{number}{rest}": text for rest, text in item.items()}
    return after


def with_item(values: Values, group: Group) -> tuple[Values, int]:
    """The values with one more, blank item, and its number."""
    number = max(len(items(values, group)), group.least)
    names = [field.pointer.replace("*", str(number), 1) for field in fields(group)]
    filled = {field.pointer.replace("*", str(n), 1): "" for n in range(number) for field in fields(group)}
    return {**filled, **values, **dict.fromkeys(names, "")}, number


def without_item(kind: str, values: Values, group: Group, number: int) -> Values:
    """The values without an item; the later ones move up."""
    gone = f"{group.pointer}/{number}/"
    return renumbered(kind, {name: text for name, text in values.items() if not name.startswith(gone)})


# --- To an entry -----------------------------------------------------------------------------------------------------


def line_of(kind: str, values: Values, uscc: str) -> Json:
    """The submission that the fields say, of the partner `uscc`. What is blank is left out."""
    said: Json = {"entry": {"kind": kind, "owner": {"uscc": uscc}}}
    for name, text in renumbered(kind, values, without_blank=True).items():
        field = field_of(kind, name)
        if field is None or not text.strip() or (field.only and values.get(field.only[0]) != field.only[1]):
            continue
        _put(said, name.strip("/").split("/"), _value(field, text))
    for offer in (*said["entry"].get("offers", ()), *said["entry"].get("asks", ())):
        # Each type has one unit, which the form names instead of asking for it.
        if offer.get("type") in OFFER_UNITS:
            offer["unit"] = OFFER_UNITS[offer["type"]]
    return said


def _value(field: Field, text: str) -> Any:
    match field.input:
        case "lines":
            return [line.strip() for line in text.split("\n") if line.strip()]
        case _ if field.counts or field.input in ("whole", "number"):
            return as_number(text)
        case "line" if field.pointer.endswith(("/reference", "/scene", "/product", "/sha256")):
            # Codes: what an input method made full-width is meant half-width.
            return unicodedata.normalize("NFKC", text).strip()
        case _:
            return text.strip()


def as_number(text: str) -> int | float | str:
    """The number that somebody typed, full-width or with commas between the thousands; anything else as it is."""
    text = unicodedata.normalize("NFKC", text).strip()
    plain = text.replace(",", "")
    if _WHOLE.fullmatch(text):
        return int(plain)
    if _NUMBER.fullmatch(text) and math.isfinite(float(plain)):
        return float(plain)
    return text


def _put(said: Any, path: list[str], value: Any) -> None:
    step, *rest = path
    if not rest:
        said[step] = value
    elif rest[0].isdecimal():
        members = said.setdefault(step, [])
        number, *inner = rest
        if int(number) == len(members):
            members.append({})
        _put(members[int(number)], inner, value)
    else:
        _put(said.setdefault(step, {}), rest, value)


# --- From an entry ---------------------------------------------------------------------------------------------------


def values_of(line: Json) -> Values:
    """What the fields hold for a submission, given as JSON."""
    kind = line["entry"]["kind"]
    return {name: text for name, text in _texts(kind, "", line) if field_of(kind, name)}


def _texts(kind: str, pointer: str, value: Any) -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            for name, inner in value.items():
                yield from _texts(kind, f"{pointer}/{name}", inner)
        case list() if field_of(kind, pointer):
            yield pointer, "\n".join(value)
        case list():
            for number, inner in enumerate(value):
                yield from _texts(kind, f"{pointer}/{number}", inner)
        case float() if value.is_integer() and abs(value) < 1e15:
            yield pointer, str(int(value))
        case None:
            pass
        case _:
            yield pointer, str(value)
