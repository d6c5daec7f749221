"""Sketches: a few numbers for each text, such that texts alike have numbers in common.

A MinHash (Broder 1997) over the pieces of a text, its clauses in alphabetical order, so that their own order does not
matter. A sketch is 16 tokens of 64 bits: 8 bands of four minima for the Chinese, 6 for the English, and one digest of
each summary, which is the same for the same clauses whatever stands around them. A whole batch is sketched at once.
"""

from collections.abc import Sequence
from hashlib import blake2b
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from review.duplicates.texts import LANGUAGES, Language, Texts, spoken

#: Minima in a band: each is 16 bits, and four make a token.
ROWS = 4
BANDS: dict[Language, int] = {"zh": 8, "en": 6}
#: Characters in a piece. English needs longer ones: any two texts share most runs of three letters.
PIECE: dict[Language, int] = {"zh": 3, "en": 8}
#: Where each language's minima stand in a sketch seen as 16-bit numbers; digests follow them.
MINIMA: dict[Language, slice] = {
    "zh": slice(0, ROWS * BANDS["zh"]),
    "en": slice(ROWS * BANDS["zh"], ROWS * (BANDS["zh"] + BANDS["en"])),
}
TOKENS = sum(BANDS.values()) + len(LANGUAGES)

Sketches = NDArray[np.uint64]
Tokens = NDArray[np.int64]

_RANDOM = np.random.default_rng(1_000_1_000)
#: An odd factor a minimum: multiplying by it and taking the upper half is a hash of its own (Dietzfelbinger 1997).
_FACTORS = _RANDOM.integers(1, 1 << 63, size=ROWS * sum(BANDS.values()), dtype=np.uint64) | np.uint64(1)
#: What tells a token's place, so that equal minima in different places are different tokens.
_PLACES = _RANDOM.integers(1, 1 << 63, size=TOKENS, dtype=np.uint64)
_BASE = np.uint64(0x9E3779B97F4A7C15)
_LAST = np.uint32(0xFFFFFFFF)


def sketches(said: Sequence[Texts], kinds: Sequence[str]) -> Sketches:
    """The sketch of each entry, a row of TOKENS numbers; entries of different kinds have none in common.

    A language that an entry does not speak is all 0.
    """
    rows = np.zeros((len(said), TOKENS), np.uint64)
    minima = rows.view(np.uint16)
    # Every minimum of a kind is turned by the same 16 bits.
    turns = np.array([crc32(kind.encode()) & 0xFFFF for kind in kinds], np.uint16)
    for place, language in enumerate(LANGUAGES, start=sum(BANDS.values())):
        voices = ["\n".join(sorted(spoken(each, language))) for each in said]
        speaking = np.array([n for n, voice in enumerate(voices) if voice], np.intp)
        if not speaking.size:
            continue
        found = _minima([voices[n] for n in speaking], PIECE[language], _FACTORS[MINIMA[language]])
        minima[speaking, MINIMA[language]] = found ^ turns[speaking, None]
        for n, each in enumerate(said):
            if summary := each.get(f"summary/{language}"):
                rows[n, place] = _digest(f"{kinds[n]} {language} " + "\n".join(sorted(summary)))
    return rows


def tokens(rows: Sketches) -> Tokens:
    """What sketches are searched by, as MongoDB's 64-bit integers. Where a sketch is 0 there is none: 0 too."""
    return np.where(rows, rows ^ _PLACES, np.uint64(0)).view(np.int64)


def likeness(some: Sketches, others: Sketches, language: Language) -> NDArray[np.float64]:
    """Row by row, the share of pieces that two texts have in common, as their sketches estimate it (0 to 1)."""
    mine, theirs = (np.ascontiguousarray(rows).view(np.uint16)[:, MINIMA[language]] for rows in (some, others))
    equal: NDArray[np.float64] = (mine == theirs).mean(axis=1)
    return np.where(mine.any(axis=1), equal, 0.0)


def same_summary(some: Sketches, others: Sketches) -> NDArray[np.bool_]:
    """Row by row, whether two have a summary of the same clauses, in either language."""
    mine, theirs = (rows[:, sum(BANDS.values()) :] for rows in (some, others))
    same: NDArray[np.bool_] = ((mine == theirs) & (mine != 0)).any(axis=1)
    return same


def _minima(voices: Sequence[str], piece: int, factors: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """The lower halves of each voice's least hashes: a row a voice, a column a factor."""
    padded = [voice.ljust(piece, "\0") for voice in voices]
    codes = np.frombuffer("".join(padded).encode("utf-32-le"), np.uint32).astype(np.uint64)
    ends = np.cumsum([len(voice) for voice in padded])
    starts = np.concatenate(([0], ends[:-1]))
    hashes = np.zeros(len(codes), np.uint64)
    for ahead in range(piece):
        hashes *= _BASE
        hashes[: len(codes) - ahead] += codes[ahead:]
    hashes ^= hashes >> np.uint64(29)
    hashes *= _BASE
    hashes ^= hashes >> np.uint64(32)
    # A piece that reaches into the next voice is nobody's.
    nobodys = (ends[:, None] - np.arange(1, piece)).ravel()
    found = np.empty((len(voices), len(factors)), np.uint16)
    for column, factor in enumerate(factors):
        turned = ((hashes * factor) >> np.uint64(32)).astype(np.uint32)
        turned[nobodys] = _LAST
        found[:, column] = np.minimum.reduceat(turned, starts)
    return found


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")
