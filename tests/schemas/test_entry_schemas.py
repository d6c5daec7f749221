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
from tests.schemas.slips import GOOD, places, slipped

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


def decimals(value: Any) -> list[Any]:
    """The whole numbers that are written as decimals: 7.0 is an integer to JSON Schema, and none to the rules."""
    floats = (float,)
    found = []
    for path in places(value):
        inner = value
        for step in path:
            inner = inner[step]
        if isinstance(inner, floats) and inner.is_integer():
            found.append(inner)
    return found


def test_a_whole_number_that_is_written_as_a_decimal_is_good_to_the_schema_alone() -> None:
    """As the module says; and the finding says how it is to be written."""
    line = next(each for each in GOOD if each["entry"]["kind"] == "product")
    sent = {**line, "revision": 1.0, "entry": {**line["entry"], "maturity": 8.0}}
    VALIDATORS["submission-line"].validate(sent)
    told = {finding.pointer: finding.fix and finding.fix["value"] for finding in check(orjson.dumps(sent))[1]}
    assert told == {"/revision": 1, "/entry/maturity": 8}


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
    if not decimals(line):
        agree(line)


def test_every_rule_is_said_by_the_schema_or_listed() -> None:
    """Which rules a generated submission can break at all is known to `test_rules`; these are the exceptions."""
    assert set(TEXTS) >= UNSAYABLE | OF_WHAT_IS_HELD
    assert not UNSAYABLE & OF_WHAT_IS_HELD
