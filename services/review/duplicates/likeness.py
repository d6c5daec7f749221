"""Comparing two entries in full: how alike they are, in which way, and in which fields."""

from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from review.duplicates.texts import LANGUAGES, Language, Texts, spoken
from schemas.review import Likeness

#: Per cent. Below it two texts are told apart by whoever reads them: it is never said that they resemble each other.
FLOOR = 90


@dataclass(frozen=True)
class Resemblance:
    """Another submission's case that reads alike.

    `similarity` is in per cent, in the `language` that is meant: English only where the Chinese is not alike.
    `fields` are those of this entry that the other has too (`title/zh`).
    """

    case: str
    similarity: int
    likeness: Likeness
    language: Language
    fields: tuple[str, ...]


def resemblance(case: str, mine: Texts, other: Texts) -> Resemblance | None:
    """How an entry resembles that of `case`; None where it does not."""
    for language in LANGUAGES:
        if found := compare(spoken(mine, language), spoken(other, language)):
            similarity, likeness = found
            return Resemblance(case, similarity, likeness, language, _fields(mine, other))
    return None


def compare(mine: Sequence[str], other: Sequence[str]) -> tuple[int, Likeness] | None:
    """How alike two texts are, in per cent, and in which way; None below FLOOR. Both are sentences in order."""
    if not mine or not other:
        return None
    if "".join(mine) == "".join(other):
        return 100, Likeness.EXACT
    ordered = [sorted(mine), sorted(other)]
    if ordered[0] == ordered[1]:
        return 100, Likeness.REARRANGED
    straight = fuzz.ratio("\n".join(mine), "\n".join(other), score_cutoff=FLOOR)
    turned = fuzz.ratio("\n".join(ordered[0]), "\n".join(ordered[1]), score_cutoff=max(FLOOR, straight))
    if not (straight or turned):
        return None
    return int(max(straight, turned)), Likeness.REARRANGED if turned > straight else Likeness.FUZZY


def _fields(mine: Texts, other: Texts) -> tuple[str, ...]:
    """The fields of which the other says the same in that field, or every sentence somewhere."""
    everywhere = {sentence for found in other.values() for sentence in found}
    return tuple(
        field
        for field, found in mine.items()
        if everywhere.issuperset(found) or compare(found, other.get(field, ())) is not None
    )
