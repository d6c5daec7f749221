"""/audit/events: finds an event among all, and an entry by the words of its title. Role: auditor. A page for browsers,
JSON for programs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pymongo.errors import ExecutionTimeout
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from audit import log_texts, texts
from audit.as_of import since, when
from audit.leaves import COUNTED, Leaf, Leaves, Wish
from audit.pages import tabs
from audit.time_pages import step_href
from audit.titles import MATCHED, Title, Titled, Titles, streams_of
from schemas.envelope import Json, timestamp
from schemas.events import FACTS
from web.languages import _
from web.pages import page
from web.people import Person, require
from web.problems import Problem, wants_page

SIZE = 25
#: Entries found by their title that are listed; the events of all are below them.
LISTED = 10


def search_pages(leaves: Leaves, titles: Titles) -> APIRouter:
    """The route; a plain function, which waits for MongoDB in a thread."""
    router = APIRouter()
    auditor = Depends(require("auditor"))

    @router.get("/audit/events")
    def events(
        request: Request,
        me: Person = auditor,
        entry: str = "",
        title: str = "",
        partner: str = "",
        actor: str = "",
        type: str = "",
        correlation: str = "",
        cause: str = "",
        begin: Annotated[str, Query(alias="from")] = "",
        end: Annotated[str, Query(alias="to")] = "",
        after: str | None = None,
    ) -> Response:
        """Events of all histories, the newest first: by entry or stream, words of a title, partner, actor, type, story
        and time."""
        said = {"entry": entry, "partner": partner, "actor": actor, "type": type, "correlation": correlation}
        said |= {"cause": cause}
        names = {name: value.strip() or None for name, value in said.items()}
        times: dict[str, datetime | None] = {}
        wrong = []
        for id, read, text in (("from", since, begin), ("to", when, end)):
            try:
                times[id] = read(text) if text.strip() else None
            except ValueError:
                wrong.append({"text": _("Enter a day as 2026-11-28, or a time as RFC 3339"), "href": f"#filter-{id}"})
        first, last = times.get("from"), times.get("to")
        if first and last and first > last:
            wrong.append({"text": _("“To” must not lie before “from”"), "href": "#filter-to"})
        entries: list[Titled] | None = None
        try:
            if title.strip() and not wrong:
                entries, more = titles.find(title, names["partner"])
                if more:
                    text = _("More than %(count)s entries have a title like this. Give more of it, or a partner")
                    wrong.append({"text": text % {"count": MATCHED}, "href": "#filter-title"})
                    entries = None
            if wrong and not wants_page(request):
                raise Problem(422, "invalid-request", wrong[0]["text"])
            streams = None if entries is None else streams_of(entries)
            wish = Wish(**names, streams=streams, since=first, until=last)
            rows, following = ([], None) if wrong else leaves.search(wish, after, SIZE)
            total = 0 if wrong else leaves.count(wish)
        except ExecutionTimeout as error:
            detail = _("Give the beginning of the entry’s name (the partner’s code), or a partner, an actor or a time.")
            raise Problem(503, "search-too-wide", _("This search takes too long"), detail) from error
        called = titles.of(leaf.stream for leaf in rows)
        if not wants_page(request):
            return JSONResponse(
                {
                    "entries": None if entries is None else [_entry_json(each) for each in entries],
                    "events": [_event_json(leaf, called) for leaf in rows],
                    "total": total,
                    "next": following,
                }
            )
        return page(
            request,
            "events.html",
            status=422 if wrong else 200,
            tabs_=tabs("/audit/events"),
            wrong=wrong,
            asked=said | {"title": title, "from": begin, "to": end},
            types=[(type, texts.event_name(type)) for type in FACTS],
            entries=entries,
            listed=LISTED,
            called=called,
            rows=rows,
            total=total,
            more=total > COUNTED,
            counted=COUNTED,
            after=after,
            following=following,
            newest=leaves.newest(),
            texts=texts,
            step_href=step_href,
            altered=log_texts.altered,
        )

    return router


def _entry_json(found: Titled) -> Json:
    return {"entry": found.entry, "kind": found.kind, "title": found.title, "former": found.former}


def _event_json(leaf: Leaf, called: Mapping[str, Title]) -> Json:
    same = ("ref", "service", "stream", "sequence", "type", "actor", "cause", "correlation", "trace", "position")
    told = {name: getattr(leaf, name) for name in same} | {"title": called.get(leaf.stream)}
    told |= {"contradicts": leaf.contradicts, "altered": leaf.altered}
    return {**told, "leaf": leaf.number, "time": timestamp(leaf.time)}
