"""A small service made of libs/web alone: every macro on a page, and routes for each way of answering."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, cast

from fastapi import APIRouter, Depends, FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from runtime.operations import Consumer, Opened, Operations, Parked, Queue, Relay, Status
from runtime.streams import StreamFull
from web.app import Settings, create_app
from web.operations import operations_routes
from web.pages import notify, page
from web.people import Person, person, require
from web.problems import Problem

NOW = datetime(2026, 3, 5, 6, 5, tzinfo=UTC)
ENTRIES = [
    {
        "id": "91510100MA6CGUGA1W/metro-inspection",
        "title": {"zh": "地铁隧道夜间巡检机器人应用场景", "en": "Robots inspecting metro tunnels at night"},
        "summary": {
            "zh": "开放 3 号线夜间 4 小时检修窗口，征集可在无照明、有积水环境下自主巡检的机器人，"
            "要求裂缝识别精度不低于 0.2 毫米，并与既有 BIM 系统对接。",
            "en": "Line 3 opens its four-hour night maintenance window to robots that inspect unlit, wet tunnels on "
            "their own, find cracks of 0.2 mm and report to the existing BIM system.",
        },
        "status": "in-review",
        "sector": "new-manufacturing",
        "district": "jinniu",
        "score": 92,
        "at": NOW - timedelta(hours=3),
    },
    {
        "id": "91510100MA6CGUGA1W/cold-chain",
        "title": {"zh": "川货出川冷链全程追溯", "en": None},
        "summary": {
            "zh": "以一物一码贯通产地预冷、干线运输与前置仓，开放十二个县域共三百条线路的真实数据。",
            "en": None,
        },
        "status": "changes-requested",
        "sector": "new-supply-chain",
        "district": "qingbaijiang",
        "score": 71,
        "at": NOW - timedelta(days=2),
    },
    {
        "id": "91510100MA6CGUGA1W/museum-guide",
        "title": {"zh": "博物馆多语种数字讲解员", "en": "A digital guide for museums, in many languages"},
        "summary": {
            "zh": "面向金沙遗址博物馆，提供三十六种语言的实时讲解。",
            "en": "Live commentary in thirty-six languages for the Jinsha Site Museum.",
        },
        "status": "approved",
        "sector": "new-cultural-innovation",
        "district": "qingyang",
        "score": 88,
        "at": NOW - timedelta(days=9),
    },
]
PARKED = Opened(
    "91510100MA6CGUGA1W/cold-chain@2",
    "91510100MA6CGUGA1W/cold-chain@2",
    "submissions.events",
    7,
    120_413,
    NOW,
    3,
    "ValueError: unknown event type submission.renamed.v1",
    '{"specversion": "1.0", "type": "submission.renamed.v1"}',
)


class DemoOperations:
    """One parked stream, until it is redriven."""

    def __init__(self) -> None:
        self.waiting = [PARKED]

    async def parked(self) -> tuple[list[Parked], int]:
        return list(self.waiting), len(self.waiting)

    async def opened(self, id: str) -> Opened | None:
        return next((stream for stream in self.waiting if stream.id == id), None)

    async def redrive(self, id: str, actor: str) -> int | None:
        handled = sum(stream.waiting for stream in self.waiting if stream.id == id)
        self.waiting = [stream for stream in self.waiting if stream.id != id]
        return handled or None

    async def relay(self) -> Relay | None:
        return (await self.status()).relay

    async def queues(self) -> tuple[Queue, ...]:
        return (await self.status()).queues

    async def status(self) -> Status:
        return Status(
            relay=Relay("review-worker-1", NOW, 0.4),
            consumers=(Consumer("submissions.events", 0, 0.0), Consumer("publishing.events", 1_204, 75.0)),
            queues=(Queue("待评审", 18, 93_600.0, "评审员领取案件后开始评审。"),),
        )


def demo(settings: Settings) -> FastAPI:
    """The service, as its composition root would build it."""
    app = create_app("review", settings, Path(__file__).parent / "templates", title="Demo")
    app.include_router(_pages())
    app.include_router(operations_routes(cast(Operations, DemoOperations())))
    return app


def _pages() -> APIRouter:
    router = APIRouter()

    @router.get("/cases")
    async def components(request: Request, block: str | None = None) -> Response:
        return page(request, "components.html", block=block, entries=ENTRIES, now=NOW)

    @router.get("/me")
    async def me(somebody: Annotated[Person | None, Depends(person)]) -> Person | None:
        return somebody

    @router.get("/desk")
    async def desk(request: Request, me: Annotated[Person, Depends(require("reviewer"))]) -> Response:
        return page(request, "components.html", entries=[], now=NOW)

    @router.post("/claim")
    async def claim(request: Request) -> Response:
        notify(request, "领取成功")
        return RedirectResponse("/cases", 303)

    @router.get("/full")
    async def full() -> None:
        raise StreamFull("s/1 would have 4,000,000 bytes of data")

    @router.get("/fails")
    async def fails() -> None:
        raise ZeroDivisionError("nobody foresaw this")

    @router.get("/refuses")
    async def refuses() -> None:
        title = {"zh": "该修订号已被占用", "en": "The revision is taken"}
        raise Problem(409, "revision-taken", title, findings=[{"rule": "revision.taken", "pointer": "/revision"}])

    @router.get("/counts")
    async def counts(n: int) -> int:
        return n

    return router
