"""Holding Kafka, what was recorded, the tiles and the checkpoint against each other: where one says something else.

The checkpoint is signed, so whatever leads to its root is right: the hashes that were recorded or, where those do not,
the entries in the tiles. Pure: whoever calls brings all four.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import orjson

from audit.clocks import latest_of
from audit.fold import Message
from audit.log.note import Checkpoint, NotSigned, Verifier, checkpoint
from audit.log.tiles import Read, Tile, entries, grow, nodes, tile_of, tiles_of
from audit.log.tree import root
from audit.recorder_read import altered, filled, place, predecessor, read
from schemas.canonical import event_hash
from schemas.envelope import Json
from web.languages import _

#: A place: the checkpoint in MongoDB, which was kept before it was shown.
KEPT = "the checkpoint that was kept"


class Parted(StrEnum):
    """Where the four can part."""

    CHECKPOINT = "checkpoint"  # not signed by the log's key, or another than was signed
    FORK = "fork"  # neither what is recorded nor the tiles lead to the checkpoint
    TILE = "tile"  # a tile is missing, or holds something else
    LEAF_MISSING = "leaf-missing"  # a recorded event is gone
    RECORDED = "recorded"  # a recorded event says something else
    KAFKA_CHANGED = "kafka-changed"  # the message of a recorded event says something else
    KAFKA_MISSING = "kafka-missing"  # the message of a recorded event is gone, or is elsewhere
    KAFKA_ADDED = "kafka-added"  # a message that was never recorded


@dataclass(frozen=True)
class Part:
    """One place where they part: `place` is a tile's path, `leaf N`, or `topic:partition:offset`; `ref` the event's."""

    kind: Parted
    place: str
    ref: str | None = None
    detail: str = ""


def head_of(note: str | None, signed: str | None, key: Verifier) -> tuple[Checkpoint | None, list[Part]]:
    """The head to hold all else against: of the checkpoint that was signed last, and kept, and of the one shown."""
    if note is None and signed is None:
        return None, []
    try:
        head = checkpoint(signed or "", key)
    except NotSigned as error:
        return None, [Part(Parted.CHECKPOINT, KEPT, detail=str(error))]
    if note != signed:
        return head, [
            Part(Parted.CHECKPOINT, "checkpoint", detail=_("the one that is served is not the last that was signed"))
        ]
    return head, []


def hashes_of(size: int, documents: Iterable[Json]) -> list[bytes | None]:
    """The recorded hashes of the leaves below a size, None where there is none."""
    hashes: list[bytes | None] = [None] * size
    for record in (filled(each, ("leaf", "hash")) for each in documents):
        if 0 <= record["leaf"] < size:
            hashes[record["leaf"]] = bytes(record["hash"]) or None
    return hashes


def check_log(head: Checkpoint, recorded: Sequence[bytes | None], tiles: Read) -> tuple[list[bytes], list[Part]]:
    """The log's entries, and where recorded hashes (None: missing) or tiles part from them.

    `recorded` are those of the leaves below the head's size.
    """
    served, unread = _served(head.size, tiles)
    for candidate in (recorded, served):
        whole = [entry for entry in candidate if entry is not None]
        if len(whole) == head.size and _root(head.size, expected := _grown(whole)) == head.root:
            return whole, unread + _other_tiles(head.size, expected, tiles, {part.place for part in unread})
    detail = _("neither what is recorded nor the tiles lead to the root that was signed")
    parts = [Part(Parted.FORK, f"leaf {_first_other(recorded, served)}", detail=detail)]
    return [entry or b"" for entry in served], unread + parts


def check_recorded(entries: Sequence[bytes], documents: Iterable[Json]) -> list[Part]:
    """Each recorded document, in the order of leaves, held against its own event and the log's entry."""
    parts: list[Part] = []
    expected = 0
    latest = _Latest()
    for document in documents:
        leaf, ref = document.get("leaf"), str(document.get("contradicts", document["_id"]))
        if not isinstance(leaf, int) or leaf < expected:
            parts.append(Part(Parted.RECORDED, f"leaf {leaf}", ref, _("its leaf is not a number of its own")))
            continue
        parts += [Part(Parted.LEAF_MISSING, f"leaf {missing}") for missing in range(expected, leaf)]
        expected = leaf + 1
        if what := _altered(document, entries[leaf] if leaf < len(entries) else None):
            parts.append(Part(Parted.RECORDED, f"leaf {leaf}", ref, what))
        elif latest.is_other(document):
            detail = _("the field “%s” does not follow from the events before it") % "latest"
            parts.append(Part(Parted.RECORDED, f"leaf {leaf}", ref, detail))
    return parts + [Part(Parted.LEAF_MISSING, f"leaf {missing}") for missing in range(expected, len(entries))]


