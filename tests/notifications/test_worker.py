"""The worker as a process of its own, from publishing's history on Kafka to the receiver, through a kill and back."""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx2
import orjson
import pytest
from kafka import KafkaProducer
from pymongo.asynchronous.database import AsyncDatabase

from deploy.local.ports import free
from deploy.local.table import environment
from notifications.__main__ import create_api
from notifications.settings import Settings
from runtime.admin import create_topics
from schemas import topics
from schemas.envelope import Event, Json
from schemas.notification import DeliveryDelivered
from tests.notifications.conftest import facts
from tests.notifications.events import PARTNER, published
from tests.notifications.receivers import receiver
from tests.support import eventually, sequences, whole
from tests.web.settings import ROOT

PATH = os.pathsep.join(str(ROOT / part) for part in ("libs", "services", "."))


@pytest.fixture
async def settings(settings: Settings, kafka: str) -> Settings:
    made = settings.model_copy(update={"kafka_bootstrap": kafka, "topic_prefix": f"{secrets.token_hex(4)}."})
    await asyncio.to_thread(create_topics, made, partitions=3)
    return made


@contextmanager
def worker(settings: Settings, **extra: str) -> Iterator[subprocess.Popen[bytes]]:
    (port,) = free(1)
    env = {**os.environ, **environment(settings), "PYTHONPATH": PATH, "SHUANGQIAN_OPS_PORT": str(port), **extra}
    process = subprocess.Popen([sys.executable, "-m", "notifications", "worker"], env=env, cwd=ROOT)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(25)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def publish(settings: Settings, event: Event) -> None:
    producer = KafkaProducer(**settings.kafka)
    raw = orjson.dumps(event.to_json())
    producer.send(settings.topic(topics.PUBLISHING), key=event.subject.encode(), value=raw).get(timeout=10)
    producer.close()


async def test_a_published_entry_reaches_a_webhook_through_a_kill_of_the_worker(
    settings: Settings, database: AsyncDatabase[Json]
) -> None:
    app = httpx2.ASGITransport(create_api(settings))
    delivery = ""

    async def active() -> bool:
        return await database["subscriptions"].count_documents({"state.status": "active"}) == 1

    async def delivered() -> bool:
        return bool(await database["deliveries"].count_documents({"_id": delivery, "state.status": "delivered"}))

    with receiver() as found:
        async with httpx2.AsyncClient(transport=app, base_url="http://localhost") as api:
            made = (await api.post("/subscriptions", json={"channel": "webhook", "address": f"{found.url}/h"})).json()
        delivery = f"{made['id']}:{PARTNER}/E-1@1"
        # The first message is the challenge; the process ends right after the second, the entry's.
        with worker(settings, SHUANGQIAN_CRASH_AT="sender.after_send:1") as killed:
            await eventually(active, 60)
            at = datetime.now(UTC).replace(microsecond=0)
            await asyncio.to_thread(publish, settings, published(1, at=max(at, await since(database))))
            assert await asyncio.to_thread(killed.wait, 60) == -signal.SIGKILL
        with worker(settings):
            await eventually(delivered, 60)
    assert found.ids("/h") == [f"{made['id']}:challenge", delivery, delivery]
    assert (await facts(database, delivery))[1:] == [DeliveryDelivered(attempt=1)]
    history = await asyncio.to_thread(sequences, settings, topics.NOTIFICATIONS)
    assert set(history) >= {made["id"], f"{made['id']}:challenge", delivery}
    assert all(map(whole, history.values()))


async def since(database: AsyncDatabase[Json]) -> datetime:
    found = await database["subscriptions"].find_one({"state.status": "active"})
    assert found is not None
    return datetime.fromisoformat(found["state"]["since"])
