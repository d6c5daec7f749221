"""Near-duplicates: a projection of fingerprints that finds what reads alike, without comparing all with all.

A fingerprint is a MinHash by one permutation (Li, Owen, Zhang 2012) over the text's three-character pieces, cut into
bands: of texts that are 90 % alike 99 in 100 share a band, of unrelated ones 1 in 1,000. Those are compared in full.
One document a case: `{_id: case, submission, bands: [int], text}`.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from struct import pack
from zlib import crc32

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError
from rapidfuzz import fuzz

from review.checks import THRESHOLDS, Resemblance
from schemas.entry import Entry
from schemas.envelope import Json

BINS = 48
ROWS = 4  # bins in a band: 12 bands
EMPTY = 1 << 32  # beyond every hash
DUPLICATE_KEY = 11000
#: Fingerprints compared in full, for each case asked about: a flood of copies is recognised by a few of them.
MOST_COMPARED = 10
#: Resemblances named in a case's findings.
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Fingerprint:
    case: str
    submission: str
    bands: frozenset[int]
    text: str


def fingerprint(case: str, entry: Entry) -> Fingerprint:
    """The fingerprint of an entry's title and summary in both languages; its kind is mixed into each band."""
    text = "\n".join(filter(None, (entry.title.zh, entry.title.en, entry.summary.zh, entry.summary.en)))
    return Fingerprint(case, case.rpartition("@")[0], bands(entry.kind, text), text)


def bands(kind: str, text: str) -> frozenset[int]:
    """The 12 band hashes of a text, 32 bits each."""
    raw = text.encode("utf-32-le")
    # Each bin keeps the least of the pieces' hashes that fall into it.
    least = [EMPTY] * BINS
    for start in range(0, max(4, len(raw) - 8), 4):
        value = crc32(raw[start : start + 12])
        place = value % BINS
        if value < least[place]:
            least[place] = value
    # An empty bin borrows from the next that is not, so that short texts too have whole bands.
    borrowed = next(value for value in least if value != EMPTY)
    for place in reversed(range(BINS)):
        borrowed = least[place] = borrowed if least[place] == EMPTY else least[place]
    packed, salt, size = pack(f"<{BINS}Q", *least), crc32(kind.encode()), 8 * ROWS
    return frozenset(crc32(packed[start : start + size], salt + start) for start in range(0, 8 * BINS, size))


class Duplicates:
    """The fingerprints of all cases, in `database["fingerprints"]`."""

    def __init__(self, database: AsyncDatabase[Json]) -> None:
        self.collection: AsyncCollection[Json] = database["fingerprints"]

    async def create_indexes(self) -> None:
        await self.collection.create_index("bands")

    async def resembling(self, asked: Sequence[Fingerprint]) -> list[tuple[Resemblance, ...]]:
        """For each, the likest cases of other submissions: those kept, and those before it in `asked`."""
        sharing: dict[int, list[Fingerprint]] = defaultdict(list)
        for kept in await self._sharing({band for one in asked for band in one.bands}, MOST_COMPARED * len(asked)):
            for band in kept.bands:
                sharing[band].append(kept)
        answers = []
        for one in asked:
            answers.append(_likest(one, (other for band in one.bands for other in sharing.get(band, ()))))
            for band in one.bands:
                sharing[band].append(one)
        return answers

    async def remember(self, fingerprints: Iterable[Fingerprint]) -> None:
        """Keep fingerprints; those kept already stay as they are."""
        documents = [
            {"_id": one.case, "submission": one.submission, "bands": list(one.bands), "text": one.text}
            for one in fingerprints
        ]
        if not documents:
            return
        try:
            await self.collection.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            if any(failed["code"] != DUPLICATE_KEY for failed in (error.details or {})["writeErrors"]):
                raise

    async def _sharing(self, wanted: set[int], most: int) -> list[Fingerprint]:
        found = self.collection.find({"bands": {"$in": list(wanted)}}).limit(most)
        return [
            Fingerprint(each["_id"], each["submission"], frozenset(each["bands"]), each["text"]) async for each in found
        ]


def _likest(one: Fingerprint, others: Iterable[Fingerprint]) -> tuple[Resemblance, ...]:
    """The likest of `others`, one a submission, at most MOST_NAMED; those that share most bands are compared."""
    shared: dict[str, int] = {}
    texts: dict[str, Fingerprint] = {}
    for other in others:
        if other.submission != one.submission:
            shared[other.case] = shared.get(other.case, 0) + 1
            texts[other.case] = other
    likest: dict[str, Resemblance] = {}
    for case in sorted(shared, key=shared.__getitem__, reverse=True)[:MOST_COMPARED]:
        similarity = int(fuzz.ratio(one.text, texts[case].text, score_cutoff=THRESHOLDS["near"]))
        known = likest.get(texts[case].submission)
        if similarity and (known is None or known.similarity <= similarity):
            likest[texts[case].submission] = Resemblance(case, similarity)
    return tuple(sorted(likest.values(), key=lambda found: (-found.similarity, found.case)))[:MOST_NAMED]
