"""A worker process: a Faust app that reacts to events and, while it holds the lease, the relay."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import faust
import structlog
from faust.contrib.asgi import faust_app_running

from runtime import telemetry
from runtime.consume import STUCK, watch
from runtime.relay import Relay

log = structlog.get_logger()

#: Seconds that each part of a stop may take: SIGTERM ends a worker within 20 s.
STOP_S = 8.0


@asynccontextmanager
async def running(app: faust.App, relay: Relay, *tasks: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run the consumer, the relay and further endless `tasks` while the block lasts; the lifespan of a worker."""
    relay.start()
    async with faust_app_running(app, stop_timeout=STOP_S):
        background = [asyncio.create_task(task) for task in (watch(app), *tasks)]
        for endless in background:
            endless.add_done_callback(_end_with)
        try:
            yield
        finally:
            for task in background:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*background, return_exceptions=True)
            relay.stop()
            await asyncio.to_thread(relay.join, STOP_S)
    telemetry.flush()


def _end_with(task: asyncio.Task[None]) -> None:
    """End the process when a task ends that should not: half a worker would look like a whole one."""
    if not task.cancelled():
        log.critical("worker.task-ended", error=repr(task.exception()))
        os._exit(STUCK)


def ready(app: faust.App, relay: Relay) -> dict[str, bool]:
    """What a worker needs to be of use: its consumer in the group, its relay's thread alive."""
    return {"consumer": bool(app.consumer_generation_id), "relay": relay.is_alive()}
