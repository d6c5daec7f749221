"""What an operator sees of one service, and what is done here: parked events are mended, tried out and sent on again.

Onlookers see all that operators see, and may press nothing; auditors see what operators did here.
"""

import asyncio
import re
from ast import literal_eval
from dataclasses import asdict
from urllib.parse import quote

import orjson
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from runtime.operations import CannotMend, OfThisStream, Operations
from schemas.envelope import Json
from web import invalid
from web.languages import _, ngettext, sentences
from web.pages import Site, notify, page
from web.people import Person, require
from web.problems import Problem
from web.words import word

#: Characters of an error that a notice tells; the page has all of it.
MOST_TOLD = 300
#: And of the reason for setting an event aside.
MOST_REASON = 500
#: How Python writes an exception that has a text, as it is kept of a parked stream.
_REPR = re.compile(r"""(\w+)\((["'].*["'])\)""", re.DOTALL)


def operations_routes(operations: Operations) -> APIRouter:
    """GET /operations, also as JSON; GET /operations/parked/{id}, POST the same: redrive; POST /operations/mend/{id},
    /operations/try/{id} and /operations/set-aside/{id}; GET /operations/acts."""
    router = APIRouter(include_in_schema=False)
    looking, operator = Depends(require("operator", "onlooker")), Depends(require("operator"))
    watching = Depends(require("operator", "onlooker", "auditor"))

    @router.get("/operations.json")
    async def as_json(me: Person = looking) -> Json:
        """What the service's own database knows, for the console; where its consumers are, it asks Kafka itself."""
        relay, queues, found = await asyncio.gather(operations.relay(), operations.queues(), operations.parked())
        parked, total = found
        return {
            "relay": asdict(relay) if relay else None,
            "queues": [asdict(queue) for queue in queues],
            # The longest waiting, and how many there are; their events are on each one's own page.
            "parked": [asdict(stream) | {"error": legible(stream.error)} for stream in parked],
            "parked_total": total,
        }

    @router.get("/operations")
    async def overview(request: Request, me: Person = looking) -> Response:
        standing, (parked, total) = await operations.status(), await operations.parked()
        return page(
            request,
            "operations.html",
            standing=standing,
            parked=parked,
            total=total,
            legible=legible,
            services=operations_tabs(request, "/operations"),
        )

    @router.get("/operations/parked/{id:path}")
    async def one(request: Request, id: str, me: Person = looking) -> Response:
        return await _shown(request, id)

    @router.post("/operations/try/{id:path}")
    async def try_dry(request: Request, id: str, me: Person = operator) -> Response:
        tried = await operations.try_dry(id, f"user:{me.sub}")
        if tried is None:
            raise _nothing_parked()
        if tried.error:
            said = ngettext(
                "Tried: %(count)s event would be handled, the next would not: %(error)s. Nothing was changed.",
                "Tried: %(count)s events would be handled, the next would not: %(error)s. Nothing was changed.",
                tried.handled,
            )
            notify(request, said % {"count": tried.handled, "error": legible(tried.error)[:MOST_TOLD]}, "warning")
        else:
            said = _("Tried: all would be handled now, %(count)s in number. Nothing was changed.")
            notify(request, said % {"count": tried.handled})
        return RedirectResponse(_path(id), 303)

    @router.post("/operations/mend/{id:path}")
    async def mend(request: Request, id: str, me: Person = operator) -> Response:
        body = str((await request.form()).get("body", ""))
        try:
            mended = await operations.mend(id, body, f"user:{me.sub}")
        except CannotMend as error:
            told = sentences(*(f"{each.pointer} {invalid.said(each.error)}".lstrip() for each in error.differences))
            wrong = _("This cannot stand in for the event: %(error)s") % {"error": told[:MOST_TOLD]}
            return await _shown(request, id, body=body, wrong=wrong)
        if mended is None:
            raise _nothing_parked()
        if mended:
            notify(request, _("Mended. What came stays beside it. Try it out, then send it on."))
        else:
            notify(request, _("Nothing is changed in it."), "warning")
        return RedirectResponse(_path(id), 303)

    @router.post("/operations/set-aside/{id:path}")
    async def set_aside(request: Request, id: str, me: Person = operator) -> Response:
        form = await request.form()
        # Which one the page showed: a second press must not pass over the next one, that nobody has looked at.
        position, reason = str(form.get("position", "")), str(form.get("reason", "")).strip()
        if not 1 <= len(reason) <= MOST_REASON:
            missing = _("Say in 1 to %(most)s characters why it is passed over.") % {"most": MOST_REASON}
            return await _shown(request, id, reason=reason, missing=missing)
        try:
            if not await operations.set_aside(id, position, reason, f"user:{me.sub}"):
                raise _nothing_parked()
        except OfThisStream as error:
            detail = _("It says that it is one of this stream. Mend it: nothing that was decided is passed over.")
            refused = Problem(409, "of-this-stream", _("This event cannot be set aside"), detail)
            refused.links = {_path(id): _("Back to the parked stream")}
            raise refused from error
        notify(request, _("Set aside. What came, and why it was passed over, is among what operators did."))
        return RedirectResponse(_path(id) if await operations.opened(id) else "/operations", 303)

    @router.get("/operations/acts")
    async def acts(request: Request, me: Person = watching) -> Response:
        done, total = await operations.acts()
        return page(request, "acts.html", acts=done, total=total, legible=legible)

    async def _shown(
        request: Request,
        id: str,
        *,
        body: str | None = None,
        wrong: str | None = None,
        reason: str = "",
        missing: str | None = None,
    ) -> Response:
        """A parked stream's page, with what was given in place of its event or as a reason, and what is wrong there."""
        stream = await operations.opened(id)
        if stream is None:
            raise _nothing_parked()
        raw, mended = _indented(stream.raw), _indented(stream.mended) if stream.mended else None
        return page(
            request,
            "parked.html",
            status=422 if wrong or missing else 200,
            stream=stream,
            legible=legible,
            said=invalid.said,
            raw=raw,
            mended=mended,
            body=body if body is not None else mended or raw,
            wrong=wrong,
            reason=reason,
            missing=missing,
        )

    @router.post("/operations/parked/{id:path}")
    async def redrive(request: Request, id: str, me: Person = operator) -> Response:
        handled = await operations.redrive(id, f"user:{me.sub}")
        if handled is None:
            raise _nothing_parked()
        if await operations.opened(id):
            said = ngettext(
                "Sent on: %(count)s event. The next one still cannot be handled, and the stream waits on.",
                "Sent on: %(count)s events. The next one still cannot be handled, and the stream waits on.",
                handled,
            )
            notify(request, said % {"count": handled}, "warning")
        else:
            said = ngettext("Sent on: %(count)s event, in order.", "Sent on: %(count)s events, in order.", handled)
            notify(request, said % {"count": handled})
        return RedirectResponse("/operations", 303)

    return router


