"""A file as a sheet: CSV or XLSX, known by its first bytes rather than by its name."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from schemas.entry import KINDS
from submissions.sheets import texts, workbooks
from submissions.sheets.findings import of_file, unreadable
from submissions.sheets.headers import required
from submissions.sheets.rows import Header, Read, Row, read
from submissions.sheets.texts import Text
from submissions.sheets.unpacking import is_workbook
from submissions.sheets.workbooks import Workbook
from web.languages import _
from web.words import word

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"


@dataclass(frozen=True)
class Sheet:
    """A file that can be read. `form` says how: as text, or as a workbook that is read already."""

    file: BinaryIO
    kind: str
    form: Text | Workbook

    @property
    def header(self) -> Header:
        return self.form.header

    @property
    def notes(self) -> tuple[str, ...]:
        """What the sender should know of how it was read."""
        return self.form.notes if isinstance(self.form, Workbook) else ()

    @property
    def media_type(self) -> str:
        return XLSX if isinstance(self.form, Workbook) else CSV

    def reads(self, after: int = 0) -> Iterator[Read]:
        """Its rows as submissions, in order, beginning after row `after`."""
        for row in self._rows(after):
            yield read(self.kind, self.header, row)

    def _rows(self, after: int) -> Iterator[Row]:
        if isinstance(self.form, Workbook):
            return workbooks.rows(self.form, after)
        return texts.rows(self.file, self.form, after)


def look(file: BinaryIO, kind: str | None) -> Sheet:
    """What a file is and how its rows are read. Raises the Problem that keeps it from being read; takes its time."""
    if is_workbook(table_start(file)):
        workbook = workbooks.look(file, kind)
        return Sheet(file, workbook.kind, workbook)
    if kind is None:
        text = _("Say which kind of entries the file holds: %(kinds)s.")
        said = text % {"kinds": _("; ").join(map(word, KINDS))}
        raise unreadable(_("Which kind is it?"), of_file("kind", said, expected=", ".join(KINDS)))
    return Sheet(file, kind, texts.look(file, (kind,), required(kind)))


def table_start(file: BinaryIO) -> bytes:
    """The first bytes of a file that may be a table. Raises the Problem of one that is empty, or something else."""
    file.seek(0)
    start = file.read(4096)
    if not start.strip(b"\x00 \r\n\t\xef\xbb\xbf"):
        raise unreadable(_("The file is empty"), of_file("empty", _("Fill in the template and send that.")))
    if start.lstrip(b"\xef\xbb\xbf \r\n\t").startswith((b"<", b"%PDF", b"\x89PNG", b"{", b"[")):
        text = _("It is no table, whatever its name says. Open it in Excel and save it as .xlsx or “CSV UTF-8”.")
        raise unreadable(_("The file is neither CSV nor XLSX"), of_file("format", text))
    return start
