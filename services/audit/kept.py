"""What a replay has found so far, in a folder of the user's cache, so that one that was cut off can go on.

A unit that is through is a file. The folder is named by all that its findings depend on: the servers, what the replay
is confined to, and the code that folds; so nothing is ever taken over from another. Live values stand in it as in a
verdict: without personal data. The folder goes when the verdict is there.
"""

import hashlib
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

import orjson

from audit.effects import links_from_json, links_to_json
from audit.examine import NOT_YET, Difference, Kind
from audit.units import Found, Unit
from runtime.settings import Settings
from schemas.envelope import Json


class Kept:
    """The findings of one replay, by unit."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def forget(self) -> None:
        """Delete what is kept."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def get(self, unit: Unit) -> Found | None:
        """What was found in a unit, if it was through."""
        try:
            return _found(orjson.loads((self._folder / f"{unit.name}.json").read_bytes()))
        except (OSError, orjson.JSONDecodeError):
            return None

    def keep(self, unit: Unit, found: Found) -> None:
        """Keep what was found, unless a second look may find otherwise: what the relay had not sent may have come."""
        if any(difference.kind in NOT_YET for difference in found.differences):
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._folder / f"{unit.name}.json"
        beside = file.with_suffix(".new")
        beside.write_bytes(orjson.dumps(_json(found)))
        beside.rename(file)


def kept(settings: Settings, *confined: str | None) -> Kept:
    """The folder of a replay that is confined so: `$XDG_CACHE_HOME/shuangqian/replay/<hash>`."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    named = (settings.kafka_bootstrap, settings.mongo_url, settings.topic_prefix, settings.database_prefix)
    depends = repr((*named, *confined, _code()))
    return Kept(cache / "shuangqian" / "replay" / hashlib.sha256(depends.encode()).hexdigest()[:16])


def _code() -> str:
    """A hash of the code that reads and folds events."""
    hash = hashlib.sha256()
    for name, module in sorted(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if path and (".domain" in name or name.partition(".")[0] in ("schemas", "audit")):
            hash.update(Path(path).read_bytes())
    return hash.hexdigest()


def _json(found: Found) -> Json:
    plain = {each.name: getattr(found, each.name) for each in fields(found)}
    return plain | {
        "differences": [asdict(difference) for difference in found.differences],
        "links": links_to_json(found.links),
    }


def _found(value: Json) -> Found:
    differences: Sequence[Json] = value["differences"]
    return Found(
        **value
        | {
            "differences": [Difference(**each | {"kind": Kind(each["kind"])}) for each in differences],
            "links": links_from_json(value["links"]),
        }
    )
