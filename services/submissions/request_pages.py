"""The request log as pages, for partners (their own) and operators (all): a list with filters, and each request."""

from typing import get_args

from fastapi import APIRouter, Depends
from pymongo.asynchronous.database import AsyncDatabase
from starlette.requests import Request
from starlette.responses import Response

from schemas.envelope import Json
from schemas.submission import Mode
from submissions.callers import of_person
from submissions.curl import curl, left_out
from submissions.key_desk import KeyDesk
from submissions.keys import shown
from submissions.request_log import Asked, RequestLog
from submissions.sections import sections
from submissions.store import partners
from web.languages import _, say
from web.pages import page
from web.people import Person, require
from web.problems import TYPE_PREFIX
from web.words import word


def add(router: APIRouter, log: RequestLog, keys: KeyDesk, database: AsyncDatabase[Json]) -> None:
    """Add /requests and /requests/{id} to the router of all pages."""
    either = Depends(require("partner", "operator"))

    @router.get("/requests")
    async def listing(
        request: Request,
        me: Person = either,
        status: str = "",
        mode: str = "",
        key: str = "",
        partner: str = "",
        id: str = "",
        after: str | None = None,
    ) -> Response:
        own = of_person(me).partner
        asked = Asked(own or partner or None, int(status) if status in ("2", "4", "5") else None, mode, key, id.strip())
        rows, next = await log.page(asked, after)
        everything = Asked(own)
        return page(
            request,
            "requests.html",
            sections=sections(request, me),
            rows=rows,
            next=next,
            after=after,
            total=await log.count(asked),
            empty_handed=not rows and await log.count(everything) == 0,
            filters_=await _filters(asked, status, own, keys, database),
            operator=own is None,
        )

    @router.get("/requests/{id}")
    async def one(request: Request, id: str, me: Person = either) -> Response:
        found = await log.get(id, of_person(me).partner)
        address = request.app.state.site.addresses["submissions"]
        return page(
            request,
            "request.html",
            sections=sections(request, me),
            found=found,
            key=shown(found["mode"], found["key"]),
            problem=TYPE_PREFIX + found["problem"] if found["problem"] else None,
            curl=curl(found, address),
            left_out=left_out(found),
            operator="operator" in me.roles,
        )


async def _filters(
    asked: Asked, status: str, own: str | None, keys: KeyDesk, database: AsyncDatabase[Json]
) -> list[Json]:
    """The fields by which the list is narrowed: an operator's choose a partner first, then one of its keys."""
    modes = [(mode, word(mode)) for mode in get_args(Mode)]
    statuses = [("2", _("2xx: done")), ("4", _("4xx: refused")), ("5", _("5xx: our fault"))]
    fields: list[Json] = [
        {"name": "status", "label": _("Status"), "value": status, "options": statuses},
        {"name": "mode", "label": _("Mode"), "value": asked.mode, "options": modes},
    ]
    if asked.partner:
        held = (await keys.all(asked.partner))[1]
        options = [(each.key.id, f"{each.key.label} · {each.key.id}") for each in held]
        fields.append({"name": "key", "label": _("Key"), "value": asked.key, "options": options})
    if own is None:
        named = [(each["_id"], say(each["state"]["name"]) or each["_id"]) for each in await partners(database)]
        fields.insert(0, {"name": "partner", "label": _("Partner"), "value": asked.partner, "options": named})
    return [*fields, {"name": "id", "label": _("Request number"), "value": asked.id}]
