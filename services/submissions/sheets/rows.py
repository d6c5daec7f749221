"""A row as a submission and back, and which cell a JSON Pointer into that submission means."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import islice
from typing import Any, get_args, get_origin

import orjson
from pydantic import BaseModel

from schemas.entry import OFFER_UNITS, SubmissionLine
from submissions.ndjson import Line
from submissions.sheets.cells import Cell, fits_one_cell, odd, value, values, written
from submissions.sheets.columns import EACH, MODELS, Column, bare, columns

#: Cells of a row under no heading that are told of: each is a finding.
MOST_UNHEADED = 10


@dataclass(frozen=True)
class Placed:
    """A column where a sheet has it: `index` from 0; `number` where its heading has one; the heading as it stands."""

    column: Column
    number: int | None
    index: int
    heading: str


@dataclass(frozen=True)
class Header:
    """The row of headings: its number, the columns it means, and the indexes of all that have any heading."""

    row: int
    columns: tuple[Placed, ...]
    headed: frozenset[int]

    @property
    def width(self) -> int:
        """Columns up to the last that has a heading."""
        return max(self.headed, default=-1) + 1


@dataclass(frozen=True)
class Row:
    """A row of a sheet, numbered as spreadsheets do; `broken` is what keeps it from being read at all: then its text
    is the one cell."""

    number: int
    cells: Sequence[Cell]
    broken: str | None = None


@dataclass
class Read:
    """A row as a line of NDJSON, what that says, and what is needed to find its cells again: not the cells themselves.

    `numbers`: of each list, by its path, the number in the headings of each item that is there, in order.
    """

    row: Row
    line: Line
    said: Any = None
    numbers: dict[tuple[str, ...], list[int]] = field(default_factory=dict)


def read(kind: str | None, header: Header, row: Row) -> Read:
    """A row as the submission it says; `kind` is that of all rows where there is no column for it."""
    bare = replace(row, cells=())
    if row.broken is not None:
        raw = f"row {row.number}: {row.broken}".encode()
        return Read(bare, Line(row.number, raw, len(raw)))
    tree: dict[Any, Any] = {"entry": {"kind": kind} if kind else {}}
    for placed in header.columns:
        cell = row.cells[placed.index] if placed.index < len(row.cells) else None
        for path, said in _said(placed, cell):
            _put(tree, path, said)
    for index, cell in _unheaded(header, row):
        tree[f"{letters(index)}{row.number}"] = odd("unheaded", cell)
    numbers: dict[tuple[str, ...], list[int]] = {}
    submission = _lists(tree, (), numbers)
    entry = submission["entry"]
    _units(entry)
    _whole(MODELS.get(str(entry.get("kind"))), entry)
    raw = orjson.dumps(submission)
    return Read(bare, Line(row.number, raw, len(raw)), submission, numbers)


def _said(placed: Placed, cell: Cell) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    column = placed.column
    if column.parted and placed.number is None:
        for number, item in enumerate(values(column, cell), start=1):
            if item is not None:
                yield column.at(number), item
    elif (said := value(column, cell)) is not None:
        yield column.at(placed.number), said


def _unheaded(header: Header, row: Row) -> Iterator[tuple[int, Cell]]:
    """The first of what stands under no heading: often a comma too many, by which all after it is in the wrong
    column."""
    stray = ((at, cell) for at, cell in enumerate(row.cells) if at not in header.headed and cell not in (None, ""))
    yield from islice(stray, MOST_UNHEADED)


def letters(index: int) -> str:
    """A column's letters in spreadsheets: 0 is A, 26 is AA."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def _put(tree: dict[Any, Any], path: tuple[str | int, ...], said: Any) -> None:
    *parents, last = path
    for step in parents:
        tree = tree.setdefault(step, {})
    tree[last] = said


