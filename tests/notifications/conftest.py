"""A database of the test's own, and subscriptions in it."""

import asyncio
import base64
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest
from itsdangerous import TimestampSigner
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from notifications.domain.delivery import DELIVERIES, Delivery
from notifications.domain.subscription import SUBSCRIPTIONS, Channel, Confirm, Request
from notifications.sender import Sender
from notifications.settings import Settings
from notifications.store import Recipient, Recipients, create_indexes
from notifications.webhook import new_secret
from runtime.streams import Streams
from schemas.notification import Filter
from tests.notifications.events import AT
from tests.web.settings import ROOT


@pytest.fixture
def settings(mongo: str) -> Settings:
    """Waits of a hundredth of what they are; calls to the loopback allowed."""
    return Settings(
        mongo_url=mongo,
        database_prefix=f"test_{secrets.token_hex(4)}_",
        webhooks_to_private_addresses=True,
        retry_scale=0.01,
        lease_s=2,
        node_modules=ROOT / "node_modules",
    )


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[AsyncDatabase[Any]]:
    async with AsyncMongoClient[Any](settings.mongo_url, w="majority", journal=True, tz_aware=True) as client:
        made = client[settings.database("notifications")]
        await create_indexes(made)
        yield made


@dataclass
class Subscribers:
    """Makes subscriptions, confirmed before anything of the tests is published."""

    database: AsyncDatabase[Any]

    async def add(
        self,
        id: str,
        address: str,
        channel: Channel = "webhook",
        filter: Filter = Filter(),  # noqa: B008 (frozen)
        language: Literal["zh", "en"] = "zh",
        since: datetime | None = None,
    ) -> Recipient:
        secret = new_secret() if channel == "webhook" else None
        recipients = Recipients(self.database)
        recipient = await recipients.keep(Recipient(id, channel, address, secret))
        by: dict[str, Any] = {"stream": id, "actor": f"subscriber:{id}", "at": since or AT - timedelta(days=1)}
        await recipients.confirm([id])
        await Streams(self.database, SUBSCRIPTIONS).handle(
            [
                Request(**by, cause="request:1", channel=channel, language=language, filter=filter),
                Confirm(**by, cause="request:2"),
            ]
        )
        return recipient


@pytest.fixture
def subscribers(database: AsyncDatabase[Any]) -> Subscribers:
    return Subscribers(database)


@asynccontextmanager
async def sending(settings: Settings, database: AsyncDatabase[Any]) -> AsyncIterator[None]:
    """A sender at work."""
    task = asyncio.create_task(Sender(settings, database).run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def states(database: AsyncDatabase[Any]) -> dict[str, Delivery]:
    found = database[DELIVERIES.collection].find({}, {"state": 1})
    return {d["_id"]: Delivery.model_validate(d["state"], strict=False) async for d in found}


async def facts(database: AsyncDatabase[Any], delivery: str) -> list[Any]:
    return [event.data for event in (await Streams(database, DELIVERIES).get(delivery)).events]


def all_are(database: AsyncDatabase[Any], status: str, count: int) -> Callable[[], Awaitable[bool]]:
    """A check for `eventually`."""

    async def check() -> bool:
        return await database[DELIVERIES.collection].count_documents({"state.status": status}) == count

    return check


def signed_in(settings: Settings, *roles: str) -> dict[str, str]:
    """The session cookie of a person with these roles."""
    person = {"sub": "gao", "name": "高远", "roles": list(roles), "partner": None}
    data = base64.b64encode(json.dumps({"person": person}).encode())
    return {"shuangqian": TimestampSigner(settings.session_secret).sign(data).decode()}
