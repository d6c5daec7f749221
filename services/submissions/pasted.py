"""What comes by the form: a file or pasted text, as JSON (one submission, or a list of them) or NDJSON."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import orjson
from starlette.datastructures import UploadFile

from schemas.finding import Finding
from schemas.json_text import Illegible, unlike_text, unmarked, written
from submissions.intake import Intake, Receipt
from submissions.ndjson import Line, Splitter
from web.languages import _, language, ngettext
from web.problems import Problem

#: More is sent by program: `POST /submissions:stream`.
MAX_UPLOAD_BYTES = 20_000_000
#: So are more entries: a page tells of each, and each that is refused is kept for good.
MAX_ENTRIES = 10_000
#: Bytes that are cut into lines at one go: a file may have millions.
_SLICE = 65_536


@dataclass(frozen=True)
class Sent:
    """What became of a form's submissions, in order, each with its number: among the entries of a JSON `document`, else
    that of its line. Where it is `checked` only, what would become of them.

    Of what holds no entries at all, `wrong` says what it is, and `field` where it came from. Of others, `raw` is what
    they were read from.
    """

    receipts: tuple[tuple[int, Receipt], ...]
    document: bool = False
    checked: bool = False
    wrong: str = ""
    field: Literal["file", "text"] = "text"
    raw: bytes = b""

    @property
    def accepted(self) -> list[Receipt]:
        return [receipt for _, receipt in self.receipts if receipt.status != "refused"]

    @property
    def refused(self) -> list[tuple[int, Receipt]]:
        return [(number, receipt) for number, receipt in self.receipts if receipt.status == "refused"]

    @property
    def status(self) -> int:
        """The HTTP status of the page that tells of it."""
        return 200 if self.checked and self.receipts else 422

    @property
    def fates(self) -> list[tuple[int, Receipt, str]]:
        """Each with what becomes of it; the refused ones first."""
        each = [(number, receipt, self._fate(receipt)) for number, receipt in self.receipts]
        return sorted(each, key=lambda one: one[2] != "refused")

    @property
    def counts(self) -> Counter[str]:
        """How many have each fate."""
        return Counter(fate for _number, _receipt, fate in self.fates)

    def _fate(self, receipt: Receipt) -> str:
        # A check records nothing: an accepted entry that names an event was here before.
        here = self.checked and receipt.event and receipt.status != "refused"
        return "unchanged" if here else receipt.status


async def take(intake: Intake, file: UploadFile | None, text: str) -> Sent:
    """Take in what the form holds, through the same code as the API; nothing of it where it is no text of entries at
    all: each of its lines would be a refusal, and be kept for good. Raises a Problem when it is too much."""
    raw = await _uploaded(file, text)
    if wrong := _wrong(raw):
        return Sent((), checked=intake.validate_only, wrong=wrong, field="file" if file and file.filename else "text")
    raw = unmarked(raw)
    lines, document = _lines(raw)
    receipts: list[tuple[int, Receipt]] = []
    while batch := lines[len(receipts) : len(receipts) + intake.piece]:
        taken = await intake.take(batch)
        receipts += [(line.number, receipt) for line, (receipt, _) in zip(batch, taken, strict=True)]
    return Sent(tuple(receipts), document, intake.validate_only, raw=raw)


def taken(sent: Sent) -> str:
    """What to tell of those that were accepted."""
    count = len(sent.accepted)
    said = ngettext("%(count)s entry is taken in.", "%(count)s entries are taken in.", count)
    return said % {"count": count}


async def _uploaded(file: UploadFile | None, text: str) -> bytes:
    """What the form holds: its file if there is one, else its text."""
    if file is None or not file.filename:
        return text.encode()
    if (file.size or 0) > MAX_UPLOAD_BYTES:
        raise _too_large(_("The file is larger than 20 MB"))
    return await file.read()


def _too_large(title: str) -> Problem:
    detail = _("Nothing of it was taken in. POST /submissions:stream and “shuangqian submit” take any number of lines.")
    return Problem(413, "upload-too-large", title, detail)


def _wrong(raw: bytes) -> str:
    """Why this is neither JSON nor NDJSON, from its very beginning on; empty where it may be, or is empty itself."""
    begun = unmarked(raw).lstrip()
    if not begun:
        return ""
    if why := unlike_text(raw):
        return Finding(rule="json", pointer="", expected=why).text(language())
    if not begun.startswith((b"{", b"[")):
        return _("This holds no entries: an entry in JSON begins with {, and a list of them with [.")
    return ""


def _lines(raw: bytes) -> tuple[list[Line], bool]:
    """The submissions, and whether they stand in one JSON document rather than on lines of their own. Raises a Problem
    where there are too many."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        lines = list(islice(_cut(raw), MAX_ENTRIES + 1))
        # One object laid out on many lines begins with a brace alone: with a slip in it, it still is one submission.
        if lines and lines[0].raw.strip() in (b"{", b"["):
            return [Line(1, raw, len(raw))], True
        if len(lines) > MAX_ENTRIES:
            raise _too_many() from None
        return lines, False
    if isinstance(value, list) and len(value) > MAX_ENTRIES:
        raise _too_many()
    try:
        texts = written(raw, value)
    except Illegible:
        return [Line(1, raw, len(raw))], True
    return [Line(number, text, len(text)) for number, text in enumerate(texts, start=1)], True


def _cut(raw: bytes) -> Iterator[Line]:
    splitter = Splitter()
    for start in range(0, len(raw), _SLICE):
        yield from splitter.feed(raw[start : start + _SLICE])
    yield from splitter.end()


def _too_many() -> Problem:
    return _too_large(_("These are more than %(most)s entries") % {"most": f"{MAX_ENTRIES:,}"})
