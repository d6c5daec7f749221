"""Sources on the real service: partners' servers on the loopback may be fetched, as in the local stack."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import pytest
from fastapi import FastAPI
from pymongo.asynchronous.database import AsyncDatabase

from runtime.settings import Settings
from schemas.envelope import Json
from submissions.__main__ import mongo
from submissions.sources.fetch import Limits
from submissions.sources.worker import Fetcher
from tests.submissions.given import ROOT
from tests.submissions.sources.servers import Partner, partner

Fetching = Callable[..., AbstractAsyncContextManager[None]]


@pytest.fixture
def settings(mongo: str) -> Settings:
    return Settings(
        mongo_url=mongo,
        database_prefix=f"test_{secrets.token_hex(4)}_",
        node_modules=ROOT / "node_modules",
        sources_to_private_addresses=True,
        lease_s=2,
    )


@pytest.fixture
def site() -> Iterator[Partner]:
    """A partner's own server."""
    with partner() as made:
        yield made


@pytest.fixture
async def database(app: FastAPI, settings: Settings) -> AsyncIterator[AsyncDatabase[Json]]:
    """The database of the service under test."""
    async with mongo(settings) as client:
        yield client[settings.database("submissions")]


@pytest.fixture
def fetching(settings: Settings, database: AsyncDatabase[Json]) -> Fetching:
    """A worker's fetching, at work for a block."""

    @asynccontextmanager
    async def at_work(limits: Limits | None = None) -> AsyncIterator[None]:
        task = asyncio.create_task(Fetcher(settings, database, limits).run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    return at_work