def legible(error: str) -> str:
    """An error as people read it, its type and its text: `Undecodable('not JSON')` as Undecodable: not JSON."""
    found = _REPR.fullmatch(error)
    try:
        text = literal_eval(found[2]) if found else None
    except (ValueError, SyntaxError):
        return error
    if found is None or not isinstance(text, str):  # an exception of several parts, or of none
        return error
    # Half a surrogate pair could not be sent.
    return f"{found[1]}: {text}".encode(errors="backslashreplace").decode()


def _indented(text: str) -> str:
    """JSON with a line a field; anything else as it is."""
    try:
        return orjson.dumps(orjson.loads(text), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        return text


def _path(id: str) -> str:
    return f"/operations/parked/{quote(id)}"


def _nothing_parked() -> Problem:
    gone = Problem(404, "not-parked", _("Nothing is parked under this name"), _("It may have been sent on already."))
    gone.links = {"/operations": _("Operations")}
    return gone


def operations_tabs(request: Request, here: str) -> list[tuple[str, str, bool]]:
    """The console, its planner, the roster and assignments, then each service's own operations, as tabs.

    `here` is a path of this service.
    """
    site: Site = request.app.state.site
    review = site.addresses["review"]
    ways = [("review", _("Live"), f"{review}/console", "/console")]
    ways += [("review", _("Planner"), f"{review}/planner", "/planner")]
    ways += [("review", _("Reviewers"), f"{review}/reviewers", "/reviewers")]
    ways += [("review", _("Assignments"), f"{review}/assignments", "/assignments")]
    ways += [(name, word(name), f"{address}/operations", "/operations") for name, address in site.addresses.items()]
    return [(text, href, service == site.service and path == here) for service, text, href, path in ways]
