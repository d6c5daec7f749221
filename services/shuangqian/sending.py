"""Sending lines and reading their receipts at the same time, over as many connections as it takes.

What has been sent and has no receipt yet is kept, and sent again after a dropped line: repeats take no second effect
and get the receipt of the first time. So every line gets one receipt, in order.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp  # and not httpx2, which reads no answer before the whole request is sent
import orjson

from shuangqian.client import Json, broken, failure, headers, unreachable
from shuangqian.entries import Line, Source
from shuangqian.outcomes import SERVER_FAILED
from shuangqian.profiles import Access
from web.languages import _
from web.shell import Failed

#: Lines and bytes that may wait for their receipts.
WAITING_LINES, WAITING_BYTES = 10_000, 16_000_000
PIECE_BYTES = 64 * 1024
#: Seconds without a receipt, where some are due, after which a connection counts as dropped.
SILENT_S = 90.0
#: Seconds before the second attempt, which double, and their limit; and how long nothing may move at all.
AGAIN_S, AGAIN_MOST_S, PATIENCE_S = 0.5, 30.0, 300.0
#: Answers that mean: later.
LATER = {429, 502, 503, 504}

#: Told before each new attempt: what happened, and the seconds until then.
Again = Callable[[str, float], None]


class Dropped(Exception):
    """The connection ended before its time. The message says how."""


@dataclass
class Window:
    """Lines in order: those sent that have no receipt yet, and those to come."""

    source: Source
    unanswered: deque[Line] = field(default_factory=deque)
    ended: bool = False
    _bytes: int = 0
    _room: asyncio.Event = field(default_factory=asyncio.Event)

    async def begin(self) -> None:
        """Wait for the first lines, so that no connection is made for what turns out to be none."""
        self._take_in(await self.source.take())

    def _take_in(self, lines: Sequence[Line]) -> None:
        self.ended = not lines
        self.unanswered.extend(lines)
        self._bytes += sum(len(line.raw) for line in lines)

    async def pieces(self) -> AsyncIterator[bytes]:
        """What one connection sends: first the lines without a receipt again, then the others, as there is room."""
        piece = b""
        for line in tuple(self.unanswered):
            piece += line.raw + b"\n"
            if len(piece) > PIECE_BYTES:
                yield piece
                piece = b""
        if piece:
            yield piece
        while not self.ended:
            while len(self.unanswered) >= WAITING_LINES or self._bytes >= WAITING_BYTES:
                self._room.clear()
                await self._room.wait()
            lines = await self.source.take()
            self._take_in(lines)
            if lines:
                yield b"".join(line.raw + b"\n" for line in lines)

    def answered(self) -> Line:
        """The line whose receipt has come: the oldest."""
        line = self.unanswered.popleft()
        self._bytes -= len(line.raw)
        self._room.set()
        return line


@dataclass
class Patience:
    """Waits between attempts, and ends when nothing has moved for too long."""

    again: Again
    access: Access
    reached: bool = False
    _attempts: int = 0
    _moved: float = field(default_factory=time.monotonic)

    def moved(self) -> None:
        self.reached, self._attempts, self._moved = True, 0, time.monotonic()

    async def wait(self, error: Exception, after_s: float | None = None) -> None:
        """Until the next attempt. Raises Failed where the server was never there, or has been away for too long."""
        never_there = not self.reached and isinstance(error, aiohttp.ClientConnectorError)
        if never_there or time.monotonic() - self._moved > PATIENCE_S:
            if isinstance(error, Failed):
                raise error
            raise unreachable(self.access, error if never_there else Dropped(_what(error)))
        self.reached = True
        delay_s = after_s or min(AGAIN_MOST_S, AGAIN_S * 2**self._attempts) * random.uniform(0.8, 1.2)
        self._attempts += 1
        self.again(_what(error), delay_s)
        await asyncio.sleep(delay_s)


def _what(error: Exception) -> str:
    """How an attempt ended."""
    said = isinstance(error, Dropped | Failed)
    return str(error) if said else broken(error, aiohttp.ClientConnectorError, TimeoutError)


async def receipts(
    access: Access, source: Source, again: Again, *, validate_only: bool = False
) -> AsyncIterator[tuple[Line, Json]]:
    """Each line with its receipt, in order, as they come. Raises Failed."""
    source.start()
    window, patience = Window(source), Patience(again, access)
    query = {"validate": "only"} if validate_only else {}
    await window.begin()
    async with session(access) as http:
        while not (window.ended and not window.unanswered):
            try:
                async with http.post("/submissions:stream", data=window.pieces(), params=query) as answer:
                    await accepted(answer)
                    numbers = count(1)
                    async for receipt in json_lines(answer, lambda: bool(window.unanswered)):
                        patience.moved()
                        if receipt.get("line") != next(numbers):
                            raise Failed(SERVER_FAILED, _("The server’s receipts are out of order."))
                        yield window.answered(), receipt
                if window.unanswered or not window.ended:
                    raise Dropped(_("the server ended the connection"))
            except (aiohttp.ClientError, OSError, TimeoutError, Dropped) as error:
                await patience.wait(error)
            except Later as later:
                await patience.wait(later.failed, later.after_s)
    if source.trouble:
        raise source.trouble


class Later(Exception):
    """The server asks to come again in `after_s` seconds."""

    def __init__(self, failed: Failed, after_s: float) -> None:
        super().__init__(failed.text)
        self.failed, self.after_s = failed, after_s


def session(access: Access) -> aiohttp.ClientSession:
    """A client without a limit in all; proxies are those of the environment."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=None)
    said = {**headers(access), "Content-Type": "application/x-ndjson"}
    return aiohttp.ClientSession(access.url, headers=said, timeout=timeout, trust_env=True)


async def accepted(answer: aiohttp.ClientResponse) -> None:
    """Raises Later or Failed where the answer is not the one that was asked for."""
    if answer.status in LATER:
        after = answer.headers.get("Retry-After", "")
        failed = failure(answer.status, await answer.read())
        raise Later(failed, float(after) if after.isdecimal() else AGAIN_S * 4)
    if answer.status != 200:
        raise failure(answer.status, await answer.read())


async def json_lines(answer: aiohttp.ClientResponse, due: Callable[[], bool]) -> AsyncIterator[Json]:
    """The JSON lines of an answer, as they come; Dropped where some are due and none comes for SILENT_S.

    Raises Failed where the last says that no more is taken in, as when the day's quota is used up.
    """
    rest = b""
    while True:
        try:
            async with asyncio.timeout(SILENT_S):
                piece = await answer.content.readany()
        except TimeoutError:
            if due():
                raise Dropped(_("nothing came for %s seconds") % int(SILENT_S)) from None
            continue
        if not piece:
            return
        *ended, rest = (rest + piece).split(b"\n")
        for line in ended:
            said = _json(line)
            if said.get("status") == "stopped":
                raise failure(said["problem"]["status"], orjson.dumps(said["problem"]))
            yield said


def _json(line: bytes) -> dict[str, Any]:
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        raise Failed(SERVER_FAILED, _("The server’s answer is not a receipt."))
    return said
