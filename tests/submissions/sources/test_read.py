"""Reading what was fetched, however it is written or broken: items, or why there are none; never half of a list."""

import io
from typing import Any

import orjson
import pytest

from schemas.entry import KINDS
from schemas.rules import check
from schemas.source import Content, Format, Terms
from submissions.ndjson import Line
from submissions.sheets.columns import EACH, columns
from submissions.sources import read as reading
from submissions.sources.compare import Held, numbered, sort
from submissions.sources.fetch import NotFetched
from submissions.sources.read import Item, read
from submissions.sources.take import LOCALE
from submissions.sources.texts import failure
from tests.submissions.given import line, submission
from tests.submissions.sheet_files import as_csv
from web.languages import load, speak
from web.problems import Problem


def items(body: bytes, format: Format = "json", pointer: str = "", content: Content = "entries") -> list[Item]:
    terms = Terms(
        address="https://x.example/", format=format, pointer=pointer, content=content, every_minutes=60, language="en"
    )
    return read(io.BytesIO(body), terms)


def why(body: bytes, format: Format = "json", pointer: str = "") -> str:
    with pytest.raises(NotFetched) as raised:
        items(body, format, pointer)
    return raised.value.code


def references(found: list[Item]) -> list[str | None]:
    return [item.reference for item in found]


A = b'{"reference":"a","entry":{}}'


@pytest.mark.parametrize(
    ("body", "format", "pointer", "found"),
    [
        (b"[]", "json", "", []),
        (b"[" + A + b"]", "json", "", ["a"]),
        (b"\xef\xbb\xbf[" + A + b"]\r\n", "json", "", ["a"]),
        (b'{"data":{"items":[' + A + b"]}}", "json", "/data/items", ["a"]),
        (b'{"a/b":[' + A + b"]}", "json", "/a~1b", ["a"]),
        (b'[{"reference":"a b"},{"reference":7},{},1,null,"a"]', "json", "", [None] * 6),
        (b"", "ndjson", "", []),
        (A + b"\r\n\r\n" + A + b"\n", "ndjson", "", ["a", "a"]),
        (b"\xef\xbb\xbf" + A, "ndjson", "", ["a"]),
        (A + b"\nno json\n" + A[:-3], "ndjson", "", ["a", None, None]),
        (b'{"reference":"\xff"}\n{"reference":"a\\u0000"}', "ndjson", "", [None, None]),
        (b'{"reference":"a","x":NaN}\n' + b"[" * 100_000, "ndjson", "", [None, None]),
        (b'{"reference":"a","x":"' + b"x" * 1_000_000 + b'"}\n' + A, "ndjson", "", [None, "a"]),
        (b"reference,kind\r\na,scene\r\n,\r\n\r\nb,scene\r\n", "csv", "", ["a", "b"]),
        ("reference,kind,title.zh\na,scene,隧道\n".encode("gb18030"), "csv", "", ["a"]),
        ("\ufeffreference,kind,title.zh\na,scene,隧道\n".encode(), "csv", "", ["a"]),
        ("编号；类别\n".replace("；", ";").encode("utf-16") + "a;场景\n".encode("utf-16-le"), "csv", "", ["a"]),
        (b'kind,reference,title.zh\nscene,a,"two\nlines"\nscene,b,x,too,many\n', "csv", "", ["a", "b"]),
        (b'reference,kind\na,scene\nb,"scene"x\nc,scene\n', "csv", "", ["a", None, "c"]),
        (b'reference,kind\na,scene\nb,"scene\nc,scene\n', "csv", "", ["a", None]),
    ],
)
def test_a_list_is_read_item_by_item(body: bytes, format: Format, pointer: str, found: list[str | None]) -> None:
    assert references(items(body, format, pointer)) == found


@pytest.mark.parametrize(
    ("body", "format", "pointer", "code"),
    [
        (b"", "json", "", "json"),
        (b"[" + A, "json", "", "json"),
        (b"[" * 100_000, "json", "", "json"),
        ("[]".encode("utf-16"), "json", "", "json"),
        (b"[NaN]", "json", "", "json"),
        (b"{}", "json", "", "pointer"),
        (b'{"data":{}}', "json", "/data", "pointer"),
        (b'{"data":[]}', "json", "/date", "pointer"),
        (b"[[]]", "json", "/-", "pointer"),
    ],
)
def test_what_is_no_list_is_told_as_such(body: bytes, format: Format, pointer: str, code: str) -> None:
    assert why(body, format, pointer) == code


