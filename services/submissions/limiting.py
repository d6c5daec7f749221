"""How much a partner may send: requests a minute, entries a second, entries a day; and what one request uses of it.

Each api process counts on its own, in memory: with several of them a partner may send so many times as much, and a
process that starts anew counts from nothing. Live and test are counted apart.
"""

import asyncio
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter
from starlette.requests import Request

from runtime.settings import Settings
from submissions.intake import Receipt
from submissions.keyring import Held
from web.languages import _, number, span
from web.problems import Problem

#: Different rules after which no more are told of one request in the log.
TOLD_RULES = 3


class Limits:
    """What each partner has used in this process. Windows begin with the first use and end after their length."""

    def __init__(self, settings: Settings) -> None:
        self._windows = FixedWindowRateLimiter(MemoryStorage())
        self.requests = RateLimitItemPerMinute(settings.requests_per_minute, namespace="requests")
        self.entries = RateLimitItemPerSecond(settings.entries_per_second, namespace="entries")
        self.daily = RateLimitItemPerDay(settings.entries_per_day, namespace="daily-entries")
        self._policy = ", ".join(map(_policy, (self.requests, self.entries, self.daily)))

    async def request(self, held: Held) -> None:
        """Count a request. Raises the Problem of one too many."""
        if not await self._windows.hit(self.requests, held.partner, held.key.mode):
            title = _("Too many requests")
            detail = _(
                "%(most)s requests a minute are the most. Go on in %(wait)s, or send many entries in one request: "
                "/submissions:stream."
            )
            raise await self._too_many(self.requests, held, "rate-exceeded", title, detail)

    async def take(self, held: Held) -> None:
        """Count one entry that cannot wait. Raises the Problem of one too many."""
        if not await self._windows.hit(self.entries, held.partner, held.key.mode):
            title, detail = _("Too many entries at once"), _("%(most)s a second are the most. Go on in %(wait)s.")
            raise await self._too_many(self.entries, held, "rate-exceeded", title, detail)
        if not await self._windows.hit(self.daily, held.partner, held.key.mode):
            raise await self.quota_problem(held)

    async def pace(self, held: Held, entries: int) -> int:
        """Count entries once the rate allows them, waiting until then; how many of them the day's quota allows."""
        allowed = min(entries, await self._left(self.daily, held))
        if allowed:
            await self._windows.hit(self.daily, held.partner, held.key.mode, cost=allowed)
        waiting = allowed
        while waiting:
            # Nothing else runs between what is left and taking it: memory is never waited for.
            if piece := min(waiting, await self._left(self.entries, held)):
                await self._windows.hit(self.entries, held.partner, held.key.mode, cost=piece)
                waiting -= piece
            else:
                stats = await self._windows.get_window_stats(self.entries, held.partner, held.key.mode)
                await asyncio.sleep(max(0.001, stats.reset_time - time.time()))
        return allowed

    async def quota_problem(self, held: Held) -> Problem:
        """The Problem of a quota that is used up."""
        title = _("The day’s quota of entries is used up")
        detail = _(
            "%(most)s entries a day are the most. Go on in %(wait)s; what was answered before is stored, and need not "
            "be sent again."
        )
        return await self._too_many(self.daily, held, "quota-exceeded", title, detail)

    async def headers(self, held: Held) -> dict[str, str]:
        """The limits and what is left of them: draft-ietf-httpapi-ratelimit-headers."""
        parts = []
        for item in (self.requests, self.entries, self.daily):
            reset, left = await self._windows.get_window_stats(item, held.partner, held.key.mode)
            seconds = item.get_expiry() if left == item.amount else max(0, math.ceil(reset - time.time()))
            parts.append(f'"{item.namespace}";r={left};t={seconds}')
        return {"RateLimit-Policy": self._policy, "RateLimit": ", ".join(parts)}

    async def _left(self, item: RateLimitItem, held: Held) -> int:
        return (await self._windows.get_window_stats(item, held.partner, held.key.mode)).remaining

    async def _too_many(self, item: RateLimitItem, held: Held, type: str, title: str, detail: str) -> Problem:
        stats = await self._windows.get_window_stats(item, held.partner, held.key.mode)
        wait_s = max(1, math.ceil(stats.reset_time - time.time()))
        said = detail % {"most": number(item.amount), "wait": span(wait_s)}
        members = {"violated-policies": [item.namespace]}
        return Problem(429, type, title, said, headers={"Retry-After": str(wait_s)}, **members)


def _policy(item: RateLimitItem) -> str:
    unit = "" if item.namespace == "requests" else ';qu="entries"'
    return f'"{item.namespace}";q={item.amount};w={item.get_expiry()}{unit}'


@dataclass(slots=True)
class Meter:
    """What one request uses and does. `held` None: somebody who has signed in, for whom there are no limits."""

    limits: Limits | None = None
    held: Held | None = None
    received: int = 0
    refused: int = 0
    rules: list[str] = field(default_factory=list)
    stream: str | None = None

    async def take(self) -> None:
        """One entry that cannot wait. Raises the Problem of one too many."""
        if self.limits and self.held:
            await self.limits.take(self.held)

    async def pace(self, entries: int) -> int:
        """Waits until the rate allows these entries; how many of them the quota allows."""
        return await self.limits.pace(self.held, entries) if self.limits and self.held else entries

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
