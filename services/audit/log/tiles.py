"""The tree as static files: C2SP tlog-tiles (https://c2sp.org/tlog-tiles). Pure: whoever calls reads and writes.

A tile is 256 hashes of one level, or fewer at the tree's right edge; level 0 holds the leaves' hashes, each hash of
level L + 1 is that of a full tile of level L. Bundles hold the entries themselves, each behind its length in two bytes.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from audit.log.tree import SIZE, Node, complete, leaf_hash

WIDTH = 256
_PATH = re.compile(r"^tile/(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?$")


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile or, where `level` is None, one bundle of entries."""

    level: int | None
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        parts = [f"{self.index % 1000:03}"]
        rest = self.index // 1000
        while rest:
            parts.insert(0, f"x{rest % 1000:03}")
            rest //= 1000
        partial = f".p/{self.width}" if self.width < WIDTH else ""
        return f"tile/{'entries' if self.level is None else self.level}/{'/'.join(parts)}{partial}"


#: Gives a tile's bytes; raises LookupError where there is none.
Read = Callable[[Tile], bytes]


def parse(path: str) -> Tile | None:
    """The tile that a path names, None where it is no tile's path."""
    match = _PATH.match(path)
    if match is None:
        return None
    level, number, width = match.groups()
    tile = Tile(None if level == "entries" else int(level), int(re.sub(r"[x/]", "", number)), int(width or WIDTH))
    return tile if tile.path == path and (width is None or tile.width < WIDTH) else None


def tile_of(level: int | None, position: int, size: int) -> Tile:
    """The tile that holds the hash (or entry) at a position of a level, as it is in a tree of that size."""
    there = size >> 8 * (level or 0)
    index = position // WIDTH
    return Tile(level, index, min(WIDTH, there - index * WIDTH))


def nodes(size: int, read: Read) -> Node:
    """The nodes of a tree of that size, from its tiles."""

    def node(level: int, index: int) -> bytes:
        tile_level, above = divmod(level, 8)
        first = index << above
        data = read(tile_of(tile_level, first, size))
        at = first % WIDTH * SIZE
        return complete(hashes(data[at : at + (SIZE << above)]))

    return node


def hashes(data: bytes) -> list[bytes]:
    return [data[at : at + SIZE] for at in range(0, len(data), SIZE)]


def bundle(entries: Sequence[bytes]) -> bytes:
    return b"".join(len(entry).to_bytes(2) + entry for entry in entries)


def entries(data: bytes) -> list[bytes]:
    """The entries of a bundle. Raises ValueError where it is cut short."""
    found: list[bytes] = []
    at = 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2])
        if at + 2 > len(data) or end > len(data):
            raise ValueError("the bundle is cut short")
        found.append(data[at + 2 : end])
        at = end
    return found


def grow(size: int, added: Sequence[bytes], read: Read) -> Iterator[tuple[Tile, bytes]]:
    """The tiles that change when entries are added to a tree of `size`, with their bytes; each once."""
    if not added:
        return
    for tile, held in _filled(None, size, added, lambda tile: entries(read(tile))):
        yield tile, bundle(held)
    level, new = 0, [leaf_hash(entry) for entry in added]
    while new:
        above: list[bytes] = []
        for tile, held in _filled(level, size >> 8 * level, new, lambda tile: hashes(read(tile))):
            yield tile, b"".join(held)
            if tile.width == WIDTH:
                above.append(complete(held))
        level, new = level + 1, above


def _filled(
    level: int | None, there: int, new: Sequence[bytes], held: Callable[[Tile], list[bytes]]
) -> Iterator[tuple[Tile, list[bytes]]]:
    """Every tile of a level that `new` fill, from the partial one that is there."""
    index, width = divmod(there, WIDTH)
    begun = held(Tile(level, index, width)) if width else []
    at = 0
    while at < len(new):
        taken = [*begun, *new[at : at + WIDTH - len(begun)]]
        at += WIDTH - len(begun)
        yield Tile(level, index, len(taken)), taken
        index, begun = index + 1, []


def tiles_of(size: int) -> Iterator[Tile]:
    """Every tile and bundle of a tree of that size."""
    for position in range(0, size, WIDTH):
        yield tile_of(None, position, size)
    level = 0
    while size >> 8 * level:
        for position in range(0, size >> 8 * level, WIDTH):
            yield tile_of(level, position, size)
        level += 1
