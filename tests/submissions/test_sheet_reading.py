"""Files as they come: whatever is wrong with one is told, by cell where there is one, and nothing is read wrongly."""

import csv
import io
import tempfile
import tracemalloc
import zipfile
from collections.abc import Generator, Iterator
from datetime import date
from typing import Any, cast

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.styles import PatternFill

from schemas.entry import KINDS, SubmissionLine
from schemas.envelope import Json
from schemas.rules import check
from submissions.intake import Receipt, told
from submissions.sheets.examples import example
from submissions.sheets.findings import at_cells
from submissions.sheets.headers import MOST_TOLD
from submissions.sheets.marking import marked
from submissions.sheets.reading import Sheet, look
from submissions.sheets.rows import MOST_UNHEADED, Row, flat
from submissions.sheets.texts import records
from tests.submissions.given import ROOT
from tests.submissions.sheet_files import (
    OPENED,
    Table,
    as_book,
    as_csv,
    as_xlsx,
    changed,
    entry,
    opened,
    put,
    saved,
    table,
    with_value,
)
from web.languages import load, speak
from web.problems import Problem

REFUSED = Receipt(stream="", reference=None, revision=None, status="refused", event=None, time=None)
TITLE, MATURITY = "标题（中文）", "成熟度（TRL）"


def rows() -> Table:
    return table([entry("a"), entry("b")])


def read(file: bytes, kind: str | None = "product") -> Sheet:
    return look(io.BytesIO(file), kind)


def lines(file: bytes, kind: str | None = "product") -> list[SubmissionLine | None]:
    """What its rows say; None for one that breaks a rule."""
    return [check(each.line.raw)[0] for each in read(file, kind).reads()]


def findings(file: bytes, kind: str | None = "product") -> list[tuple[str, str | None, str | None]]:
    """(rule, cell, found) of all that is wrong with its rows."""
    found = [one for _row, wrong in wrong_in(read(file, kind)) for one in wrong]
    return [(one["rule"], one["cell"], one["found"]) for one in found]


def wrong_in(sheet: Sheet) -> Iterator[tuple[int, list[Json]]]:
    """Each row with what is wrong with it."""
    for each in sheet.reads():
        _, wrong = check(each.line.raw)
        receipt = REFUSED.model_copy(update={"findings": [told(finding, "zh") for finding in wrong]})
        yield each.row.number, at_cells(receipt, each, sheet.header)


def refused(sheet: Sheet) -> dict[int, list[Json]]:
    """The rows that are to be mended, with what is wrong with them."""
    return {row: wrong for row, wrong in wrong_in(sheet) if wrong}


def problem(file: bytes, kind: str | None = "product") -> list[tuple[str, str | None]]:
    """(rule, cell) of what keeps a file from being read."""
    with pytest.raises(Problem) as raised:
        read(file, kind)
    assert raised.value.status in (413, 422)
    return [(each["rule"], each["cell"]) for each in raised.value.members["findings"]]


def cell(table: Table, heading: str, row: int) -> str:
    index = table[0].index(heading)
    return f"{'A' if index > 25 else ''}{chr(65 + index % 26)}{row}"


GOOD = [entry("a"), entry("b")]

# --- CSV ---


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_any_usual_encoding_and_separator_is_known_by_itself(encoding: str, separator: str) -> None:
    summary = "𠮷野家的“场景”；，\t|，第一段"
    file = as_csv(put(rows(), "简介（中文）", 2, summary), separator, encoding)
    assert lines(file) == [entry("a", summary={**GOOD[0].entry.summary.model_dump(), "zh": summary}), GOOD[1]]


def test_text_in_gb_18030_is_read_to_the_last_rare_character() -> None:
    told = put(rows(), TITLE, 2, "联通𪚥龘靐")
    assert lines(as_csv(told, encoding="gb18030"))[0].entry.title.zh == "联通𪚥龘靐"  # type: ignore[union-attr]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_will_do_and_texts_may_hold_them(end: str) -> None:
    told = put(rows(), "简介（中文）", 2, f"第一行{end}第二行，以及其后各行")
    file = as_csv(told).replace(b"\r\n", end.encode()) if end != "\r\n" else as_csv(told)
    first, second = lines(file)
    assert first is not None and first.entry.summary.zh == f"第一行{end}第二行，以及其后各行" and second == GOOD[1]


