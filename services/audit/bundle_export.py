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
from audit.bundle_what import added, within
from audit.log.folder import Folder
from audit.log.note import COSIGNATURE, Checkpoint, Verifier, checkpoint, signed_by
from audit.log.proof import Proof
from audit.log.store import LogStore
from audit.log.tiles import nodes
from audit.log.tree import Node, Wrong, inclusion_proof, leaf_hash, verify_inclusion
from audit.log.witness import witnesses
from audit.recorder_read import altered
from runtime.settings import Settings
from schemas.canonical import NoForm, canonical
from schemas.envelope import Json, timestamp


class Altered(Exception):
    """What was recorded of an event is not what the log has: its `leaf` and `ref`."""

    def __init__(self, leaf: int, ref: str) -> None:
        super().__init__(f"leaf {leaf}, {ref}")
        self.leaf, self.ref = leaf, ref


class NothingThere(Exception):
    """There is nothing to export; `reason` is no-events, no-checkpoint or no-log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def export(settings: Settings, database: Database[Json], what: Mapping[str, str], out: Path) -> Bundle:
    """Write the bundle of {"stream": id}, {"release": month} or {"month": month}; it appears whole or not at all.

    Raises NothingThere, Altered, LookupError where a tile is missing, NotSigned where the log's key is another,
    OSError.
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
    items = [_item(each, head, node, note) for each in events]
    cosigners = _cosigners(settings, note)
    made, keys = timestamp(datetime.now(UTC)), signed_by(note, known)
    return Bundle(dict(what), made, keys, note, items, cosigners, covering["stamp"])


def _item(document: Json, head: Checkpoint, node: Node, note: str) -> Item:
    """An event with its proof, which is tried: nobody is given evidence that does not hold."""
    leaf, raw = document["leaf"], bytes(document["event"])
    path = tuple(inclusion_proof(leaf, head.size, node))
    value = _value(document)
    try:
        verify_inclusion(leaf, head.size, leaf_hash(bytes(document["hash"])), path, head.root)
    except Wrong as wrong:
        raise Altered(leaf, _ref(document)) from wrong
    return Item.of(leaf, value, _hashed(raw, value), Proof(leaf, path, note).text())


def _value(document: Json) -> Json:
    """What a recorded event says, if its record is as it was written. Raises Altered."""
    if altered(document):
        raise Altered(document["leaf"], _ref(document))
    value: Json = orjson.loads(document["event"])
    return value


def _ref(document: Json) -> str:
    return str(document.get("contradicts", document["_id"]))


def _hashed(raw: bytes, value: Json) -> bytes:
    """The bytes of an event that were hashed: its RFC 8785 form; where it has none, those that came."""
    try:
        return canonical(value)
    except NoForm:
        return raw


def _cosigners(settings: Settings, note: str) -> tuple[Verifier, ...]:
    known = [each.key for each in witnesses(settings.log_witnesses) if each.key.kind == COSIGNATURE]
    return tuple(signed_by(note, known))


def _events(recorded: Collection[Json], what: Mapping[str, str]) -> Iterable[Json]:
    match dict(what):
        case {"stream": stream}:
            return recorded.find({"stream": stream})
        case {"month": month}:
            begin, end = within(month)
            return recorded.find({"time": {"$gte": begin, "$lt": end}})
        case {"release": month}:
            return _of_release(recorded, month)
        case _:
            raise ValueError(f"{what} is not what is exported")


def _of_release(recorded: Collection[Json], month: str) -> Iterable[Json]:
    """The release's own stream, and all that is of one story with an entry that it added."""
    own = list(recorded.find({"stream": month, "service": "publishing"}))
    entries = {entry for event in own if (entry := added(_value(event)))}
    stories: set[Any] = {
        event["correlation"]
        for event in recorded.find({"stream": {"$in": list(entries)}}, {"correlation": 1})
        if event["correlation"]
    }
    found = {event["_id"]: event for event in own}
    for event in recorded.find({"$or": [{"correlation": {"$in": list(stories)}}, {"stream": {"$in": list(entries)}}]}):
        found[event["_id"]] = event
    return found.values()
