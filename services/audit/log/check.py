"""Holding Kafka, what was recorded, the tiles and the checkpoint against each other: where one says something else.

The checkpoint is signed, so whatever leads to its root is right: the hashes that were recorded or, where those do not,
the entries in the tiles. Pure: whoever calls brings all four.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

from audit.fold import Message
from audit.log.note import Checkpoint, NotSigned, Verifier, checkpoint
from audit.log.tiles import Read, Tile, entries, grow, nodes, tile_of, tiles_of
from audit.log.tree import root
from audit.recorder_read import read
from schemas.envelope import Json


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
        return None, [Part(Parted.CHECKPOINT, "the checkpoint that was kept", detail=str(error))]
    if note != signed:
        return head, [
            Part(Parted.CHECKPOINT, "checkpoint", detail="the one that is served is not the last that was signed")
        ]
    return head, []


def check_log(head: Checkpoint, recorded: Sequence[bytes | None], tiles: Read) -> tuple[list[bytes], list[Part]]:
    """The log's entries, and where recorded hashes (None: missing) or tiles part from them.

    `recorded` are those of the leaves below the head's size.
    """
    served, unread = _served(head.size, tiles)
    for candidate in (recorded, served):
        whole = [entry for entry in candidate if entry is not None]
        if len(whole) == head.size and _root(head.size, expected := _grown(whole)) == head.root:
            return whole, unread + _other_tiles(head.size, expected, tiles, {part.place for part in unread})
    detail = "neither what is recorded nor the tiles lead to the root that was signed"
    parts = [Part(Parted.FORK, f"leaf {_first_other(recorded, served)}", detail=detail)]
    return [entry or b"" for entry in served], unread + parts


def check_recorded(entries: Sequence[bytes], documents: Iterable[Json]) -> list[Part]:
    """Each recorded document, in the order of leaves, held against its own event and the log's entry."""
    parts: list[Part] = []
    expected = 0
    for document in documents:
        leaf, ref = document["leaf"], str(document.get("contradicts", document["_id"]))
        if not isinstance(leaf, int) or leaf < expected:
            parts.append(Part(Parted.RECORDED, f"leaf {leaf}", ref, "its leaf is not a number of its own"))
            continue
        parts += [Part(Parted.LEAF_MISSING, f"leaf {missing}") for missing in range(expected, leaf)]
        expected = leaf + 1
        if what := _other(document, entries[leaf] if leaf < len(entries) else None):
            parts.append(Part(Parted.RECORDED, f"leaf {leaf}", ref, what))
    return parts + [Part(Parted.LEAF_MISSING, f"leaf {missing}") for missing in range(expected, len(entries))]


def _other(document: Json, entry: bytes | None) -> str | None:
    """What of a document is not as its event has it; None where all is."""
    at = place(str(document["position"]))
    if at is None:
        return "position"
    message = Message(*at, None, bytes(document["event"]))
    made = read(message, str(document["service"])).leaf
    if made is None:
        return "event"
    if "contradicts" in document:
        made |= {"_id": f"{made['_id']}#{made['hash'].hex()}", "contradicts": made["_id"]}
    made["leaf"] = document["leaf"]
    # MongoDB keeps milliseconds.
    made["time"] = made["time"].replace(microsecond=made["time"].microsecond // 1000 * 1000)
    for name in made.keys() | document.keys():
        there = document.get(name)
        if (bytes(there) if isinstance(there, bytes) else there) != made.get(name):
            return name
    return None if entry is None or entry == made["hash"] else "hash"


class KafkaCheck:
    """Histories held against what was recorded: `take` each batch in order, then ask `end`.

    `lookup` gives recorded documents by their ids; `odd` are positions that the recorder noted; `relaid` topics that
    were made anew since, where positions say nothing.
    """

    def __init__(
        self,
        size: int,
        lookup: Callable[[Sequence[str]], Mapping[str, Json]],
        odd: AbstractSet[str],
        relaid: AbstractSet[str] = frozenset(),
    ) -> None:
        self._lookup, self._odd, self._relaid = lookup, odd, relaid
        self._seen = bytearray(size)
        self.parts: list[Part] = []

    def take(self, batch: Sequence[tuple[str, Message]]) -> None:
        readings = [(message, read(message, service).leaf) for service, message in batch]
        ids = [leaf["_id"] for _, leaf in readings if leaf]
        known = self._lookup([*ids, *(f"{leaf['_id']}#{leaf['hash'].hex()}" for _, leaf in readings if leaf)])
        for message, leaf in readings:
            if leaf is None:
                if message.position not in self._odd:
                    self.parts.append(Part(Parted.KAFKA_ADDED, message.position, detail="it is no event"))
                continue
            ref = leaf["_id"]
            document = known.get(f"{ref}#{leaf['hash'].hex()}") or known.get(ref)
            if document is None:
                self.parts.append(Part(Parted.KAFKA_ADDED, message.position, ref))
            else:
                self._held(message, leaf, document)

    def _held(self, message: Message, leaf: Json, document: Json) -> None:
        ref, here, there = leaf["_id"], message.position, document["position"]
        other_key = message.key != leaf["stream"].encode() and here not in self._odd
        if bytes(document["event"]) != leaf["event"] or other_key:
            self.parts.append(Part(Parted.KAFKA_CHANGED, here, ref))
        if here == there or message.topic in self._relaid:
            self._seen[document["leaf"] : document["leaf"] + 1] = b"\x01"
        elif _before(here, there):
            self.parts.append(Part(Parted.KAFKA_ADDED, here, ref, f"it was recorded at {there}"))

    def end(self, documents: Callable[[Sequence[int]], Iterable[Json]]) -> list[Part]:
        """All that was found; `documents` gives recorded documents by their leaves."""
        missing = [leaf for leaf, seen in enumerate(self._seen) if not seen]
        gone = [
            Part(Parted.KAFKA_MISSING, each["position"], each.get("contradicts", each["_id"]))
            for each in documents(missing)
        ]
        return self.parts + gone


def _before(here: str, there: str) -> bool:
    """Whether a position is not simply a later one of the same partition, where the relay's repeats lie."""
    one, other = place(here), place(there)
    return one is None or other is None or one[:2] != other[:2] or one[2] < other[2]


def place(position: str) -> tuple[str, int, int] | None:
    """Topic, partition and offset; None where it is no position, written as one is."""
    match = re.fullmatch(r"(.+):(0|[1-9][0-9]*):(0|[1-9][0-9]*)", position, re.ASCII)
    return (match[1], int(match[2]), int(match[3])) if match else None


def _served(size: int, tiles: Read) -> tuple[list[bytes | None], list[Part]]:
    found: list[bytes | None] = []
    parts: list[Part] = []
    for position in range(0, size, 256):
        tile = tile_of(None, position, size)
        try:
            held: list[bytes] = entries(tiles(tile))
        except (LookupError, ValueError) as error:
            held = []
            parts.append(Part(Parted.TILE, tile.path, detail=str(error)))
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
                parts.append(Part(Parted.TILE, tile.path, detail="it holds something else"))
        except (LookupError, ValueError) as error:
            parts.append(Part(Parted.TILE, tile.path, detail=f"it is missing or damaged: {error}"))
    return parts


def _first_other(one: Sequence[bytes | None], other: Sequence[bytes | None]) -> int:
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b or a is None), min(len(one), len(other)))
