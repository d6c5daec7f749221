"""What intake says of good and bad submissions: every breach at once, by rule and JSON Pointer."""

import gzip
import re
import timeit
from functools import partial
from typing import Any

import orjson
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from schemas.json_text import BOM, unlike_text
from schemas.rules import MAX_FINDINGS, MAX_LINE_BYTES, TEXTS, Finding, canonical, check, digest
from schemas.texts import JSON

SCENE: dict[str, Any] = {
    "kind": "scene",
    "title": {"zh": "地铁智能检修", "en": "Smart metro maintenance"},
    "summary": {"zh": "为全市地铁线路寻找智能检修的产品与团队。"},
    "owner": {"name": {"zh": "成都某局"}, "uscc": "91510100MA6C00000M"},
    "district": "wuhou",
    "level": "industrial",
    "industry": "new-manufacturing",
    "needs": [{"zh": "轨道裂纹识别"}],
    "opens": "2026-12-01",
    "closes": "2027-03-31",
    "offers": [{"type": "space", "amount": 1200, "unit": "m2"}],
}


def line(**changes: Any) -> bytes:
    """A good submission with some of its entry's fields changed; None removes one."""
    entry = {name: value for name, value in {**SCENE, **changes}.items() if value is not None}
    return orjson.dumps({"reference": "SC-1", "revision": 1, "entry": entry})


def breaches(raw: bytes) -> list[tuple[str, str]]:
    submission, findings = check(raw)
    assert (submission is None) == bool(findings)
    return [(finding.rule, finding.pointer) for finding in findings]


def test_a_good_submission_has_no_findings() -> None:
    submission, findings = check(line())
    assert findings == () and submission is not None and submission.reference == "SC-1"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (line(title=None), [("required", "/entry/title")]),
        (line(title={"zh": "短"}), [("length", "/entry/title/zh")]),
        (line(district="beijing"), [("choice", "/entry/district")]),
        (line(opens="2026/12/01"), [("date", "/entry/opens")]),
        (line(opens="1700006400"), [("date", "/entry/opens")]),
        (line(opens="2026-W01-1"), [("date", "/entry/opens")]),
        (line(opens="0202-12-01"), [("dates.plausible", "/entry/opens")]),
        (line(closes="2206-12-01"), [("dates.plausible", "/entry/closes")]),
        (line(title={"zh": "待补充。"}), [("text.placeholder", "/entry/title/zh")]),
        (line(summary={"zh": "——……——……——……"}), [("text.placeholder", "/entry/summary/zh")]),
        (line(summary={"zh": "Smart metro maintenance"}), [("text.language", "/entry/summary/zh")]),
        (line(title={"zh": "ChatMetro 4", "en": "ChatMetro 4"}), []),
        (line(title={"zh": "地铁检修", "en": "地铁检修"}), [("text.language", "/entry/title/en")]),
        (line(offers=[{"type": "space", "amount": 5, "unit": "m2"}] * 2), [("offer.repeated", "/entry/offers/1")]),
        (line(owner={"name": {"zh": "某局"}, "uscc": "91510100ma6c00000m"}), [("uscc", "/entry/owner/uscc")]),
        (line(owner={"name": {"zh": "某局"}, "uscc": "A1110000600037341L"}), [("uscc", "/entry/owner/uscc")]),
        (line(closes="2026-11-30"), [("dates.order", "/entry/closes")]),
        (line(industry=None), [("scene.level-fit", "/entry/industry")]),
        (line(theme="capital-linkage"), [("scene.level-fit", "/entry/theme")]),
        (line(offers=[{"type": "fund", "amount": 5, "unit": "m2"}]), [("offer.unit", "/entry/offers/0/unit")]),
        (
            line(offers=[{"type": "space", "amount": 20_000_000, "unit": "m2"}]),
            [("offer.amount", "/entry/offers/0/amount")],
        ),
        (line(budget_yuan="100"), [("type", "/entry/budget_yuan")]),
        (line(budget="100"), [("unknown-field", "/entry/budget")]),
        (line(needs=[]), [("count", "/entry/needs")]),
        # Of a list, only how many there are is counted, not how many of them are right.
        (line(needs=[{"zh": "一", "en": "Crack"}]), [("length", "/entry/needs/0/zh")]),
        (line(title={"zh": "地铁\u202e检修"}), [("characters", "/entry/title/zh")]),
        (
            line(title={"zh": "地铁\n检修", "en": "Metro\u2028care"}),
            [
                ("text.one-line", "/entry/title/zh"),
                ("text.one-line", "/entry/title/en"),
            ],
        ),
        (
            line(owner={"name": {"zh": "某\u0085局"}, "uscc": SCENE["owner"]["uscc"]}),
            [("text.one-line", "/entry/owner/name/zh")],
        ),
        (line(needs=[{"zh": "轨道裂纹"}, {"zh": "轨道\t裂纹"}]), [("text.one-line", "/entry/needs/1/zh")]),
        (line(tags=["地\x85铁"]), [("text.one-line", "/entry/tags/0")]),
        (line(tags=["地\n铁"]), [("pattern", "/entry/tags/0")]),
        (line(opens="2026-12-01\n"), [("date", "/entry/opens")]),
        (line(contact={"name": "王\n明"}), [("text.one-line", "/entry/contact/name")]),
        (line(summary={"zh": "为全市地铁线路寻找\r\n智能检修的\t产品与团队。"}), []),
        (
            line(owner={"name": {"zh": "某局"}, "uscc": "91510100MA6C000001"}),
            [("uscc.check-digit", "/entry/owner/uscc")],
        ),
        (line(owner={"name": {"zh": "某局"}, "uscc": "9151"}), [("uscc", "/entry/owner/uscc")]),
        (line(kind="场景"), [("choice", "/entry/kind")]),
        (line(kind=None), [("required", "/entry/kind")]),
        (b"{", [("json", "")]),
        (b"\xff\xfe", [("json", "")]),
        (b'{"a": NaN}', [("json", "")]),
        (b"[" * 100_000, [("json", "")]),
        (b"[]", [("type", "")]),
        (b" " * (MAX_LINE_BYTES + 1), [("size", "")]),
        (
            orjson.dumps({"reference": "a b", "revision": 0, "entry": SCENE}),
            [("pattern", "/reference"), ("range", "/revision")],
        ),
    ],
)
def test_each_breach_names_its_rule_and_place(raw: bytes, expected: list[tuple[str, str]]) -> None:
    assert breaches(raw) == expected


