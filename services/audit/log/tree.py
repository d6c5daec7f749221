"""The Merkle tree of RFC 6962, section 2.1: roots, proofs, and their verification. Pure; no class.

A tree is known by its size and by `node(level, index)`, which gives the hash of the complete subtree over the leaves
`index * 2**level` up to `(index + 1) * 2**level`. Hashes are SHA-256, 32 bytes.
"""

import hashlib
from collections.abc import Callable, Sequence

from web.languages import _

SIZE = 32
Node = Callable[[int, int], bytes]
EMPTY = hashlib.sha256(b"").digest()


class Wrong(ValueError):
    """A proof that does not prove what it should; the message says why."""


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def complete(hashes: Sequence[bytes]) -> bytes:
    """The hash over a power of two of adjacent hashes."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[n], hashes[n + 1]) for n in range(0, len(hashes), 2)]
    return hashes[0]


def nodes_of(leaves: Sequence[bytes]) -> Node:
    """The nodes of a small tree whose leaf hashes are all at hand."""
    return lambda level, index: complete(leaves[index << level : (index + 1) << level])


def root(size: int, node: Node) -> bytes:
    """The Merkle Tree Hash of the first `size` leaves."""
    return _hash(0, size, node) if size else EMPTY


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """The audit path of a leaf, from its sibling to the root's child (2.1.1). Raises IndexError."""
    if not 0 <= index < size:
        raise IndexError(f"there is no leaf {index} in a tree of {size}")
    path: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_hash(middle, high, node))
            high = middle
        else:
            path.append(_hash(low, middle, node))
            low = middle
    return path[::-1]


def consistency_proof(old: int, new: int, node: Node) -> list[bytes]:
    """That the tree of `old` leaves is the beginning of that of `new` (2.1.2); empty for the same or no tree."""
    if not 0 <= old <= new:
        raise IndexError(f"a tree of {old} is no beginning of one of {new}")
    if old in (0, new):
        return []
    path: list[bytes] = []
    low, high, whole = 0, new, True
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(_hash(middle, high, node))
            high = middle
        else:
            path.append(_hash(low, middle, node))
            low, whole = middle, False
    return ([] if whole else [_hash(low, high, node)]) + path[::-1]


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Return if the leaf hash is the `index`th of the tree with that root (RFC 9162, 2.1.3.2). Raises Wrong."""
    if not 0 <= index < size:
        raise Wrong(_("there is no leaf %(leaf)s in a tree of %(size)s") % {"leaf": index, "size": size})
    at, last, hashed = index, size - 1, leaf
    for other in proof:
        if last == 0:
            raise Wrong(_("the proof is too long"))
        if at & 1 or at == last:
            hashed = node_hash(other, hashed)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            hashed = node_hash(hashed, other)
        at, last = at >> 1, last >> 1
    if last:
        raise Wrong(_("the proof is too short"))
    if hashed != root:
        raise Wrong(_("the proof leads to another root"))


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Return if the one tree is the beginning of the other (RFC 9162, 2.1.4.2). Raises Wrong."""
    if not 0 <= old <= new:
        raise Wrong(f"a tree of {old} is no beginning of one of {new}")
    if old in (0, new):
        if proof:
            raise Wrong(_("the proof is too long"))
        if (old == new and old_root != new_root) or (old == 0 and old_root != EMPTY):
            raise Wrong("the roots differ")
        return
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        raise Wrong(_("the proof is too short"))
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = path[0]
    for other in path[1:]:
        if last == 0:
            raise Wrong(_("the proof is too long"))
        if at & 1 or at == last:
            before, after = node_hash(other, before), node_hash(other, after)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            after = node_hash(after, other)
        at, last = at >> 1, last >> 1
    if last:
        raise Wrong(_("the proof is too short"))
    if before != old_root:
        raise Wrong("the proof leads to another root of the older tree")
    if after != new_root:
        raise Wrong("the proof leads to another root of the newer tree")


def _split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1


def _hash(low: int, high: int, node: Node) -> bytes:
    size = high - low
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return node(level, low >> level)
    middle = low + _split(size)
    return node_hash(_hash(low, middle, node), _hash(middle, high, node))
