"""The pages of partners: what they sent, where it is, what was refused, and sending more."""

from typing import get_args

from fastapi import APIRouter, Depends, Form, UploadFile
from fastapi.routing import APIRoute
from pymongo.asynchronous.database import AsyncDatabase
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match
from starlette.types import Scope

from schemas.entry import KINDS
from schemas.envelope import Json
from submissions import (
    contact_pages,
    developers,
    docs,
    kafka_pages,
    key_pages,
    partner_pages,
    request_pages,
    rule_pages,
    sheet_pages,
    submission_page,
    tests_page,
)
from submissions.answers import Status
from submissions.callers import Caller, of_person, own_partner
from submissions.desk import Desk, Story
from submissions.domain.refused import OPEN_DAYS
from submissions.forms import pages as form_pages
from submissions.intake import told
from submissions.kafka_accounts import KafkaAccounts
from submissions.pasted import MAX_UPLOAD_BYTES, Sent, take, taken
from submissions.queues import Queues
from submissions.request_log import RequestLog
from submissions.sample import sample
from submissions.sections import sections
from submissions.store import Lists
from submissions.submission_page import mends, pretty
from submissions.waits import waits_for
from web.languages import language
from web.pages import notify, page
from web.people import Person, actor, require

#: What the list is filtered by; what was refused has a list of its own.
STATUSES = [status for status in get_args(Status) if status != "refused"]
#: The figures above the list: each counts several statuses.
FIGURES = {
    "in-review": ("received", "opened", "open", "in-review"),
    "changes-requested": ("changes-requested",),
    "queued": ("approved", "queued", "scheduled"),
    "published": ("published", "corrected"),
}


class PageRoute(APIRoute):
    """A route for browsers only: the same address answers programs in JSON."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] != "http" or "text/html" not in Headers(scope=scope).get("accept", ""):
            return Match.NONE, {}
        return super().matches(scope)


def routes(
    database: AsyncDatabase[Json], desk: Desk, lists: Lists, log: RequestLog, accounts: KafkaAccounts
) -> APIRouter:
    """All pages."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)
    # What is the same to browsers and programs: downloads, and pages whose address has no JSON.
    everybody = APIRouter(include_in_schema=False)

    @everybody.get("/")
    async def home() -> Response:
        return RedirectResponse("/submissions", 303)

    _lists(router, lists)
    tests_page.add(router, lists)
    _sending(router, desk)
    sheet_pages.add(router, everybody, database, desk)
    form_pages.add(router, desk, database)
    submission_page.add(router, desk, Queues(database))
    contact_pages.add(router, desk)
    partner_pages.add(router, desk, database)
    key_pages.add(router, desk)
    kafka_pages.add(router, accounts)
    request_pages.add(router, log, desk.keys, database)
    docs.add(everybody)
    rule_pages.add(router)
    developers.add(everybody, accounts)
    everybody.include_router(router)
    return everybody


def _lists(router: APIRouter, lists: Lists) -> None:
    either = Depends(require("partner", "operator"))

    @router.get("/submissions")
    async def mine(
        request: Request, me: Person = either, status: str = "", kind: str = "", after: str | None = None
    ) -> Response:
        if status == "refused":  # what was never accepted has no title to be listed by, but findings
            return RedirectResponse("/submissions/refused", 303)
        partner = of_person(me).partner
        rows, next = await lists.page(partner, status=status or None, kind=kind or None, after=after)
        standing = await lists.standing(partner, kind if kind in KINDS else None)
        accepted = {name: count for name, count in standing.items() if name != "refused"}
        return page(
            request,
            "submissions.html",
            sections=sections(request, me),
            rows=rows,
            next=next,
            after=after,
            total=standing.get(status, 0) if status else sum(accepted.values()),
            figures=[(name, sum(standing.get(each, 0) for each in counted)) for name, counted in FIGURES.items()],
            statuses=STATUSES,
            kinds=KINDS,
            status_=status,
            kind=kind,
            empty_handed=not standing,
            waits_for=waits_for,
        )

    @router.get("/submissions/refused")
    async def refused(request: Request, me: Person = either, after: str | None = None) -> Response:
        partner = of_person(me).partner
        documents, next = await lists.newest_refused(partner, after)
        return page(
            request,
            "refused.html",
            sections=sections(request, me),
            stories=[Story.of(document) for document in documents],
            total=await lists.count_refused(partner),
            next=next,
            after=after,
            told=lambda finding: told(finding, language()),
            mends=mends,
            days=OPEN_DAYS,
        )


def _sending(router: APIRouter, desk: Desk) -> None:
    partner = Depends(require("partner"))

    def form(request: Request, me: Person, *, sent: Sent | None = None, text: str = "") -> Response:
        return page(
            request,
            "new.html",
            status=sent.status if sent else 200,
            sections=sections(request, me),
            sent=sent,
            text=text,
            sample=pretty(sample(own_partner(me))),
        )

    @router.get("/submissions/new/json")
    async def new(request: Request, me: Person = partner) -> Response:
        return form(request, me)

    @router.post("/submissions/new/json", form_limits={"max_part_size": MAX_UPLOAD_BYTES})
    async def send_new(
        request: Request,
        me: Person = partner,
        file: UploadFile | None = None,
        text: str = Form(""),
        action: str = Form("send"),
    ) -> Response:
        caller = Caller(actor(me), own_partner(me))
        sent = await take(desk.intake(caller, validate_only=action == "check"), file, text)
        if sent.checked or sent.refused or not sent.receipts:
            return form(request, me, sent=sent, text=text)
        notify(request, taken(sent))
        return RedirectResponse("/submissions", 303)