def test_every_breach_is_reported_at_once() -> None:
    raw = line(title=None, district=7, closes="2020-01-01", offers=[{"type": "talent", "amount": 0, "unit": "m2"}])
    assert breaches(raw) == [
        ("required", "/entry/title"),
        ("choice", "/entry/district"),
        ("range", "/entry/offers/0/amount"),
        ("dates.order", "/entry/closes"),
        ("offer.unit", "/entry/offers/0/unit"),
    ]


def test_a_wrong_check_digit_is_answered_with_the_right_one() -> None:
    _, (finding,) = check(line(owner={"name": {"zh": "某局"}, "uscc": "91510100MA6C000001"}))
    assert finding.expected == "M" and "give M." in finding.text("en") and "应为 M，" in finding.text("zh")


def test_a_text_where_another_type_is_wanted_is_told_in_quotes() -> None:
    found = {finding.pointer: finding.found for finding in check(line(budget_yuan="7", title="地铁", level="7"))[1]}
    assert found == {"/entry/budget_yuan": '"7"', "/entry/title": '"地铁"', "/entry/level": "7"}


def test_a_byte_order_mark_before_it_is_passed_over() -> None:
    assert check(BOM + line()) == check(line())
    assert breaches(BOM + line(title=None)) == [("required", "/entry/title")]
    assert breaches(BOM + BOM + line()) == breaches(BOM) == [("json", "")]


GB = line().decode().encode("gb18030")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", "empty"),
        (gzip.compress(line()), "gzip"),
        (b"PK\x03\x04\x14\x00\n\xff", "zip"),
        ((line() + b"\n" + line()).decode().encode("utf-16"), "utf-16"),
        (GB, "gb18030"),
        (GB + b"\n" + GB, "gb18030"),
        (b"{\n" + GB[1:], "gb18030"),
        (b"\n\xff\n" + line(), "utf-8@2"),
        (BOM + b"\xff\n" + line(), "utf-8@4"),
        (b"\n" + line() + b"\n\xff", None),
        (line() + b"\n" + GB, None),
        (b"a;b", None),
    ],
)
def test_a_whole_file_that_is_no_text_is_known_by_its_beginning(raw: bytes, expected: str | None) -> None:
    assert unlike_text(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", "empty"),
        (b" \r", "empty"),
        (BOM, "empty"),
        (gzip.compress(line()), "gzip"),
        (b"PK\x03\x04\x14\x00", "zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "no-text"),
        (b"%PDF-1.7\n", "no-text"),
        (line().decode().encode("utf-16"), "utf-16"),
        (line().decode().encode("utf-16-be"), "utf-16"),
        (GB, "gb18030"),
        (GB[:-1], f"utf-8@{GB.index('地'.encode('gb18030')) + 1}"),
        (line().replace("地".encode(), b"\xff\xff"), f"utf-8@{line().index('地'.encode()) + 1}"),
        (BOM + b'"\xff"', "utf-8@5"),
        (line()[: line().index("地".encode()) + 2], f"utf-8-cut@{line().index('地'.encode()) + 1}"),
        (b'{"a": NaN}', "nan@1:7"),
        (b'{"a":\n-Infinity}', "nan@2:2"),
        (b'{"a": 1e400}', "number@1:7"),
        (b"[" * 2000, "depth@1:1026"),
        (b"[" * 300 + b"]" * 300, "depth@1:202"),
        (b'{"a": 1', "end@1:8"),
        (b'{"a": 1,}', "comma@1:8"),
        (b'{"a": 1}{', "after@1:9"),
        (b'{"a": "\t"}', "control@1:8"),
        (rb'{"a": "\ud800"}', "surrogate@1:8"),
        (b"{'a': 1}", "quotes@1:2"),
        ("{“a”: 1}".encode(), "quotes@1:2"),
        (b"hello", "syntax@1:1"),
    ],
)
def test_what_is_no_json_is_told_why_and_where(raw: bytes, expected: str) -> None:
    _, (finding,) = check(raw)
    assert (finding.rule, finding.pointer, finding.expected) == ("json", "", expected)
    code, _, place = expected.partition("@")
    zh, en = finding.text("zh"), finding.text("en")
    assert code in JSON and code not in (zh, en) and not re.search("[@{}]", zh + en)
    assert code == "depth" or all(number in zh and number in en for number in place.split(":"))
    assert not re.search("expected|unexpected|valid UTF-8|\\(char", zh)


