"""Writes the event catalogue, the JSON Schemas and the AsyncAPI document: `python docs/generate.py [--check]`.

All from libs/schemas, and the examples from the golden files, of which the library gets a copy to serve. A schema that
says something else than its last published version is published as the next one, unless it would break those who hold
an earlier one: then nothing is written, and each breaking change is named. With --check nothing is written either: exit
code 1 and a line a file where what is there is not what would be written.
"""

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from runtime.published import FOLDER, broken, following, published
from schemas import asyncapi
from schemas.compatibility import canonical
from schemas.documents import schemas
from schemas.events import FACTS
from schemas.receipt import ReceiptIssued

DOCS = Path(__file__).parent
EXAMPLES = Path(asyncapi.__file__).with_name("examples.json")
GOLDEN = DOCS.parent / "tests" / "schemas" / "golden"


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
            topic, readers = asyncapi.READERS[noun]
            lines += ["", f"## {noun}", "", f"On `{topic}`. Read by: {', '.join(readers)}.", ""]
            lines += ["| type | data | what it says |", "| --- | --- | --- |"]
        lines.append(_row(type, fact))
    lines += ["", "## receipt", "", "On `receipts.<uscc>`, and in no history. Read by: the partner’s systems.", ""]
    lines += ["| type | data | what it says |", "| --- | --- | --- |", _row(ReceiptIssued.TYPE, ReceiptIssued)]
    return "\n".join(lines) + "\n"


def _row(type: str, data: type[BaseModel]) -> str:
    fields = ", ".join(f"`{name}`" for name in data.model_fields) or "—"
    return f"| `{type}` | {fields} | {asyncapi.says(data)} |"


def documents() -> dict[Path, str]:
    """Every generated file and its text; of published versions, those that are missing."""
    types = (*FACTS, ReceiptIssued.TYPE)
    examples = {type: json.loads((GOLDEN / f"{type}.json").read_text()) for type in types}
    made = {
        DOCS / "events.md": catalogue(),
        DOCS / "asyncapi.json": _json(asyncapi.document(examples)),
        EXAMPLES: _json(examples),
    }
    known = published()
    for subject, schema in schemas().items():
        made[DOCS / "schemas" / f"{subject}.json"] = _json(schema)
        versions = known.get(subject, [])
        if following(versions, schema):
            made[FOLDER / subject / f"{len(versions) + 1}.json"] = canonical(schema) + "\n"
    return made


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


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
