"""Tamperings of evidence bundles, also by those who know how: what they forge fits the digests in the manifest."""

import hashlib
import io
import random
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from audit.bundle import MANIFEST, PAGE, Bundle, Item, write
from audit.bundle_read import DAMAGE
from audit.bundle_verify import verify
from audit.log.proof import Proof
from audit.log.tiles import nodes
from audit.log.tree import inclusion_proof
from schemas.canonical import canonical
from tests.audit.scenes import KEY, STREAMS, Scene, Tampering, reading

Files = dict[str, bytes]


def bundle_of(scene: Scene, stream: str) -> Bundle:
    size = len(scene.recorded)
    node = nodes(size, reading(scene.tiles))
    items = [
        Item.of(
            each["leaf"],
            value := orjson.loads(each["event"]),
            canonical(value),
            Proof(each["leaf"], tuple(inclusion_proof(each["leaf"], size, node)), scene.note).text(),
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


def fitting(files: Files, **said: Any) -> Files:
    """The files under a manifest that says so and has their digests."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items() if name != MANIFEST}
    manifest = orjson.loads(files[MANIFEST]) | said | {"files": digests}
    return {**files, MANIFEST: orjson.dumps(manifest, option=orjson.OPT_INDENT_2) + b"\n"}


def _event(bundle: Bundle, whole: Scene, fork: Scene, dice: random.Random) -> tuple[Files, list[set[str]]]:
    item = dice.choice(bundle.items)
    other = next(each.event for each in bundle_of(fork, _stream(bundle)).items if each.ref == item.ref)
    items = [replace(each, event=other) if each is item else each for each in bundle.items]
    return replace(bundle, items=items).files(), [{item.ref}]


def _form(bundle: Bundle, whole: Scene, fork: Scene, dice: random.Random) -> tuple[Files, list[set[str]]]:
    """The same event in other bytes, in which something else could be written."""
    item = dice.choice(bundle.items)
    said = dice.choice((b'{"actor":"user:director",' + item.event[1:], item.event.replace(b":", b": ", 1)))
    items = [replace(each, event=said) if each is item else each for each in bundle.items]
    return replace(bundle, items=items).files(), [{item.ref}]


def _proof(bundle: Bundle, whole: Scene, fork: Scene, dice: random.Random) -> tuple[Files, list[set[str]]]:
    item = dice.choice(bundle.items)
    said = item.proof.replace("\nindex", "\nextra approved\nindex", 1)
    items = [replace(each, proof=said) if each is item else each for each in bundle.items]
    return replace(bundle, items=items).files(), [{item.ref}]


def _page(bundle: Bundle, whole: Scene, fork: Scene, dice: random.Random) -> tuple[Files, list[set[str]]]:
    files = bundle.files()
    page = dice.choice((b"<p>approved</p><script></script>", files[PAGE].replace(b"user:test", b"user:director", 1)))
    return fitting({**files, PAGE: page}), [{PAGE}]


def _made(bundle: Bundle, whole: Scene, fork: Scene, dice: random.Random) -> tuple[Files, list[set[str]]]:
    """The page still says when it was made."""
    return fitting(bundle.files(), made="1999-01-01T00:00:00.000Z"), [{PAGE}]


def _what(bundle: Bundle, whole: Scene, fork: Scene, dice: random.Random) -> tuple[Files, list[set[str]]]:
    """Another thing than what its events are of, on the page too; or nothing that there is."""
    if dice.random() < 0.5:
        return fitting(bundle.files(), what={"bogus": "x"}), [{MANIFEST}]
    what = dice.choice(({"stream": "somebody"}, {"month": "1999-01"}, {"release": "2026-11"}))
    return replace(bundle, what=what).files(), [{MANIFEST}]


def _foreign(bundle: Bundle, whole: Scene, fork: Scene, dice: random.Random) -> tuple[Files, list[set[str]]]:
    """An event of another stream, with its proof."""
    item = bundle_of(whole, "s0" if _stream(bundle) != "s0" else "s1").items[0]
    items = sorted([*bundle.items, item], key=lambda each: each.leaf)
    return replace(bundle, items=items).files(), [{item.ref}]


def _left_out(bundle: Bundle, whole: Scene, fork: Scene, dice: random.Random) -> tuple[Files, list[set[str]]]:
    """The last event; the page still has it."""
    page = bundle.files()[PAGE]
    return fitting({**replace(bundle, items=bundle.items[:-1]).files(), PAGE: page}), [{PAGE}]


def _more(bundle: Bundle, whole: Scene, fork: Scene, dice: random.Random) -> tuple[Files, list[set[str]]]:
    return fitting({**bundle.files(), "more.html": b"approved"}), [{"more.html"}]


def _twice(bundle: Bundle, whole: Scene, fork: Scene, dice: random.Random) -> tuple[Files, list[set[str]]]:
    """An event that the manifest and the page list twice."""
    return replace(bundle, items=[*bundle.items, bundle.items[-1]]).files(), [{MANIFEST}]


def _stream(bundle: Bundle) -> str:
    return bundle.what["stream"]


FORGERIES: dict[str, Callable[[Bundle, Scene, Scene, random.Random], tuple[Files, list[set[str]]]]] = {
    "event": _event,
    "form": _form,
    "proof": _proof,
    "page": _page,
    "made": _made,
    "what": _what,
    "foreign": _foreign,
    "left out": _left_out,
    "more": _more,
    "twice": _twice,
}


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
            wanted = [_place_in(bundle, archived(files), raw, at)]
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
        case "fork":
            forgery = dice.choice(sorted(FORGERIES))
            forged, wanted = FORGERIES[forgery](bundle, whole, fork, dice)
            raw = archived(forged)
    path = folder / "bundle.zip"
    path.write_bytes(raw)
    told = [each.place for each in verify(path, [KEY.verifier]).faults]
    return Tampering("bundle", act, wanted, told)


def _place_in(bundle: Bundle, raw: bytes, flipped: bytes, at: int) -> set[str]:
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
        # What it calls its files now: a letter that is another, or a name that goes on into what follows it.
        with suppress(*DAMAGE), zipfile.ZipFile(io.BytesIO(flipped)) as archive:
            there |= set(archive.namelist())
    return there
