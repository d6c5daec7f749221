"""The search for near-duplicates among many known entries: BENCH_KNOWN of them (1,000,000).

Each is made of sentences of the sample's entries, so all have some in common with many others. They are put straight
into the collection, as the index would keep them, and indexed then; those asked about are copies of known ones.
"""

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from random import Random
from statistics import median, quantiles

import numpy as np
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from deploy.local.sample.generate import generate
from review.duplicates.index import AHEAD, MOST_HOLDERS, Asked, Duplicates
from review.duplicates.sketches import sketches, tokens
from review.duplicates.texts import Texts, texts
from schemas.entry import Scene
from schemas.envelope import Json
from tests.bench.figure import Figure, say
from tests.bench.ground import PARTNER, Ground

KNOWN = int(os.environ.get("BENCH_KNOWN", "1000000"))
ASKED = 500
BATCH = 5_000
#: Entries whose sentences are used.
POOL = 5_000


def measure(ground: Ground) -> list[Figure]:
    say(f"near-duplicates: {KNOWN:,} known entries")
    return asyncio.run(_measure(ground))


async def _measure(ground: Ground) -> list[Figure]:
    settings = ground.settings()
    async with AsyncMongoClient[Json](settings.mongo_url, w="majority", journal=True) as mongo:
        database = mongo[settings.database("review")]
        duplicates = Duplicates(database.with_options(write_concern=AHEAD))
        entries = list(islice(_entries(), POOL))
        await _keep(duplicates, [texts(entry) for entry in entries])
        await duplicates.create_indexes()
        asked = [Asked(f"asked/SC-{n}@1", entry) for n, entry in enumerate(entries[:ASKED])]
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


async def _keep(duplicates: Duplicates, pool: Sequence[Texts]) -> None:
    """Keep the pool, and then entries of its sentences, KNOWN in all; of each token its first holders alone."""
    rng = Random(1)
    held = np.zeros(1 << 26, np.uint8)
    fields = {field: [each[field] for each in pool] for field in pool[0]}
    for start in range(0, KNOWN, BATCH):
        size = min(BATCH, KNOWN - start)
        said = list(pool[start : start + size])
        said += [{field: _mixed(rng, of) for field, of in fields.items()} for _ in range(size - len(said))]
        rows = sketches(said, ["scene"] * size)
        own = tokens(rows)
        places = own & (len(held) - 1)
        rare = (held[places] < MOST_HOLDERS) & (own != 0)
        np.add.at(held, places[rare], 1)
        await duplicates.collection.insert_many(
            [
                {
                    "_id": f"known/SC-{start + n}@1",
                    "tokens": own[n][rare[n]].tolist(),
                    "sketch": rows[n].tobytes(),
                    "texts": spoken,
                }
                for n, spoken in enumerate(said)
            ],
            ordered=False,
        )


def _mixed(rng: Random, of: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """A field with the beginning of one entry's and the end of another's."""
    one, other = rng.choice(of), rng.choice(of)
    return (*one[: len(one) // 2], *other[len(other) // 2 :])


def _entries() -> Iterator[Scene]:
    for line in generate("scene", POOL, 1, [PARTNER]):
        yield Scene.model_validate(line["entry"], strict=False)
