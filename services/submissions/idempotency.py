"""`Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): one key is one request, however often it is sent.

What was sent before is answered as it was in any case, for its cause is made of what was sent. A key adds two things:
the status of the first time too, and a clear error where a program uses one key for two different requests.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase

from schemas.envelope import Json, timestamp
from submissions.callers import Caller
from submissions.intake import Receipt, now
from submissions.ndjson import Line
from web.languages import _
from web.problems import Problem

COLLECTION = "idempotency"
KEPT_S = 24 * 60 * 60
#: Longest key.
MAX_KEY = 255


@dataclass(frozen=True)
class Claim:
    """A key in use: when it came first."""

    at: datetime

    def made(self, receipt: Receipt) -> bool:
        """Whether the receipt is of a fact that a request with this key recorded, not an earlier one without."""
        return receipt.time is not None and receipt.time >= timestamp(self.at)


async def create_indexes(database: AsyncDatabase[Json]) -> None:
    await database[COLLECTION].create_index("at", expireAfterSeconds=KEPT_S)


async def claim(database: AsyncDatabase[Json], caller: Caller, key: str, line: Line) -> Claim:
    """Take the key for this request, or find that this very request took it. Raises a Problem where another one did."""
    hash = line.sha256 or hashlib.sha256(line.raw).hexdigest()
    held = await database[COLLECTION].find_one_and_update(
        {"_id": f"{caller.partner}/{caller.mode}/{key}"},
        {"$setOnInsert": {"hash": hash, "at": now()}},
        upsert=True,
        return_document=ReturnDocument.AFTER,
    )
    assert held is not None  # an upsert always has one
    if held["hash"] != hash:
        detail = _("Send this request under a new key; send the earlier one again exactly as it was.")
        title = _("This Idempotency-Key was used for another request")
        raise Problem(422, "idempotency-key-reused", title, detail)
    return Claim(held["at"])
