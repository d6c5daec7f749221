"""The relay: events from the change stream to Kafka, as when it catches up with a database that ran ahead."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from runtime.relay import Relay
from schemas.envelope import Json
from schemas.topics import SUBMISSIONS
from submissions.domain import DECIDERS
from tests.bench.figure import Figure, medians, rate, say
from tests.bench.ground import Ground, client, counting, received
from tests.bench.limits import BareRelay, insert

STREAMS = 12_000
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def measure(ground: Ground) -> list[Figure]:
    say(f"relay: {STREAMS:,} events")
    documents = received(ground.settings(), STREAMS, seed=1)
    found = medians(
        3,
        {
            "relay": lambda: _relayed(ground, documents, bare=False),
            "bare": lambda: _relayed(ground, documents, bare=True),
        },
    )
    return [Figure("relay", found["relay"], "events/s", "bare change stream and send", found["bare"])]


def _relayed(ground: Ground, documents: Sequence[Json], *, bare: bool) -> float:
    """Events a second, first to last on Kafka. Both start at a place after which all were written."""
    settings = ground.settings()
    with client(settings) as mongo, counting(settings, SUBMISSIONS) as counted:
        database = mongo[settings.database("submissions")]
        with database.watch() as changes:
            place: Any = changes.resume_token
        database["leases"].insert_one({"_id": "relay", "token": place, "fence": 0, "until": LONG_AGO})
        insert(database["submissions"], documents)
        relay = BareRelay(settings, place, len(documents)) if bare else Relay(settings, "submissions", DECIDERS)
        relay.start()
        try:
            return rate(counted, len(documents), every_s=0.05)
        finally:
            relay.stop()
            relay.join(10)
