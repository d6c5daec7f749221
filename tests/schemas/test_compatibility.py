"""A published schema only grows: what may follow it passes, what would break its holders does not, and is named."""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from runtime.published import Version, breaks, broken, following, level, published
from schemas.compatibility import breaking
from schemas.entry import KINDS
from schemas.envelope import Json
from schemas.events import FACTS
from schemas.receipt import ReceiptIssued
from tests.schemas.slips import GOOD

PUBLISHED = published()
LATEST = {subject: versions[-1].schema for subject, versions in PUBLISHED.items()}
GOLDEN = [json.loads(path.read_text()) for path in (Path(__file__).parent / "golden").glob("*.json")]
BACKWARD, FULL = "BACKWARD_TRANSITIVE", "FULL_TRANSITIVE"


def nodes(schema: Any, path: str = "") -> Iterator[tuple[str, Json]]:
    """Every schema within one, with its pointer; without conditions, whose parts have no meaning alone."""
    if not isinstance(schema, dict):
        return
    yield path, schema
    for keyword in ("properties", "$defs"):
        for name, inner in schema.get(keyword, {}).items():
            yield from nodes(inner, f"{path}/{keyword}/{name}")
    for keyword in ("anyOf", "oneOf"):
        for i, inner in enumerate(schema.get(keyword, [])):
            yield from nodes(inner, f"{path}/{keyword}/{i}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}/items")


def documents(subject: str) -> list[Any]:
    """Good documents of a subject: the sample's, or golden events."""
    if subject == "submission-line":
        return list(GOOD)
    if subject in KINDS:
        return [line["entry"] for line in GOOD if line["entry"]["kind"] == subject]
    return [event for event in GOLDEN if event["type"] == subject]


Change = Callable[[Json], None]


def put(keyword: str, value: Any) -> Change:
    return lambda node: node.update({keyword: value})


def add_field(node: Json) -> None:
    node["properties"]["later"] = {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}


def require_a_new_field(node: Json) -> None:
    add_field(node)
    node.setdefault("required", []).append("later")


def remove_a_field(node: Json) -> None:
    name = next(iter(node["properties"]))
    del node["properties"][name]
    node["required"] = [each for each in node.get("required", []) if each != name]


def rename_a_field(node: Json) -> None:
    name = next(iter(node["properties"]))
    node["properties"]["renamed"] = node["properties"].pop(name)
    node["required"] = ["renamed" if each == name else each for each in node.get("required", [])]


def require_an_optional_field(node: Json) -> None:
    node["required"] = list(node["properties"])


def is_text(node: Json) -> bool:
    return node.get("type") == "string" and not {"enum", "const"} & node.keys()


def has_optional(node: Json) -> bool:
    return set(node.get("properties", {})) > set(node.get("required", []))


def has(keyword: str) -> Callable[[Json], bool]:
    return lambda node: bool(node.get(keyword))