def _altered(document: Json, entry: bytes | None) -> str | None:
    """What of a recorded document is not as it was written; None where all is."""
    match altered(document):
        case None:
            return _("its hash is not the log’s") if entry is not None and entry != document["hash"] else None
        case "event":
            return _("what the event says does not give its hash")
        case name:
            return _("the field “%s” is not as its event has it") % name


class _Latest:
    """Holds the field `latest` of each record against the events before it in its stream; the recorder goes by it.

    It is asked of records that are else as they were written, in the order of leaves.
    """

    def __init__(self) -> None:
        self._known: dict[str, datetime | None] = {}
        self._kept = False  # records of before there was the field lack it, and no later one does

    def is_other(self, document: Json) -> bool:
        there, ref = document.get("latest"), document["_id"]
        if "contradicts" in document:
            return "latest" in document
        if "latest" not in document and not self._kept:
            self._known[ref] = document["time"]  # as the recorder takes it
            return False
        self._kept = True
        before = predecessor(ref, document["sequence"])
        if document["sequence"] > 1 and before not in self._known:
            # It is gone or was altered, which is said; or it came later, and the recorder did not know it.
            right = "latest" in document and isinstance(there, datetime | None)
            self._known[ref] = there if isinstance(there, datetime) else None
            return not right
        expected = latest_of(self._known.pop(before, None), document["time"], document["actor"] or "")
        self._known[ref] = expected
        return "latest" not in document or there != expected


