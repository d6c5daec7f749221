"""The time machine: /audit/time/{service}/{stream} steps through a stream, /audit/catalogue shows what was public when.
Role: auditor. Pages for browsers, JSON for programs."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import orjson
from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from audit import log_texts, texts
from audit.as_of import Listing, Look, NoDecider, Point, listing, look, point, when
from audit.causes import picture
from audit.examine import withheld
from audit.fold import AnyDecider
from audit.leaves import Leaf, Leaves
from audit.pages import tabs
from schemas.envelope import Json
from schemas.events import Undecodable
from web.languages import CITY_TIME, _
from web.pages import page
from web.people import Person, require
from web.problems import Problem, wants_page

#: Events of one story that are drawn.
DRAWN = 150
#: Fields that are shown where not only those that differ are asked for; unless all are.
SHOWN = 12


def time_pages(leaves: Leaves, deciders: Sequence[AnyDecider]) -> APIRouter:
    """The routes; plain functions, which wait for MongoDB in threads."""
    router = APIRouter()
    auditor = Depends(require("auditor"))

    @router.get("/audit/time/{service}/{stream:path}")
    def time(
        request: Request,
        service: str,
        stream: str,
        me: Person = auditor,
        at: str = "",
        other: Annotated[str, Query(alias="with")] = "",
        whole: Annotated[bool, Query(alias="all")] = False,
    ) -> Response:
        """A stream after its event `at` (a number) or at a time, beside another moment; else, one event earlier."""
        seen = _look(leaves, deciders, service, stream, _point(at), _point(other))
        if not wants_page(request):
            return JSONResponse(seen.to_json())
        shown = seen.now.leaf
        told, total = leaves.story(shown.correlation, DRAWN) if shown else ([], 0)
        block = "moment" if request.headers.get("hx-request") else None
        return page(request, "time.html", block=block, tabs_=tabs(""), **_step(seen, whole, told, total))

    @router.get("/audit/catalogue")
    def public(
        request: Request, me: Person = auditor, at: str = "", other: Annotated[str, Query(alias="with")] = ""
    ) -> Response:
        """What the public saw at a time, beside another."""
        now, before = _when(at) or datetime.now(UTC), _when(other)
        try:
            seen = listing(leaves, now, before)
        except Undecodable as error:
            detail = _("An event of another version says what was public: %(error)s") % {"error": error}
            raise Problem(409, "unreadable-history", _("The catalogue cannot be told"), detail) from error
        if not wants_page(request):
            return JSONResponse(seen.to_json())
        return page(request, "catalogue.html", tabs_=tabs("/audit/catalogue"), **_shown(seen))

    return router


def step_href(leaf: Leaf) -> str:
    """Where an event is shown in its stream."""
    return f"/audit/time/{leaf.service}/{quote(leaf.stream, safe='/@')}?at={leaf.sequence}"


def proof_href(leaf: Leaf) -> str:
    """Where it is proved that an event stands in the log."""
    return f"/log/proof?{urlencode({'ref': leaf.ref})}"


def _look(
    leaves: Leaves,
    deciders: Sequence[AnyDecider],
    service: str,
    stream: str,
    at: Point | None,
    other: Point | None,
) -> Look:
    try:
        seen = look(leaves, deciders, service, stream, at, other)
    except NoDecider as error:
        detail = _("No service of this version has streams of the kind %(noun)s.") % {"noun": error}
        raise Problem(409, "unknown-noun", _("This stream cannot be folded"), detail) from error
    if seen is None:
        detail = _("Names are exact. Search for it among the events, or wait a moment if it has just begun.")
        raise Problem(404, "no-such-stream", _("No such stream is recorded"), detail)
    return seen


def _step(seen: Look, whole: bool, story: list[Leaf], total: int) -> Json:
    """What the page of a stream at a moment is filled with."""
    fields = seen.fields
    differing = [field for field in fields if field.change != "same"]
    shown = fields if whole or len(fields) <= SHOWN else differing
    leaf = seen.now.leaf
    return {
        "seen": seen,
        "leaf": leaf,
        "cause": next((each for each in story if leaf and each.ref == leaf.cause), None),
        "fields": shown,
        "differing": len(differing),
        "hidden": len(fields) - len(shown),
        "consecutive": seen.before.number == seen.now.number - 1,
        "says": _pretty(withheld(leaf.event["data"])) if leaf else "",
        "story": picture(story),
        "story_total": total,
        "local": _local,
        "value": _value,
        "texts": texts,
        "altered": log_texts.altered,
        "step_href": step_href,
        "proof_href": proof_href,
    }


def _shown(seen: Listing) -> Json:
    changed = seen.changed if seen.other else {}
    rows = [
        {"entry": entry, "change": changed.get(entry), **(seen.now.get(entry) or seen.before[entry])}
        for entry in sorted({*seen.now, *changed})
        if not seen.other or entry in changed
    ]
    return {"seen": seen, "rows": rows, "local": _local, "altered": log_texts.altered}


def _point(text: str) -> Point | None:
    try:
        return point(text) if text.strip() else None
    except ValueError as error:
        raise _no_time(text) from error


def _when(text: str) -> datetime | None:
    try:
        return when(text) if text.strip() else None
    except ValueError as error:
        raise _no_time(text) from error


def _no_time(text: str) -> Problem:
    detail = _("Give the number of an event, a day as 2026-11-28, or a time as 2026-11-28T12:00.")
    return Problem(422, "no-time", _("“%(text)s” is no moment") % {"text": text[:80]}, detail)


def _local(at: datetime) -> str:
    """A time as an input of type datetime-local takes it."""
    return at.astimezone(CITY_TIME).isoformat(timespec="seconds")[:19]


def _value(value: Any) -> str:
    """A field's value: text as it is, all else as JSON."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _pretty(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
