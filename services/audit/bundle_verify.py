"""Verifying an evidence bundle, offline: what holds, or each fault with its place."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
from cryptography.x509 import Certificate

from audit.bundle import CHECKPOINT, KEY, MANIFEST, STAMP, WITNESSES, first_other_byte
from audit.bundle_read import Broken, Fault, Found, held_against, listed, manifest_of, read
from audit.log.note import (
    COSIGNATURE,
    Checkpoint,
    NotSigned,
    Verifier,
    checkpoint,
    signed_by,
    split,
    verifier,
    verifiers,
)
from audit.log.proof import parse
from audit.log.stamp import NotVouched, stamped_at, vouched
from audit.log.tree import Wrong, leaf_hash, verify_inclusion
from schemas.canonical import event_hash
from schemas.envelope import Json


@dataclass(frozen=True)
class Outcome:
    """What verifying found. `fingerprint` is the manifest's SHA-256: what to compare with who made the bundle.

    `stamped` is the timestamp's time; `authority` who signed it, None where no root was given that vouches for that.
    """

    faults: tuple[Found, ...]
    what: Json
    made: str
    log: str
    size: int
    events: int
    key: str
    witnesses: tuple[str, ...]
    stamped: str | None
    authority: str | None
    fingerprint: str

    @property
    def holds(self) -> bool:
        return not self.faults


def verify(path: Path, keys: Sequence[Verifier] = (), roots: Sequence[Certificate] = ()) -> Outcome:
    """Verify a bundle against a log's public keys, one of which must have signed, or else those it brings; and its
    timestamp against `roots`, if any. Raises OSError where there is no bundle.
    """
    with path.open("rb") as file:
        try:
            files, faults = read(file)
            manifest = manifest_of(files)
        except Broken as broken:
            return Outcome((broken.found,), {}, "", "", 0, 0, "", (), None, None, "")
        faults = held_against(manifest, files, faults)
        faulty = {each.place for each in faults}
        own, known, more = _keys(files, keys)
        head, names, worse = _head(files, known, own, faulty)
        faults += more + worse
        if head and (manifest["log"], manifest["size"], manifest["root"]) != (head.origin, head.size, head.root.hex()):
            faults.append(Found(Fault.WRONG_CHECKPOINT, MANIFEST, "it names another checkpoint"))
        for name, event in listed(manifest):
            if event["ref"] not in faulty:
                faults += _proven(event, files, name, head)
        faults += _gaps(manifest, files, faulty | {each.place for each in faults})
        stamped, authority = _stamped(files, faults, faulty, roots)
        if not faults and (at := first_other_byte(file, files)) is not None:
            faults.append(Found(Fault.OTHER_BYTES, f"byte {at}"))
    return Outcome(
        tuple(faults),
        manifest["what"],
        manifest["made"],
        manifest["log"],
        head.size if head else 0,
        len(manifest["events"]),
        ", ".join(map(str, own)),
        names,
        stamped,
        authority,
        hashlib.sha256(files[MANIFEST]).hexdigest(),
    )


def _keys(
    files: Mapping[str, bytes], given: Sequence[Verifier]
) -> tuple[Sequence[Verifier], Sequence[Verifier], list[Found]]:
    """The bundle's own keys, the keys to verify by, and what is wrong with them."""
    try:
        own = verifiers(files.get(KEY, b"").decode())
        if KEY in files and not own:
            raise NotSigned("it holds no key")
    except (NotSigned, UnicodeDecodeError) as error:
        return (), given, [Found(Fault.CHANGED_FILE, KEY, str(error))]
    if given and not set(given) & set(own):
        return own, given, [Found(Fault.OTHER_KEY, KEY, ", ".join(map(str, own)))]
    return own, given or own, []


def _head(
    files: Mapping[str, bytes], keys: Sequence[Verifier], own: Sequence[Verifier], faulty: set[str]
) -> tuple[Checkpoint | None, tuple[str, ...], list[Found]]:
    """What the checkpoint says, and who cosigned it, where it is signed as it must be."""
    if not keys or CHECKPOINT not in files:
        return None, (), []
    try:
        note = files[CHECKPOINT].decode()
        head = checkpoint(note, *keys)
        if unsigned := [each for each in own if each not in signed_by(note, own)]:
            raise NotSigned(f"{unsigned[0]} is said to have signed it, and has not")
        known = [verifier(line) for line in files.get(WITNESSES, b"").decode().splitlines()]
        names = [each.name for each in signed_by(note, known)]
        for each in known:
            if each.kind != COSIGNATURE or each.name not in names:
                raise NotSigned(f"{each.name} has not cosigned it")
        return head, tuple(names), []
    except (NotSigned, UnicodeDecodeError) as error:
        return None, (), [] if CHECKPOINT in faulty else [Found(Fault.WRONG_CHECKPOINT, CHECKPOINT, str(error))]


def _proven(event: Json, files: Mapping[str, bytes], name: str, head: Checkpoint | None) -> list[Found]:
    """Whether an event is what its place in the manifest says, and its proof leads to the checkpoint."""
    raw, ref = files[f"events/{name}.json"], event["ref"]
    try:
        value = orjson.loads(raw)
        said = (f"{value['source']}/{value['id']}", value["type"], value["time"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return [Found(Fault.CHANGED_EVENT, ref, "it is no event")]
    if said != (ref, event["type"], event["time"]):
        return [Found(Fault.CHANGED_EVENT, ref, f"the file says {said[0]}")]
    if head is None:
        return []
    try:
        proof = parse(files[f"proofs/{name}.tlog-proof"].decode())
        if proof.checkpoint.encode() != files[CHECKPOINT] or proof.index != event["leaf"]:
            raise Wrong("it is of another checkpoint or leaf")
        verify_inclusion(proof.index, head.size, leaf_hash(event_hash(raw, value)[0]), proof.path, head.root)
    except (Wrong, UnicodeDecodeError) as error:
        return [Found(Fault.WRONG_PROOF, ref, str(error))]
    return []


def _gaps(manifest: Json, files: Mapping[str, bytes], faulty: set[str]) -> list[Found]:
    """Events that are missing between others, or at a stream's beginning where whole streams were exported."""
    last: dict[str, int] = {}
    faults: list[Found] = []
    whole = "month" not in manifest["what"]
    for each in sorted(manifest["events"], key=lambda each: int(each["ref"].rpartition("/")[2])):
        stream, _, sequence = each["ref"].rpartition("/")
        expected = last.get(stream, 0 if whole else int(sequence) - 1) + 1
        for missing in range(expected, min(int(sequence), expected + 10)):
            if f"{stream}/{missing}" not in faulty:
                faults.append(Found(Fault.MISSING_EVENT, f"{stream}/{missing}"))
        last[stream] = int(sequence)
    return faults


def _stamped(
    files: Mapping[str, bytes], faults: list[Found], faulty: set[str], roots: Sequence[Certificate]
) -> tuple[str | None, str | None]:
    """The timestamp's time, and who signed it if a root vouches for that; what is wrong is added to `faults`."""
    if STAMP not in files or faulty & {STAMP, CHECKPOINT}:
        return None, None
    try:
        text = split(files[CHECKPOINT].decode())[0].encode()
    except (NotSigned, UnicodeDecodeError):
        return None, None
    at = stamped_at(files[STAMP], text)
    if at is None:
        faults.append(Found(Fault.WRONG_TIMESTAMP, STAMP))
    elif roots:
        try:
            return at, vouched(files[STAMP], text, roots)
        except NotVouched as error:
            faults.append(Found(Fault.UNVOUCHED_TIMESTAMP, STAMP, str(error)))
    return at, None
