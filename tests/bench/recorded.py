"""The same events in the store of the PyPI library `eventsourcing` (BSD), and replayed from there in the library's way.

Its aggregates fold with the same `evolve` as ours do, so that what differs is how events are kept and read. One event
of ours is one of its own: the first creates the aggregate.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from audit.deciders import DECIDERS
from schemas.envelope import Json
from schemas.events import fact

BY_NOUN = {decider.noun: decider for decider in DECIDERS}
#: Seconds after which a figure has been measured for long enough.
FOR_S = 20.0


class Stream(Aggregate):
    """One stream of ours."""

    @event("Began")
    def __init__(self, noun: str, stream: str, type: str, data: Json) -> None:
        self.noun = noun
        self.state = BY_NOUN[noun].state()
        self.state = BY_NOUN[noun].evolve(self.state, fact(type, data))

    @staticmethod
    def create_id(noun: str, stream: str) -> UUID:
        """The id by which the library knows a stream."""
        return uuid5(NAMESPACE_URL, f"{noun}/{stream}")

    @event("Told")
    def tell(self, type: str, data: Json) -> None:
        """One more event."""
        self.state = BY_NOUN[self.noun].evolve(self.state, fact(type, data))


def recorded(store: Path, documents: Sequence[Json]) -> None:
    """Save stream documents in the library's SQLite store, a transaction for many."""
    with _application(store) as application:
        aggregates = []
        for document in documents:
            first, *others = document["events"]
            noun = first["type"].partition(".")[0]
            aggregate = Stream(noun, document["_id"], first["type"], first["data"])
            for each in others:
                aggregate.tell(each["type"], each["data"])
            aggregates.append(aggregate)
        for start in range(0, len(aggregates), 500):
            application.save(*aggregates[start : start + 500])


def replayed(store: Path, ids: Sequence[UUID]) -> float:
    """Events a second, of streams that are read from the store and folded one by one, for FOR_S at most."""
    with _application(store) as application:
        events, began = 0, time.perf_counter()
        for id in ids:
            aggregate: Stream = application.repository.get(id)
            events += aggregate.version
            if time.perf_counter() - began > FOR_S:
                break
        return events / (time.perf_counter() - began)


@contextmanager
def _application(store: Path) -> Iterator[Application[UUID]]:
    application = Application[UUID](env={"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(store)})
    try:
        yield application
    finally:
        application.close()
