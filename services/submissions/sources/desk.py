"""What partners do with their sources: add, try, change, pause, resume, fetch now, confirm, remove."""

from dataclasses import dataclass
from typing import Any

import httpx2
from pydantic import ValidationError
from pymongo.asynchronous.database import AsyncDatabase

from runtime.outbound import reach
from runtime.settings import Settings
from runtime.streams import Outcome, Streams
from schemas.envelope import Json
from schemas.source import Terms
from submissions.callers import Caller
from submissions.domain.source import SOURCES, Add, Change, Pause, Remove, Resume, Source, SourceCommand
from submissions.intake import now
from submissions.sources import fetch
from submissions.sources.asked import Asked, faults
from submissions.sources.fetch import NotFetched
from submissions.sources.result import Result
from submissions.sources.secret import Secrets
from submissions.sources.store import Fetches, Lists, Schedules, forget, id_of, name_of, partner_of, whose
from submissions.sources.take import Pull, Puller
from web.languages import _
from web.problems import Problem

#: Sources that one partner may have.
MOST_SOURCES = 20


@dataclass(frozen=True)
class Shown:
    """A source as its partner sees it."""

    id: str
    state: Source
    schedule: Json
    secret: bool

    @property
    def name(self) -> str:
        return name_of(self.id)

    @property
    def partner(self) -> str:
        return partner_of(self.id)

    @property
    def path(self) -> str:
        return f"/sources/{self.partner}/{self.name}"

    @property
    def terms(self) -> Terms:
        assert self.state.terms is not None  # those that were removed are not shown
        return self.state.terms

    @property
    def last(self) -> Json | None:
        return self.schedule.get("last")

    @property
    def held(self) -> Json | None:
        """What waits to be confirmed: `references`, `of` how many were listed."""
        return self.schedule.get("held") if not self.schedule.get("confirmed") else None

    @property
    def standing(self) -> str:
        """How it stands: a word of sources/texts.py."""
        if self.state.paused:
            return "asked" if self.state.paused == "asked" else "gave-up"
        if self.schedule.get("until") and self.schedule["until"] > now():
            return "running"
        if self.held:
            return "held"
        if self.schedule.get("failures"):
            return "failing"
        return "working" if self.last else "new"


