"""The pages on sources: all of them, one with its fetches, adding and changing with a try, and removing."""

import re
from dataclasses import asdict, dataclass, replace
from typing import Any

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from submissions.callers import Caller, of_person, own_partner
from submissions.pages import PageRoute
from submissions.sections import sections
from submissions.sources import texts
from submissions.sources.asked import Asked
from submissions.sources.desk import Shown, SourceDesk, unknown
from submissions.sources.result import Result
from web.languages import _, language
from web.pages import notify, page
from web.people import Person, actor, cause, require


def routes(desk: SourceDesk) -> APIRouter:
    """All of them."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)
    _seeing(router, desk)
    _adding(router, desk)
    _changing(router, desk)
    _acting(router, desk)
    return router


def show(request: Request, me: Person, template: str, **context: Any) -> Response:
    """A page with the service's sections and the words for sources."""
    return page(request, template, sections=sections(request, me), texts=texts, **context)


def _seeing(router: APIRouter, desk: SourceDesk) -> None:
    either = Depends(require("partner", "operator"))

    @router.get("/sources")
    async def listing(request: Request, me: Person = either) -> Response:
        return show(request, me, "sources.html", rows=await desk.all(of_person(me).partner))

    @router.get("/sources/{uscc}/{name}")
    async def one(request: Request, uscc: str, name: str, me: Person = either) -> Response:
        shown = await _seen(desk, of_person(me), uscc, name)
        fetches = await desk.fetches.last(shown.id)
        own = "partner" in me.roles and me.partner == uscc
        return show(request, me, "source.html", source=shown, fetches=fetches, own=own)


@dataclass(frozen=True)
class Filled:
    """The form as it came: what it asks for, and which of its buttons was pressed."""

    asked: Asked
    minutes: str
    act: str

    @property
    def given(self) -> dict[str, Any]:
        """What the form shows again: all but the token."""
        return _given(self.asked) | {"every_minutes": self.minutes}


def filled(
    called: str = Form("", alias="name"),
    address: str = Form(""),
    format: str = Form(""),
    pointer: str = Form(""),
    content: str = Form(""),
    every_minutes: str = Form(""),
    language: str = Form(""),
    token: str = Form(""),
    forget: str = Form(""),
    act: str = Form("save"),
) -> Filled:
    """Dependency: the form. Without a new token the one that is kept stays, unless it is to be forgotten."""
    minutes = int(every_minutes) if re.fullmatch("[0-9]{1,6}", every_minutes.strip()) else None
    secret = token.strip() or ("" if forget else None)
    said = (called.strip(), address.strip(), format, pointer.strip(), content, minutes, language, secret)
    return Filled(Asked(*said), every_minutes, act)


def _form(
    request: Request,
    me: Person,
    given: dict[str, Any],
    source: Shown | None,
    *,
    wrong: dict[str, str] | None = None,
    result: dict[str, Any] | None = None,
) -> Response:
    status = 422 if wrong else 200
    return show(
        request, me, "source-form.html", status=status, given=given, source=source, wrong=wrong or {}, result=result
    )


def _adding(router: APIRouter, desk: SourceDesk) -> None:
    partner = Depends(require("partner"))

    @router.get("/sources/new")
    async def new(request: Request, me: Person = partner) -> Response:
        own_partner(me)
        return _form(request, me, _given(Asked("", "", "json", "", "entries", 60, language())), None)

    @router.post("/sources/new")
    async def add(request: Request, me: Person = partner, form: Filled = Depends(filled)) -> Response:
        if wrong := desk.faults(form.asked):
            return _form(request, me, form.given, None, wrong=wrong)
        if form.act == "try":
            result = await desk.attempt(own_partner(me), form.asked)
            return _form(request, me, form.given, None, result=_told(result, form.asked))
        shown = await desk.add(own_partner(me), form.asked, _caller(me), cause(request))
        notify(request, _("The source is added, and is fetched within a few seconds."))
        return RedirectResponse(shown.path, 303)


def _changing(router: APIRouter, desk: SourceDesk) -> None:
    partner = Depends(require("partner"))

    @router.get("/sources/{uscc}/{name}/change")
    async def ask(request: Request, uscc: str, name: str, me: Person = partner) -> Response:
        shown = await _seen(desk, _caller(me), uscc, name)
        return _form(request, me, _given(Asked(name=name, **shown.terms.model_dump())), shown)

    @router.post("/sources/{uscc}/{name}/change")
    async def change(
        request: Request, uscc: str, name: str, me: Person = partner, form: Filled = Depends(filled)
    ) -> Response:
        shown = await _seen(desk, _caller(me), uscc, name)
        asked = replace(form.asked, name=name)
        if wrong := desk.faults(asked):
            return _form(request, me, form.given, shown, wrong=wrong)
        if form.act == "try":
            result = await desk.attempt(uscc, asked)
            return _form(request, me, form.given, shown, result=_told(result, asked))
        await desk.change(uscc, asked, _caller(me), cause(request))
        notify(request, _("The source is changed."))
        return RedirectResponse(shown.path, 303)


def _acting(router: APIRouter, desk: SourceDesk) -> None:
    partner = Depends(require("partner"))

    @router.get("/sources/{uscc}/{name}/remove")
    async def ask(request: Request, uscc: str, name: str, me: Person = partner) -> Response:
        return show(request, me, "source-remove.html", source=await _seen(desk, _caller(me), uscc, name))

    @router.post("/sources/{uscc}/{name}/remove")
    async def remove(request: Request, uscc: str, name: str, me: Person = partner) -> Response:
        shown = await _seen(desk, _caller(me), uscc, name)
        await desk.remove(uscc, name, _caller(me), cause(request))
        notify(request, _("The source “%(name)s” is removed.") % {"name": shown.name})
        return RedirectResponse("/sources", 303)

    @router.post("/sources/{uscc}/{name}/{act}")
    async def act(request: Request, uscc: str, name: str, act: str, me: Person = partner) -> Response:
        shown, caller = await _seen(desk, _caller(me), uscc, name), _caller(me)
        match act:
            case "pause":
                await desk.pause(uscc, name, caller, cause(request))
                said = _("The source is paused: it is not fetched until you resume it.")
            case "resume":
                await desk.resume(uscc, name, caller, cause(request))
                said = _("The source is resumed, and is fetched within a few seconds.")
            case "fetch":
                await desk.fetch_now(uscc, name)
                said = _("It is fetched within a few seconds: open this page again to see what came.")
            case "confirm":
                await desk.confirm(uscc, name, caller)
                said = _("Confirmed: what is still gone when the source is fetched next is withdrawn.")
            case _:
                raise unknown()
        notify(request, said)
        return RedirectResponse(shown.path, 303)


async def _seen(desk: SourceDesk, caller: Caller, uscc: str, name: str) -> Shown:
    if caller.partner not in (None, uscc):
        raise unknown()
    return await desk.get(uscc, name)


def _caller(me: Person) -> Caller:
    return Caller(actor(me), own_partner(me))


def _given(asked: Asked) -> dict[str, Any]:
    """What the form shows again: all but the token."""
    return {name: said for name, said in asdict(asked).items() if name != "token"}


def _told(result: Result, asked: Asked) -> dict[str, Any]:
    """What came of trying; `token`: one was given, which the form does not show again."""
    return {**result.document(), "token": bool(asked.token)}
