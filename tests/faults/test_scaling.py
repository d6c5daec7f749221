"""Workers come, go and stand still under load: nothing is lost, or takes effect twice. How long partitions pause is
measured by `make bench ONLY=review`."""

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from deploy.local.servers import Server
from deploy.local.workers import Workers
from runtime.consume import subscribe, worker_app
from runtime.parking import Parking
from runtime.relay import Relay
from runtime.settings import Settings
from runtime.streams import Streams
from runtime.worker import running
from schemas.envelope import Event
from schemas.topics import REVIEW, SUBMISSIONS
from tests.bench.figure import say
from tests.bench.ground import Ground
from tests.bench.review_rebalance import scaled, shared_out, under_load
from tests.faults.test_runtime import STREAMS, all_copied, database, load
from tests.runtime.keyring import COPIES, KEYRINGS, copying
from tests.support import own_settings, sequences, whole


async def test_scaling_up_and_down_loses_nothing_and_repeats_nothing(
    kafka_broker: Server, mongo_node: Server, tmp_path: Path
) -> None:
    ground = Ground(kafka_broker.address, mongo_node.address, tmp_path)
    seen = await scaled(ground, ground.settings(), 2, 4, 1)
    assert seen.sent > 500
    assert (seen.count, seen.repeated, seen.parked) == (seen.sent, 0, 0)


#: Seconds for which a worker stands still, and after which a silent one loses its partitions: for two minutes with the
#: session timeout of production (`make faults STOP_S=120`), or in `make test` over twice a shorter one.
STOPPED_S = float(os.environ.get("STOP_S", "15"))
SESSION_S = Settings().session_timeout_s if STOPPED_S >= 60 else 6


@pytest.mark.timeout(240 + 2 * STOPPED_S)
async def test_a_worker_that_stands_still_and_wakes_loses_its_partitions_and_repeats_no_effect(
    kafka_broker: Server, mongo_node: Server, tmp_path: Path
) -> None:
    ground = Ground(kafka_broker.address, mongo_node.address, tmp_path)
    settings = ground.settings().model_copy(update={"session_timeout_s": SESSION_S})

    async def during(workers: Workers) -> None:
        await workers.scale("review-worker", 2, say)
        await shared_out(settings, 2)
        asleep = workers.running()["review-worker"][0]
        os.kill(asleep, signal.SIGSTOP)
        try:
            await asyncio.sleep(STOPPED_S)
            await shared_out(settings, 1)  # its partitions are the other's now
        finally:
            os.kill(asleep, signal.SIGCONT)
        await shared_out(settings, 2)  # and it is back, with some of them

    seen = await under_load(ground, settings, during, STOPPED_S)
    assert seen.sent > 500
    assert (seen.count, seen.repeated, seen.parked) == (seen.sent, 0, 0)
    # What lay on its partitions waited for its session to end.
    assert seen.longest_pause_s() > SESSION_S / 2
    # Nor did what it had taken up to send, and sends when it wakes, disturb what its successor sent meanwhile.
    assert all(whole(found) for found in (await asyncio.to_thread(sequences, settings, REVIEW)).values())


async def test_a_partition_that_moves_in_the_middle_of_a_batch_has_no_effect_twice(kafka: str, mongo: str) -> None:
    settings = await own_settings(kafka, mongo, partitions=6)
    first: list[str] = []
    second: list[str] = []
    async with database(settings, "submissions") as source, database(settings, "review") as copies:
        copy = copying(Streams(copies, COPIES))

        def worker(given: list[str], then_s: float) -> Any:
            async def react(events: Sequence[Event]) -> None:
                # Written at once, and acknowledged long after: in between others join and are given the same events.
                await copy(events)
                given.extend(event.id for event in events)
                await asyncio.sleep(then_s)

            app = worker_app("review", settings)
            subscribe(app, settings.topic(SUBMISSIONS), react, Parking(copies))
            return running(app, Relay(settings, "submissions", (KEYRINGS,)))

        async with worker(first, then_s=6.0):
            loading = asyncio.create_task(load(Streams(source, KEYRINGS), pause_s=0.2))
            # The first batch is what came first; the next one has events of every partition.
            while len(set(first)) < STREAMS:
                await asyncio.sleep(0.05)
            async with worker(second, then_s=0.0):
                await loading
                await all_copied(settings, copies)
    assert set(first) & set(second), "no event was given to both: nothing moved in the middle of a batch"