def _lists(tree: Any, path: tuple[str, ...], numbers: dict[tuple[str, ...], list[int]]) -> Any:
    """Dicts by number as lists, closed up; their numbers are noted."""
    if not isinstance(tree, dict):
        return tree
    if tree and all(isinstance(step, int) for step in tree):
        numbers[path] = sorted(tree)
        return [_lists(tree[number], (*path, EACH), numbers) for number in numbers[path]]
    return {step: _lists(inner, (*path, step), numbers) for step, inner in tree.items()}


def _units(entry: dict[str, Any]) -> None:
    """An offer has the one unit of its type: where none is given, it is that."""
    for offer in (*entry.get("offers", ()), *entry.get("asks", ())):
        if isinstance(offer.get("type"), str) and offer["type"] in list(OFFER_UNITS):
            offer.setdefault("unit", OFFER_UNITS[offer["type"]])


def _whole(model: type[BaseModel] | None, said: dict[str, Any]) -> None:
    """Add the required parts of which nothing is said, empty, so that all they lack is found at once."""
    for name, part, required in _parts(model) if model else ():
        items = said.setdefault(name, {}) if required else said.get(name, ())
        for item in [items] if isinstance(items, dict) else items:
            if isinstance(item, dict):
                _whole(part, item)


@cache
def _parts(model: type[BaseModel]) -> list[tuple[str, type[BaseModel], bool]]:
    """The fields of a model that are models, or lists of them; and whether it must be there."""
    found = []
    for name, each in model.model_fields.items():
        kind, _ = bare(each.annotation)
        inner = bare(get_args(kind)[0])[0] if get_origin(kind) is tuple else kind
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found.append((name, inner, inner is kind and each.is_required()))
    return found


def path_of(numbers: dict[tuple[str, ...], list[int]], pointer: str) -> tuple[str | int, ...]:
    """A JSON Pointer into a row's submission as a path of columns: a list's items by the number in their headings."""
    path: tuple[str | int, ...] = ()
    plain: tuple[str, ...] = ()
    for step in (part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]):
        known = numbers.get(plain)
        item = known is not None and step.isdecimal() and int(step) < len(known)
        path, plain = (*path, known[int(step)] if known and item else step), (*plain, EACH if item else step)
    return path


def cell_of(header: Header, path: tuple[str | int, ...]) -> Placed | None:
    """The column that a path means, or the first of those within it; where there is none, the first beside it."""
    for at in (path[:end] for end in range(len(path), 1 if path[:1] == ("entry",) else 0, -1)):
        for placed in header.columns:
            there = placed.column.at(placed.number or _item(at, placed))
            if there[: len(at)] == at:
                return placed
    return None


def _item(at: tuple[str | int, ...], placed: Placed) -> int | None:
    """The number of a parted column's item that `at` means."""
    where = placed.column.path.index(EACH) if EACH in placed.column.path else len(at)
    found = at[where] if where < len(at) else None
    return found if isinstance(found, int) else None


def flat(submission: SubmissionLine) -> dict[tuple[Column, int | None], str | float]:
    """The cells that say a submission, by column and the number in its heading. `read` gives the same back."""
    said = submission.model_dump(mode="json", exclude_none=True)
    found: dict[tuple[Column, int | None], str | float] = {}
    for column in columns(submission.entry.kind):
        if EACH not in column.path:
            if (one := _at(said, column.path)) is not None:
                found[column, None] = written(column, one)
            continue
        where = column.path.index(EACH)
        listed = _at(said, column.path[:where]) or []
        items = [_at(item, column.path[where + 1 :]) for item in listed]
        alike = [_at(item, (*column.path[where + 1 : -1], tongue)) for item in listed for tongue in ("zh", "en")]
        texts = [text for text in (*items, *alike) if isinstance(text, str)]
        if column.parted and fits_one_cell(texts):
            if any(item is not None for item in items):
                found[column, None] = "；".join("" if item is None else str(written(column, item)) for item in items)
        else:
            for number, item in enumerate(items, start=1):
                if item is not None:
                    found[column, number] = written(column, item)
    return found


def _at(said: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        said = said.get(step) if isinstance(said, dict) else None
    return said
