"""Who goes when: a rate for each partner, whichever way it sends (GCRA, ITU-T I.371 Annex A)."""

import asyncio
import math
import time
from typing import Self

from runtime.settings import Settings
from submissions.ndjson import BATCH_LINES

#: What a partner who was silent may send at once, in seconds of its rate: requests, and entries. Entries come in
#: such small pieces because whoever asks meanwhile waits for a piece to end; and whoever asks for the first time has
#: had nobody make way yet (`sharing`).
REQUESTS_BURST_S = 1.0
ENTRIES_BURST_S = 0.02

#: What use is counted under: the partner, and live or test.
Account = tuple[str, str]


class Turns:
    """`rate` a second for each account, evenly, first come first served.

    Kept for each is when what was taken so far is paid off at the rate.
    """

    def __init__(self, name: str, rate: int, burst_s: float) -> None:
        self.name, self.rate = name, rate
        self.burst = max(1, int(rate * burst_s))
        self._paid_off: dict[Account, float] = {}

    @classmethod
    def of_requests(cls, settings: Settings) -> Self:
        return cls("requests", settings.requests_per_second, REQUESTS_BURST_S)

    @classmethod
    def of_entries(cls, settings: Settings) -> Self:
        return cls("entries", settings.entries_per_second, ENTRIES_BURST_S)

    @property
    def piece(self) -> int:
        """How many are taken at one go, at most: those that come after wait for no more than the rate asks for."""
        return min(BATCH_LINES, self.burst)

    async def wait(self, account: Account, cost: int = 1, most_s: float = math.inf) -> float | None:
        """Wait until the turn of `cost` comes. Where that is more than `most_s` away, nothing is taken, and the seconds
        until then are returned."""
        began = time.monotonic()
        paid_off = max(began, self._paid_off.get(account, 0.0)) + cost / self.rate
        turn_s = paid_off - began - self.burst / self.rate
        if turn_s > most_s:
            return turn_s
        self._paid_off[account] = paid_off
        if turn_s > 0:
            await asyncio.sleep(turn_s)
        return None

    def take(self, account: Account, cost: int) -> None:
        """Take `cost` without waiting: the next turn is so much later."""
        self._paid_off[account] = max(time.monotonic(), self._paid_off.get(account, 0.0)) + cost / self.rate

    def owed_s(self, account: Account) -> float:
        """Seconds until what was taken so far is paid off."""
        return max(0.0, self._paid_off.get(account, 0.0) - time.monotonic())

    def left(self, account: Account) -> tuple[int, int]:
        """How many more have their turn within a second, by which rates are told; and the seconds until that is `rate`
        again."""
        owed_s = self.owed_s(account)
        return max(0, int(self.rate * (1 - owed_s))), math.ceil(owed_s)
