"""The recorder: reads every history from Kafka, and gives each event, once, the next leaf of the log.

One recorder runs at a time, under a lease, whose document keeps its place. It saves the place after it wrote what came
before it; after a crash it reads some messages again, and finds them there (docs/decisions/0020). It also keeps the
titles of entries (`titled` in the lease's document is the leaf up to which they are noted).
"""

import threading
import time
from collections import Counter as Tally
from collections.abc import Sequence

import structlog
from prometheus_client import Counter, Gauge
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from audit.fold import Message
from audit.recorder_read import Oddity
from audit.recorder_store import DUPLICATE_KEY, Recorded
from audit.recorder_tail import Tail
from audit.titles import Titles
from runtime import telemetry
from runtime.crash import crash_point
from runtime.lease import Lease, LeaseLost
from runtime.settings import Settings
from schemas.envelope import Json
from schemas.topics import HISTORIES

log = structlog.get_logger()

LEAVES = Gauge("shuangqian_recorder_leaves", "Events that were given a leaf, from the first")
ODDITIES = Counter("shuangqian_recorder_oddities", "What the recorder found odd in the histories", ["kind"])
#: Messages that are added at once, at most.
BATCH = 2000
POLL_MS = 500
SAVE_EVERY_S = 1.0


class Recorder(threading.Thread):
    """Records until `stop()`; holds the lease `recorder` meanwhile."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(name="recorder", daemon=True)
        self._settings = settings
        self._services = {settings.topic(topic): topic.partition(".")[0] for topic in HISTORIES}
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Ask the thread to end; it finishes its batch and gives the lease up first."""
        self._stopping.set()

    def run(self) -> None:
        with MongoClient[Json](self._settings.mongo_url, w="majority", journal=True, tz_aware=True) as client:
            database = client[self._settings.database("audit")]
            lease = Lease(database["leases"], "recorder", self._settings.lease_s)
            lease.work(self._stopping, lambda held: self._record(database, lease, held))

    def _record(self, database: Database[Json], lease: Lease, held: Json) -> None:
        recorded = Recorded(database)
        recorded.create_indexes()
        size = recorded.size()
        titles = Titles(database)
        titles.catch_up(held.get("titled", 0))
        saved = time.monotonic()
        with Tail(self._settings, list(self._services), held.get("places", ())) as tail:
            while not self._stopping.is_set():
                messages = tail.poll(BATCH, POLL_MS)
                odd, tail.odd = tail.odd, []
                recorded.note(odd)
                try:
                    leaves, found = recorded.add([(self._services[each.topic], each) for each in messages], size)
                except BulkWriteError as error:
                    if any(each["code"] == DUPLICATE_KEY for each in error.details["writeErrors"]):
                        raise LeaseLost("recorder") from error  # another recorder was faster
                    raise
                size += len(leaves)
                titles.add(leaves)
                crash_point("recorder.after_titles")
                self._tell(messages, odd + found, tail, size)
                if messages or odd or time.monotonic() - saved > SAVE_EVERY_S:
                    lease.renew(places=[place.to_json() for place in tail.places.values()], titled=size)
                    saved = time.monotonic()
                    crash_point("recorder.after_save")

    def _tell(self, messages: Sequence[Message], odd: Sequence[Oddity], tail: Tail, size: int) -> None:
        LEAVES.set(size)
        for topic, count in Tally(each.topic for each in messages).items():
            telemetry.EVENTS.labels(topic).inc(count)
        for topic, behind in tail.behind.items():
            telemetry.CONSUMER_LAG.labels(topic).set(behind)
        for each in odd:
            ODDITIES.labels(each.kind).inc()
            log.warning("recorder.odd", kind=each.kind, position=each.position, ref=each.ref, **each.detail)
