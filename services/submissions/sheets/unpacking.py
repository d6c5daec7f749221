"""Workbooks before they are read: what is none, what would fill the memory, and what calamine would hide."""

import re
import zipfile
from dataclasses import dataclass
from typing import BinaryIO

from submissions.sheets.cells import odd
from submissions.sheets.findings import of_file, unreadable
from web.languages import _

#: What a workbook may unpack to; more is a bomb, or a case for CSV.
MAX_UNPACKED_BYTES = 200_000_000
#: Cells of all sheets, formatted blank ones among them; and the smallest rectangle around those with values.
MAX_CELLS, MAX_AREA = 400_000, 2_000_000
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PIECE = 1 << 20
#: Each cell; and areas of which openpyxl makes cells, though none stand there.
_ANY_CELL = re.compile(rb"<(?:[^\s<>/:]+:)?c[\s/>]")
_AREA = re.compile(rb"""<(?:[^\s<>/:]+:)?(?:mergeCell|hyperlink|comment)\s[^<]*?\bref\s*=\s*["']([^"']*)["']""")
_CORNERS = re.compile(rb"\$?([A-Z]{1,3})\$?([0-9]{1,7})(?::\$?([A-Z]{1,3})\$?([0-9]{1,7}))?")
#: A cell that holds something, up to the end of its content's first tags.
_CELL = re.compile(
    rb"<(?:\w+:)?c\b(?P<said>[^>]*[^>/])?>\s*(?P<formula><(?:\w+:)?f\b[^>]*?(?:/>|>[^<]*</(?:\w+:)?f>))?\s*"
    rb"(?P<value><(?:\w+:)?(?:v|is)\b[^>/]*>(?P<shown>[^<]*))?"
)
_HIDDEN = re.compile(rb'<(?:\w+:)?row\b[^>]*?\bhidden="(?:1|true)"[^>]*>')
_AT = re.compile(rb'\br="([A-Z]{1,3})([0-9]{1,7})"')
_ERROR, _STRING = re.compile(rb"""\bt=["']e["']"""), re.compile(rb"""\bt=["']str["']""")
_NUMBER = re.compile(rb'\br="([0-9]+)"')


@dataclass
class Scan:
    """What calamine does not say of a sheet: cells (row, column from 1) that are odd, and rows that are hidden."""

    odd: dict[tuple[int, int], dict[str, str]]
    hidden: list[int]
    last_row: int = 0
    last_column: int = 0


def is_workbook(start: bytes) -> bool:
    """Whether a file that begins so is read as a workbook rather than as text."""
    return start.startswith((b"PK\x03\x04", b"PK\x05\x06", _OLE))


def refuse_others(file: BinaryIO) -> None:
    """Raises the Problem of a file in Excel's old format, or under a password."""
    file.seek(0)
    start = file.read(_PIECE)
    file.seek(0)
    if start.startswith(_OLE):
        locked = "EncryptedPackage".encode("utf-16-le") in start + file.read()
        title = _("The file is protected by a password") if locked else _("The file is in Excel’s old format, .xls")
        text = _("Take the password off in Excel and save it again.") if locked else _("Save it as .xlsx in Excel.")
        raise unreadable(title, of_file("locked" if locked else "xls", text))


def damaged() -> Exception:
    """The Problem of a workbook that is none, or that Excel itself would not have written so."""
    text = _("Open it in Excel, save it as .xlsx and send that.")
    return unreadable(_("The file is no XLSX workbook, or it is damaged"), of_file("damaged", text))


def refuse_bombs(archive: zipfile.ZipFile) -> None:
    """Raises for what unpacks to too much or holds too many cells, for XML that defines entities, and for parts that
    are damaged."""
    parts = archive.infolist()
    if sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES or len(parts) > 5000:
        raise too_large()
    if any(part.flag_bits & 1 for part in parts):
        raise damaged()
    cells = 0
    for part in parts:
        # What a part unpacks to beyond the size it names, zipfile does not read; that and a wrong sum it raises.
        with archive.open(part) as stream:
            rest = b""
            while piece := stream.read(_PIECE):
                if not part.filename.endswith((".xml", ".rels")):
                    continue
                # UTF-16, in which Excel writes what queries keep, is looked through as well.
                text = rest + piece.replace(b"\0", b"")
                cut = max(text.rfind(b"<"), 0)
                rest = text[cut:]
                if b"<!DOCTYPE" in text or len(rest) > 8 * _PIECE:
                    raise damaged()
                cells += _cells_in(text[:cut])
                if cells > MAX_CELLS:
                    raise too_large()
            cells += _cells_in(rest)
    if cells > MAX_CELLS:
        raise too_large()


def _cells_in(xml: bytes) -> int:
    """How many cells openpyxl makes of this, at most: each is held in memory when a file is marked."""
    return len(_ANY_CELL.findall(xml)) + sum(map(_size, _AREA.findall(xml)))


def _size(area: bytes) -> int:
    match = _CORNERS.fullmatch(area)
    if match is None:
        raise damaged()
    left, top, right, bottom = match.groups()
    return abs(int(bottom or top) - int(top) + 1) * abs(_index(right or left) - _index(left) + 1)


def too_large() -> Exception:
    """The Problem of a workbook beyond the limits above."""
    text = _(
        "A workbook may hold %(cells)s cells, blank ones with borders or colours among them, within 100,000 rows. Save "
        "it as CSV UTF-8, which may be longer, or clear what is far below and to the right of the table."
    )
    said = of_file("size", text % {"cells": f"{MAX_CELLS:,}"})
    return unreadable(_("The workbook is too large"), said, status=413, type="sheet-too-large")


def scanned(archive: zipfile.ZipFile, part: str) -> Scan:
    """Look through a sheet's XML, a piece at a time. Raises the Problem of one that is too large."""
    scan = Scan({}, [])
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
                raise damaged()
        _scan_piece(rest, scan)
    return scan


def _scan_piece(text: bytes, scan: Scan) -> None:
    for match in _HIDDEN.finditer(text):
        if number := _NUMBER.search(match[0]):
            scan.hidden.append(int(number[1]))
    for match in _CELL.finditer(text):
        if not match["formula"] and not match["value"]:
            continue
        at = _AT.search(match["said"] or b"")
        if at is None:
            raise damaged()
        row, column = int(at[2]), _index(at[1])
        scan.last_row, scan.last_column = max(scan.last_row, row), max(scan.last_column, column)
        if scan.last_row * scan.last_column > MAX_AREA or scan.last_row > 100_000:
            raise too_large()
        if _ERROR.search(match["said"]):
            scan.odd[row, column] = odd("error", (match["shown"] or b"").decode())
        elif match["formula"] and not match["shown"] and not _STRING.search(match["said"]):
            scan.odd[row, column] = odd("formula", "")


def _index(letters: bytes) -> int:
    index = 0
    for letter in letters:
        index = index * 26 + letter - 64
    return index
