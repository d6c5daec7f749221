"""The service under test: the real application on a database of its own, in this process or behind uvicorn."""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI

from runtime.settings import Settings
from submissions.__main__ import application, mongo
from tests.submissions.given import ROOT, key_of


@pytest.fixture
def settings(mongo: str) -> Settings:
    return Settings(
        mongo_url=mongo, database_prefix=f"test_{secrets.token_hex(4)}_", node_modules=ROOT / "node_modules"
    )


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    async with mongo(settings) as client:
        made = application(settings, client)
        async with made.router.lifespan_context(made):
            yield made
        await client.drop_database(settings.database("submissions"))


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8001", timeout=60) as made:
        yield made


@pytest.fixture
async def key(client: httpx2.AsyncClient, settings: Settings) -> dict[str, str]:
    """The header of a registered partner's program."""
    return await key_of(client, settings)


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[int]:
    """The application behind uvicorn, for what depends on connections: its port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, lifespan="off", log_level="critical", timeout_graceful_shutdown=2)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield listener.getsockname()[1]
        server.should_exit = True
        await task


@pytest.fixture
async def port(app: FastAPI) -> AsyncIterator[int]:
    """The service behind uvicorn."""
    async with serving(app) as port:
        yield port
