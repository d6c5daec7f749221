"""Rows and submissions: what is said is the same both ways, however headings are written and values are formatted."""

import random
from datetime import date, datetime
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from schemas.entry import KINDS, OFFER_UNITS, District, Facility, Industry, Stage, SubmissionLine, Theme
from schemas.rules import check
from submissions.sheets.cells import is_odd, value, values
from submissions.sheets.columns import EACH, Column, columns, meant
from submissions.sheets.examples import ENTRIES, USCC, example
from submissions.sheets.rows import Header, Placed, Row, cell_of, flat, letters, path_of, read
from tests.submissions.given import samples

# Texts of every script, rare characters of Extension B, and what spreadsheets and separators make much of.
_LETTER = st.sampled_from("千百场景品用;；,'\"=+-@#0５，。\n 𠮷𪚥éА") | st.characters(
    blacklist_categories=("Cc", "Cs", "Zs", "Zl", "Zp", "Cn"), blacklist_characters="\ufffe\uffff\ufeff\u200b"
)


def text(least: int, most: int) -> st.SearchStrategy[str]:
    """Texts as they stay when what is around them is taken off."""
    whole = st.text(_LETTER, min_size=least, max_size=min(most, least + 12))
    return whole.map(str.strip).filter(lambda said: len(said) >= least)


def short(least: int = 2) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries({"zh": text(least, 80)}, optional={"en": text(least, 160)})


#: As Excel writes the time behind a day.
MIDNIGHTS = (" 0:00", " 0:00:00", " 00:00", " 00:00:00", " 00:00:00.000", "T00:00:00", " 12:00 AM", " 上午 12:00:00")
DATES = st.dates(date(2020, 1, 1), date(2040, 1, 1)).map(date.isoformat)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False).map(lambda number: number + 0.0) | st.integers(
    -(10**9), 10**9
)
SHA = st.text("0123456789abcdef", min_size=64, max_size=64)
ATTACHMENT = st.fixed_dictionaries({"title": short(), "href": st.just("https://example.org/a;b"), "sha256": SHA})
TAGS = st.lists(text(1, 30).filter(lambda tag: "\n" not in tag), max_size=4)
DESCRIBED: dict[str, Any] = {
    "title": short(),
    "summary": short(10),
    "owner": st.fixed_dictionaries({"name": short(), "uscc": st.just(USCC)}),
    "district": st.sampled_from([each.value for each in District]),
}
WANTED: dict[str, Any] = {
    "zone": short(),
    "tags": TAGS,
    "attachments": st.lists(ATTACHMENT, max_size=3),
    "contact": st.fixed_dictionaries({"name": text(1, 60)}, optional={"phone": st.just("028 8555 0117")}),
}


@st.composite
def offers(draw: st.DrawFn) -> list[dict[str, Any]]:
    made = []
    for type in draw(st.lists(st.sampled_from(list(OFFER_UNITS)), max_size=3)):
        offer = {"type": type.value, "amount": draw(st.integers(1, 10**7)), "unit": OFFER_UNITS[type]}
        made.append(offer | draw(st.fixed_dictionaries({}, optional={"description": short()})))
    return made


def _days(first: str, last: str) -> st.SearchStrategy[dict[str, str]]:
    return st.tuples(DATES, DATES).map(lambda days: {first: min(days), last: max(days)})


INDUSTRY = st.sampled_from([each.value for each in Industry])
SCENES = st.builds(
    lambda said, days, level: said | days | level | {"kind": "scene"},
    st.fixed_dictionaries(
        {**DESCRIBED, "needs": st.lists(short(), min_size=1, max_size=4), "offers": offers()},
        optional={**WANTED, "budget_yuan": st.integers(0, 10**11)},
    ),
    _days("opens", "closes"),
    st.fixed_dictionaries(
        {"level": st.just("industrial"), "industry": INDUSTRY},
        optional={"facility": st.sampled_from([each.value for each in Facility])},
    )
    | st.fixed_dictionaries({"level": st.just("enterprise"), "theme": st.sampled_from([each.value for each in Theme])}),
)
PRODUCTS = st.fixed_dictionaries(
    {
        **DESCRIBED,
        "kind": st.just("product"),
        "industry": INDUSTRY,
        "capabilities": st.lists(short(), min_size=1, max_size=4),
        "distinction": short(10),
        "maturity": st.integers(1, 9),
    },
    optional={
        **WANTED,
        "figures": st.lists(
            st.fixed_dictionaries({"name": short(), "value": NUMBERS, "unit": text(1, 20)}), max_size=4
        ),
        "interfaces": st.lists(text(1, 30), max_size=4),
        "markets": st.lists(text(1, 30), max_size=4),
        "takes": st.lists(short(), max_size=3),
        "gives": st.lists(short(), max_size=3),
    },
)
EVIDENCE = st.fixed_dictionaries(
    {"measure": short(), "baseline": NUMBERS, "result": NUMBERS, "unit": text(1, 20), "document": ATTACHMENT}
)
LINKAGES = st.builds(
    lambda said, days, stages, evidence: (
        said
        | days
        | {"kind": "linkage", "stage": stages[0]}
        | {"evidence": [{**evidence, "stage": stage} for stage in stages]}
    ),
    st.fixed_dictionaries(
        {
            **DESCRIBED,
            "scene": st.just(f"{USCC}/SC-1"),
            "product": st.just(f"{USCC}/PR-1"),
            "site": short(),
            "asks": offers(),
        },
        optional=WANTED,
    ),
    _days("starts", "ends"),
    st.lists(st.sampled_from([each.value for each in Stage]), min_size=1, max_size=3),
    EVIDENCE,
)
SUBMISSIONS = st.fixed_dictionaries(
    {
        "reference": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True),
        "revision": st.integers(1, 9999),
        "entry": SCENES | PRODUCTS | LINKAGES,
    }
)


