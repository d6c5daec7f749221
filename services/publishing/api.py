"""The catalogue for programs, open to all, and the publisher's acts as JSON, for people signed in as one."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Depends, Query
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from publishing.domain.release import LINKAGES_AT_MOST, MONTH, Freeze, Open, PublishRelease, Release, in_order, missing
from publishing.feed import atom
from publishing.releasing import Added, Entries, Releases, add, fill, remove
from publishing.requests import Month, act, decided, known, refused, wish
from publishing.store import Catalogue, Shown, Wish, months
from publishing.words import explained
from runtime.streams import Outcome
from schemas.entry import EntryId
from schemas.envelope import Json, timestamp
from schemas.publication import MONTHLY
from web.languages import _
from web.openapi import Responses
from web.people import Person, require
from web.problems import Problem, wants_page

PAGE = 50
FEED = 50
ATOM = "application/atom+xml"


class ForPrograms(APIRoute):
    """Answers those who do not ask for a page; a browser at the same address gets the one of pages.py."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http" and wants_page(Request(scope)):
            return Match.NONE, {}
        return super().matches(scope)


class OpenRelease(BaseModel):
    """`month` is YYYY-MM."""

    model_config = ConfigDict(extra="forbid")
    month: Annotated[str, Field(json_schema_extra={"pattern": f"^{MONTH.pattern}$"})]


class AddEntries(BaseModel):
    """Entries by id, as many as a month can hold, or, with `fill`, what has waited longest, up to the targets."""

    model_config = ConfigDict(extra="forbid")
    entries: Annotated[tuple[EntryId, ...], Field(max_length=sum(MONTHLY.values()) + LINKAGES_AT_MOST)] = ()
    fill: bool = False


def public_routes(catalogue: Catalogue, site: str) -> APIRouter:
    """GET /catalogue.json, /catalogue/{partner}/{reference}.json, /feed.atom. `site` is this service's address."""
    router = APIRouter(tags=["catalogue"])
    programs = APIRouter(tags=["catalogue"], route_class=ForPrograms)
    in_atom: Responses = {200: {"content": {ATOM: {"schema": {"type": "string"}}}}}

    @router.get("/catalogue.json")
    async def search(
        request: Request, wish: Annotated[Wish, Depends(wish)], page: Annotated[int, Query(ge=1, le=10_000)] = 1
    ) -> Response:
        """The entries that answer the filters, the newest release first, 50 a page."""
        rows, total = await catalogue.search(wish, page, PAGE)
        more = f"{site}/catalogue.json?{_query(wish, page=page + 1)}" if page * PAGE < total else None
        return _cached(
            request, _json({"total": total, "page": page, "next": more, "entries": [_public(r, site) for r in rows]})
        )

    @router.get("/catalogue/{partner}/{reference}.json")
    @programs.get("/catalogue/{partner}/{reference}")
    async def entry(request: Request, partner: str, reference: str) -> Response:
        """One entry, as its latest edition says it."""
        found = await catalogue.some([f"{partner}/{reference}"])
        if not found:
            raise Problem(404, "not-in-catalogue", _("This entry is not in the catalogue"))
        [shown] = found.values()
        return _cached(request, _json(_public(shown, site)), shown.published_at)

    @router.get("/feed.atom", response_class=Response, responses=in_atom)
    async def feed(request: Request, wish: Annotated[Wish, Depends(wish)]) -> Response:
        """The latest 50 entries that answer the filters, in the reader's language (`lang=zh` or `en`)."""
        shown = await catalogue.latest(wish, FEED)
        updated = await catalogue.changed() or datetime(2026, 1, 1, tzinfo=UTC)
        body = atom(_("Shuangqian: scenes and products of a city’s new economy"), site, _query(wish), updated, shown)
        return _cached(request, body, updated, f"{ATOM}; charset=utf-8")

    router.include_router(programs)
    return router


