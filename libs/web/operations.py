"""What an operator sees of one service, and the one thing done here: sending a parked stream's events on again.

Onlookers see all that operators see, and may press nothing.
"""

import asyncio
from dataclasses import asdict, replace

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from runtime.operations import Operations
from schemas.envelope import Json
from web.languages import _
from web.pages import Site, notify, page
from web.people import Person, require
from web.problems import Problem
from web.words import word


def operations_routes(operations: Operations) -> APIRouter:
    """GET /operations, also as JSON, GET /operations/parked/{id}, POST the same: redrive."""
    router = APIRouter(include_in_schema=False)
    looking, operator = Depends(require("operator", "onlooker")), Depends(require("operator"))

    @router.get("/operations.json")
    async def as_json(me: Person = looking) -> Json:
        """What the service's own database knows, for the console; where its consumers are, it asks Kafka itself."""
        relay, queues, parked = await asyncio.gather(operations.relay(), operations.queues(), operations.parked())
        return {
            "relay": asdict(relay) if relay else None,
            "queues": [asdict(queue) for queue in queues],
            # Not the events themselves: those are on the stream's own page.
            "parked": [asdict(replace(stream, raw="")) for stream in parked],
        }

    @router.get("/operations")
    async def overview(request: Request, me: Person = looking) -> Response:
        standing, parked = await operations.status(), await operations.parked()
        return page(
            request,
            "operations.html",
            standing=standing,
            parked=parked,
            services=operations_tabs(request, "/operations"),
        )

    @router.get("/operations/parked/{id:path}")
    async def one(request: Request, id: str, me: Person = looking) -> Response:
        stream = next((stream for stream in await operations.parked() if stream.id == id), None)
        if stream is None:
            raise _nothing_parked()
        return page(request, "parked.html", stream=stream)

    @router.post("/operations/parked/{id:path}")
    async def redrive(request: Request, id: str, me: Person = operator) -> Response:
        handled = await operations.redrive(id, f"user:{me.sub}")
        if handled is None:
            raise _nothing_parked()
        if any(stream.id == id for stream in await operations.parked()):
            said = _("Sent on: %(count)s events. The next one still cannot be handled, and the stream waits on.")
            notify(request, said % {"count": handled}, "warning")
        else:
            notify(request, _("Sent on: %(count)s events, in order.") % {"count": handled})
        return RedirectResponse("/operations", 303)

    return router


def _nothing_parked() -> Problem:
    return Problem(404, "not-parked", _("Nothing is parked under this name"), _("It may have been sent on already."))


def operations_tabs(request: Request, here: str) -> list[tuple[str, str, bool]]:
    """The console and its planner, then each service's own operations, as tabs; `here` is a path of this service."""
    site: Site = request.app.state.site
    review = site.addresses["review"]
    ways = [("review", _("Live"), f"{review}/console", "/console")]
    ways += [("review", _("Planner"), f"{review}/planner", "/planner")]
    ways += [(name, word(name), f"{address}/operations", "/operations") for name, address in site.addresses.items()]
    return [(text, href, service == site.service and path == here) for service, text, href, path in ways]
