"""Subscriptions for programs."""

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Header
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from notifications.desk import KEY_AT_LEAST, KEY_AT_MOST, Asked, Desk
from schemas.envelope import Json
from web.languages import _
from web.people import cause
from web.problems import Problem

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=KEY_AT_LEAST,
        max_length=KEY_AT_MOST,
        description="a random name of your own: with it, the same request again is the same subscription",
        examples=["8e03978e-40d5-43e8-bc93-6894a57f9324"],
    ),
]


def routes(desk: Desk) -> APIRouter:
    """POST /subscriptions, DELETE /subscriptions/{id}. (Its GET answers programs too: see pages.)"""
    router = APIRouter()

    @router.post("/subscriptions", status_code=201)
    async def subscribe(request: Request, asked: Asked, idempotency_key: IdempotencyKey = None) -> Response:
        """Subscribe: `{id, status}`; for a webhook also `token` and `secret`, said this once.

        Nothing is sent before the owner confirms: an email's by the link in it, a webhook's by answering the challenge.
        """
        if faults := desk.faults(asked):
            findings = [{"pointer": _pointer(field), "rule": field, "text": text} for field, text in faults.items()]
            raise Problem(422, "invalid-subscription", _("The subscription is not valid"), findings=findings)
        recipient = await desk.subscribe(asked, idempotency_key or uuid4().hex, cause(request))
        answer: Json = {"id": recipient.id, "status": "requested"}
        if recipient.channel == "webhook":
            # Not for an email: who holds its token has read the mail, and that is what confirms.
            answer |= {"token": desk.links.token(recipient.id), "secret": recipient.secret}
        return JSONResponse(answer, 201, {"Location": f"/subscriptions/{recipient.id}"})

    @router.delete("/subscriptions/{id}", status_code=204)
    async def cancel(request: Request, id: str, token: str) -> Response:
        """Cancel, and erase the address."""
        await desk.get(id, token)
        await desk.cancel(id, cause(request))
        return Response(status_code=204)

    return router


def _pointer(field: str) -> str:
    return "/address" if field == "address" else f"/filter/{field}"