def publisher_routes(entries: Entries, releases: Releases) -> APIRouter:
    """The publisher's desk for programs, under /releases."""
    router = APIRouter(tags=["releases"], route_class=ForPrograms)
    publisher = Depends(require("publisher"))

    @router.get("/releases")
    async def all_months(me: Person = publisher) -> Response:
        return _answer({"releases": [row | {"missing": _lacking(row)} for row in await months(releases.collection)]})

    @router.post("/releases", status_code=201)
    async def open_month(request: Request, body: OpenRelease, me: Person = publisher) -> Response:
        """Open a month with the programme's targets; opening it again changes nothing."""
        command = Open(stream=body.month, targets=MONTHLY, **act(request, me).fields)
        return _answer(_release(await decided(releases, command)), 201)

    @router.get("/releases/{month}")
    async def one(month: Month, me: Person = publisher) -> Response:
        return _answer(_release(await known(releases, month)))

    @router.post("/releases/{month}/entries")
    async def put_in(request: Request, month: Month, body: AddEntries, me: Person = publisher) -> Response:
        """Add entries; the answer says which are in now, and of the others why not."""
        await known(releases, month, open=True)
        doing = act(request, me)
        if body.fill:
            added = await fill(entries, releases, month, doing)
        else:
            added = await add(entries, releases, month, body.entries, doing)
        return _answer(_added(added) | {"release": _release(await releases.get(month))})

    @router.delete("/releases/{month}/entries/{partner}/{reference}")
    async def take_out(
        request: Request, month: Month, partner: str, reference: str, me: Person = publisher
    ) -> Response:
        outcome = await remove(entries, releases, month, f"{partner}/{reference}", act(request, me))
        if outcome.refusal:
            raise refused(outcome.refusal)
        return _answer(_release(outcome))

    @router.post("/releases/{month}/freeze")
    async def freeze(request: Request, month: Month, me: Person = publisher) -> Response:
        return _answer(_release(await decided(releases, Freeze(stream=month, **act(request, me).fields))))

    @router.post("/releases/{month}/publish")
    async def publish(request: Request, month: Month, me: Person = publisher) -> Response:
        return _answer(_release(await decided(releases, PublishRelease(stream=month, **act(request, me).fields))))

    return router


def _release(outcome: Outcome[Release]) -> Json:
    state = outcome.state
    return {
        "month": outcome.stream,
        **state.model_dump(mode="json", exclude={"lines"}),
        "missing": missing(state) if state.status == "open" else {},
        "lines": [line.model_dump(mode="json") for line in in_order(state.lines)],
    }


def _lacking(row: Json) -> dict[str, int]:
    return missing(Release(targets=row["targets"], counts=row["counts"])) if row["status"] == "open" else {}


def _added(added: Added) -> Json:
    reasons = [
        {"entry": id, "rule": refusal.rule, "detail": explained(refusal)} for id, refusal in added.refused.items()
    ]
    return {"added": added.entries, "refused": reasons}


def _public(shown: Shown, site: str) -> Json:
    return asdict(shown) | {"published_at": timestamp(shown.published_at), "href": site + shown.path}


def _query(wish: Wish, **more: int) -> str:
    return urlencode({name: value for name, value in (asdict(wish) | more).items() if value})


def _json(value: Mapping[str, Any]) -> bytes:
    return orjson.dumps(value)


def _answer(value: Mapping[str, Any], status: int = 200) -> Response:
    return Response(_json(value), status, {"Cache-Control": "no-store"}, "application/json")


def _cached(
    request: Request, body: bytes, modified: datetime | None = None, media_type: str = "application/json"
) -> Response:
    """An answer that caches keep and ask about again (RFC 9110): 304 where the reader has these very bytes.

    Pages of other sites may read it: it is the public's.
    """
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {
        "ETag": tag,
        "Cache-Control": "public, no-cache",
        "Vary": "Accept, Accept-Language, Cookie",
        "Access-Control-Allow-Origin": "*",
    }
    if modified:
        headers["Last-Modified"] = format_datetime(modified.astimezone(UTC), usegmt=True)
    asked = request.headers.get("if-none-match")
    if asked:
        fresh = tag in [known.strip().removeprefix("W/") for known in asked.split(",")]
    else:
        fresh = modified is not None and request.headers.get("if-modified-since") == headers["Last-Modified"]
    return Response(status_code=304, headers=headers) if fresh else Response(body, 200, headers, media_type)
