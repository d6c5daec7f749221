"""Writes the event catalogue and the JSON Schemas from libs/schemas: `python docs/generate.py [--check]`.

A schema that says something else than its last published version is published as the next one, unless it would break
those who hold an earlier one: then nothing is written, and each breaking change is named. With --check nothing is
written either: exit code 1 and a line a file where what is there is not what would be written.
"""

import inspect
import json
import sys
from pathlib import Path
from typing import Any

from runtime.published import FOLDER, broken, following, published
from schemas.compatibility import canonical
from schemas.entry_schemas import entry_schemas
from schemas.envelope import Fact
from schemas.events import FACTS

DOCS = Path(__file__).parent
CONSUMERS = {
    "submission": ("submissions.events", "review, publishing, audit"),
    "partner": ("submissions.events", "audit"),
    "case": ("review.events", "submissions, publishing, audit"),
    "entry": ("publishing.events", "submissions, publishing, notifications, audit"),
    "release": ("publishing.events", "publishing, notifications, audit"),
    "subscription": ("notifications.events", "notifications, audit"),
    "delivery": ("notifications.events", "notifications, audit"),
}


def envelope_schema(type: str, fact: type[Fact]) -> dict[str, Any]:
    """JSON Schema of one event in CloudEvents' structured mode."""
    data = _open(fact.model_json_schema(mode="serialization", ref_template="#/$defs/{model}"))
    definitions = data.pop("$defs", {})
    text = {"type": "string", "minLength": 1}
    attributes = {
        "specversion": {"const": "1.0"},
        "id": {**text, "description": "<stream>/<sequence>"},
        "source": {**text, "description": "/<service>"},
        "type": {"const": type},
        "subject": {**text, "description": "the stream's id"},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "dataschema": {"const": f"urn:shuangqian:{type}"},
        "sequence": {"type": "integer", "minimum": 1, "description": "the stream's version, without gaps"},
        "partitionkey": text,
        "causationid": {**text, "description": "the event or request that caused this one"},
        "correlationid": {**text, "description": "the submission's first event"},
        "actor": {**text, "description": "partner:…, user:…, subscriber:… or service:…"},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:shuangqian:{type}",
        "title": type,
        "type": "object",
        "properties": {**attributes, "traceparent": text, "data": data},
        "required": [*attributes, "data"],
        "$defs": definitions,
    }


def _open(schema: Any) -> Any:
    """The schema as readers of events need it: they pass over fields that came after them."""
    if isinstance(schema, list):
        return [_open(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = schema.get("additionalProperties") is False
    return {name: _open(value) for name, value in schema.items() if not (closed and name == "additionalProperties")}


def catalogue() -> str:
    """The event catalogue, in Markdown."""
    lines = [
        "# Event catalogue",
        "",
        "Generated from `libs/schemas` by `make docs`. Every event is a CloudEvents 1.0 event in structured JSON mode;",
        "its JSON Schema is `docs/schemas/<type>.json`. What the attributes mean stands in `libs/schemas/envelope.py`.",
    ]
    noun = ""
    for type, fact in FACTS.items():
        if type.split(".")[0] != noun:
            noun = type.split(".")[0]
            topic, readers = CONSUMERS[noun]
            lines += ["", f"## {noun}", "", f"On `{topic}`. Read by: {readers}.", ""]
            lines += ["| type | data | what it says |", "| --- | --- | --- |"]
        fields = ", ".join(f"`{name}`" for name in fact.model_fields) or "—"
        says = " ".join((inspect.cleandoc(fact.__doc__ or "")).split()) if "__doc__" in vars(fact) else ""
        lines.append(f"| `{type}` | {fields} | {says} |")
    return "\n".join(lines) + "\n"


def schemas() -> dict[str, dict[str, Any]]:
    """Every schema, by its subject, as the code has it."""
    return {type: envelope_schema(type, fact) for type, fact in FACTS.items()} | entry_schemas()


def documents() -> dict[Path, str]:
    """Every generated file and its text; of published versions, those that are missing."""
    known = published()
    made = {DOCS / "events.md": catalogue()}
    for subject, schema in schemas().items():
        made[DOCS / "schemas" / f"{subject}.json"] = (
            json.dumps(schema, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        )
        versions = known.get(subject, [])
        if following(versions, schema):
            made[FOLDER / subject / f"{len(versions) + 1}.json"] = canonical(schema) + "\n"
    return made


def main() -> int:
    if lines := broken(published(), schemas()):
        print("Published schemas would be broken (docs/decisions/0008):", *lines, sep="\n  ", file=sys.stderr)
        return 1
    made = documents()
    stale = [path for path, text in made.items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv:
        for path in stale:
            print(f"{path.relative_to(DOCS.parent)} is not what `make docs` writes", file=sys.stderr)
        return bool(stale)
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made[path])
    print(f"{len(stale)} of {len(made)} documents written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
