"""Plans that were kept. Not events: a plan decides nothing, and whoever reads the history need not know of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from secrets import token_hex
from typing import Any

from pymongo import DESCENDING
from pymongo.asynchronous.database import AsyncDatabase

from review.planner.core import Assumptions, Foretold
from schemas.envelope import Json

PAGE = 50


@dataclass(frozen=True)
class Question:
    """To decide `goal` cases by the end of the day `until`.

    `reviewers` each review `minutes_a_day` from Monday to Friday, or where that is None when the roster says;
    `threshold` (0 to 1) is the score from which the express lane takes cases; None: that of the rules in force.
    """

    goal: int
    until: date
    reviewers: int
    minutes_a_day: int | None
    threshold: float | None


@dataclass(frozen=True)
class Plan:
    """What was asked, supposed and foretold, when and by whom."""

    id: str
    made: datetime
    by: str
    question: Question
    assumed: Assumptions
    foretold: Foretold
    needed: int | None


class Plans:
    """The collection `plans`."""

    def __init__(self, database: AsyncDatabase[Json]) -> None:
        self._plans = database["plans"]

    async def keep(
        self,
        made: datetime,
        by: str,
        question: Question,
        assumed: Assumptions,
        foretold: Foretold,
        needed: int | None,
    ) -> str:
        """Keep a plan; its id."""
        id = token_hex(6)
        kept = asdict(question) | {"until": question.until.isoformat()}
        await self._plans.insert_one(
            {
                "_id": id,
                "made": made,
                "by": by,
                "question": kept,
                "assumed": asdict(assumed),
                "foretold": asdict(foretold),
                "needed": needed,
            }
        )
        return id

    async def get(self, id: str) -> Plan | None:
        document = await self._plans.find_one({"_id": id})
        return _plan(document) if document else None

    async def list(self) -> list[Plan]:
        """The latest PAGE plans, the latest first."""
        return [_plan(each) async for each in self._plans.find().sort("made", DESCENDING).limit(PAGE)]


def _plan(document: Mapping[str, Any]) -> Plan:
    asked = dict(document["question"])
    return Plan(
        id=document["_id"],
        made=document["made"],
        by=document["by"],
        question=Question(**asked | {"until": date.fromisoformat(asked["until"])}),
        assumed=Assumptions(**document["assumed"]),
        foretold=Foretold(**document["foretold"]),
        needed=document["needed"],
    )
