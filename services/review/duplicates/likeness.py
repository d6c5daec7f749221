"""Comparing two entries in full: how alike they are, in which way, and in which fields."""

from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from review.duplicates.texts import LANGUAGES, Language, Texts, spoken
from schemas.review import Likeness

#: Per cent. Below it two texts are told apart by whoever reads them: it is never said that they resemble each other.
FLOOR = 90
#: Characters from which a summary that is another's is a finding of its own; a shorter one may be anybody's.
SUMMARY: dict[Language, int] = {"zh": 30, "en": 90}


@dataclass(frozen=True)
class Resemblance:
    """Another submission's case that reads alike.

    `similarity` is in per cent, in the `language` that is meant: English only where the Chinese is not alike.
    `fields` are those of this entry that the other has too (`title/zh`). `part`: the summary alone is the other's.
    """

    case: str
    similarity: int
    likeness: Likeness
    language: Language
    fields: tuple[str, ...]
    part: bool = False


def resemblance(case: str, mine: Texts, other: Texts) -> Resemblance | None:
    """How an entry resembles that of `case`; None where it does not."""
    for language in LANGUAGES:
        if found := compare(spoken(mine, language), spoken(other, language)):
            return Resemblance(case, *found, language, _fields(mine, other))
        if same := _summary(mine, other, language):
            return Resemblance(case, 100, same, language, _fields(mine, other), part=True)
    return None


def _summary(mine: Texts, other: Texts, language: Language) -> Likeness | None:
    """In which way a summary is wholly the other's, whatever was written around it; None where it is not."""
    said, others = (each.get(f"summary/{language}", ()) for each in (mine, other))
    if sum(map(len, said)) < SUMMARY[language] or sorted(said) != sorted(others):
        return None
    return Likeness.EXACT if said == others else Likeness.REARRANGED


def compare(mine: Sequence[str], other: Sequence[str]) -> tuple[int, Likeness] | None:
    """How alike two texts are, in per cent, and in which way; None below FLOOR. Both are clauses in order."""
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
    """The fields of which the other says the same in that field, or every clause somewhere."""
    everywhere = {clause for found in other.values() for clause in found}
    return tuple(
        field
        for field, found in mine.items()
        if everywhere.issuperset(found) or compare(found, other.get(field, ())) is not None
    )
