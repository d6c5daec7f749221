"""How much a partner may send: requests and entries a second, entries a day; and what one request uses of it.

Each api process counts on its own, in memory: with several of them a partner may send so many times as much, and a
process that starts anew counts from nothing. Live and test are counted apart.
"""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from limits import RateLimitItemPerDay
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter
from starlette.requests import Request

from runtime.settings import Settings
from submissions.intake import Receipt
from submissions.keyring import Held
from submissions.ndjson import BATCH_LINES
from submissions.turns import Turns
from web.languages import _, number, span
from web.problems import Problem

#: Requests and single entries beyond the rate wait for their turn up to so long; then they are refused.
PATIENCE_S = 2.0
#: Different rules after which no more are told of one request in the log.
TOLD_RULES = 3


class Limits:
    """What each partner has used in this process. The day's window begins with the first use."""

    def __init__(self, settings: Settings) -> None:
        self._windows = FixedWindowRateLimiter(MemoryStorage())
        self.requests, self.entries = Turns.of_requests(settings), Turns.of_entries(settings)
        self.daily = RateLimitItemPerDay(settings.entries_per_day, namespace="daily-entries")
        self._policy = (
            f'"requests";q={self.requests.rate};w=1, "entries";q={self.entries.rate};w=1;qu="entries", '
            f'"daily-entries";q={self.daily.amount};w={self.daily.get_expiry()};qu="entries"'
        )

    async def request(self, held: Held) -> None:
        """Let a request have its turn. Raises the Problem of too many that wait."""
        if wait_s := await self.requests.wait(held.account, most_s=PATIENCE_S):
            title = _("Too many requests")
            detail = _(
                "%(most)s requests a second are the most. Go on in %(wait)s, or send many entries in one request: "
                "/submissions:stream."
            )
            raise _too_many(self.requests.name, self.requests.rate, wait_s, "rate-exceeded", title, detail)

    async def take(self, held: Held, *, check: bool) -> None:
        """Let one entry have its turn; `check`: it is only validated, which the day's quota is not for. Raises the
        Problem of too many that wait, or of a quota that is used up."""
        if wait_s := await self.entries.wait(held.account, most_s=PATIENCE_S):
            title, detail = _("Too many entries at once"), _("%(most)s a second are the most. Go on in %(wait)s.")
            raise _too_many(self.entries.name, self.entries.rate, wait_s, "rate-exceeded", title, detail)
        if not check and not await self._windows.hit(self.daily, *held.account):
            raise await self.quota_problem(held)

    async def pace(self, held: Held, entries: int, *, check: bool) -> int:
        """Wait for the turn of these entries; how many of them the day's quota allows: all that are only validated."""
        if check:
            await self.entries.wait(held.account, entries)
            return entries
        daily = await self._windows.get_window_stats(self.daily, *held.account)
        allowed = min(entries, daily.remaining)
        if allowed:
            # Nothing else runs between what is left and taking it: memory is never waited for.
            await self._windows.hit(self.daily, *held.account, cost=allowed)
            await self.entries.wait(held.account, allowed)
        return allowed

    async def quota_problem(self, held: Held) -> Problem:
        """The Problem of a quota that is used up."""
        title = _("The day’s quota of entries is used up")
        detail = _(
            "%(most)s entries a day are the most. Go on in %(wait)s; what was answered before is stored, and need not "
            "be sent again."
        )
        daily = await self._windows.get_window_stats(self.daily, *held.account)
        wait_s = daily.reset_time - time.time()
        return _too_many(self.daily.namespace, self.daily.amount, wait_s, "quota-exceeded", title, detail)

    async def headers(self, held: Held) -> dict[str, str]:
        """The limits and what is left of them: draft-ietf-httpapi-ratelimit-headers."""
        parts = []
        for turns in (self.requests, self.entries):
            left, seconds = turns.left(held.account)
            parts.append(f'"{turns.name}";r={left};t={seconds}')
        daily = await self._windows.get_window_stats(self.daily, *held.account)
        unused = daily.remaining == self.daily.amount
        seconds = self.daily.get_expiry() if unused else max(0, math.ceil(daily.reset_time - time.time()))
        parts.append(f'"{self.daily.namespace}";r={daily.remaining};t={seconds}')
        return {"RateLimit-Policy": self._policy, "RateLimit": ", ".join(parts)}


def _too_many(policy: str, most: int, wait_s: float, type: str, title: str, detail: str) -> Problem:
    wait = max(1, math.ceil(wait_s))
    said = detail % {"most": number(most), "wait": span(wait)}
    return Problem(429, type, title, said, headers={"Retry-After": str(wait)}, **{"violated-policies": [policy]})


@dataclass(slots=True)
class Meter:
    """What one request uses and does. `held` None: somebody who has signed in, for whom there are no limits."""

    limits: Limits | None = None
    held: Held | None = None
    received: int = 0
    refused: int = 0
    rules: list[str] = field(default_factory=list)
    stream: str | None = None

    async def take(self, *, check: bool = False) -> None:
        """One entry that cannot wait, to be taken in or only validated. Raises the Problem of one too many."""
        if self.limits and self.held:
            await self.limits.take(self.held, check=check)

    @property
    def piece(self) -> int:
        """Entries to take in at one go, at most."""
        return self.limits.entries.piece if self.limits and self.held else BATCH_LINES

    async def pace(self, entries: int, *, check: bool = False) -> int:
        """Waits for the turn of these entries; how many of them the quota allows."""
        return await self.limits.pace(self.held, entries, check=check) if self.limits and self.held else entries

    async def quota_problem(self) -> Problem:
        """The Problem of a quota that is used up: after `pace` has allowed fewer than were asked for."""
        assert self.limits is not None and self.held is not None
        return await self.limits.quota_problem(self.held)

    def count(self, receipts: Iterable[Receipt]) -> None:
        """Note what became of entries."""
        for receipt in receipts:
            self.stream = receipt.stream
            if receipt.status != "refused":
                self.received += 1
                continue
            self.refused += 1
            for finding in receipt.findings if len(self.rules) < TOLD_RULES else ():
                if finding["rule"] not in self.rules:
                    self.rules.append(finding["rule"])


def meter_of(request: Request) -> Meter:
    """The meter of a request; of one without a key, one that limits nothing."""
    found = request.scope["state"].get("meter")
    return found if isinstance(found, Meter) else Meter()
