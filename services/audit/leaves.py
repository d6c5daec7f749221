"""What the recorder has written, read: a stream, a story, a search. Every event is a leaf of the log, by its number."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from pymongo import ASCENDING, DESCENDING
from pymongo.collection import Collection
from pymongo.database import Database

from audit.recorder_read import altered
from runtime.searching import literal
from schemas.envelope import Json

#: A search that finds more than this says “more than”.
COUNTED = 10_000
#: Milliseconds after which a search gives up: by part of a name it reads the whole index of names.
WITHIN_MS = 5_000
#: Facts that change what the public sees.
PUBLIC = ("release.published", "entry.corrected", "entry.retracted")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One event as it was recorded: `number` is its place in the log, `position` (topic:partition:offset) on Kafka.

    `contradicts` is the ref of another event that had its number in the stream first: it is shown, and not folded.
    `altered` is the first field of its record that is not what it was when it was written (`event`: what it says).
    """

    ref: str
    number: int
    service: str
    noun: str
    stream: str
    sequence: int
    type: str
    time: datetime
    actor: str
    cause: str
    correlation: str
    trace: str | None
    position: str
    event: Json
    contradicts: str | None = None
    altered: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody looks for; None asks for nothing in particular. `since` ≤ time < `until`.

    `entry` is a stream, the beginning of one (`partner/refer`), or part of its name; `streams` a condition on it.
    """

    entry: str | None = None
    streams: Json | None = None
    partner: str | None = None
    actor: str | None = None
    type: str | None = None
    correlation: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Leaves:
    """Queries on the collection `recorded`; nothing here writes, but for indexes that searches need."""

    def __init__(self, database: Database[Json]) -> None:
        self._recorded: Collection[Json] = database["recorded"]

    def create_indexes(self) -> None:
        self._recorded.create_index([("type", ASCENDING), ("time", ASCENDING)])

    def stream(self, service: str, stream: str) -> list[Leaf]:
        """All events of a stream in their order."""
        found = self._recorded.find({"stream": stream, "service": service}).sort([("sequence", 1), ("leaf", 1)])
        return [_leaf(document) for document in found]

    def services(self, stream: str) -> list[str]:
        """The services that have a stream of this name."""
        return sorted(self._recorded.distinct("service", {"stream": stream}))

    def story(self, correlation: str, limit: int) -> tuple[list[Leaf], int]:
        """The events that follow from a story's first, in the order of the log, and how many there are in all.

        What caused the first of them elsewhere (a release's publication, say) is among them.
        """
        query = {"correlation": correlation}
        found = [_leaf(document) for document in self._recorded.find(query).sort("leaf", 1).limit(limit)]
        known = {leaf.ref for leaf in found}
        causes = self.some({leaf.cause for leaf in found if leaf.cause.startswith("/")} - known)
        total = self._recorded.count_documents(query) if len(found) == limit else len(found)
        return sorted([*found, *causes], key=lambda leaf: leaf.number), total + len(causes)

    def some(self, refs: Iterable[str]) -> list[Leaf]:
        """Those of these events that are recorded."""
        return [_leaf(document) for document in self._recorded.find({"_id": {"$in": list(refs)}})]

    def search(self, wish: Wish, after: str | None, size: int) -> tuple[list[Leaf], str | None]:
        """One page of the events that answer a wish, the newest first, and the cursor of the next page."""
        query = {"$and": [_query(wish), _after(after)]}
        order = [("time", DESCENDING), ("leaf", DESCENDING)]
        rows = [_leaf(found) for found in self._recorded.find(query).sort(order).limit(size + 1).max_time_ms(WITHIN_MS)]
        last = rows[size - 1] if len(rows) > size else None
        return rows[:size], f"{int(last.time.timestamp() * 1000)}.{last.number}" if last else None

    def count(self, wish: Wish) -> int:
        """How many events answer a wish, counted up to COUNTED + 1."""
        return self._recorded.count_documents(_query(wish), limit=COUNTED + 1, maxTimeMS=WITHIN_MS)

    def public(self, until: datetime) -> Iterator[Leaf]:
        """What changed the catalogue up to and with a time, in order."""
        types = [re.compile(f"^{re.escape(type)}\\.") for type in PUBLIC]
        found = self._recorded.find({"type": {"$in": types}, "time": {"$lte": until}, "contradicts": None})
        return map(_leaf, found.sort([("time", ASCENDING), ("leaf", ASCENDING)]))

    def newest(self) -> Leaf | None:
        """The last event that was recorded."""
        found = self._recorded.find_one({}, sort=[("leaf", DESCENDING)])
        return _leaf(found) if found else None


def _query(wish: Wish) -> Json:
    query: Json = {
        name: value
        for name, value in (
            ("partner", wish.partner),
            ("actor", wish.actor),
            ("type", wish.type),
            ("correlation", wish.correlation),
        )
        if value
    }
    if wish.entry:
        # Of a name that begins with a partner's code only the beginning is looked up; else all names are gone through.
        begins = re.match(r"[0-9A-Z]{18}|\d{4}-\d\d$", wish.entry)
        query["stream"] = {"$regex": f"{'^' if begins else ''}{literal(wish.entry)}"}
    if wish.streams:
        query["$and"] = [{"stream": wish.streams}]
    within = {"$gte": wish.since, "$lt": wish.until}
    if time := {name: value for name, value in within.items() if value}:
        query["time"] = time
    return query


def _after(cursor: str | None) -> Json:
    """What comes after a cursor; one that nobody gave is the beginning."""
    milliseconds, _, leaf = (cursor or "").partition(".")
    if not (milliseconds.isdecimal() and leaf.isdecimal() and max(len(milliseconds), len(leaf)) <= 14):
        return {}
    time = datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
    return {"$or": [{"time": {"$lt": time}}, {"time": time, "leaf": {"$lt": int(leaf)}}]}


def _leaf(document: Json) -> Leaf:
    other = altered(document)
    same = ("service", "noun", "stream", "sequence", "type", "time", "trace", "position")
    return Leaf(
        ref=document.get("contradicts") or document["_id"],
        number=document["leaf"],
        actor=document["actor"] or "",
        cause=document["cause"] or "",
        correlation=document["correlation"] or "",
        event=_event(document, other),
        contradicts=document.get("contradicts"),
        altered=other,
        **{name: document[name] for name in same},
    )


def _event(document: Json, other: str | None) -> Json:
    """What an event says; of one that was altered so that it says nothing any more, no type and no data."""
    try:
        event: Any = orjson.loads(document["event"])
        return event if other is None or isinstance(event["data"], dict) else {"data": {}}
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return {"data": {}}


def in_order(leaves: Sequence[Leaf]) -> tuple[list[Leaf], str | None]:
    """A stream's events from the first, each once, up to the first that is missing, and the ref of that one."""
    told = [leaf for leaf in leaves if not leaf.contradicts]
    for expected, leaf in enumerate(told, start=1):
        if leaf.sequence != expected:
            return told[: expected - 1], f"/{leaf.service}/{leaf.stream}/{expected}"
    return told, None
