"""A request's body as it comes, and as it was before its sender packed it: gzip and zstd (RFC 9110, section 8.4; RFC
8878)."""

import asyncio
import zlib
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import Any

import zstandard
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from schemas.finding import Finding
from schemas.json_text import other_kind, unmarked
from schemas.rules import MAX_LINE_BYTES
from web.languages import _, language
from web.problems import Problem

#: A body may unpack to so many times what was sent …
MOST_TIMES = 200
#: … and to so many bytes in any case. Entries in JSON pack some ten times.
FREE_BYTES = 10_000_000
#: What is unpacked at one go; zstd makes at most 32,768 bytes of one.
_SLICE = 1024
#: A piece of what comes out is no larger: others have their turn between two.
_OUT = 65536
#: A decoder that wants a larger window of memory than this is refused (RFC 8878, section 3.1.1.1.2).
_WINDOW = 8 * 1024 * 1024
#: Bytes of a body, as they were sent, that are read ahead of what is at work.
_AHEAD = 65_536


class Coming:
    """A body that is read ahead, so that it is noticed when its sender leaves while a piece of it is still at work: one
    that is packed may hold millions of lines. Used as a context; what is read stays bounded by _AHEAD."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._waiting: deque[bytes] = deque()
        self._whole = False
        self._changed = asyncio.Condition()
        #: Whether the sender has gone, before the answer was whole.
        self.left = False

    async def __aenter__(self) -> "Coming":
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_raised: object) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body in pieces. Raises ClientDisconnect once its sender has gone."""
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: self._waiting or self._whole or self.left)
                if self.left:
                    raise ClientDisconnect
                if not self._waiting:
                    return
                piece = self._waiting.popleft()
                self._changed.notify_all()
            yield piece

    async def _read(self) -> None:
        while not self.left:
            message = await self._receive()
            async with self._changed:
                if message["type"] == "http.disconnect":
                    self.left = True
                elif self._whole:
                    return
                else:
                    if body := message.get("body", b""):
                        self._waiting.append(body)
                    self._whole = not message.get("more_body", False)
                self._changed.notify_all()
                if not self._whole:
                    await self._changed.wait_for(lambda: sum(map(len, self._waiting)) < _AHEAD)


def entries(request: Request, pieces: AsyncIterator[bytes] | None = None) -> AsyncIterator[bytes]:
    """The body that is to hold entries as JSON, in pieces, `unpacked`. Raises a Problem where it is none: at once where
    it is a form, while reading where it begins as a packed file or a workbook, or its first line is text of another
    encoding. Each line of these would be a refusal, and be kept for good."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "multipart/form-data":
        detail = _("Send the file’s own bytes: curl -T FILE -X POST, or --data-binary @FILE.")
        raise Problem(415, "no-entries", _("This is a form; nothing was sent"), detail)
    return _entries(unpacked(request, pieces))


async def _entries(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    begun, known = bytearray(), False  # the first line that is not blank, as far as it has come
    async for piece in pieces:
        if not known:
            begun += piece
            if b"\n" in piece or len(begun) > MAX_LINE_BYTES:
                line, ended, _ = unmarked(bytes(begun)).lstrip().partition(b"\n")
                known = bool(ended) or len(line) > MAX_LINE_BYTES
                if known:
                    look(line)
                begun = bytearray() if known else bytearray(line)
        yield piece
    look(bytes(begun))


def look(text: bytes) -> None:
    """Raises a Problem where a text is plainly no JSON in UTF-8, but a file of another kind."""
    if why := other_kind(text):
        detail = Finding(rule="json", pointer="", expected=why).text(language())
        raise Problem(415, "no-entries", _("This is a file of another kind; nothing was sent"), detail)


def unpacked(request: Request, pieces: AsyncIterator[bytes] | None = None) -> AsyncIterator[bytes]:
    """The body in pieces, unpacked as they come; `pieces` are those of the body, where they are read otherwise.

    Raises a Problem at once where the encoding is not known, and while reading where the body is damaged, ends early or
    unpacks to too much: the pieces before that are whole.
    """
    pieces = pieces or request.stream()
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    match encoding:
        case "identity" | "":
            return pieces
        case "gzip" | "x-gzip":
            return _unpacked(pieces, _Gzip())
        case "zstd":
            return _unpacked(pieces, _Zstd())
        case _:
            detail = _("Send it as it is, or packed with gzip or zstd.")
            raise Problem(
                415,
                "encoding-unknown",
                _("This Content-Encoding is not known here"),
                detail,
                headers={"Accept-Encoding": "gzip, zstd"},
            )


async def _unpacked(pieces: AsyncIterator[bytes], decoder: "_Gzip | _Zstd") -> AsyncIterator[bytes]:
    came = made = 0
    try:
        async for piece in pieces:
            came += len(piece)
            for part in decoder.feed(piece):
                made += len(part)
                if made > max(FREE_BYTES, came * MOST_TIMES):
                    detail = _("Send it in several parts, or unpacked.")
                    raise Problem(413, "unpacks-too-large", _("The body unpacks to too much"), detail)
                for start in range(0, len(part), _OUT):
                    yield part[start : start + _OUT]
    except (zlib.error, zstandard.ZstdError) as error:
        detail = _("What came before is taken in. Pack it again and send the rest.")
        raise Problem(400, "body-damaged", _("The body cannot be unpacked"), detail) from error
    if came and not decoder.ended:
        detail = _("What came before is taken in. Send the rest again.")
        raise Problem(400, "body-cut-short", _("The packed body ends too early"), detail)


class _Gzip:
    """Decodes gzip: any number of members, one after the other (RFC 1952)."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)

    @property
    def ended(self) -> bool:
        return self._member.eof

    def feed(self, piece: bytes) -> Iterator[bytes]:
        full = False  # there may be more than was asked for, all input taken
        while piece or full:
            if self._member.eof:
                self._member = zlib.decompressobj(wbits=31)
            part = self._member.decompress(piece, _OUT)
            yield part
            piece = self._member.unconsumed_tail or self._member.unused_data
            full = len(part) == _OUT and not self._member.eof


class _Zstd:
    """Decodes Zstandard: any number of frames, one after the other (RFC 8878)."""

    def __init__(self) -> None:
        self._frame = self._new()

    @property
    def ended(self) -> bool:
        return bool(self._frame.eof)

    def feed(self, piece: bytes) -> Iterator[bytes]:
        for start in range(0, len(piece), _SLICE):
            rest = piece[start : start + _SLICE]
            while rest:
                if self._frame.eof:
                    self._frame = self._new()
                yield self._frame.decompress(rest)
                rest = self._frame.unused_data if self._frame.eof else b""

    def _new(self) -> Any:
        return zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()
