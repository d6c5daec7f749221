"""The pages on partners themselves: their API keys, and registering them."""

from typing import Literal
from uuid import uuid4

from fastapi import APIRouter, Depends, Form
from pydantic import ValidationError
from pymongo.asynchronous.database import AsyncDatabase
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from stdnum.cn import uscc as cn_uscc

from schemas.entry import Name
from schemas.envelope import Json
from submissions.callers import Caller, own_partner
from submissions.desk import Desk
from submissions.keys import NewKey
from submissions.sections import sections
from submissions.store import partners
from web.languages import _
from web.pages import notify, page
from web.people import Person, actor, cause, require
from web.problems import Problem


def add(router: APIRouter, desk: Desk, database: AsyncDatabase[Json]) -> None:
    """Add them to the router of all pages."""
    _keys(router, desk)
    _partners(router, desk, database)


def _keys(router: APIRouter, desk: Desk) -> None:
    partner = Depends(require("partner"))

    async def show(
        request: Request, me: Person, *, status: int = 200, new: NewKey | None = None, wrong: str | None = None
    ) -> Response:
        registered, issued = await desk.issued(own_partner(me))
        return page(
            request,
            "keys.html",
            status=status,
            # The page with a key on it must not stay in any cache.
            headers={"Cache-Control": "no-store"},
            sections=sections(request, me),
            partner=registered,
            keys=sorted(registered.keys, key=lambda key: (key.revoked, issued[key.id])),
            issued=issued,
            new=new,
            wrong=wrong,
            request_id=uuid4().hex,
        )

    @router.get("/keys")
    async def keys(request: Request, me: Person = partner) -> Response:
        return await show(request, me)

    @router.post("/keys")
    async def issue(
        request: Request, me: Person = partner, label: str = Form(""), once: str = Form("", alias="request")
    ) -> Response:
        label = label.strip()
        if not 1 <= len(label) <= 60:
            return await show(request, me, status=422, wrong=_("Say in 1 to 60 characters what will use the key."))
        caller = Caller(actor(me), own_partner(me))
        key = await desk.issue_key(own_partner(me), label, caller, f"request:{once[:64] or uuid4().hex}")
        if key is None:
            raise Problem(
                409,
                "key-shown",
                _("This key was shown already"),
                _("Issue another, and revoke the one you did not keep."),
            )
        return await show(request, me, status=201, new=key)

    @router.get("/keys/{key}/revoke")
    async def ask(request: Request, key: str, me: Person = partner) -> Response:
        registered, issued = await desk.issued(own_partner(me))
        held = next((held for held in registered.keys if held.id == key), None)
        if held is None:
            raise Problem(404, "unknown-key", _("There is no such key"))
        return page(request, "revoke.html", sections=sections(request, me), key=held, issued=issued[key])

    @router.post("/keys/{key}/revoke")
    async def revoke(request: Request, key: str, me: Person = partner) -> Response:
        partner = own_partner(me)
        await desk.revoke_key(partner, key, Caller(actor(me), partner), cause(request))
        notify(request, _("The key is revoked: requests with it are refused from now on."))
        return RedirectResponse("/keys", 303)


def _partners(router: APIRouter, desk: Desk, database: AsyncDatabase[Json]) -> None:
    operator = Depends(require("operator"))

    async def show(
        request: Request, me: Person, *, given: dict[str, str] | None = None, wrong: dict[str, str] | None = None
    ) -> Response:
        return page(
            request,
            "partners.html",
            status=422 if wrong else 200,
            sections=sections(request, me),
            partners=await partners(database),
            given=given or {},
            wrong=wrong or {},
        )

    @router.get("/partners")
    async def listing(request: Request, me: Person = operator) -> Response:
        return await show(request, me)

    @router.post("/partners")
    async def register(
        request: Request,
        me: Person = operator,
        uscc: str = Form(""),
        zh: str = Form(""),
        en: str = Form(""),
        type: str = Form(""),
    ) -> Response:
        given = {"uscc": uscc.strip().upper(), "zh": zh.strip(), "en": en.strip(), "type": type}
        wrong = _wrong(given)
        if wrong:
            return await show(request, me, given=given, wrong=wrong)
        name = Name(zh=given["zh"], en=given["en"] or None)
        kind: Literal["agency", "enterprise"] = "agency" if type == "agency" else "enterprise"
        caller = Caller(actor(me), None)
        await desk.register(given["uscc"], name, kind, caller, cause(request))
        notify(request, _("The partner is registered: its people can issue keys and send entries in now."))
        return RedirectResponse("/partners", 303)


def _wrong(given: dict[str, str]) -> dict[str, str]:
    """What is wrong with a registration, by field."""
    wrong: dict[str, str] = {}
    if not cn_uscc.is_valid(given["uscc"]):
        wrong["uscc"] = _("This is no unified social credit code (GB 32100): check its 18 characters.")
    if given["type"] not in ("agency", "enterprise"):
        wrong["type"] = _("Choose whether it is an agency or an enterprise.")
    try:
        Name(zh=given["zh"], en=given["en"] or None)
    except ValidationError as error:
        for detail in error.errors():
            wrong[str(detail["loc"][0])] = _("A name has 2 to 80 characters, in English up to 160.")
    return wrong
