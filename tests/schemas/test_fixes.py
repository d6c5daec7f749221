"""What would mend a finding: it can be applied, and it mends."""

from typing import Any

import jsonpatch
import orjson
import pytest
from hypothesis import given, settings

from schemas.finding import Fix, patch
from schemas.rules import check
from tests.schemas.slips import CONTACT, GOOD, slipped
from tests.schemas.test_rules import SCENE, line

USCC = "91510100MA6C00000M"


def fixes(**changes: Any) -> dict[str, Fix | None]:
    """What would mend a scene with some of its fields changed, by pointer."""
    return {finding.pointer: finding.fix for finding in check(line(**changes))[1]}


def replaced(pointer: str, value: Any) -> dict[str, Any]:
    return {pointer: {"op": "replace", "path": pointer, "value": value}}


@pytest.mark.parametrize("raw", GOOD, ids=lambda raw: raw["reference"])
def test_the_sample_keeps_every_rule(raw: dict[str, Any]) -> None:
    assert check(orjson.dumps(raw))[1] == ()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *(
            (day, "2026-12-05")
            for day in ("2026/12/5", "2026年12月5日", "2026年12月5号", "20261205", "2026.12.05", "２０２６-１２-０５")
        ),
        ("2026-12-05T08:00:00+08:00", "2026-12-05"),
        ("2026-12-04T16:00:00.000Z", "2026-12-05"),  # midnight in the city, as JavaScript writes it
        (20261205, "2026-12-05"),
    ],
)
def test_a_day_written_otherwise_is_answered_with_the_iso_one(written: Any, meant: str) -> None:
    assert fixes(opens=written) == replaced("/entry/opens", meant)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *(("500", 500), ("５００", 500), ("1,200", 1200), ("500万元", 5_000_000), ("1.1万", 11_000)),
        ("1.2 亿元", 120_000_000),
    ],
)
def test_a_number_written_as_text_is_answered_with_the_number(written: Any, meant: int) -> None:
    assert fixes(budget_yuan=written) == replaced("/entry/budget_yuan", meant)


@pytest.mark.parametrize("written", ["18446744073709551616", "99999999999999亿", "1" * 24, "-99999999999999亿"])
def test_a_number_that_no_reader_has_exactly_is_not_suggested(written: str) -> None:
    assert fixes(budget_yuan=written) == {"/entry/budget_yuan": None}
    for finding in check(line(figures=[{"name": {"zh": "精度"}, "value": written, "unit": "mm"}]))[1]:
        assert finding.fix is None or orjson.dumps(finding.fix)


def test_what_breaks_a_line_is_answered_with_a_blank() -> None:
    assert fixes(title={"zh": "地铁\r\n智能检修\u2028"}) == replaced("/entry/title/zh", "地铁 智能检修")
    assert fixes(contact={"name": "王\n明"}) == {"/entry/contact/name": None}  # nothing of a contact is repeated
    deep = {"x" * 300: {"zh": "地铁\n检修"}}  # told of where it is near
    assert fixes(zone=deep)["/entry/zone"] is None


@pytest.mark.parametrize("written", ["non-industrial", "not industrial", "非产业级", "不是产业级"])
def test_the_opposite_of_a_choice_is_no_other_way_to_write_it(written: str) -> None:
    assert fixes(level=written)["/entry/level"] is None


def test_a_comma_within_a_number_parts_nothing_and_a_list_beyond_all_measure_is_not_suggested() -> None:
    parts = [{"zh": "支持 1,000 台设备接入"}, {"zh": "低时延"}, {"zh": "7"}]
    assert fixes(needs="支持 1,000 台设备接入，低时延,7") == replaced("/entry/needs", parts)
    assert fixes(needs="需求," * 100_000) == {"/entry/needs": None}


def test_of_an_address_only_how_it_begins_is_mended() -> None:
    attachment = {"title": {"zh": "附件"}, "href": " http://x.cn/文件（1）.pdf", "sha256": "0" * 64}
    href = "/entry/attachments/0/href"
    assert fixes(attachments=[attachment]) == replaced(href, "https://x.cn/文件（1）.pdf")


