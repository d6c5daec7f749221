"""Reading what is to be sent: NDJSON of any length as it comes, a JSON file with one entry or a list, or stdin."""

import asyncio
import codecs
import contextvars
import io
import os
import sys
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import orjson

from schemas.json_text import Illegible, written
from shuangqian.outcomes import NOT_RIGHT
from web.languages import _
from web.shell import Failed

#: Bytes read at once, and pieces read ahead of what is sent.
PIECE_BYTES = 64 * 1024
AHEAD = 16
#: Bytes that a line may have (schemas.rules, which would take long to import).
LINE_BYTES = 1_000_000
#: What packed files begin with, and what unpacks them.
PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
#: What a workbook begins with: a ZIP archive, and Excel's format before 2007.
BOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
#: Characters shown of a line that is no entry.
SHOWN = 40


@dataclass(frozen=True, slots=True)
class Line:
    """One entry: its line's number in the file (or its number in the list), its bytes, and how far into the file it
    ends."""

    number: int
    raw: bytes
    end: int


def opened(path: str) -> tuple[BinaryIO, int | None]:
    """A file and its size in bytes; `-` is stdin, whose size nobody knows."""
    if path == "-":
        # Not sys.stdin: a thread that waits in it cannot be left behind when the process ends.
        return os.fdopen(sys.stdin.fileno(), "rb", buffering=0, closefd=False), None
    try:
        return io.FileIO(path), Path(path).stat().st_size
    except OSError as error:
        text = _("%(path)s cannot be read: %(error)s.")
        raise Failed(NOT_RIGHT, text % {"path": path, "error": error.strerror}) from None


def to_write(path: str) -> str:
    """The path of a file that can be written. Raises Failed for any other, before anything else is done."""
    where = Path(path)
    if where.is_dir() or not os.access(where if where.exists() else where.parent, os.W_OK):
        raise Failed(NOT_RIGHT, _("%s cannot be written: name a file in a folder that is there.") % path)
    return path


def write(path: str, said: bytes) -> None:
    """Write a file. Raises Failed."""
    try:
        Path(path).write_bytes(said)
    except OSError as error:
        text = _("%(path)s cannot be written: %(error)s.")
        raise Failed(NOT_RIGHT, text % {"path": path, "error": error.strerror}) from None


def lines(path: str, file: BinaryIO) -> Iterator[list[Line]]:
    """The entries of a file, as many at once as there are; blank lines count, and are passed over.

    Raises Failed where it begins like something else: each of its lines would be refused, for good.
    """
    piece = _beginning(file)
    if _is_whole(path, piece):
        yield _whole(path, piece + _rest(file))
        return
    number, end, rest = 0, 0, b""
    while piece:
        *ended, rest = (rest + piece).split(b"\n")
        found = []
        for raw in ended:
            number, end = number + 1, end + len(raw) + 1
            if raw.strip():
                found.append(Line(number, raw, end))
        yield found
        piece = file.read(PIECE_BYTES)
    if rest.strip():
        yield [Line(number + 1, rest, end + len(rest))]


def _beginning(file: BinaryIO) -> bytes:
    """What tells a file's kind: all up to its first line that is not blank, or as much of that as an entry may have."""
    text = b""
    while piece := file.read(PIECE_BYTES):
        text += piece
        begun = text.removeprefix(codecs.BOM_UTF8).lstrip()
        if b"\n" in begun or len(begun) > LINE_BYTES:
            break
    return text.removeprefix(codecs.BOM_UTF8)


def _is_whole(path: str, beginning: bytes) -> bool:
    """Whether a file is one JSON document, and not one a line. Raises Failed where it is neither."""
    if beginning.startswith(BOOKS):
        told = _(
            "%s looks like a workbook or a ZIP file. Nothing was sent. A sheet goes by: shuangqian import FILE.xlsx"
        )
        raise Failed(NOT_RIGHT, told % path)
    if packing := next((name for begins, name in PACKED.items() if beginning.startswith(begins)), None):
        told = _("%(path)s is packed. Nothing was sent. Unpack it: %(packing)s -dc FILE | shuangqian submit -")
        raise Failed(NOT_RIGHT, told % {"path": path, "packing": packing})
    begun = beginning.lstrip()
    first = begun.partition(b"\n")[0]
    if not _is_text(first[:LINE_BYTES]):
        told = _(
            "%s is not text in UTF-8. Nothing was sent. Save entries as UTF-8; "
            "a sheet (.xlsx, .csv) goes by: shuangqian import FILE"
        )
        raise Failed(NOT_RIGHT, told % path)
    if path.endswith(".json") or begun.startswith(b"["):
        return True
    number = beginning[: len(beginning) - len(begun)].count(b"\n") + 1
    if begun and not begun.startswith(b"{"):
        raise no_entry(path, number, first.decode(errors="replace"))
    if not begun or len(first) > LINE_BYTES:
        return False
    try:
        orjson.loads(first)
    except orjson.JSONDecodeError as error:
        if error.pos >= len(error.doc):
            return True  # it goes on in the next line
        told = _("Line %(line)s of %(path)s is not JSON: %(error)s. Nothing was sent. Mend it, or take it out.")
        raise Failed(NOT_RIGHT, told % {"path": path, "line": number, "error": error.msg}) from None
    return False


