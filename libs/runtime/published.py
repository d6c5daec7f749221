"""The schemas that were ever published: `libs/schemas/published/<subject>/<version>.json`.

A subject is the type of an event or of the receipt, `submission-line`, or a kind of entry. A file, once there, never
changes: `make docs` adds the next version where the code's schema says something else, unless that would break those
who hold an earlier one.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import schemas
from schemas.compatibility import Change, breaking, canonical, meaning
from schemas.entry import KINDS
from schemas.envelope import Json

FOLDER = Path(schemas.__file__).parent / "published"


@dataclass(frozen=True)
class Version:
    """One version of a subject's schema; `number` counts from 1."""

    subject: str
    number: int
    schema: Json

    @property
    def id(self) -> int:
        """The schema's number among all: made of what it says, so that it is the same wherever it is served."""
        return int.from_bytes(hashlib.sha256(canonical(self.schema).encode()).digest()[:4]) >> 1 or 1


Published = dict[str, list[Version]]


def published(folder: Path = FOLDER) -> Published:
    """All versions by subject, the first first."""
    found: Published = {}
    for path in sorted(folder.glob("*/*.json"), key=lambda path: (path.parent.name, int(path.stem))):
        version = Version(path.parent.name, int(path.stem), json.loads(path.read_text()))
        found.setdefault(version.subject, []).append(version)
    return found


def level(subject: str) -> str:
    """What a new version of a subject must not break (docs/decisions/0008)."""
    return "BACKWARD_TRANSITIVE" if subject in ("submission-line", *KINDS) else "FULL_TRANSITIVE"


def breaks(versions: list[Version], schema: Json) -> list[Change]:
    """What a schema would break as the next version, of all that were published before it."""
    changes = [change for version in versions for change in breaking(version.schema, schema, level(version.subject))]
    return list(dict.fromkeys(changes))


def following(versions: list[Version], schema: Json) -> bool:
    """Whether a schema says something else than the last version, so that it is to be published as the next."""
    return not versions or meaning(versions[-1].schema) != meaning(schema)


def broken(known: Published, now: Mapping[str, Json]) -> list[str]:
    """A line for each way in which the schemas of now would break those who hold published ones."""
    lines = [f"{subject} is gone: it was published" for subject in sorted(known.keys() - now.keys())]
    for subject, schema in now.items():
        lines += [f"{subject} {change}" for change in breaks(known.get(subject, []), schema)]
    return lines
