"""The index of near-duplicates: a projection in MongoDB, shared by any number of workers.

One document a case: `{_id: case, tokens: [int], sketch: bytes, texts: {field: [clause]}}`. What is asked is
remembered first: of two that come at once to two workers, the one that is kept later finds the other.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pymongo import WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError

from review.duplicates.likeness import Resemblance, resemblance
from review.duplicates.sketches import TOKENS, Sketches, likeness, same_summary, sketches, tokens
from review.duplicates.texts import Texts, texts
from runtime.trying import trying
from schemas.entry import Entry
from schemas.envelope import Json

DUPLICATE_KEY = 11000
#: Cases kept under one token: what more have in common is a form that all fill in, or a flood, and those show it.
MOST_HOLDERS = 8
#: Such tokens that a process remembers, before it forgets them all and learns them again (64 bytes each).
MOST_COMMON = 200_000
#: The share of pieces in common, by the sketches, from which two are compared in full: of those 90 % alike it is over
#: 0.55, and the estimate errs by 0.1.
WORTH_COMPARING = 0.35
#: Submissions compared in full for each case that is asked about, the likest by their sketches; and as many revisions
#: of each.
MOST_COMPARED = 4
#: Resemblances named in a case's findings.
MOST_NAMED = 3
#: How a worker keeps sketches: found at once, and on disk no later than what is decided of their cases. For that is
#: written after them, and a write that waits for the journal and a majority waits for all that was written before it.
AHEAD = WriteConcern(w=1, j=False)

Pairs = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A case that is asked about, and kept."""

    case: str
    entry: Entry


