"""What is kept of a file sent by the page, for an hour: its bytes, how far it is, and what was wrong.

One collection, whose documents MongoDB deletes by itself; only who sent a file finds it, by a token nobody can guess.
"""

import secrets
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, Literal

from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase

from schemas.envelope import Json

_PIECE_BYTES = 8_000_000
#: So many rows of findings are one document, well below what MongoDB allows.
_ROWS_A_DOCUMENT = 50
#: One at work notes its progress with each batch; one that has not for so long has died with its process.
STALLED = timedelta(seconds=30)
#: So many files of one person are kept: the latest.
MOST = 20
#: Refused rows on one page of the result.
PAGE_ROWS = 50


@dataclass(frozen=True)
class Job:
    """A file being sent, or sent. `row` is the last one done, `total` about how many there are; `run` names who is, or
    was last, at work on it."""

    token: str
    name: str
    kind: str
    check: bool
    state: str
    row: int
    total: int
    counts: Mapping[str, int]
    notes: Mapping[str, Sequence[str]]
    beat: datetime
    run: str | None

    @property
    def stalled(self) -> bool:
        """Whether it stopped on the way, or nothing was heard for long of whoever is at work."""
        return self.state == "stopped" or (self.state == "running" and datetime.now(UTC) - self.beat > STALLED)

    @property
    def done(self) -> bool:
        return self.state == "done"


class TakenOver(Exception):
    """Another is at work on the file: whoever was before does no more."""


class Files:
    """The files that are kept."""

    def __init__(self, database: AsyncDatabase[Json]) -> None:
        self._sheets = database["sheets"]

    async def keep(self, file: BinaryIO, owner: str, job: Json) -> str:
        """Keep a file; the token by which its owner finds it."""
        token, at = secrets.token_urlsafe(24), datetime.now(UTC)
        file.seek(0)
        number = 0
        while piece := file.read(_PIECE_BYTES):
            await self._sheets.insert_one({"_id": f"{token}/bytes/{number:04}", "at": at, "data": piece})
            number += 1
        fresh = {"state": "waiting", "row": 0, "counts": {}, "beat": at}
        await self._sheets.insert_one({"_id": token, "at": at, "owner": owner, **fresh, **job})
        async for old in self._sheets.find({"owner": owner}, {"_id": 1}).sort("at", -1).skip(MOST):
            await self._sheets.delete_many({"_id": {"$gte": old["_id"], "$lt": f"{old['_id']}0"}})
        return token

    async def job(self, token: str, owner: str) -> Job | None:
        """A file that this person sent; None where there is none, or no longer."""
        found = await self._sheets.find_one({"_id": token, "owner": owner})
        return _job(found) if found else None

    async def bytes_of(self, token: str) -> BinaryIO:
        """A kept file's bytes, as a file that closes itself with its last use."""
        file: Any = tempfile.SpooledTemporaryFile(1 << 20)  # noqa: SIM115
        async for piece in self._sheets.find(_under(token, "bytes")).sort("_id"):
            file.write(piece["data"])
        file.seek(0)
        return file  # type: ignore[no-any-return]

    async def begin(self, token: str, *, check: bool) -> Job | None:
        """Take up a file, as it is then, by a run of its own; None where somebody is at work on it.

        One that stopped on the way goes on, one that is done begins anew.
        """
        now = datetime.now(UTC)
        stopped = {"$or": [{"state": "stopped"}, {"state": "running", "beat": {"$lt": now - STALLED}}]}
        done = {"$or": [*stopped["$or"], {"state": {"$in": ["waiting", "done"]}}]}
        at_work = {"state": "running", "beat": now, "check": check, "run": secrets.token_hex(8)}
        after = ReturnDocument.AFTER
        query, change = {"_id": token, "check": check, **stopped}, {"$set": at_work}
        if found := await self._sheets.find_one_and_update(query, change, return_document=after):
            return _job(found)
        query, change = {"_id": token, **done}, {"$set": {**at_work, "row": 0, "counts": {}}}
        found = await self._sheets.find_one_and_update(query, change, return_document=after)
        if found is None:
            return None
        await self._sheets.delete_many(_under(token, "refused"))
        return _job(found)

    async def beat(self, job: Job) -> None:
        """Say that this run is still at work. Raises TakenOver."""
        await self._set(job, {"beat": datetime.now(UTC)})

    async def note(self, job: Job, row: int, counts: Mapping[str, int], refused: Sequence[Json]) -> None:
        """Note a batch that is done: the findings first, so that a count never tells of what is not there.

        Raises TakenOver.
        """
        standing = await self._sheets.find_one(_run(job), {"at": 1, "row": 1})
        if standing is None:
            raise TakenOver(job.token)
        # A run that stopped before it noted them may have written some of these rows, in other pieces.
        first, last = (f"{job.token}/refused/{each:09}" for each in (standing["row"] + 1, row))
        await self._sheets.delete_many({"_id": {"$gte": first, "$lte": last}})
        for start in range(0, len(refused), _ROWS_A_DOCUMENT):
            rows = list(refused[start : start + _ROWS_A_DOCUMENT])
            id = f"{job.token}/refused/{rows[0]['row']:09}"
            await self._sheets.replace_one({"_id": id}, {"at": standing["at"], "rows": rows}, upsert=True)
        await self._set(job, {"row": row, "counts": dict(counts), "beat": datetime.now(UTC)})

    async def end(self, job: Job, state: Literal["done", "stopped"]) -> None:
        """This run is at work on it no longer: it is done, or stopped on the way. Raises TakenOver."""
        await self._set(job, {"state": state, "beat": datetime.now(UTC)})

    async def _set(self, job: Job, told: Json) -> None:
        if (await self._sheets.update_one(_run(job), {"$set": told})).matched_count == 0:
            raise TakenOver(job.token)

    async def refused(self, token: str, page: int | None = None) -> list[Json]:
        """The refused rows, `{row, reference, zh: [finding], en: [finding]}`: all, or one page of them from 1."""
        pipeline: list[Json] = [
            {"$match": _under(token, "refused")},
            {"$sort": {"_id": 1}},
            {"$unwind": "$rows"},
            {"$replaceRoot": {"newRoot": "$rows"}},
        ]
        if page is not None:
            pipeline += [{"$skip": (page - 1) * PAGE_ROWS}, {"$limit": PAGE_ROWS}]
        return [each async for each in await self._sheets.aggregate(pipeline)]


def _job(found: Json) -> Job:
    names = ("name", "kind", "check", "state", "row", "total", "counts", "notes", "beat")
    return Job(found["_id"], **{name: found[name] for name in names}, run=found.get("run"))


def _run(job: Job) -> Json:
    return {"_id": job.token, "run": job.run}


def _under(token: str, what: str) -> Json:
    # "0" follows "/": all ids that begin with `token/what/`.
    return {"_id": {"$gte": f"{token}/{what}/", "$lt": f"{token}/{what}0"}}
