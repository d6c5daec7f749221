"""How those who send many entries at once and those who ask for one thing share an api process: the many make way.

An entry costs more than the time it is taken in for: the relay, the broker and the database have work with it that
whoever asks next waits for. So the time between two pieces follows from how long a piece takes, not from a rate: a
machine that is slow, or has much else to do, gets longer rests.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from submissions.ndjson import BATCH_LINES
from submissions.turns import Account

#: A partner whose last request came so recently is still there: others' streams and files make way for it.
RECENT_S = 1.0
#: Entries that are taken in at one go while another partner is there.
PIECE = 20
#: After a piece none is begun for so many times as long as it took, while another partner is there.
REST = 4
#: But for no longer than this: what took so long waited for a server that was away.
MOST_REST_S = 1.0


class Sharing:
    """A partner is free while no other is there; else one piece is taken in at a time, and a rest follows each."""

    def __init__(self) -> None:
        self._asked: dict[Account, float] = {}
        self._turn = asyncio.Lock()
        self._rested = 0.0

    def asked(self, account: Account) -> None:
        """Note that a request of this account has come, for one thing."""
        self._asked[account] = time.monotonic()

    def in_company(self, account: Account) -> bool:
        """Whether another account's request has come within RECENT_S."""
        since = time.monotonic() - RECENT_S
        return any(at > since and other != account for other, at in self._asked.items())

    def piece(self, account: Account) -> int:
        """Entries to take in at one go now, at most."""
        return PIECE if self.in_company(account) else BATCH_LINES

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
                self._rested = now + min(REST * (now - began), MOST_REST_S)
