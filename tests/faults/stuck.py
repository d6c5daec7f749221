"""A worker whose reaction never returns, as if its database had swallowed it: `python -m tests.faults.stuck`.

It is watched as every worker is, only more impatiently.
"""

import asyncio
from collections.abc import Sequence

from faust.contrib.asgi import faust_app_running
from pymongo import AsyncMongoClient

from runtime.consume import subscribe, watch, worker_app
from runtime.parking import Parking
from runtime.settings import Settings
from schemas.envelope import Event, Json
from schemas.topics import SUBMISSIONS


async def never(events: Sequence[Event]) -> None:
    await asyncio.Event().wait()


async def main() -> None:
    settings = Settings()
    app = worker_app("review", settings)
    parking = Parking(AsyncMongoClient[Json](settings.mongo_url)[settings.database("review")])
    subscribe(app, settings.topic(SUBMISSIONS), never, parking)
    async with faust_app_running(app):
        await watch(app, stuck_after_s=3.0, every_s=0.5)


if __name__ == "__main__":
    asyncio.run(main())
