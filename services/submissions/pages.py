"""The pages of partners: what they sent, where it is, what was refused, and sending more."""

from typing import Any

import orjson
from fastapi import APIRouter, Depends, Form, UploadFile
from fastapi.routing import APIRoute
from pymongo.asynchronous.database import AsyncDatabase
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match
from starlette.types import Scope

from schemas.entry import KINDS, without_contact
from schemas.envelope import Event, Json
from schemas.finding import patch
from schemas.submission import SubmissionRefused
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
    tests_page,
)
from submissions.callers import Caller, of_person, own_partner
from submissions.desk import Desk, Story
from submissions.forms import pages as form_pages
from submissions.intake import told
from submissions.kafka_accounts import KafkaAccounts
from submissions.pasted import Sent, send, uploaded
from submissions.progress import Step
from submissions.queues import Queues
from submissions.request_log import RequestLog
from submissions.sample import sample
from submissions.sections import sections
from submissions.store import Lists
from submissions.waits import foreseen, waits_for
from web.languages import _, language, month, ngettext
from web.pages import notify, page
from web.people import Person, actor, cause, require
from web.words import word

#: What a submission may be filtered by, in the order in which it goes through them.
STATUSES = (
    *("received", "opened", "open", "in-review", "changes-requested", "rejected", "approved", "queued", "scheduled"),
    *("published", "corrected", "retracted", "withdrawn"),
)
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
    router, machines = APIRouter(route_class=PageRoute, include_in_schema=False), APIRouter()
    _lists(router, lists)
    tests_page.add(router, lists)
    _sending(router, desk)
    sheet_pages.add(router, machines, database, desk)
    form_pages.add(router, desk, database)
    _one(router, desk, Queues(database))
    contact_pages.add(router, desk)
    partner_pages.add(router, desk, database)
    key_pages.add(router, desk)
    kafka_pages.add(router, accounts)
    request_pages.add(router, log, desk.keys, database)
    docs.add(router)
    rule_pages.add(router)
    developers.add(router, machines, accounts)
    machines.include_router(router)
    return machines


def _lists(router: APIRouter, lists: Lists) -> None:
    either = Depends(require("partner", "operator"))

    @router.get("/", include_in_schema=False)
    async def home() -> Response:
        return RedirectResponse("/submissions", 303)

    @router.get("/submissions")
    async def mine(
        request: Request, me: Person = either, status: str = "", kind: str = "", after: str | None = None
    ) -> Response:
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
        documents, next = await lists.refused(partner, after)
        return page(
            request,
            "refused.html",
            sections=sections(request, me),
            stories=[Story.of(document) for document in documents],
            total=await lists.count_refused(partner),
            next=next,
            after=after,
            told=lambda finding: told(finding, language()),
            mends=_mends,
        )


def _sending(router: APIRouter, desk: Desk) -> None:
    partner = Depends(require("partner"))

    def form(request: Request, me: Person, *, sent: Sent | None = None, text: str = "") -> Response:
        return page(
            request,
            "new.html",
            status=422 if sent else 200,
            sections=sections(request, me),
            sent=sent,
            text=text,
            sample=_pretty(sample(own_partner(me))),
        )

    @router.get("/submissions/new/json")
    async def new(request: Request, me: Person = partner) -> Response:
        return form(request, me)

    @router.post("/submissions/new/json")
    async def send_new(
        request: Request, me: Person = partner, file: UploadFile | None = None, text: str = Form("")
    ) -> Response:
        sent = await _take(desk, me, file, text)
        if sent.refused or not sent.receipts:
            return form(request, me, sent=sent, text=text)
        notify(request, _taken(sent))
        return RedirectResponse("/submissions", 303)


