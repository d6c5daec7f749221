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
from submissions.sheets.headers import SEARCHED_ROWS, checked, find
from submissions.sheets.rows import Header, Row
from submissions.sheets.texts import headless, passed_over
from web.languages import _, ngettext
from web.words import WORDS

#: What a workbook may unpack to; more is a bomb, or a case for CSV.
MAX_UNPACKED_BYTES = 200_000_000
#: Cells with values, and the size of the smallest rectangle around them.
MAX_CELLS, MAX_AREA = 400_000, 2_000_000
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PIECE = 1 << 20
#: What reading a file that is damaged, or made to do harm, raises.
_DAMAGES = (
    *(zipfile.BadZipFile, zlib.error, CalamineError, ElementTree.ParseError),
    *(LookupError, ValueError, OSError, NotImplementedError, EOFError),
)
_NAMESPACE = re.compile(r"\{.*?\}")
#: A cell that holds something, up to the end of its content's first tags.
_CELL = re.compile(
    rb"<(?:\w+:)?c\b(?P<said>[^>]*[^>/])?>\s*(?P<formula><(?:\w+:)?f\b[^>]*?(?:/>|>[^<]*</(?:\w+:)?f>))?\s*"
    rb"(?P<value><(?:\w+:)?(?:v|is)\b[^>/]*>(?P<shown>[^<]*))?"
)
_HIDDEN = re.compile(rb'<(?:\w+:)?row\b[^>]*?\bhidden="(?:1|true)"[^>]*>')
_AT = re.compile(rb'\br="([A-Z]{1,3})([0-9]{1,7})"')
_NUMBER = re.compile(rb'\br="([0-9]+)"')


@dataclass(frozen=True)
class Workbook:
    """A workbook's one sheet that is read: its name, headings, values from row 1 on, and notes for its sender."""

    kind: str
    sheet: str
    header: Header
    cells: list[list[Cell]]
    notes: tuple[str, ...]


@dataclass
class _Scan:
    """What calamine does not say of a sheet: cells (row, column from 1) that are odd, and rows that are hidden."""

    odd: dict[tuple[int, int], dict[str, str]]
    hidden: list[int]
    cells: int = 0
    last_row: int = 0
    last_column: int = 0


def is_workbook(start: bytes) -> bool:
    """Whether a file that begins so is read as a workbook rather than as text."""
    return start.startswith((b"PK\x03\x04", b"PK\x05\x06", _OLE))


def look(file: BinaryIO, kind: str | None) -> Workbook:
    """Read a workbook. Raises the Problem that keeps it from being read."""
    _refuse_others(file)
    try:
        with zipfile.ZipFile(file) as archive:
            _refuse_bombs(archive)
            parts = _sheets(archive)
            name, kind, notes = _chosen(parts, kind)
            scan = _scan(archive, parts[name])
        file.seek(0)
        with load_workbook(file) as workbook:
            sheet = workbook.get_sheet_by_name(name)
            cells: list[list[Any]] = sheet.to_python(skip_empty_area=False)
            merged = sheet.merged_cell_ranges or []
    except _DAMAGES as error:
        raise _damaged() from error
    where = find(kind, list(enumerate(cells[:SEARCHED_ROWS], start=1)))
    if where is None:
        raise headless()
    _merge(cells, merged, where)
    for (row, column), value in scan.odd.items():
        if row - 1 > where:
            _room(cells, row, column)[column - 1] = value
    header = checked(kind, where + 1, cells[where])
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


def _refuse_others(file: BinaryIO) -> None:
    file.seek(0)
    start = file.read(_PIECE)
    file.seek(0)
    if start.startswith(_OLE):
        locked = "EncryptedPackage".encode("utf-16-le") in start + file.read()
        title = _("The file is protected by a password") if locked else _("The file is in Excel’s old format, .xls")
        text = _("Take the password off in Excel and save it again.") if locked else _("Save it as .xlsx in Excel.")
        raise unreadable(title, of_file("locked" if locked else "xls", text))


def _damaged() -> Exception:
    text = _("Open it in Excel, save it as .xlsx and send that.")
    return unreadable(_("The file is no XLSX workbook, or it is damaged"), of_file("damaged", text))


