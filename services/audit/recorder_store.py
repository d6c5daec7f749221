"""What the recorder keeps, in the audit's own database: every event once, under the number of its leaf, in `recorded`;
what was odd, in `oddities`.

A document of `recorded` is `{_id: ref, leaf, service, noun, stream, sequence, type, time, actor, cause, correlation,
trace, partner, position, hash, event, latest}`: `leaf` counts from 0 without gaps; `hash` is SHA-256 of the RFC 8785
form; `event` the bytes as they were on Kafka; `latest` the latest time of what people did in its stream so far. An
event that came again with other content has a document of its own, whose `_id` is `ref#hash` and which says
`contradicts: ref`.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from pymongo import ASCENDING, DESCENDING
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from audit.clocks import by_a_clock, latest_of, ran_back
from audit.fold import Message
from audit.recorder_read import Odd, Oddity, predecessor, read
from runtime.crash import crash_point
from schemas.envelope import Json, timestamp

DUPLICATE_KEY = 11000


class Recorded:
    """The collections, and how a batch of messages is added to them."""

    def __init__(self, database: Database[Json]) -> None:
        self.events: Collection[Json] = database["recorded"]
        self.oddities: Collection[Json] = database["oddities"]

    def create_indexes(self) -> None:
        self.events.create_index("leaf", unique=True)
        for keys in (
            ["stream", "sequence"],
            ["time"],
            ["actor", "time"],
            ["partner", "time"],
            ["cause"],
            ["correlation"],
        ):
            self.events.create_index([(key, ASCENDING) for key in keys])
        self.oddities.create_index([("noted", DESCENDING)])

    def size(self) -> int:
        """How many leaves there are."""
        last = self.events.find_one({}, {"leaf": 1}, sort=[("leaf", DESCENDING)])
        return int(last["leaf"]) + 1 if last else 0

    def add(self, messages: Sequence[tuple[str, Message]], size: int) -> tuple[list[Json], list[Oddity]]:
        """Give each (service, message) that is new the next leaf, from `size` on: what was added, what was odd.

        What is there already, with the same content, is passed over: so a batch that was cut off is added again.
        Oddities are written first, since a message that is there already is not looked at again.
        """
        leaves, odd = self._new(messages, size)
        self.note(odd)
        crash_point("recorder.before_write")
        if leaves:
            # In order: whenever it is cut off, the leaves that are there have no gap.
            self.events.insert_many(leaves, ordered=True)
        crash_point("recorder.after_write")
        return leaves, odd

    def note(self, oddities: Iterable[Oddity]) -> None:
        """Keep what is odd, each once."""
        documents = [
            {
                "_id": f"{each.position} {each.kind}",
                "kind": str(each.kind),
                "position": each.position,
                "ref": each.ref,
                "detail": each.detail,
                "noted": datetime.now(UTC),
            }
            for each in oddities
        ]
        if documents:
            try:
                self.oddities.insert_many(documents, ordered=False)
            except BulkWriteError as error:
                if any(each["code"] != DUPLICATE_KEY for each in error.details["writeErrors"]):
                    raise

    def _new(self, messages: Sequence[tuple[str, Message]], size: int) -> tuple[list[Json], list[Oddity]]:
        readings = [read(message, service) for service, message in messages]
        found = [reading.leaf for reading in readings if reading.leaf]
        wanted = {leaf["_id"] for leaf in found} | {
            predecessor(leaf["_id"], leaf["sequence"]) for leaf in found if leaf["sequence"] > 1
        }
        known = self._known(wanted)
        leaves: list[Json] = []
        odd: list[Oddity] = []
        for reading in readings:
            leaf = reading.leaf
            if leaf is None:
                odd += reading.oddities
                continue
            ref = leaf["_id"]
            other = known.get(ref)
            if other and other.get("hash") == leaf["hash"]:
                continue
            if other:
                leaf |= {"_id": f"{ref}#{leaf['hash'].hex()}", "contradicts": ref}
                if leaf["_id"] in known or self._known({leaf["_id"]}):
                    continue
                odd.append(Oddity(Odd.CONFLICT, leaf["position"], ref, {"first": other.get("position")}))
            else:
                odd += after(leaf, known.get(predecessor(ref, leaf["sequence"])))
            odd += reading.oddities
            leaf["leaf"] = size + len(leaves)
            leaves.append(leaf)
            known[leaf["_id"]] = leaf
        return leaves, odd

    def _known(self, ids: Iterable[str]) -> dict[str, Json]:
        fields = {"hash": 1, "time": 1, "latest": 1, "position": 1}
        return {document["_id"]: document for document in self.events.find({"_id": {"$in": list(ids)}}, fields)}


def after(leaf: Json, before: Json | None) -> list[Oddity]:
    """What is odd about an event after the one before it in its stream; notes in it the latest time up to it."""
    ref, position, time = leaf["_id"], leaf["position"], leaf["time"]
    latest = before.get("latest", before.get("time")) if before else None
    latest = latest if isinstance(latest, datetime) else None  # who can write to MongoDB may have left anything there
    clock = by_a_clock(leaf["actor"] or "")
    leaf["latest"] = latest_of(latest, time, leaf["actor"] or "")
    if before is None and leaf["sequence"] > 1:
        return [Oddity(Odd.JUMP, position, ref, {"expected": leaf["sequence"] - 1, "found": leaf["sequence"]})]
    if clock and latest and ran_back(latest, time):
        detail = {"before": timestamp(latest), "found": timestamp(time)}
        return [Oddity(Odd.CLOCK, position, ref, detail)]
    return []
