"""The answers of a form, told back before they are sent."""

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.entry import OFFER_UNITS
from submissions.forms.kinds import FORMS
from submissions.forms.layout import Field, Group, Pair, Section, id_of
from submissions.forms.values import Values, as_number, items
from web.languages import _, day, number
from web.words import word

_UNITS = {str(type): unit for type, unit in OFFER_UNITS.items()}
#: A text, and the language it is in where that is known.
Said = tuple[str, str | None]


@dataclass(frozen=True)
class Answer:
    """One row: what was asked, what was said (nothing, where it was left blank), and where to change it."""

    label: str
    said: tuple[Said, ...]
    anchor: str


def answers(kind: str, values: Values) -> list[tuple[Section, list[Answer]]]:
    """The sections of a form with the answers in each; the values have passed the rules."""
    return [(section, list(_section(section, values))) for section in FORMS[kind]]


def _section(section: Section, values: Values) -> Iterator[Answer]:
    for part in section.parts:
        match part:
            case Group():
                held = items(values, part)
                for n, (_n, item) in enumerate(held):
                    said = tuple(each for inner in part.parts for each in _said(inner, item))
                    yield Answer(_(part.item) % {"number": n + 1}, said, id_of(f"{part.pointer}/{n}"))
                if not held:
                    yield Answer(_(part.label), (), id_of(part.pointer))
            case Field(only=(radio, chosen)) if values.get(radio) != chosen:
                continue
            case _:
                pointer = part.zh.pointer if isinstance(part, Pair) else part.pointer
                yield Answer(_(part.label), _said(part, values), id_of(pointer))


def _said(part: Field | Pair, values: Values) -> tuple[Said, ...]:
    if isinstance(part, Pair):
        both: tuple[Said, ...] = ((values.get(part.zh.pointer, ""), "zh"), (values.get(part.en.pointer, ""), "en"))
        return tuple((text.strip(), language) for text, language in both if text.strip())
    text = values.get(part.pointer, "").strip()
    return ((_told(part, text, values.get("/type")), None),) if text else ()


def _told(field: Field, text: str, offer: str | None) -> str:
    """A value as people read it; `offer` is the type of the offer that it is part of."""
    match field.input:
        case "select" | "radios":
            named = dict(option for option in field.options if isinstance(option, tuple))
            # An offer's type needs no unit here: its amount has it.
            return word(text) if text in OFFER_UNITS else _(named[text]) if text in named else word(text)
        case "date":
            return day(text)
        case "whole" if isinstance(count := as_number(text), int):
            unit = "yuan" if field.pointer.endswith("_yuan") else _UNITS.get(offer or "")
            return f"{number(count)} {word(unit)}" if unit else number(count)
        case _:
            return text
