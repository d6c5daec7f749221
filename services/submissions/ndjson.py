"""Reading NDJSON as it arrives: lines out of pieces of bytes, batches out of lines, never more held than one batch."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from schemas.rules import MAX_LINE_BYTES, Finding

#: Lines handled together, at most.
BATCH_LINES = 250
#: Lines of more bytes than this together are not waited to become more: long ones come in smaller batches.
BATCH_BYTES = 4_000_000
#: Input that pauses so long is not waited for: what has come is handled.
PAUSE_S = 0.02
_INK = re.compile(rb"\S")


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its newline, numbered from 1; one that is too long keeps only its length and SHA-256.

    `wrong` is what was wrong with how it came, where its text is not to be looked at for that.
    """

    number: int
    raw: bytes
    size: int
    sha256: str | None = None
    wrong: Finding | None = None


@dataclass(slots=True)
class Splitter:
    """Cuts pieces into lines. Blank lines count but are not given; a line over the limit is not kept as it comes."""

    limit: int = MAX_LINE_BYTES
    _number: int = 0
    _rest: bytes = b""
    _size: int = 0
    _ink: bool = False  # whether the line is not blank, as far as it has come
    _hash: Any = field(default=None)

    def feed(self, piece: bytes) -> list[Line]:
        """The lines that this piece ends."""
        lines, at = list[Line](), 0
        while True:
            if not self._size:  # blank lines are passed over at one go: packed, some hundred bytes may be millions
                ink = _INK.search(piece, at)
                start = piece.rfind(b"\n", at, ink.start() if ink else None) + 1 or at
                self._number += piece.count(b"\n", at, start)
                at = start
            end = piece.find(b"\n", at)
            self._grow(piece[at:] if end < 0 else piece[at:end])
            if end < 0:
                return lines
            lines.extend(self.end())
            at = end + 1

    def end(self) -> list[Line]:
        """The line that ends here: none where it is blank."""
        self._number += 1
        raw, size, ink, hash = self._rest, self._size, self._ink, self._hash
        self._rest, self._size, self._ink, self._hash = b"", 0, False, None
        return [Line(self._number, raw, size, hash.hexdigest() if hash else None)] if ink else []

    def _grow(self, part: bytes) -> None:
        self._size += len(part)
        self._ink = self._ink or bool(part.strip())
        if self._hash:
            self._hash.update(part)
        elif self._size > self.limit:
            self._hash = hashlib.sha256(self._rest + part)
            self._rest = b""
        else:
            self._rest += part


async def batches(
    pieces: AsyncIterator[bytes], most: Callable[[], int] = lambda: BATCH_LINES
) -> AsyncIterator[list[Line]]:
    """The lines of `pieces`, up to `most()` or BATCH_BYTES at once, and earlier where no more comes for PAUSE_S.

    The last line counts without a newline too. Where `pieces` raises, the lines that have ended are given before that.
    """
    splitter, lines = Splitter(), list[Line]()
    coming = asyncio.ensure_future(anext(pieces, None))
    try:
        while True:
            await asyncio.wait({coming}, timeout=PAUSE_S if lines else None)
            if not coming.done():
                yield lines
                lines = []
                continue
            try:
                piece = coming.result()
            except Exception:
                if lines:
                    yield lines
                raise
            if piece is None:
                break
            lines += splitter.feed(piece)
            while len(lines) >= (size := most()):
                yield lines[:size]
                lines = lines[size:]
            if sum(line.size for line in lines) >= BATCH_BYTES:
                yield lines
                lines = []
            coming = asyncio.ensure_future(anext(pieces, None))
        if lines := lines + splitter.end():
            yield lines
    finally:
        coming.cancel()
