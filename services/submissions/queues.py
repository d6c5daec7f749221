"""Where a submission stands among those that wait for reviewers, and when it may be through."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import BaseModel
from pymongo.asynchronous.database import AsyncDatabase

from schemas.envelope import Json
from submissions.desk import Story
from submissions.expected import DECISIONS, Expected, What, expect, late, took
from submissions.intake import now
from submissions.progress import Step

#: What was read is good for so long.
FRESH_S = 60.0
#: Measured on at most so many submissions, those that came last.
MEASURED = 1000
#: Those that reviewers have still to decide; of each status they take the one that waits longest.
WAITING = ("open", "in-review")


class Queue(BaseModel):
    """Place among those that wait for reviewers in the same status, the first being 1."""

    place: int
    of: int


@dataclass(frozen=True)
class Outlook:
    """`what` it waits for that takes time, None where that is nothing or its date is set already; `late`: longer than
    most before it."""

    queue: Queue | None = None
    what: What | None = None
    expected: Expected | None = None
    late: bool = False


@dataclass(frozen=True)
class _Measured:
    at: float
    queues: Mapping[str, Queue] = field(default_factory=dict)
    took: Mapping[What, list[timedelta]] = field(default_factory=dict)


class Queues:
    """Read from the projection `progress`, at most once in FRESH_S in this process."""

    def __init__(self, database: AsyncDatabase[Json]) -> None:
        self._progress = database["progress"]
        self._measured: _Measured | None = None

    async def outlook(self, story: Story) -> Outlook:
        """The place and the expected date of a submission, as of a minute ago at most."""
        waits = _waits(story)
        if waits is None:
            return Outlook()
        measured = self._measured
        if measured is None or time.monotonic() - measured.at > FRESH_S:
            measured = self._measured = await self._measure()
        what, since = waits
        queue = measured.queues.get(story.stream) if story.status in WAITING else None
        at, before = now(), measured.took[what]
        return Outlook(queue, what, expect(what, since, at, before), late(since, at, before))

    async def _measure(self) -> _Measured:
        opened = {"$and": [{"$eq": ["$$step.what", "opened"]}, {"$eq": ["$$step.revision", "$revision"]}]}
        since = {"$first": {"$filter": {"input": "$progress.steps", "as": "step", "cond": opened}}}
        pipeline: list[Json] = [
            {"$match": {"status": {"$in": list(WAITING)}}},
            {"$project": {"status": 1, "since": since}},
            {"$set": {"since": {"$toDate": "$since.at"}}},
            {"$sort": {"since": 1, "_id": 1}},
            {"$group": {"_id": "$status", "streams": {"$push": "$_id"}}},
        ]
        queues = {
            stream: Queue(place=place, of=len(queue["streams"]))
            async for queue in await self._progress.aggregate(pipeline)
            for place, stream in enumerate(queue["streams"], start=1)
        }
        waited: dict[What, list[timedelta]] = {"decision": [], "release": []}
        decided = self._progress.find({"progress.steps.what": {"$in": list(DECISIONS)}}, {"progress.steps": 1})
        async for document in decided.sort("$natural", -1).limit(MEASURED):
            for what, durations in took([Step.model_validate(step) for step in document["progress"]["steps"]]).items():
                waited[what] += durations
        return _Measured(time.monotonic(), queues, waited)


def _waits(story: Story) -> tuple[What, datetime] | None:
    """What a submission waits for, and since when; None where it waits for nobody, or for a date that is set."""
    mine = {step.what: step.at for step in story.steps if step.revision == story.state.revision}
    match story.status:
        case "received" | "opened" | "open" | "in-review":
            return "decision", mine.get("opened") or mine.get("revised") or mine["received"]
        case "approved" | "queued" if "approved" in mine:
            return "release", mine["approved"]
        case _:
            return None
