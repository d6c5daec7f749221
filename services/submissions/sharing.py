"""How streams of many entries and single requests share one process: while others ask, streams go piece by piece.

An entry costs more than the time it is taken in for: the relay, the broker and the database have work with it that
whoever asks next waits for. So the time between two pieces follows from how long a piece takes, not from a rate: a
machine that is slow, or has much else to do, gets longer rests.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

#: A partner whose last request came so recently is still there: others' streams make way for it.
RECENT_S = 1.0
#: Entries that a stream takes in at one go while another partner is there.
PIECE = 20
#: After a piece nothing is streamed for so many times as long as the piece took, while another partner is there.
REST = 4

Account = tuple[str, str]


class Sharing:
    """Streams are free while only their own partner is there; else one piece at a time, and a rest after each."""

    def __init__(self) -> None:
        self._asked: dict[Account, float] = {}
        self._turn = asyncio.Lock()
        self._rested = 0.0

    def asked(self, account: Account) -> None:
        """Note that a request of this account has come."""
        self._asked[account] = time.monotonic()

    def in_company(self, account: Account) -> bool:
        """Whether another account's request has come within RECENT_S."""
        since = time.monotonic() - RECENT_S
        return any(at > since and other != account for other, at in self._asked.items())

    @asynccontextmanager
    async def turn(self, account: Account) -> AsyncIterator[None]:
        """Wait for the turn of one piece, which is taken in within the block."""
        if not self.in_company(account):
            yield
            return
        async with self._turn:
            await asyncio.sleep(max(0.0, self._rested - time.monotonic()))
            began = time.monotonic()
            try:
                yield
            finally:
                now = time.monotonic()
                self._rested = now + REST * (now - began)
