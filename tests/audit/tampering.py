"""Tamperings made by a seeded program, each held against what is said of it: that something is wrong, and where.

`python -m tests.audit.tampering 10000 [SEED]` makes so many. A tampering is one of six acts (flip, drop, insert, swap,
truncate, fork) in one of five places: messages on Kafka, recorded events, live streams, tiles with their checkpoint,
evidence bundles. Acts that change nothing (a swap of two equal things) are drawn again; of files that no reader of the
log asks for, and of the relay's repeats of whole messages, none are made, since they say nothing else.
"""

import copy
import io
import random
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from audit.bundle import Bundle, Item, write
from audit.bundle_verify import verify
from audit.examine import Sent, examine
from audit.fold import Message
from audit.log.check import KafkaCheck, check_log, check_recorded, head_of
from audit.log.note import Checkpoint, Signer
from audit.log.proof import Proof
from audit.log.tiles import Tile, grow, nodes, parse
from audit.log.tree import inclusion_proof, root
from audit.recorder_read import read
from schemas.envelope import Json
from tests.audit.histories import document, event
from tests.runtime.keyring import KEYRINGS

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
    for message in messages:
        leaf = read(message, "submissions").leaf
        assert leaf is not None
        leaf["time"] = leaf["time"].replace(microsecond=leaf["time"].microsecond // 1000 * 1000)
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
    if head is not None:
        hashes: list[bytes | None] = [None] * head.size
        for each in documents:
            if 0 <= each["leaf"] < head.size:
                hashes[each["leaf"]] = each["hash"]
        entries, more = check_log(head, hashes, reading(scene.tiles))
        parts += more + check_recorded(entries, documents)
    by_id = {each["_id"]: each for each in documents}
    by_leaf = {each["leaf"]: each for each in documents}
    kafka = KafkaCheck(max(by_leaf, default=-1) + 1, lambda ids: {id: by_id[id] for id in ids if id in by_id}, set())
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


def names(message: Message) -> set[str]:
    """What the place of a message may be called: its position, or its event's name."""
    value = orjson.loads(message.value or b"{}")
    return {message.position, f"{value['source']}/{value['id']}"}


def on_kafka(act: str, whole: Scene, fork: Scene, dice: random.Random) -> Tampering:
    messages = [*whole.messages]
    i, j = dice.sample(range(len(messages)), 2)
    one, two = messages[i], messages[j]
    touched = [one]
    last = max(each.offset for each in messages if each.partition == one.partition)
    match act:
        case "flip" if dice.random() < 0.1:
            messages[i] = Message(one.topic, one.partition, one.offset, flipped(one.key or b"?", dice), one.value)
        case "flip":
            messages[i] = Message(one.topic, one.partition, one.offset, one.key, flipped(one.value or b"?", dice))
        case "drop":
            del messages[i]
        case "insert":
            stream, sequence = dice.choice([(f"s{STREAMS + 1}", 1), ("s1", EVENTS + 1), ("s1", 1)])
            forged = orjson.dumps(event(stream, sequence, "forged"))
            touched = [Message(one.topic, one.partition, last + 1, stream.encode(), forged)]
            messages += touched
        case "swap":
            messages[i] = Message(one.topic, one.partition, one.offset, two.key, two.value)
            messages[j] = Message(two.topic, two.partition, two.offset, one.key, one.value)
            touched = [one, two]
        case "truncate" if dice.random() < 0.5:
            value = (one.value or b"")[: dice.randrange(len(one.value or b""))]
            messages[i] = Message(one.topic, one.partition, one.offset, one.key, value)
        case "truncate":
            touched = [each for each in messages if each.partition == one.partition and each.offset >= one.offset]
            messages = [each for each in messages if each not in touched]
        case "fork":
            touched = [each for each in messages if each.partition == one.partition and each.offset >= one.offset]
            changed = {each.position: each for each in fork.messages}
            messages = [changed[each.position] if each in touched else each for each in messages]
    told = found(Scene(messages, whole.recorded, whole.tiles, whole.note, whole.signed, {}))
    wanted = [names(each) for each in touched]
    if act == "flip":  # what a flipped name or key says instead may be named too
        wanted[0] |= {name for each in messages if each.position == one.position for name in _loosely(each)}
    return Tampering("kafka", act, wanted, told)


def _loosely(message: Message) -> set[str]:
    leaf = read(message, "submissions").leaf
    return {leaf["_id"]} if leaf else set()


def in_recorded(act: str, whole: Scene, fork: Scene, dice: random.Random) -> Tampering:
    documents = [{**each} for each in whole.recorded]
    i, j = sorted(dice.sample(range(len(documents)), 2))
    one, two = documents[i], documents[j]
    touched = [one["leaf"]]
    extra: set[str] = set()
    match act:
        case "flip":
            name = dice.choice(sorted(one.keys() - {"leaf"}))
            there = {each["_id"] for each in documents}
            while (changed := other(one[name], dice)) == one[name] or (name == "_id" and changed in there):
                pass  # MongoDB has no two documents of one `_id`
            one[name] = changed
            # What a flipped name or position says instead may be named too.
            extra = {str(one["_id"]), str(one["position"])}
        case "drop":
            del documents[i]
        case "insert":
            forged = read(Message(TOPIC, 0, 10**6, b"x", orjson.dumps(event("x", 1))), "submissions").leaf
            assert forged is not None
            forged["time"] = one["time"]
            documents.append(forged | {"leaf": dice.choice([i, len(documents)])})
            extra = {forged["_id"], forged["position"]}
        case "swap":
            one["leaf"], two["leaf"] = two["leaf"], one["leaf"]
            touched = [i, j]
        case "truncate":
            documents, touched = documents[:i], list(range(i, len(documents)))
        case "fork":
            documents = documents[:i] + [{**each} for each in fork.recorded[i:]]
            touched = list(range(i, len(documents)))
    told = found(Scene(whole.messages, documents, whole.tiles, whole.note, whole.signed, {}))
    wanted = [{f"leaf {n}", whole.recorded[n]["_id"], whole.recorded[n]["position"]} | extra for n in touched]
    return Tampering("recorded", act, wanted, told)


def in_tiles(act: str, whole: Scene, fork: Scene, dice: random.Random) -> Tampering:
    tiles, note = dict(whole.tiles), whole.note
    one, two = dice.sample(sorted(tiles), 2)
    wanted = [{one}]
    match act:
        case "flip" if dice.random() < 0.2:
            note, wanted = flipped(note.encode(), dice).decode(errors="replace"), [{"checkpoint"}]
        case "flip":
            tiles[one] = flipped(tiles[one], dice)
        case "drop":
            del tiles[one]
        case "insert":
            at = dice.randrange(len(tiles[one]) + 1)
            tiles[one] = tiles[one][:at] + dice.randbytes(dice.choice((1, 32, 34))) + tiles[one][at:]
        case "swap":
            tiles[one], tiles[two] = tiles[two], tiles[one]
            wanted = [{one}, {two}]
        case "truncate":
            tiles[one] = tiles[one][: dice.randrange(len(tiles[one]))]
        case "fork" if dice.random() < 0.5:  # the log shows another tree, and signed it too
            tiles, note = dict(fork.tiles), fork.note
            wanted = [{path} for path in tiles] + [{"checkpoint"}]
        case "fork":
            tiles[one] = fork.tiles[one]
    told = found(Scene(whole.messages, whole.recorded, tiles, note, whole.signed, {}))
    assert all(parse(path) for path in whole.tiles)
    return Tampering("tiles", act, wanted, told)


def in_live(act: str, whole: Scene, fork: Scene, dice: random.Random) -> Tampering:
    stream = dice.choice(sorted(whole.live))
    live: Json | None = copy.deepcopy(whole.live[stream])
    assert live is not None
    events = live["events"]
    i, j = sorted(dice.sample(range(EVENTS), 2))
    first = i + 1
    match act:
        case "flip":
            target = dice.choice([events[i], events[i]["data"], live["state"], live])
            name = dice.choice(sorted(target.keys() - {"_id", "events", "state", "data"}))
            if target is live["state"]:
                target[name] = [*target[name][:i], other(target[name][i], dice), *target[name][i + 1 :]]
            else:
                target[name] = other(target[name], dice)
            first = 0 if target is live else first
        case "drop" if dice.random() < 0.2:
            live, first = None, 1
        case "drop":
            del events[i]
        case "insert":
            events.insert(i, event(stream, first, "forged"))
        case "swap":
            events[i], events[j] = events[j], events[i]
        case "truncate":
            del events[i:]
        case "fork":
            events[i:] = fork.live[stream]["events"][i:]
    history = [
        Sent(orjson.loads(each.value or b""), each.position) for each in whole.messages if each.key == stream.encode()
    ]
    difference = examine(KEYRINGS, history, live)
    told = [f"{difference.stream}/{difference.sequence or 0}"] if difference else []
    return Tampering("live", act, [{f"{stream}/{first}"}], told)


def bundle_of(scene: Scene, stream: str) -> Bundle:
    size = len(scene.recorded)
    node = nodes(size, reading(scene.tiles))
    items = [
        Item(
            leaf=each["leaf"],
            ref=each["_id"],
            type=each["type"],
            time=orjson.loads(each["event"])["time"],
            actor=each["actor"],
            event=each["event"],
            proof=Proof(each["leaf"], tuple(inclusion_proof(each["leaf"], size, node)), scene.note).text(),
        )
        for each in scene.recorded
        if each["stream"] == stream
    ]
    return Bundle({"stream": stream}, "2026-11-28T00:00:00.000Z", [KEY.verifier], scene.note, items)


def archived(files: dict[str, bytes]) -> bytes:
    raw = io.BytesIO()
    write(raw, files)
    return raw.getvalue()


def _names(bundle: Bundle, file: str) -> set[str]:
    """What the place of a file may be called."""
    return {file} | {item.ref for item in bundle.items if file in (item.event_file, item.proof_file)}


def in_bundle(act: str, whole: Scene, fork: Scene, dice: random.Random, folder: Path) -> Tampering:
    stream = f"s{dice.randrange(STREAMS)}"
    bundle = bundle_of(whole, stream)
    files = bundle.files()
    raw = archived(files)
    one, two = dice.sample(sorted(files), 2)
    wanted = [_names(bundle, one)]
    match act:
        case "flip":
            at = dice.randrange(len(raw))
            raw = raw[:at] + bytes([raw[at] ^ 1 << dice.randrange(8)]) + raw[at + 1 :]
            wanted = [_place_in(bundle, archived(files), at)]
        case "drop":
            raw = archived({name: data for name, data in files.items() if name != one})
        case "insert" if dice.random() < 0.5:
            raw, wanted = archived({**files, "more": b"x"}), [{"more"}]
        case "insert":
            at = dice.choice([0, len(raw)])
            raw, wanted = raw[:at] + b"x" + raw[at:], [{f"byte {at}", "the archive’s directory"}]
        case "swap":
            raw = archived({**files, one: files[two], two: files[one]})
            both = _names(bundle, one) | _names(bundle, two)
            wanted = [both | {"manifest.json"}]
        case "truncate":
            raw, wanted = raw[: dice.randrange(len(raw))], [{"the archive’s directory"}]
        case "fork":  # one who knows how: the event, its digest and the page are forged together
            item = dice.choice(bundle.items)
            forged = bundle_of(fork, stream)
            event_of = next(each for each in forged.items if each.ref == item.ref).event
            items = [
                Item(e.leaf, e.ref, e.type, e.time, e.actor, event_of if e is item else e.event, e.proof)
                for e in bundle.items
            ]
            raw = archived(Bundle(bundle.what, bundle.made, bundle.keys, bundle.note, items).files())
            wanted = [{item.ref}]
    path = folder / "bundle.zip"
    path.write_bytes(raw)
    told = [each.place for each in verify(path, [KEY.verifier]).faults]
    return Tampering("bundle", act, wanted, told)


def _place_in(bundle: Bundle, raw: bytes, at: int) -> set[str]:
    """What a byte of an archive may be called: itself, the file it belongs to, or the directory at the end."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        infos = archive.infolist()
        directory = archive.start_dir
    if at >= directory:
        # The directory names every file: a flip there can make one of them look as if it were not what it was.
        names = [info.filename for info in infos]
    else:
        names = [[info.filename for info in infos if info.header_offset <= at][-1]]
    there = {f"byte {at}", "the archive’s directory"}
    for name in names:
        there |= _names(bundle, name)
    if at >= directory:
        there |= {
            name[:k] + chr(ord(name[k]) ^ 1 << b) + name[k + 1 :]
            for name in names
            for k in range(len(name))
            for b in range(8)
        }
    return there


ACTS = ("flip", "drop", "insert", "swap", "truncate", "fork")
PLACES: dict[str, Callable[[str, Scene, Scene, random.Random], Tampering]] = {
    "kafka": on_kafka,
    "recorded": in_recorded,
    "tiles": in_tiles,
    "live": in_live,
}


def tamper(count: int, seed: int) -> list[Tampering]:
    """`count` tamperings, drawn from all acts in all places."""
    dice = random.Random(seed)
    whole, fork = scene(), scene("other ")
    assert found(whole) == [] and found(fork) == []
    done: list[Tampering] = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(count):
            where, act = dice.choice([*PLACES, "bundle"]), dice.choice(ACTS)
            if where == "bundle":
                done.append(in_bundle(act, whole, fork, dice, Path(folder)))
            else:
                done.append(PLACES[where](act, whole, fork, dice))
    return done


def main() -> None:
    count, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2026
    began = time.perf_counter()
    done = tamper(count, seed)
    made = Counter((each.where, each.act) for each in done)
    for where in [*PLACES, "bundle"]:
        print(f"{where:9}", "  ".join(f"{act} {made[where, act]:>4}" for act in ACTS))
    detected, rightly = sum(each.detected for each in done), sum(each.rightly for each in done)
    print(f"{count:,} tamperings: {detected:,} detected, {rightly:,} at the right place", end=" ")
    print(f"({time.perf_counter() - began:.0f} s, seed {seed})")
    for each in [each for each in done if not each.rightly][:10]:
        print(each)
    sys.exit(0 if detected == rightly == count else 1)


if __name__ == "__main__":
    main()
