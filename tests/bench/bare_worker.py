"""The least that a worker can be: a Faust agent that does nothing, with a FastAPI app that says so.

`python -m tests.bench.bare_worker PORT`; `/handled` tells how many submissions came, and in how many seconds.
"""

import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI, Response
from faust.contrib.asgi import faust_app_running

from runtime.consume import worker_app
from runtime.settings import Settings
from schemas.topics import SUBMISSIONS


def app(settings: Settings) -> FastAPI:
    worker = worker_app("bare", settings)
    source = worker.topic(
        settings.topic(SUBMISSIONS), key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
    )
    handled, first, last = 0, 0.0, 0.0

    async def agent(stream: Any) -> None:
        nonlocal handled, first, last
        async for _ in stream.events():
            last = time.perf_counter()
            first = first or last
            handled += 1

    worker.agent(source, name="bare", concurrency=1)(agent)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with faust_app_running(worker, stop_timeout=5.0):
            yield

    bare = FastAPI(lifespan=lifespan)

    @bare.get("/readyz")
    async def readyz(response: Response) -> bool:
        response.status_code = 200 if worker.consumer_generation_id else 503
        return True

    @bare.get("/handled")
    async def told() -> dict[str, float]:
        return {"events": handled, "seconds": last - first}

    return bare


if __name__ == "__main__":
    uvicorn.run(app(Settings()), host="127.0.0.1", port=int(sys.argv[1]), log_config=None, access_log=False)
