"""kill -9 while partners write to Kafka: every message is answered, takes effect once, and gets the same answer."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from deploy.local import table
from deploy.local.ports import DEFAULTS, free
from deploy.local.servers import Server
from deploy.local.supervise import end
from schemas.topics import SUBMISSIONS
from tests.faults.fleet import Fleet, audited
from tests.submissions.given import USCC, line
from tests.submissions.kafka import Ground, Record, System, ground
from tests.support import eventually, sequences, whole

#: Where the worker ends itself, and how often it passes there first.
CRASHES = ("intake.before_receipts:2", "intake.after_receipts:1", "handle.before_write:2", "handle.after_write:2")
WORKER = "submissions-worker"
#: Messages written at once: twenty references, whole.
PIECE = 42


@asynccontextmanager
async def worker(here: Ground, folder: Path) -> AsyncIterator[Fleet]:
    """The submissions worker as a process, ready when the block begins."""
    ports = dict(zip(DEFAULTS, free(len(DEFAULTS)), strict=True))
    rows = table.services(table.Stack(folder, ports, here.settings, "", ()))
    row = next(row for row in rows if row.name == WORKER)
    made = Fleet(here.settings, {WORKER: row}, folder / "log")
    made.start(WORKER)
    try:

        async def ready() -> bool:
            return await asyncio.to_thread(row.ready)

        await eventually(ready, 90)
        yield made
    finally:
        end(list(made.children.values()))


def written() -> Iterator[Record]:
    """Revisions 1 and 2 of ever new references, one after the other, and now and then something that is refused."""
    for number in itertools.count():
        reference = f"r{number}"
        for revision in (1, 2):
            yield Record(line(reference, revision, title={"zh": f"隧道巡检机器人 {revision}"}), reference)
        if number % 10 == 0:
            yield Record(b"no JSON, " + reference.encode(), reference)


async def go_on_writing(system: System, stop: asyncio.Event) -> int:
    """Write until told to stop; how many messages there are."""
    records, count = written(), 0
    while not stop.is_set():
        piece = list(itertools.islice(records, PIECE))
        assert await asyncio.to_thread(system.send, *piece) == [None] * len(piece)
        count += len(piece)
        await asyncio.sleep(0.3)
    return count


@pytest.mark.timeout(400)
async def test_a_worker_killed_between_write_and_receipt_sends_it_when_it_is_back(
    kafka_broker: Server, mongo: str, tmp_path: Path
) -> None:
    async with ground(kafka_broker, mongo) as here:
        system = await here.system()
        async with worker(here, tmp_path) as made:
            stop = asyncio.Event()
            writing = asyncio.create_task(go_on_writing(system, stop))
            for point in CRASHES:
                await made.crash(WORKER, point)
            stop.set()
            count = await writing
            answered = await all_answered(system, count)
            assert made.deaths == len(CRASHES)
            for receipts in answered.values():
                assert all(receipt == receipts[0] for receipt in receipts)
            by_reference: dict[str, list[Any]] = {}
            for first, *_ in (answered[place] for place in sorted(answered)):
                if first["reference"]:
                    by_reference.setdefault(first["reference"], []).append((first["revision"], first["status"]))
            expected = [(1, "received"), (2, "revised")]
            assert {reference: found for reference, found in by_reference.items() if found != expected} == {}
            async for document in here.database["submissions"].find({}, {"events.type": 1}):
                types = [event["type"] for event in document["events"]]
                assert len(types) == len(set(types))
            verdict = await audited(here.settings)
            assert verdict.equal, verdict.differences
            history = await asyncio.to_thread(sequences, here.settings, SUBMISSIONS)
            assert all(whole(found) for found in history.values())
            assert len(history) == 1 + len({f[0]["stream"] for f in answered.values()})  # the partner's own, and these
            assert USCC in history


async def all_answered(system: System, count: int) -> dict[tuple[int, int], list[Any]]:
    """Every receipt by the message that it answers, once each of `count` messages has one."""

    async def receipts() -> dict[tuple[int, int], list[Any]]:
        answered: dict[tuple[int, int], list[Any]] = {}
        for message in await asyncio.to_thread(system.all_receipts):
            told = orjson.loads(message.value() or b"")["data"]
            answered.setdefault((told["partition"], told["offset"]), []).append(told)
        return answered if len(answered) == count else {}

    return await eventually(receipts, 120)
