"""submissions: `python -m submissions api | worker | replay`."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from runtime import telemetry
from runtime.consume import worker_app
from runtime.garbage import collect_less_often
from runtime.operations import Operations
from runtime.parking import Parking
from runtime.relay import Relay
from runtime.replay import rebuild
from runtime.settings import Settings
from runtime.streams import Streams
from runtime.worker import ready as worker_ready
from runtime.worker import running
from submissions import agents, api, own, pages
from submissions.desk import Desk
from submissions.domain import DECIDERS
from submissions.domain.partner import PARTNERS
from submissions.domain.submission import SUBMISSIONS
from submissions.store import Lists, ProgressStore, create_indexes
from web.app import create_app
from web.operations import operations_routes

HERE = Path(__file__).parent
SERVICE = "submissions"
DESCRIPTION = """
Partners send **entries** in (scenes, products and linkages), each under their own `reference`, in numbered `revision`s.

* A 2xx means: stored by a majority, in the journal, and on its way to review.
* Send anything again: nothing takes effect twice.
* What breaks rules is refused with *every* finding: its rule, a JSON Pointer, what was found and expected, and a text
  in the language of `Accept-Language` (zh or en).
* Keys are issued on the page `/keys` and shown once.
"""


def mongo(settings: Settings) -> AsyncMongoClient[dict[str, Any]]:
    return AsyncMongoClient(settings.mongo_url, w="majority", journal=True, tz_aware=True)


def application(settings: Settings, client: AsyncMongoClient[dict[str, Any]]) -> FastAPI:
    """The JSON and the pages, on the database of `client`."""
    database = client[settings.database(SERVICE)]
    progress, lists = ProgressStore(database), Lists(database)
    desk = Desk(Streams(database, SUBMISSIONS), Streams(database, PARTNERS), progress)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
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
        title="Shuangqian: submissions",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        ready=ready,
    )
    app.include_router(pages.routes(database, desk, lists))
    app.include_router(api.routes(database, desk, lists))
    app.include_router(own.routes(database, desk, lists))
    operations = Operations(SERVICE, settings, database, agents.reactions(progress))
    app.include_router(operations_routes(operations))
    return app


def run_api(settings: Settings) -> None:
    telemetry.set_up("submissions-api", settings.otlp_endpoint)
    app = application(settings, mongo(settings))
    collect_less_often()
    # Those who follow events do not end by themselves.
    uvicorn.run(
        app, host=settings.host, port=settings.api_port, log_config=None, access_log=False, timeout_graceful_shutdown=10
    )


def run_worker(settings: Settings) -> None:
    telemetry.set_up("submissions-worker", settings.otlp_endpoint)
    database = mongo(settings)[settings.database(SERVICE)]
    relay = Relay(settings, SERVICE, DECIDERS)

    @asynccontextmanager
    async def lifespan(ops: FastAPI) -> AsyncIterator[None]:
        await create_indexes(database)
        async with running(worker, relay):
            yield

    async def ready() -> Mapping[str, bool]:
        return worker_ready(worker, relay)

    worker = worker_app(SERVICE, settings)
    agents.attach(worker, settings, Parking(database), ProgressStore(database))
    ops = create_app(SERVICE, settings, HERE / "templates", lifespan=lifespan, ready=ready, openapi_url=None)
    collect_less_often()
    uvicorn.run(
        ops, host=settings.host, port=settings.ops_port, log_config=None, access_log=False, timeout_graceful_shutdown=5
    )


def run_replay(settings: Settings) -> None:
    """Drop the projection `progress` and rebuild it from history, while no worker adds to it."""

    async def replay() -> int:
        progress = ProgressStore(mongo(settings)[settings.database(SERVICE)])
        await progress.drop()
        topics = [settings.topic(topic) for topic in agents.TOPICS]
        return await rebuild(settings.kafka_bootstrap, topics, agents.on_progress(progress))

    if agents.at_work(settings):
        sys.exit(
            "A worker of submissions is running. Stop it first: it would add to a projection that is half rebuilt."
        )
    print(f"progress: rebuilt from {asyncio.run(replay()):,} events")


COMMANDS = {"api": run_api, "worker": run_worker, "replay": run_replay}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in COMMANDS:
        sys.exit("usage: python -m submissions api | worker | replay")
    COMMANDS[sys.argv[1]](Settings())
