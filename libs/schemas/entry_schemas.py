"""The published JSON Schemas (2020-12) of what partners send: a submission, and each kind of entry.

They say all that `schemas.rules` asks and JSON Schema can say. UNSAYABLE names the rules that it cannot: what a code's
check digit is, what one date or text is beside another, and what is held already; and `text.one-line`, which is younger
than the schemas: a published one never accepts less (docs/decisions/0008).
"""

from typing import Any

from schemas.across import CITY_TOTALS, STAGES
from schemas.entry import KINDS, OFFER_UNITS, SubmissionLine
from schemas.envelope import Json

DIALECT = "https://json-schema.org/draft/2020-12/schema"
#: Rules of a submission's text that its schema does not say.
UNSAYABLE = {
    *(
        "json",
        "size",
        "repeated-field",
        "characters",
        "findings.more",
        "uscc.check-digit",
        "dates.order",
        "linkage.same-entry",
        "text.one-line",
        "text.placeholder",
        "text.language",
    ),
}
#: Rules about what is held here, rather than about the text.
OF_WHAT_IS_HELD = {
    *("partner.mismatch", "revision.taken", "revision.stale", "kind.changed", "submission.withdrawn", "reference.full"),
    *("linkage.scene-unknown", "linkage.product-unknown"),
}


def line_schema() -> Json:
    """Of what `POST /submissions` and a line of NDJSON hold."""
    schema = SubmissionLine.model_json_schema(mode="validation")
    for name, definition in schema["$defs"].items():
        _across(name, definition)
    whole = _portable(schema)
    return {"$schema": DIALECT, "$id": "urn:shuangqian:submission-line", **whole, "title": "submission-line"}


def kind_schema(kind: str) -> Json:
    """Of the entry alone, for one kind."""
    line = line_schema()
    definitions = line["$defs"]
    own = definitions.pop(kind.capitalize())
    used = _used(own, definitions)
    kept = {name: definition for name, definition in definitions.items() if name in used}
    return {"$schema": DIALECT, "$id": f"urn:shuangqian:{kind}", **own, "title": kind, "$defs": kept}


def entry_schemas() -> dict[str, Json]:
    """All of them, by subject."""
    return {"submission-line": line_schema()} | {kind: kind_schema(kind) for kind in KINDS}


def _across(name: str, definition: Json) -> None:
    """Add what a model's schema cannot know: the rules that cross fields, as far as JSON Schema can say them."""
    properties = definition.get("properties", {})
    match name:
        case "Scene":
            definition["allOf"] = [
                _when("level", "industrial", {"required": ["industry"]} | _null(industry=False, theme=True)),
                _when(
                    "level", "enterprise", {"required": ["theme"]} | _null(theme=False, industry=True, facility=True)
                ),
            ]
        case "Linkage":
            definition["allOf"] = [_when("stage", stage, _evidenced(stage)) for stage in STAGES]
        case "Offer":
            definition["allOf"] = [
                _when("type", str(type), _counted(str(type), unit)) for type, unit in OFFER_UNITS.items()
            ]
    for field in ("offers", "asks"):
        if field in properties:
            properties[field]["uniqueItems"] = True


def _when(field: str, value: str, then: Json) -> Json:
    return {"if": {"properties": {field: {"const": value}}, "required": [field]}, "then": then}


def _null(**fields: bool) -> Json:
    """Which fields are to be null or absent, and which not to be null."""
    null = {"type": "null"}
    return {"properties": {name: null if absent else {"not": null} for name, absent in fields.items()}}


def _counted(type: str, unit: str) -> Json:
    total = {"amount": {"maximum": CITY_TOTALS[type]}} if type in CITY_TOTALS else {}
    return {"properties": {"unit": {"const": unit}, **total}}


def _evidenced(stage: str) -> Json:
    """Evidence of no later stage, and of this one unless it is the first."""
    until = STAGES[: STAGES.index(stage) + 1]
    evidence: Json = {"items": {"properties": {"stage": {"enum": list(until)}}}}
    if stage == STAGES[0]:
        return {"properties": {"evidence": evidence}}
    one = {"contains": {"properties": {"stage": {"const": stage}}, "required": ["stage"]}}
    return {"properties": {"evidence": evidence | one}, "required": ["evidence"]}


def _portable(schema: Any) -> Any:
    """The schema without Pydantic's titles, and with patterns and days that every validator reads alike."""
    if isinstance(schema, list):
        return [_portable(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: value if name == "properties" else _portable(value) for name, value in schema.items()}
    if "properties" in made:
        made["properties"] = {name: _portable(value) for name, value in schema["properties"].items()}
    if isinstance(made.get("title"), str):
        del made["title"]
    if str(made.get("pattern", "")).endswith("$"):
        # Some dialects let $ stand before a last line feed.
        made["pattern"] += "(?!\\n)"
    if made.get("format") == "date":
        # `format` is a note to most validators.
        made["pattern"] = r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$(?!\n)"
    return made


def _used(schema: Any, definitions: Json) -> set[str]:
    """The names of the definitions that a schema refers to, also by others."""
    found: set[str] = set()
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            name = str(node.get("$ref", "")).rpartition("/")[2]
            if name and name not in found:
                found.add(name)
                waiting.append(definitions[name])
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return found
