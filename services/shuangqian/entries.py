"""Reading what is to be sent: NDJSON of any length as it comes, a JSON file with one entry or a list, or stdin."""

import asyncio
import io
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import orjson

from shuangqian.outcomes import NOT_RIGHT
from web.languages import _
from web.shell import Failed

#: Bytes read at once, and pieces read ahead of what is sent.
PIECE_BYTES = 64 * 1024
AHEAD = 16


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


def lines(path: str, file: BinaryIO) -> Iterator[list[Line]]:
    """The entries of a file, as many at once as there are; blank lines count, and are passed over."""
    first = file.read(PIECE_BYTES)
    begins = first.lstrip(b"\xef\xbb\xbf \t\r\n")
    if path.endswith(".json") or begins.startswith(b"[") or begins.split(b"\n", 1)[0].strip() == b"{":
        yield _whole(path, first + _rest(file))
        return
    number, end, rest, piece = 0, 0, b"", first
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


def _rest(file: BinaryIO) -> bytes:
    return b"".join(iter(lambda: file.read(PIECE_BYTES), b""))


def _whole(path: str, text: bytes) -> list[Line]:
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        told = _("%(path)s is not JSON: %(error)s. Lines of JSON, one entry each, go into a file named .ndjson.")
        raise Failed(NOT_RIGHT, told % {"path": path, "error": error}) from None
    entries = said if isinstance(said, list) else [said]
    return [
        Line(number, orjson.dumps(entry), len(text) * number // len(entries))
        for number, entry in enumerate(entries, start=1)
    ]


@dataclass
class Source:
    """The same, read by a thread a little ahead, so that waiting for input holds nothing else up."""

    path: str
    file: BinaryIO
    after: int = 0
    trouble: Failed | None = None
    _ready: "asyncio.Queue[Sequence[Line]]" = field(default_factory=asyncio.Queue)
    _room: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(AHEAD))

    def start(self) -> None:
        """Begin to read, within a running loop."""
        # As a daemon: it may wait for input that never comes.
        threading.Thread(target=self._read, args=(asyncio.get_running_loop(),), daemon=True).start()

    async def take(self) -> Sequence[Line]:
        """The next entries after line `after`; empty at the end, or where `trouble` keeps them from being read.

        Cancelled, it loses none.
        """
        ready = await self._ready.get()
        self._room.release()
        return ready

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            for found in lines(self.path, self.file):
                if kept := [line for line in found if line.number > self.after]:
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
