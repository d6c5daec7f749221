"""Writes the event catalogue and the JSON Schemas from libs/schemas: `python docs/generate.py [--check]`.

With --check nothing is written: exit code 1 and a line a file where what is there is not what would be written.
"""

import inspect
import json
import sys
from pathlib import Path
from typing import Any

from schemas.entry import SubmissionLine
from schemas.envelope import Fact
from schemas.events import FACTS

DOCS = Path(__file__).parent
CONSUMERS = {
    "submission": ("submissions.events", "review, publishing, audit"),
    "partner": ("submissions.events", "audit"),
    "source": ("submissions.events", "audit"),
    "case": ("review.events", "submissions, publishing, audit"),
    "entry": ("publishing.events", "submissions, publishing, notifications, audit"),
    "release": ("publishing.events", "publishing, notifications, audit"),
    "subscription": ("notifications.events", "notifications, audit"),
    "delivery": ("notifications.events", "notifications, audit"),
}


def envelope_schema(type: str, fact: type[Fact]) -> dict[str, Any]:
    """JSON Schema of one event in CloudEvents' structured mode."""
    data = fact.model_json_schema(mode="serialization", ref_template="#/$defs/{model}")
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


def documents() -> dict[Path, str]:
    """Every generated file and its text."""
    schemas = {type: envelope_schema(type, fact) for type, fact in FACTS.items()}
    schemas["submission-line"] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:shuangqian:submission-line",
        **SubmissionLine.model_json_schema(mode="validation"),
    }
    return {DOCS / "events.md": catalogue()} | {
        DOCS / "schemas" / f"{name}.json": json.dumps(schema, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        for name, schema in schemas.items()
    }


def main() -> int:
    stale = [path for path, text in documents().items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv:
        for path in stale:
            print(f"{path.relative_to(DOCS.parent)} is not what `make docs` writes", file=sys.stderr)
        return bool(stale)
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(documents()[path])
    print(f"{len(stale)} of {len(documents())} documents written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
