"""The drill of docs/how-to/rebuild.md on the real services, under load: streams and projections are lost and changed
while a partner sends and review opens cases; then a whole database is lost. All of it comes back."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from deploy.local.supervise import end
from runtime.settings import Settings
from schemas.envelope import Json
from schemas.topics import REVIEW
from tests.faults import fleet as fleet_module
from tests.faults.fleet import Sender, audited, fleet, sending
from tests.support import eventually, own_settings, sequences

ROOT = Path(__file__).parents[2]
SAID = ("version", "state", "events")


async def replayed(settings: Settings, service: str) -> subprocess.CompletedProcess[str]:
    """What `python -m <service> replay` says, as an operator runs it."""
    path = os.pathsep.join(str(ROOT / folder) for folder in ("libs", "services"))
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": path}
    for name in ("kafka_bootstrap", "mongo_url", "database_prefix", "topic_prefix"):
        environment[f"SHUANGQIAN_{name.upper()}"] = str(getattr(settings, name))
    command = [sys.executable, "-m", service, "replay"]
    return await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, timeout=120
    )


async def brought_back(settings: Settings, service: str) -> str:
    """What it says once nothing is left: what the relay has yet to send is left, so it is done again, as it asks."""
    for _ in range(5):
        done = await replayed(settings, service)
        print(done.stdout, done.stderr, flush=True)
        if done.returncode == 0:
            return done.stdout
        assert done.returncode == 1, done.stderr
    raise AssertionError(f"{service} is not brought back")


async def said(database: AsyncDatabase[Json], collection: str, ids: list[str]) -> dict[str, bytes]:
    """Some streams' version, state and events, byte by byte."""
    found = database[collection].find({"_id": {"$in": ids}})
    return {each["_id"]: orjson.dumps({part: each[part] for part in SAID}) async for each in found}


async def taken_in(sender: Sender, count: int) -> list[str]:
    async def enough() -> bool:
        return len(sender.accepted) >= count

    await eventually(enough, 60)
    return sorted(sender.accepted)[:count]


async def on_kafka(settings: Settings, cases: list[str]) -> None:
    async def all_there() -> bool:
        return {*cases} <= (await asyncio.to_thread(sequences, settings, REVIEW)).keys()

    await eventually(all_there, 90)


async def opened(database: AsyncDatabase[Json], count: int) -> None:
    async def enough() -> bool:
        return await database["cases"].count_documents({}) >= count

    await eventually(enough, 60)


@pytest.mark.timeout(420)
async def test_a_drill_under_load_brings_everything_back(
    kafka: str, mongo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet_module, "CHUNK", 2)  # a steady load: each rebuild reads all that has come by then
    own = await own_settings(kafka, mongo)
    async with (
        AsyncMongoClient[Any](mongo, w="majority", journal=True, tz_aware=True) as client,
        fleet(own, tmp_path) as services,
    ):
        settings = services.settings
        submissions = client[settings.database("submissions")]
        review = client[settings.database("review")]
        async with sending(settings, seed=23) as sender:
            early = await taken_in(sender, 60)
            cases = [f"{stream}@1" for stream in early]
            await on_kafka(settings, cases)
            before = await said(submissions, "submissions", early), await said(review, "cases", cases)
            await submissions["submissions"].delete_many({"_id": {"$in": early[:20]}})
            await submissions["submissions"].update_many(
                {"_id": {"$in": early[20:40]}}, {"$set": {"state.revision": 9}}
            )
            await review["cases"].delete_many({"_id": {"$in": cases[:20]}})
            await review["cases"].update_many({"_id": {"$in": cases[20:]}}, {"$set": {"events.0.actor": "user:hand"}})
            await submissions["progress"].delete_many({"_id": {"$in": early}})
            await review["fingerprints"].delete_many({"_id": {"$in": cases}})
            for service in ("submissions", "review"):
                await brought_back(settings, service)
            assert (await said(submissions, "submissions", early), await said(review, "cases", cases)) == before
            assert await submissions["progress"].count_documents({"_id": {"$in": early}}) == 60
            assert await review["fingerprints"].count_documents({"_id": {"$in": cases}}) == 60
            # The load went on all the while, and goes on.
            later = len(sender.accepted)
            await taken_in(sender, later + 60)
        assert (await audited(settings)).equal
        sent = sorted(sender.accepted)
        await opened(review, len(sent))

        # A whole database is lost: its workers end, it is rebuilt, they go on.
        assert (await audited(settings)).equal
        everything = await said(review, "cases", [f"{stream}@1" for stream in sent])
        refused = await lost(client, review, settings)
        assert refused.returncode == 2 and "Stop its workers" in refused.stderr
        end([services.children.pop("review-worker")])
        assert f"{len(sent):,} restored" in await brought_back(settings, "review")
        assert await said(review, "cases", list(everything)) == everything
        services.start("review-worker")
        async with sending(settings, seed=24) as sender:
            await taken_in(sender, 60)
        await opened(review, len(sent) + 60)
        verdict = await audited(settings)
        assert verdict.equal, verdict.differences


async def lost(client: Any, review: AsyncDatabase[Json], settings: Settings) -> subprocess.CompletedProcess[str]:
    """The review's database is dropped; what replay says while its worker still runs."""
    await client.drop_database(review.name)
    return await replayed(settings, "review")
