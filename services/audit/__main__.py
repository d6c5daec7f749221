"""audit: `python -m audit api | worker`."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from pymongo import AsyncMongoClient, MongoClient
from pymongo.errors import PyMongoError
from starlette.staticfiles import StaticFiles

from audit.deciders import DECIDERS
from audit.fold import AnyDecider
from audit.leaves import Leaves
from audit.log.folder import Folder
from audit.log.keeper import Keeper
from audit.log.routes import log_routes
from audit.log.store import LogStore
from audit.log_pages import log_pages
from audit.pages import pages
from audit.recorder import Recorder
from audit.runner import Runner
from audit.search_pages import search_pages
from audit.store import Runs
from audit.time_pages import time_pages
from audit.titles import Titles
from runtime import telemetry
from runtime.garbage import collect_less_often
from runtime.operations import Operations
from runtime.settings import Settings
from runtime.worker import STOP_S
from schemas.envelope import Json
from web.app import create_app
from web.operations import operations_routes
from web.serve import serve

HERE = Path(__file__).parent


def application(settings: Settings, deciders: Sequence[AnyDecider]) -> FastAPI:
    """The auditor's pages and JSON, with replays in the background."""
    client = AsyncMongoClient[Json](settings.mongo_url, w="majority", journal=True, tz_aware=True)
    # Replays and the routes that ask for them run in threads, with a client of their own.
    threads_client = MongoClient[Json](settings.mongo_url, w="majority", journal=True, tz_aware=True)
    runs = Runs(threads_client[settings.database("audit")])
    runner, leaves = Runner(settings, deciders, runs), Leaves(threads_client[settings.database("audit")])

    async def ready() -> Mapping[str, bool]:
        try:
            await asyncio.wait_for(client.admin.command("ping"), 2)
            return {"mongo": True}
        except (PyMongoError, TimeoutError):
            return {"mongo": False}

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(runs.create_indexes)
        await asyncio.to_thread(leaves.create_indexes)
        yield
        await asyncio.to_thread(runner.close)
        await client.close()
        threads_client.close()
        telemetry.flush()

    app = create_app("audit", settings, HERE / "templates", title="Audit", lifespan=lifespan, ready=ready)
    app.include_router(pages(settings, deciders, runs, runner))
    app.include_router(time_pages(leaves, deciders))
    app.include_router(search_pages(leaves, Titles(threads_client[settings.database("audit")])))
    folder, log_store = Folder(settings.log_folder), LogStore(threads_client[settings.database("audit")])
    app.include_router(log_routes(settings, folder, log_store))
    app.include_router(log_pages(settings, folder, log_store))
    app.include_router(
        operations_routes(Operations("audit", settings, client[settings.database("audit")], lambda _: {}))
    )
    app.mount("/audit/static", StaticFiles(directory=HERE / "static"))
    return app


def api(settings: Settings) -> None:
    telemetry.set_up("audit-api", settings.otlp_endpoint)
    app = application(settings, DECIDERS)
    collect_less_often()
    serve(app, settings.host, settings.api_port, ending_s=10)


def worker(settings: Settings) -> None:
    """The recorder of all histories and the keeper of the log, one of each at a time."""
    telemetry.set_up("audit-worker", settings.otlp_endpoint)
    threads = (Recorder(settings), Keeper(settings))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        for thread in threads:
            thread.start()
        yield
        for thread in threads:
            thread.stop()
        for thread in threads:
            await asyncio.to_thread(thread.join, STOP_S)
        telemetry.flush()

    async def ready() -> Mapping[str, bool]:
        return {thread.name: thread.is_alive() for thread in threads}

    operations = create_app("audit", settings, HERE / "templates", lifespan=lifespan, ready=ready)
    collect_less_often()
    serve(operations, settings.host, settings.ops_port, ending_s=5)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["api"]:
            api(Settings.load())
        case ["worker"]:
            worker(Settings.load())
        case _:
            sys.exit("usage: python -m audit api | worker")
