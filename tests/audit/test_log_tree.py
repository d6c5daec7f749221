"""The tree's arithmetic: the published vectors of Certificate Transparency, and for any tree: every proof verifies, no
wrong one does, and the tiles say the same as the leaves."""

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.log import tiles
from audit.log.tree import (
    EMPTY,
    Wrong,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    nodes_of,
    root,
    verify_consistency,
    verify_inclusion,
)

#: The leaves and roots by which implementations of RFC 6962 are held against each other.
VECTORS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SIZES = st.integers(1, 70)


def leaves(count: int, salt: str = "") -> list[bytes]:
    return [leaf_hash(f"{salt}{n}".encode()) for n in range(count)]


def test_the_roots_are_those_of_certificate_transparency() -> None:
    hashes = [leaf_hash(bytes.fromhex(leaf)) for leaf in VECTORS]
    assert [root(size, nodes_of(hashes)).hex() for size in range(1, 9)] == ROOTS
    assert EMPTY.hex() == root(0, nodes_of([])).hex() == hashlib.sha256().hexdigest()


def test_the_proofs_of_a_tree_of_seven_are_those_of_rfc_6962() -> None:
    """Section 2.1.3, with d0 … d6 as a … j there."""
    d = leaves(7)
    node = nodes_of(d)
    a, b, c, f, j = d[0], d[1], d[2], d[5], d[6]
    g, h, i = node(1, 0), node(1, 1), node(1, 2)
    k, last = node(2, 0), root(7, node)
    assert inclusion_proof(0, 7, node) == [b, h, _pair(i, j)]
    assert inclusion_proof(3, 7, node) == [c, g, _pair(i, j)]
    assert inclusion_proof(4, 7, node) == [f, j, k]
    assert inclusion_proof(6, 7, node) == [i, k]
    assert consistency_proof(3, 7, node) == [c, d[3], g, _pair(i, j)]
    assert consistency_proof(4, 7, node) == [_pair(i, j)]
    assert consistency_proof(6, 7, node) == [i, j, k]
    assert last == _pair(k, _pair(i, j)) and a == d[0]


def _pair(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


@settings(deadline=None)  # how long one takes says nothing on a busy machine
@given(SIZES, st.data())
def test_every_inclusion_verifies_and_nothing_else_does(size: int, data: st.DataObject) -> None:
    hashes = leaves(size)
    node = nodes_of(hashes)
    index, head = data.draw(st.integers(0, size - 1)), root(size, node)
    proof = inclusion_proof(index, size, node)
    verify_inclusion(index, size, hashes[index], proof, head)
    for wrong in _wrong(proof, data):
        refused(lambda wrong=wrong: verify_inclusion(index, size, hashes[index], wrong, head))
    refused(lambda: verify_inclusion(index, size, leaf_hash(b"other"), proof, head))
    refused(lambda: verify_inclusion(index, size, hashes[index], proof, leaf_hash(b"other")))
    other = data.draw(st.integers(-1, size).filter(lambda n: n != index))
    refused(lambda: verify_inclusion(other, size, hashes[index], proof, head))


@settings(deadline=None)  # how long one takes says nothing on a busy machine
@given(SIZES, st.data())
def test_every_consistency_verifies_and_no_fork_does(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, new))
    hashes = leaves(new)
    node = nodes_of(hashes)
    before, after, proof = root(old, node), root(new, node), consistency_proof(old, new, node)
    verify_consistency(old, new, before, after, proof)
    for wrong in _wrong(proof, data):
        refused(lambda wrong=wrong: verify_consistency(old, new, before, after, wrong))
    if old:
        changed = data.draw(st.integers(0, old - 1))
        forked = [*hashes[:changed], leaf_hash(b"other"), *hashes[changed + 1 :]]
        fork = nodes_of(forked)
        refused(lambda: verify_consistency(old, new, before, root(new, fork), consistency_proof(old, new, fork)))
        refused(lambda: verify_consistency(old, new, leaf_hash(b"other"), after, proof))
    refused(lambda: verify_consistency(new + 1, new, before, after, proof))


def _wrong(proof: Sequence[bytes], data: st.DataObject) -> list[list[bytes]]:
    wrong = [[*proof, leaf_hash(b"more")]]
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        wrong += [[*proof[:at], *proof[at + 1 :]], [*proof[:at], leaf_hash(b"x"), *proof[at + 1 :]]]
    return wrong


def refused(check: object) -> None:
    with pytest.raises(Wrong):
        check()  # type: ignore[operator]


@settings(deadline=None)  # how long one takes says nothing on a busy machine
@given(st.lists(st.integers(0, 700), min_size=1, max_size=6))
def test_tiles_grown_by_any_steps_hold_the_tree(steps: list[int]) -> None:
    held: dict[tiles.Tile, bytes] = {}
    entries: list[bytes] = []
    for step in steps:
        added = [hashlib.sha256(f"{len(entries) + n}".encode()).digest() for n in range(step)]
        for tile, raw in list(tiles.grow(len(entries), added, held.__getitem__)):
            held[tile] = raw
        entries += added
    size = len(entries)
    hashes = [leaf_hash(entry) for entry in entries]
    node = tiles.nodes(size, held.__getitem__)
    assert root(size, node) == root(size, nodes_of(hashes))
    assert set(tiles.tiles_of(size)) <= set(held)
    bundles = [held[tiles.tile_of(None, n, size)] for n in range(0, size, tiles.WIDTH)]
    assert [entry for raw in bundles for entry in tiles.entries(raw)] == entries
    for index in range(0, size, 97):
        verify_inclusion(index, size, hashes[index], inclusion_proof(index, size, node), root(size, node))


def test_the_tiles_of_seventy_thousand_leaves_are_those_of_the_specification() -> None:
    found = list(tiles.tiles_of(70_000))
    full = [tile for tile in found if tile.width == tiles.WIDTH]
    assert sum(tile.level == 0 for tile in full) == 273 and sum(tile.level == 1 for tile in full) == 1
    partial = {(tile.level, tile.index, tile.width) for tile in found if tile.width < tiles.WIDTH}
    assert partial == {(None, 273, 112), (0, 273, 112), (1, 1, 17), (2, 0, 1)}


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (tiles.Tile(0, 0), "tile/0/000"),
        (tiles.Tile(1, 1234067), "tile/1/x001/x234/067"),
        (tiles.Tile(None, 273, 112), "tile/entries/273.p/112"),
        (tiles.Tile(63, 999), "tile/63/999"),
    ],
)
def test_a_tile_has_one_path(tile: tiles.Tile, path: str) -> None:
    assert tile.path == path and tiles.parse(path) == tile


@pytest.mark.parametrize(
    "path",
    ["tile/64/000", "tile/00/000", "tile/0/0", "tile/0/x000/001", "tile/0/000.p/256", "tile/0/000.p/0",
     "tile/0/000.p/01", "tile/0/../key", "tile/entries/000/001", "checkpoint", "tile/0/000\n", "tile/0/1000"],
)  # fmt: skip
def test_no_other_path_is_a_tiles(path: str) -> None:
    assert tiles.parse(path) is None
