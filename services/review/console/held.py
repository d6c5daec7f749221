"""The cases that reviewers hold at the desk."""

from dataclasses import dataclass
from datetime import datetime

from pymongo import ASCENDING
from pymongo.asynchronous.collection import AsyncCollection

from review.times import moment, second
from schemas.envelope import Json

#: Leases shown one by one; how many there are in all is counted.
SHOWN = 20


@dataclass(frozen=True)
class Held:
    """A case, who holds it, and until when."""

    case: str
    reviewer: str
    until: datetime


async def held(cases: AsyncCollection[Json], at: datetime) -> tuple[int, list[Held]]:
    """How many cases are held at `at`, and those of them that come free first."""
    query = {
        "state.lease.reviewer": {"$exists": True},
        "state.lease.until": {"$gt": second(at)},
    }
    found = cases.find(query, {"state.lease": 1}).sort("state.lease.until", ASCENDING).limit(SHOWN)
    leases = [
        Held(case["_id"], case["state"]["lease"]["reviewer"], moment(case["state"]["lease"]["until"]))
        async for case in found
    ]
    return (await cases.count_documents(query) if len(leases) == SHOWN else len(leases)), leases
