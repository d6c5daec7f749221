"""What the log keeps in the audit's database: every checkpoint it signed, and where each witness stands.

`checkpoints`: `{_id: size, root, note, signed, witnesses: [name], stamp, stamped}`; `note` gains cosignatures, `stamp`
is an RFC 3161 token over the note's text. `witnesses`: `{_id: name, size, at, error}`.
"""

from datetime import UTC, datetime
from typing import Any

from pymongo import DESCENDING
from pymongo.collection import Collection
from pymongo.database import Database

from audit.log.note import Checkpoint
from audit.recorder_read import filled
from schemas.envelope import Json

#: What is asked of a record here.
_FIELDS = ("_id", "leaf", "hash", "time", "type")


class LogStore:
    def __init__(self, database: Database[Json]) -> None:
        self.checkpoints: Collection[Json] = database["checkpoints"]
        self.witnesses: Collection[Json] = database["witnesses"]
        self._recorded: Collection[Json] = database["recorded"]
        self._oddities: Collection[Json] = database["oddities"]

    def last(self) -> Json | None:
        """The last checkpoint signed."""
        return self.checkpoints.find_one(sort=[("_id", DESCENDING)])

    def covering(self, leaf: int) -> Json | None:
        """The first checkpoint whose tree holds a leaf; none holds that of a record that has lost its number."""
        return self.checkpoints.find_one({"_id": {"$gt": leaf}}, sort=[("_id", 1)]) if leaf >= 0 else None

    def stamped_covering(self, leaf: int) -> Json | None:
        """The first checkpoint with a timestamp whose tree holds a leaf."""
        return self.checkpoints.find_one({"_id": {"$gt": leaf}, "stamp": {"$ne": None}}, sort=[("_id", 1)])

    def signed(self, head: Checkpoint, note: str) -> None:
        """Keep a checkpoint: from now on the log stands by it. Raises DuplicateKeyError for a size that has one."""
        self.checkpoints.insert_one(
            {
                "_id": head.size,
                "root": head.root,
                "note": note,
                "signed": datetime.now(UTC),
                "witnesses": [],
                "stamp": None,
                "stamped": None,
            }
        )

    def add(self, size: int, **more: Any) -> None:
        self.checkpoints.update_one({"_id": size}, {"$set": more})

    def witnessed(self, name: str, size: int | None, error: str | None) -> None:
        """Keep where a witness stands, or why it did not cosign."""
        moved = {"size": size, "at": datetime.now(UTC)} if size is not None else {}
        self.witnesses.update_one({"_id": name}, {"$set": {"error": error, **moved}}, upsert=True)

    def last_stamped(self) -> Json | None:
        return self.checkpoints.find_one({"stamp": {"$ne": None}}, sort=[("_id", DESCENDING)])

    def hashes(self, first: int, at_most: int) -> list[bytes]:
        """The hashes of the recorded events from leaf `first` on, without a gap."""
        wanted = {"leaf": {"$gte": first, "$lt": first + at_most}}
        found = self._recorded.find(wanted, {"_id": 0, "leaf": 1, "hash": 1}).sort("leaf", 1)
        hashes: list[bytes] = []
        for document in found:
            if document["leaf"] != first + len(hashes):
                break  # what is behind it will be there in a moment, or `audit log` names what is missing
            hashes.append(bytes(document["hash"]))
        return hashes

    def event(self, ref: str) -> Json | None:
        """The record of an event, as far as its fields are what they must be; None where it has no leaf."""
        return _with_leaf(self._recorded.find_one({"_id": ref}, _FIELDS))

    def recorded(self) -> int:
        """How many events have a leaf."""
        wanted = {"leaf": {"$type": ["int", "long"]}}  # a record that somebody altered may have anything else
        found = self._recorded.find_one(wanted, {"leaf": 1}, sort=[("leaf", DESCENDING)])
        return int(found["leaf"]) + 1 if found else 0

    def odd(self, number: int, size: int) -> tuple[list[Json], int]:
        """One page of the oddities, the newest first, and how many there are in all."""
        found = self._oddities.find().sort([("noted", DESCENDING), ("_id", 1)])
        return list(found.skip((number - 1) * size).limit(size)), self._oddities.count_documents({})

    def published(self, month: str) -> Json | None:
        """The publication of a release."""
        wanted = {"stream": month, "noun": "release", "type": {"$regex": r"^release\.published\."}}
        return _with_leaf(self._recorded.find_one(wanted, _FIELDS, sort=[("sequence", 1)]))

    def releases(self) -> list[Json]:
        """The publications of all releases, the newest first."""
        fields = {"leaf": 1, "stream": 1, "time": 1}
        # Releases are called by their month: so the index of streams leads to them.
        wanted = {"stream": {"$regex": "^20"}, "type": {"$regex": r"^release\.published\."}}
        return [filled(each, fields) for each in self._recorded.find(wanted, fields).sort("time", -1)]


def _with_leaf(found: Json | None) -> Json | None:
    record = filled(found, _FIELDS) if found else None
    return record if record and record["leaf"] >= 0 else None
