"""Tamperings made by a seeded program, each held against what is said of it: that something is wrong, and where.

`python -m tests.audit.tampering 10000 [SEED]` makes so many. A tampering is one of six acts (flip, drop, insert, swap,
truncate, fork) in one of five places: messages on Kafka, recorded events, live streams, tiles with their checkpoint,
evidence bundles. Acts that change nothing (a swap of two equal things) are drawn again; of files that no reader of the
log asks for, and of the relay's repeats of whole messages, none are made, since they say nothing else.
"""

import copy
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import orjson

from audit.examine import Sent, examine
from audit.fold import Message
from audit.log.tiles import parse
from audit.recorder_read import read
from audit.recorder_store import after
from schemas.envelope import Json
from tests.audit.histories import event
from tests.audit.scenes import EVENTS, STREAMS, TOPIC, Scene, Tampering, flipped, found, other, scene
from tests.audit.tampering_bundles import in_bundle
from tests.runtime.keyring import KEYRINGS


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
            before, one[name] = one[name], changed
            # What a flipped name or position says instead may be named too; Kafka, of nothing else.
            extra = {str(before), str(changed)} if name in ("_id", "position") else set()
        case "drop":
            del documents[i]
        case "insert":
            forged = read(Message(TOPIC, 0, 10**6, b"x", orjson.dumps(event("x", 1))), "submissions").leaf
            assert forged is not None
            forged["time"] = one["time"]
            after(forged, None)
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
    wanted = [{f"leaf {n}", whole.recorded[n]["_id"]} | extra for n in touched]
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
