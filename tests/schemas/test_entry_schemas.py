"""The published schemas accept exactly what the rules accept, but for what JSON Schema cannot say."""

from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import event, given, settings

from schemas.entry import KINDS
from schemas.entry_schemas import OF_WHAT_IS_HELD, UNSAYABLE, entry_schemas
from schemas.rules import check
from schemas.texts import TEXTS
from tests.schemas.slips import GOOD, slipped

SCHEMAS = entry_schemas()
VALIDATORS = {
    name: jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    for name, schema in SCHEMAS.items()
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_is_a_schema_of_its_dialect(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize("line", GOOD, ids=lambda line: line["reference"])
def test_the_sample_is_accepted(line: dict[str, Any]) -> None:
    VALIDATORS["submission-line"].validate(line)
    VALIDATORS[line["entry"]["kind"]].validate(line["entry"])


def test_a_whole_number_that_is_written_as_a_decimal_is_one_to_both() -> None:
    """JSON has one kind of number: 8.0 is 8, in what is stored, too; to send it written otherwise is a repeat."""
    line = next(each for each in GOOD if each["entry"]["kind"] == "product")
    whole = {**line, "revision": 1, "entry": {**line["entry"], "maturity": 8}}
    sent = {**line, "revision": 1.0, "entry": {**line["entry"], "maturity": 8.0}}
    VALIDATORS["submission-line"].validate(sent)
    found, expected = check(orjson.dumps(sent)), check(orjson.dumps(whole))
    assert found == expected
    assert found[0] and type(found[0].entry.model_dump()["maturity"]) is int


def test_an_amount_beyond_the_citys_total_is_found_however_it_is_written() -> None:
    line = next(each for each in GOOD if each["entry"].get("offers"))
    offer = {"type": "space", "amount": 2e7, "unit": "m2"}
    sent = {**line, "entry": {**line["entry"], "offers": [offer]}}
    assert not VALIDATORS["submission-line"].is_valid(sent)
    assert [(each.rule, each.found) for each in check(orjson.dumps(sent))[1]] == [("offer.amount", "20000000")]


def agree(line: dict[str, Any]) -> None:
    rules = {finding.rule for finding in check(orjson.dumps(line))[1]}
    event("good" if not rules else "bad only in what no schema can say" if rules <= UNSAYABLE else "bad")
    assert VALIDATORS["submission-line"].is_valid(line) == (rules <= UNSAYABLE)
    entry = line.get("entry")
    if isinstance(entry, dict) and entry.get("kind") in list(KINDS):
        # The entry's own schema judges it as the line's does.
        sent = {"reference": "A", "revision": 1, "entry": entry}
        assert VALIDATORS[entry["kind"]].is_valid(entry) == VALIDATORS["submission-line"].is_valid(sent)


@settings(max_examples=500, deadline=None)
@given(slipped(most=2))
def test_schema_and_rules_accept_the_same(line: dict[str, Any]) -> None:
    agree(line)


def test_every_rule_is_said_by_the_schema_or_listed() -> None:
    """Which rules a generated submission can break at all is known to `test_rules`; these are the exceptions."""
    assert set(TEXTS) >= UNSAYABLE | OF_WHAT_IS_HELD
    assert not UNSAYABLE & OF_WHAT_IS_HELD
