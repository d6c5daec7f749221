"""Collecting an evidence bundle from what the recorder recorded and the log's tiles."""

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from pymongo.collection import Collection
from pymongo.database import Database

from audit.bundle import Bundle, Item, write
from audit.log.folder import Folder
from audit.log.note import COSIGNATURE, Verifier, checkpoint, signed_by
from audit.log.proof import Proof
from audit.log.store import LogStore
from audit.log.tiles import nodes
from audit.log.tree import inclusion_proof
from audit.log.witness import witnesses
from runtime.settings import Settings
from schemas.envelope import Json, timestamp


class NothingThere(Exception):
    """There is nothing to export; `reason` is no-events, no-checkpoint or no-log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def export(settings: Settings, database: Database[Json], what: Mapping[str, str], out: Path) -> Bundle:
    """Write the bundle of {"stream": id}, {"release": month} or {"month": month}; it appears whole or not at all.

    Raises NothingThere, LookupError where a tile is missing, NotSigned where the log's key is another, OSError.
    """
    bundle = collect(settings, database, what)
    part = out.with_name(f".{out.name}.part")
    try:
        with part.open("wb") as file:
            write(file, bundle.files())
            file.flush()
            os.fsync(file.fileno())
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return bundle


def collect(settings: Settings, database: Database[Json], what: Mapping[str, str]) -> Bundle:
    """What the bundle holds: under the first checkpoint that covers it all or, where there are timestamps, the first
    of those that has one."""
    folder, store = Folder(settings.log_folder), LogStore(database)
    known = folder.verifiers()
    if not known:
        raise NothingThere("no-log")
    events = sorted(_events(database["recorded"], what), key=lambda each: int(each["leaf"]))
    if not events:
        raise NothingThere("no-events")
    covering = store.stamped_covering(events[-1]["leaf"]) or store.covering(events[-1]["leaf"])
    if covering is None:
        raise NothingThere("no-checkpoint")
    note = covering["note"]
    head = checkpoint(note, *known)
    node = nodes(head.size, folder.read)
    items = [
        Item(
            leaf=each["leaf"],
            ref=str(each.get("contradicts", each["_id"])),
            type=each["type"],
            time=_said_time(each),
            actor=each["actor"] or "",
            event=bytes(each["event"]),
            proof=Proof(each["leaf"], tuple(inclusion_proof(each["leaf"], head.size, node)), note).text(),
        )
        for each in events
    ]
    cosigners = _cosigners(settings, note)
    made, keys = timestamp(datetime.now(UTC)), signed_by(note, known)
    return Bundle(dict(what), made, keys, note, items, cosigners, covering["stamp"])


def _said_time(event: Json) -> str:
    """The time as the event itself writes it."""
    return str(orjson.loads(event["event"])["time"])


def _cosigners(settings: Settings, note: str) -> tuple[Verifier, ...]:
    known = [each.key for each in witnesses(settings.log_witnesses) if each.key.kind == COSIGNATURE]
    return tuple(signed_by(note, known))


def _events(recorded: Collection[Json], what: Mapping[str, str]) -> Iterable[Json]:
    match dict(what):
        case {"stream": stream}:
            return recorded.find({"stream": stream})
        case {"month": month}:
            begin, end = _month(month)
            return recorded.find({"time": {"$gte": begin, "$lt": end}})
        case {"release": month}:
            return _of_release(recorded, month)
        case _:
            raise ValueError(f"{what} is not what is exported")


def _of_release(recorded: Collection[Json], month: str) -> Iterable[Json]:
    """The release's own stream, and all that is of one story with an entry that it added."""
    own = list(recorded.find({"stream": month, "service": "publishing"}))
    entries = {entry for event in own if (entry := _added(event))}
    stories: set[Any] = {
        event["correlation"]
        for event in recorded.find({"stream": {"$in": list(entries)}}, {"correlation": 1})
        if event["correlation"]
    }
    found = {event["_id"]: event for event in own}
    for event in recorded.find({"$or": [{"correlation": {"$in": list(stories)}}, {"stream": {"$in": list(entries)}}]}):
        found[event["_id"]] = event
    return found.values()


def _added(event: Json) -> str | None:
    if not event["type"].startswith("release.entry-added."):
        return None
    entry = orjson.loads(event["event"])["data"].get("line", {}).get("entry")
    return entry if isinstance(entry, str) else None


def _month(month: str) -> tuple[datetime, datetime]:
    begin = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    return begin, begin.replace(year=begin.year + begin.month // 12, month=begin.month % 12 + 1)