#: name → (where it can be done, what is done)
GROWING = {
    "an optional field": (has("properties"), add_field),
    "another description": (lambda node: True, put("description", "said better")),
    "a title": (lambda node: True, put("title", "Better")),
    "an example": (lambda node: True, put("examples", ["so"])),
    "a definition that nobody uses": (has("$defs"), lambda node: node["$defs"].update({"Later": {"type": "string"}})),
}
NARROWING = {
    "a new required field": (has("properties"), require_a_new_field),
    "an optional field required": (has_optional, require_an_optional_field),
    "a field removed": (has("properties"), remove_a_field),
    "a field renamed": (has("properties"), rename_a_field),
    "a value removed": (has("enum"), lambda node: node["enum"].pop()),
    "another const": (has("const"), put("const", "other")),
    "a const of a text": (is_text, put("const", "only this")),
    "a minimum raised": (has("minimum"), lambda node: node.update(minimum=node["minimum"] + 1)),
    "a minimum set": (lambda node: node.get("type") == "number", put("minimum", 0)),
    "a maximum lowered": (has("maximum"), lambda node: node.update(maximum=node["maximum"] - 1)),
    "a text at least longer": (is_text, lambda node: node.update(minLength=node.get("minLength", 0) + 1)),
    "a text at most shorter": (has("maxLength"), lambda node: node.update(maxLength=node["maxLength"] - 1)),
    "a longest text set": (lambda node: is_text(node) and "maxLength" not in node, put("maxLength", 5)),
    "a list at least longer": (has("items"), lambda node: node.update(minItems=node.get("minItems", 0) + 1)),
    "a list at most shorter": (has("maxItems"), lambda node: node.update(maxItems=node["maxItems"] - 1)),
    "a list without repeats": (
        lambda node: node.get("type") == "array" and not node.get("uniqueItems"),
        put("uniqueItems", True),
    ),
    "another pattern": (is_text, put("pattern", "^[a-z]$")),
    "another format": (is_text, put("format", "uri")),
    "another type": (lambda node: node.get("type") == "string", put("type", "integer")),
    "an integer for a number": (lambda node: node.get("type") == "number", put("type", "integer")),
    "an object for a list": (lambda node: node.get("type") == "array", put("type", "object")),
    "null no more": (has("anyOf"), lambda node: node["anyOf"].pop()),
    "another default": (lambda node: "default" in node, put("default", "other")),
    "a keyword nobody knows": (has("type"), put("dependentRequired", {"a": ["b"]})),
    "a condition": (has("properties"), lambda node: node.update(allOf=[*node.get("allOf", []), {"required": ["x"]}])),
}
WIDENING = {
    "a value added": (has("enum"), lambda node: node["enum"].append("later")),
    "a text at most longer": (has("maxLength"), lambda node: node.update(maxLength=node["maxLength"] + 1)),
    "no shortest text": (has("minLength"), lambda node: node.pop("minLength")),
    "no pattern": (has("pattern"), lambda node: node.pop("pattern")),
    "no format": (has("format"), lambda node: node.pop("format")),
    "a maximum raised": (has("maximum"), lambda node: node.update(maximum=node["maximum"] + 1)),
    "a list at most longer": (has("maxItems"), lambda node: node.update(maxItems=node["maxItems"] + 1)),
    "a field no longer required": (has("required"), lambda node: node["required"].pop()),
    "null as well": (is_text, lambda node: node.update(type=["string", "null"])),
    "a number for an integer": (lambda node: node.get("type") == "integer", put("type", "number")),
}
Changes = dict[str, tuple[Callable[[Json], bool], Callable[[Json], Any]]]


@dataclass(frozen=True)
class Case:
    """A subject's schema, and the same with one change somewhere in it."""

    subject: str
    change: str
    where: str
    old: Json = field(repr=False)
    new: Json = field(repr=False)


@st.composite
def changed(draw: st.DrawFn, changes: Changes) -> Case:
    subject = draw(st.sampled_from(sorted(LATEST)))
    name = draw(st.sampled_from(sorted(changes)))
    new = copy.deepcopy(LATEST[subject])
    possible, change = changes[name]
    # By its kind an alternative is known: another one is another alternative. And null beside null is nothing new.
    odd = "/anyOf/" if name == "null as well" else "/properties/kind"
    fitting = {path: node for path, node in nodes(new) if possible(node) and odd not in path}
    assume(fitting)
    where = draw(st.sampled_from(sorted(fitting)))
    change(fitting[where])
    return Case(subject, name, where, LATEST[subject], new)


def near(pointer: str, where: str) -> bool:
    """Whether a breach is told where the change was made: there, within it, or at the choice that it is one of."""
    choice = where.rpartition("/")[0] if "/anyOf/" in where else where
    return pointer.startswith(where) or pointer == choice


def valid(schema: Json, document: Any) -> bool:
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return bool(jsonschema.Draft202012Validator(schema, format_checker=checker).is_valid(document))


@settings(deadline=None)
@given(changed(GROWING))
def test_what_only_grows_may_follow(case: Case) -> None:
    assert breaking(case.old, case.new, FULL) == breaking(case.old, case.new, BACKWARD) == []
    assert all(valid(case.new, document) for document in documents(case.subject)[:3])