class SourceDesk:
    """The acts of partners on their sources. Each raises the Problem that keeps it from being done."""

    def __init__(self, database: AsyncDatabase[Json], settings: Settings) -> None:
        self._database, self._settings = database, settings
        self._reach = reach(private=settings.sources_to_private_addresses)
        self._sources = Streams(database, SOURCES)
        self._schedules, self._lists, self.fetches = Schedules(database), Lists(database), Fetches(database)
        self._secrets = Secrets(database, settings)
        self._puller = Puller(database, settings)
        self._trying: set[str] = set()

    def faults(self, asked: Asked) -> dict[str, str]:
        """What is wrong with what is asked, by field, in the language spoken; nothing if all is well."""
        return faults(asked, self._reach, self._settings.sources_every_minutes)

    def _judged(self, asked: Asked) -> Terms:
        if wrong := self.faults(asked):
            findings = [
                {"rule": f"source.{name}", "pointer": f"/{name}", "text": text, "doc": f"/rules/source.{name}"}
                for name, text in wrong.items()
            ]
            raise Problem(422, "source-refused", _("The source is not complete or not valid"), findings=findings)
        try:
            return asked.terms()
        except ValidationError as error:
            raise Problem(422, "source-refused", _("The source is not complete or not valid")) from error

    async def add(self, partner: str, asked: Asked, caller: Caller, cause: str) -> Shown:
        """Add a source: it is fetched at once."""
        terms, source = self._judged(asked), id_of(partner, asked.name)
        if await self._count(partner) >= MOST_SOURCES:
            detail = _("Remove one that is no longer used first: %(most)s are the most.") % {"most": MOST_SOURCES}
            raise Problem(409, "sources-full", _("There are too many sources"), detail)
        if asked.token and (await self._sources.get(source)).state.terms is None:  # before a worker may want it
            await self._secrets.keep(source, terms.address, asked.token)
        await self._do(Add(**_by(source, caller, cause), terms=terms))
        return await self.get(partner, asked.name)

    async def change(self, partner: str, asked: Asked, caller: Caller, cause: str) -> Shown:
        """Change a source: it is fetched anew. A token that was given for another host is erased."""
        before = (await self.get(partner, asked.name)).terms
        terms, source = self._judged(asked), id_of(partner, asked.name)
        if asked.token:
            await self._secrets.keep(source, terms.address, asked.token)
        elif asked.token == "" or _host(before.address) != _host(terms.address):
            await self._secrets.erase(source)
        if terms.content == "lines":  # of which nothing is remembered, nor kept from other sources
            await self._lists.erase(source)
        await self._do(Change(**_by(source, caller, cause), terms=terms))
        if terms.content == "lines":  # a fetch under way may have written it again before that
            await self._lists.erase(source)
        if asked.token:  # it may have been paused or failing for want of it
            await self._schedules.due_now(source, now())
        return await self.get(partner, asked.name)

    async def pause(self, partner: str, name: str, caller: Caller, cause: str) -> None:
        await self._do(Pause(**_by(id_of(partner, name), caller, cause), reason="asked"))

    async def resume(self, partner: str, name: str, caller: Caller, cause: str) -> None:
        await self._do(Resume(**_by(id_of(partner, name), caller, cause)))

    async def remove(self, partner: str, name: str, caller: Caller, cause: str) -> None:
        """Remove a source, its token and its fetches. What came from it stays."""
        source = id_of(partner, name)
        outcome = await self._decide(Remove(**_by(source, caller, cause)))
        await forget(self._database, source)
        await self._schedules.follow(source, outcome.version, outcome.state, now())
        await self._lists.erase(source)  # a fetch under way may have written it again before that

    async def fetch_now(self, partner: str, name: str) -> None:
        """Have it fetched as soon as a worker has room."""
        shown = await self.get(partner, name)
        if shown.state.paused:
            detail = _("Resume it first: then it is fetched at once.")
            raise Problem(409, "source-paused", _("The source is paused"), detail)
        await self._schedules.due_now(shown.id, now())

    async def confirm(self, partner: str, name: str, caller: Caller) -> None:
        """Have what is gone from the list withdrawn, those very entries, as the next fetch finds them still gone."""
        shown = await self.get(partner, name)
        if shown.held is None:
            raise Problem(409, "nothing-held", _("Nothing waits to be confirmed"))
        confirmed = {"references": shown.held["references"], "by": caller.actor}
        await self._schedules.due_now(shown.id, now(), confirmed=confirmed)

    async def attempt(self, partner: str, asked: Asked) -> Result:
        """Fetch once, and say what would be taken in: the same rules, and nothing written."""
        terms, source = self._judged(asked), id_of(partner, asked.name)
        if partner in self._trying:
            detail = _("Wait until it has ended: a minute at most.")
            raise Problem(429, "trying", _("Another source of yours is being tried"), detail)
        self._trying.add(partner)
        try:
            token = asked.token if asked.token is not None else await self._secrets.open(source, terms.address)
            async with fetch.client() as http:
                return await self._puller.pull(http, Pull(source, terms, token or None))
        except LookupError:
            return Result("failed", error=NotFetched("token"))
        finally:
            self._trying.discard(partner)

    async def get(self, partner: str, name: str) -> Shown:
        source = id_of(partner, name)
        found = await self._sources.get(source)
        if found.state.terms is None:
            raise unknown()
        schedule = await self._schedules.get(source) or {}
        return Shown(source, found.state, schedule, await self._secrets.has(source))

    async def all(self, partner: str | None) -> list[Shown]:
        """Sources by name; partner None: everybody's."""
        schedules = await self._schedules.all(partner)
        found = self._database["sources"].find({**whose(partner), "state.terms": {"$ne": None}}, {"state": 1})
        states = {doc["_id"]: Source.model_validate(doc["state"], strict=False) async for doc in found.sort("_id")}
        return [Shown(id, state, schedules.get(id, {}), secret=False) for id, state in states.items()]

    async def _count(self, partner: str) -> int:
        return await self._database["sources"].count_documents({**whose(partner), "state.terms": {"$ne": None}})

    async def _do(self, command: SourceCommand) -> None:
        """Decide, then have the schedule follow; should the process end between the two, the worker sees to it."""
        outcome = await self._decide(command)
        await self._schedules.follow(command.stream, outcome.version, outcome.state, now())

    async def _decide(self, command: SourceCommand) -> Outcome[Source]:
        (outcome,) = await self._sources.handle([command])
        if outcome.refusal and outcome.refusal.rule == "source.taken":
            detail = _("Choose another name, or change the source that has it.")
            raise Problem(409, "source-taken", _("You have a source of this name"), detail)
        if outcome.refusal:
            raise unknown()
        return outcome


def unknown() -> Problem:
    return Problem(404, "unknown-source", _("There is no such source"), _("Check its name."))


def _by(source: str, caller: Caller, cause: str) -> dict[str, Any]:
    return {"stream": source, "cause": cause, "actor": caller.actor, "at": now()}


def _host(address: str) -> tuple[str, bytes]:
    url = httpx2.URL(address)
    return url.scheme, url.netloc
