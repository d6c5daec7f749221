"""The columns of a sheet, derived from the schema: what each holds, what it is called, and which one a heading means.

A list of plain texts or names is one column, its items parted by semicolons or line breaks; a list of things with
several parts has numbered columns, as many groups as somebody adds. Any list may be given in numbered columns.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import BaseModel, StringConstraints
from pydantic.fields import FieldInfo

from schemas.entry import KINDS, Linkage, Name, Product, Scene, SubmissionLine
from submissions.sheets.labels import LABELS, LANGUAGE_SUFFIX

MODELS: dict[str, type[Scene] | type[Product] | type[Linkage]] = {
    "scene": Scene,
    "product": Product,
    "linkage": Linkage,
}
#: Stands in a path where a list's items are numbered.
EACH = "#"
#: Fields whose rules allow ASCII alone: there full-width characters are certainly meant as half-width ones.
_ASCII = {"reference", "uscc", "scene", "product", "href", "sha256", "phone", "email"}
Type = Literal["text", "ascii", "choice", "integer", "number", "date"]


@dataclass(frozen=True)
class Column:
    """One column. `path` is where its value stands in a submission, with EACH where a list's items are numbered.

    `parted`: without a number in its heading, a cell holds all the list's items. `least` and `most` are the limits of
    a number or of a text's length.
    """

    path: tuple[str, ...]
    type: Type
    required: bool
    parted: bool = False
    choices: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None

    @property
    def code(self) -> str:
        """Its heading for programs: `title.zh`, `offers.#.amount`, and `needs.zh` for a parted one."""
        return ".".join(step for step in _within_entry(self.path) if not (self.parted and step == EACH))

    def at(self, number: int | None) -> tuple[str | int, ...]:
        """The path of the list's item of this number, from 1."""
        return tuple(number if step == EACH and number else step for step in self.path)

    def heading(self, number: int | None, language: str) -> str:
        """What stands above it: `开放资源 1 · 数量`, `Needs (English)`."""
        path = _within_entry(self.path)
        said = LANGUAGE_SUFFIX[language].get(path[-1], "")
        names = [step for step in path if step != EACH and not (said and step == path[-1])]
        if EACH not in path:
            return LABELS[".".join(names)][language] + said
        first = LABELS[names[0]][language] + (f" {number}" if number else "")
        part = f" · {LABELS['.'.join(names)][language]}" if names[1:] else ""
        return first + part + said


@cache
def columns(kind: str) -> tuple[Column, ...]:
    """All columns of a kind, those of the submission first; the kind itself is the sheet's."""
    line = [each for each in _columns(SubmissionLine, (), True) if each.path[0] != "entry"]
    return (*line, *_columns(MODELS[kind], ("entry",), True))


KIND = Column(("entry", "kind"), "choice", required=False, choices=KINDS)


def _columns(model: type[BaseModel], path: tuple[str, ...], required: bool) -> Iterator[Column]:
    for name, field in model.model_fields.items():
        if name not in ("kind", "entry"):
            yield from _of(field.annotation, field, (*path, name), required and field.is_required())


def _of(annotation: Any, field: FieldInfo, path: tuple[str, ...], required: bool) -> Iterator[Column]:
    kind, limits = bare(annotation)
    limits = [*limits, *field.metadata]
    if get_origin(kind) is tuple:
        item = get_args(kind)[0]
        inner, _ = bare(item)
        parted = inner is Name or not _is_model(inner)
        for column in _of(item, FieldInfo(annotation=item), (*path, EACH), required):
            yield Column(**{**column.__dict__, "parted": parted})
    elif _is_model(kind):
        yield from _columns(kind, path, required)
    else:
        yield Column(path, _type(kind, path[-1]), required, choices=_choices(kind), **_limits(limits))


def bare(annotation: Any) -> tuple[Any, list[Any]]:
    """An annotation without `| None` and `Annotated`, and what was annotated."""
    if get_origin(annotation) is Annotated:
        inner, *said = get_args(annotation)
        kind, more = bare(inner)
        return kind, [*said, *more]
    if get_origin(annotation) in (Union, UnionType):
        (one,) = [each for each in get_args(annotation) if each is not NoneType]
        return bare(one)
    return annotation, []


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _type(kind: Any, name: str) -> Type:
    if _choices(kind):
        return "choice"
    types: dict[Any, Type] = {int: "integer", float: "number", date: "date"}
    return types.get(kind, "ascii" if name in _ASCII else "text")


def _choices(kind: Any) -> tuple[str, ...]:
    if get_origin(kind) is Literal:
        return get_args(kind)
    return tuple(each.value for each in kind) if isinstance(kind, type) and issubclass(kind, StrEnum) else ()


def _limits(said: list[Any]) -> dict[str, Any]:
    """The limits among Pydantic's metadata."""
    found: dict[str, Any] = {}
    for each in said:
        match each:
            case Ge(ge=least) | MinLen(min_length=least):
                found["least"] = least
            case Le(le=most) | MaxLen(max_length=most):
                found["most"] = most
            case StringConstraints(max_length=int(most)):
                found["most"] = most
    return found


def _within_entry(path: tuple[str, ...]) -> tuple[str, ...]:
    return path[1:] if path[0] == "entry" else path


@cache
def _meanings(kind: str) -> dict[str, Column]:
    """Every column by each of its headings, as `_key` makes them: in Chinese, in English, and as the code."""
    found: dict[str, Column] = {}
    for column in (*columns(kind), KIND):
        numbers = (None, 1) if column.parted else (1,) if EACH in column.path else (None,)
        for number in numbers:
            path = ".".join(map(str, column.at(number) if number else [s for s in column.path if s != EACH]))
            said = [column.heading(number, language) for language in ("zh", "en")]
            for text in (path, path.removeprefix("entry."), *said):
                found[_key(text)[0]] = column
    return found


def meant(kind: str, heading: str) -> tuple[Column, int | None] | None:
    """The column that a heading means, in whichever language or as its code, and the number in it, from 1."""
    key, number = _key(heading)
    column = _meanings(kind).get(key)
    return (column, number) if column and number != 0 else None


def _key(heading: str) -> tuple[str, int | None]:
    """A heading as `plain` makes it, and the number in it, whose place EACH takes."""
    text = plain(heading)
    number = re.search(r"[0-9]{1,3}", text)
    return (text[: number.start()] + EACH + text[number.end() :], int(number[0])) if number else (text, None)


def plain(heading: str) -> str:
    """A heading without case, width, spaces and punctuation."""
    text = re.sub(r"sha-?256", "sha", unicodedata.normalize("NFKC", heading).casefold())
    return "".join(letter for letter in text if letter.isalnum())


def nearest(kind: str, language: str) -> list[str]:
    """The headings that a slip of the pen is compared with."""
    return [
        column.heading(1 if EACH in column.path and not column.parted else None, language) for column in columns(kind)
    ]
