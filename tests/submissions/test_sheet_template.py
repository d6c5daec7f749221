"""The template: its drop-downs offer what is understood, its headings are marked, and its notes tell what to write."""

import csv
import io
from typing import Any

import pytest
from openpyxl import load_workbook
from openpyxl.utils import range_boundaries

from schemas.entry import KINDS
from submissions.sheets.cells import value
from submissions.sheets.columns import meant
from submissions.sheets.reading import look
from submissions.sheets.template import as_csv, as_xlsx
from tests.submissions.given import ROOT
from web.languages import LANGUAGES, load, speak

TRANSLATIONS = load(ROOT / "services" / "submissions" / "locale")


def template(kind: str, language: str) -> Any:
    with speak(language, TRANSLATIONS):
        return load_workbook(io.BytesIO(as_xlsx(kind)))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_choice_of_a_drop_down_is_understood(kind: str, language: str) -> None:
    book = template(kind, language)
    sheet, columns = book.worksheets[0], {}
    for listed in sheet.data_validations.dataValidation:
        where = listed.formula1.partition("!")[2].replace("$", "")
        names = [cell.value for (cell,) in book["choices"][where]]
        for area in str(listed.sqref).split():
            column, first, _, last = range_boundaries(area)
            assert (first, last) == (2, 1_048_576)
            columns[sheet.cell(1, column).value] = names
    choices = {}
    for cell in sheet[1]:
        column, _ = meant(kind, cell.value) or pytest.fail(cell.value)
        assert cell.value.endswith(" *") == column.required and len(cell.comment.text) > 3
        if column.choices:
            choices[cell.value] = column
    assert columns.keys() == choices.keys()
    for heading, column in choices.items():
        assert [value(column, name) for name in columns[heading]] == list(column.choices)
    assert book["choices"].sheet_state == "hidden"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_filled_in_below_the_example_is_read(kind: str) -> None:
    book = template(kind, "zh")
    sheet = book.worksheets[0]
    for column in range(2, sheet.max_column + 1):
        sheet.cell(3, column).value = sheet.cell(2, column).value
    sheet.cell(3, 1).value = "SC-1"
    file = io.BytesIO()
    book.save(file)
    (read,) = look(file, None).reads()
    assert read.row.number == 3 and read.said["reference"] == "SC-1" and read.said["entry"]["kind"] == kind


def test_csv_begins_with_a_byte_order_mark_and_has_the_same_headings() -> None:
    for language in LANGUAGES:
        with speak(language, TRANSLATIONS):
            text = as_csv("scene")
        assert text.startswith(b"\xef\xbb\xbf")
        headings, example = csv.reader(io.StringIO(text.decode("utf-8-sig")))
        assert headings == [cell.value for cell in template("scene", language).worksheets[0][1]]
        assert example[0].startswith("#") and len(example) == len(headings)


def test_notes_are_in_the_language_of_the_template() -> None:
    assert template("linkage", "zh").sheetnames[:2] == ["场景应用", "填写说明"]
    assert template("linkage", "en").sheetnames[:2] == ["Linkage", "Notes"]
    zh, en = (template("linkage", language).worksheets[0]["A1"].comment.text for language in ("zh", "en"))
    assert zh.startswith("必填") and en.startswith("Required.")
