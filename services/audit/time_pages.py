"""The time machine: /audit/time/{service}/{stream} steps through a stream, /audit/catalogue shows what was public when.
Role: auditor. Pages for browsers, JSON for programs."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import quote, urlencode

import orjson
from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from audit import log_texts, texts
from audit.as_of import Listing, Look, Point, listing, look, point, when
from audit.catalogue import Unreadable
from audit.causes import picture
from audit.examine import withheld
from audit.fold import AnyDecider
from audit.leaves import Leaf, Leaves, Story
from audit.pages import tabs
from schemas.envelope import Json
from web.languages import CITY_TIME, _
from web.pages import page
from web.people import Person, require
from web.problems import Problem, wants_page

P = TypeVar("P")
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
        now, before, wrong = _asked(request, point, at, other)
        seen = _look(leaves, deciders, service, stream, now, before)
        if not wants_page(request):
            return JSONResponse(seen.to_json())
        story = leaves.story(seen.now.leaf) if seen.now.leaf else None
        block = "moment" if request.headers.get("hx-request") else None
        status, filled = 422 if wrong else 200, _step(seen, whole, story)
        return page(request, "time.html", block=block, status=status, tabs_=tabs(""), wrong=wrong, **filled)

    @router.get("/audit/catalogue")
    def public(
        request: Request, me: Person = auditor, at: str = "", other: Annotated[str, Query(alias="with")] = ""
    ) -> Response:
        """What the public saw at a time, beside another."""
        now, before, wrong = _asked(request, when, at, other)
        try:
            seen = listing(leaves, now or datetime.now(UTC), before)
        except Unreadable as error:
            title = _("The catalogue cannot be told")
            raise Problem(409, "unreadable-history", title, log_texts.unreadable(error)) from error
        if not wants_page(request):
            return JSONResponse(seen.to_json())
        status, filled = 422 if wrong else 200, _shown(seen)
        return page(request, "catalogue.html", status=status, tabs_=tabs("/audit/catalogue"), wrong=wrong, **filled)

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
    seen = look(leaves, deciders, service, stream, at, other)
    if seen is None:
        detail = _("Names are exact. Search for it among the events, or wait a moment if it has just begun.")
        raise Problem(404, "no-such-stream", _("No such stream is recorded"), detail)
    return seen


def _step(seen: Look, whole: bool, story: Story | None) -> Json:
    """What the page of a stream at a moment is filled with."""
    fields = seen.fields
    differing = [field for field in fields if field.change != "same"]
    shown = fields if whole or len(fields) <= SHOWN else differing
    leaf, told = seen.now.leaf, story.leaves if story else ()
    return {
        "seen": seen,
        "leaf": leaf,
        "cause": next((each for each in told if leaf and each.ref == leaf.cause), None),
        "fields": shown,
        "differing": len(differing),
        "hidden": len(fields) - len(shown),
        "consecutive": seen.before.number == seen.now.number - 1,
        "says": _pretty(withheld(leaf.event.get("data"))) if leaf else "",
        "drawn": picture(told),
        "story": story,
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


def _asked(
    request: Request, read: Callable[[str], P], at: str, other: str
) -> tuple[P | None, P | None, dict[str, str]]:
    """The moments asked for, None where none is, and by parameter what is wrong with those that are none.

    Programs are told that with a Problem.
    """
    asked: dict[str, P] = {}
    wrong: dict[str, str] = {}
    for name, text in (("at", at.strip()), ("with", other.strip())):
        try:
            asked |= {name: read(text)} if text else {}
        except ValueError as error:
            title = _("“%(text)s” is no moment") % {"text": text[:80]}
            detail = _("Give the number of an event, a day as 2026-11-28, or a time as 2026-11-28T12:00.")
            wrong[name] = title + _(". ") + detail
            if not wants_page(request):
                raise Problem(422, "no-time", title, detail) from error
    return asked.get("at"), asked.get("with"), wrong


def _local(at: datetime) -> str:
    """A time as an input of type datetime-local takes it."""
    return at.astimezone(CITY_TIME).isoformat(timespec="milliseconds")[:23]


def _value(value: Any) -> str:
    """A field's value: text as it is, all else as JSON."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _pretty(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
