"""Reading CSV: what it is encoded in, what parts its columns, and its rows one by one, whatever its length."""

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from submissions.sheets.columns import Column
from submissions.sheets.findings import of_file, unreadable
from submissions.sheets.headers import ASIDE, SEARCHED_ROWS, checked, find, places
from submissions.sheets.rows import Header, Row
from web.languages import _

#: A row of more characters than this is a quotation mark that was never closed.
MAX_ROW = 1_000_000
#: What is broken in a row after which none can be read, by a name of `findings.BROKEN`.
ENDING = ("quote", "long")
_PIECE = 1 << 20
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_SEPARATORS = ",;\t|"

csv.field_size_limit(MAX_ROW)


@dataclass(frozen=True)
class Text:
    """A CSV file that is about to be read: how, and its headings."""

    encoding: str
    separator: str
    header: Header


def look(file: BinaryIO, kinds: Sequence[str], needed: Sequence[Column]) -> Text:
    """How a CSV file of these kinds is to be read, and has these columns. Raises the Problem that keeps it from it."""
    encoding = _encoding(file)
    best: tuple[int, str, list[Row]] = (-1, ",", [])
    for separator in _SEPARATORS:
        rows = list(_first(records(file, encoding, separator)))
        known = max((len(places(kinds, row.cells)) for row in rows), default=0)
        best = max(best, (known, separator, rows), key=lambda each: each[0])
    _known, separator, rows = best
    where = find(kinds, [(row.number, row.cells) for row in rows])
    if where is None:
        raise headless()
    return Text(encoding, separator, checked(kinds, rows[where].number, rows[where].cells, needed))


def headless() -> Exception:
    """The Problem of a file in whose first rows no headings are found."""
    text = _("None of the first %(rows)s rows holds the headings of the template. Download it and copy its first row.")
    title = _("No row of headings was found")
    return unreadable(title, of_file("headings", text % {"rows": SEARCHED_ROWS}, row=1))


def _first(rows: Iterator[Row]) -> Iterator[Row]:
    for row in rows:
        if row.number > SEARCHED_ROWS or row.broken:
            return
        yield row


def rows(file: BinaryIO, text: Text, after: int = 0) -> Iterator[Row]:
    """The rows beneath the headings, without blank ones and asides, beginning after row `after`."""
    for row in records(file, text.encoding, text.separator):
        if row.number > max(text.header.row, after) and (row.broken or not passed_over(row)):
            yield row


def passed_over(row: Row) -> bool:
    """Whether a row is blank or an aside."""
    first = next((cell for cell in row.cells if cell is not None and str(cell).strip()), None)
    return first is None or str(first).strip().startswith(ASIDE)


def records(file: BinaryIO, encoding: str, separator: str, *, to_the_end: bool = False) -> Iterator[Row]:
    """Every record, numbered as spreadsheets number rows; of a broken one its text is the one cell.

    After one of ENDING there are none; with `to_the_end` that holds the rest of the file.
    """
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    try:
        lines = _Lines(text)
        reader = csv.reader(lines, delimiter=separator, strict=True)
        number = 0
        while True:
            number += 1
            lines.begin()
            try:
                yield Row(number, next(reader))
            except StopIteration:
                return
            except csv.Error as error:
                said = str(error)
                broken = "quote" if "end of data" in said else "long" if "limit" in said else "quoting"
                rest = text.read() if to_the_end and broken in ENDING else ""
                yield Row(number, (lines.record + rest,), broken)
                if broken in ENDING:
                    return
    finally:
        # Whoever breaks off may have closed the file before this is collected; there is nothing to keep open then.
        if not file.closed:
            text.detach()


class _Lines:
    """The lines of a text, and what of it is the record being read. Raises csv.Error where that is too long."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.begin()

    def begin(self) -> None:
        """Another record."""
        self._lines, self._size = list[str](), 0

    @property
    def record(self) -> str:
        return "".join(self._lines)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_ROW)
        if not line:
            raise StopIteration
        self._lines.append(line)
        self._size += len(line)
        if self._size >= MAX_ROW:
            raise csv.Error("record over the limit")
        return line


def _encoding(file: BinaryIO) -> str:
    file.seek(0)
    start = file.read(4096)
    for bom, name in _BOMS.items():
        if start.startswith(bom):
            return _decodes(file, name)
    # ASCII in UTF-16 has a NUL in every other byte.
    nuls = start[0::2].count(0), start[1::2].count(0)
    if max(nuls) > len(start) // 8:
        return _decodes(file, "utf-16-be" if nuls[0] > nuls[1] else "utf-16-le")
    wrong = _first_wrong(file, "utf-8")
    if wrong is None:
        return "utf-8"
    # Damaged UTF-8 decodes as GB 18030 too, into other characters: told apart by how much of it is right.
    if not _mostly_utf8(file, wrong) and _first_wrong(file, "gb18030") is None:
        return "gb18030"
    raise _undecodable(file, wrong)


def _decodes(file: BinaryIO, encoding: str) -> str:
    wrong = _first_wrong(file, encoding)
    if wrong is not None:
        raise _undecodable(file, wrong)
    return encoding


def _first_wrong(file: BinaryIO, encoding: str) -> int | None:
    """About the first byte that is not of this encoding: the start of the piece it is in, at worst."""
    file.seek(0)
    decoder, read = codecs.getincrementaldecoder(encoding)(), 0
    while True:
        piece = file.read(_PIECE)
        try:
            decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            return read + error.start
        if not piece:
            return None
        read += len(piece)


def _mostly_utf8(file: BinaryIO, wrong: int) -> bool:
    file.seek(max(0, wrong - (1 << 15)))
    said = file.read(1 << 16).decode("utf-8", "replace")
    return sum(letter > "\x7f" for letter in said) > 4 * said.count("\ufffd")


def _undecodable(file: BinaryIO, wrong: int) -> Exception:
    file.seek(0)
    row = 1
    while piece := file.read(min(_PIECE, max(0, wrong - file.tell()))):
        row += piece.count(b"\n")
    text = _("Around row %(row)s there are bytes that are neither UTF-8, UTF-16 nor GB 18030. Save it as “CSV UTF-8”.")
    return unreadable(_("The file is no legible text"), of_file("encoding", text % {"row": row}, row=row))