def test_findings_of_old_are_told_in_the_parsers_words() -> None:
    old = Finding(rule="json", pointer="", expected="trailing comma is not allowed: line 1 column 7 (char 6)")
    assert old.text("zh").startswith("不是有效的 JSON：trailing comma is not allowed: line 1 column 7 (char 6)。请检查")
    assert "line 1 column 7 (char 6). Check the quotes" in old.text("en")


def test_of_more_offers_and_fields_than_anybody_means_each_costs_no_more() -> None:
    def offers(count: int) -> bytes:
        return line(offers=[{"type": "space", "amount": n, "unit": "m2"} for n in range(count)])

    def fields(count: int) -> bytes:
        return line(**{f"more{n}": n for n in range(count)})

    for made in (offers, fields):
        few, many = made(1_500), made(12_000)
        took = [min(timeit.repeat(partial(check, each), number=1, repeat=3)) for each in (few, many)]
        assert took[1] < 30 * took[0], "eight times as many cost about eight times as much, not 64 times"
    findings = check(fields(12_000))[1]
    assert (len(findings), findings[-1].rule, findings[-1].found) == (MAX_FINDINGS + 1, "findings.more", "11500")


def test_personal_data_is_not_repeated_in_findings() -> None:
    _, (finding,) = check(line(contact={"name": "张三", "phone": "not a number"}))
    assert (finding.pointer, finding.found) == ("/entry/contact/phone", None)


def test_what_is_expected_is_said_in_the_readers_language() -> None:
    _, findings = check(line(level="企业", opens=5, budget_yuan="?", theme="capital-linkage", tags=[" "]))
    zh, en = ([finding.text(language) for finding in findings] for language in ("zh", "en"))
    assert "不在可选值之内，应为：industrial（产业级）、enterprise（企业级）。" in zh
    assert "Not one of the choices: industrial, enterprise." in en
    assert "类型不符，应为整数。" in zh and "Wrong type: expected an integer." in en
    assert "格式不符：应为一行文字，首尾没有空格。" in zh
    _, (finding,) = check(line(theme="capital-linkage"))
    assert finding.text("zh") == "层级与分类不符：产业级场景不写主题。"


@pytest.mark.parametrize("rule", TEXTS)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_rule_has_a_text_in_both_languages(rule: str, language: str) -> None:
    assert Finding(rule=rule, pointer="", found="F", expected="E").text(language).strip()


def test_the_digest_depends_on_what_is_said_and_not_on_how() -> None:
    one, _ = check(line())
    other, _ = check(orjson.dumps(orjson.loads(line()), option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2))
    third, _ = check(line(budget_yuan=1))
    assert one and other and third
    assert digest(one, b"p") == digest(other, b"p") != digest(third, b"p")


def test_a_digest_tells_contacts_apart_and_is_of_no_use_to_find_one_without_the_pepper() -> None:
    one, other = (check(line(contact={"name": "林", "phone": phone}))[0] for phone in ("028-85550101", "028-85550102"))
    assert one and other
    assert digest(one, b"p") != digest(other, b"p")
    assert digest(one, b"p") != digest(one, b"another")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from([*SCENE, "contact", "asks", "evidence", "stage", "unknown"]), json_values))
def test_whatever_json_a_partner_sends_it_gets_findings_and_no_exception(changes: dict[str, Any]) -> None:
    for finding in check(orjson.dumps({"reference": "A", "revision": 1, "entry": {**SCENE, **changes}}))[1]:
        assert finding.text("zh") and finding.text("en")


@given(st.binary(max_size=200))
def test_whatever_bytes_a_partner_sends_it_gets_findings_and_no_exception(raw: bytes) -> None:
    assert check(raw)[1]


@given(st.text(), st.floats(allow_nan=False, allow_infinity=False), st.floats(-1e6, 1e6), st.integers(-(10**6), 10**6))
def test_the_canonical_form_is_that_of_rfc_8785(text: str, any: float, usual: float, whole: int) -> None:
    entry: dict[str, Any] = {
        "title": {"zh": text, "en": None},
        "figures": [{"unit": text, "value": usual}, {"value": float(whole)}],
    }
    for evidence in ([], [{"result": any, "baseline": usual}]):
        expected = rfc8785.dumps({**entry, "evidence": evidence})
        assert canonical(orjson.loads(orjson.dumps({**entry, "evidence": evidence}))) == expected
