"""What was fetched, as items: one an entry, with its reference and a digest of all that it says."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, BinaryIO

import orjson
from jsonpointer import JsonPointerException, resolve_pointer

from schemas.finding import steps
from schemas.json_text import BOM, Illegible, other_kind, says_all, unmarked, written
from schemas.json_text import read as value_of
from schemas.rules import MAX_LINE_BYTES
from schemas.source import Terms
from submissions.intake import REFERENCE
from submissions.ndjson import Line, Splitter
from submissions.sheets import mixed
from submissions.sheets.rows import Header, Read
from submissions.sources.fetch import NotFetched

#: Entries of one source: what was fetched of it is remembered in one document.
MAX_ITEMS = 50_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item stands in a table: what the headings mean, and its row, of which what finds its cells is kept."""

    header: Header
    row: Read


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a list, numbered from 1. `reference` is None where it is not legible; `digest` is that of the whole
    item, however its fields are ordered."""

    line: Line
    reference: str | None
    digest: str
    place: Place | None = None


def read(body: BinaryIO, terms: Terms) -> list[Item]:
    """The items of a fetched body, in order. Takes time.

    Raises NotFetched where it is not what the terms say, and of a table the Problem that keeps it from being read.
    """
    match terms.format:
        case "json":
            found: Iterator[Item] = map(item, _of_json(body, terms.pointer))
        case "ndjson":
            found = map(item, _of_ndjson(body))
        case "csv":
            found = _of_csv(body, terms)
    items = list(islice(found, MAX_ITEMS + 1))
    if len(items) > MAX_ITEMS:
        raise NotFetched("items", str(MAX_ITEMS))
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
    # One that says a field twice is another than the one that says the last of both.
    sorted_ = orjson.dumps(value, option=orjson.OPT_SORT_KEYS) if says_all(value, line.raw) else line.raw
    return Item(line, reference, hashlib.sha256(sorted_).hexdigest()[:32] if reference else "")


def _of_json(body: BinaryIO, pointer: str) -> Iterator[Line]:
    raw = body.read()
    document = _document(raw)
    try:
        found = resolve_pointer(document, pointer)
    except JsonPointerException as error:
        raise NotFetched("pointer", pointer) from error
    if not isinstance(found, list):
        raise NotFetched("pointer", pointer or "/")
    try:
        entries = written(raw, document, steps(pointer)[1:])
    except Illegible as error:
        raise NotFetched("json", error.reason) from error
    del document, found, raw
    for number, entry in enumerate(entries, start=1):
        yield Line(number, entry, len(entry))


def _document(raw: bytes) -> Any:
    try:
        return value_of(raw)
    except Illegible as error:
        _no_page(raw)
        raise NotFetched("json", error.reason) from error


def _of_ndjson(body: BinaryIO) -> Iterator[Line]:
    splitter = Splitter()
    first = True
    while piece := body.read(256 * 1024):
        if first:  # told once: each of its lines would be a refusal, and be kept for good
            _no_page(piece)
            if why := other_kind(piece):
                raise NotFetched("json", why)
        yield from splitter.feed(piece.removeprefix(BOM) if first else piece)
        first = False
    yield from splitter.end()


def _no_page(beginning: bytes) -> None:
    """Raises NotFetched for what begins as a web page does: most often somebody's sign-in."""
    if unmarked(beginning).lstrip().startswith(b"<"):
        raise NotFetched("html")


def _of_csv(body: BinaryIO, terms: Terms) -> Iterator[Item]:
    for header, row in mixed.look(body, numbered=terms.content == "lines").reads():
        yield replace(item(row.line), place=Place(header, replace(row, said=None)))
