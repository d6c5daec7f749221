"""/audit/events: finds an event among all, and an entry by the words of its title. Role: auditor. A page for browsers,
JSON for programs."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pymongo.errors import ExecutionTimeout
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from audit import log_texts, meant, texts
from audit.as_of import since, when
from audit.leaves import COUNTED, Leaf, Leaves, Wish
from audit.pages import tabs
from audit.time_pages import step_href
from audit.titles import MATCHED, Title, Titled, Titles, streams_of
from schemas.envelope import Json, timestamp
from schemas.events import FACTS
from web.languages import _
from web.pages import page
from web.parameters import only_known_parameters
from web.people import Person, require
from web.problems import Problem, wants_page

SIZE = 25
#: Entries found by their title that are listed; the events of all are below them.
LISTED = 10


def _at(field: str, text: str) -> Json:
    """What is wrong with a field of the search, as the page's list of errors takes it."""
    return {"text": text, "href": f"#filter-{field}"}


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
        """Events of all histories, the newest first: by entry or stream, words of a title, partner, actor, type, story,
        cause and time."""
        said = {"entry": entry, "partner": partner, "actor": actor, "type": type}
        said = {name: text.strip() for name, text in {**said, "correlation": correlation, "cause": cause}.items()}
        wrong: list[Json] = [{"text": text} for text in _unknown(request)]
        wish = _wish(leaves, said, _times(begin, end, wrong), wrong)
        entries: list[Titled] | None = None
        rows: list[Leaf] = []
        following, total, hints = None, 0, list[str]()
        try:
            if title.strip() and not wrong:
                entries = _entries(titles, title, wish.partner, wrong)
            if wrong and not wants_page(request):
                raise Problem(422, "invalid-request", wrong[0]["text"])
            if not wrong:
                wish = wish if entries is None else replace(wish, streams=streams_of(entries))
                (rows, following), total = leaves.search(wish, after, SIZE), leaves.count(wish)
                hints = [] if total else meant.hints(leaves, wish, said)
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
                    "hints": hints,
                }
            )
        shown = {"type": meant.known_type(said["type"]), "title": title, "from": begin, "to": end}
        return page(
            request,
            "events.html",
            status=422 if wrong else 200,
            tabs_=tabs("/audit/events"),
            wrong=wrong,
            asked=said | shown,
            types=_types(shown["type"]),
            entries=entries,
            listed=LISTED,
            called=called,
            rows=rows,
            total=total,
            hints=hints,
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


def _unknown(request: Request) -> list[str]:
    """What is wrong with the parameters' names, to be said on the page; programs are told by the Problem raised."""
    try:
        only_known_parameters(request)
    except Problem as problem:
        if not wants_page(request):
            raise
        findings: list[Json] = problem.members["findings"]
        return [each["pointer"].removeprefix("/query/") + _(": ") + each["text"] for each in findings]
    return []


def _times(begin: str, end: str, wrong: list[Json]) -> dict[str, datetime | None]:
    times: dict[str, datetime | None] = {"from": None, "to": None}
    for field, read, text in (("from", since, begin), ("to", when, end)):
        try:
            times[field] = read(text) if text.strip() else None
        except ValueError:
            wrong.append(_at(field, _("Enter a day as 2026-11-28, or a time as RFC 3339")))
    if times["from"] and times["to"] and times["from"] > times["to"]:
        wrong.append(_at("to", _("“To” must not lie before “from”")))
    return times


def _wish(leaves: Leaves, said: Json, times: Mapping[str, datetime | None], wrong: list[Json]) -> Wish:
    """What is looked for; of several partners that may be meant, one must be chosen."""
    partner = said["partner"] or None
    if partner:
        codes = meant.partners(partner, leaves)
        partner = next(iter(codes), partner)
        if len(codes) > 1:
            text = _("Several partners have a name like this. Give one’s code: %(codes)s")
            names = [f"{name} {code}" for code, name in list(codes.items())[:LISTED]]
            wrong.append(_at("partner", text % {"codes": _(", ").join(names)}))
    return Wish(
        entry=meant.entry(said["entry"]) if said["entry"] else None,
        partner=partner,
        actor=meant.actor(said["actor"]) if said["actor"] else None,
        type=meant.kind_of_event(said["type"]) if said["type"] else None,
        correlation=said["correlation"] or None,
        cause=said["cause"] or None,
        since=times["from"],
        until=times["to"],
    )


def _entries(titles: Titles, title: str, partner: str | None, wrong: list[Json]) -> list[Titled] | None:
    entries, more = titles.find(title, partner)
    if not more:
        return entries
    text = _("More than %(count)s entries have a title like this. Give more of it, or a partner")
    wrong.append(_at("title", text % {"count": MATCHED}))
    return None


def _types(asked: str) -> list[tuple[str, str]]:
    """The kinds of events that can be chosen, with what is asked for, were it another."""
    types = [(type, texts.event_name(type)) for type in FACTS]
    return types if not asked or asked in FACTS else [*types, (asked, asked)]


def _entry_json(found: Titled) -> Json:
    return {"entry": found.entry, "kind": found.kind, "title": found.title, "former": found.former}


def _event_json(leaf: Leaf, called: Mapping[str, Title]) -> Json:
    same = ("ref", "service", "stream", "sequence", "type", "actor", "cause", "correlation", "trace", "position")
    told = {name: getattr(leaf, name) for name in same} | {"title": called.get(leaf.stream)}
    told |= {"contradicts": leaf.contradicts, "altered": leaf.altered}
    return {**told, "leaf": leaf.number, "time": timestamp(leaf.time)}