@pytest.mark.parametrize("written", ["高新", "Hi-Tech Zone", "hi-tech zon", "HI-TECH-ZONE", "成都高新区"])
def test_a_choice_by_another_name_is_answered_with_its_code(written: str) -> None:
    assert fixes(district=written) == replaced("/entry/district", "hi-tech-zone")


@pytest.mark.parametrize("written", ["atlantis", "区", "", 7, "o"])
def test_a_choice_like_none_is_answered_with_no_fix(written: Any) -> None:
    assert fixes(district=written) == {"/entry/district": None}


@pytest.mark.parametrize("code", ["9151 0100-MA6C-0000-0M", "91510100ma6c00000m", "９１５１０１００MA6C00000M"])
def test_a_code_written_otherwise_is_answered_with_the_right_one(code: str) -> None:
    assert fixes(owner={"name": {"zh": "某局"}, "uscc": code}) == replaced("/entry/owner/uscc", USCC)


def test_a_wrong_check_digit_is_answered_with_the_right_code() -> None:
    found = fixes(owner={"name": {"zh": "某局"}, "uscc": USCC[:-1] + "1"})
    assert found == replaced("/entry/owner/uscc", USCC)


def test_a_misspelt_field_is_moved_and_no_other_touched() -> None:
    moved = {"op": "move", "from": "/entry/budgetYuan", "path": "/entry/budget_yuan"}
    assert fixes(budgetYuan=1) == {"/entry/budgetYuan": moved}
    # To remove what is no field would lose what it says; and 500 may be of 10,000 yuan each.
    for field in ("mood", "phone", "website", "budget", "district_"):
        assert fixes(**{field: "500"}) == {f"/entry/{field}": None}


@pytest.mark.parametrize("written", ["url", "link", "URI"])
def test_an_address_by_another_name_is_moved_where_it_is_missing(written: str) -> None:
    attachment = {"title": {"zh": "方案"}, "sha256": "0" * 64, written: "https://example.org/a"}
    at = f"/entry/attachments/0/{written}"
    moved = {"op": "move", "from": at, "path": "/entry/attachments/0/href"}
    assert fixes(attachments=[attachment]) == {at: moved, "/entry/attachments/0/href": None}
    assert fixes(attachments=[attachment | {"href": "https://example.org/b"}]) == {at: None}
    assert fixes(**{written: "https://example.org/a"}) == {f"/entry/{written}": None}


def test_of_two_fields_misspelt_alike_one_is_moved() -> None:
    found = fixes(budgetYuan=1, BudgetYuan=2)
    assert [fix and fix["op"] for fix in found.values()] == ["move", None]


@pytest.mark.parametrize(
    ("written", "meant"),
    [("PR 1", "PR-1"), (" PR/1 ", "PR-1"), ("A" * 65, None), (" " + "A" * 64, "A" * 64), ("产品1", None), ("一", None)],
)
def test_a_reference_is_written_otherwise_but_never_made_anothers(written: str, meant: str | None) -> None:
    _, (finding,) = check(orjson.dumps({"reference": written, "revision": 1, "entry": SCENE}))
    assert finding.fix == (replaced("/reference", meant)["/reference"] if meant else None)


def test_a_wrong_unit_is_answered_with_the_types_own() -> None:
    for unit in ("yuan", "sqm", "平方米"):
        assert fixes(offers=[{"type": "space", "amount": 5, "unit": unit}]) == replaced("/entry/offers/0/unit", "m2")
    missing = fixes(offers=[{"type": "space", "amount": 5}])
    assert missing == {"/entry/offers/0/unit": {"op": "add", "path": "/entry/offers/0/unit", "value": "m2"}}


def test_a_classification_that_does_not_fit_is_removed_or_the_level_changed() -> None:
    assert fixes(theme="capital-linkage") == {"/entry/theme": {"op": "remove", "path": "/entry/theme"}}
    wrong_level = fixes(industry=None, theme="capital-linkage")
    level = {"op": "replace", "path": "/entry/level", "value": "enterprise"}
    assert wrong_level == {"/entry/industry": level, "/entry/theme": None}
    assert fixes(industry=None) == {"/entry/industry": None}


