"""A small world as it should be, for tamperings: what Kafka, MongoDB and the log's folder hold; what is said of it."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from audit.fold import Message
from audit.log.check import KafkaCheck, check_log, check_recorded, hashes_of, head_of
from audit.log.note import Checkpoint, Signer
from audit.log.tiles import Tile, grow, nodes
from audit.log.tree import root
from audit.recorder_read import predecessor, read
from audit.recorder_store import after
from schemas.envelope import Json
from tests.audit.histories import document, event

KEY = Signer("log.example/log", bytes(range(32)))
STREAMS, EVENTS, PARTITIONS = 90, 3, 3
TOPIC = "submissions.events"


@dataclass
class Scene:
    """A whole, small world: what Kafka, MongoDB and the log's folder hold, all of it as it should be."""

    messages: list[Message]
    recorded: list[Json]
    tiles: dict[str, bytes]
    note: str
    signed: str
    live: dict[str, Json]


def scene(salt: str = "") -> Scene:
    """STREAMS streams of EVENTS events on PARTITIONS partitions, recorded in one order; `salt` makes it another."""
    messages: list[Message] = []
    recorded: list[Json] = []
    ends = [0] * PARTITIONS
    for sequence in range(1, EVENTS + 1):
        for stream in range(STREAMS):
            made, partition = event(f"s{stream}", sequence, f"{salt}{sequence}"), stream % PARTITIONS
            raw = orjson.dumps(made)
            messages.append(Message(TOPIC, partition, ends[partition], made["subject"].encode(), raw))
            ends[partition] += 1
    known: dict[str, Json] = {}
    for message in messages:
        leaf = read(message, "submissions").leaf
        assert leaf is not None
        leaf["time"] = leaf["time"].replace(microsecond=leaf["time"].microsecond // 1000 * 1000)
        after(leaf, known.get(predecessor(leaf["_id"], leaf["sequence"])))
        known[leaf["_id"]] = leaf
        recorded.append(leaf | {"leaf": len(recorded)})
    tiles = {tile.path: data for tile, data in grow(0, [each["hash"] for each in recorded], lambda _: b"")}
    head = Checkpoint(KEY.name, len(recorded), root(len(recorded), nodes(len(recorded), reading(tiles))))
    note = f"{head.text()}\n{KEY.sign(head.text())}"
    live = {
        f"s{n}": document(f"s{n}", *(event(f"s{n}", k, f"{salt}{k}") for k in range(1, EVENTS + 1)))
        for n in range(STREAMS)
    }
    return Scene(messages, recorded, tiles, note, note, live)


def reading(tiles: dict[str, bytes]) -> Callable[[Tile], bytes]:
    return lambda tile: tiles[tile.path]


def found(scene: Scene) -> list[str]:
    """The places at which the check of the whole log says that something is wrong."""
    head, parts = head_of(scene.note, scene.signed, KEY.verifier)
    documents = sorted(scene.recorded, key=lambda each: int(each["leaf"]))
    entries: list[bytes] = []
    if head is not None:
        entries, more = check_log(head, hashes_of(head.size, documents), reading(scene.tiles))
        parts += more + check_recorded(entries, documents)
    by_id = {each["_id"]: each for each in documents}
    by_leaf = {each["leaf"]: each for each in documents}
    size = max(by_leaf, default=-1) + 1
    kafka = KafkaCheck(size, entries, lambda ids: {id: by_id[id] for id in ids if id in by_id}, set())
    kafka.take([("submissions", message) for message in scene.messages])
    parts += kafka.end(lambda leaves: [by_leaf[leaf] for leaf in leaves if leaf in by_leaf])
    return [part.place for part in parts] + [part.ref for part in parts if part.ref]


@dataclass
class Tampering:
    """What was done, the places that may be named for it, and those that were. It is found if one of each set of
    `wanted` is named, and rightly if nothing else is."""

    where: str
    act: str
    wanted: list[set[str]]
    told: list[str]

    @property
    def detected(self) -> bool:
        return bool(self.told)

    @property
    def rightly(self) -> bool:
        named = set(self.told)
        return all(each & named for each in self.wanted) and named <= set().union(*self.wanted)


def flipped(raw: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(raw))
    return raw[:at] + bytes([raw[at] ^ 1 << dice.randrange(8)]) + raw[at + 1 :]


def other(value: Any, dice: random.Random) -> Any:
    """Another value of the same kind."""
    match value:
        case bytes():
            return flipped(value, dice)
        case str() if value:
            at = dice.randrange(len(value))
            return value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]
        case int():
            return value + dice.choice((-1, 1, 7))
        case None | "":
            return "x"
        case list():
            return [*value, "x"]
        case datetime():
            return value + timedelta(milliseconds=dice.choice((-1, 1)))
        case _:
            raise TypeError(f"{value!r} is not what is flipped")
