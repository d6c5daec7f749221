"""The worker's fetching: takes sources as they fall due, none of them twice, and none waiting for another."""

import asyncio
import random
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import httpx2
import structlog
from opentelemetry.trace import SpanKind
from prometheus_client import Counter as Metric
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from runtime import telemetry
from runtime.lease import LeaseLost
from runtime.settings import Settings
from runtime.streams import Streams
from schemas.envelope import Json
from schemas.source import Terms
from submissions.domain.source import SOURCES, Pause
from submissions.intake import now
from submissions.sources import fetch
from submissions.sources.fetch import Limits, NotFetched
from submissions.sources.result import Result
from submissions.sources.schedule import SLOW, given_up, next_due
from submissions.sources.secret import Secrets
from submissions.sources.store import Claim, Fetches, Schedules, forget
from submissions.sources.take import Pull, Puller

log = structlog.get_logger()

FETCHES = Metric("shuangqian_source_fetches", "Fetches of partners' sources", ["status"])
ACTOR = "service:submissions"
POLL_S = 0.5
#: Seconds between looks for sources whose schedule does not follow their stream.
FOLLOW_S = 15.0
PAUSE_S = 1.0


@dataclass(frozen=True)
class Lane:
    """Fetches that share `places`, of which one partner may take `each`: of sources that failed or were slow the last
    time (`slow`), or of the others."""

    slow: bool
    places: int
    each: int


#: A dead or slow source waits among its like: at worst it takes one place of the quick ones' once, for a minute.
LANES = (Lane(slow=False, places=100, each=4), Lane(slow=True, places=100, each=1))


