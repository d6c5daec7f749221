"""The template of a kind, in the language spoken: headings with notes, drop-downs, and an example row."""

import csv
import io
from datetime import date
from typing import Any

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from submissions.marked import N_
from submissions.sheets.columns import EACH, Column, columns
from submissions.sheets.examples import example
from submissions.sheets.rows import flat
from submissions.sheets.workbooks import NOTES_SHEETS
from web.languages import _, language, sentences
from web.words import word

#: How many groups of numbered columns the template has, by list; whoever needs more copies them and counts on.
GROUPS = {"offers": 3, "asks": 3, "figures": 3, "evidence": 3, "attachments": 2}
_LAST_ROW = 1_048_576
_CHOICES = "choices"
#: Columns that need more than what their type says.
_NOTES = {
    "reference": N_("Your own name for the entry, of letters, figures, dots and hyphens. It stays the same for ever."),
    "revision": N_("1 at first. To change an entry, send it again with the next number."),
    "owner.uscc": N_("18 characters (GB 32100); the last is a check digit."),
    "scene": N_("The code of its owner, a slash and its reference, as in 91510106MA6RH83W82/SC-2026-001."),
    "product": N_("The code of its owner, a slash and its reference, as in 91510106MA6RH83W82/PR-2026-001."),
    "href": N_("Begins with https://"),
    "sha256": N_("The file’s SHA-256: 64 digits and letters a to f."),
    "budget_yuan": N_("Yuan, whole."),
    "unit": N_("As usual with the type; may stay blank."),
    "email": N_("Personal data: never published."),
    "phone": N_("Personal data: never published."),
    "contact.name": N_("Personal data: never published."),
}
_REQUIRED, _OPTIONAL = PatternFill("solid", fgColor="8C1C13"), PatternFill("solid", fgColor="3F4A55")
_GREY = Font(italic=True, color="707070")


def placed(kind: str) -> list[tuple[Column, int | None]]:
    """The template's columns in order: each group of numbered ones together."""
    found: list[tuple[Column, int | None]] = []
    done: set[str] = set()
    for column in columns(kind):
        if EACH not in column.path or column.parted:
            found.append((column, None))
        elif (name := column.path[1]) not in done:
            done.add(name)
            group = [each for each in columns(kind) if each.path[1:2] == (name,)]
            found += [(each, number) for number in range(1, GROUPS[name] + 1) for each in group]
    return found


def heading(column: Column, number: int | None) -> str:
    """A template's heading: those that are required are marked."""
    return column.heading(number, language()) + (" *" if column.required else "")


def note(column: Column) -> str:
    """What belongs into a column, in words."""
    special = _NOTES.get(".".join(column.path[1:])) or _NOTES.get(column.path[-1])
    texts = [_("Required.") if column.required else _("If wanted."), _(special) if special else None]
    if column.parted:
        texts.append(_("Several in one cell, parted by semicolons or line breaks."))
    if column.choices:
        names = _("; ").join(word(code) for code in column.choices)
        texts.append(_("One of: %(names)s.") % {"names": names})
    limits = {"least": f"{column.least or 0:,}", "most": f"{column.most or 0:,}"}
    match column.type:
        case "date":
            texts.append(_("A date, such as 2026-12-01."))
        case "integer":
            texts.append(_("A whole number from %(least)s to %(most)s.") % limits)
        case "number":
            texts.append(_("A number."))
        case "text" if column.most and column.least:
            texts.append(_("%(least)s to %(most)s characters.") % limits)
        case "text" if column.most:
            texts.append(_("At most %(most)s characters.") % limits)
    if EACH in column.path and not column.parted:
        texts.append(_("Stays blank where there is none. For more of them add columns with the next number."))
    return sentences(*texts)


def _example(kind: str) -> list[Any]:
    """The example row; its reference begins with #, by which it is passed over."""
    cells = flat(example(kind))
    row: list[Any] = []
    for column, number in placed(kind):
        cell = cells.get((column, number))
        row.append(word(str(cell)) if column.choices and cell is not None else cell)
    row[0] = _("# example, passed over")
    return row


def as_csv(kind: str) -> bytes:
    """The template as CSV that Excel opens as it should: with a BOM."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([heading(column, number) for column, number in placed(kind)])
    writer.writerow(["" if cell is None else cell for cell in _example(kind)])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def as_xlsx(kind: str) -> bytes:
    """The template as a workbook: the sheet to fill in, explanations, and what the drop-downs list."""
    workbook = Workbook()
    sheet, notes = workbook.active, workbook.create_sheet(NOTES_SHEETS[language()])
    choices = workbook.create_sheet(_CHOICES)
    assert isinstance(sheet, Worksheet)
    sheet.title = word(kind)
    choices.sheet_state = "hidden"
    lists: dict[tuple[str, ...], DataValidation] = {}
    for index, (column, number) in enumerate(placed(kind), start=1):
        letter = get_column_letter(index)
        _head(sheet, index, column, number)
        sheet.column_dimensions[letter].width = 34 if column.most and column.most >= 1000 else 20
        formats = {"date": "yyyy-mm-dd", "integer": "0", "number": "General"}
        sheet.column_dimensions[letter].number_format = formats.get(column.type, "@")
        if column.choices:
            if column.choices not in lists:
                lists[column.choices] = _drop_down(choices, len(lists) + 1, column.choices)
            lists[column.choices].add(f"{letter}2:{letter}{_LAST_ROW}")
    for listed in lists.values():
        sheet.add_data_validation(listed)
    for index, ((column, _number), cell) in enumerate(zip(placed(kind), _example(kind), strict=True), start=1):
        shown = sheet.cell(2, index, date.fromisoformat(cell) if column.type == "date" and cell else cell)
        shown.font, shown.number_format = _GREY, sheet.column_dimensions[get_column_letter(index)].number_format
    sheet.freeze_panes = "B2"
    _explain(notes, kind)
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()


def _head(sheet: Worksheet, index: int, column: Column, number: int | None) -> None:
    cell = sheet.cell(1, index, heading(column, number))
    cell.font = Font(bold=True, color="FFFFFF")
    cell.fill = _REQUIRED if column.required else _OPTIONAL
    cell.alignment = Alignment(wrap_text=True, vertical="top")
    cell.comment = Comment(note(column), "Shuangqian", width=320, height=120)


def _drop_down(choices: Worksheet, index: int, codes: tuple[str, ...]) -> DataValidation:
    """A list of names; what is none of them may still be written, and is told of when it is sent."""
    for row, code in enumerate(codes, start=1):
        choices.cell(row, index, word(code))
    letter = get_column_letter(index)
    listed = f"{_CHOICES}!${letter}$1:${letter}${len(codes)}"
    return DataValidation("list", listed, allow_blank=True, showErrorMessage=True, errorStyle="warning")


def _explain(notes: Worksheet, kind: str) -> None:
    notes.append([_("Fill in one row for each entry. Rows and headings that begin with # are passed over.")])
    notes.append([_("Columns may stand in any order, with headings in Chinese or English, or with their codes.")])
    notes.append([])
    notes.append([_("Column"), _("Code"), _("What belongs there")])
    for cell in notes[4]:
        cell.font = Font(bold=True)
    for column in columns(kind):
        number = 1 if EACH in column.path and not column.parted else None
        notes.append([heading(column, number), column.code.replace(EACH, "1"), note(column)])
        notes.cell(notes.max_row, 3).alignment = Alignment(wrap_text=True, vertical="top")
    for letter, width in (("A", 36), ("B", 32), ("C", 90)):
        notes.column_dimensions[letter].width = width
