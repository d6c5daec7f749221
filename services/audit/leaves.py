"""What the recorder has written, read: a stream, a story, a search. Every event is a leaf of the log, by its number."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from pymongo import ASCENDING, DESCENDING
from pymongo.collection import Collection
from pymongo.database import Database

from audit.recorder_read import altered, filled
from schemas.envelope import Json

#: A search that finds more than this says “more than”.
COUNTED = 10_000
#: Milliseconds after which a search gives up: by part of a name it reads the whole index of names.
WITHIN_MS = 5_000
#: Events of a story that are drawn, those nearest to the one that is shown; what followed from it directly; its causes.
NEAR, EFFECTS, CHAIN = 40, 300, 100
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
class Story:
    """What is drawn around an event: `leaves`, in the order of the log.

    `total` events follow from the same first one, `left` of them are not drawn; of the `effects` that followed from the
    event directly, `effects_left` are not.
    """

    leaves: tuple[Leaf, ...]
    total: int
    left: int
    effects: int
    effects_left: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody looks for; None asks for nothing in particular. `since` ≤ time ≤ `until`.

    `entry`, `actor` and `type` are conditions as `audit.meant` makes them, `streams` one more on the stream.
    """

    entry: Json | None = None
    streams: Json | None = None
    partner: str | None = None
    actor: Json | None = None
    type: Json | None = None
    correlation: str | None = None
    cause: str | None = None
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

    def story(self, shown: Leaf) -> Story:
        """An event, what caused it, what followed from it directly, and the events of its story nearest to it, each
        with what caused it elsewhere (a release's publication, say)."""
        same = {"correlation": shown.correlation} if shown.correlation else {"_id": shown.ref}
        of_story = self._recorded.count_documents(same)
        effects = {"cause": shown.ref}
        followed = [_leaf(found) for found in self._recorded.find(effects).sort("leaf", 1).limit(EFFECTS)]
        near = [shown, *self._near(same, shown.number, of_story), *followed]
        known = {leaf.ref: leaf for leaf in near if not leaf.contradicts}
        causes = self.some({leaf.cause for leaf in near if leaf.cause.startswith("/")} - known.keys())
        chain = self._chain(shown, known | {leaf.ref: leaf for leaf in causes})
        drawn = {leaf.number: leaf for leaf in (*near, *causes, *chain)}
        told = [leaf for _, leaf in sorted(drawn.items())]
        total = len(followed) if len(followed) < EFFECTS else self._recorded.count_documents(effects)
        return Story(
            tuple(told),
            of_story,
            of_story - sum(leaf.correlation == shown.correlation for leaf in told),
            total,
            total - sum(leaf.cause == shown.ref for leaf in told),
        )

    def _near(self, same: Json, number: int, total: int) -> list[Leaf]:
        """The NEAR of `total` events that stand nearest to a leaf: half of them before it, or as many as there are.

        A story may have as many events as a release has readers, so no more of it is read.
        """
        before = self._recorded.count_documents({**same, "leaf": {"$lt": number}})
        first = max(0, min(before - NEAR // 2, total - NEAR))
        parts = (("$lt", DESCENDING, before - first), ("$gte", ASCENDING, first + NEAR - before))
        return [
            _leaf(found)
            for side, order, count in parts
            if count > 0  # MongoDB takes 0 for all
            for found in self._recorded.find({**same, "leaf": {side: number}}).sort("leaf", order).limit(count)
        ]

    def _chain(self, shown: Leaf, known: Mapping[str, Leaf]) -> list[Leaf]:
        """The event that caused it, the one that caused that, and so on."""
        chain = [shown]
        while chain[-1].cause.startswith("/") and len(chain) <= CHAIN:
            found = [known[chain[-1].cause]] if chain[-1].cause in known else self.some([chain[-1].cause])
            if not found or found[0] in chain:  # it is not recorded; or somebody made a circle of them
                break
            chain += found
        return chain[1:]

    def some(self, refs: Iterable[str]) -> list[Leaf]:
        """Those of these events that are recorded."""
        return [_leaf(document) for document in self._recorded.find({"_id": {"$in": list(refs)}})]

    def search(self, wish: Wish, after: str | None, size: int) -> tuple[list[Leaf], str | None]:
        """One page of the events that answer a wish, the newest first, and the cursor of the next page."""
        query = {"$and": [_query(wish), _after(after)]}
        order = [("time", DESCENDING), ("leaf", DESCENDING)]
        rows = [_leaf(found) for found in self._recorded.find(query).sort(order).limit(size + 1).max_time_ms(WITHIN_MS)]
        last = rows[size - 1] if len(rows) > size else None
        return rows[:size], f"{int(last.time.timestamp() * 1000)}.{max(0, last.number)}" if last else None

    def count(self, wish: Wish) -> int:
        """How many events answer a wish, counted up to COUNTED + 1."""
        return self._recorded.count_documents(_query(wish), limit=COUNTED + 1, maxTimeMS=WITHIN_MS)

    def any(self, wish: Wish) -> bool:
        """Whether any event answers a wish."""
        return self._recorded.find_one(_query(wish), {"_id": 1}, max_time_ms=WITHIN_MS) is not None

    def people(self) -> list[str]:
        """Everybody who signed in and did something: `user:…`."""
        return sorted(self._recorded.distinct("actor", {"actor": {"$regex": "^user:"}}))

    def partners(self) -> dict[str, Json]:
        """What all partners were registered as, {zh, en}, by code."""
        found = self._recorded.find({"type": {"$regex": r"^partner\.registered\."}, "contradicts": None})
        said = {leaf.stream: leaf.event.get("data") for leaf in map(_leaf, found)}
        names = {code: data.get("name") for code, data in said.items() if isinstance(data, dict)}
        return {code: name for code, name in names.items() if isinstance(name, dict)}

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
            ("stream", wish.entry),
            ("partner", wish.partner),
            ("actor", wish.actor),
            ("type", wish.type),
            ("correlation", wish.correlation),
            ("cause", wish.cause),
        )
        if value
    }
    if wish.streams:
        query["$and"] = [{"stream": wish.streams}]
    within = {"$gte": wish.since, "$lte": wish.until}
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
    """A record as a leaf; of one that was altered, what it lacks is blank."""
    other, record = altered(document), filled(document)
    same = ("service", "noun", "stream", "sequence", "type", "time", "trace", "position")
    contradicts = str(document["contradicts"]) if document.get("contradicts") else None
    return Leaf(
        ref=contradicts or str(document["_id"]),
        number=record["leaf"],
        actor=record["actor"] or "",
        cause=record["cause"] or "",
        correlation=record["correlation"] or "",
        event=_event(document, other),
        contradicts=contradicts,
        altered=other,
        **{name: record[name] for name in same},
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