class Fetcher:
    """Fetches what is due, until its task is cancelled."""

    def __init__(self, settings: Settings, database: AsyncDatabase[Json], limits: Limits | None = None) -> None:
        self._database = database
        self._puller = Puller(database, settings, limits)
        self._sources = Streams(database, SOURCES)
        self._schedules = Schedules(database, settings.lease_s)
        self._fetches = Fetches(database)
        self._secrets = Secrets(database, settings)
        self._lease_s = settings.lease_s
        self._fetching: dict[asyncio.Task[None], tuple[str, Lane]] = {}

    async def run(self) -> None:
        """Fetch; a database that is away is waited for."""
        async with fetch.client() as http:
            followed = -FOLLOW_S
            try:
                while True:
                    try:
                        if time.monotonic() - followed >= FOLLOW_S:
                            await self._follow()
                            followed = time.monotonic()
                        await self._start(http)
                    except PyMongoError as error:
                        log.warning("sources.waiting-for-database", error=repr(error))
                        await asyncio.sleep(PAUSE_S)
                    await asyncio.sleep(POLL_S)
            finally:
                for task in self._fetching:
                    task.cancel()
                await asyncio.gather(*self._fetching, return_exceptions=True)

    async def _follow(self) -> None:
        async for source in self._schedules.behind():
            found = await self._sources.get(source)
            if found.state.terms is None:
                await forget(self._database, source)
            await self._schedules.follow(source, found.version, found.state, now())
            if found.state.terms is None:  # a fetch under way may have written more before that
                await forget(self._database, source)

    async def _start(self, http: httpx2.AsyncClient) -> None:
        """Begin what is due, as far as each lane has room."""
        for lane in LANES:
            while True:
                theirs = [partner for partner, taken in self._fetching.values() if taken == lane]
                full = [partner for partner, count in Counter(theirs).items() if count >= lane.each]
                if len(theirs) >= lane.places:
                    break
                claim = await self._schedules.claim(now(), slow=lane.slow, but=full)
                if claim is None:
                    break
                task = asyncio.create_task(self._one(http, claim))
                self._fetching[task] = claim.schedule["partner"], lane
                task.add_done_callback(self._fetching.pop)

    async def _one(self, http: httpx2.AsyncClient, claim: Claim) -> None:
        """Fetch one source under its lease, and write what became of it."""
        work = asyncio.create_task(self._fetch(http, claim))
        keeping = asyncio.create_task(self._keep(claim))
        try:
            done, _ = await asyncio.wait((work, keeping), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except LeaseLost:
            log.info("source.lease-lost", source=claim.source)
        except Exception as error:  # the database away, or a bug: due again when the lease runs out
            log.error("source.interrupted", source=claim.source, error=repr(error))
        finally:
            for task in (work, keeping):
                task.cancel()
            await asyncio.gather(work, keeping, return_exceptions=True)

    async def _keep(self, claim: Claim) -> None:
        while True:
            await asyncio.sleep(self._lease_s / 3)
            await self._schedules.renew(claim)

    async def _fetch(self, http: httpx2.AsyncClient, claim: Claim) -> None:
        began, clock = now(), time.monotonic()
        found = await self._sources.get(claim.source)
        if found.state.terms is None or found.state.paused or found.version != claim.schedule["version"]:
            await self._schedules.follow(claim.source, found.version, found.state, began)
            await self._schedules.release(claim)
            return
        await self._fetches.begin(claim, began)
        try:
            with telemetry.span("fetch source", kind=SpanKind.CLIENT):
                result = await self._pull(http, claim, found.state.terms)
        except asyncio.CancelledError:
            with suppress(PyMongoError, LeaseLost):  # the process is asked to stop: another may go on at once
                await self._schedules.release(claim, due=began)
            raise
        except (PyMongoError, LeaseLost):
            raise
        except Exception as error:  # a bug: it shows on the page, and is tried again like any failure
            log.error("source.failed", source=claim.source, error=repr(error))
            result = Result("failed", error=NotFetched("ours"))
        took_s = time.monotonic() - clock
        FETCHES.labels(result.status).inc()
        log.info("source.fetched", source=claim.source, status=result.status, seconds=round(took_s, 3))
        await self._fetches.end(claim, round(took_s, 3), result.document())
        await self._conclude(claim, found.state.terms, result, timedelta(seconds=took_s))

    async def _pull(self, http: httpx2.AsyncClient, claim: Claim, terms: Terms) -> Result:
        try:
            token = await self._secrets.open(claim.source, terms.address)
        except LookupError:
            return Result("failed", error=NotFetched("token"))
        confirmed = claim.schedule.get("confirmed") or {}
        return await self._puller.pull(
            http,
            Pull(
                claim.source,
                terms,
                token,
                claim.known,
                claim,
                frozenset(confirmed.get("references", ())),
                confirmed.get("by"),
            ),
        )

    async def _conclude(self, claim: Claim, terms: Terms, result: Result, took: timedelta) -> None:
        """When it is due again; paused where it failed for a day."""
        ended, failed = now(), result.status == "failed"
        failures = claim.schedule["failures"] + 1 if failed else 0
        since = (claim.schedule["failing_since"] or ended) if failed else None
        last = {**result.document(), "at": ended}
        kept: Json = {"last": last}
        if result.status in ("unchanged", "failed") and claim.schedule.get("last"):  # what was there stays told
            kept = {f"last.{name}": last[name] for name in ("at", "status", "error")}
        if not failed:
            kept |= {"etag": result.known.etag, "modified": result.known.modified}
            if result.status != "unchanged":
                held = {"references": sorted(result.held), "of": result.counts["listed"]}
                kept |= {"held": held if result.held else None, "confirmed": None}
        await self._schedules.release(
            claim,
            **kept,
            failures=failures,
            failing_since=since,
            slow=failed or result.fetched_s > SLOW.total_seconds(),
            due=next_due(ended - took, ended, terms.every_minutes, failures, random.random()),
        )
        if since and given_up(failures, since, ended):
            pause = Pause(stream=claim.source, cause=f"fetch:{claim.fetch}", actor=ACTOR, at=ended, reason="failing")
            (outcome,) = await self._sources.handle([pause])
            await self._schedules.follow(claim.source, outcome.version, outcome.state, ended)
