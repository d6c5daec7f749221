"""Verifying an evidence bundle, offline: what holds, or each fault with its place."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
from cryptography.x509 import Certificate

from audit.bundle import CHECKPOINT, KEY, MANIFEST, STAMP, WITNESSES, Bundle, Item, first_other_byte
from audit.bundle_read import Broken, Fault, Found, held_against, listed, manifest_of, read
from audit.bundle_what import lacking, others
from audit.log.note import (
    COSIGNATURE,
    ED25519,
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
from audit.recorder_read import named
from schemas.envelope import Json
from web.languages import _


@dataclass(frozen=True)
class Outcome:
    """What verifying found. `what` and `made` are what the bundle says it is and when it was made: the first was held
    against its events, the second is its maker's word. `fingerprint` is the manifest's SHA-256: what to compare with
    who made the bundle.

    `witnesses` are the keys by which they cosigned, as the bundle brings them. `stamped` is the timestamp's time;
    `authority` who signed it, None where no root was given that vouches for that.
    """

    faults: tuple[Found, ...]
    what: Json
    made: str
    log: str
    size: int
    events: int
    streams: int
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
    timestamp against `roots`, if any. Raises OSError where there is no bundle, EarlierForm.
    """
    with path.open("rb") as file:
        try:
            files, faults = read(file)
            manifest = manifest_of(files)
        except Broken as broken:
            return Outcome((broken.found,), {}, "", "", 0, 0, 0, "", (), None, None, "")
        faults = held_against(manifest, files, faults)
        faulty = {each.place for each in faults}
        own, known, more = _keys(files, keys)
        head, names, worse = _head(files, known, own, faulty)
        faults += more + worse
        if head and (manifest["log"], manifest["size"], manifest["root"]) != (head.origin, head.size, head.root.hex()):
            faults.append(Found(Fault.WRONG_CHECKPOINT, MANIFEST, _("it names another checkpoint")))
        values: dict[str, Json] = {}
        for name, event in listed(manifest):
            if event["ref"] not in faulty:
                faults += _proven(event, files, name, head, values)
        faults += _gaps(manifest, faulty | {each.place for each in faults})
        if not faults:
            faults += _belonging(manifest, values)
        expected = files if faults else _again(manifest, files, values, own)
        faults += _other_files(files, expected)
        stamped, authority = _stamped(files, faults, faulty, roots)
        if not faults and (at := first_other_byte(file, expected)) is not None:
            faults.append(Found(Fault.OTHER_BYTES, f"byte {at}"))
    return Outcome(
        tuple(faults),
        manifest["what"],
        manifest["made"],
        manifest["log"],
        head.size if head else 0,
        len(manifest["events"]),
        len({each["ref"].rpartition("/")[0] for each in manifest["events"]}),
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
            raise NotSigned(_("it holds no key"))
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
        known = [verifier(line) for line in files.get(WITNESSES, b"").decode().splitlines()]
        if own:  # else that is what is wrong, and said
            _signed_by_these_alone(note, own, known)
        return head, tuple(map(str, known)), []
    except (NotSigned, UnicodeDecodeError) as error:
        return None, (), [] if CHECKPOINT in faulty else [Found(Fault.WRONG_CHECKPOINT, CHECKPOINT, str(error))]


def _signed_by_these_alone(note: str, own: Sequence[Verifier], known: Sequence[Verifier]) -> None:
    """Return if the log's keys and the witnesses' signed a checkpoint, each once, and nobody else is said to have.

    Raises NotSigned.
    """
    checkpoint(note, *own)
    signed = signed_by(note, [*own, *known])
    for each in own:
        if each.kind != ED25519 or each not in signed:
            raise NotSigned(_("%s is said to have signed it, and has not") % each)
    for each in known:
        if each.kind != COSIGNATURE or each not in signed:
            raise NotSigned(_("%s has not cosigned it") % each.name)
    named = {(each.name, each.id) for each in signed}
    for name, data in split(note)[1]:
        if (name, data[:4]) not in named:
            raise NotSigned(_("it has a signature of %s, whose key the bundle does not bring") % name)
    if len(named) != len(signed) or signed != [*own, *known]:
        raise NotSigned(_("each key and each witness must have signed it once, in their order"))


def _proven(
    event: Json, files: Mapping[str, bytes], name: str, head: Checkpoint | None, values: dict[str, Json]
) -> list[Found]:
    """Whether an event is what its place in the manifest says, and its proof leads to the checkpoint; what it says is
    added to `values`."""
    raw, ref = files[f"events/{name}.json"], event["ref"]
    try:
        value = orjson.loads(raw)
        said = named(value, ref.split("/")[1])[0]
    except (ValueError, IndexError):
        return [Found(Fault.CHANGED_EVENT, ref, _("it is no event"))]
    if (said, value["type"], value["time"]) != (ref, event["type"], event["time"]):
        return [Found(Fault.CHANGED_EVENT, ref, _("the file says %s") % said)]
    values[name] = value
    if head is None:
        return []
    try:
        text = files[f"proofs/{name}.tlog-proof"].decode()
        proof = parse(text)
        if proof.checkpoint.encode() != files[CHECKPOINT] or proof.index != event["leaf"]:
            raise Wrong(_("it is of another checkpoint or leaf"))
        # The file is what was hashed, so that nothing else can be written in the same words.
        verify_inclusion(proof.index, head.size, leaf_hash(hashlib.sha256(raw).digest()), proof.path, head.root)
        if proof.text() != text:
            raise Wrong(_("it is not as an export writes it"))
    except (Wrong, UnicodeDecodeError) as error:
        return [Found(Fault.WRONG_PROOF, ref, str(error))]
    return []


def _belonging(manifest: Json, values: Mapping[str, Json]) -> list[Found]:
    """Events that are not of what the bundle says it is of, or that must be there and are not; all of them proven."""
    foreign = others(manifest["what"], values.values())
    if len(foreign) == len(values):
        return [Found(Fault.FOREIGN_EVENT, MANIFEST, _("no event is of what it says it is of"))]
    return [Found(Fault.FOREIGN_EVENT, f"{each['source']}/{each['id']}") for each in foreign] + [
        Found(Fault.MISSING_EVENT, ref) for ref in lacking(manifest["what"], values.values())
    ]


def _again(
    manifest: Json, files: Mapping[str, bytes], values: Mapping[str, Json], keys: Sequence[Verifier]
) -> dict[str, bytes]:
    """The files of the bundle as an export would write them of the same events; nothing is wrong with those."""
    items = [
        Item.of(int(name), value, files[f"events/{name}.json"], files[f"proofs/{name}.tlog-proof"].decode())
        for name, value in sorted(values.items(), key=lambda each: int(each[0]))
    ]
    witnesses = [verifier(line) for line in files.get(WITNESSES, b"").decode().splitlines()]
    note, stamp = files[CHECKPOINT].decode(), files.get(STAMP)
    return Bundle(manifest["what"], manifest["made"], keys, note, items, witnesses, stamp).files()


def _other_files(files: Mapping[str, bytes], expected: Mapping[str, bytes]) -> list[Found]:
    """Where files are not what follows from the rest; the manifest, which has digests of all, only if it is alone."""
    faults = [Found(Fault.EXTRA_FILE, name) for name in files if name not in expected]
    other = [name for name in expected if files.get(name) != expected[name]]
    text = _("it does not say what follows from the manifest and the events")
    faults += [Found(Fault.CHANGED_FILE, name, text) for name in other if name != MANIFEST]
    return faults or [Found(Fault.CHANGED_FILE, name, text) for name in other]


def _gaps(manifest: Json, faulty: set[str]) -> list[Found]:
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
