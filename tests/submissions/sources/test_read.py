"""Reading what was fetched, however it is written or broken: items, or why there are none; never half of a list."""

import io
from typing import Any

import orjson
import pytest

from schemas.source import Format, Terms
from submissions.ndjson import Line
from submissions.sources import read as reading
from submissions.sources.compare import Held, numbered, sort
from submissions.sources.fetch import NotFetched
from submissions.sources.read import Item, of_row, read
from tests.submissions.given import submission


def items(body: bytes, format: Format = "json", pointer: str = "") -> list[Item]:
    terms = Terms(
        address="https://x.example/", format=format, pointer=pointer, content="entries", every_minutes=60, language="en"
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
        ("reference,title.zh\na,隧道\n".encode("gb18030"), "csv", "", ["a"]),
        ("\ufeffreference,title.zh\na,隧道\n".encode(), "csv", "", ["a"]),
        (b'reference,title.zh\na,"two\nlines"\nb,x,too,many\n', "csv", "", ["a", "b"]),
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
        (b"", "csv", "", "header"),
        (b"name,kind\na,scene\n", "csv", "", "header"),
        (b"reference\n\xff\xff\xff\n", "csv", "", "text"),
        (b"reference\n" + b"x" * 2_000_000, "csv", "", "csv"),
    ],
)
def test_what_is_no_list_is_told_as_such(body: bytes, format: Format, pointer: str, code: str) -> None:
    assert why(body, format, pointer) == code


def test_a_list_that_is_too_long_is_not_taken_in_by_half(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_ITEMS", 3)
    assert len(items(b"\n".join([A] * 3), "ndjson")) == 3
    assert why(b"\n".join([A] * 4), "ndjson") == "items"


def test_an_item_that_is_illegible_is_still_put_before_the_rules() -> None:
    found = items(b'no json\n{"reference":"a b","entry":{}}\n[1]\n', "ndjson")
    lines = numbered(sort(found, {}, frozenset()).candidates, {})
    assert [line and line.raw for line in lines] == [
        b"no json",
        b'{"reference":"a b","entry":{},"revision":1}',
        b"[1]",
    ]


def test_an_entry_gets_the_revision_that_follows_whatever_it_says_itself() -> None:
    raw = orjson.dumps(submission("a", 7))
    (line,) = numbered([reading.item(Line(1, raw, len(raw)))], {"a": Held(3, "other")})
    assert line is not None and orjson.loads(line.raw)["revision"] == 4


@pytest.mark.parametrize(
    ("cells", "line"),
    [
        ({"reference": "a", "kind": "scene"}, {"reference": "a", "entry": {"kind": "scene"}}),
        ({"reference": "a", "revision": "2"}, {"reference": "a", "revision": 2, "entry": {}}),
        ({"title.zh": " 题 ", "title.en": ""}, {"entry": {"title": {"zh": "题"}}}),
        ({"entry.title.zh": "题"}, {"entry": {"title": {"zh": "题"}}}),
        ({"offers.2.amount": "5", "offers.1.type": "fund"}, {"entry": {"offers": [{"type": "fund"}, {"amount": 5}]}}),
        ({"tags.1": "a", "tags.2": "b"}, {"entry": {"tags": ["a", "b"]}}),
        ({"maturity": "eight", "budget_yuan": "9" * 30}, {"entry": {"maturity": "eight", "budget_yuan": "9" * 30}}),
        ({"figures.1.value": "0.2"}, {"entry": {"figures": [{"value": 0.2}]}}),
        ({"title": "x", "title.zh": "题"}, {"entry": {"title": "x"}}),
        ({"title..zh": "题", "": "x"}, {"entry": {"title": {"": {"zh": "题"}}}}),
    ],
)
def test_a_row_of_paths_is_an_entry(cells: dict[str, str], line: Any) -> None:
    assert of_row(cells) == line