def test_blank_rows_asides_titles_and_columns_in_any_order_change_nothing() -> None:
    told = [list(reversed(row)) for row in rows()]
    width = len(told[0])
    title = ["2026年产品申报表", *[""] * (width - 1)]
    aside = ["# 以上已核对", *["x"] * (width - 1)]
    blank: list[Any] = [""] * width
    file = as_csv([title, blank, told[0], told[1], blank, aside, told[2], blank, blank])
    assert lines(file) == GOOD
    assert [each.row.number for each in read(file).reads()] == [4, 7]


def test_a_column_of_ones_own_is_kept_out_by_its_heading() -> None:
    told = [["#备注", *rows()[0], "# 经办人"], *(["说明", *row, "王"] for row in rows()[1:])]
    assert lines(as_csv(told)) == GOOD


def test_short_rows_lack_what_is_missing_and_long_ones_name_what_is_too_much() -> None:
    told = rows()
    told[1] = told[1][: told[0].index(MATURITY)]
    told[2] = [*told[2], "多出"]
    found = findings(as_csv(told))
    assert ("required", cell(told, MATURITY, 2), None) in found
    last = f"A{chr(65 + len(told[0]) - 26)}3"
    assert [each for each in found if each[1] == last] == [("sheet.unheaded", last, "多出")]


def test_a_character_that_cannot_be_seen_is_told_of() -> None:
    told = put(rows(), TITLE, 2, "标\x00题名称")
    assert findings(as_csv(told)) == [("sheet.control", cell(told, TITLE, 2), "标␀题名称")]


def test_a_quotation_mark_that_is_never_closed_ends_the_file_and_the_rows_before_it_stand() -> None:
    good = as_csv(rows())
    file = good + b'c,"1,never closed\r\n' + b"d,1\r\n" * 100
    assert findings(file) == [("sheet.row", None, None)] and lines(file) == [*GOOD, None]
    long = good + b'c,"' + b"x,\r\n" * 400_000
    assert findings(long) == [("sheet.row", None, None)] and lines(long) == [*GOOD, None]
    one_line = good + b"x" * 5_000_000
    assert findings(one_line) == [("sheet.row", None, None)]


@pytest.mark.parametrize("cell", [b"a", b'"a\n"'])
def test_a_row_of_very_many_cells_takes_little_memory(cell: bytes) -> None:
    good, width = as_csv(rows()), len(rows()[0])
    stray = b"," * width + b",".join([cell] * 100_000) + b"\r\n"
    file = io.BytesIO(good + stray * 3)
    tracemalloc.start()
    done = [each for each in look(file, "product").reads() if not each.row.broken]
    assert (len(done), tracemalloc.get_traced_memory()[1] < 30_000_000) == (5, True)
    tracemalloc.stop()
    wrong = [rule for rule, _, _ in findings(good + b"," * width + b"x," * 90 + b"\r\n")]
    assert wrong.count("sheet.unheaded") == MOST_UNHEADED
    with pytest.raises(Problem) as raised:
        read(good.replace(b"\r\n", b"," + b"oops," * 1000 + b"\r\n", 1))
    assert len(raised.value.members["findings"]) == MOST_TOLD


def test_a_row_of_many_lines_is_too_long_as_one_of_a_single_line_is() -> None:
    good = as_csv(rows())
    long = good + b'"\n",' * 400_000 + b"\r\n" + good.split(b"\r\n", 1)[1]
    assert findings(long) == [("sheet.row", None, None)] and lines(long) == [*GOOD, None]


@pytest.mark.parametrize("only_refused", [False, True])
def test_what_cannot_be_read_comes_back_as_it_was(only_refused: bool) -> None:
    heading, first, *_ = as_csv(rows()).split(b"\r\n")
    unpaired, unclosed = b'x,"1"y,"two, in one"', b'z,"never closed\r\nzz,1\r\n'
    sheet = read(b"\r\n".join([heading, first, unpaired, unclosed]))
    back = marked(sheet, refused(sheet), only_refused=only_refused)
    assert back.endswith(b"\r\n" + unclosed), "for its quotation mark to be closed"
    table = list(csv.reader(io.StringIO(back.removesuffix(unclosed).decode("utf-8-sig"))))
    *_, broken, aside = table
    assert broken[0] == unpaired.decode() and broken[-1].startswith("The row’s quotation marks do not pair")
    assert aside[0].startswith("#问题: A quotation mark is opened in this row") and len(aside) == 1
    assert len(table) == (3 if only_refused else 4)
    again = read(back.replace(unclosed, unclosed.replace(b'"', b"")))
    assert [each.said["reference"] for each in again.reads()][-3:] == [unpaired.decode(), "z", "zz"]


