"""The JSON on sources: what partners' programs ask of them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, Field
from starlette.requests import Request

from schemas.envelope import Json, timestamp
from schemas.source import Content, Format
from submissions.answers import KEYED, KNOWN, Partner, problems
from submissions.callers import Caller, live
from submissions.marked import N_
from submissions.sources.asked import MOST_MINUTES, NAME, Asked
from submissions.sources.desk import Shown, SourceDesk, unknown
from submissions.sources.texts import failure, findings, notes
from web.languages import _
from web.openapi import Responses
from web.people import cause
from web.problems import Problem

Named = Annotated[str, Path(description="the source’s name", examples=["catalogue"])]
EXAMPLE = {
    "name": "catalogue",
    "address": "https://data.example.com/entries.json",
    "format": "json",
    "pointer": "/data/items",
    "content": "entries",
    "every_minutes": 60,
    "language": "zh",
    "token": "s3cret",
}


#: What the public service takes; the local stack takes http and this machine too.
HTTPS = r"^https://([A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?\.)+[A-Za-z]{2,20}([/?][^#\x00-\x1f\x7f]*)?$"
POINTER = "^(/([^~/]|~[01])*)*$"


class SourceTerms(BaseModel, extra="forbid"):
    """How a source is fetched. `token` goes out as `Authorization: Bearer …`; it is kept encrypted and never shown."""

    address: str = Field(max_length=2000, json_schema_extra={"pattern": HTTPS, "maxLength": 200})
    format: Format = "json"
    pointer: str = Field(
        default="", max_length=200, pattern=POINTER, description="JSON Pointer to the list; empty: the document is it"
    )
    content: Content = Field(
        default="entries",
        description="`entries`: all that stand now, compared with the last time; `lines`: with revisions of your own",
    )
    every_minutes: int = Field(default=60, json_schema_extra={"minimum": 5, "maximum": MOST_MINUTES})
    language: Literal["zh", "en"] = "zh"
    token: str | None = Field(
        default=None,
        repr=False,
        max_length=2000,
        pattern="^[!-~]*$",
        description="absent: the one that is kept; empty: none",
    )


class NewSource(SourceTerms):
    name: str = Field(pattern=f"^{NAME.pattern}$")


class SourceDetail(BaseModel):
    """A source as it stands. `secret` says whether a token is kept; `held` what waits to be confirmed."""

    partner: str
    name: str
    address: str
    format: Format
    pointer: str
    content: Content
    every_minutes: int
    language: Literal["zh", "en"]
    secret: bool
    standing: str
    due: str | None
    last: Json | None
    held: Json | None


def routes(desk: SourceDesk) -> APIRouter:
    """All of them."""
    invalid = KEYED | problems(_400=N_("The body cannot be read"))
    router = APIRouter(tags=[N_("Sources that are fetched")], dependencies=KNOWN, responses=invalid)
    reader, sender = Depends(live("read")), Depends(live("submit"))
    body: dict[str, Any] = {"requestBody": {"content": {"application/json": {"example": EXAMPLE}}}}
    unsigned = problems(_401=N_("Neither key nor session"))
    only_partners = problems(_403=N_("Only partners have sources"))
    unknown_one = unsigned | problems(_404=N_("There is no such source, or it is another partner’s"))

    def seen(uscc: Partner, caller: Caller = reader) -> Caller:
        if caller.partner not in (None, uscc):
            raise unknown()
        return caller

    def own(uscc: Partner, caller: Caller = sender) -> Caller:
        return seen(uscc, caller)

    @router.get(
        "/sources",
        summary=N_("My sources"),
        response_description=N_("All of them, by name"),
        responses=unsigned,
    )
    async def listing(caller: Caller = reader) -> list[SourceDetail]:
        return [detail(shown) for shown in await desk.all(caller.partner)]

    @router.post(
        "/sources",
        status_code=201,
        openapi_extra=body,
        summary=N_("Add a source"),
        response_description=N_("It is added, and fetched soon"),
        responses=unsigned | only_partners | problems(_409=N_("The name is taken, or there are too many")),
    )
    async def add(request: Request, new: NewSource, response: Response, caller: Caller = sender) -> SourceDetail:
        shown = await desk.add(_sender(caller), _asked(new.name, new), caller, cause(request))
        response.headers["Location"] = shown.path
        return detail(shown)

    @router.post(
        "/sources:try",
        openapi_extra=body,
        summary=N_("Try a source: fetch it once and write nothing"),
        response_description=N_("What would be taken in"),
        responses=problems(
            _401=N_("Neither key nor session"), _403=N_("Only partners have sources"), _429=N_("Another is being tried")
        ),
    )
    async def attempt(new: NewSource, caller: Caller = sender) -> Json:
        return told((await desk.attempt(_sender(caller), _asked(new.name, new))).document())

    @router.get(
        "/sources/{uscc}/{name}",
        summary=N_("One source, and how it stands"),
        response_description=N_("The source"),
        responses=unknown_one,
    )
    async def one(uscc: Partner, name: Named, caller: Caller = Depends(seen)) -> SourceDetail:
        return detail(await desk.get(uscc, name))

    @router.put(
        "/sources/{uscc}/{name}",
        summary=N_("Change a source"),
        response_description=N_("It is changed, and fetched soon"),
        responses=unknown_one,
    )
    async def change(
        request: Request, uscc: Partner, name: Named, terms: SourceTerms, caller: Caller = Depends(own)
    ) -> SourceDetail:
        return detail(await desk.change(uscc, _asked(name, terms), caller, cause(request)))

    @router.delete(
        "/sources/{uscc}/{name}",
        status_code=204,
        summary=N_("Remove a source: what came from it stays"),
        response_description=N_("It is removed"),
        responses=unknown_one,
    )
    async def remove(request: Request, uscc: Partner, name: Named, caller: Caller = Depends(own)) -> None:
        await desk.remove(uscc, name, caller, cause(request))

    @router.get(
        "/sources/{uscc}/{name}/fetches",
        summary=N_("The last fetches of a source, with their findings"),
        response_description=N_("At most fifty, the latest first"),
        responses=unknown_one,
    )
    async def fetches(uscc: Partner, name: Named, caller: Caller = Depends(seen)) -> list[Json]:
        return [told(fetch) for fetch in await desk.fetches.last((await desk.get(uscc, name)).id)]

    _acts(router, desk, own, unknown_one)
    return router


def _acts(router: APIRouter, desk: SourceDesk, own: Any, responses: Responses) -> None:
    """The acts that need no body: each answers with the source as it stands after it."""

    @router.post(
        "/sources/{uscc}/{name}/pause",
        summary=N_("Pause a source"),
        response_description=N_("It is not fetched until it is resumed"),
        responses=responses,
    )
    async def pause(request: Request, uscc: Partner, name: Named, caller: Caller = Depends(own)) -> SourceDetail:
        await desk.pause(uscc, name, caller, cause(request))
        return detail(await desk.get(uscc, name))

    @router.post(
        "/sources/{uscc}/{name}/resume",
        summary=N_("Resume a source"),
        response_description=N_("It is fetched soon"),
        responses=responses,
    )
    async def resume(request: Request, uscc: Partner, name: Named, caller: Caller = Depends(own)) -> SourceDetail:
        await desk.resume(uscc, name, caller, cause(request))
        return detail(await desk.get(uscc, name))

    @router.post(
        "/sources/{uscc}/{name}/fetch",
        summary=N_("Fetch a source now"),
        response_description=N_("It is fetched soon"),
        responses=responses | problems(_409=N_("It is paused")),
    )
    async def fetch(uscc: Partner, name: Named, caller: Caller = Depends(own)) -> SourceDetail:
        await desk.fetch_now(uscc, name)
        return detail(await desk.get(uscc, name))

    @router.post(
        "/sources/{uscc}/{name}/confirm",
        summary=N_("Confirm that what is gone is to be withdrawn"),
        description=N_(
            "More than half of the list was gone at once: `held` names these entries, and the next fetch withdraws "
            "them."
        ),
        response_description=N_("It is fetched soon"),
        responses=responses | problems(_409=N_("Nothing waits to be confirmed")),
    )
    async def confirm(uscc: Partner, name: Named, caller: Caller = Depends(own)) -> SourceDetail:
        await desk.confirm(uscc, name, caller)
        return detail(await desk.get(uscc, name))


def _sender(caller: Caller) -> str:
    if caller.partner is None:
        raise Problem(403, "no-partner", _("You act for no partner"), _("Only partners have sources."))
    return caller.partner


def _asked(name: str, terms: SourceTerms) -> Asked:
    return Asked(name=name, **terms.model_dump(exclude={"name"}))


def detail(shown: Shown) -> SourceDetail:
    due = shown.schedule.get("due")
    return SourceDetail(
        partner=shown.partner,
        name=shown.name,
        **shown.terms.model_dump(),
        secret=shown.secret,
        standing=shown.standing,
        due=timestamp(due) if due and not shown.state.paused else None,
        last=told(shown.last) if shown.last else None,
        held=shown.held,
    )


def told(fetch: Json) -> Json:
    """A fetch as programs get it, its texts in the language spoken."""
    at = fetch.get("at")
    return {
        "at": timestamp(at) if isinstance(at, datetime) else None,
        "status": fetch["status"],
        "duration_s": fetch.get("duration_s"),
        "counts": fetch.get("counts", {}),
        "rules": dict(fetch.get("rules", ())),
        "notes": notes(fetch),
        "findings": findings(fetch),
        "error": failure(fetch.get("error")) or None,
    }
