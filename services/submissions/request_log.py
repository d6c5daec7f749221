"""What partners' programs asked of us: every keyed request of 14 days, without bodies, keys or personal data.

It costs a request nothing: records wait in memory and are written every second, so a crash loses the last second's.
"""

import asyncio
import itertools
import re
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from pymongo import UpdateOne, WriteConcern
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, PyMongoError

from runtime.streams import DUPLICATE_KEY
from schemas.envelope import Json
from submissions.keys import without_secrets
from submissions.limiting import TOLD_RULES, Meter
from submissions.sheets.reading import CSV, XLSX
from web.languages import _
from web.problems import Problem

log = structlog.get_logger()

KEPT = timedelta(days=14)
WRITTEN_EVERY_S = 1.0
#: Records that wait at once; those of a database that is away for longer are lost, and counted in the log.
MOST_WAITING = 100_000
#: Requests on one page of the list.
PAGE = 50
#: Requests that are counted for a list, at most.
MOST_COUNTED = 100_000
MOST_CHARACTERS = 300
_PROCESS, _NUMBERS = secrets.token_hex(4), itertools.count()
#: The parameters of our own routes: only these are kept. Others are the caller's own, and may hold anything.
PARAMETERS = (
    *("status", "kind", "stream", "since", "limit", "after", "validate", "rows", "format", "language", "lang"),
    *("mode", "key", "partner", "id"),
)
_PARAMETER = re.compile(rf"(?:{'|'.join(PARAMETERS)})=[\w.~:/%+-]*")
#: The media types that are kept of a body …
TYPES = ("application/x-ndjson", "application/json", CSV, XLSX)
#: … and of what was accepted.
ACCEPTED = (*TYPES, "text/event-stream")


@dataclass(frozen=True)
class Asked:
    """What a list of requests is asked for; `status` is a class: 2, 4, 5, or None."""

    partner: str | None = None
    status: int | None = None
    mode: str | None = None
    key: str | None = None
    id: str | None = None

    @property
    def query(self) -> Json:
        said: Json = {"partner": self.partner, "mode": self.mode, "key": self.key, "request": self.id}
        query = {name: value for name, value in said.items() if value}
        if self.status:
            query["status"] = {"$gte": self.status * 100, "$lt": self.status * 100 + 100}
        return query


class RequestLog:
    """The collection `requests`, and `key_uses`: the minute in which each key was last used."""

    def __init__(self, database: AsyncDatabase[Json]) -> None:
        once = WriteConcern(w=1)
        self._requests = database.get_collection("requests", write_concern=once)
        self._uses = database.get_collection("key_uses", write_concern=once)
        self._waiting: list[Json] = []
        self._lost = 0
        self._told: dict[str, datetime] = {}
        self._writing = asyncio.Lock()

    async def create_indexes(self) -> None:
        await self._requests.create_index("at", expireAfterSeconds=int(KEPT.total_seconds()))
        await self._requests.create_index([("partner", 1), ("_id", -1)])

    def note(self, record: Json) -> None:
        """Keep a record, once it is written; at once, without waiting."""
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(record)
        else:
            self._lost += 1

    async def run(self) -> None:
        """Write what waits every WRITTEN_EVERY_S, until cancelled."""
        while True:
            await asyncio.sleep(WRITTEN_EVERY_S)
            await self.flush()

    async def flush(self) -> None:
        """Write what waits. What cannot be written waits on."""
        async with self._writing:
            records, self._waiting = self._waiting, []
            if not records:
                return
            try:
                await self._write(records)
            except (PyMongoError, asyncio.CancelledError) as error:
                self._waiting = (records + self._waiting)[:MOST_WAITING]
                if isinstance(error, asyncio.CancelledError):
                    raise
                log.warning("request-log.not-written", error=repr(error), waiting=len(self._waiting), lost=self._lost)
            except Exception as error:  # what cannot be kept at all must not keep the rest from being written
                self._lost += len(records)
                log.error("request-log.lost", error=repr(error), lost=self._lost)

    async def _write(self, records: Sequence[Json]) -> None:
        uses: dict[str, datetime] = {}
        for record in records:
            minute = record["at"].replace(second=0, microsecond=0)
            if minute > self._told.get(record["key"], datetime.min.replace(tzinfo=minute.tzinfo)):
                uses[record["key"]] = max(minute, uses.get(record["key"], minute))
        try:
            await self._requests.insert_many(records, ordered=False)
        except BulkWriteError as error:  # some were written before: by an attempt whose answer was lost
            if any(each["code"] != DUPLICATE_KEY for each in error.details["writeErrors"]):
                raise
        if uses:
            await self._uses.bulk_write(
                [UpdateOne({"_id": id}, {"$max": {"at": at}}, upsert=True) for id, at in uses.items()], ordered=False
            )
            self._told |= uses

    async def page(self, asked: Asked, after: str | None = None) -> tuple[list[Json], str | None]:
        """One page, the newest first, and the cursor of the next."""
        await self.flush()  # what this process has just answered is in the list already
        query = asked.query | ({"_id": {"$lt": after}} if after else {})
        found = await self._requests.find(query).sort("_id", -1).limit(PAGE + 1).to_list()
        return found[:PAGE], found[PAGE - 1]["_id"] if len(found) > PAGE else None

    async def count(self, asked: Asked) -> int:
        """How many there are, up to MOST_COUNTED."""
        return await self._requests.count_documents(asked.query, limit=MOST_COUNTED)

    async def get(self, id: str, partner: str | None) -> Json:
        """The record of this id (partner None: anybody's). Raises the Problem of one there is not."""
        await self.flush()
        found = await self._requests.find_one({"_id": id} | ({"partner": partner} if partner else {}))
        if found is None:
            detail = _("Requests are kept for 14 days. Check the address, or look it up in the list.")
            raise Problem(404, "unknown-request", _("There is no such request"), detail)
        return found