def test_reading_may_be_broken_off_and_the_file_closed_before_that() -> None:
    file = io.BytesIO(as_csv(table([entry("a"), entry("b")])))
    rows = cast(Generator[Row, None, None], records(file, "utf-8-sig", ","))
    next(rows)
    file.close()
    rows.close()  # as it is when it is collected: what is raised then, nobody catches


def test_reading_broken_off_leaves_the_file_open() -> None:
    file = io.BytesIO(as_csv(table([entry("a"), entry("b")])))
    rows = cast(Generator[Row, None, None], records(file, "utf-8-sig", ","))
    next(rows)
    rows.close()
    assert not file.closed


def test_quotation_marks_that_do_not_pair_spoil_their_row_alone() -> None:
    file = as_csv(rows()[:2]) + b'b,"1"x,\r\n' + as_csv(rows())[3:].split(b"\r\n", 2)[2]
    assert [line and line.reference for line in lines(file)] == ["a", None, "b"]


def test_damaged_utf_8_is_told_with_its_row_and_never_read_as_another_encoding() -> None:
    file = as_csv(rows())
    at = file.rindex("行".encode()) if "行".encode() in file else len(file) // 2
    assert problem(file[:at] + b"\xff" + file[at:]) == [("sheet.encoding", None)]
    assert problem(file[:300] + bytes(range(128, 256)) * 40 + file[300:]) == [("sheet.encoding", None)]


@pytest.mark.parametrize(
    ("file", "rule"),
    [
        (b"", "sheet.empty"),
        (b"\xef\xbb\xbf\r\n\r\n", "sheet.empty"),
        (b"<html><table><tr><td>x</td></tr></table></html>", "sheet.format"),
        (b'{"reference": "a"}', "sheet.format"),
        (b"%PDF-1.7", "sheet.format"),
        (b"name,age\r\nx,1\r\n", "sheet.headings"),
        (b"PK\x03\x04 and then nothing", "sheet.damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "sheet.xls"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"), "sheet.locked"),
    ],
)
def test_what_is_no_sheet_is_told_for_what_it_is(file: bytes, rule: str) -> None:
    assert problem(file) == [(rule, None)]


def test_all_that_is_wrong_with_the_headings_is_told_at_once() -> None:
    told = rows()
    told[0][told[0].index(TITLE)] = "标题中"
    told[0][told[0].index("标题（英文）")] = "区域"
    assert problem(as_csv(told)) == [
        ("sheet.heading-unknown", "C1"),
        ("sheet.heading-twice", cell(rows(), "区域", 1)),
        ("sheet.heading-missing", None),
    ]


@pytest.mark.parametrize("language", ["zh", "en", "code"])
def test_a_sheet_of_another_kind_than_was_said_is_told_for_that(language: str) -> None:
    sheets = {kind: table([example(kind)], language) for kind in KINDS}
    for kind, sheet in sheets.items():
        for said in {*KINDS} - {kind}:
            for file in (as_csv(sheet), as_xlsx(sheet, "Sheet1")):
                with pytest.raises(Problem) as raised:
                    read(file, said)
                (finding,) = raised.value.members["findings"]
                assert (finding["rule"], finding["expected"]) == ("sheet.kind", kind)
    # Of headings that fit no other kind clearly better each is told.
    bare = [sheets["product"][0][:2], sheets["product"][1][:2]]
    assert {rule for rule, _ in problem(as_csv(bare), "scene")} == {"sheet.heading-missing"}