@pytest.mark.parametrize(
    ("body", "zh", "en"),
    [
        (b"", "内容为空", "it is empty"),
        (b"[" + A, "内容在第 1 行第 30 列中断", "it breaks off at line 1, column 30"),
        (b"[NaN]", "第 1 行第 2 列的 NaN 或 Infinity", "line 1, column 2: JSON has no NaN"),
        ("[]".encode("utf-16"), "文字似为 UTF-16 编码", "the text seems to be in UTF-16"),
        (b" <!doctype html><title>Sign in</title>", "返回的是网页", "It answered with a web page"),
    ],
)
def test_why_it_is_no_json_is_told_in_the_language_of_who_reads(body: bytes, zh: str, en: str) -> None:
    with pytest.raises(NotFetched) as raised:
        items(body)
    said = {"code": raised.value.code, "detail": raised.value.detail}
    translations = load(LOCALE)
    for language, words in (("zh", zh), ("en", en)):
        with speak(language, translations):
            assert words in failure(said)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b" <!doctype html>\n<title>Sign in</title>\n", "html"),
        (b"\x1f\x8b\x08rest", "json"),
        (b"%PDF-1.7\n%", "json"),
        ('{"reference":"a","x":"隧道"}\n'.encode("utf-16"), "json"),
        ('{"reference":"a","x":"隧道"}\n'.encode("gb18030") * 2, "json"),
    ],
)
def test_lines_of_what_is_no_list_at_all_are_told_once_and_not_refused_one_by_one(body: bytes, code: str) -> None:
    assert why(body, "ndjson") == code


def test_a_list_that_is_too_long_is_not_taken_in_by_half(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_ITEMS", 3)
    assert len(items(b"\n".join([A] * 3), "ndjson")) == 3
    assert why(b"\n".join([A] * 4), "ndjson") == "items"


def test_an_item_that_is_illegible_is_still_put_before_the_rules() -> None:
    found = items(b'no json\n{"reference":"a b","entry":{}}\n[1]\n', "ndjson")
    lines = numbered(sort(found, {}, frozenset()).candidates, {}, b"pepper")
    assert [line and line.raw for line in lines] == [
        b"no json",
        b'{"reference":"a b","entry":{},"revision":1}',
        b"[1]",
    ]


@pytest.mark.parametrize(
    ("body", "format", "pointer"),
    [(b"[%b,\n%b]", "json", ""), (b'{"a": 1, "a": 2, "x": [%b, %b]}', "json", "/x"), (b"%b\n%b\n", "ndjson", "")],
)
def test_a_field_that_stands_in_an_entry_twice_is_refused_for_that(body: bytes, format: Format, pointer: str) -> None:
    twice = line("a", maturity=9).strip()[:-2] + b', "maturity": 2}}'
    body %= (line("b").strip(), twice)
    found = items(body, format, pointer)
    for content in (numbered(found, {}, b"pepper"), [each.line for each in found]):
        told = [[(each.rule, each.pointer) for each in check(line.raw)[1]] for line in content if line]
        assert told == [[], [("repeated-field", "/entry/maturity")]]
    # What was held by its last value is not the same for that.
    (plain,) = items(b"[" + line("a", maturity=2).strip() + b"]")
    assert found[1].reference == "a" and found[1].digest != plain.digest


def test_a_list_whose_name_stands_there_twice_is_neither_of_both() -> None:
    assert why(b'{"x":[' + A + b'],"x":[]}', "json", "/x") == "json"


def test_the_layout_of_a_list_is_no_change_and_what_nests_too_deep_is_refused_alone() -> None:
    deep = b'{"reference":"d","entry":' + b"[" * 300 + b"]" * 300 + b"}"
    wide, close = items(b"[ " + A.replace(b":", b" :\n ") + b" ]"), items(b"[" + A + b"," + deep + b"]")
    assert wide[0].digest == close[0].digest and wide[0].line.raw == close[0].line.raw
    (_, findings) = check(close[1].line.raw)
    assert [each.rule for each in findings] == ["json"] and numbered(close, {}, b"pepper")[1]


def test_an_entry_gets_the_revision_that_follows_whatever_it_says_itself() -> None:
    raw = orjson.dumps(submission("a", 7))
    (line,) = numbered([reading.item(Line(1, raw, len(raw)))], {"a": Held(3, "other")}, b"pepper")
    assert line is not None and orjson.loads(line.raw)["revision"] == 4


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", [("sheet.empty", None)]),
        (b"<html>", [("sheet.format", None)]),
        (b"name,kind\na,scene\n", [("sheet.headings", None)]),
        (b"reference,title.zh\na,x\n", [("sheet.heading-missing", None)]),
        (b"referenc,kind,title.zh\na,scene,x\n", [("sheet.heading-unknown", "A1"), ("sheet.heading-missing", None)]),
        (b"reference,kind,reference\na,scene,a\n", [("sheet.heading-twice", "C1")]),
        (b"reference,kind\n\xff\xff\xff\n", [("sheet.encoding", None)]),
    ],
)
def test_a_table_that_cannot_be_read_is_told_with_the_cells_at_fault(body: bytes, found: list[Any]) -> None:
    with pytest.raises(Problem) as raised:
        items(body, "csv")
    assert [(each["rule"], each["cell"]) for each in raised.value.members["findings"]] == found