@settings(deadline=None, max_examples=300)
@given(changed(NARROWING))
def test_what_accepts_less_may_follow_nothing(case: Case) -> None:
    for least in (BACKWARD, FULL):
        found = breaking(case.old, case.new, least)
        assert found and all(near(change.pointer, case.where) and change.why for change in found)


@settings(deadline=None)
@given(changed(WIDENING))
def test_what_accepts_more_may_follow_where_only_writers_count(case: Case) -> None:
    assert breaking(case.old, case.new, BACKWARD) == []
    assert all(valid(case.new, document) for document in documents(case.subject)[:3])
    found = breaking(case.old, case.new, FULL)
    assert found and all(near(change.pointer, case.where) for change in found)
    # The other way round it accepts less.
    assert breaking(case.new, case.old, BACKWARD)


@pytest.mark.parametrize("subject", LATEST)
def test_a_schema_may_follow_itself_in_any_order(subject: str) -> None:
    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: turned(value[name]) for name in reversed(value)}
        return [turned(each) for each in value] if isinstance(value, list) else value

    assert breaking(LATEST[subject], turned(LATEST[subject]), FULL) == []


@pytest.mark.parametrize("subject", PUBLISHED)
def test_every_published_version_could_follow_all_before_it(subject: str) -> None:
    versions = PUBLISHED[subject]
    assert [version.number for version in versions] == list(range(1, len(versions) + 1))
    for i, version in enumerate(versions):
        assert breaks(versions[:i], version.schema) == []


@pytest.mark.parametrize("subject", PUBLISHED)
def test_every_document_ever_written_is_accepted_by_every_published_version(subject: str) -> None:
    """Old ones by the newest (backwards), and new ones by the oldest (forwards)."""
    assert documents(subject)
    for version in PUBLISHED[subject]:
        for document in documents(subject):
            assert valid(version.schema, document)


def test_every_event_and_entry_is_published() -> None:
    assert set(PUBLISHED) == {*FACTS, ReceiptIssued.TYPE, *KINDS, "submission-line"}


def test_schemas_have_ids_of_their_own() -> None:
    ids = [version.id for versions in PUBLISHED.values() for version in versions]
    assert len(set(ids)) == len(ids) and all(0 < id < 2**31 for id in ids)


def test_events_mind_readers_and_entries_their_writers() -> None:
    assert (level("submission.refused.v1"), level("receipt.issued.v1")) == (FULL, FULL)
    assert (level("scene"), level("submission-line")) == (BACKWARD, BACKWARD)


def test_a_breach_says_what_changed_where_and_whom_it_breaks() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 5}}}
    new = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 4}}}
    (change,) = breaks([Version("scene", 1, schema)], new)
    assert str(change) == (
        "/properties/a/maxLength: maxLength 5 → 4: narrowed: what writers write today would be refused"
    )
    assert following([Version("scene", 1, schema)], new) and not following([Version("scene", 1, schema)], schema)


def test_a_change_that_breaks_is_named_with_its_subject() -> None:
    assert broken(PUBLISHED, LATEST) == []
    gone = {subject: schema for subject, schema in LATEST.items() if subject != "product"}
    assert broken(PUBLISHED, gone) == ["product is gone: it was published"]
    narrowed = copy.deepcopy(LATEST["scene"])
    narrowed["properties"]["level"]["enum"].remove("enterprise")
    (line,) = broken(PUBLISHED, {**LATEST, "scene": narrowed})
    assert line.startswith("scene /properties/level/enum: no longer enterprise: a value was removed")
    # Another district is new to readers of events, and no matter to those who send entries.
    event, entry = copy.deepcopy(LATEST["entry.published.v1"]), copy.deepcopy(LATEST["scene"])
    for schema in (event, entry):
        schema["$defs"]["District"]["enum"].append("new-district")
    assert broken(PUBLISHED, {**LATEST, "scene": entry}) == []
    assert broken(PUBLISHED, {**LATEST, "entry.published.v1": event})