@pytest.mark.timeout(600)
def test_a_long_csv_is_read_with_memory_that_does_not_grow() -> None:
    needed = {heading for heading, column in zip(rows()[0], flat(GOOD[0]), strict=True) if column[0].required}
    table = [[cell for heading, cell in zip(rows()[0], row, strict=True) if heading in needed] for row in rows()]
    heading, row, _ = as_csv(table).split(b"\r\n", 2)
    process, count, first, most = psutil.Process(), 0, 0, 0
    with tempfile.TemporaryFile() as file:
        file.write(heading + b"\r\n")
        for _ in range(100):
            file.write((row + b"\r\n") * 1000)
        assert file.tell() > 50_000_000
        for read in look(file, "product").reads():
            count += 1
            assert read.line.number == count + 1
            if count % 5000 == 0:
                first, most = first or process.memory_info().rss, max(most, process.memory_info().rss)
    assert count == 100_000 and most - first < 20_000_000


# --- XLSX ---


def test_a_workbook_says_the_same_as_its_table() -> None:
    assert lines(as_xlsx(rows())) == GOOD == lines(as_xlsx(rows(), "Product"), None)


def test_numbers_dates_and_codes_may_be_typed_or_texts() -> None:
    told = put(put(rows(), MATURITY, 2, "９"), "修订号", 3, 1.0)
    assert [line and line.entry.maturity for line in lines(as_xlsx(told))] == [9, GOOD[1].entry.maturity]  # type: ignore[union-attr]
    dated = put(rows(), TITLE, 2, date(2026, 3, 5))
    assert findings(as_xlsx(dated)) == [("sheet.date", cell(dated, TITLE, 2), "2026-03-05")]
    digits = put(rows(), "统一社会信用代码", 2, 915101060000000001)
    assert findings(as_xlsx(digits)) == [("sheet.digits", "I2", "915101060000000000")]


def test_a_formula_counts_with_what_was_computed_and_is_told_of_where_nothing_was() -> None:
    told, at = rows(), cell(rows(), MATURITY, 2)
    computed = with_value(as_xlsx(told), at, b'<c r="%s"><f>3+4</f><v>7</v></c>' % at.encode())
    assert [line and line.entry.maturity for line in lines(computed)] == [7, GOOD[1].entry.maturity]  # type: ignore[union-attr]
    for empty in (b"<v/>", b"<v></v>", b""):
        never = with_value(as_xlsx(told), at, b'<c r="%s"><f>3+4</f>%s</c>' % (at.encode(), empty))
        assert findings(never) == [("sheet.formula", at, "")]


@pytest.mark.parametrize("number", ["NaN", "1E999"])
def test_what_is_beyond_all_numbers_is_told_of(number: str) -> None:
    for heading in (TITLE, MATURITY):
        at = cell(rows(), heading, 3)
        file = with_value(as_xlsx(rows()), at, f'<c r="{at}"><v>{number}</v></c>'.encode())
        assert [each[:2] for each in findings(file)] == [("sheet.digits", at)]


@pytest.mark.parametrize("error", ["#N/A", "#REF!", "#DIV/0!", "#NAME?"])
def test_excel_s_errors_are_told_of_and_never_taken_for_texts(error: str) -> None:
    for heading in (TITLE, MATURITY, "区域"):
        at = cell(rows(), heading, 3)
        file = with_value(as_xlsx(rows()), at, f'<c r="{at}" t="e"><v>{error}</v></c>'.encode())
        assert findings(file) == [("sheet.error", at, error)]


def test_values_merged_over_rows_count_for_each_and_over_columns_for_none() -> None:
    book = as_book(rows())
    sheet = book.worksheets[0]
    name = cell(rows(), "单位名称（中文）", 2)
    sheet.merge_cells(f"{name}:{name[:-1]}3")
    assert lines(saved(book)) == GOOD
    sheet.merge_cells("C2:D2")
    assert {(rule, at) for rule, at, _ in findings(saved(book))} == {("sheet.merged", "C2"), ("sheet.merged", "D2")}


def test_cells_merged_where_nothing_stands_do_no_harm() -> None:
    book = as_book(rows())
    for area in ("A9:C12", "BA1:BC3", "A1000000:B1000009"):
        book.worksheets[0].merge_cells(area)
    assert lines(saved(book)) == GOOD
    book.worksheets[0].merge_cells("A2:XFD3")
    wrong = {at for rule, at, _ in findings(saved(book)) if rule == "sheet.merged"}
    assert len(wrong) == len(rows()[0])


def test_hidden_rows_are_read_like_all_others_and_told_of() -> None:
    book = as_book(rows())
    book.worksheets[0].row_dimensions[3].hidden = True
    assert lines(saved(book)) == GOOD and len(read(saved(book)).notes) == 1


