"""CSV as operators' spreadsheets write and read it (RFC 4180): headings in either language, every row numbered."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from starlette.responses import Response

from web.languages import _, number, say
from web.problems import Problem

#: More is no roster.
MAX_ROWS = 2_000
#: What a row of ours takes at most, as a rule.
ROW_BYTES = 1_000
#: A cell that a spreadsheet would compute (OWASP, CSV injection); one of ours begins with an apostrophe then.
_COMPUTED = ("=", "+", "-", "@", "\t", "\r")

#: Columns by code, with what they are called.
Columns = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Row:
    """`number` as spreadsheets count, the headings being row 1; `cells` by the column's code, without blanks around."""

    number: int
    cells: Mapping[str, str]


def read(body: bytes, columns: Columns, needed: Sequence[str], most: int = MAX_ROWS) -> list[Row]:
    """The rows that are not blank, `most` of them at most. Headings are codes or what they are called; an unknown one
    is refused: what stands beneath it would be lost, a conflict of interest for one.

    Raises Problem (422) where the file is no such table: what is wrong with it, and what to do.
    """
    if not body:
        raise _unreadable(_("Choose a file first; or the one you chose is empty."))
    if len(body) > most * ROW_BYTES:
        megabytes = {"most": most * ROW_BYTES // 1_000_000}
        raise _unreadable(_("The file is larger than %(most)s MB. Send it in parts.") % megabytes)
    text = _text(body)
    codes = {called.casefold(): code for code, names in columns.items() for called in (code, *names.values())}
    best: list[list[str]] = []
    heads: list[str | None] = []
    broken = 0
    for separator in ",;\t":
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
        except csv.Error:
            broken += 1
            continue
        found = [codes.get(cell.strip().casefold()) for cell in rows[0]] if rows else []
        if sum(map(bool, found)) > sum(map(bool, heads)):
            best, heads = rows, found
    if not heads and broken:
        raise _unreadable(_("A quotation mark in it is not closed, or a cell is far too long."))
    if missing := [say(columns[code]) for code in needed if code not in heads]:
        asked = _("Its first row must hold these headings: %(missing)s. Download the file here and change that one.")
        raise _unreadable(asked % {"missing": _("; ").join(missing)})
    named = zip(best[0], heads, strict=True)
    if unknown := [called.strip() for called, head in named if not head and called.strip()]:
        known = {"unknown": _("; ").join(unknown), "known": _("; ").join(map(say, columns.values()))}
        raise _unreadable(_("These headings are not known: %(unknown)s. Those that are: %(known)s.") % known)
    if twice := sorted({say(columns[head]) for head in heads if head and heads.count(head) > 1}):
        raise _unreadable(_("These headings stand there twice: %(twice)s.") % {"twice": _("; ").join(twice)})
    if len(best) - 1 > most:
        raise _unreadable(_("These are over %(most)s rows. Send them in parts.") % {"most": number(most)})
    numbered = [(row, [_plain(cell) for cell in cells]) for row, cells in enumerate(best[1:], start=2)]
    for row, cells in numbered:
        if any(cell for cell, head in zip_longest(cells, heads, fillvalue="") if cell and not head):
            raise _unreadable(_("Row %(row)s holds something in a column without a heading.") % {"row": row})
    return [
        Row(row, {head: cell for head, cell in zip(heads, cells, strict=False) if head})
        for row, cells in numbered
        if any(cells)
    ]


def written(name: str, columns: Columns, rows: Iterable[Mapping[str, str]]) -> Response:
    """A file to download, headings in the language spoken; its mark of UTF-8 tells spreadsheets what it is."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([say(names) for names in columns.values()])
    writer.writerows([[_safe(row.get(code, "")) for code in columns] for row in rows])
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return Response(b"\xef\xbb\xbf" + out.getvalue().encode(), media_type="text/csv", headers=headers)


def _text(body: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _unreadable(_("It is neither UTF-8 nor GB 18030. Save it as “CSV UTF-8”."))


def _plain(cell: str) -> str:
    cell = cell.strip()
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_COMPUTED) else cell


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_COMPUTED) else cell


def _unreadable(detail: str) -> Problem:
    return Problem(422, "table-unreadable", _("The file cannot be read as this table"), detail)
