"""submissions: `python -m submissions api | worker | replay`."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError
from starlette.staticfiles import StaticFiles

from runtime import rebuild, telemetry
from runtime.consume import worker_app
from runtime.garbage import collect_less_often
from runtime.operations import Operations, Queue
from runtime.parking import Parking
from runtime.relay import Relay
from runtime.settings import Settings
from runtime.streams import Streams
from runtime.worker import ready as worker_ready
from runtime.worker import running
from submissions import (
    agents,
    api,
    idempotency,
    kafka_pages,
    key_api,
    own,
    pages,
    registry,
    request_api,
    sending_api,
    sheet_api,
)
from submissions.callers import Gate
from submissions.desk import Desk
from submissions.domain import DECIDERS
from submissions.domain.partner import PARTNERS
from submissions.domain.submission import SUBMISSIONS, TESTS
from submissions.forms.drafts import Drafts
from submissions.intake import now
from submissions.kafka_accounts import KafkaAccounts
from submissions.kafka_intake import FAMILIES, KafkaIntake
from submissions.key_desk import KeyDesk
from submissions.keyed import Keyed
from submissions.keyring import Keyring
from submissions.limiting import Limits
from submissions.request_log import RequestLog
from submissions.sharing import Sharing
from submissions.sources import api as source_api
from submissions.sources import pages as source_pages
from submissions.sources.desk import SourceDesk
from submissions.sources.store import create_indexes as create_source_indexes
from submissions.sources.store import waiting
from submissions.sources.worker import Fetcher
from submissions.store import Lists, ProgressStore, create_indexes
from web.app import create_app
from web.languages import _
from web.operations import operations_routes
from web.serve import serve

HERE = Path(__file__).parent
SERVICE = "submissions"
DESCRIPTION = """
Partners send **entries** in (scenes, products and linkages), each under their own `reference`, in numbered `revision`s.

* A 2xx means: stored by a majority, in the journal, and on its way to review.
* Send anything again: nothing takes effect twice.
* What breaks rules is refused with *every* finding: its rule, a JSON Pointer, what was found and expected, and a text
  in the language of `Accept-Language` (zh or en).
* Keys are issued on the page `/keys` and shown once. A test key (`sq_test_…`) is answered as a live one would be, and
  what it sends goes no further. Every keyed answer says its mode (`Shuangqian-Mode`) and what is left of the partner's
  limits (`RateLimit`, `RateLimit-Policy`).
"""


def mongo(settings: Settings) -> AsyncMongoClient[dict[str, Any]]:
    return AsyncMongoClient(settings.mongo_url, w="majority", journal=True, tz_aware=True)


def application(settings: Settings, client: AsyncMongoClient[dict[str, Any]]) -> FastAPI:
    """The JSON and the pages, on the database of `client`."""
    database = client[settings.database(SERVICE)]
    progress, lists, log = ProgressStore(database), Lists(database), RequestLog(database)
    sharing = Sharing()
    partners, gate = Streams(database, PARTNERS), Gate(Keyring(database), Limits(settings), sharing)
    keys = KeyDesk(partners, gate.keyring, database)
    desk = Desk(
        Streams(database, SUBMISSIONS), Streams(database, TESTS), partners, progress, keys, settings.pepper, sharing
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await create_indexes(database)
        await log.create_indexes()
        await idempotency.create_indexes(database)
        await create_source_indexes(database)
        await Drafts(database).create_indexes()
        writing = asyncio.create_task(log.run())
        yield
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await log.flush()
        telemetry.flush()

    async def ready() -> Mapping[str, bool]:
        try:
            await database.command("ping")
            return {"database": True}
        except PyMongoError:
            return {"database": False}

    async def queues() -> tuple[Queue, ...]:
        at = now()
        count, since = await waiting(database, at)
        waits_s = (at - since).total_seconds() if since else 0.0
        return (Queue(_("Sources due"), count, waits_s, _("The worker: each is fetched as a place gets free")),)

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
    app.state.gate = gate
    app.add_middleware(Keyed, log=log)
    # First, for a request is compared with one address after another.
    app.include_router(sending_api.routes(database, desk))
    accounts = KafkaAccounts(settings, desk.partners)
    app.include_router(pages.routes(database, desk, lists, log, accounts))
    app.include_router(sheet_api.routes(desk))
    app.include_router(api.routes(database, desk, lists))
    registry.add(app.router)
    app.include_router(key_api.routes(keys))
    app.include_router(kafka_pages.api_routes(accounts))
    app.include_router(request_api.routes(log))
    app.include_router(own.routes(desk, lists))
    sources = SourceDesk(database, settings)
    app.include_router(source_pages.routes(sources))
    app.include_router(source_api.routes(sources))
    operations = Operations(
        SERVICE, settings, database, lambda db: agents.reactions(ProgressStore(db)), queues, families=FAMILIES
    )
    app.include_router(operations_routes(operations))
    app.mount("/forms", StaticFiles(directory=HERE / "static"))
    return app


def run_api(settings: Settings) -> None:
    telemetry.set_up("submissions-api", settings.otlp_endpoint)
    app = application(settings, mongo(settings))
    collect_less_often()
    serve(app, settings.host, settings.api_port, ending_s=10)


def run_worker(settings: Settings) -> None:
    telemetry.set_up("submissions-worker", settings.otlp_endpoint)
    database = mongo(settings)[settings.database(SERVICE)]
    relay = Relay(settings, SERVICE, DECIDERS)

    @asynccontextmanager
    async def lifespan(ops: FastAPI) -> AsyncIterator[None]:
        await create_indexes(database)
        await create_source_indexes(database)
        async with running(worker, relay, parking.tell(), intake.run(), Fetcher(settings, database).run()):
            yield

    async def ready() -> Mapping[str, bool]:
        return worker_ready(worker, relay)

    worker = worker_app(SERVICE, settings)
    intake = KafkaIntake(settings, Streams(database, SUBMISSIONS))
    parking = Parking(database)
    agents.attach(worker, settings, parking, ProgressStore(database))
    ops = create_app(SERVICE, settings, HERE / "templates", lifespan=lifespan, ready=ready, openapi_url=None)
    collect_less_often()
    serve(ops, settings.host, settings.ops_port, ending_s=5)


def run_replay(settings: Settings) -> None:
    """Rebuild the streams and the projection `progress` from history, whether or not the service is at work."""
    rebuild.run(settings, SERVICE, DECIDERS, agents.PROJECTIONS)


COMMANDS = {"api": run_api, "worker": run_worker, "replay": run_replay}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in COMMANDS:
        sys.exit("usage: python -m submissions api | worker | replay")
    COMMANDS[sys.argv[1]](Settings.load())
