"""Pages: subscribing and managing for everybody, the deliveries for operators."""

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query
from pymongo.asynchronous.database import AsyncDatabase
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from notifications.desk import KEY_AT_LEAST, SECTORS, Asked, AskedFilter, Desk
from notifications.domain.delivery import DELIVERIES, Retry
from notifications.domain.subscription import Channel, Subscription
from notifications.store import Editions, Sendable, now
from runtime.streams import Streams
from schemas.entry import KINDS
from schemas.envelope import Json, timestamp
from web.languages import _, language
from web.pages import notify, page
from web.people import Person, actor, cause, require
from web.problems import Problem, wants_page

#: Deliveries shown of one subscription, and failed ones shown to operators.
RECENT = 50
SHOWN = 100
#: Pages whose address holds a token: the address goes to no other page.
PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}
Many = Annotated[list[str], Form(default_factory=list)]


def subscriber_pages(desk: Desk, editions: Editions) -> APIRouter:
    """/subscribe, /subscriptions/confirm, /subscriptions/{id} and what can be done there."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def home() -> Response:
        return RedirectResponse("/subscribe", 303)

    @router.get("/subscribe")
    async def form(
        request: Request,
        kind: Annotated[list[str], Query(default_factory=list)],
        sector: Annotated[list[str], Query(default_factory=list)],
        partner: Annotated[list[str], Query(default_factory=list)],
        channel: Channel = "email",
    ) -> Response:
        wished = AskedFilter(kinds=tuple(kind), sectors=tuple(sector), partners=tuple(partner))
        return _form(request, Asked(channel=channel, address="", filter=wished, language=_speaks()))

    @router.post("/subscribe")
    async def subscribe(
        request: Request,
        kinds: Many,
        sectors: Many,
        channel: Annotated[Channel, Form()] = "email",
        partners: Annotated[str, Form()] = "",
        speaks: Annotated[str, Form()] = "zh",
        address: Annotated[str, Form()] = "",
        key: Annotated[str, Form()] = "",
    ) -> Response:
        wished = AskedFilter(kinds=tuple(kinds), sectors=tuple(sectors), partners=tuple(partners.upper().split()))
        asked = Asked(
            channel=channel, address=address.strip(), filter=wished, language="en" if speaks == "en" else "zh"
        )
        if faults := desk.faults(asked):
            return _form(request, asked, faults, key)
        recipient = await desk.subscribe(asked, _own(key), cause(request))
        if channel == "email":
            return RedirectResponse("/subscribe/check-your-mail", 303)
        headers = {"Cache-Control": "no-store"}  # the secret is shown this once
        manage = desk.links.manage(recipient.id)
        return page(request, "secret.html", status=201, headers=headers, recipient=recipient, manage=manage)

    @router.get("/subscribe/check-your-mail")
    async def check_your_mail(request: Request) -> Response:
        return page(request, "check-your-mail.html")

    @router.get("/subscriptions/confirm")
    async def ask(request: Request, token: str) -> Response:
        """A page with a button: programs that open every link in a mail must not confirm."""
        id = desk.links.subscription(token) or ""
        subscription = await desk.get(id, token)
        if subscription.status != "requested":
            return RedirectResponse(desk.links.manage_path(id), 303)
        return page(request, "confirm.html", headers=PRIVATE, subscription=subscription, token=token)

    @router.post("/subscriptions/confirm")
    async def confirm(request: Request, token: Annotated[str, Form()]) -> Response:
        id = desk.links.subscription(token) or ""
        await desk.get(id, token)
        if not await desk.confirm(id, cause(request)):
            raise _over()
        notify(request, _("Confirmed. You will hear of everything that is published from now on."))
        return RedirectResponse(desk.links.manage_path(id), 303)

    @router.get("/subscriptions/{id}")
    async def manage(request: Request, id: str, token: str) -> Response:
        subscription = await desk.get(id, token)
        deliveries, total = await desk.deliveries.recent(id, RECENT)
        if not wants_page(request):
            return JSONResponse(as_json(id, subscription, deliveries, total), headers=PRIVATE)
        known = await editions.find({entry for delivery in deliveries for entry in delivery.state.entries[:1]})
        recipient = (await desk.recipients.find([id])).get(id)
        return page(
            request,
            "manage.html",
            headers=PRIVATE,
            subscription=subscription,
            recipient=recipient,
            deliveries=deliveries,
            total=total,
            editions=known,
            links=desk.links,
            id=id,
            token=token,
        )

    @router.post("/subscriptions/{id}/resume")
    async def resume(request: Request, id: str, token: str) -> Response:
        await desk.get(id, token)
        if not await desk.confirm(id, cause(request)):
            raise _over()
        notify(request, _("Resumed. You will hear of everything that is published from now on."))
        return RedirectResponse(desk.links.manage_path(id), 303)

    @router.post("/subscriptions/{id}/cancel")
    async def cancel(request: Request, id: str, token: str) -> Response:
        await desk.get(id, token)
        await desk.cancel(id, cause(request))
        notify(request, _("Cancelled. Your address has been erased."))
        return RedirectResponse(desk.links.manage_path(id), 303)

    @router.get("/subscriptions/{id}/unsubscribe")
    async def unsubscribe_page(id: str, token: str) -> Response:
        return RedirectResponse(f"/subscriptions/{id}?token={token}", 303)

    @router.post("/subscriptions/{id}/unsubscribe")
    async def unsubscribe(request: Request, id: str, token: str) -> Response:
        """RFC 8058: a mail program's button; it follows no redirects and sends no cookies."""
        await desk.get(id, token)
        await desk.cancel(id, cause(request))
        return page(request, "unsubscribed.html", headers=PRIVATE)

    return router


