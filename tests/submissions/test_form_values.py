"""Between a form's fields and an entry: nothing is lost on the way there and back."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, assume, settings
from hypothesis import given as for_all
from hypothesis import strategies as st

from schemas.entry import (
    OFFER_UNITS,
    Described,
    District,
    Facility,
    Industry,
    Linkage,
    OfferType,
    Product,
    Scene,
    Stage,
    SubmissionLine,
    Theme,
)
from schemas.rules import check
from submissions.forms.kinds import FORMS
from submissions.forms.layout import groups
from submissions.forms.values import items, known, line_of, renumbered, typed, values_of, with_item, without_item
from tests.submissions.given import USCC, samples

#: What people type: no control characters, and no blanks at the ends, which a form takes off.
_CHARACTERS = st.characters(exclude_categories=["C", "Zl", "Zp"])


def texts(least: int, most: int, *, lines: bool = False) -> st.SearchStrategy[str]:
    characters = _CHARACTERS | st.just("\n") if lines else _CHARACTERS
    return st.text(characters, min_size=least, max_size=most).map(str.strip).filter(lambda text: len(text) >= least)


def both(least: int = 2, most: int = 40, *, lines: bool = False) -> st.SearchStrategy[dict[str, str]]:
    """Texts that say something in their language, as the rules ask, and whatever else."""
    said = texts(least, most, lines=lines)
    zh, en = said.map("地铁智能检修：{}".format), said.map("Metro maintenance: {}".format)
    return st.fixed_dictionaries({"zh": zh}, optional={"en": en})


def some(thing: st.SearchStrategy[Any], least: int = 0, most: int = 3) -> st.SearchStrategy[list[Any]]:
    return st.lists(thing, min_size=least, max_size=most)


def codes(enum: Any) -> st.SearchStrategy[str]:
    return st.sampled_from([str(each) for each in enum])


NAME, TEXT, SHA = both(), both(10, 60, lines=True), st.text("0123456789abcdef", min_size=64, max_size=64)
REFERENCE = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)
NUMBER = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**12), 10**12)
ADDRESS = st.from_regex(r"https://[a-z.]{1,20}(/[a-z0-9?=&]{0,20})?", fullmatch=True)
ATTACHMENT = st.fixed_dictionaries({"title": NAME, "href": ADDRESS, "sha256": SHA})
CONTACT = st.fixed_dictionaries(
    {"name": texts(1, 20)}, optional={"phone": st.just("028-8555 0101"), "email": st.just("a@example.org")}
)
OFFER = st.sampled_from(list(OfferType)).flatmap(
    lambda type: st.fixed_dictionaries(
        {"type": st.just(str(type)), "amount": st.integers(1, 10_000_000), "unit": st.just(OFFER_UNITS[type])},
        optional={"description": NAME},
    )
)
FIGURE = st.fixed_dictionaries({"name": NAME, "value": NUMBER, "unit": texts(1, 20)})
DAY = st.dates(min_value=date(1900, 1, 1)).map(date.isoformat)
EVIDENCE = st.fixed_dictionaries(
    {
        "stage": codes(Stage),
        "measure": NAME,
        "baseline": NUMBER,
        "result": NUMBER,
        "unit": texts(1, 20),
        "document": ATTACHMENT,
    }
)
DESCRIBED = {
    "title": NAME,
    "summary": TEXT,
    "owner": st.fixed_dictionaries({"name": NAME, "uscc": st.just(USCC)}),
    "district": codes(District),
}
MAYBE = {"zone": NAME, "tags": some(texts(1, 30)), "attachments": some(ATTACHMENT), "contact": CONTACT}
INDUSTRIAL = {"level": st.just("industrial"), "industry": codes(Industry)}
ENTERPRISE = {"level": st.just("enterprise"), "theme": codes(Theme)}


def scenes(classified: dict[str, Any], also: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            **DESCRIBED,
            **classified,
            "kind": st.just("scene"),
            "needs": some(NAME, 1),
            "opens": st.just("2026-01-01"),
            "closes": DAY.filter(lambda day: day > "2026"),
        },
        optional={**MAYBE, **also, "budget_yuan": st.integers(0, 10**11), "offers": some(OFFER)},
    )


ENTRIES = {
    "scene": scenes(INDUSTRIAL, {"facility": codes(Facility)}) | scenes(ENTERPRISE, {}),
    "product": st.fixed_dictionaries(
        {
            **DESCRIBED,
            "kind": st.just("product"),
            "industry": codes(Industry),
            "capabilities": some(NAME, 1),
            "distinction": TEXT,
            "maturity": st.integers(1, 9),
        },
        optional={
            **MAYBE,
            "figures": some(FIGURE),
            "interfaces": some(texts(1, 30)),
            "markets": some(texts(1, 10)),
            "takes": some(NAME),
            "gives": some(NAME),
        },
    ),
    "linkage": st.fixed_dictionaries(
        {
            **DESCRIBED,
            "kind": st.just("linkage"),
            "scene": REFERENCE.map(lambda name: f"{USCC}/{name}"),
            "product": REFERENCE.map(lambda name: f"{USCC}/{name}"),
            "stage": st.just("laboratory"),
            "site": NAME,
            "starts": DAY,
        },
        optional={**MAYBE, "asks": some(OFFER), "evidence": some(EVIDENCE)},
    ),
}


def kept(said: dict[str, Any]) -> SubmissionLine:
    """The submission that JSON says, which keeps every rule."""
    submission, findings = check(orjson.dumps(said))
    assert submission, findings
    return submission


def there_and_back(said: dict[str, Any]) -> dict[str, Any]:
    """A submission as the form of its kind holds it and would send it."""
    kind = said["entry"]["kind"]
    return line_of(kind, typed(kind, values_of(said)), said["entry"]["owner"]["uscc"])


@pytest.mark.parametrize("kind", ENTRIES)
@settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow], deadline=None)
@for_all(data=st.data())
def test_any_entry_comes_through_its_form_unchanged(kind: str, data: st.DataObject) -> None:
    revision, reference = data.draw(st.integers(1, 9999)), data.draw(REFERENCE)
    said = {"reference": reference, "revision": revision, "entry": data.draw(ENTRIES[kind])}
    assume(check(orjson.dumps(said))[1] == ())
    before = kept(said)
    shown = before.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    assert kept(there_and_back(shown)) == before


def pointers(schema: dict[str, Any], whole: dict[str, Any], pointer: str = "/entry") -> Iterator[str]:
    """Where an entry of a JSON Schema may hold a value, with `*` for the number of an item."""
    if "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].rpartition("/")[2]]
    one = next((each for each in schema.get("anyOf", ()) if each.get("type") != "null"), None)
    if one:
        yield from pointers(one, whole, pointer)
    elif "properties" in schema:
        for name, inner in schema["properties"].items():
            yield from pointers(inner, whole, f"{pointer}/{name}")
    elif schema.get("type") == "array" and schema["items"].get("type") != "string":
        yield from pointers(schema["items"], whole, f"{pointer}/*")
    else:
        yield pointer


@pytest.mark.parametrize("model", [Scene, Product, Linkage])
def test_a_form_asks_for_all_that_an_entry_of_its_kind_may_say(model: type[Described]) -> None:
    schema = model.model_json_schema()
    given = {"/entry/kind", "/entry/owner/uscc", "/entry/offers/*/unit", "/entry/asks/*/unit"}
    asked = set(known(model.__name__.lower())) - {"/reference", "/revision"}
    assert asked == set(pointers(schema, schema)) - given


def test_every_entry_of_the_sample_comes_through_its_form_unchanged() -> None:
    assert [kept(there_and_back(said)) for said in samples()] == [kept(said) for said in samples()]


def test_what_is_left_blank_is_left_out_and_the_later_items_move_up() -> None:
    values = {
        "/entry/needs/0/zh": " ",
        "/entry/needs/0/en": "",
        "/entry/needs/3/zh": "低空飞行",
        "/entry/zone/zh": "",
        "/entry/contact/name": "",
        "/entry/tags": "\n 低空 \n\n医疗",
    }
    said = line_of("scene", values, USCC)
    assert said == {
        "entry": {
            "kind": "scene",
            "owner": {"uscc": USCC},
            "needs": [{"zh": "低空飞行"}],
            "tags": ["低空", "医疗"],
        }
    }


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1200", 1200),
        (" 1,200 ", 1200),
        ("１２００", 1200),
        ("1.5", 1.5),
        ("12,00", "12,00"),
        ("about 12", "about 12"),
        ("9" * 5000, "9" * 5000),
        ("1e999", "1e999"),
        ("NaN", "NaN"),
    ],
)
def test_numbers_are_read_as_people_write_them_and_else_left_for_the_rules(text: str, amount: Any) -> None:
    said = line_of("scene", {"/entry/offers/0/type": "space", "/entry/offers/0/amount": text}, USCC)
    assert said["entry"]["offers"] == [{"type": "space", "amount": amount, "unit": "m2"}]


def test_a_classification_of_the_other_level_is_kept_in_the_form_and_left_out_of_the_entry() -> None:
    values = {"/entry/level": "enterprise", "/entry/industry": "new-retail", "/entry/theme": "data-empowerment"}
    assert typed("scene", values) == values
    assert line_of("scene", values, USCC)["entry"] == {
        "kind": "scene",
        "owner": {"uscc": USCC},
        "level": "enterprise",
        "theme": "data-empowerment",
    }


def test_names_that_are_no_field_of_the_form_are_passed_over() -> None:
    form = {
        "/entry/kind": "product",
        "/entry/owner/uscc": "x",
        "/entry/needs/x/zh": "x",
        "__proto__": "x",
        "do": "save",
    }
    assert typed("scene", form) == {}


@for_all(st.lists(st.text("ab", max_size=3), max_size=20), st.data())
def test_items_are_added_at_the_end_and_removed_where_asked(texts: list[str], data: st.DataObject) -> None:
    group = groups(FORMS["scene"])["/entry/needs"]
    values = {f"{group.pointer}/{n}/{tag}": text for n, text in enumerate(texts) for tag in ("zh", "en")}

    def said(values: dict[str, str]) -> list[str]:
        return [item["/zh"] for _, item in items(values, group)]

    if len(texts) < group.most:
        more, number = with_item(values, group)
        assert said(more) == [*(texts or [""]), ""] and number == max(len(texts), group.least)
    if texts:
        number = data.draw(st.integers(0, len(texts) - 1))
        assert said(without_item("scene", values, group, number)) == texts[:number] + texts[number + 1 :]
    blank = renumbered("scene", values, without_blank=True)
    assert said(blank) == [text for text in texts if text]