def _one(router: APIRouter, desk: Desk, queues: Queues) -> None:
    either = Depends(require("partner", "operator"))
    partner = Depends(require("partner"))

    async def seen(caller: Caller, uscc: str, reference: str) -> Story:
        caller.may_see(uscc)
        return await desk.story(f"{uscc}/{reference}")

    async def show(request: Request, me: Person, story: Story, *, sent: Sent | None = None, text: str = "") -> Response:
        entry, own = story.progress.entry, me.partner == story.partner and "partner" in me.roles
        said = story.entry if own else story.entry and without_contact(story.entry)
        return page(
            request,
            "submission.html",
            status=422 if sent else 200,
            sections=sections(request, me),
            story=story,
            entry=said and said.model_dump(mode="json", exclude_none=True),
            entry_json=_pretty(said.model_dump(mode="json", exclude_none=True)) if said else "",
            happened=[_told(step) for step in story.steps],
            waits=waits_for(story.status, entry.release if entry else None),
            outlook=foreseen(await queues.outlook(story)),
            sent=sent,
            text=text or (_next_revision(story) if own else ""),
            own=own,
            told=lambda finding: told(finding, language()),
            mends=_mends,
        )

    @router.get("/submissions/{uscc}/{reference}")
    async def one(request: Request, uscc: str, reference: str, me: Person = either) -> Response:
        return await show(request, me, await seen(of_person(me), uscc, reference))

    @router.post("/submissions/{uscc}/{reference}")
    async def revise(
        request: Request,
        uscc: str,
        reference: str,
        me: Person = partner,
        file: UploadFile | None = None,
        text: str = Form(""),
    ) -> Response:
        await seen(Caller(actor(me), own_partner(me)), uscc, reference)
        sent = await _take(desk, me, file, text)
        if sent.refused or not sent.receipts:
            return await show(request, me, await desk.story(f"{uscc}/{reference}"), sent=sent, text=text)
        notify(request, _taken(sent))
        return RedirectResponse(f"/submissions/{sent.accepted[0].stream}", 303)

    @router.get("/submissions/{uscc}/{reference}/withdraw")
    async def ask(request: Request, uscc: str, reference: str, me: Person = partner) -> Response:
        story = await seen(Caller(actor(me), own_partner(me)), uscc, reference)
        return page(request, "withdraw.html", sections=sections(request, me), story=story, missing=False)

    @router.post("/submissions/{uscc}/{reference}/withdraw")
    async def withdraw(
        request: Request, uscc: str, reference: str, me: Person = partner, reason: str = Form("")
    ) -> Response:
        caller = Caller(actor(me), own_partner(me))
        story = await seen(caller, uscc, reference)
        reason = reason.strip()[:500]
        if len(reason) < 2:
            return page(request, "withdraw.html", status=422, sections=sections(request, me), story=story, missing=True)
        await desk.withdraw(story.stream, reason, caller, cause(request))
        notify(request, _("The submission is withdrawn."))
        return RedirectResponse(f"/submissions/{story.stream}", 303)


async def _take(desk: Desk, me: Person, file: UploadFile | None, text: str) -> Sent:
    return await send(desk.intake(Caller(actor(me), own_partner(me))), await uploaded(file, text))


def _taken(sent: Sent) -> str:
    count = len(sent.accepted)
    said = ngettext("%(count)s entry is taken in.", "%(count)s entries are taken in.", count)
    return said % {"count": count}


def _next_revision(story: Story) -> str:
    """What the partner would change and send: the newest revision's text under the next number."""
    if story.entry is None:
        return ""
    line: dict[str, Any] = {
        "reference": story.reference,
        "revision": story.state.revision + 1,
        "entry": story.entry.model_dump(mode="json", exclude_none=True, exclude_defaults=True),
    }
    return _pretty(line)


def _pretty(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def _mends(refusal: Event) -> str:
    """What would mend a refusal, as a JSON Patch to copy; empty where nothing is suggested."""
    operations = (
        patch(finding.fix for finding in refusal.data.findings) if isinstance(refusal.data, SubmissionRefused) else []
    )
    return _pretty(operations) if operations else ""


def _told(step: Step) -> dict[str, Any]:
    """A step as the timeline shows it."""
    facts = [
        _("revision %(number)s") % {"number": step.revision} if step.revision else "",
        month(step.release) if step.release else "",
        _("edition %(number)s") % {"number": step.edition} if step.edition else "",
        _("score %(number)s") % {"number": step.score} if step.score is not None else "",
    ]
    reasons = _("; ").join(word(reason).rstrip(" .。") for reason in step.reasons)
    if step.what == "refused":
        count = len(step.reasons)
        reasons = ngettext("%(n)s finding", "%(n)s findings", count) % {"n": count}
    return {"title": word(step.what), "at": step.at, "by": " · ".join(filter(None, facts)), "text": reasons}