def test_the_sheet_named_after_the_kind_is_read_and_others_are_told_of() -> None:
    book = Workbook()
    book.worksheets[0].append(["读我"])
    sheet = book.create_sheet("产品")
    for row in rows():
        sheet.append(row)
    book.create_sheet("Hidden").sheet_state = "hidden"
    assert lines(saved(book), None) == GOOD and len(read(saved(book)).notes) == 1
    assert problem(saved(book), "scene") == [("sheet.kind", None)]
    book.create_sheet("场景")
    assert problem(saved(book), None) == [("sheet.kind", None)]
    assert problem(as_xlsx(rows(), "Sheet1"), None) == [("sheet.kind", None)]
    assert lines(as_xlsx(rows(), "Sheet1")) == GOOD


def test_coloured_blank_cells_far_below_and_aside_do_no_harm() -> None:
    book = as_book(rows())
    for row, column in ((9, 1), (1_048_576, 2), (5, 16_384)):
        book.worksheets[0].cell(row, column).fill = PatternFill("solid", fgColor="FF0000")
    assert lines(saved(book)) == GOOD


@pytest.mark.parametrize("only_refused", [False, True])
def test_a_coloured_blank_cell_far_away_costs_nothing_when_the_file_is_marked(only_refused: bool) -> None:
    book = as_book(put(rows(), MATURITY, 3, 12))
    for row, name in ((2, "a"), (3, "b")):
        book.worksheets[0][f"A{row}"].hyperlink = f"https://example.org/{name}"
    for at in ("B3", "XFD1048576"):
        book.worksheets[0][at].fill = PatternFill("solid", fgColor="00FF00")
    sheet = read(saved(book))
    back = opened(marked(sheet, refused(sheet), only_refused=only_refused))
    wrong = cell(rows(), MATURITY, 2 if only_refused else 3)
    assert [each.coordinate for each in back._cells.values() if each.comment] == [wrong]
    assert (back.max_row, back[f"B{wrong[-1]}"].fill.fgColor.rgb) == (2 if only_refused else 1_048_576, "0000FF00")
    links = {each.value: each.hyperlink.target for each in back._cells.values() if each.hyperlink}
    assert links == {name: f"https://example.org/{name}" for name in ("b" if only_refused else "ab")}


def test_more_cells_than_can_be_held_are_refused_though_nothing_stands_in_them() -> None:
    def with_more(xml: bytes) -> bytes:
        return xml.replace(b"</sheetData>", b"<row>" + b'<c s="0"/>' * 400_000 + b"</row></sheetData>")

    other = as_book(rows())
    other.create_sheet("Other").append(["x"])
    assert problem(changed(WHOLE, OPENED, with_more)) == [("sheet.size", None)]
    assert problem(changed(saved(other), "xl/worksheets/sheet2.xml", with_more)) == [("sheet.size", None)]
    assert lines(changed(WHOLE, OPENED, lambda xml: with_more(xml).replace(b'<c s="0"/>', b"", 50_000))) == GOOD


@pytest.mark.parametrize("made", ["mergeCells", "hyperlinks"])
@pytest.mark.parametrize(
    ("area", "rule"), [("A9:XFD1048576", "sheet.size"), ("A&#49;:B2", "sheet.damaged"), ("9:10", "sheet.damaged")]
)
def test_an_area_of_which_too_many_cells_would_be_made_is_refused(made: str, area: str, rule: str) -> None:
    xml = f'</sheetData><{made}><{made[:-1]} display=">" ref="{area}"/></{made}>'.encode()
    assert problem(changed(WHOLE, OPENED, lambda sheet: sheet.replace(b"</sheetData>", xml))) == [(rule, None)]


def test_a_formula_that_came_to_nothing_beyond_the_last_value_is_left_out_of_the_rows_to_mend() -> None:
    told = put(rows(), MATURITY, 3, 12)
    book = as_book(told)
    book.worksheets[0]["BZ3"] = "x"
    file = with_value(saved(book), "BZ3", b'<c r="BZ3" t="str"><f>IF(1,"")</f></c>')
    sheet = read(file)
    back = opened(marked(sheet, refused(sheet), only_refused=True))
    assert back["BZ2"].value is None and back[cell(told, MATURITY, 2)].comment


