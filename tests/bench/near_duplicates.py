"""The search for near-duplicates among many known entries: BENCH_KNOWN of them (1,000,000).

All are of one vocabulary and a hundred forms, so that far more have something in common than in life.
"""

import asyncio
import os
import time
from collections.abc import Iterator
from itertools import count
from statistics import median, quantiles

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from deploy.local.sample.generate import generate
from review.duplicates.index import Asked, Duplicates
from schemas.entry import Scene
from schemas.envelope import Json
from tests.bench.figure import Figure, say
from tests.bench.ground import PARTNER, Ground

KNOWN = int(os.environ.get("BENCH_KNOWN", "1000000"))
ASKED = 500
BATCH = 2_000
#: Of one seed no more have titles of their own.
OF_ONE_SEED = 100_000


def measure(ground: Ground) -> list[Figure]:
    say(f"near-duplicates: {KNOWN:,} known entries")
    return asyncio.run(_measure(ground))


async def _measure(ground: Ground) -> list[Figure]:
    settings = ground.settings()
    async with AsyncMongoClient[Json](settings.mongo_url, w="majority", journal=True) as mongo:
        database = mongo[settings.database("review")]
        duplicates = Duplicates(database)
        await duplicates.create_indexes()
        entries = _entries()
        began = time.perf_counter()
        for start in range(0, KNOWN, BATCH):
            await duplicates.search(_taken(entries, min(BATCH, KNOWN - start)))
        say(f"  kept: {KNOWN / (time.perf_counter() - began):,.0f} a second")
        asked = _taken(entries, ASKED)
        spent = [await _timed(duplicates, one) for one in asked]
        looked = [await _timed_find(database, one.case) for one in asked]
        stats = await database.command("collStats", duplicates.collection.name, scale=1_000_000)
    say(f"  median {median(spent):.2f} ms, 99 % within {quantiles(spent, n=100)[-1]:.2f} ms")
    index, data = float(stats["totalIndexSize"]), float(stats["storageSize"])
    return [
        Figure("review.near_duplicate", median(spent), "ms", "finding one document by its id", median(looked)),
        Figure("memory.near_duplicate", index + data, "MB", "the texts alone, as they are stored", data),
    ]


async def _timed(duplicates: Duplicates, one: Asked) -> float:
    """Milliseconds that one case takes alone, kept and searched for."""
    began = time.perf_counter()
    await duplicates.search([one])
    return 1000 * (time.perf_counter() - began)


async def _timed_find(database: AsyncDatabase[Json], case: str) -> float:
    began = time.perf_counter()
    await database["fingerprints"].find_one({"_id": case})
    return 1000 * (time.perf_counter() - began)


def _entries() -> Iterator[Asked]:
    """Cases without end."""
    for seed in count(1):
        for n, line in enumerate(generate("scene", OF_ONE_SEED, seed, [PARTNER])):
            yield Asked(f"{PARTNER['uscc']}/SC-{seed}-{n}@1", Scene.model_validate(line["entry"], strict=False))


def _taken(entries: Iterator[Asked], many: int) -> list[Asked]:
    return [next(entries) for _ in range(many)]