def _refuse_bombs(archive: zipfile.ZipFile) -> None:
    """Raises for what unpacks to too much, for XML that defines entities, and for parts that are damaged."""
    parts = archive.infolist()
    if sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES or len(parts) > 5000:
        raise _too_large()
    if any(part.flag_bits & 1 for part in parts):
        raise _damaged()
    for part in parts:
        # What a part unpacks to beyond the size it names, zipfile does not read; that and a wrong sum it raises.
        with archive.open(part) as stream:
            start = stream.read(_PIECE)
            while stream.read(_PIECE):
                pass
        if part.filename.endswith((".xml", ".rels")) and b"<!DOCTYPE" in start[:4096]:
            raise _damaged()


def _too_large() -> Exception:
    text = _(
        "A workbook may hold %(cells)s cells with values, within 100,000 rows. Save it as CSV UTF-8, which may be "
        "longer, or clear what is far below and to the right of the table."
    )
    said = of_file("size", text % {"cells": f"{MAX_CELLS:,}"})
    return unreadable(_("The workbook is too large"), said, status=413, type="sheet-too-large")


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
        raise _damaged()
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
        raise unreadable(_("The file holds another kind of entries"), of_file("kind", text))
    chosen = next((name for name, code in named.items() if code == kind), next(iter(parts)))
    others = [name for name in parts if name != chosen and name not in NOTES_SHEETS.values()]
    text = _("Only the sheet “%(sheet)s” was read, not: %(others)s.")
    return chosen, kind, [text % {"sheet": chosen, "others": _("; ").join(others)}] if others else []


#: What the template's sheet of explanations is called.
NOTES_SHEETS = {"zh": "填写说明", "en": "Notes"}


def _kind(sheet: str) -> str | None:
    name = sheet.strip().casefold()
    return next((kind for kind in KINDS if name in (kind, *map(str.casefold, WORDS[kind].values()))), None)


def _scan(archive: zipfile.ZipFile, part: str) -> _Scan:
    """Look through a sheet's XML, a piece at a time. Raises the Problem of one that is too large."""
    scan = _Scan({}, [])
    with archive.open(part) as stream:
        rest = b""
        while piece := stream.read(_PIECE):
            text = rest + piece
            # Cut before a cell or row begins, so that none is halved; one longer than a piece is read in one.
            cut = max(text.rfind(b"<c "), text.rfind(b"<row "), text.rfind(b":c "), text.rfind(b":row "))
            cut = text.rfind(b"<", 0, cut + 1) if cut > 0 else 0
            _scan_piece(text[:cut], scan)
            rest = text[cut:]
            if len(rest) > 8 * _PIECE:
                raise _damaged()
        _scan_piece(rest, scan)
    return scan


def _scan_piece(text: bytes, scan: _Scan) -> None:
    for match in _HIDDEN.finditer(text):
        if number := _NUMBER.search(match[0]):
            scan.hidden.append(int(number[1]))
    for match in _CELL.finditer(text):
        if not match["formula"] and not match["value"]:
            continue
        at = _AT.search(match["said"] or b"")
        if at is None:
            raise _damaged()
        row, column = int(at[2]), _index(at[1])
        scan.cells += 1
        scan.last_row, scan.last_column = max(scan.last_row, row), max(scan.last_column, column)
        if scan.cells > MAX_CELLS or scan.last_row * scan.last_column > MAX_AREA or scan.last_row > 100_000:
            raise _too_large()
        if b't="e"' in match["said"]:
            scan.odd[row, column] = odd("error", (match["shown"] or b"").decode())
        elif match["formula"] and not match["shown"] and b't="str"' not in match["said"]:
            scan.odd[row, column] = odd("formula", "")


def _index(letters: bytes) -> int:
    index = 0
    for letter in letters:
        index = index * 26 + letter - 64
    return index


def _merge(cells: list[list[Any]], merged: list[tuple[tuple[int, int], tuple[int, int]]], heading: int) -> None:
    """Values merged over rows into each of them; over columns none is certain."""
    for (top, left), (bottom, right) in merged:
        if top <= heading or (bottom - top + 1) * (right - left + 1) > MAX_AREA:
            continue
        value = _room(cells, top + 1, left + 1)[left]
        for row in range(top, min(bottom, len(cells) - 1) + 1):
            for column in range(left, right + 1):
                _room(cells, row + 1, right + 1)[column] = value if left == right else odd("merged", value)


def _room(cells: list[list[Any]], row: int, column: int) -> list[Any]:
    """A row that has so many columns."""
    while len(cells) < row:
        cells.append([])
    cells[row - 1].extend([None] * (column - len(cells[row - 1])))
    return cells[row - 1]
