"""The auditor's pages, and the same as JSON for programs: /audit, /audit/runs, /audit/streams. Role: auditor."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query
from kafka.errors import KafkaError
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from audit import reasons, texts
from audit.examine import withheld
from audit.fold import AnyDecider
from audit.history import Told, Unreachable, story
from audit.runner import Runner, UnderWay
from audit.store import Runs
from runtime.settings import Settings
from schemas.envelope import Json, timestamp
from web.languages import _
from web.pages import page
from web.people import Person, actor, require
from web.problems import Problem, wants_page
from web.words import word

PAGE = 20
#: An event's name among all events: /service/stream/sequence.
REF = re.compile(r"^/([a-z]+)/(.+)/([0-9]+)$")


def pages(settings: Settings, deciders: Sequence[AnyDecider], runs: Runs, runner: Runner) -> APIRouter:
    """GET /audit, POST /audit/runs, GET /audit/runs/{run}, GET /audit/streams. Routes are plain functions: they wait
    for Kafka and MongoDB in threads."""
    router = APIRouter()
    services = tuple(dict.fromkeys(decider.service for decider in deciders))
    auditor = Depends(require("auditor"))

    @router.get("/", include_in_schema=False)
    async def home() -> Response:
        return RedirectResponse("/audit", 303)

    @router.get("/audit", include_in_schema=False)
    def overview(
        request: Request, me: Person = auditor, number: Annotated[int, Query(alias="page", ge=1, le=10_000)] = 1
    ) -> Response:
        rows, total = runs.page(number, PAGE)
        return page(
            request,
            "audit.html",
            tabs_=tabs("/audit"),
            last=runs.last_verdict(),
            running=runs.running(),
            runs=rows,
            total=total,
            number=number,
            pages_=-(-total // PAGE),
            services=services,
            texts=texts,
        )

    @router.post("/audit/runs", status_code=202)
    def begin(
        request: Request,
        me: Person = auditor,
        service: Annotated[str, Form()] = "",
        stream: Annotated[str, Form()] = "",
    ) -> Response:
        """Replay all histories, or one service's, or one stream's. While just such a one is under way, it is the
        answer; while another is, none is begun: 409, with the `run` that is under way."""
        if service and service not in services:
            raise Problem(422, "unknown-service", _("There is no such service"), services=[*services])
        try:
            run = runner.start(actor(me), service or None, stream.strip() or None)
        except UnderWay as other:
            address = f"/audit/runs/{other.run}"
            if wants_page(request):
                return RedirectResponse(f"{address}?instead=1", 303)
            title, detail = _("Another replay is under way"), _("One runs at a time. Begin yours when it has ended.")
            raise Problem(409, "replay-under-way", title, detail, run=address) from None
        address = f"/audit/runs/{run}"
        if wants_page(request):
            return RedirectResponse(address, 303)
        return JSONResponse(_run_json(_found(runs, run)), 202, {"Location": address})

    @router.get("/audit/runs/{run}")
    def one(request: Request, run: str, me: Person = auditor) -> Response:
        """A run: its status, its progress while it is running, its verdict when it is done."""
        found = _found(runs, run)
        if not wants_page(request):
            return JSONResponse(_run_json(found))
        return page(request, "run.html", run=found, verdict=found["verdict"], texts=texts, services=services)

    @router.get("/audit/runs/{run}/progress", include_in_schema=False)
    def progress(request: Request, run: str, me: Person = auditor) -> Response:
        found = _found(runs, run)
        fresh = {"HX-Refresh": "true"} if found["status"] != "running" else {}
        return page(request, "run.html", block="progress", headers=fresh, run=found, texts=texts)

    @router.get("/audit/streams", include_in_schema=False)
    def streams(request: Request, me: Person = auditor, q: str = "", service: str = "") -> Response:
        stream, chosen = q.strip(), [service] if service in services else services
        try:
            stories = [story(settings, deciders, name, stream) for name in chosen] if stream else []
        except (Unreachable, KafkaError) as error:
            detail = _("The histories cannot be read while Kafka does not answer. Try again in a minute.")
            raise Problem(503, "kafka-away", _("Kafka does not answer"), detail) from error
        return page(
            request,
            "streams.html",
            tabs_=tabs("/audit/streams"),
            q=stream,
            service=service,
            services=services,
            word=word,
            found=[(each, [_event(told, services) for told in each.told]) for each in stories if each.told],
            scanned=sum(each.scanned for each in stories),
            seconds=round(sum(each.seconds for each in stories), 2),
        )

    return router


def tabs(here: str) -> list[tuple[str, str, bool]]:
    """The audit's sections: (text, address, whether it is this one)."""
    links = [
        (_("Replays"), "/audit"),
        (_("Events"), "/audit/events"),
        (_("Catalogue as of a time"), "/audit/catalogue"),
        (_("Streams"), "/audit/streams"),
        (_("Log"), "/audit/log"),
    ]
    return [(text, href, href == here) for text, href in links]


def _found(runs: Runs, run: str) -> Json:
    found = runs.get(run)
    if found is None:
        raise Problem(404, "no-such-run", _("There is no such replay"), _("Look for it among the past replays."))
    return found


def _run_json(run: Json) -> Json:
    times = {name: timestamp(run[name]) for name in ("began", "heard")}
    return {"id": run["_id"]} | {name: value for name, value in run.items() if name != "_id"} | times


@dataclass(frozen=True)
class Reference:
    """What an event refers to: `href` leads to that event, where it is one."""

    text: str
    href: str | None


@dataclass(frozen=True)
class EventView:
    """One message of a stream as the page shows it; `error` says why it is no event."""

    position: str
    error: str | None
    again: bool
    anchor: str = ""
    sequence: int = 0
    name: str = ""
    type: str = ""
    time: str = ""
    actor: str = ""
    cause: Reference | None = None
    correlation: Reference | None = None
    trace: str | None = None
    data: str = ""


def _event(told: Told, services: Sequence[str]) -> EventView:
    event = told.event
    if event is None:
        return EventView(told.position, reasons.said(told.error or ""), told.again)
    again = f"-{told.position.rpartition(':')[2]}" if told.again else ""
    traceparent = event.get("traceparent")
    return EventView(
        position=told.position,
        error=None,
        again=told.again,
        anchor=f"{told.service}-{event['sequence']}{again}",
        sequence=event["sequence"],
        name=texts.event_name(event["type"]),
        type=event["type"],
        time=event["time"],
        actor=event["actor"],
        cause=reference(event["causationid"], services),
        correlation=reference(event["correlationid"], services),
        trace=traceparent.split("-")[1] if traceparent else None,
        data=json.dumps(withheld(event["data"]), ensure_ascii=False, indent=2),
    )


def reference(ref: str, services: Sequence[str]) -> Reference:
    """A `causationid` or `correlationid`, with the way to the event it names, if it names one."""
    match = REF.match(ref)
    if match is None or match[1] not in services:
        return Reference(ref, None)
    query = urlencode({"q": match[2], "service": match[1]})
    return Reference(ref, f"/audit/streams?{query}#{match[1]}-{match[3]}")