def _is_text(line: bytes) -> bool:
    try:
        # Not to the end: what is cut off may be in the midst of a character.
        codecs.getincrementaldecoder("utf-8")().decode(line)
    except UnicodeDecodeError:
        return False
    return b"\0" not in line


def no_entry(path: str, number: int, text: str) -> Failed:
    """What stands where the first entry is to stand is none."""
    told = _(
        "Line %(line)s of %(path)s is no entry: %(text)s. Nothing was sent. Entries are JSON objects, one a line; "
        "a sheet (.xlsx, .csv) goes by: shuangqian import FILE"
    )
    text = text.strip()
    shown = text if len(text) <= SHOWN else text[:SHOWN] + "…"
    return Failed(NOT_RIGHT, told % {"path": path, "line": number, "text": shown})


def _rest(file: BinaryIO) -> bytes:
    return b"".join(iter(lambda: file.read(PIECE_BYTES), b""))


def _whole(path: str, text: bytes) -> list[Line]:
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if path.endswith(".json"):
            told = _("%(path)s is not JSON: %(error)s. Lines of JSON, one entry each, go into a file named .ndjson.")
        elif text.lstrip().startswith(b"["):
            told = _("%(path)s begins like a JSON list and is none: %(error)s. Nothing was sent.")
        else:
            told = _(
                "In %(path)s an entry goes over several lines, and all of it is not one JSON document: %(error)s. "
                "Nothing was sent. One entry a line is needed: jq -c . FILE > entries.ndjson makes it so"
            )
        raise Failed(NOT_RIGHT, told % {"path": path, "error": error}) from None
    entries = said if isinstance(said, list) else [said]
    try:
        texts = written(text, said)
    except Illegible:
        told = _("%s is nested too deep. Nothing was sent.")
        raise Failed(NOT_RIGHT, told % path) from None
    if entries and not isinstance(entries[0], dict):
        raise no_entry(path, 1, orjson.dumps(entries[0]).decode())
    return [Line(number, entry, len(text) * number // len(entries)) for number, entry in enumerate(texts, start=1)]


@dataclass
class Source:
    """The same, read by a thread a little ahead, so that waiting for input holds nothing else up."""

    path: str
    file: BinaryIO
    after: int = 0
    without: Collection[int] = ()
    trouble: Failed | None = None
    _ready: "asyncio.Queue[Sequence[Line]]" = field(default_factory=asyncio.Queue)
    _room: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(AHEAD))

    def start(self) -> None:
        """Begin to read, within a running loop."""
        # As a daemon: it may wait for input that never comes. In this context: what it says is in the language spoken.
        run, loop = contextvars.copy_context().run, asyncio.get_running_loop()
        threading.Thread(target=run, args=(self._read, loop), daemon=True).start()

    async def take(self) -> Sequence[Line]:
        """The next entries after line `after`, but for those of `without`; empty at the end, or where `trouble` keeps
        them from being read.

        Cancelled, it loses none.
        """
        ready = await self._ready.get()
        self._room.release()
        return ready

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            for found in lines(self.path, self.file):
                if kept := [line for line in found if line.number > self.after and line.number not in self.without]:
                    self._give(loop, kept)
            self._give(loop, ())
        except Failed as failed:
            self.trouble = failed
            self._give(loop, ())
        except OSError as error:
            text = _("%(path)s cannot be read: %(error)s.")
            self.trouble = Failed(NOT_RIGHT, text % {"path": self.path, "error": error.strerror})
            self._give(loop, ())

    def _give(self, loop: asyncio.AbstractEventLoop, ready: Sequence[Line]) -> None:
        self._room.acquire()
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._ready.put_nowait, ready)