def record(scope: Any, meter: Meter, at: datetime, ms: float, status: int, came: int, went: int) -> Json:
    """What is kept of one keyed request; `came` and `went` are the bytes of the two bodies."""
    assert meter.held is not None
    problem, key = scope["state"].get("problem"), meter.held.key
    rules = list(meter.rules)
    if not rules and isinstance(problem, Problem):
        rules = list(
            dict.fromkeys(finding["rule"] for finding in problem.members.get("findings", ()) if "rule" in finding)
        )
    path = scope.get("path_params") or {}
    named = f"{path['uscc']}/{path['reference']}" if {"uscc", "reference"} <= path.keys() else None
    asked = [part for part in scope["query_string"].decode("latin-1").split("&") if part]
    query = [without_secrets(part) for part in asked if _PARAMETER.fullmatch(part)]
    while len("&".join(query)) > MOST_CHARACTERS:
        query.pop()
    return {
        # In the order of time, to the millisecond, and alone in the world.
        "_id": f"{int(at.timestamp() * 1000):012x}-{_PROCESS}-{next(_NUMBERS):x}",
        "at": at,
        "request": scope["state"]["request_id"],
        "partner": meter.held.partner,
        "key": key.id,
        "label": key.label,
        "mode": key.mode,
        "method": scope["method"],
        "route": getattr(scope.get("route"), "path", "-"),
        "path": without_secrets(scope["path"])[:MOST_CHARACTERS],
        "query": "&".join(query),
        "left_out": len(asked) - len(query),
        "type": next(iter(_types(scope, b"content-type", TYPES)), None),
        "accept": ", ".join(_types(scope, b"accept", ACCEPTED)) or None,
        "status": status,
        "ms": round(ms, 1),
        "in": came,
        "out": went,
        "problem": problem.type if isinstance(problem, Problem) else None,
        "rules": rules[:TOLD_RULES],
        "received": meter.received,
        "refused": meter.refused,
        "stream": meter.stream or (named and without_secrets(named)[:MOST_CHARACTERS]),
    }


def _types(scope: Any, header: bytes, ours: Collection[str]) -> list[str]:
    """Those of our media types that a header names, in its order; without their parameters."""
    said = dict(scope["headers"]).get(header, b"").decode("latin-1").lower()
    named = (each.partition(";")[0].strip() for each in said.split(","))
    return [type for type in named if type in ours]