@pytest.mark.parametrize("at", ["A1048576", "XFD1", "XFD1048576"])
def test_a_value_far_away_is_refused_before_it_fills_the_memory(at: str) -> None:
    book = as_book(rows())
    book.worksheets[0][at] = "x"
    expected = [("sheet.heading-unknown", "XFD1")] if at == "XFD1" else [("sheet.size", None)]
    assert problem(saved(book)) == expected


def test_a_bomb_is_refused_before_it_goes_off() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/workbook.xml", "w") as part:
        for _ in range(300):
            part.write(b" " * 1_000_000)
    bomb = out.getvalue()
    assert len(bomb) < 1_000_000 and problem(bomb) == [("sheet.size", None)]
    # One that says it is small: what is beyond that is never unpacked.
    lying = bomb.replace((300_000_000).to_bytes(4, "little"), (1000).to_bytes(4, "little"))
    assert problem(lying) == [("sheet.damaged", None)]


def test_xml_that_defines_entities_and_parts_that_are_damaged_are_refused() -> None:
    def laughs(xml: bytes) -> bytes:
        return b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + xml

    for part in (OPENED, "xl/workbook.xml"):
        assert problem(changed(as_xlsx(rows()), part, laughs)) == [("sheet.damaged", None)]
        assert problem(changed(as_xlsx(rows()), part, lambda xml: xml[: len(xml) // 2])) == [("sheet.damaged", None)]
    whole = as_xlsx(rows())
    assert problem(whole[: len(whole) // 2]) == [("sheet.damaged", None)]


WHOLE = as_xlsx(rows())
WITHIN = zipfile.ZipFile(io.BytesIO(WHOLE)).read(OPENED)


@st.composite
def spoilt(draw: st.DrawFn, whole: bytes) -> bytes:
    """Bytes with some of them replaced, taken out or put in."""
    for _ in range(draw(st.integers(1, 4))):
        at, length = draw(st.integers(0, len(whole))), draw(st.integers(0, 40))
        whole = whole[:at] + draw(st.binary(max_size=20)) + whole[at + length :]
    return whole


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.binary(max_size=300)
    | spoilt(as_csv(rows()))
    | spoilt(WHOLE)
    | spoilt(WITHIN).map(lambda xml: changed(WHOLE, OPENED, lambda _: xml))
)
def test_whatever_the_bytes_a_file_is_read_or_told_of(file: bytes) -> None:
    told: Problem | None = None
    try:
        assert all(rule for rule, _, _ in findings(file))
    except Problem as problem:
        told = problem
    assert told is None or (told.status in (413, 422) and told.members["findings"])


def test_findings_are_told_in_both_languages() -> None:
    translations = load(ROOT / "services" / "submissions" / "locale")
    texts = {}
    for language in ("zh", "en"):
        with speak(language, translations), pytest.raises(Problem) as raised:
            read(b"name,age\r\nx,1\r\n")
        texts[language] = raised.value.members["findings"][0]["text"]
    assert texts["en"].startswith("None of the first 20 rows") and texts["zh"].startswith("前 20 行")


def test_what_is_suggested_is_in_the_words_of_the_drop_downs_only_where_it_is_a_choice() -> None:
    """“test” is a word of ours, and a reference as good as any."""
    for heading, slip, suggested in (("区域", "金牛", "金牛区"), ("编号", "test!", "test")):
        one = put(table([entry("a")]), heading, 2, slip)
        sheet = read(as_xlsx(one))
        with speak("zh", load(ROOT / "services" / "submissions" / "locale")):
            comment = opened(marked(sheet, dict(wrong_in(sheet))))[cell(one, heading, 2)].comment
        assert comment.text.endswith(f"建议：{suggested}")


def test_kinds_are_named_as_people_read_them_with_the_codes_for_programs() -> None:
    translations = load(ROOT / "services" / "submissions" / "locale")
    for language, kinds in (("zh", "场景；产品；场景应用"), ("en", "Scene; Product; Linkage")):
        with speak(language, translations), pytest.raises(Problem) as raised:
            read(as_csv(rows()), None)
        (finding,) = raised.value.members["findings"]
        assert kinds in finding["text"] and finding["expected"] == "scene, product, linkage"
