"""One fetch of one source: fetch, compare, take in, withdraw.

Whatever ends it, the next one goes on: lines taken in are whole, and what was not remembered is compared with what is
held.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import httpx2
from pymongo.asynchronous.database import AsyncDatabase

from runtime.crash import crash_point
from runtime.outbound import reach
from runtime.settings import Settings
from runtime.streams import Outcome, StreamFull, Streams
from schemas.envelope import Json, Refusal
from schemas.source import Terms
from submissions.domain.submission import SUBMISSIONS, Submission, Withdraw
from submissions.intake import Intake, Submissions, now
from submissions.ndjson import BATCH_LINES, Line
from submissions.sources import compare
from submissions.sources.compare import Listed
from submissions.sources.fetch import Fetched, Known, Limits, NotFetched, fetch
from submissions.sources.read import Item, read
from submissions.sources.result import Result
from submissions.sources.store import Claim, Lists, held, name_of, partner_of
from submissions.sources.texts import unread
from submissions.store import ProgressStore
from web.languages import LANGUAGES, load, speak
from web.problems import Problem

#: Lists that are read and taken in at once, one of each partner's: that is this machine's work, and waits for nobody's
#: server.
AT_ONCE = 2
LOCALE = Path(__file__).parents[1] / "locale"
REASON = {"zh": "已不在数据源“{name}”的清单中。", "en": "No longer listed by the source “{name}”."}


@dataclass(frozen=True)
class Pull:
    """What to fetch. `claim` None: to see what would become of it, and write nothing. `confirmed` are those gone whose
    withdrawal `confirmer` (an actor) has confirmed."""

    source: str
    terms: Terms
    token: str | None = field(default=None, repr=False)
    known: Known | None = None
    claim: Claim | None = None
    confirmed: frozenset[str] = frozenset()
    confirmer: str | None = None

    @property
    def partner(self) -> str:
        return partner_of(self.source)

    @property
    def actor(self) -> str:
        return f"partner:{self.partner}"


class Puller:
    """Fetches sources, each call one of one."""

    def __init__(self, database: AsyncDatabase[Json], settings: Settings, limits: Limits | None = None) -> None:
        self._database = database
        self._reach = reach(private=settings.sources_to_private_addresses)
        self._limits, self._pepper = limits, settings.pepper
        self._submissions = Streams(database, SUBMISSIONS)
        self._progress = ProgressStore(database)
        self._lists = Lists(database)
        self._translations = load(LOCALE)
        self._places = asyncio.Semaphore(AT_ONCE)
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def pull(self, http: httpx2.AsyncClient, pull: Pull) -> Result:
        """Fetch a source and take in what is new. Raises PyMongoError and LeaseLost; all else is in the result."""
        try:
            began = time.monotonic()
            fetched = await fetch(
                http,
                pull.terms.address,
                self._reach,
                language=pull.terms.language,
                token=pull.token,
                known=pull.known,
                limits=self._limits,
            )
            fetched_s = time.monotonic() - began
            if fetched.body is None:
                return Result("unchanged", known=fetched.known, fetched_s=fetched_s)
            with fetched.body:
                async with self._turns[pull.partner], self._places:
                    items = await asyncio.to_thread(self._read, fetched.body, pull.terms)
                    result = await self._take(pull, fetched, items)
            result.fetched_s = fetched_s
            return result
        except NotFetched as error:
            return Result("failed", error=error)

    def _read(self, body: BinaryIO, terms: Terms) -> list[Item]:
        try:
            return read(body, terms)
        except Problem as problem:
            raise NotFetched("table", self._in_each_language(body, terms)) from problem

    def _in_each_language(self, body: BinaryIO, terms: Terms) -> dict[str, str]:
        """What keeps a table from being read, by reading it once more for each."""
        said = {}
        for each in LANGUAGES:
            with speak(each, self._translations):
                try:
                    read(body, terms)
                except Problem as problem:
                    said[each] = unread(problem)
        return said

    async def _take(self, pull: Pull, fetched: Fetched, items: Sequence[Item]) -> Result:
        result = Result(known=fetched.known)
        result.counts["listed"] = len(items)
        intake = intake_of(self._submissions, pull, self._pepper)
        if pull.terms.content == "lines":
            await self._lines(intake, [(item, item.line) for item in items], result)
        else:
            await self._entries(pull, intake, fetched, items, result)
        if result.held:
            result.status = "held"
        if result.held or result.notes["unsure"]:
            result.known = Known()  # to be read again, changed or not
        return result

    async def _lines(self, intake: Intake, lines: Sequence[tuple[Item, Line]], result: Result) -> list[bool]:
        """Take items in as these lines, batch by batch: for each whether it was accepted."""
        accepted = []
        for start in range(0, len(lines), BATCH_LINES):
            batch = lines[start : start + BATCH_LINES]
            taken = await intake.take([line for _, line in batch])
            crash_point("source.after_take")
            for (item, _), (receipt, _fresh) in zip(batch, taken, strict=True):
                result.add(item, receipt, self._translations)
                accepted.append(receipt.status != "refused")
        return accepted

    async def _entries(
        self, pull: Pull, intake: Intake, fetched: Fetched, items: Sequence[Item], result: Result
    ) -> None:
        listed = await self._lists.get(pull.source)
        found = compare.sort(items, listed, await self._lists.others(pull.source))
        result.counts["unchanged"] += len(found.unchanged)
        result.notes.update(repeated=len(found.repeated), elsewhere=len(found.elsewhere))
        elsewhere = [item.reference for item in found.elsewhere if item.reference]
        named = {item.reference: item.digest for item in found.candidates if item.reference}
        if pull.claim and named:
            await self._lists.keep(pull.claim, compare.awaiting(found, listed), elsewhere)
        for start in range(0, len(found.candidates), BATCH_LINES):
            await self._batch(pull, intake, found.candidates[start : start + BATCH_LINES], named, result)
        kept = await self._gone(pull, fetched, items, listed, found.whole, result)
        if pull.claim:
            same = {item.reference: item.digest for item in found.unchanged if item.reference}
            await self._lists.keep(pull.claim, kept | same | named, elsewhere)

    async def _batch(
        self, pull: Pull, intake: Intake, items: Sequence[Item], named: dict[str, str], result: Result
    ) -> None:
        """Take a batch of changed items in. What is refused is `named` with no digest, so that it is tried again."""
        known = await held(self._database, pull.partner, [item.reference for item in items if item.reference])
        lines = compare.numbered(items, known, self._pepper)
        result.counts["unchanged"] += lines.count(None)
        asked = [(item, line) for item, line in zip(items, lines, strict=True) if line]
        accepted = await self._lines(intake, asked, result)
        for (item, _), well in zip(asked, accepted, strict=True):
            if item.reference and not well:
                named[item.reference] = ""

    async def _gone(
        self, pull: Pull, fetched: Fetched, items: Sequence[Item], listed: Listed, whole: bool, result: Result
    ) -> dict[str, str]:
        """Withdraw what is gone, where that is sure; what of it stays listed, since it is not withdrawn."""
        if not compare.gone(items, listed):
            return {}
        standing = compare.standing(listed, await held(self._database, pull.partner, list(listed)))
        vanished = compare.gone(items, standing)
        if not vanished:
            return {}
        stay = {reference: listed[reference] for reference in vanished}
        result.counts["gone"] = len(vanished)
        if not whole or not (fetched.framed or pull.terms.format == "json"):
            result.notes["unsure"] = len(vanished)
            return stay
        if not compare.plausible(vanished, standing) and not vanished <= pull.confirmed:
            result.held = vanished
            return stay
        if pull.claim:
            await self._withdraw(pull, sorted(vanished - await self._lists.others(pull.source, wanted=True)), result)
        return {}

    async def _withdraw(self, pull: Pull, references: Sequence[str], result: Result) -> None:
        assert pull.claim is not None
        reason = REASON[pull.terms.language].format(name=name_of(pull.source))
        for start in range(0, len(references), BATCH_LINES):
            ids = [f"{pull.partner}/{reference}" for reference in references[start : start + BATCH_LINES]]
            progress = await self._progress.all(ids)
            commands = [
                Withdraw(
                    stream=id,
                    cause=f"fetch:{pull.claim.fetch}",
                    actor=pull.confirmer or pull.actor,
                    at=now(),
                    reason=reason,
                    published=id in progress and progress[id].published,
                )
                for id in ids
            ]
            outcomes = await self._withdrawn(commands)
            result.counts["withdrawn"] += sum(bool(outcome.events) for outcome in outcomes)
            refusals = [outcome.refusal.rule for outcome in outcomes if outcome.refusal]
            result.notes["published"] += refusals.count("submission.published")
            result.notes["full"] += refusals.count("reference.full")

    async def _withdrawn(self, commands: Sequence[Withdraw]) -> list[Outcome[Submission]]:
        try:
            return await self._submissions.handle(commands)
        except StreamFull:  # one of them has no room; what was written already is answered as it was
            if len(commands) > 1:
                return [(await self._withdrawn([command]))[0] for command in commands]
            return [Outcome(commands[0].stream, 0, Submission(), refusal=Refusal("reference.full"))]


def intake_of(submissions: Submissions, pull: Pull, pepper: bytes) -> Intake:
    """The one pipeline, for what this fetch brings; it writes nothing where there is no claim."""
    return Intake(submissions, pull.partner, pull.actor, pull.terms.language, pepper, validate_only=pull.claim is None)
