"""Reading XLSX: calamine reads the values; what it would hide, or what would fill the memory, is looked for before.

Cells with a formula have the value Excel computed. A value merged over rows stands in each of them; merged over columns
it stands in none. Hidden rows and columns are read like all others, and told of.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO
from xml.etree import ElementTree

from python_calamine import CalamineError, load_workbook

from schemas.entry import KINDS
from submissions.sheets.cells import Cell, odd
from submissions.sheets.findings import of_file, unreadable
from submissions.sheets.headers import SEARCHED_ROWS, another_kind, checked, find, required
from submissions.sheets.rows import Header, Row
from submissions.sheets.texts import headless, passed_over
from submissions.sheets.unpacking import MAX_AREA, damaged, refuse_bombs, refuse_others, scanned, too_large
from web.languages import _, ngettext
from web.words import WORDS

#: What reading a file that is damaged, or made to do harm, raises.
_DAMAGES = (
    *(zipfile.BadZipFile, zlib.error, CalamineError, ElementTree.ParseError),
    *(LookupError, ValueError, OSError, NotImplementedError, EOFError),
)
_NAMESPACE = re.compile(r"\{.*?\}")


@dataclass(frozen=True)
class Workbook:
    """A workbook's one sheet that is read: its name, headings, values from row 1 on, and notes for its sender."""

    kind: str
    sheet: str
    header: Header
    cells: list[list[Cell]]
    notes: tuple[str, ...]


def look(file: BinaryIO, kind: str | None) -> Workbook:
    """Read a workbook. Raises the Problem that keeps it from being read."""
    refuse_others(file)
    try:
        with zipfile.ZipFile(file) as archive:
            refuse_bombs(archive)
            parts = _sheets(archive)
            name, kind, notes = _chosen(parts, kind)
            scan = scanned(archive, parts[name])
        file.seek(0)
        with load_workbook(file) as workbook:
            sheet = workbook.get_sheet_by_name(name)
            cells: list[list[Any]] = sheet.to_python(skip_empty_area=False)
            merged = sheet.merged_cell_ranges or []
    except _DAMAGES as error:
        raise damaged() from error
    where = find((kind,), list(enumerate(cells[:SEARCHED_ROWS], start=1)))
    if where is None:
        raise headless()
    _merge(cells, merged, where)
    for (row, column), value in scan.odd.items():
        if row - 1 > where:
            _room(cells, row, column)[column - 1] = value
    header = checked((kind,), where + 1, cells[where], required(kind))
    if hidden := [number for number in scan.hidden if where + 1 < number <= len(cells)]:
        text = ngettext(
            "%(n)s hidden row is read like all others.", "%(n)s hidden rows are read like all others.", len(hidden)
        )
        notes = [*notes, text % {"n": len(hidden)}]
    return Workbook(kind, name, header, cells, tuple(notes))


def rows(workbook: Workbook, after: int = 0) -> Iterator[Row]:
    """The rows beneath the headings, without blank ones and asides, beginning after row `after`."""
    for number, cells in enumerate(workbook.cells, start=1):
        row = Row(number, cells)
        if number > max(workbook.header.row, after) and not passed_over(row):
            yield row


def _sheets(archive: zipfile.ZipFile) -> dict[str, str]:
    """The visible sheets, in order: name to the part that holds it."""
    names = set(archive.namelist())
    rels = _xml(archive, "xl/_rels/workbook.xml.rels")
    targets = {each.get("Id"): each.get("Target", "") for each in rels}
    found = {}
    for each in _xml(archive, "xl/workbook.xml").iter():
        if _NAMESPACE.sub("", each.tag) == "sheet" and each.get("state", "visible") == "visible":
            id = next((value for key, value in each.attrib.items() if key.endswith("}id")), None)
            target = targets.get(id, "")
            part = target.removeprefix("/") if target.startswith("/") else f"xl/{target.removeprefix('./')}"
            if part in names and "chartsheet" not in part:
                found[each.get("name", "")] = part
    if not found:
        raise damaged()
    return found


def _xml(archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    return ElementTree.fromstring(archive.read(name))


def _chosen(parts: dict[str, str], kind: str | None) -> tuple[str, str, list[str]]:
    """Which sheet is read, as which kind: the one named after the kind, else the first; and what is not read."""
    named = {name: code for name in parts if (code := _kind(name))}
    if kind is None:
        if len(set(named.values())) != 1:
            text = _(
                "Say which kind of entries the file holds, or name its sheet after the kind, as the template does."
            )
            raise unreadable(_("Which kind is it?"), of_file("kind", text))
        kind = next(iter(named.values()))
    if named and kind not in named.values():
        text = _("Its sheet is called “%(sheet)s”. Choose that kind, or rename the sheet.") % {
            "sheet": next(iter(named))
        }
        raise unreadable(another_kind(), of_file("kind", text))
    chosen = next((name for name, code in named.items() if code == kind), next(iter(parts)))
    others = [name for name in parts if name != chosen and name not in NOTES_SHEETS.values()]
    text = _("Only the sheet “%(sheet)s” was read, not: %(others)s.")
    return chosen, kind, [text % {"sheet": chosen, "others": _("; ").join(others)}] if others else []


#: What the template's sheet of explanations is called.
NOTES_SHEETS = {"zh": "填写说明", "en": "Notes"}


def _kind(sheet: str) -> str | None:
    name = sheet.strip().casefold()
    return next((kind for kind in KINDS if name in (kind, *map(str.casefold, WORDS[kind].values()))), None)


def _merge(cells: list[list[Any]], merged: list[tuple[tuple[int, int], tuple[int, int]]], heading: int) -> None:
    """Values merged over rows into each of them; over columns none is certain."""
    room, width = MAX_AREA, max(map(len, cells), default=0)
    for (top, left), (bottom, right) in merged:
        value = cells[top][left] if top < len(cells) and left < len(cells[top]) else None
        alone, bottom, right = left == right, min(bottom, len(cells) - 1), min(right, width - 1)
        room -= (bottom - top + 1) * (right - left + 1)
        if room < 0:
            raise too_large()
        for row in range(top, bottom + 1) if top > heading and value not in (None, "") else ():
            for column in range(left, right + 1):
                _room(cells, row + 1, right + 1)[column] = value if alone else odd("merged", value)


def _room(cells: list[list[Any]], row: int, column: int) -> list[Any]:
    """A row that has so many columns."""
    while len(cells) < row:
        cells.append([])
    cells[row - 1].extend([None] * (column - len(cells[row - 1])))
    return cells[row - 1]