class Duplicates:
    """The sketches of all cases, in `database["fingerprints"]`."""

    def __init__(self, database: AsyncDatabase[Json]) -> None:
        self.collection: AsyncCollection[Json] = database["fingerprints"]
        self._common: set[int] = set()

    async def create_indexes(self) -> None:
        await self.collection.create_index("tokens")

    async def search(self, asked: Sequence[Asked]) -> list[tuple[Resemblance, ...]]:
        """For each, the likest cases of other submissions: all those kept, and those before it in `asked`.

        Keeps what is asked about; asking again changes nothing.
        """
        if not asked:
            return []
        said = [texts(one.entry) for one in asked]
        rows = sketches(said, [one.entry.kind for one in asked])
        await self._remember(asked, said, rows)
        cases, found = await self._sharing(rows)
        pairs = _worth_comparing(asked, rows, cases, found, self._meetings(rows, found))
        others = await self._texts({cases[n] for _, n in pairs}) if pairs else {}
        answers: list[list[Resemblance]] = [[] for _ in asked]
        for mine, n in pairs:
            if alike := resemblance(cases[n], said[mine], others[cases[n]]):
                answers[mine].append(alike)
        return [_likest(found) for found in answers]

    async def _remember(self, asked: Sequence[Asked], said: Sequence[Texts], rows: Sketches) -> None:
        """Keep sketches; those kept already stay as they are. Tokens that many share are left out."""
        kept: Counter[int] = Counter()
        documents = []
        for one, spoken, sketch, own in zip(asked, said, rows, tokens(rows).tolist(), strict=True):
            rare = [n for n in own if n and n not in self._common and kept[n] < MOST_HOLDERS]
            kept.update(rare)
            documents.append({"_id": one.case, "tokens": rare, "sketch": sketch.tobytes(), "texts": dict(spoken)})
        if trying():  # an insert that is refused would end the transaction
            there = await self.collection.distinct("_id", {"_id": {"$in": [one.case for one in asked]}})
            documents = [each for each in documents if each["_id"] not in there]
        if not documents:
            return
        try:
            await self.collection.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            if any(failed["code"] != DUPLICATE_KEY for failed in (error.details or {})["writeErrors"]):
                raise

    async def _sharing(self, rows: Sketches) -> tuple[list[str], Sketches]:
        """The cases that have a token in common with any of `rows`, and their sketches."""
        wanted = np.unique(tokens(rows)).tolist()
        found = await self.collection.find({"tokens": {"$in": wanted}}, {"sketch": 1}).to_list()
        joined = b"".join(each["sketch"] for each in found)
        return [each["_id"] for each in found], np.frombuffer(joined, np.uint64).reshape(-1, TOKENS)

    def _meetings(self, rows: Sketches, found: Sketches) -> NDArray[np.intp]:
        """Pairs of a row asked about and a row found with a token in common, each once. Learns the common tokens."""
        asked, held = tokens(rows).ravel(), tokens(found).ravel()
        order = np.argsort(held, kind="stable")
        first = np.searchsorted(held[order], asked, "left")
        holders = np.searchsorted(held[order], asked, "right") - first
        holders[asked == 0] = 0
        self._learn(asked[holders >= MOST_HOLDERS].tolist())
        holders = np.minimum(holders, 4 * MOST_HOLDERS)
        # For each token asked about, the places of all its holders, one after the other.
        nth = np.arange(holders.sum()) - np.repeat(np.cumsum(holders) - holders, holders)
        theirs = order[np.repeat(first, holders) + nth] // TOKENS
        mine = np.repeat(np.arange(len(asked)) // TOKENS, holders)
        # As one number each, pairs are sorted ten times as fast.
        return np.stack(np.divmod(np.unique(mine * max(1, len(found)) + theirs), max(1, len(found))))

    def _learn(self, common: list[int]) -> None:
        if len(self._common) > MOST_COMMON:
            self._common.clear()
        self._common.update(common)

    async def _texts(self, cases: set[str]) -> dict[str, Texts]:
        found = self.collection.find({"_id": {"$in": list(cases)}}, {"texts": 1})
        return {each["_id"]: {field: tuple(said) for field, said in each["texts"].items()} async for each in found}


def _worth_comparing(
    asked: Sequence[Asked], rows: Sketches, cases: Sequence[str], found: Sketches, meetings: NDArray[np.intp]
) -> Pairs:
    """The meetings whose sketches are alike enough, MOST_COMPARED submissions of each asked about, the likest first.

    Those with a summary in common are worth it whatever their sketches say, and come before all others. Of revisions
    that are equally alike the latest comes first.
    """
    mine, theirs = meetings
    alike = np.maximum(*(likeness(rows[mine], found[theirs], language) for language in ("zh", "en")))
    alike += same_summary(rows[mine], found[theirs])
    places = {one.case: n for n, one in enumerate(asked)}
    pairs: Pairs = []
    own = [_parts(one.case)[0] for one in asked]
    compared: list[dict[str, int]] = [{} for _ in asked]
    enough = np.flatnonzero(alike >= WORTH_COMPARING)
    parts = [_parts(cases[n]) for n in theirs[enough].tolist()]
    order = np.lexsort((np.array([-revision for _, revision in parts]), -alike[enough]))
    for n, one, other in zip(order.tolist(), mine[enough][order].tolist(), theirs[enough][order].tolist(), strict=True):
        submission, seen = parts[n][0], compared[one]
        already = seen.get(submission, 0 if len(seen) < MOST_COMPARED else MOST_COMPARED)
        if already >= MOST_COMPARED or submission == own[one] or places.get(cases[other], -1) >= one:
            continue
        seen[submission] = already + 1
        pairs.append((one, other))
    return pairs


def _parts(case: str) -> tuple[str, int]:
    """A case's submission and revision."""
    submission, _, revision = case.rpartition("@")
    return submission, int(revision)


def _likest(found: Sequence[Resemblance]) -> tuple[Resemblance, ...]:
    """The likest, one a submission, of equal ones that of the latest revision; at most MOST_NAMED."""
    best: dict[str, Resemblance] = {}
    for each in sorted(found, key=lambda one: (*_weight(one), _parts(one.case)[1])):
        best[_parts(each.case)[0]] = each
    ordered = sorted(best.values(), key=lambda one: (*(-each for each in _weight(one)), one.case))
    return tuple(ordered[:MOST_NAMED])


def _weight(one: Resemblance) -> tuple[bool, bool, int]:
    """The Chinese counts for more than the English, all of it for more than its summary."""
    return one.language == "zh", not one.part, one.similarity
