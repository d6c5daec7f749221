"""The review worker's whole job beside MongoDB's own sink connector and an empty agent; and the search for duplicates.

All have the same submissions, BENCH_SUBMISSIONS of them (100,000), which are on Kafka before they start.
"""

import os
from collections.abc import Callable
from functools import partial

from deploy.local.supervise import Process
from runtime.settings import Settings
from schemas.topics import SUBMISSIONS
from tests.bench import near_duplicates
from tests.bench.connect import sink
from tests.bench.figure import Figure, await_count, medians, say, whole_rate
from tests.bench.ground import Ground, Message, client, get, messages, publish, received

EVENTS = int(os.environ.get("BENCH_SUBMISSIONS", "100000"))
SINK = "MongoDB's Kafka sink connector, two tasks"


def measure(ground: Ground) -> list[Figure]:
    say(f"review: {EVENTS:,} submissions")
    sent = messages(received(ground.settings(), EVENTS, seed=1))
    measures: dict[str, Callable[[], float]] = {
        "sink": partial(_stored, ground, sent),
        "one worker": partial(_reviewed, ground, sent, 1),
        "two workers": partial(_reviewed, ground, sent, 2),
        "empty agent": partial(_passed, ground, sent),
    }
    found = medians(1, measures)
    return [
        Figure("worker.review_x1_vs_sink", found["one worker"], "events/s", SINK, found["sink"]),
        Figure("worker.review_x2_vs_sink", found["two workers"], "events/s", SINK, found["sink"]),
        Figure("worker.review_vs_empty", found["one worker"], "events/s", "empty Faust agent", found["empty agent"]),
        *near_duplicates.measure(ground),
    ]


def _stored(ground: Ground, sent: list[Message]) -> float:
    """Events a second that the connector upserts."""
    settings = ground.settings()
    return _written(
        ground, settings, sent, [sink.process(ground, settings)], settings.database("sink"), sink.COLLECTION
    )


def _reviewed(ground: Ground, sent: list[Message], workers: int) -> float:
    """Cases a second that worker processes open: decoded, checked, decided, written and relayed."""
    settings = ground.settings()
    processes = [ground.service("review-worker", settings)[0] for _ in range(workers)]
    return _written(ground, settings, sent, processes, settings.database("review"), "cases")


def _written(
    ground: Ground, settings: Settings, sent: list[Message], processes: list[Process], database: str, collection: str
) -> float:
    publish(settings, SUBMISSIONS, sent)
    with client(settings) as mongo, ground.up(*processes):
        return whole_rate(mongo[database][collection].estimated_document_count, len(sent))


def _passed(ground: Ground, sent: list[Message]) -> float:
    """Events a second through an agent that looks at none."""
    settings = ground.settings()
    publish(settings, SUBMISSIONS, sent)
    process, port = ground.bare("bare_worker", settings)
    with ground.up(process):
        await_count(lambda: int(get(port, "/handled")[1]["events"]), len(sent), every_s=0.25)
        handled = get(port, "/handled")[1]
        return float((handled["events"] - 1) / handled["seconds"])
