"""The review worker's whole job, from an event on Kafka to a checked case in MongoDB."""

from functools import partial

from schemas.topics import SUBMISSIONS
from tests.bench.figure import Figure, await_count, medians, rate, say
from tests.bench.ground import Ground, Message, client, get, messages, publish, received

EVENTS = 6_000


def measure(ground: Ground) -> list[Figure]:
    say(f"worker: {EVENTS:,} submissions")
    sent = messages(received(ground.settings(), EVENTS, seed=1))
    found = medians(3, {"review": partial(_reviewed, ground, sent), "bare": partial(_passed, ground, sent)})
    return [Figure("worker.review", found["review"], "events/s", "empty Faust agent", found["bare"])]


def _reviewed(ground: Ground, sent: list[Message]) -> float:
    """Cases a second, from the first in MongoDB to the last; the submissions are on Kafka when the worker starts."""
    settings = ground.settings()
    publish(settings, SUBMISSIONS, sent)
    process, _ = ground.service("review-worker", settings)
    with client(settings) as mongo, ground.up(process):
        cases = mongo[settings.database("review")]["cases"]
        return rate(cases.estimated_document_count, len(sent))


def _passed(ground: Ground, sent: list[Message]) -> float:
    """Events a second through an agent that looks at none."""
    settings = ground.settings()
    # Several times over: a worker's buffer alone holds 8,192 events, which it would have fetched before it begins.
    many = list(sent) * 4
    publish(settings, SUBMISSIONS, many)
    process, port = ground.bare("bare_worker", settings)
    with ground.up(process):
        await_count(lambda: int(get(port, "/handled")[1]["events"]), len(many), every_s=0.25)
        handled = get(port, "/handled")[1]
        return float((handled["events"] - 1) / handled["seconds"])