def placed(cells: dict[tuple[Column, int | None], Any], language: str, seed: int = 0) -> tuple[Header, list[Any]]:
    """Cells in any order under headings in a language, each understood again."""
    keys = list(cells)
    random.Random(seed).shuffle(keys)
    columns = [Placed(column, number, at, column.heading(number, language)) for at, (column, number) in enumerate(keys)]
    return Header(1, tuple(columns), frozenset(range(len(keys)))), [cells[key] for key in keys]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(SUBMISSIONS, st.sampled_from(["zh", "en"]), st.integers(0, 99))
def test_any_good_entry_written_as_a_row_is_read_the_same(said: dict[str, Any], language: str, seed: int) -> None:
    line, _ = check(orjson.dumps(said))
    assume(line is not None)  # some texts are refused as placeholders, and some offers as there twice
    assert line is not None
    header, cells = placed(flat(line), language, seed)
    kind = said["entry"]["kind"]
    assert [meant(kind, each.heading) for each in header.columns] == [(p.column, p.number) for p in header.columns]
    # In CSV everything is text; in XLSX numbers are numbers.
    for typed in (cells, [str(cell) for cell in cells]):
        again, findings = check(read(kind, header, Row(2, typed)).line.raw)
        assert again == line, findings


def test_the_sample_s_entries_are_read_from_rows_the_same() -> None:
    for said in samples():
        line = SubmissionLine.model_validate(said, strict=False)
        header, cells = placed(flat(line), "zh")
        assert check(read(line.entry.kind, header, Row(2, cells)).line.raw) == (line, ())


@pytest.mark.parametrize("kind", KINDS)
def test_every_heading_means_one_column_in_each_language_and_as_a_code(kind: str) -> None:
    for language in ("zh", "en"):
        headings = [column.heading(n, language) for column in columns(kind) for n in _numbers(column)]
        assert len(headings) == len(set(headings))
    for column in columns(kind):
        for number in _numbers(column):
            code = ".".join(str(number) if step == EACH else step for step in column.path if number or step != EACH)
            said = [code, code.removeprefix("entry."), column.heading(number, "zh"), column.heading(number, "en")]
            for text in said:
                for written in (text, f" {text.upper()} * ", text.replace("（", "(").replace("）", ")")):
                    assert meant(kind, written) == (column, number), written


def _numbers(column: Column) -> tuple[int | None, ...]:
    if EACH not in column.path:
        return (None,)
    return (None, 1, 20) if column.parted else (1, 20)


@pytest.mark.parametrize("kind", KINDS)
def test_the_template_s_example_keeps_every_rule(kind: str) -> None:
    line = example(kind)
    assert check(line.model_dump_json().encode()) == (line, ()) and ENTRIES[kind]["kind"] == kind


def of(kind: str, code: str) -> Column:
    return next(column for column in columns(kind) if column.code == code)


