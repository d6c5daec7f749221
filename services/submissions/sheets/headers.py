"""Finding the row of headings in a sheet, and what is wrong with it: all of it at once, before any row is sent."""

from collections import Counter
from collections.abc import Sequence

from rapidfuzz import fuzz, process

from schemas.entry import KINDS
from schemas.envelope import Json
from submissions.sheets.cells import Cell
from submissions.sheets.columns import EACH, Column, columns, meant, nearest, plain
from submissions.sheets.findings import of_file, unreadable
from submissions.sheets.rows import Header, Placed, letters
from web.languages import _, language
from web.words import word

#: Titles and explanations may stand above the headings, for so many rows.
SEARCHED_ROWS = 20
#: As many as Excel has; beyond them there are no headings.
MOST_COLUMNS = 16_384
#: Headings that are told to be wrong, of a row that may be no headings at all.
MOST_TOLD = 100
#: Begins what is passed over: the heading of a column, or a row.
ASIDE = ("#", "＃")


def places(kinds: Sequence[str], cells: Sequence[Cell]) -> list[Placed]:
    """The columns that a row's headings mean, each to the first of the kinds that has it."""
    found = []
    for index, cell in enumerate(cells[:MOST_COLUMNS]):
        heading = cell.strip() if isinstance(cell, str) else ""
        if heading and not heading.startswith(ASIDE) and (one := _meant(kinds, heading)):
            column, number = one
            found.append(Placed(column, number if EACH in column.path else None, index, heading))
    return found


def _meant(kinds: Sequence[str], heading: str) -> tuple[Column, int | None] | None:
    return next((one for kind in kinds if (one := meant(kind, heading))), None)


def find(kinds: Sequence[str], rows: Sequence[tuple[int, Sequence[Cell]]]) -> int | None:
    """Which of a sheet's first rows holds the headings: the one in which most are known, at least two."""
    counts = [len(places(kinds, cells)) for _, cells in rows]
    most = max(counts, default=0)
    return counts.index(most) if most >= 2 else None


def checked(kinds: Sequence[str], number: int, cells: Sequence[Cell], needed: Sequence[Column]) -> Header:
    """The columns of the row of headings. Raises the Problem that names every heading that is wrong or missing, or
    the kind whose headings they are instead."""
    placed = places(kinds, cells)
    wrong = _wrong(kinds, number, cells, needed)
    if wrong and len(kinds) == 1 and (other := _fitting(number, cells, len(wrong))):
        text = _("Its headings are those of the kind “%(kind)s”. Choose that kind, or mend the headings.")
        said = text % {"kind": word(other)}
        raise unreadable(another_kind(), of_file("kind", said, row=number, expected=other))
    if wrong:
        raise unreadable(_("Some column headings are wrong"), *wrong[:MOST_TOLD])
    headed = frozenset(index for index, cell in enumerate(cells) if cell is not None and str(cell).strip())
    return Header(number, tuple(placed), headed)


def another_kind() -> str:
    """The title of the Problem of a file that holds another kind of entries than was said."""
    return _("The file holds another kind of entries")


def _wrong(kinds: Sequence[str], number: int, cells: Sequence[Cell], needed: Sequence[Column]) -> list[Json]:
    placed = places(kinds, cells)
    return [*_unknown(kinds, number, cells), *_twice(number, placed), *_missing(needed, placed)]


def _fitting(number: int, cells: Sequence[Cell], wrong: int) -> str | None:
    """The kind by which less than half as much is wrong with the headings, and least; None where there is none."""
    counts = {kind: len(_wrong((kind,), number, cells, required(kind))) for kind in KINDS}
    best = min(counts, key=counts.__getitem__)
    return best if 2 * counts[best] < wrong else None


def _unknown(kinds: Sequence[str], number: int, cells: Sequence[Cell]) -> list[Json]:
    known = [heading for kind in kinds for heading in nearest(kind, language())]
    found: list[Json] = []
    for index, cell in enumerate(cells):
        heading = str(cell).strip() if cell is not None else ""
        if not heading or heading.startswith(ASIDE) or _meant(kinds, heading):
            continue
        if len(found) == MOST_TOLD:
            break
        close = process.extractOne(heading, known, scorer=fuzz.ratio, processor=plain, score_cutoff=50)
        text = _("No column is called “%(heading)s”. To keep it for yourself, begin its heading with #.")
        if close:
            text = _("No column is called “%(heading)s”. Is it “%(close)s”? To keep it for yourself, begin it with #.")
        said = text % {"heading": heading, "close": close[0] if close else ""}
        found.append(of_file("heading-unknown", said, cell=f"{letters(index)}{number}", column=heading, row=number))
    return found


def _twice(number: int, header: Sequence[Placed]) -> list[Json]:
    """Headings that mean what an earlier one does, and numbered ones beside one that holds the whole list."""
    seen = Counter[tuple[str | int, ...]]()
    whole = {placed.column.path for placed in header if placed.column.parted and placed.number is None}
    found = []
    for placed in header:
        at = placed.column.at(placed.number)
        seen[at] += 1
        if seen[at] > 1 or (placed.number is not None and placed.column.path in whole):
            text = _("The heading “%(heading)s” means the same as another. Keep one of them.")
            said = text % {"heading": placed.heading}
            cell = f"{letters(placed.index)}{number}"
            found.append(of_file("heading-twice", said, cell=cell, column=placed.heading, row=number))
    return found


def required(kind: str) -> list[Column]:
    """The columns that a sheet of this kind needs."""
    return [column for column in columns(kind) if column.required]


def _missing(needed: Sequence[Column], header: Sequence[Placed]) -> list[Json]:
    there = {placed.column.path for placed in header}
    found = []
    for column in needed:
        if column.path in there:
            continue
        heading = column.heading(None, language())
        text = _("The column “%(heading)s” is missing.") % {"heading": heading}
        found.append(of_file("heading-missing", text, column=heading))
    return found
