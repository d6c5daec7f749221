"""What was fetched, as items: one an entry, with its reference and a digest of all that it says."""

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

import orjson
from jsonpointer import JsonPointerException, resolve_pointer

from schemas.envelope import Json
from schemas.rules import MAX_LINE_BYTES
from schemas.source import Terms
from submissions.intake import REFERENCE
from submissions.ndjson import Line, Splitter
from submissions.sources.fetch import NotFetched

#: Entries of one source: what was fetched of it is remembered in one document.
MAX_ITEMS = 50_000
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a list, numbered from 1. `reference` is None where it is not legible; `digest` is that of the whole
    item, however its fields are ordered."""

    line: Line
    reference: str | None
    digest: str


def read(body: IO[bytes], terms: Terms) -> list[Item]:
    """The items of a fetched body, in order. Raises NotFetched: it is not what the terms say. Takes time."""
    match terms.format:
        case "json":
            lines = _of_json(body, terms.pointer)
        case "ndjson":
            lines = _of_ndjson(body)
        case "csv":
            lines = _of_csv(body)
    items: list[Item] = []
    for line in lines:
        if len(items) == MAX_ITEMS:
            raise NotFetched("items", str(MAX_ITEMS))
        items.append(item(line))
    return items


def item(line: Line) -> Item:
    try:
        value = None if line.sha256 or line.size > MAX_LINE_BYTES else orjson.loads(line.raw)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        return Item(line, None, "")
    said = value.get("reference")
    reference = said if isinstance(said, str) and REFERENCE.fullmatch(said) else None
    sorted_ = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return Item(line, reference, hashlib.sha256(sorted_).hexdigest()[:32] if reference else "")


def _of_json(body: IO[bytes], pointer: str) -> Iterator[Line]:
    try:
        document = orjson.loads(body.read().removeprefix(_BOM))
    except orjson.JSONDecodeError as error:
        raise NotFetched("json", str(error)[:200]) from error
    try:
        found = resolve_pointer(document, pointer)
    except JsonPointerException as error:
        raise NotFetched("pointer", pointer) from error
    if not isinstance(found, list):
        raise NotFetched("pointer", pointer or "/")
    del document
    for number, each in enumerate(found, start=1):
        raw = orjson.dumps(each)
        yield Line(number, raw, len(raw))


def _of_ndjson(body: IO[bytes]) -> Iterator[Line]:
    splitter = Splitter()
    first = True
    while piece := body.read(256 * 1024):
        yield from splitter.feed(piece.removeprefix(_BOM) if first else piece)
        first = False
    yield from splitter.end()


def _of_csv(body: IO[bytes]) -> Iterator[Line]:
    """Rows under a header of paths: `reference`, `kind`, `title.zh`, `offers.1.type`. Empty cells say nothing."""
    raw = body.read().removeprefix(_BOM)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        try:
            text = raw.decode("gb18030")
        except UnicodeDecodeError as error:
            raise NotFetched("text") from error
    rows = csv.reader(io.StringIO(text, newline=""))
    try:
        header = [cell.strip() for cell in next(rows, [])]
        if "reference" not in header:
            raise NotFetched("header")
        for row in rows:
            if any(cell.strip() for cell in row):
                raw = orjson.dumps(of_row(dict(zip(header, row, strict=False))))
                yield Line(rows.line_num, raw, len(raw))
    except csv.Error as error:
        raise NotFetched("csv", str(error)[:200]) from error


#: Columns, by the last word of their path, whose cells are numbers.
WHOLE = ("revision", "maturity", "amount", "budget_yuan")
DECIMAL = ("value", "baseline", "result")


def of_row(cells: dict[str, str]) -> Json:
    """A row of cells by path as a submission: `reference` and `revision` beside `entry`, which has all the others.

    A step that is a number is a place in a list, from 1. What is no number where one must be stays text, for the rules
    to find.
    """
    line: Json = {"entry": {}}
    for path, cell in cells.items():
        if not path or not cell.strip():
            continue
        *steps, name = path.removeprefix("entry.").split(".")
        value = _number(cell.strip(), name)
        if path in ("reference", "revision"):
            line[path] = value
            continue
        place: Any = line["entry"]
        for step in steps:
            place = place.setdefault(step, {}) if isinstance(place, dict) else {}
        if isinstance(place, dict):
            place[name] = value
    line["entry"] = _lists(line["entry"])
    return line


def _number(cell: str, name: str) -> str | int | float:
    try:
        value = int(cell) if name in WHOLE else float(cell) if name in DECIMAL else cell
    except ValueError:
        return cell
    return cell if isinstance(value, int) and abs(value) >= 2**63 else value  # JSON of ours has none larger


def _lists(value: Any) -> Any:
    """Objects whose names are all numbers are lists."""
    if not isinstance(value, dict):
        return value
    within = {name: _lists(each) for name, each in value.items()}
    if within and all(name.isdecimal() for name in within):
        return [within[name] for name in sorted(within, key=int)]
    return within
