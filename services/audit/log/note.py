"""Signed notes (https://c2sp.org/signed-note), checkpoints (https://c2sp.org/tlog-checkpoint) and witnesses'
cosignatures (https://c2sp.org/tlog-cosignature, Ed25519). Pure.

Keys are written as golang.org/x/mod/sumdb/note writes them: `<name>+<id>+<base64>` is a verifier's key,
`PRIVATE+KEY+<name>+<id>+<base64>` the signer's.
"""

import base64
import binascii
import hashlib
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from web.languages import _

ED25519, COSIGNATURE = 1, 4
_PRIVATE = "PRIVATE+KEY+"
_SIGNATURE = re.compile(r"^— (\S+) (\S+)$")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


class NotSigned(ValueError):
    """A note, checkpoint or key that is not what it should be; the message says why."""


@dataclass(frozen=True)
class Verifier:
    """A public key: `kind` is ED25519 for a log's own signatures, COSIGNATURE for a witness's."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{_text(bytes([self.kind]) + self.public)}"


@dataclass(frozen=True)
class Signer:
    """A private key (its 32-byte seed) with its name. Its representation does not show the seed."""

    name: str
    seed: bytes
    kind: int = ED25519

    @property
    def verifier(self) -> Verifier:
        return Verifier(self.name, self.kind, self._key.public_key().public_bytes_raw())

    @property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    def secret(self) -> str:
        return f"{_PRIVATE}{self.name}+{self.verifier.id.hex()}+{_text(bytes([self.kind]) + self.seed)}"

    def __repr__(self) -> str:
        return f"Signer({self.name})"

    def sign(self, text: str, at: int | None = None) -> str:
        """The signature line for a note's text; a cosigner says at which second since 1970."""
        stamp = struct.pack(">Q", at) if at is not None else b""
        signed = self._key.sign(_message(text, stamp))
        return f"— {self.name} {_text(self.verifier.id + stamp + signed)}\n"


@dataclass(frozen=True)
class Checkpoint:
    """The head of a log: its origin, the size of its tree, the tree's root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{_text(self.root)}\n"


def verifier(text: str) -> Verifier:
    """Read a verifier's key. Raises NotSigned."""
    name, kind, data = _key(text.strip())
    return _checked(text.strip(), Verifier(name, kind, data))


def verifiers(text: str) -> tuple[Verifier, ...]:
    """Read verifiers' keys, parted by commas or lines. Raises NotSigned."""
    return tuple(verifier(each) for each in re.split(r"[,\n]", text) if each.strip())


def signer(text: str) -> Signer:
    """Read a signer's key. Raises NotSigned, without saying anything of the key."""
    if not text.strip().startswith(_PRIVATE):
        raise NotSigned(_("not a private key in the form of a signed note"))
    name, kind, data = _key(text.strip().removeprefix(_PRIVATE))
    made = Signer(name, data, kind)
    if text.strip() != made.secret():
        raise NotSigned(_("the private key does not fit its id"))
    return made


def split(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """A note's text and its signatures: (name, id and signature). Raises NotSigned where it is no note."""
    text, blank, signatures = note.rpartition("\n\n")
    if not blank or not signatures.endswith("\n") or _CONTROL.search(note):
        raise NotSigned(_("not a signed note"))
    found: list[tuple[str, bytes]] = []
    for line in signatures[:-1].split("\n"):
        match = _SIGNATURE.match(line)
        data = _bytes(match[2]) if match else b""
        if match is None or len(data) < 5:
            raise NotSigned(_("not a signature: %s") % ascii(line))
        found.append((match[1], data))
    return text + "\n", found


def signed_by(note: str, known: Sequence[Verifier]) -> list[Verifier]:
    """Those of the known keys that signed a note. Raises NotSigned where a signature of one of them is wrong."""
    text, signatures = split(note)
    found: list[Verifier] = []
    for name, data in signatures:
        for each in known:
            if (name, data[:4]) == (each.name, each.id):
                stamp, signed = data[4:-64], data[-64:]
                if len(stamp) != (8 if each.kind == COSIGNATURE else 0) or not _right(each, text, stamp, signed):
                    raise NotSigned(_("the signature of %s is wrong") % name)
                found.append(each)
    return found


def only(note: str, known: Sequence[Verifier]) -> str:
    """A note with the signatures of these keys alone, in their order. Raises NotSigned."""
    lines = note.splitlines(keepends=True)[-len(split(note)[1]) :]
    theirs = {(name, data[:4]): line for (name, data), line in zip(split(note)[1], lines, strict=True)}
    return note[: -len("".join(lines))] + "".join(theirs[each.name, each.id] for each in known)


def checkpoint(note: str, *keys: Verifier) -> Checkpoint:
    """Read a checkpoint that one of these keys signed at least: those a log has and had. Raises NotSigned."""
    read = unverified(note)
    signed = signed_by(note, keys)
    if not signed:
        known = _(", ").join(f"{each.name}+{each.id.hex()}" for each in keys)
        raise NotSigned(_("not signed by %s") % known)
    for key in signed:
        if read.origin != key.name:
            text = _("the checkpoint is of %(origin)s, not of %(name)s")
            raise NotSigned(text % {"origin": read.origin, "name": key.name})
    return read


def unverified(note: str) -> Checkpoint:
    """What a checkpoint says, whoever signed it. Raises NotSigned where it is none."""
    lines = split(note)[0].split("\n")
    root = _bytes(lines[2]) if len(lines) == 4 else b""
    if len(root) != 32 or not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1]) or not lines[0]:
        raise NotSigned(_("not a checkpoint"))
    return Checkpoint(lines[0], int(lines[1]), root)


def cosigned_at(note: str, key: Verifier) -> int:
    """The second since 1970 at which a witness cosigned. Raises NotSigned."""
    if key not in signed_by(note, [key]):
        raise NotSigned(_("not cosigned by %s") % key.name)
    return next(int.from_bytes(data[4:12]) for name, data in split(note)[1] if (name, data[:4]) == (key.name, key.id))


def _right(key: Verifier, text: str, stamp: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, _message(text, stamp))
    except (InvalidSignature, ValueError):
        return False
    return True


def _message(text: str, stamp: bytes) -> bytes:
    head = f"cosignature/v1\ntime {int.from_bytes(stamp)}\n" if stamp else ""
    return (head + text).encode()


def _key(text: str) -> tuple[str, int, bytes]:
    name, __, rest = text.partition("+")
    id, __, data = rest.partition("+")
    raw = _bytes(data)
    if not name or re.search(r"\s", name) or not re.fullmatch(r"[0-9a-f]{8}", id) or len(raw) != 33:
        raise NotSigned(_("not a key in the form of a signed note"))
    if raw[0] not in (ED25519, COSIGNATURE):
        raise NotSigned(_("a key of type %s is not known") % raw[0])
    return name, raw[0], raw[1:]


def _checked(text: str, key: Verifier) -> Verifier:
    if text != str(key):
        raise NotSigned(_("the key does not fit its id"))
    return key


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    """The bytes of strict base64, in its one form; none where it is not that."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return data if _text(data) == text else b""
