"""The audit's replay beside what bounds it: bare reading, and the same events folded by PyPI's `eventsourcing`.

Whole lives of entries are written to Kafka and MongoDB: SHUANGQIAN_BENCH_EVENTS events, 300,000 unless set, so that
what the processes take to start does not count for much. Three figures are of reading, checking and folding the
history, as the library does; the last two are of the command, which compares all of it with the live streams besides.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from uuid import UUID

import psutil

from audit.deciders import DECIDERS
from audit.replay import replay
from deploy.local import table
from runtime.settings import Settings
from runtime.stored import as_stored
from schemas.topics import HISTORIES
from tests.bench.figure import Figure, medians, say
from tests.bench.ground import Ground, client, messages, publish
from tests.bench.limits import bare_read, insert
from tests.bench.lives import A_MONTH, lives
from tests.bench.recorded import Stream, recorded, replayed

EVENTS = int(os.environ.get("SHUANGQIAN_BENCH_EVENTS", "300000"))
#: What a replay of a million events may hold, all its processes together.
MEMORY_MIB = 1024
#: And how long it may take on two cores.
SECONDS = 90.0
#: Months of lives that are made at once: this program need not hold a million events itself.
MONTHS = 20
#: More events than the library replays within a figure's time.
RECORDED = 150_000


def measure(ground: Ground) -> list[Figure]:
    settings, store = ground.settings(), ground.folder / "eventsourcing.sqlite"
    events, ids = lived(settings, EVENTS, store)
    say(f"audit: {events:,} events")
    found = medians(
        3,
        {
            "bare": lambda: bare_read(settings, HISTORIES),
            "one": lambda: _rate(settings, 1),
            "two": lambda: _rate(settings, 2),
            "eventsourcing": lambda: replayed(store, ids),
        },
    )
    read, library = "bare kafka-python read", "PyPI eventsourcing, from its SQLite store"
    return [
        Figure("replay_vs_read", found["one"], "events/s", read, found["bare"]),
        Figure("replay_x2_vs_read", found["two"], "events/s", read, found["bare"]),
        Figure("replay_vs_eventsourcing", found["two"], "events/s", library, found["eventsourcing"]),
        *watched(settings, events),
    ]


def lived(settings: Settings, count: int, store: Path | None) -> tuple[int, list[UUID]]:
    """Write whole lives to Kafka and MongoDB, and what can be replayed in time to eventsourcing's store, if any.

    How many events there are, and the streams' ids in that store.
    """
    written, ids = 0, list[UUID]()
    for month in range(0, -(-count // A_MONTH), MONTHS):
        for streams in lives(min(MONTHS * A_MONTH, count - written), month, month).all:
            documents, decider = streams.documents(), streams.decider
            publish(settings, decider.topic, messages(documents))
            if store and written < RECORDED:
                recorded(store, documents)
                ids += [Stream.create_id(decider.noun, document["_id"]) for document in documents]
            with client(settings) as mongo:
                stored = [each | {"events": [*map(as_stored, each["events"])]} for each in documents]
                insert(mongo[settings.database(decider.service)][decider.collection], stored)
            written += sum(len(document["events"]) for document in documents)
        say(f"  {written:,} events written")
    return written, ids


def _rate(settings: Settings, processes: int) -> float:
    """Events a second of a replay that reads, checks and folds everything."""
    verdict = replay(settings, DECIDERS, processes=processes, against="nothing")
    assert verdict.equal and not verdict.noticed, (*verdict.differences[:1], *verdict.notices[:1])
    return verdict.rate


def watched(settings: Settings, events: int) -> list[Figure]:
    """Run the command on two processes, as an auditor would: its seconds, and the most that all held."""
    argv = [sys.executable, "-m", "shuangqian", "audit", "replay", "--processes", "2"]
    began, most = time.perf_counter(), 0
    with subprocess.Popen(argv, env=table.environment(settings), stdout=subprocess.DEVNULL) as command:
        process = psutil.Process(command.pid)
        while command.poll() is None:
            most = max(most, _held(process))
            time.sleep(0.05)
    assert command.returncode == 0, command.returncode
    seconds, memory = round(time.perf_counter() - began, 1), round(most / 2**20, 1)
    return [
        Figure("replay.memory", memory, "MiB", f"may be held, of a million; these are {events:,}", MEMORY_MIB),
        Figure("replay.seconds", seconds, "s", f"may be taken, of a million; these are {events:,}", SECONDS),
    ]


def _held(process: psutil.Process) -> int:
    held = 0
    for each in (process, *process.children(recursive=True)):
        try:
            held += each.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return held
