"""notifications: `python -m notifications api | worker | replay`."""

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from pymongo import AsyncMongoClient
from starlette.staticfiles import StaticFiles

from notifications.agents import PROJECTIONS, attach, reactions
from notifications.api import routes
from notifications.desk import Desk
from notifications.domain import DECIDERS
from notifications.pages import operator_pages, subscriber_pages
from notifications.sender import Sender
from notifications.settings import Settings
from notifications.store import Deliveries, Editions, create_indexes, now
from runtime import rebuild, telemetry
from runtime.consume import worker_app
from runtime.garbage import collect_less_often
from runtime.operations import Operations, Queue
from runtime.parking import Parking
from runtime.relay import Relay
from runtime.worker import ready as worker_ready
from runtime.worker import running
from schemas.envelope import Json
from web.app import create_app
from web.languages import _
from web.operations import operations_routes
from web.serve import serve

HERE = Path(__file__).parent


def mongo(settings: Settings) -> AsyncMongoClient[Json]:
    return AsyncMongoClient(settings.mongo_url, w="majority", journal=True, tz_aware=True)


def create_api(settings: Settings) -> FastAPI:
    """The pages and the JSON; any number of processes."""
    client = mongo(settings)
    database = client[settings.database("notifications")]
    desk, deliveries = Desk.of(settings, database), Deliveries(database)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await create_indexes(database)
        yield
        await client.close()
        telemetry.flush()

    async def ready() -> Mapping[str, bool]:
        await client.admin.command("ping")
        return {"mongo": True}

    async def queues() -> tuple[Queue, ...]:
        at = now()
        oldest = await deliveries.oldest_due(at)
        count = (await deliveries.standing(at))["due"]
        waits_s = (at - oldest).total_seconds() if oldest else 0.0
        return (
            Queue(_("Deliveries due"), count, waits_s, _("The worker’s sender: each is sent as a place gets free")),
        )

    app = create_app(
        "notifications", settings, HERE / "templates", title="Notifications", lifespan=lifespan, ready=ready
    )
    app.mount("/notifications", StaticFiles(directory=HERE / "static"))
    app.include_router(routes(desk))
    app.include_router(subscriber_pages(desk, Editions(database)))
    app.include_router(operator_pages(desk, database))
    app.include_router(operations_routes(Operations("notifications", settings, database, reactions, queues)))
    return app


def api(settings: Settings) -> None:
    telemetry.set_up("notifications-api", settings.otlp_endpoint)
    app = create_api(settings)
    collect_less_often()
    serve(app, settings.host, settings.api_port, ending_s=10)


def worker(settings: Settings) -> None:
    """The consumer; and, one of them at a time, the relay and the sender."""
    telemetry.set_up("notifications-worker", settings.otlp_endpoint)
    client = mongo(settings)
    database = client[settings.database("notifications")]
    app = worker_app("notifications", settings)
    parking = Parking(database)
    attach(app, settings, parking, database)
    relay = Relay(settings, "notifications", DECIDERS)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await create_indexes(database)
        async with running(app, relay, parking.tell(), Sender(settings, database).run()):
            yield
        await client.close()

    async def ready() -> Mapping[str, bool]:
        return worker_ready(app, relay)

    ops = create_app("notifications", settings, HERE / "templates", lifespan=lifespan, ready=ready)
    collect_less_often()
    serve(ops, settings.host, settings.ops_port, ending_s=5)


def replay(settings: Settings) -> None:
    """Rebuild the streams, and the projection of editions from publishing's history."""
    rebuild.run(settings, "notifications", DECIDERS, PROJECTIONS)


if __name__ == "__main__":
    processes = {"api": api, "worker": worker, "replay": replay}
    if len(sys.argv) != 2 or sys.argv[1] not in processes:
        sys.exit("usage: python -m notifications api | worker | replay")
    processes[sys.argv[1]](Settings.load())
