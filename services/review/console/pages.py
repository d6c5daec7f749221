"""The console as a page: right when it loads, and live where scripts run (server-sent events). Also as JSON."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.sse import EventSourceResponse, format_sse_event
from pymongo.asynchronous.collection import AsyncCollection
from starlette.requests import Request
from starlette.responses import Response

from review.addresses import Addresses
from review.console.figures import OVER_S, Sample, standing
from review.console.held import held
from review.console.neighbours import Neighbours
from review.console.sampling import EVERY_S, Sampler
from review.console.words import called, clock, drains, helps, partitions
from schemas.envelope import Json
from web.languages import _, language
from web.operations import operations_tabs
from web.pages import page
from web.people import Person, require

Looking = Annotated[Person, Depends(require("operator", "onlooker"))]
#: Pages sent before the connection ends and is made again, so that whoever lost the role sees no more.
ENDS_AFTER = 300
#: Seconds between two rows of the charts' tables.
ROW_S = 30.0


@dataclass(frozen=True)
class Console:
    """What the page is made of: samples of Kafka, each service's own word, and the cases held at the desk."""

    sampler: Sampler
    neighbours: Neighbours
    cases: AsyncCollection[Json]
    addresses: Addresses


def routes(console: Console) -> APIRouter:
    """GET /console, /console/events (the same page again and again) and /console.json."""
    router = APIRouter(include_in_schema=False)

    @router.get("/console")
    async def live(request: Request, me: Looking) -> Response:
        return page(request, "console.html", tabs=operations_tabs(request, "/console"), **await _seen(console, request))

    @router.get("/console/events")
    async def events(request: Request, me: Looking) -> Response:
        async def pages() -> AsyncIterator[bytes]:
            for _page in range(ENDS_AFTER):
                yield format_sse_event(data_str=await _live_part(console, request))
                await asyncio.sleep(EVERY_S)

        # A server in between must not collect what is to be seen at once.
        return EventSourceResponse(pages(), headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

    @router.get("/console.json")
    async def as_json(me: Looking) -> Json:
        """Each consumer group as it stands, for programs."""
        samples = console.sampler.samples()
        return {
            "at": samples[-1].at if samples else None,
            "groups": {name: _figures(name, samples) for name in samples[-1].groups} if samples else {},
        }

    return router


async def _live_part(console: Console, request: Request) -> str:
    # The list's own address is the page's, not that of the events.
    whole = page(request, "console.html", block="live", link=lambda **_: "/console", **await _seen(console, request))
    return bytes(whole.body).decode()


async def _seen(console: Console, request: Request) -> dict[str, Any]:
    samples = console.sampler.samples()
    at = datetime.now(UTC)
    told, (held_count, holding) = await asyncio.gather(console.neighbours.ask(request), held(console.cases, at))
    standings = [standing(name, samples) for name in samples[-1].groups] if samples else []
    answering = {name: each for name, each in told.items() if each}
    return {
        "at": at,
        "sampled": datetime.fromtimestamp(samples[-1].at, UTC) if samples else None,
        "failing": console.sampler.failing,
        "standings": standings,
        "helps": [(each, said) for each in standings if (said := helps(each))],
        "lag": sum(each.lag for each in standings),
        "oldest_s": max((each.oldest_s for each in standings), default=0.0),
        "silent": [name for name, each in told.items() if each is None],
        "relays": [(name, each.relay) for name, each in answering.items() if each.relay],
        "queues": [(name, queue) for name, each in answering.items() for queue in each.queues],
        "parked": [(name, stream) for name, each in answering.items() for stream in each.parked],
        "parked_total": sum(max(each.parked_total, len(each.parked)) for each in answering.values()),
        "workers": [(each, member) for each in standings for member in each.group.members],
        "held": held_count,
        "holding": holding,
        "over_s": OVER_S,
        "called": called,
        "drains": drains,
        "partitions": partitions,
        "clock": clock,
        "case_path": console.addresses.path,
        "history": _history(samples),
        "rows": _rows(samples),
    }


def _history(samples: list[Sample]) -> Json:
    """The charts' lines: `at`, and of each group the events that wait and those handled a second."""
    names = list(samples[-1].groups) if samples else []
    return {
        "names": {name: called(name) for name in names},
        "time": _("Time"),
        "language": language(),
        "at": [round(sample.at, 1) for sample in samples],
        "lag": {name: [_lag(sample, name) for sample in samples] for name in names},
        "handled": {name: [_handled(samples, index, name) for index in range(len(samples))] for name in names},
    }


def _rows(samples: list[Sample]) -> list[tuple[datetime, dict[str, int | None], dict[str, float | None]]]:
    """The same by ROW_S, the latest first, for the tables."""
    step = max(1, round(ROW_S / EVERY_S))
    names = list(samples[-1].groups) if samples else []
    return [
        (
            datetime.fromtimestamp(samples[index].at, UTC),
            {name: _lag(samples[index], name) for name in names},
            {name: _handled(samples, index, name, step) for name in names},
        )
        for index in range(len(samples) - 1, -1, -step)
    ]


def _lag(sample: Sample, name: str) -> int | None:
    group = sample.groups.get(name)
    return sum(part.lag for part in group.parts) if group else None


def _handled(samples: list[Sample], index: int, name: str, over: int = 3) -> float | None:
    """Events a second that a group handled in the `over` samples before one; None before there are two."""
    first, last = samples[max(0, index - over)], samples[index]
    if name not in first.groups or name not in last.groups or last.at == first.at:
        return None
    was = {(part.topic, part.number): part.done for part in first.groups[name].parts}
    done = sum(part.done - was.get((part.topic, part.number), part.done) for part in last.groups[name].parts)
    return round(max(0, done) / (last.at - first.at), 1)


def _figures(name: str, samples: list[Sample]) -> Json:
    seen = standing(name, samples)
    return {
        "state": seen.group.state,
        "lag": seen.lag,
        "oldest_s": round(seen.oldest_s, 1),
        "work_s": seen.work_s,
        "handled_per_s": seen.pace.handled,
        "arriving_per_s": seen.pace.arriving,
        "drain_s": {"about": seen.drain.about_s, "soonest": seen.drain.soonest_s, "latest": seen.drain.latest_s},
        "workers": [{"name": member.name, "partitions": len(member.parts)} for member in seen.group.members],
        "partitions": seen.partitions,
        "help": seen.advice.help,
    }
