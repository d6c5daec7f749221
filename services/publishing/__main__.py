"""publishing: `python -m publishing api | worker | replay`."""

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError
from starlette.staticfiles import StaticFiles

from publishing import agents
from publishing.api import public_routes, publisher_routes
from publishing.desk import desk
from publishing.domain import DECIDERS, ENTRIES, RELEASES
from publishing.pages import pages
from publishing.store import Catalogue, create_indexes, now, unpublished, waiting, waiting_corrections
from runtime import rebuild, telemetry
from runtime.consume import React, worker_app
from runtime.garbage import collect_less_often
from runtime.operations import Operations, Queue
from runtime.parking import Parking
from runtime.relay import Relay
from runtime.settings import Settings
from runtime.streams import Streams
from runtime.worker import ready as worker_ready
from runtime.worker import running
from schemas.envelope import Json
from web.app import create_app
from web.languages import _
from web.operations import operations_routes
from web.serve import serve
from web.words import word

HERE = Path(__file__).parent
SERVICE = "publishing"
DESCRIPTION = """
The catalogue of what was released: open to all, in Chinese and English, by `/catalogue.json` and `/feed.atom`.

A month's 100 scenes and 100 products become visible in one instant. The publisher's acts under `/releases` need a
session.
"""


def mongo(settings: Settings) -> AsyncMongoClient[Json]:
    return AsyncMongoClient(settings.mongo_url, w="majority", journal=True, tz_aware=True)


def reactions(database: AsyncDatabase[Json]) -> dict[str, React]:
    """What the worker does, by topic."""
    return agents.reactions(Streams(database, ENTRIES), Streams(database, RELEASES))


def application(settings: Settings, client: AsyncMongoClient[Json]) -> FastAPI:
    """The public's and the publisher's pages and JSON, on the database of `client`."""
    database = client[settings.database(SERVICE)]
    entries, releases = Streams(database, ENTRIES), Streams(database, RELEASES)
    catalogue, site = Catalogue(database), settings.publishing_url.rstrip("/")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await create_indexes(database)
        yield
        telemetry.flush()

    async def ready() -> Mapping[str, bool]:
        try:
            await database.command("ping")
            return {"database": True}
        except PyMongoError:
            return {"database": False}

    app = create_app(
        SERVICE,
        settings,
        HERE / "templates",
        title="Shuangqian: publishing",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        ready=ready,
    )
    app.mount("/publishing", StaticFiles(directory=HERE / "static"))
    app.include_router(public_routes(catalogue, site))
    app.include_router(publisher_routes(entries, releases))
    app.include_router(pages(catalogue, entries))
    app.include_router(desk(entries, releases))
    operations = Operations(SERVICE, settings, database, reactions, lambda: queues(database))
    app.include_router(operations_routes(operations))
    return app


async def queues(database: AsyncDatabase[Json]) -> tuple[Queue, ...]:
    """What waits for a publisher, as it stands."""
    at, entries = now(), database["entries"]
    frees = _("A publisher adds it to an open month")
    found = [
        Queue(f"{_('Waiting for a release')}{_(': ')}{word(kind)}", queue.count, queue.oldest_s(at), frees)
        for kind, queue in (await waiting(entries)).items()
    ]
    correcting, frozen = await waiting_corrections(entries), await unpublished(database["releases"])
    return (
        *found,
        Queue(_("Waiting for a correction"), correcting.count, correcting.oldest_s(at), _("A publisher corrects it")),
        Queue(_("Frozen releases"), frozen.count, frozen.oldest_s(at), _("A publisher publishes the month")),
    )


def run_api(settings: Settings) -> None:
    telemetry.set_up("publishing-api", settings.otlp_endpoint)
    app = application(settings, mongo(settings))
    collect_less_often()
    serve(app, settings.host, settings.api_port, ending_s=10)


def run_worker(settings: Settings) -> None:
    telemetry.set_up("publishing-worker", settings.otlp_endpoint)
    database = mongo(settings)[settings.database(SERVICE)]
    relay = Relay(settings, SERVICE, DECIDERS)

    @asynccontextmanager
    async def lifespan(ops: FastAPI) -> AsyncIterator[None]:
        await create_indexes(database)
        async with running(worker, relay, parking.tell()):
            yield

    async def ready() -> Mapping[str, bool]:
        return worker_ready(worker, relay)

    worker = worker_app(SERVICE, settings)
    parking = Parking(database)
    agents.attach(worker, settings, parking, reactions(database))
    ops = create_app(SERVICE, settings, HERE / "templates", lifespan=lifespan, ready=ready, openapi_url=None)
    collect_less_often()
    serve(ops, settings.host, settings.ops_port, ending_s=5)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["api"]:
            run_api(Settings.load())
        case ["worker"]:
            run_worker(Settings.load())
        case ["replay"]:
            # Its releases and entries are streams; it has no projection of its own.
            rebuild.run(Settings.load(), SERVICE, DECIDERS, ())
        case _:
            sys.exit("usage: python -m publishing api | worker | replay")
