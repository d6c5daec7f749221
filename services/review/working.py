"""The process that reacts to submissions and relays the cases' events: `python -m review worker`. And the replay."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from review.agents import PROJECTIONS, attach, on_submissions
from review.domain import CASES, DECIDERS
from review.duplicates.index import AHEAD, Duplicates
from review.store import CaseStore, mongo
from runtime import rebuild, telemetry
from runtime.consume import worker_app
from runtime.garbage import collect_less_often
from runtime.parking import Parking
from runtime.relay import Relay
from runtime.settings import Settings
from runtime.streams import Streams
from runtime.worker import ready as worker_ready
from runtime.worker import running
from web.app import create_app
from web.serve import serve

HERE = Path(__file__).parent


def worker(settings: Settings) -> None:
    """The reaction to submissions, and the relay of the cases' events."""
    telemetry.set_up("review-worker", settings.otlp_endpoint)
    client = mongo(settings)
    database = client[settings.database("review")]
    store, duplicates = CaseStore(database), Duplicates(database.with_options(write_concern=AHEAD))
    app = worker_app("review", settings)
    parking = Parking(database)
    attach(app, settings, parking, on_submissions(Streams(database, CASES), store, duplicates))
    relay = Relay(settings, "review", DECIDERS)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await store.create_indexes()
        await duplicates.create_indexes()
        async with running(app, relay, parking.tell()):
            yield
        await client.close()

    async def ready() -> Mapping[str, bool]:
        return worker_ready(app, relay)

    operations = create_app("review", settings, HERE / "templates", lifespan=lifespan, ready=ready)
    collect_less_often()
    serve(operations, settings.host, settings.ops_port, ending_s=5)


def replay(settings: Settings) -> None:
    """Rebuild the streams, and the fingerprints of near-duplicates from the history of submissions."""
    rebuild.run(settings, "review", DECIDERS, PROJECTIONS)
