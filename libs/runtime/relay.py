"""The relay: each new element of a stream's `events` becomes an event on Kafka. The outbox is the change stream.

One relay a service runs at a time, under a lease; it may send an event twice (after a crash), but never loses one nor
sends it out of order. Its place, a resume token, is saved only after the broker's acknowledgement.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from bson import Timestamp
from kafka import KafkaProducer
from kafka.producer.future import FutureRecordMetadata
from opentelemetry.trace import SpanKind
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import OperationFailure

from runtime import telemetry
from runtime.crash import crash_point
from runtime.lease import Lease
from runtime.settings import Settings
from runtime.stored import as_sent
from schemas.envelope import Decider, Json
from schemas.topics import CONTENT_TYPE

log = structlog.get_logger()

#: Where a change tells of a document's fields, be it new or changed.
CHANGED = ("fullDocument", "updateDescription.updatedFields")
#: Changes between two saves of the relay's place, at most.
SAVE_EVERY = 2000
#: Seconds between two saves when little happens.
SAVE_EVERY_S = 1.0
#: Seconds without a saved place after which the relay does not get on: it saves every SAVE_EVERY_S.
LATE_S = 10.0
#: How far back a rescan reaches beyond the last place: a document's `changed` is a little older than its oplog entry.
RESCAN_MARGIN_S = 60
#: The oplog does not reach back to the saved place (ChangeStreamHistoryLost, ...FatalError, InvalidResumeToken).
HISTORY_LOST = (286, 280, 260)


class Relay(threading.Thread):
    """Passes on the events of one service's streams until `stop()`; holds the lease `relay` meanwhile."""

    def __init__(self, settings: Settings, service: str, deciders: tuple[Decider[Any, Any, Any], ...]) -> None:
        super().__init__(name="relay", daemon=True)
        self._settings = settings
        self._service = service
        self._topics = {decider.collection: settings.topic(decider.topic) for decider in deciders}
        self._stopping = threading.Event()
        self._lease: Json = {}  # its document, as last seen
        telemetry.RELAY_LAG.set_function(lambda: lag_s(self._lease))

    def stop(self) -> None:
        """Ask the thread to end; it saves its place and gives the lease up first."""
        self._stopping.set()

    def run(self) -> None:
        with MongoClient[Json](self._settings.mongo_url, w="majority", journal=True, tz_aware=True) as client:
            database = client[self._settings.database(self._service)]
            lease = Lease(database["leases"], "relay", self._settings.lease_s)
            lease.work(self._stopping, lambda held: self._relay(database, lease, held), self._see)

    def _see(self, lease: Json) -> None:
        self._lease = lease

    def _relay(self, database: Database[Json], lease: Lease, held: Json) -> None:
        producer = KafkaProducer(
            **self._settings.kafka,
            acks="all",
            enable_idempotence=True,
            # An event is sent until it is taken: giving up on one would let the next of its stream overtake it.
            delivery_timeout_ms=2**31 - 1,
            linger_ms=2,
            # Events are some 2.5 kB: the default of 16 KiB would hold six of them.
            batch_size=256 * 1024,
            max_request_size=4 * 1024 * 1024,  # what the histories take
        )
        try:
            self._follow(database, lease, held, producer)
        except OperationFailure as error:
            if error.code not in HISTORY_LOST:
                raise
            log.warning("relay.history-lost", since=str(held.get("at")))
            lease.renew(token=None)
        finally:
            producer.close(timeout=5)

    def _follow(self, database: Database[Json], lease: Lease, held: Json, producer: KafkaProducer) -> None:
        if "saved" not in held:
            held["saved"] = datetime.now(UTC)
            lease.renew(saved=held["saved"])
        self._see(held)
        underway: list[FutureRecordMetadata] = []
        at: Timestamp | None = held.get("at")
        saved, saved_token = time.monotonic(), held.get("token")

        def save(token: Mapping[str, Any] | None, *, idle: bool = False) -> None:
            nonlocal saved, saved_token
            producer.flush()
            for future in underway:
                future.get(timeout=0)
            underway.clear()
            crash_point("relay.after_ack")
            behind_s = 0.0 if idle or at is None else max(0.0, time.time() - at.time)
            place: Json = {"token": token, "at": at, "saved": datetime.now(UTC), "behind_s": behind_s, "trouble": None}
            lease.renew(**place)
            self._see(place)
            crash_point("relay.after_save")
            saved, saved_token = time.monotonic(), token

        with database.watch(
            self._pipeline(), resume_after=saved_token, batch_size=1000, max_await_time_ms=200
        ) as changes:
            if saved_token is None:
                # The change stream is open already, so that nothing falls between the scan and what comes after it.
                scanned_at = database.command("ping")["operationTime"]
                for collection, stream, event in self._rescan(database, at):
                    underway.append(self._send(producer, collection, stream, event))
                    if len(underway) >= SAVE_EVERY:
                        save(None)
                at = scanned_at
                save(changes.resume_token)
            while not self._stopping.is_set():
                if time.monotonic() - saved > self._settings.lease_s:  # stopped for long: is the lease still ours?
                    save(saved_token)
                change = changes.try_next()
                if change is not None:
                    at = change["clusterTime"]
                    collection = change["ns"]["coll"]
                    stream = change["documentKey"]["_id"]
                    for event in of_stream(stream, new_events(change)):
                        underway.append(self._send(producer, collection, stream, event))
                idle = change is None
                if (idle and underway) or len(underway) >= SAVE_EVERY or time.monotonic() - saved > SAVE_EVERY_S:
                    save(changes.resume_token, idle=idle)
            save(changes.resume_token)

    def _pipeline(self) -> list[Json]:
        return [
            {"$match": {"ns.coll": {"$in": list(self._topics)}, "operationType": {"$in": ["insert", "update"]}}},
            {"$unset": [f"{where}.{name}" for where in CHANGED for name in ("state", "seal")]},
        ]

    def _rescan(self, database: Database[Json], since: Timestamp | None) -> Iterator[tuple[str, str, Json]]:
        """Every event of every stream that changed after `since` (None: of all streams)."""
        changed = {"changed": {"$gte": Timestamp(max(0, since.time - RESCAN_MARGIN_S), 0)}} if since else {}
        for collection in self._topics:
            for document in database[collection].find(changed, {"events": 1}):
                for event in of_stream(document["_id"], document["events"]):
                    yield collection, document["_id"], event

    def _send(self, producer: KafkaProducer, collection: str, stream: str, event: Json) -> FutureRecordMetadata:
        topic = self._topics[collection]
        headers = [("content-type", CONTENT_TYPE)]
        with telemetry.span(f"send {topic}", parent=event.get("traceparent"), kind=SpanKind.PRODUCER) as traceparent:
            if traceparent:
                headers.append(("traceparent", traceparent.encode()))
            future = producer.send(topic, key=stream.encode(), value=as_sent(event), headers=headers)
        telemetry.RELAYED.labels(topic).inc()
        crash_point("relay.after_send")
        return future


def lag_s(lease: Json) -> float:
    """Seconds that a relay is behind, by its lease: as it said when it last saved its place; where that is long ago, as
    while Kafka is away or takes an event not, since then."""
    if "saved" not in lease:
        return 0.0
    silent_s = (datetime.now(UTC) - lease["saved"]).total_seconds()
    return silent_s if silent_s > LATE_S else float(lease.get("behind_s", 0.0))


def of_stream(stream: str, events: list[Json]) -> Iterator[Json]:
    """The events that are this stream's own. Others came into its document by hand: in history, under this stream's
    key, they could never be taken back."""
    for event in events:
        if event["subject"] == stream:
            yield event
        else:
            log.error("relay.not-of-this-stream", stream=stream, id=event["id"])


def new_events(change: Mapping[str, Any]) -> list[Json]:
    """The events that one change added, in order: all of an insert, the `events.N` of an update."""
    if change["operationType"] == "insert":
        return list(change["fullDocument"]["events"])
    added = change["updateDescription"]["updatedFields"]
    # Somebody who changes an event by hand (`events.0.actor`) adds none, and must not stop the relay.
    places = sorted(int(name[7:]) for name in added if name.startswith("events.") and name[7:].isdecimal())
    return [added[f"events.{place}"] for place in places]