def test_a_table_of_submissions_with_revisions_of_ones_own_needs_the_column_for_them() -> None:
    body = b"reference,kind\na,scene\n"
    assert references(items(body, "csv")) == ["a"]
    with pytest.raises(Problem):
        items(body, "csv", content="lines")


def said(*cells: tuple[str, str]) -> Any:
    """What a row with these headings and cells says, beside the required parts of which nothing is said."""
    heads, values = zip(*(("reference", "a"), *cells), strict=True)
    (item,) = items(as_csv([list(heads), list(values)]), "csv")
    line = orjson.loads(item.line.raw)
    assert line.pop("reference") == "a"
    return line | {"entry": {name: part for name, part in line["entry"].items() if part not in ({}, {"name": {}})}}


PRODUCT = ("kind", "product")


@pytest.mark.parametrize(
    ("cells", "line"),
    [
        ([("kind", "scene")], {"entry": {"kind": "scene"}}),
        ([("类别", "产品")], {"entry": {"kind": "product"}}),
        ([PRODUCT, ("revision", "2")], {"revision": 2, "entry": {"kind": "product"}}),
        ([PRODUCT, ("title.zh", " 题 "), ("title.en", "")], {"entry": {"kind": "product", "title": {"zh": "题"}}}),
        ([PRODUCT, ("entry.title.zh", "题")], {"entry": {"kind": "product", "title": {"zh": "题"}}}),
        (
            [("kind", "scene"), ("offers.2.amount", "5"), ("offers.1.type", "fund")],
            {"entry": {"kind": "scene", "offers": [{"type": "fund", "unit": "yuan"}, {"amount": 5}]}},
        ),
        ([PRODUCT, ("tags.1", "a"), ("tags.2", "b")], {"entry": {"kind": "product", "tags": ["a", "b"]}}),
        ([PRODUCT, ("tags", "a；b")], {"entry": {"kind": "product", "tags": ["a", "b"]}}),
        ([PRODUCT, ("maturity", "eight")], {"entry": {"kind": "product", "maturity": "eight"}}),
        ([PRODUCT, ("budget_yuan", "9" * 30)], {"entry": {"kind": "product", "budget_yuan": float("9" * 30)}}),
        (
            [PRODUCT, ("figures.1.value", "0.2")],
            {"entry": {"kind": "product", "figures": [{"name": {}, "value": 0.2}]}},
        ),
        ([("kind", "linkage"), ("maturity", "8")], {"entry": {"kind": "linkage", "maturity": 8}}),
        ([("kind", "sceen"), ("maturity", "８")], {"entry": {"kind": "sceen", "maturity": 8}}),
        ([("kind", ""), ("maturity", "8")], {"entry": {"maturity": 8}}),
    ],
)
def test_a_row_of_any_kind_is_an_entry(cells: list[tuple[str, str]], line: Any) -> None:
    assert said(*cells) == line


def test_a_row_may_have_a_value_in_every_column_of_every_kind() -> None:
    heads = {c.heading(1 if EACH in c.path else None, "zh"): c.code for kind in KINDS for c in columns(kind)}
    rows = [["类别", *heads], *([kind, *("x" for _ in heads)] for kind in (*KINDS, "sceen", ""))]
    found = items(as_csv(rows), "csv")
    assert references(found) == ["x"] * 5
    for each in found:
        _, findings = check(each.line.raw)
        assert {finding.rule for finding in findings} and "json" not in {finding.rule for finding in findings}
