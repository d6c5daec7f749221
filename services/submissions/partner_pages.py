"""The page on partners themselves, where operators register them."""

from typing import Literal

from fastapi import APIRouter, Depends, Form
from pydantic import ValidationError
from pymongo.asynchronous.database import AsyncDatabase
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from stdnum.cn import uscc as cn_uscc

from schemas.entry import Name
from schemas.envelope import Json
from submissions.callers import Caller
from submissions.desk import Desk
from submissions.domain.partner import Key
from submissions.intake import now
from submissions.sections import sections
from submissions.store import partners
from web.languages import _
from web.pages import notify, page
from web.people import Person, actor, cause, require


def add(router: APIRouter, desk: Desk, database: AsyncDatabase[Json]) -> None:
    """Add them to the router of all pages."""
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
            in_use=_in_use,
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


def _in_use(partner: Json) -> int:
    """How many of a partner's keys work."""
    return sum(Key.model_validate(key, strict=False).opens(now()) for key in partner["state"]["keys"])


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
