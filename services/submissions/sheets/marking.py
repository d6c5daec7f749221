"""A partner's own file given back with what is wrong in it: cells coloured and commented, or a column of findings.

`only_refused` leaves out the rows that were taken in, so that the rest can be mended and sent. In a workbook all stays
as it was, but for charts and drawings, which openpyxl does not keep.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import openpyxl
import structlog
from openpyxl.cell import Cell, MergedCell
from openpyxl.comments import Comment
from openpyxl.styles import PatternFill
from openpyxl.worksheet.worksheet import Worksheet

from schemas.envelope import Json
from submissions.sheets.cells import is_odd
from submissions.sheets.findings import in_words
from submissions.sheets.reading import Sheet
from submissions.sheets.rows import Placed, letters
from submissions.sheets.texts import ENDING, Text, records
from submissions.sheets.workbooks import Workbook
from web.languages import _, language
from web.problems import Problem

log = structlog.get_logger()

#: By it marks of an earlier time are known, and taken off.
AUTHOR = "双千 Shuangqian"
_BAD, _NONE = PatternFill("solid", fgColor="FFC7CE"), PatternFill()
#: The column of findings in CSV; as an aside it is passed over when the file is sent again.
FINDINGS = {"zh": "#问题", "en": "#findings"}

Findings = Mapping[int, Sequence[Json]]


def marked(sheet: Sheet, findings: Findings, *, only_refused: bool = False) -> bytes:
    """The file again, in its own form; `findings` by row. Takes its time."""
    if isinstance(sheet.form, Workbook):
        return _workbook(sheet.file, sheet.form, findings, only_refused)
    return _text(sheet.file, sheet.form, findings, only_refused)


def said(findings: Sequence[Json]) -> str:
    """Findings in words, a line each, with their column where they have one."""
    return "\n".join(
        (finding["column"] + _(": ") if finding["column"] else "") + finding["text"] for finding in findings
    )


def _workbook(file: BinaryIO, form: Workbook, findings: Findings, only_refused: bool) -> bytes:
    file.seek(0)
    try:
        workbook = openpyxl.load_workbook(file, rich_text=True)
        sheet = workbook[form.sheet]
    except Exception as error:  # openpyxl is stricter than calamine, about styles say, and raises anything
        log.warning("sheet.not_marked", error=type(error).__name__)
        detail = _("Its rows are handled all the same: see the findings. Save it again in Excel and send that.")
        raise Problem(422, "not-marked", _("Your file could not be marked"), detail) from error
    _unmark(sheet)
    for row, found in findings.items():
        by_cell: dict[str, list[Json]] = {}
        for finding in found:
            by_cell.setdefault(finding["cell"] or f"{_first(form.header.columns)}{row}", []).append(finding)
        for address, those in by_cell.items():
            _mark(sheet, address, "\n".join(map(_comment, those)))
    if only_refused:
        _keep(sheet, form, set(findings))
    out = io.BytesIO()
    workbook.save(out)
    return out.getvalue()


def _comment(finding: Json) -> str:
    """A finding in words, with the value that would mend it; one whose column is not in the sheet names that."""
    fix = finding["fix"] or {}
    value = fix.get("value") if fix.get("path") == finding["pointer"] else None
    text = str(finding["text"]) if finding["cell"] else said([finding])
    if not isinstance(value, str | int | float):
        return text
    return f"{text}\n{_('Suggested')}{_(': ')}{in_words(finding) or value}"


def _first(header: Sequence[Placed]) -> str:
    """The column of references, at which stands what is wrong with a whole row."""
    return letters(next((placed.index for placed in header if placed.column.code == "reference"), 0))


def _mark(sheet: Worksheet, address: str, text: str) -> None:
    cell: Any = sheet[address]
    if isinstance(cell, MergedCell):
        area = next(area for area in sheet.merged_cells.ranges if address in area)
        cell = sheet.cell(area.min_row, area.min_col)
    before = f"{cell.comment.text}\n\n" if cell.comment else ""
    cell.fill = _BAD
    cell.comment = Comment(
        before + text, AUTHOR, width=360, height=min(60 + 20 * text.count("\n") + len(text) // 2, 400)
    )


def _unmark(sheet: Worksheet) -> None:
    # Of the cells that there are: iter_rows would make all others, too, down to the last that is formatted.
    for cell in sheet._cells.values():
        if isinstance(cell, Cell) and cell.comment and cell.comment.author == AUTHOR:
            cell.comment, cell.fill = None, _NONE


def _keep(sheet: Worksheet, form: Workbook, rows: set[int]) -> None:
    """Leave what stands down to the headings, and these rows, moved up; with their looks, links and comments.

    Formulas become the values they were read with: in another row they would mean something else.
    """
    heading_row = form.header.row
    for area in list(sheet.merged_cells.ranges):
        if area.max_row > heading_row:
            _spread(sheet, area, len(form.cells))
    to = {row: heading_row + number for number, row in enumerate(sorted(rows), start=1)}
    cells, heights = dict(sheet._cells), {row: sheet.row_dimensions[row].height for row in to}
    sheet._cells = {at: cell for at, cell in cells.items() if at[0] <= heading_row}
    for (row, column), cell in cells.items():
        if row not in to:
            continue
        if cell.data_type == "f":
            value = _value(form, row, column)
            cell.value = None if is_odd(value) else value
        cell.row = to[row]
        if cell.hyperlink:
            cell.hyperlink.ref = cell.coordinate
        sheet._cells[to[row], column] = cell
    for row, there in to.items():
        sheet.row_dimensions[there].height = heights[row]
        sheet.row_dimensions[there].hidden = False
    sheet.auto_filter.ref = None


def _value(form: Workbook, row: int, column: int) -> Any:
    """What was read in a cell: beyond the last that held something, nothing."""
    cells = form.cells[row - 1] if row <= len(form.cells) else []
    return cells[column - 1] if column <= len(cells) else None


def _spread(sheet: Worksheet, area: Any, last: int) -> None:
    """Unmerge an area; merged over rows, each down to the last gets the value it was read with."""
    top, bottom, left, right = area.min_row, min(area.max_row, last), area.min_col, area.max_col
    sheet.unmerge_cells(str(area))
    for row in range(top + 1, bottom + 1) if left == right else ():
        sheet.cell(row, left).value = sheet.cell(top, left).value


def _text(file: BinaryIO, form: Text, findings: Findings, only_refused: bool) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=form.separator)
    width = rest = form.header.width
    for row in records(file, form.encoding, form.separator, to_the_end=True):
        cells = [str(cell or "") for cell in row.cells]
        if row.number == form.header.row:
            width = next((index for index, cell in enumerate(cells) if cell.strip() in FINDINGS.values()), len(cells))
            rest = width + 1 if width < len(cells) else width
        found = findings.get(row.number, ())
        if only_refused and row.number > form.header.row and not found:
            continue
        if row.broken in ENDING:
            # It and what follows stay as they are, for the quotation mark to be closed: an aside above says so.
            writer.writerow([f"{FINDINGS[language()]}{_(': ')}{said(found)}"])
            out.write(cells[0])
        else:
            cells = [each.rstrip("\r\n") for each in cells] if row.broken else cells
            mark = FINDINGS[language()] if row.number == form.header.row else said(found)
            writer.writerow([*cells[:width], *[""] * (width - len(cells)), mark, *cells[rest:]])
    return b"\xef\xbb\xbf" + out.getvalue().encode()
