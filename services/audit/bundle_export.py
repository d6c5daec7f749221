"""Collecting an evidence bundle from what the recorder recorded and the log's tiles."""

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson
from pymongo.collection import Collection
from pymongo.database import Database

from audit.bundle import Bundle, Item, write
from audit.bundle_read import Found
from audit.bundle_verify import verify
from audit.bundle_what import added, within
from audit.log.folder import Folder
from audit.log.note import COSIGNATURE, Checkpoint, Verifier, checkpoint, only, signed_by
from audit.log.proof import Proof
from audit.log.store import LogStore
from audit.log.tiles import nodes
from audit.log.tree import Node, Wrong, inclusion_proof, leaf_hash, verify_inclusion
from audit.log.witness import witnesses
from audit.recorder_read import altered, filled
from runtime.settings import Settings
from schemas.canonical import NoForm, canonical
from schemas.envelope import Json, timestamp


class Altered(Exception):
    """What was recorded of an event is not what the log has: its `leaf` and `ref`."""

    def __init__(self, leaf: int, ref: str) -> None:
        super().__init__(f"leaf {leaf}, {ref}")
        self.leaf, self.ref = leaf, ref


class TilesDoNotLead(Exception):
    """The log's tiles do not lead from a leaf to the checkpoint, whatever was recorded: one is not what was signed."""

    def __init__(self, leaf: int) -> None:
        super().__init__(f"leaf {leaf}")
        self.leaf = leaf


class DoesNotHold(Exception):
    """What is recorded makes no bundle that holds: its first fault is `found`."""

    def __init__(self, found: Found) -> None:
        super().__init__(str(found))
        self.found = found


class NothingThere(Exception):
    """There is nothing to export; `reason` is no-events, no-checkpoint or no-log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def export(settings: Settings, database: Database[Json], what: Mapping[str, str], out: Path) -> Bundle:
    """Write the bundle of {"stream": id}, {"release": month} or {"month": month}; it appears verified or not at all.

    Raises NothingThere, Altered, TilesDoNotLead, DoesNotHold, LookupError where a tile is missing, NotSigned where the
    log's key is another, OSError.
    """
    bundle = collect(settings, database, what)
    part = out.with_name(f".{out.name}.part")
    try:
        with part.open("wb") as file:
            write(file, bundle.files())
            file.flush()
            os.fsync(file.fileno())
        # What was never recorded, or is no longer found, shows only here: an event is missing between others.
        if faults := verify(part, bundle.keys).faults:
            raise DoesNotHold(faults[0])
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
    events = sorted(map(_unaltered, _events(database["recorded"], what)), key=lambda each: int(each["leaf"]))
    if not events:
        raise NothingThere("no-events")
    covering = store.stamped_covering(events[-1]["leaf"]) or store.covering(events[-1]["leaf"])
    if covering is None:
        raise NothingThere("no-checkpoint")
    note = covering["note"]
    head = checkpoint(note, *known)
    node = nodes(head.size, folder.read)
    keys, cosigners = _signers(note, known), _signers(note, _witnesses(settings))
    # Who else signed, or is said to have, nobody who reads the bundle can tell.
    note = only(note, [*keys, *cosigners])
    items = [_item(each, head, node, note) for each in events]
    made = timestamp(datetime.now(UTC))
    return Bundle(dict(what), made, keys, note, items, cosigners, covering["stamp"])


def _item(document: Json, head: Checkpoint, node: Node, note: str) -> Item:
    """An event with its proof, which is tried: nobody is given evidence that does not hold."""
    leaf, raw = document["leaf"], bytes(document["event"])
    path = tuple(inclusion_proof(leaf, head.size, node))
    value = orjson.loads(raw)
    try:
        verify_inclusion(leaf, head.size, leaf_hash(bytes(document["hash"])), path, head.root)
    except Wrong as wrong:
        raise _parted(document, head, node, path) from wrong
    return Item.of(leaf, value, _hashed(raw, value), Proof(leaf, path, note).text())


def _parted(document: Json, head: Checkpoint, node: Node, path: tuple[bytes, ...]) -> Altered | TilesDoNotLead:
    """Whether it is a record or a tile that does not lead to the checkpoint: the tiles' own leaf is tried."""
    leaf = document["leaf"]
    try:
        verify_inclusion(leaf, head.size, node(0, leaf), path, head.root)
    except Wrong:
        return TilesDoNotLead(leaf)
    return Altered(leaf, _ref(document))


def _unaltered(document: Json) -> Json:
    """A recorded event, if its record is as it was written. Raises Altered."""
    if altered(document):
        raise Altered(filled(document)["leaf"], _ref(document))
    return document


def _ref(document: Json) -> str:
    return str(document.get("contradicts", document["_id"]))


def _hashed(raw: bytes, value: Json) -> bytes:
    """The bytes of an event that were hashed: its RFC 8785 form; where it has none, those that came."""
    try:
        return canonical(value)
    except NoForm:
        return raw


def _witnesses(settings: Settings) -> list[Verifier]:
    return [each.key for each in witnesses(settings.log_witnesses) if each.key.kind == COSIGNATURE]


def _signers(note: str, known: Sequence[Verifier]) -> list[Verifier]:
    """Those of the known keys that signed, each once: a witness that is asked again cosigns again."""
    return list(dict.fromkeys(signed_by(note, known)))


def _events(recorded: Collection[Json], what: Mapping[str, str]) -> Iterable[Json]:
    match dict(what):
        case {"stream": stream}:
            return recorded.find({"stream": stream})
        case {"month": month}:
            begin, end = within(month)
            return _with_those_between(recorded, list(recorded.find({"time": {"$gte": begin, "$lt": end}})))
        case {"release": month}:
            return _of_release(recorded, month)
        case _:
            raise ValueError(f"{what} is not what is exported")


def _with_those_between(recorded: Collection[Json], found: list[Json]) -> Iterable[Json]:
    """The same, and what stands between them in their streams: agents date an event by what they react to, so it may be
    dated before the one it follows."""
    streams: dict[tuple[str, str], set[int]] = {}
    for event in (filled(each, ("service", "stream", "sequence")) for each in found):
        streams.setdefault((event["service"], event["stream"]), set()).add(event["sequence"])
    more = [
        event
        for (service, stream), sequences in streams.items()
        if len(sequences) <= max(sequences) - min(sequences)
        for event in recorded.find(
            {"service": service, "stream": stream, "sequence": {"$gt": min(sequences), "$lt": max(sequences)}}
        )
    ]
    return {event["_id"]: event for event in (*found, *more)}.values()


def _of_release(recorded: Collection[Json], month: str) -> Iterable[Json]:
    """The release's own stream, and all that is of one story with an entry that it added."""
    own = list(recorded.find({"stream": month, "service": "publishing"}))
    entries = {entry for event in own if (entry := added(orjson.loads(_unaltered(event)["event"])))}
    known = recorded.find({"stream": {"$in": list(entries)}}, {"correlation": 1})
    stories = {story for each in known if (story := filled(each, ["correlation"])["correlation"])}
    found = {event["_id"]: event for event in own}
    for event in recorded.find({"$or": [{"correlation": {"$in": list(stories)}}, {"stream": {"$in": list(entries)}}]}):
        found[event["_id"]] = event
    return found.values()
