"""The evidence bundle: events, the proof of each, the checkpoint that covers them, the keys; a zip, verified offline.

    manifest.json          {format, what, made, log, size, root, events: [{leaf, ref, type, time}], files: {name: hash}}
    README.html            what it is and how to verify it, in English and Chinese
    key, checkpoint        the log's public keys that signed it, one a line; the signed (and cosigned) checkpoint
    witnesses              the public keys of the witnesses that cosigned, one a line
    checkpoint.tsr         an RFC 3161 timestamp of the checkpoint's text, where there is one
    events/<leaf>.json     each event, in the form whose SHA-256 is the log's entry: its RFC 8785 form
    proofs/<leaf>.tlog-proof    its proof (c2sp.org/tlog-proof)

The archive is written in one way only: nothing compressed, no dates, the files in the manifest's order; the page and
the manifest say nothing that does not follow from the rest, but for `what` and `made`. So verifying writes all of it
again and compares, and no byte is left for anything else to stand in.
"""

import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Protocol

import orjson

from audit.bundle_page import page
from audit.log.note import Checkpoint, Verifier, unverified
from schemas.envelope import Json

#: Verifying renders the page again: whoever changes a word of it, or the order of anything, makes another format.
FORMAT = "shuangqian-evidence/2"
#: Its page was held against its own digest only.
FORMER = "shuangqian-evidence/1"
MANIFEST, PAGE, KEY, CHECKPOINT, WITNESSES, STAMP = (
    "manifest.json",
    "README.html",
    "key",
    "checkpoint",
    "witnesses",
    "checkpoint.tsr",
)


@dataclass(frozen=True)
class Item:
    """One event: its leaf, its name, type, time and actor, its bytes as hashed, and the text of its proof."""

    leaf: int
    ref: str
    type: str
    time: str
    actor: str
    event: bytes
    proof: str

    @classmethod
    def of(cls, leaf: int, value: Json, event: bytes, proof: str) -> "Item":
        """The item of an event; `value` is `event`, read."""
        ref, actor = f"{value['source']}/{value['id']}", value.get("actor")
        return cls(leaf, ref, value["type"], value["time"], actor if isinstance(actor, str) else "", event, proof)

    @property
    def event_file(self) -> str:
        return f"events/{self.leaf:09}.json"

    @property
    def proof_file(self) -> str:
        return f"proofs/{self.leaf:09}.tlog-proof"


@dataclass(frozen=True)
class Bundle:
    """What goes into one. `what` is {"stream": id}, {"release": month} or {"month": month}."""

    what: Mapping[str, str]
    made: str
    keys: Sequence[Verifier]
    note: str
    items: Sequence[Item]
    witnesses: Sequence[Verifier] = ()
    stamp: bytes | None = None

    @property
    def head(self) -> Checkpoint:
        return unverified(self.note)

    def files(self) -> dict[str, bytes]:
        """Every file by name, in their order, the manifest first."""
        files: dict[str, bytes] = {
            PAGE: page(self.what, self.made, self.head, self.items).encode(),
            KEY: "".join(f"{each}\n" for each in self.keys).encode(),
            CHECKPOINT: self.note.encode(),
        }
        if self.witnesses:
            files[WITNESSES] = "".join(f"{each}\n" for each in self.witnesses).encode()
        if self.stamp:
            files[STAMP] = self.stamp
        for item in self.items:
            files[item.event_file] = item.event
            files[item.proof_file] = item.proof.encode()
        return {MANIFEST: self._manifest(files), **files}

    def _manifest(self, files: Mapping[str, bytes]) -> bytes:
        manifest: Json = {
            "format": FORMAT,
            "what": dict(self.what),
            "made": self.made,
            "log": self.head.origin,
            "size": self.head.size,
            "root": self.head.root.hex(),
            "events": [
                {"leaf": each.leaf, "ref": each.ref, "type": each.type, "time": each.time} for each in self.items
            ],
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        }
        return orjson.dumps(manifest, option=orjson.OPT_INDENT_2) + b"\n"


class Writable(Protocol):
    def write(self, data: bytes, /) -> int: ...
    def flush(self) -> None: ...


class _Onward(io.RawIOBase):
    """A file that can only be written on: zipfile then writes in one go, to the same bytes wherever they lead."""

    def __init__(self, file: Writable) -> None:
        self._file = file

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data: object, /) -> int:
        raw = bytes(data)  # type: ignore[call-overload]
        self._file.write(raw)
        return len(raw)


def write(file: Writable, files: Mapping[str, bytes]) -> None:
    """Write the archive of these files, in their order."""
    with zipfile.ZipFile(_Onward(file), "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)


class _Compared:
    """Takes the bytes that should be there, and knows the first place at which `file` has others."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._at = file, 0
        self.differs: int | None = None

    def write(self, data: bytes, /) -> int:
        if self.differs is None:
            there = self._file.read(len(data))
            if there != data:
                same = next((n for n, (a, b) in enumerate(zip(there, data, strict=False)) if a != b), len(there))
                self.differs = self._at + same
            self._at += len(data)
        return len(data)

    def flush(self) -> None:
        pass

    def end(self) -> None:
        if self.differs is None and self._file.read(1):
            self.differs = self._at


def first_other_byte(file: IO[bytes], files: Mapping[str, bytes]) -> int | None:
    """The place of the first byte at which an archive is not what `write` makes of these files; None where it is."""
    file.seek(0)
    compared = _Compared(file)
    write(compared, files)
    compared.end()
    return compared.differs