def test_a_text_where_two_languages_are_wanted_is_taken_for_chinese() -> None:
    assert fixes(title="地铁智能检修") == replaced("/entry/title", {"zh": "地铁智能检修"})
    assert fixes(needs="裂纹识别、异响定位") == replaced("/entry/needs", [{"zh": "裂纹识别"}, {"zh": "异响定位"}])


def test_blanks_that_make_a_text_too_long_are_trimmed() -> None:
    assert fixes(title={"zh": "地铁" + " " * 100}) == replaced("/entry/title/zh", "地铁")
    assert fixes(title={"zh": "长" * 81}) == {"/entry/title/zh": None}


def test_languages_that_changed_places_are_changed_back() -> None:
    zh, en = "为全市地铁线路寻找智能检修的产品与团队。", "Products and teams for smart maintenance are wanted."
    found = fixes(summary={"zh": en, "en": zh})
    assert found == replaced("/entry/summary/zh", zh) | replaced("/entry/summary/en", en)


def test_an_offer_that_stands_there_twice_is_removed_once() -> None:
    offer = {"type": "space", "amount": 5, "unit": "m2"}
    assert fixes(offers=[offer, offer]) == {"/entry/offers/1": {"op": "remove", "path": "/entry/offers/1"}}


@settings(max_examples=400, deadline=None)
@given(slipped())
def test_all_fixes_together_can_be_applied_and_mend_what_they_are_for(raw: dict[str, Any]) -> None:
    _, findings = check(orjson.dumps(raw))
    operations = patch(finding.fix for finding in findings)
    mended = jsonpatch.apply_patch(raw, operations)
    still = {(finding.rule, finding.pointer) for finding in check(orjson.dumps(mended))[1]}
    assert not still & {(finding.rule, finding.pointer) for finding in findings if finding.fix}


@settings(max_examples=200, deadline=None)
@given(slipped())
def test_nothing_of_a_contact_is_repeated(raw: dict[str, Any]) -> None:
    _, findings = check(orjson.dumps(raw))
    told = " ".join(f"{finding.found} {finding.expected} {finding.fix}" for finding in findings)
    assert not [value for value in CONTACT.values() if value in told]


def test_a_contact_is_not_repeated_as_the_name_of_a_field() -> None:
    contact = {"name": "Lin", "13800000000": "张三", "张三": {"x": 1}, "phnoe": "13800000001"}
    twice = orjson.dumps(contact)[:-1] + b',"13800000000":1}'
    for written in (orjson.dumps(contact), twice):
        raw = orjson.dumps({"reference": "A", "revision": 1, "entry": {**SCENE, "contact": 0}})
        _, findings = check(raw.replace(b'"contact":0', b'"contact":' + written))
        assert "13800000000" not in str(findings) and "张三" not in str(findings)
        assert {finding.pointer for finding in findings} == {"/entry/contact", "/entry/contact/phnoe"}
        assert "…" in next(finding for finding in findings if finding.pointer == "/entry/contact").text("en")


@pytest.mark.parametrize(
    ("contact", "pointer"),
    [
        (b'{"name": "Lin", "phone": {"13800000000": 1, "13800000000": 2}}', "/entry/contact/phone"),
        (b'{"name": "Lin", "phone": {"13800000000": "\\u0000"}}', "/entry/contact/phone"),
        (
            b'{"name": "Lin", "NAME": 1, "NAME": 2}'.replace(b"NAME", b"Zhang San, 13800000000, " + 200 * b"x"),
            "/entry/contact",
        ),
        (b'[{"13800000000": "\\u0000"}]', "/entry/contact"),
    ],
)
def test_nothing_from_within_a_contact_is_repeated(contact: bytes, pointer: str) -> None:
    raw = orjson.dumps({"reference": "A", "revision": 1, "entry": {**SCENE, "contact": 0}})
    _, findings = check(raw.replace(b'"contact":0', b'"contact":' + contact))
    assert pointer in {finding.pointer for finding in findings}
    assert "138" not in "".join(finding.model_dump_json() for finding in findings)


def test_a_whole_submission_in_another_type_is_not_repeated() -> None:
    for raw in (b'["13800000000"]', orjson.dumps({"reference": "A", "revision": 1, "entry": "13800000000"})):
        assert "13800000000" not in str(check(raw)[1])


def test_scene_is_good() -> None:
    assert fixes(**SCENE) == {}