class KafkaCheck:
    """Histories held against the log: `take` each batch in order, then ask `end`.

    What the log has is what happened: `entries` are those that lead to its checkpoint. Of events that are not in it
    yet, what was recorded is asked; of none, where their message was recorded. `lookup` gives recorded documents by
    their ids; `odd` are positions that the recorder noted; `relaid` topics that were made anew since, where positions
    say nothing.
    """

    def __init__(
        self,
        size: int,
        entries: Sequence[bytes],
        lookup: Callable[[Sequence[str]], Mapping[str, Json]],
        odd: AbstractSet[str],
        relaid: AbstractSet[str] = frozenset(),
    ) -> None:
        self._lookup, self._odd, self._relaid = lookup, odd, relaid
        self._size = len(entries)
        self._leaves = {entry: leaf for leaf, entry in enumerate(entries)}
        self._seen = bytearray(size)
        self.parts: list[Part] = []

    def take(self, batch: Sequence[tuple[str, Message]]) -> None:
        readings = [(message, read(message, service).leaf) for service, message in batch]
        ids = [leaf["_id"] for _, leaf in readings if leaf]
        known = self._lookup([*ids, *(f"{leaf['_id']}#{leaf['hash'].hex()}" for _, leaf in readings if leaf)])
        for message, leaf in readings:
            if leaf is None:
                if message.position not in self._odd:
                    self.parts.append(Part(Parted.KAFKA_ADDED, message.position, detail=_("it is no event")))
                continue
            ref = leaf["_id"]
            document = known.get(f"{ref}#{leaf['hash'].hex()}") or known.get(ref)
            if document is not None:
                self._held(message, leaf, filled(document, ("leaf", "position", "event")))
            elif leaf["hash"] in self._leaves:
                self._see(self._leaves[leaf["hash"]])  # the message is right: its record is gone, which is said
            else:
                self.parts.append(Part(Parted.KAFKA_ADDED, message.position, ref))

    def _held(self, message: Message, leaf: Json, document: Json) -> None:
        ref, here, there = leaf["_id"], message.position, document["position"]
        other_key = message.key != leaf["stream"].encode() and here not in self._odd
        what = _("its key is not its stream’s name") if other_key else self._other(leaf, document)
        if what is not None:
            self.parts.append(Part(Parted.KAFKA_CHANGED, here, ref, what))
        if here == there or message.topic in self._relaid or place(there) is None:  # the last is its record's fault
            self._see(document["leaf"])
        elif _before(here, there):
            detail = _("it was recorded at %s") % there
            self.parts.append(Part(Parted.KAFKA_ADDED, here, ref, detail))

    def _other(self, leaf: Json, document: Json) -> str | None:
        """In what a message is not the event that was recorded; None where it is, whatever became of the record."""
        recorded = bytes(document["event"])
        if leaf["hash"] not in self._leaves:
            right = document["leaf"] >= self._size and recorded == leaf["event"]
            return None if right else _("the event says something else")
        if recorded == leaf["event"] or _hash(recorded) != leaf["hash"]:
            return None
        return _("the same event, in other bytes than were recorded")

    def _see(self, leaf: int) -> None:
        if 0 <= leaf < len(self._seen):
            self._seen[leaf] = 1

    def end(self, documents: Callable[[Sequence[int]], Iterable[Json]]) -> list[Part]:
        """All that was found; `documents` gives recorded documents by their leaves."""
        missing = [leaf for leaf, seen in enumerate(self._seen) if not seen]
        gone = [
            Part(Parted.KAFKA_MISSING, filled(each, ["position"])["position"], each.get("contradicts", each["_id"]))
            for each in documents(missing)
        ]
        return self.parts + gone


def _hash(raw: bytes) -> bytes | None:
    try:
        return event_hash(raw, orjson.loads(raw))[0]
    except orjson.JSONDecodeError:
        return None


def _before(here: str, there: str) -> bool:
    """Whether a position is not simply a later one of the same partition, where the relay's repeats lie."""
    one, other = place(here), place(there)
    return one is None or other is None or one[:2] != other[:2] or one[2] < other[2]


def _served(size: int, tiles: Read) -> tuple[list[bytes | None], list[Part]]:
    found: list[bytes | None] = []
    parts: list[Part] = []
    for position in range(0, size, 256):
        tile = tile_of(None, position, size)
        try:
            held: list[bytes] = entries(tiles(tile))
        except (LookupError, ValueError):
            held = []
            parts.append(Part(Parted.TILE, tile.path, detail=_("it is missing or damaged")))
        found += [*held, *[None] * tile.width][: tile.width]
    return found, parts


def _grown(whole: Sequence[bytes]) -> dict[Tile, bytes]:
    return dict(grow(0, whole, lambda tile: b""))


def _root(size: int, grown: Mapping[Tile, bytes]) -> bytes:
    return root(size, nodes(size, grown.__getitem__))


def _other_tiles(size: int, expected: Mapping[Tile, bytes], tiles: Read, told: AbstractSet[str]) -> list[Part]:
    parts: list[Part] = []
    for tile in tiles_of(size):
        try:
            if tile.path not in told and tiles(tile) != expected[tile]:
                parts.append(Part(Parted.TILE, tile.path, detail=_("it holds something else")))
        except (LookupError, ValueError):
            parts.append(Part(Parted.TILE, tile.path, detail=_("it is missing or damaged")))
    return parts


def _first_other(one: Sequence[bytes | None], other: Sequence[bytes | None]) -> int:
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b or a is None), min(len(one), len(other)))
