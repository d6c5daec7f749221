"""A proof that an event is in the log, as text: https://c2sp.org/tlog-proof. Pure."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from audit.log.note import NotSigned, Verifier, checkpoint
from audit.log.tree import Wrong, leaf_hash, verify_inclusion
from web.languages import _

HEAD = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True)
class Proof:
    """That leaf `index` is in the tree of `checkpoint`, a signed note; `path` leads from its sibling to the root."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str

    def text(self) -> str:
        hashes = "".join(f"{base64.b64encode(each).decode()}\n" for each in self.path)
        return f"{HEAD}\nindex {self.index}\n{hashes}\n{self.checkpoint}"


def parse(text: str) -> Proof:
    """Read a proof. Raises Wrong where it is none."""
    head, blank, note = text.partition("\n\n")
    lines = head.split("\n")
    extra = len(lines) > 1 and lines[1].startswith("extra ")
    index = re.fullmatch(r"index (0|[1-9][0-9]{0,18})", lines[1 + extra]) if len(lines) > 1 + extra else None
    if not blank or lines[0] != HEAD or index is None:
        raise Wrong(_("not a proof in the form of c2sp.org/tlog-proof@v1"))
    try:
        path = tuple(base64.b64decode(line, validate=True) for line in lines[2 + extra :])
    except ValueError:
        raise Wrong(_("a hash of the proof is no base64")) from None
    return Proof(int(index[1]), path, note)


def verify(proof: Proof, entry: bytes, key: Verifier) -> None:
    """Return if the entry is in the log whose key this is. Raises Wrong or NotSigned."""
    head = checkpoint(proof.checkpoint, key)
    verify_inclusion(proof.index, head.size, leaf_hash(entry), proof.path, head.root)


def paths(hashes: Sequence[bytes]) -> list[str]:
    """Hashes as base64."""
    return [base64.b64encode(each).decode() for each in hashes]


__all__ = ["NotSigned", "Proof", "parse", "paths", "verify"]
