"""What a partner's program asks about its own things: whose key it has, what was refused and why, what happens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, Field
from starlette.requests import Request
from starlette.responses import Response

from schemas.entry import Name
from schemas.envelope import Json, timestamp
from schemas.submission import Mode, Scope, SubmissionRefused
from submissions.answers import KEYED, KNOWN, After
from submissions.callers import Caller, unknown_submission, with_key
from submissions.desk import Desk, Story
from submissions.domain.refused import Standing
from submissions.feed import Feed, Place
from submissions.intake import told
from submissions.marked import N_
from submissions.store import Lists
from web.languages import _, language
from web.problems import Problem

#: Facts on one page, unless asked otherwise, and the most.
PAGE, MOST = 100, 1000
#: Milliseconds a page waits for news, so that what was answered before it was asked for is on it.
PAGE_AWAITS_MS = 500
#: Questions to the database without news after which a quiet connection is kept alive with a comment.
QUIET = 20
#: Questions after which a connection ends and is made again, so that a key that was revoked hears no more.
ENDS_AFTER = 600


def _written(value: object) -> object:
    """A time as RFC 3339 has it: a bare number would be read as seconds of an era that nobody named."""
    if isinstance(value, str) and value.lstrip("+-").replace(".", "", 1).isdigit():
        raise ValueError("a time is written as RFC 3339 has it")
    return value


def _reckoned(at: datetime) -> datetime:
    """A time that UTC has, too: of its years 1 to 9999."""
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time is of the years 1 to 9999 in UTC") from None


Since = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_reckoned)]


class Me(BaseModel):
    """Whose key it is."""

    partner: str
    name: Name | None
    mode: Mode
    scopes: tuple[Scope, ...]


class Refused(BaseModel):
    """What was refused once. `digest` is the SHA-256 of the bytes as they came.

    `standing` is `open` while it is still to be mended, `mended` once its revision or a later one was taken in,
    `withdrawn` with its submission, and `lapsed` when nobody mended it for 14 days. `mended` says the second alone.

    A finding has `rule`, `pointer`, `found`, `expected`, `text` and, where one is sure, `fix`, a JSON Patch operation.
    """

    stream: str
    reference: str | None
    revision: int | None
    time: str
    event: str
    digest: str
    mended: bool
    standing: Standing
    findings: list[Json]


class Refusals(BaseModel):
    """What was refused, the latest changed submission first; `next` goes into `after`."""

    items: list[Refused]
    next: str | None


class Happened(BaseModel):
    """CloudEvents in order; `next` goes into `after`, now or later."""

    items: list[Json] = Field(description="CloudEvents 1.0")
    next: str


def routes(desk: Desk, lists: Lists) -> APIRouter:
    """The routes for partners' programs, all by key."""
    router = APIRouter(tags=[N_("Where entries are")], dependencies=KNOWN, responses=KEYED)
    by_key = Depends(with_key("read"))

    @router.get("/me", summary=N_("Whose key this is"), response_description=N_("The partner"))
    async def me(caller: Caller = by_key) -> Me:
        partner = _partner(caller)
        name = (await desk.partners.get(partner)).state.name
        return Me(partner=partner, name=name, mode=caller.mode, scopes=caller.scopes)

    @router.get(
        "/refusals",
        summary=N_("What was refused, with every finding"),
        description=N_("Of one submission with `stream`; those that are no longer open are told too."),
        response_description=N_("One page, the latest changed submission first"),
    )
    async def refusals(
        caller: Caller = by_key,
        stream: Annotated[str | None, Query(description="`uscc/reference`")] = None,
        after: After = None,
    ) -> Refusals:
        kept = lists.of(caller.mode)
        if stream is None:
            documents, next = await kept.refused(_partner(caller), after)
        else:
            caller.may_see(stream.partition("/")[0])
            documents, next = await kept.refused_of(stream, after)
            if not documents:
                raise unknown_submission()
        items = list[Refused]()
        for document in documents:
            items += _refused(Story.of(document))
            await asyncio.sleep(0)  # others have their turn: each may have a hundred findings
        return Refusals(items=items, next=next)

    @router.get(
        "/events",
        summary=N_("What happens to my submissions"),
        description="\n\n".join(
            (
                N_(
                    "With `Accept: text/event-stream`, each fact as it happens, until you close; reconnect with "
                    "`Last-Event-ID`. Otherwise a page of what has happened, for programs that ask now and then."
                ),
                N_(
                    "Without `since` or `after` it begins now. No fact is left out; rarely one comes twice, with the "
                    "id it had. Contacts are not told."
                ),
            )
        ),
        response_model=Happened,
        responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
    )
    async def events(
        request: Request,
        caller: Caller = by_key,
        since: Annotated[Since | None, Query(description="from then on, RFC 3339 with its offset")] = None,
        after: Annotated[str | None, Query(description="the `next` of the page before")] = None,
        limit: Annotated[int | None, Query(ge=1, le=MOST, description=f"a page’s most; {PAGE} if not said")] = None,
        last_event_id: Annotated[str | None, Header(description="the `id` of the last event that came")] = None,
    ) -> Response | Happened:
        feed = Feed(desk.kept(caller.mode).collection, _partner(caller))
        place = await _place(feed, since, last_event_id or after)
        if "text/event-stream" in request.headers.get("accept", ""):
            # A server in between must not collect what is to be seen at once.
            headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
            return EventSourceResponse(_as_they_happen(feed, place, limit), headers=headers)
        limit = limit or PAGE
        return await _page(replace(feed, await_ms=PAGE_AWAITS_MS, at_once=limit), place, limit)

    return router


def _partner(caller: Caller) -> str:
    assert caller.partner is not None  # an API key always is some partner's
    return caller.partner


async def _place(feed: Feed, since: datetime | None, after: str | None) -> Place:
    if after is None:
        return await feed.begin(since)
    place = Place.read(after)
    if place is None:
        detail = _("Take the `next` of a page, or the `id` of an event, as it came.")
        raise Problem(422, "place-unknown", _("This is no place in the events"), detail)
    return place


async def _page(feed: Feed, place: Place, limit: int) -> Happened:
    items: list[Json] = []
    async with aclosing(feed.follow(place)) as following:
        async for after, event in following:
            place = after
            if event is None:
                break
            items.append(event)
            if len(items) == limit:
                break
    return Happened(items=items, next=place.text())


async def _as_they_happen(feed: Feed, place: Place, limit: int | None) -> AsyncIterator[bytes]:
    yield format_sse_event(id=place.text(), comment="")
    asked, sent = count(1), 0
    async with aclosing(feed.follow(place)) as following:
        async for after, event in following:
            place = after
            if event:
                sent += 1
                yield format_sse_event(id=place.text(), event=event["type"], data_str=orjson.dumps(event).decode())
                if sent == limit:
                    return
                continue
            questions = next(asked)
            if questions % QUIET == 0:
                yield KEEPALIVE_COMMENT
                # An event without data: it moves the place on, and is given to nobody.
                yield format_sse_event(id=place.text())
            if questions == ENDS_AFTER:
                return


def _refused(story: Story) -> list[Refused]:
    return [
        Refused(
            stream=story.stream,
            reference=story.reference,
            revision=event.data.revision,
            time=timestamp(event.time),
            event=event.id,
            digest=event.data.digest,
            mended=standing == "mended",
            standing=standing,
            findings=[told(finding, language()) for finding in event.data.findings],
        )
        for event, standing in story.standings
        if isinstance(event.data, SubmissionRefused)
    ]
