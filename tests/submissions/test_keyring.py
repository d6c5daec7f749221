"""The look-up of keys: asked once for all who want to know, before it is needed, and never older than a second."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from deploy.local.sample.generate import partners
from runtime.settings import Settings
from submissions import keyring as module
from submissions.keyring import REMEMBERED_S, Keyring
from tests.faults.fleet import key_for
from tests.support import Finds, eventually


@pytest.fixture
def finds() -> Finds:
    return Finds("partners")


@pytest.fixture
async def key(settings: Settings) -> str:
    """The text of a key that is issued to a partner."""
    return await key_for(settings, partners()[0])


@pytest.fixture
async def keyring(settings: Settings, finds: Finds, key: str) -> AsyncIterator[Keyring]:
    async with AsyncMongoClient[Any](settings.mongo_url, event_listeners=[finds]) as client:
        yield Keyring(client[settings.database("submissions")])
        await client.drop_database(settings.database("submissions"))


async def test_all_who_want_to_know_a_key_at_once_ask_once(keyring: Keyring, finds: Finds, key: str) -> None:
    found = await asyncio.gather(*(keyring.find(key) for _ in range(50)))
    assert {held.partner for held in found if held} == {partners()[0]["uscc"]} and len(found) == 50
    assert finds.count == 1


async def test_who_goes_away_takes_the_answer_from_nobody(keyring: Keyring, finds: Finds, key: str) -> None:
    impatient, patient = (asyncio.create_task(keyring.find(key)) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    held = await patient
    assert held and impatient.cancelled() and finds.count == 1


async def test_a_key_in_use_is_asked_for_before_it_must_be(
    keyring: Keyring, finds: Finds, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))

    async def asked_twice() -> bool:
        return finds.count == 2

    await keyring.find(key)
    now[0] += REMEMBERED_S * 0.4
    assert await keyring.find(key) and finds.count == 1, "answered from memory"
    now[0] += REMEMBERED_S * 0.2
    assert await keyring.find(key) and finds.count == 1, "answered from memory, and asked meanwhile"
    await eventually(asked_twice)
    now[0] += REMEMBERED_S * 1.1
    assert await keyring.find(key) and finds.count == 3, "too old to answer with"


async def test_what_was_asked_before_a_key_was_forgotten_is_not_remembered(
    keyring: Keyring, finds: Finds, key: str
) -> None:
    before = asyncio.create_task(keyring.find(key))
    await asyncio.sleep(0)
    keyring.forget(key.split("_")[2])
    assert await before and await keyring.find(key)
    assert finds.count == 2
