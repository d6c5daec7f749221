"""Publishing on a database of its own, and people who ask it."""

import base64
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
import itsdangerous
import orjson
import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from publishing.__main__ import application
from publishing.agents import on_publishing
from publishing.domain import ENTRIES, RELEASES
from publishing.domain.release import Freeze, Open, PublishRelease
from publishing.releasing import Entries, Releases, fill
from publishing.store import Catalogue, create_indexes
from runtime.settings import Settings
from runtime.stored import from_stored
from runtime.streams import Streams
from schemas.envelope import Event, Json
from tests.publishing.given import MONTH, TARGETS, act, queue

PUBLISHER = {"sub": "publisher-wu", "name": "吴布", "roles": ["publisher"], "partner": None}
Browser = Callable[..., httpx2.AsyncClient]


@dataclass
class Publishing:
    """The service without its processes."""

    database: AsyncDatabase[Json]
    entries: Entries
    releases: Releases
    catalogue: Catalogue

    async def queued(self, kind: str, count: int) -> list[str]:
        """Approve the first `count` entries of a kind."""
        outcomes = await self.entries.handle([queue(kind, n) for n in range(count)])
        return [outcome.stream for outcome in outcomes]

    async def opened(self, month: str = MONTH, targets: dict[str, int] = TARGETS) -> None:
        await self.releases.handle([Open(stream=month, targets=targets, **act("open").fields)])

    async def frozen(self, scenes: int, products: int, linkages: int = 0, month: str = MONTH) -> None:
        """Fill a month of this size, and freeze it."""
        for kind, count in ("scene", scenes), ("product", products), ("linkage", linkages):
            await self.queued(kind, count)
        await self.opened(month, {"scene": scenes, "product": products})
        await fill(self.entries, self.releases, month, act("fill"))
        [outcome] = await self.releases.handle([Freeze(stream=month, **act("freeze").fields)])
        assert outcome.state.status == "frozen", outcome.refusal

    async def published(self, scenes: int, products: int, linkages: int = 0, month: str = MONTH) -> None:
        """The same, and published, its entries told."""
        await self.frozen(scenes, products, linkages, month)
        await self.releases.handle([PublishRelease(stream=month, **act("publish").fields)])
        await self.work()

    async def history(self) -> list[Event]:
        """All that has happened, stream by stream."""
        streams = [s for name in ("entries", "releases") async for s in self.database[name].find()]
        return [from_stored(event) for stream in streams for event in stream["events"]]

    async def work(self, events: Sequence[Event] | None = None) -> None:
        """What the worker does: react to all that happened (again), until nothing new happens."""
        react = on_publishing(self.entries, self.releases)
        seen = -1
        while seen != (seen := len(history := await self.history())):
            await react(events or history)

    async def states(self, ids: Sequence[str]) -> dict[str, Any]:
        """Status and release of entries."""
        found = self.database["entries"].find({"_id": {"$in": list(ids)}})
        return {e["_id"]: (e["state"]["status"], (e["state"]["edition"] or {}).get("release")) async for e in found}


@pytest.fixture
def settings(mongo: str) -> Settings:
    return Settings(
        mongo_url=mongo, database_prefix=f"test_{secrets.token_hex(4)}_", publishing_url="http://publishing.test"
    )


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[AsyncMongoClient[Json]]:
    async with AsyncMongoClient[Json](settings.mongo_url, w="majority", journal=True, tz_aware=True) as made:
        yield made
        await made.drop_database(settings.database("publishing"))


@pytest.fixture
async def publishing(settings: Settings, client: AsyncMongoClient[Json]) -> Publishing:
    database = client[settings.database("publishing")]
    await create_indexes(database)
    return Publishing(database, Streams(database, ENTRIES), Streams(database, RELEASES), Catalogue(database))


@pytest.fixture
async def visit(settings: Settings, client: AsyncMongoClient[Json]) -> AsyncIterator[Browser]:
    """`visit()` is a browser of somebody unknown; `visit(PUBLISHER)` of the publisher; `page=False` is a program."""
    app = application(settings, client)
    opened: list[httpx2.AsyncClient] = []

    def browser(person: dict[str, Any] | None = None, *, page: bool = True, language: str = "en") -> httpx2.AsyncClient:
        cookies = {}
        if person:
            signer = itsdangerous.TimestampSigner(settings.session_secret)
            cookies["shuangqian"] = signer.sign(base64.b64encode(orjson.dumps({"person": person}))).decode()
        made = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app),
            base_url="http://publishing.test",
            cookies=cookies,
            headers={"Accept": "text/html" if page else "application/json", "Accept-Language": language},
        )
        opened.append(made)
        return made

    yield browser
    for each in opened:
        await each.aclose()
