"""A CSV of entries of several kinds: each row says its own, in the column `kind`. So are sources fetched."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import BinaryIO

from schemas.entry import KINDS
from submissions.sheets import texts
from submissions.sheets.cells import value
from submissions.sheets.columns import KIND, columns
from submissions.sheets.headers import places
from submissions.sheets.reading import table_start
from submissions.sheets.rows import Header, Read, Row, read
from submissions.sheets.texts import Text


@dataclass(frozen=True)
class Mixed:
    """A CSV that can be read. `headers` by kind: what stands in a column that this kind has not is read as what it is
    in another, for the rules to find."""

    file: BinaryIO
    text: Text
    headers: Mapping[str, Header]

    def reads(self) -> Iterator[tuple[Header, Read]]:
        """Its rows as submissions, in order, each with the headings of its kind."""
        for row in texts.rows(self.file, self.text):
            kind = self._kind(row)
            header = self.headers.get(kind, self.text.header)
            yield header, read(None, header, row)

    def _kind(self, row: Row) -> str:
        at = next(placed.index for placed in self.text.header.columns if placed.column == KIND)
        return str(value(KIND, row.cells[at])) if at < len(row.cells) else ""


def look(file: BinaryIO, *, numbered: bool) -> Mixed:
    """How such a CSV is read; `numbered`: each row has a revision. Raises the Problem that keeps it from being read.

    Of the other columns none need be there: which a row needs depends on its kind, and the rules say it.
    """
    table_start(file)
    names = ("reference", "revision") if numbered else ("reference",)
    needed = [KIND, *(column for column in columns(KINDS[0]) if column.code in names)]
    text = texts.look(file, KINDS, needed)
    return Mixed(file, text, {kind: _of_kind(kind, text.header) for kind in KINDS})


def _of_kind(kind: str, header: Header) -> Header:
    """The headings, as those of them that this kind has mean it in a row of this kind."""
    cells = [""] * header.width
    for placed in header.columns:
        cells[placed.index] = placed.heading
    return replace(header, columns=tuple(places((kind, *KINDS), cells)))
