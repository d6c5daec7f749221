"""What an operator sees of one service, and the one thing done here: sending a parked stream's events on again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from web.languages import _
from web.pages import Site, notify, page
from web.people import Person, require
from web.problems import Problem
from web.words import word


@dataclass(frozen=True)
class Parked:
    """A stream whose events wait since one of them could not be handled (design, promise 5).

    `id` names it for `redrive`; `waiting` counts its events, the first included; `topic`, `partition` and `offset`
    say where that first one lies in Kafka; `raw` is that event as it came, undecodable bytes replaced; `error` is
    the exception's type and text.
    """

    id: str
    stream: str
    topic: str
    partition: int
    offset: int
    since: datetime
    waiting: int
    error: str
    raw: str


@dataclass(frozen=True)
class Relay:
    """How the outbox stands. `lag_s` is the age in seconds of the oldest event not yet in Kafka, 0 when none waits."""

    holder: str | None
    position_at: datetime | None
    lag_s: float


@dataclass(frozen=True)
class Consumer:
    """How far one topic has been read: `lag` in events behind its end, `oldest_s` the age of the next one to handle."""

    topic: str
    lag: int
    oldest_s: float


@dataclass(frozen=True)
class Queue:
    """Something that waits: `count` items, the oldest `oldest_s` seconds old; `frees` says what will free it."""

    name: str
    count: int
    oldest_s: float
    frees: str


@dataclass(frozen=True)
class Status:
    """What `/operations` shows; `relay` is None where the service emits nothing."""

    relay: Relay | None
    consumers: tuple[Consumer, ...] = ()
    queues: tuple[Queue, ...] = ()


class Operations(Protocol):
    """What a service gives for its page."""

    async def parked(self) -> list[Parked]:
        """All parked streams, the oldest first."""
        ...

    async def redrive(self, id: str, actor: str) -> int | None:
        """Handle the parked events of one stream again, in order; how many were, or None if nothing is parked there."""
        ...

    async def status(self) -> Status: ...


def operations_routes(operations: Operations) -> APIRouter:
    """GET /operations, GET /operations/parked/{id}, POST the same: redrive."""
    router = APIRouter(include_in_schema=False)
    operator = Depends(require("operator"))

    @router.get("/operations")
    async def overview(request: Request, me: Person = operator) -> Response:
        standing, parked = await operations.status(), await operations.parked()
        return page(request, "operations.html", standing=standing, parked=parked, services=_tabs(request))

    @router.get("/operations/parked/{id:path}")
    async def one(request: Request, id: str, me: Person = operator) -> Response:
        stream = next((stream for stream in await operations.parked() if stream.id == id), None)
        if stream is None:
            raise _nothing_parked()
        return page(request, "parked.html", stream=stream)

    @router.post("/operations/parked/{id:path}")
    async def redrive(request: Request, id: str, me: Person = operator) -> Response:
        handled = await operations.redrive(id, f"user:{me.sub}")
        if handled is None:
            raise _nothing_parked()
        notify(request, _("Sent on: %(count)s events, in order.") % {"count": handled})
        return RedirectResponse("/operations", 303)

    return router


def _nothing_parked() -> Problem:
    return Problem(404, "not-parked", _("Nothing is parked under this name"), _("It may have been sent on already."))


def _tabs(request: Request) -> list[tuple[str, str, bool]]:
    site: Site = request.app.state.site
    return [
        (word(service), f"{address}/operations", service == site.service) for service, address in site.addresses.items()
    ]
