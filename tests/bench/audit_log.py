"""The log: how fast events get their leaves, and how long a proof takes.

`log.leaves` is the recorder's way, from Kafka to MongoDB, and the keeper's, to signed tiles; beside it the bare read of
the same history. `log.proof` is the 99th percentile of proofs made from tiles for leaves drawn at random, beside one
read of one tile.
"""

import random
import time
from statistics import quantiles

from audit.log.folder import Folder
from audit.log.keeper import STEP, advance, origin, resume
from audit.log.proof import Proof
from audit.log.store import LogStore
from audit.log.tiles import nodes, tile_of
from audit.log.tree import inclusion_proof
from audit.recorder import Recorder
from audit.recorder_store import Recorded
from runtime.settings import Settings
from schemas.topics import HISTORIES, SUBMISSIONS
from tests.bench.figure import WITHIN_S, Figure, await_count, medians, say
from tests.bench.ground import Ground, client, messages, publish, received
from tests.bench.limits import bare_read

EVENTS = 20_000
PROOFS = 1_000
#: Leaves a second below which the measure is given up.
LEAST_A_SECOND = 1_000


def measure(ground: Ground) -> list[Figure]:
    settings = ground.settings()
    settings = settings.model_copy(update={"log_folder": ground.folder / f"log-{settings.topic_prefix}"})
    publish(settings, SUBMISSIONS, messages(received(settings, EVENTS, seed=1)))
    return figures(settings, EVENTS)


def figures(settings: Settings, count: int) -> list[Figure]:
    """The figures of a history of so many events, which has no log yet."""
    say(f"log: {count:,} events")
    bare = medians(3, {"bare": lambda: bare_read(settings, HISTORIES)})["bare"]
    leaves = _recorded(settings, count)
    say(f"  leaves: {leaves:,.0f}")
    proof_ms, tile_ms = _proofs(settings, count)
    return [
        Figure("log.leaves", round(leaves, 1), "events/s", "bare kafka-python read", bare),
        Figure("log.proof", round(proof_ms, 3), "ms", "reading one tile", round(tile_ms, 4)),
    ]


def _recorded(settings: Settings, count: int) -> float:
    """Leaves a second: all are recorded, and then all are under signed checkpoints."""
    with client(settings) as mongo:
        database = mongo[settings.database("audit")]
        recorded, store, folder = Recorded(database), LogStore(database), Folder(settings.log_folder)
        recorder = Recorder(settings)
        began = time.perf_counter()
        recorder.start()
        await_count(recorded.size, count, every_s=0.2, within_s=WITHIN_S + count / LEAST_A_SECOND)
        key = folder.signer(origin(settings), None)
        head = resume(store, folder, key)
        while head.size < count:
            head, _ = advance(store, folder, key, head, store.hashes(head.size, STEP))
        seconds = time.perf_counter() - began
        recorder.stop()
        recorder.join(15)
        return count / seconds


def _proofs(settings: Settings, count: int) -> tuple[float, float]:
    """Milliseconds of a proof and of the read of a tile, each at the 99th percentile."""
    folder, dice = Folder(settings.log_folder), random.Random(1)
    note = folder.checkpoint() or ""
    proofs: list[float] = []
    reads: list[float] = []
    for leaf in (dice.randrange(count) for _ in range(PROOFS)):
        began = time.perf_counter()
        Proof(leaf, tuple(inclusion_proof(leaf, count, nodes(count, folder.read))), note).text()
        proofs.append(time.perf_counter() - began)
        began = time.perf_counter()
        folder.read(tile_of(0, leaf, count))
        reads.append(time.perf_counter() - began)
    return quantiles(proofs, n=100)[98] * 1000, quantiles(reads, n=100)[98] * 1000
