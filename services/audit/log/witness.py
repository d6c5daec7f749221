"""Asking witnesses for cosignatures: the client's side of https://c2sp.org/tlog-witness."""

from collections.abc import Sequence
from dataclasses import dataclass

import httpx2

from audit.log.note import COSIGNATURE, NotSigned, Verifier, signed_by, verifier
from audit.log.proof import paths
from audit.log.tree import Node, consistency_proof

ANSWERS_WITHIN_S = 5.0


class NotWitnessed(Exception):
    """A witness did not cosign; the message says why."""


@dataclass(frozen=True)
class Witness:
    url: str
    key: Verifier


def witnesses(text: str) -> tuple[Witness, ...]:
    """Witnesses as the setting writes them: `key url, key url`. Raises ValueError, naming the one that is wrong."""
    found: list[Witness] = []
    for each in filter(None, map(str.strip, text.split(","))):
        key, _, url = each.partition(" ")
        read = verifier(key)
        if read.kind != COSIGNATURE or not url.strip().startswith(("http://", "https://")):
            raise NotSigned(f"not a witness's key and address: {each}")
        found.append(Witness(url.strip().rstrip("/"), read))
    return tuple(found)


def request(old: int, proof: Sequence[bytes], note: str) -> bytes:
    """The body of `add-checkpoint`."""
    return "".join([f"old {old}\n", *(f"{line}\n" for line in paths(proof)), "\n", note]).encode()


def cosign(witness: Witness, note: str, size: int, old: int, node: Node) -> str:
    """The witness's signature lines for a checkpoint of `size`, of which it is thought to know `old`.

    A witness that knows another size is asked again from there. Raises NotWitnessed.
    """
    try:
        with httpx2.Client(timeout=ANSWERS_WITHIN_S) as client:
            for _ in range(2):
                body = request(old, consistency_proof(old, size, node), note)
                answer = client.post(f"{witness.url}/add-checkpoint", content=body)
                if answer.status_code == 200:
                    return _checked(witness, note, answer.text)
                if answer.status_code != 409 or not answer.text.strip().isdecimal():
                    break
                old = int(answer.text)
                if old > size:
                    raise NotWitnessed(f"it has cosigned a tree of {old}, and ours has {size}")
        raise NotWitnessed(f"it answered {answer.status_code}: {answer.text[:200].strip()}")
    except (httpx2.HTTPError, NotSigned, UnicodeDecodeError) as error:
        raise NotWitnessed(repr(error)) from error


def _checked(witness: Witness, note: str, lines: str) -> str:
    """Those of the lines that are its own; all else it may have sent is left out."""
    own = [line for line in lines.splitlines(keepends=True) if line.startswith(f"— {witness.key.name} ")]
    found = "".join(own)
    if not found or witness.key not in signed_by(note + found, [witness.key]):
        raise NotWitnessed("its answer holds no cosignature of its key")
    return found
