"""What is wrong with a form: intake's own rules, applied without writing, each finding at its field."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from schemas.envelope import Json
from submissions.forms.kinds import FORMS
from submissions.forms.layout import Field, Group, Pair, fields, id_of
from submissions.forms.values import Values, items
from submissions.intake import Intake
from submissions.ndjson import Line
from web.languages import _


@dataclass(frozen=True)
class Wrong:
    """Something to mend: the field it stands at, what the field is called, and the finding's text."""

    pointer: str
    label: str
    text: str

    @property
    def href(self) -> str:
        return f"#{id_of(self.pointer)}"


def as_line(said: Json) -> Line:
    """A submission as intake takes it."""
    raw = orjson.dumps(said)
    return Line(1, raw, len(raw))


async def findings(intake: Intake, said: Json) -> list[Json]:
    """What an intake that only validates finds wrong with a submission now."""
    ((receipt, _fresh),) = await intake.take([as_line(said)])
    return receipt.findings


def at_fields(kind: str, values: Values, found: Sequence[Json]) -> list[Wrong]:
    """The findings, each where somebody can mend it, in the order of the form; what would be said twice at one field
    is said once."""
    order = [pointer for pointer, _label in _shown(kind, values)]
    labels = dict(_shown(kind, values))
    wrong = dict.fromkeys((_field(order, finding["pointer"]), finding["text"]) for finding in found)
    placed = sorted(wrong, key=lambda each: order.index(each[0]))
    return [Wrong(pointer, labels[pointer], text) for pointer, text in placed]


def _field(order: Sequence[str], pointer: str) -> str:
    """The field nearest to where a finding points: itself, what it is part of, else the first of its parts."""
    if pointer.endswith("/unit") and pointer not in order:
        pointer = pointer.removesuffix("/unit") + "/type"  # the type says the unit
    above = pointer
    while above and above not in order:
        below = next((each for each in order if each.startswith(above + "/")), None)
        if below:
            return below
        above = above.rpartition("/")[0]
    return above or order[0]


def _shown(kind: str, values: Values) -> list[tuple[str, str]]:
    """Every field and group of the form as it is filled in, in order, with what it is called."""
    shown: list[tuple[str, str]] = []
    for section in FORMS[kind]:
        for part in section.parts:
            if not isinstance(part, Group):
                shown += [(field.pointer, _called(part, field.pointer)) for field in fields(part)]
                continue
            shown.append((part.pointer, _(part.label)))
            for number in range(max(part.least, len(items(values, part)))):
                item = _(part.item) % {"number": number + 1}
                for inner in part.parts:
                    for field in fields(inner):
                        name = f"{part.pointer}/{number}{field.pointer}"
                        shown.append((name, f"{item} · {_called(inner, field.pointer)}"))
    return shown


def _called(part: Field | Pair, pointer: str) -> str:
    if not isinstance(part, Pair):
        return _(part.label)
    spoken = _("in English") if pointer.endswith("/en") else _("in Chinese")
    # A pair that is all there is to an item needs no name beside the item's.
    return f"{_(part.label)} · {spoken}" if part.pointer else spoken
