"""A stream as of a moment, at the 99th percentile; its limit is what `audit stream` does: reading its partition."""

import random
import time
from collections.abc import Callable, Sequence
from contextlib import closing

from pymongo import MongoClient

from audit import team
from audit.as_of import look
from audit.deciders import DECIDERS
from audit.history import story
from audit.leaves import Leaves
from audit.recorder import Recorder
from audit.recorder_store import Recorded
from runtime.settings import Settings
from schemas.envelope import Json
from schemas.topics import SUBMISSIONS
from tests.bench.figure import Figure, say
from tests.bench.ground import Ground, messages, publish, received

#: Events in the history; audit_million has a million.
STREAMS = 20_000
ASKED, READ = 2_000, 20


def measure(ground: Ground) -> list[Figure]:
    settings = ground.settings()
    documents = received(settings, STREAMS, seed=1)
    publish(settings, SUBMISSIONS, messages(documents))
    with MongoClient[Json](settings.mongo_url) as client:
        _record(Recorder(settings), Recorded(client[settings.database("audit")]))
    return [figure(settings, [document["_id"] for document in documents], STREAMS)]


def figure(settings: Settings, streams: Sequence[str], events: int) -> Figure:
    """The figure, of some of these submissions, in a history of so many events that all have their leaves."""
    chosen = random.Random(1).choices(streams, k=ASKED)
    with closing(team.client(settings)) as client:
        leaves = Leaves(client[settings.database("audit")])
        asked = _p99_ms(lambda stream: look(leaves, DECIDERS, "submissions", stream, None, None), chosen)
    read = _p99_ms(lambda stream: story(settings, DECIDERS, "submissions", stream), chosen[:READ])
    say(f"as of: {events:,} events, p99 {asked:.1f} ms; reading the partition {read:,.0f} ms")
    return Figure("audit.as_of_p99", asked, "ms", "reading the stream’s partition from Kafka", read)


def _record(recorder: Recorder, recorded: Recorded) -> None:
    """Have all of it recorded."""
    recorder.start()
    try:
        while recorded.size() < STREAMS:
            time.sleep(0.2)
    finally:
        recorder.stop()
        recorder.join(30)


def _p99_ms(ask: Callable[[str], object], streams: Sequence[str]) -> float:
    taken = []
    for stream in streams:
        began = time.perf_counter()
        assert ask(stream)
        taken.append((time.perf_counter() - began) * 1000)
    return round(sorted(taken)[int(len(taken) * 0.99) - 1], 2)