@pytest.mark.parametrize(
    ("code", "cell", "said"),
    [
        ("maturity", "９", 9),
        ("maturity", 9.0, 9),
        ("maturity", "'9", 9),
        ("maturity", " 9 ", 9),
        ("maturity", "八", "八"),
        ("maturity", 8.5, 8.5),
        ("revision", "1,000", 1000),
        ("revision", "1,0", "1,0"),
        ("revision", "１，０００", 1000),
        ("district", "金牛区", "jinniu"),
        ("district", "JINNIU", "jinniu"),
        ("district", "Tianfu new area", "tianfu-new-area"),
        ("district", "金牛", "金牛"),
        ("reference", "ＳＣ－１", "SC-1"),
        ("reference", 2026.0, "2026"),
        ("reference", "'0086", "0086"),
        ("title.zh", "'0086", "0086"),
        ("title.zh", "'=1+1", "=1+1"),
        ("title.zh", "'引号'", "'引号'"),
        ("title.zh", "＝全角保留９", "＝全角保留９"),
        ("title.zh", "𠮷野家", "𠮷野家"),
        ("title.zh", 0.5, "0.5"),
        ("title.zh", True, "TRUE"),
        ("title.zh", "\u3000 ", None),
    ],
)
def test_what_is_certain_is_put_right_and_nothing_else(code: str, cell: Any, said: Any) -> None:
    assert value(of("product", code), cell) == said


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        *((text, "2026-03-05") for text in ("2026-3-5", "2026/03/05", "2026.3.5", "2026年3月5日", "20260305")),
        ("２０２６－０３－０５", "2026-03-05"),
        *((f"2026/3/5{midnight}", "2026-03-05") for midnight in MIDNIGHTS),
        *((text, text) for text in ("2026/3/5 8:30", "2026/3/5 10:00", "2026/3/5 12:00", "2026/3/50:00")),
        *((text, "2026-03-05") for text in ("2026-03-05 00:00:00", "2026年3月5日 0:00", "2026年3月5日0:00")),
        ("2026年3月5号", "2026-03-05"),
        ("2026 年 3 月 5 日", "2026-03-05"),
        (date(2026, 3, 5), "2026-03-05"),
        (datetime(2026, 3, 5), "2026-03-05"),
        (46086.0, "2026-03-05"),
        (datetime(2026, 3, 5, 12), "2026-03-05 12:00:00"),
        (46086.5, "46086.5"),
        ("5/3/2026", "5/3/2026"),
        ("46086", "46086"),
        ("2026-13-45", "2026-13-45"),
    ],
)
def test_dates_are_read_in_the_usual_ways_and_never_guessed(cell: Any, said: str) -> None:
    assert value(of("scene", "opens"), cell) == said


@pytest.mark.parametrize(
    ("code", "cell"),
    [
        ("reference", 9.1510106e17),
        ("title.zh", date(2026, 3, 5)),
        ("title.zh", "有\x00空"),
        ("maturity", date(2026, 3, 5)),
        ("capabilities.zh", "一；\x00"),
        *((code, float(said)) for code in ("title.zh", "maturity", "revision") for said in ("nan", "inf", "-inf")),
    ],
)
def test_what_a_text_would_hide_is_a_value_that_no_rule_takes(code: str, cell: Any) -> None:
    column = of("product", code)
    assert is_odd((values(column, cell) if column.parted else [value(column, cell)])[0])


def test_what_is_no_number_is_no_date() -> None:
    for cell in (float("nan"), float("inf")):
        assert is_odd(value(of("scene", "opens"), cell))


def test_items_of_one_cell_are_parted_by_semicolons_or_lines() -> None:
    tags, needs = of("scene", "tags"), of("scene", "needs.en")
    assert values(tags, "轨道；检修;AI") == values(tags, "轨道\r\n检修； \nAI;\n") == ["轨道", "检修", "AI"]
    for cell in ("Cracks;;Night ", "Cracks\r\n\r\nNight\r\n", "Cracks;\n;\nNight\n\n"):
        assert values(needs, cell) == ["Cracks", None, "Night"]
    assert values(needs, "\n\nNight") == [None, None, "Night"]


def test_a_blank_line_keeps_the_names_after_it_beside_their_own() -> None:
    columns = [Placed(*_meant(code), index, code) for index, code in enumerate(("needs.zh", "needs.en", "tags"))]
    cells = ["裂纹\n夜间\n磨耗", "Cracks\n\nWear", "轨道\n\n检修"]
    said = read("scene", Header(1, tuple(columns), frozenset(range(3))), Row(2, cells)).said["entry"]
    assert said["needs"] == [{"zh": "裂纹", "en": "Cracks"}, {"zh": "夜间"}, {"zh": "磨耗", "en": "Wear"}]
    assert said["tags"] == ["轨道", "检修"]


def test_headings_are_numbered_from_1() -> None:
    for heading in ("offers.0.type", "needs.0.zh", "attachments.0.title.zh", "开放资源 0 · 数量", "offers.000.type"):
        assert meant("scene", heading) is None and meant("scene", heading.replace("0", "1", 1)) is not None


def _meant(code: str) -> tuple[Column, int | None]:
    found = meant("scene", code)
    assert found is not None
    return found


def test_a_finding_is_led_back_to_its_cell() -> None:
    codes = ["reference", "offers.1.type", "offers.3.type", "offers.3.amount", "needs.zh", "needs.en", "title.zh"]
    cells = ["a", "space", "fund", "much", "一一；二二", "One", "标题"]
    columns = [Placed(*_meant(code), index, code) for index, code in enumerate(codes)]
    header = Header(1, tuple(columns), frozenset(range(len(codes))))
    done = read("scene", header, Row(7, cells))
    expected = {
        "/reference": "A",
        "/entry/offers/0/type": "B",
        "/entry/offers/1/amount": "D",
        "/entry/offers/1/unit": "C",
        "/entry/needs/1/zh": "E",
        "/entry/needs/0/en": "F",
        "/entry/needs": "E",
        "/entry/title/en": "G",
        "/entry/title": "G",
        "/entry/budget_yuan": None,
        "": None,
    }
    found = {pointer: cell_of(header, path_of(done.numbers, pointer)) for pointer in expected}
    assert {pointer: at and letters(at.index) for pointer, at in found.items()} == expected
