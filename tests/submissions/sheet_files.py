"""Files as partners make them: submissions as CSV and XLSX."""

import csv
import io
import re
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

from openpyxl import Workbook, load_workbook

from schemas.entry import SubmissionLine
from submissions.sheets.columns import Column
from submissions.sheets.rows import flat
from tests.submissions.given import submission
from web.words import WORDS

Table = list[list[Any]]
#: The part that holds a workbook’s first sheet.
OPENED = "xl/worksheets/sheet1.xml"


def entry(reference: str = "robot-1", revision: int = 1, **fields: Any) -> SubmissionLine:
    """A product that keeps every rule."""
    return SubmissionLine.model_validate(submission(reference, revision, **fields), strict=False)


def table(lines: Sequence[SubmissionLine], language: str = "zh") -> Table:
    """The headings in this language, or as codes, and a row for each submission."""
    rows = [flat(line) for line in lines]
    order = {key: None for row in rows for key in row}
    return [[_heading(*key, language) for key in order], *([row.get(key) for key in order] for row in rows)]


def _heading(column: Column, number: int | None, language: str) -> str:
    if language == "code":
        return ".".join(map(str, column.at(number) if number else column.code.split("."))).removeprefix("entry.")
    return column.heading(number, language)


def put(rows: Table, heading: str, row: int, value: Any) -> Table:
    """The table with another value in the cell under this heading, in this row of the file."""
    rows[row - 1][rows[0].index(heading)] = value
    return rows


def as_csv(rows: Table, separator: str = ",", encoding: str = "utf-8-sig") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows(rows)
    return text.getvalue().encode(encoding)


def as_book(rows: Table, sheet: str = WORDS["product"]["zh"]) -> Workbook:
    """A workbook with this one sheet; texts that begin with = stay texts."""
    book = Workbook()
    active: Any = book.active
    active.title = sheet
    for y, cells in enumerate(rows, start=1):
        for x, value in enumerate(cells, start=1):
            cell = active.cell(y, x, value)
            if isinstance(value, str):
                cell.data_type = "s"
    return book


def saved(book: Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def as_xlsx(rows: Table, sheet: str = WORDS["product"]["zh"]) -> bytes:
    return saved(as_book(rows, sheet))


def opened(file: bytes) -> Any:
    """The workbook's first sheet, as openpyxl sees it."""
    return load_workbook(io.BytesIO(file)).worksheets[0]


def changed(file: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """A workbook with one part of it rewritten, as other programs or people with ill intent do."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(file)) as before, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            after.writestr(name, change(before.read(name)) if name == part else before.read(name))
    return out.getvalue()


def with_value(file: bytes, address: str, said: bytes) -> bytes:
    """A workbook whose cell holds this XML; no `<v>` where a formula was never computed."""
    pattern = re.compile(rb'<c r="%s"[^>]*?(/>|>.*?</c>)' % address.encode())
    return changed(file, OPENED, lambda xml: pattern.sub(said, xml, count=1))
