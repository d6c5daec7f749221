"""What a form is made of. A field is named by the JSON Pointer of its value in the submission, so that a form's values,
an entry and the findings about it speak of the same places."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

#: How a field is asked for. `lines` is a list of texts, one a line; `whole` and `number` are numbers typed as text.
Input = Literal["line", "text", "lines", "whole", "number", "date", "select", "radios"]


@dataclass(frozen=True)
class Field:
    """One value. `label` and `hint` are texts marked for translation; `options` are codes, told by web/words.py, or
    pairs of a code and a marked text. `only` names the radio (pointer, code) that the field belongs to: with another
    one chosen it is not part of the entry. `counts` marks a choice of whole numbers; `width` is in characters."""

    pointer: str
    label: str
    input: Input = "line"
    hint: str = ""
    options: tuple[str | tuple[str, str], ...] = ()
    optional: bool = False
    only: tuple[str, str] | None = None
    counts: bool = False
    width: int = 30


@dataclass(frozen=True)
class Pair:
    """A text in Chinese and, if wanted, English, asked for beside each other; `long` for paragraphs."""

    pointer: str
    label: str
    hint: str = ""
    long: bool = False
    optional: bool = False

    @property
    def zh(self) -> Field:
        return Field(f"{self.pointer}/zh", self.label, "text" if self.long else "line", optional=self.optional)

    @property
    def en(self) -> Field:
        return Field(f"{self.pointer}/en", self.label, "text" if self.long else "line", optional=True)


@dataclass(frozen=True)
class Group:
    """A list of things that each have `parts`, whose pointers go on from the item's own; `least` are always shown.

    `item`, `add` and `remove` are marked texts for one of them, which `%(number)s` counts, and its two buttons."""

    pointer: str
    label: str
    item: str
    add: str
    parts: tuple[Field | Pair, ...]
    hint: str = ""
    least: int = 0
    most: int = 20


Part = Field | Pair | Group


@dataclass(frozen=True)
class Section:
    id: str
    title: str
    parts: tuple[Part, ...]
    lead: str = ""


def fields(part: Part) -> Iterator[Field]:
    """The fields of a part; those of a group have `*` for the number of the item."""
    match part:
        case Field():
            yield part
        case Pair():
            yield from (part.zh, part.en)
        case Group(pointer=pointer, parts=parts):
            for inner in parts:
                for field in fields(inner):
                    yield replace(field, pointer=f"{pointer}/*{field.pointer}")


def groups(sections: tuple[Section, ...]) -> dict[str, Group]:
    """The groups of a form by pointer."""
    return {part.pointer: part for section in sections for part in section.parts if isinstance(part, Group)}


def id_of(pointer: str) -> str:
    """The HTML id of the field, group or item at a pointer."""
    return pointer.strip("/").replace("/", "-") or "form"
