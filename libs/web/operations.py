"""What an operator sees of one service, and the one thing done here: sending a parked stream's events on again."""

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from runtime.operations import Operations
from web.languages import _
from web.pages import Site, notify, page
from web.people import Person, require
from web.problems import Problem
from web.words import word


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
        if any(stream.id == id for stream in await operations.parked()):
            said = _("Sent on: %(count)s events. The next one still cannot be handled, and the stream waits on.")
            notify(request, said % {"count": handled}, "warning")
        else:
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