def _over() -> Problem:
    detail = _("It was cancelled, or not confirmed within a week, and the address was erased. Subscribe anew.")
    return Problem(410, "subscription-over", _("This subscription is over"), detail)


def _speaks() -> Any:
    return language()


def _form(request: Request, asked: Asked, faults: dict[str, str] | None = None, key: str = "") -> Response:
    findings = [{"text": text, "href": f"#{field}"} for field, text in (faults or {}).items()]
    return page(
        request,
        "subscribe.html",
        status=422 if faults else 200,
        asked=asked,
        faults=faults or {},
        findings=findings,
        kinds=KINDS,
        sectors=SECTORS,
        key=_own(key),
    )


def _own(key: str) -> str:
    """The form's own key; without one, one that nobody else has."""
    return key if len(key) >= KEY_AT_LEAST else secrets.token_hex(16)


def operator_pages(desk: Desk, database: AsyncDatabase[Json]) -> APIRouter:
    """/deliveries: how they stand, what fails and why, and to try it again now."""
    router = APIRouter(include_in_schema=False)
    operator = Depends(require("operator"))
    streams = Streams(database, DELIVERIES)

    @router.get("/deliveries")
    async def overview(request: Request, me: Person = operator) -> Response:
        at = now()
        troubled, total = await desk.deliveries.troubled(SHOWN)
        return page(
            request,
            "deliveries.html",
            standing=await desk.deliveries.standing(at),
            oldest=await desk.deliveries.oldest_due(at),
            troubled=troubled,
            total=total,
        )

    @router.post("/deliveries/retry")
    async def retry(request: Request, id: Annotated[str, Form()], me: Person = operator) -> Response:
        delivery = (await streams.get(id)).state
        if delivery.status is None:
            raise Problem(404, "no-delivery", _("There is no such delivery"))
        if reason := await desk.unheard(delivery):
            unheard = Problem(409, "nobody-hears", _("It is not tried again: nobody would hear of it"), reason)
            unheard.links = {"/deliveries": _("Deliveries")}
            raise unheard
        await streams.handle([Retry(stream=id, cause=cause(request), actor=actor(me), at=now())])
        notify(request, _("It is tried again now."))
        return RedirectResponse("/deliveries", 303)

    return router


def as_json(id: str, subscription: Subscription, deliveries: list[Sendable], total: int) -> Json:
    """A subscription and its latest deliveries, as programs get them."""
    return {
        "id": id,
        **subscription.model_dump(mode="json"),
        "deliveries": {"total": total, "latest": [_delivery(delivery) for delivery in deliveries]},
    }


def _delivery(delivery: Sendable) -> Json:
    shown = delivery.state.model_dump(mode="json", exclude={"subscription", "channel"})
    return {"id": delivery.id, **shown, "changed": timestamp(delivery.last)}
