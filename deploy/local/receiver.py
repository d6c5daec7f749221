"""A webhook receiver on this machine, as a subscriber would write one: it verifies each call and remembers its id."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import uvicorn
from fastapi import FastAPI, Request, Response
from standardwebhooks import Webhook, WebhookVerificationError

from deploy.local.ports import HOST, free


@dataclass
class Receiver:
    """What came: `calls` counts each webhook-id, `forged` the calls whose signature did not verify.

    `traceparents` are those that came with them.
    `secret` is set once the subscription has one; calls before that (the challenge) are answered and not counted.
    """

    address: str
    secret: str | None = None
    calls: Counter[str] = field(default_factory=Counter)
    forged: int = 0
    traceparents: list[str] = field(default_factory=list)


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on a free port for the block."""
    (port,) = free(1)
    receiver = Receiver(f"http://{HOST}:{port}/")
    app = FastAPI()

    @app.post("/")
    async def take(request: Request) -> Response:
        if receiver.secret:
            try:
                Webhook(receiver.secret).verify(await request.body(), dict(request.headers))
            except WebhookVerificationError:
                receiver.forged += 1
                return Response(status_code=400)
            receiver.calls[request.headers["webhook-id"]] += 1
            receiver.traceparents += request.headers.getlist("traceparent")
        return Response(status_code=204)

    async with serving(app, port):
        yield receiver


@asynccontextmanager
async def serving(app: FastAPI, port: int) -> AsyncIterator[None]:
    """Serve an application on this machine, in this loop, for the block."""
    server = uvicorn.Server(uvicorn.Config(app, host=HOST, port=port, log_config=None))
    work = asyncio.create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await work
