"""What the submissions service keeps besides its streams, and what it asks of them."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import Timestamp
from pymongo import InsertOne, ReplaceOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError

from runtime.streams import DUPLICATE_KEY
from schemas.envelope import Event, Json
from schemas.submission import Mode, SubmissionReceived, SubmissionRefused, SubmissionRevised
from submissions.domain.submission import SUBMISSIONS, TESTS, Submission
from submissions.progress import Progress, evolve, submission_of

#: Submissions on one page of a list.
PAGE = 25
#: Refusals on one page, each with its findings.
REFUSALS = 100
#: Newest refusals of a submission in a list of these: whichever is still to be mended is among them.
NEWEST = 10
#: A file that somebody sends by the page is kept so long, to be given back with marks.
SHEETS_KEPT_S = 60 * 60


async def create_indexes(database: AsyncDatabase[Json]) -> None:
    for collection in (SUBMISSIONS.collection, TESTS.collection):
        await database[collection].create_index([("changed", -1), ("_id", 1)])
    await database["partners"].create_index("state.keys.id")
    await database["sheets"].create_index("at", expireAfterSeconds=SHEETS_KEPT_S)
    await database["sheets"].create_index(
        [("owner", 1), ("at", -1)], partialFilterExpression={"owner": {"$exists": True}}
    )
    await database["progress"].create_index("status")


async def kinds(submissions: AsyncCollection[Json], ids: Collection[str]) -> dict[str, str]:
    """The kind of each of these submissions that was ever accepted and is not withdrawn, by its stream's id."""
    query = {"_id": {"$in": list(ids)}, "state.revision": {"$gt": 0}, "state.withdrawn": False}
    return {doc["_id"]: doc["state"]["kind"] async for doc in submissions.find(query, {"state.kind": 1})}


async def held(submissions: AsyncCollection[Json], causes: Collection[tuple[str, str]]) -> set[str]:
    """Those of these causes, each with its submission's id, by which the submission has a fact."""
    ids, asked = [id for id, _cause in causes], [cause for _id, cause in causes]
    pipeline: list[Json] = [
        {"$match": {"_id": {"$in": ids}, "events.causationid": {"$in": asked}}},
        {"$project": {"causes": {"$setIntersection": ["$events.causationid", asked]}}},
    ]
    return {cause async for doc in await submissions.aggregate(pipeline) for cause in doc["causes"]}


async def partners(database: AsyncDatabase[Json]) -> list[Json]:
    """Every partner, by USCC: `{_id, state}`."""
    return await database["partners"].find({}, {"state": 1}).sort("_id").to_list()


class ProgressStore:
    """The projection `progress`: one document a submission, `{_id, version, revision, status, progress}`."""

    def __init__(self, database: AsyncDatabase[Json]) -> None:
        self._progress = database["progress"]

    async def get(self, submission: str) -> Progress:
        return (await self.all([submission])).get(submission, Progress())

    async def all(self, submissions: Sequence[str]) -> dict[str, Progress]:
        """The progress of those of the submissions that have any."""
        return {id: progress for id, (_, progress) in (await self._load(submissions)).items()}

    async def take(self, events: Sequence[Event]) -> None:
        """Fold events into the submissions they tell of. Two histories may tell of one at the same time: the later to
        write reads again."""
        waiting = list(events)
        while waiting:
            held = await self._load({submission_of(event) for event in waiting})
            after: dict[str, Progress] = {}
            for event in waiting:
                id = submission_of(event)
                before = after.get(id) or (held[id][1] if id in held else Progress())
                after[id] = evolve(before, event)
            lost = await self._write(
                {id: new for id, new in after.items() if id not in held or new != held[id][1]}, held
            )
            waiting = [event for event in waiting if submission_of(event) in lost]
            if waiting:
                await asyncio.sleep(0.01)

    async def _load(self, ids: Any) -> dict[str, tuple[int, Progress]]:
        found = self._progress.find({"_id": {"$in": list(ids)}})
        return {doc["_id"]: (doc["version"], Progress.model_validate(doc["progress"])) async for doc in found}

    async def _write(self, after: Mapping[str, Progress], held: Mapping[str, tuple[int, Progress]]) -> set[str]:
        """Write what changed; the ids of those that somebody else wrote first, or may have."""
        new = [id for id in after if id not in held]
        old = [id for id in after if id in held]
        writes: list[Any] = [InsertOne(_document(id, 1, after[id])) for id in new]
        for id in old:
            version = held[id][0]
            writes.append(ReplaceOne({"_id": id, "version": version}, _document(id, version + 1, after[id])))
        if not writes:
            return set()
        try:
            result = await self._progress.bulk_write(writes, ordered=False)
            return set() if result.matched_count == len(old) else set(old)
        except BulkWriteError as error:
            failed = error.details["writeErrors"]
            if error.details["writeConcernErrors"] or any(each["code"] != DUPLICATE_KEY for each in failed):
                raise
            return set(after)


def _document(id: str, version: int, progress: Progress) -> Json:
    return {
        "_id": id,
        "version": version,
        "revision": progress.revision,
        "status": progress.status,
        "progress": progress.model_dump(mode="json"),
    }


@dataclass(frozen=True)
class Listed:
    """One submission in a list; `changed` is what the list is sorted by."""

    stream: str
    state: Json
    status: str
    changed: Timestamp
    release: str | None

    @property
    def reference(self) -> str | None:
        reference = self.stream.partition("/")[2]
        return None if reference.startswith("~") else reference

    @property
    def at(self) -> datetime:
        return self.changed.as_datetime()

    @property
    def cursor(self) -> str:
        return f"{self.changed.time}.{self.changed.inc}.{self.stream}"


def where(state: Submission, progress: Progress) -> str:
    """Where a submission is: taken back, never accepted, or what upstream tells of its newest revision."""
    if state.withdrawn:
        return "withdrawn"
    if state.revision == 0:
        return "refused"
    return progress.status if progress.revision >= state.revision else "received"


#: The same as `where`, in the database.
_STATUS: Json = {
    "$switch": {
        "branches": [
            {"case": "$state.withdrawn", "then": "withdrawn"},
            {"case": {"$eq": ["$state.revision", 0]}, "then": "refused"},
            {
                "case": {"$gte": [{"$first": "$progress.revision"}, "$state.revision"]},
                "then": {"$first": "$progress.status"},
            },
        ],
        "default": "received",
    }
}


def _with_status(mode: Mode) -> list[Json]:
    live = {"from": "progress", "localField": "_id", "foreignField": "_id", "as": "progress"}
    return [
        # A test has the id of the live submission of the same reference, and none of its progress.
        {"$lookup": live} if mode == "live" else {"$set": {"progress": []}},
        {"$set": {"status": _STATUS, "release": {"$first": "$progress.progress.entry.release"}}},
        {"$unset": ["events", "progress"]},
    ]


class Lists:
    """Submissions of a mode as lists, the latest changed first. `partner` None: everybody's."""

    def __init__(self, database: AsyncDatabase[Json], mode: Mode = "live") -> None:
        self._database, self._mode = database, mode
        self._submissions = database[(TESTS if mode == "test" else SUBMISSIONS).collection]

    def of(self, mode: Mode) -> "Lists":
        """The lists of another mode."""
        return self if mode == self._mode else Lists(self._database, mode)

    async def page(
        self, partner: str | None, *, status: str | None = None, kind: str | None = None, after: str | None = None
    ) -> tuple[list[Listed], str | None]:
        """One page, and the cursor of the next. Those never accepted are in the list of status `refused` only."""
        late: list[Json] = [{"$match": {"status": status}}] if status else []
        pipeline: list[Json] = [
            {"$match": whose(partner) | _accepted(status) | ({"state.kind": kind} if kind else {})},
            {"$match": _after(after)},
            {"$sort": {"changed": -1, "_id": 1}},
            *([] if status else [{"$limit": PAGE + 1}]),
            {"$unset": "events"},
            *_with_status(self._mode),
            *late,
            {"$limit": PAGE + 1},
        ]
        cursor = await self._submissions.aggregate(pipeline)
        rows = [
            Listed(doc["_id"], doc["state"], doc["status"], doc["changed"], doc.get("release")) async for doc in cursor
        ]
        return rows[:PAGE], rows[PAGE - 1].cursor if len(rows) > PAGE else None

    async def standing(self, partner: str | None, kind: str | None = None) -> dict[str, int]:
        """How many submissions there are of each status."""
        pipeline = [
            {"$match": whose(partner) | ({"state.kind": kind} if kind else {})},
            {"$project": {"state": 1}},
            *_with_status(self._mode),
            {"$group": {"_id": "$status", "count": {"$sum": 1}}},
        ]
        return {doc["_id"]: doc["count"] async for doc in await self._submissions.aggregate(pipeline)}

    async def refused(self, partner: str | None, after: str | None = None) -> tuple[list[Json], str | None]:
        """One page of what was refused, submission by submission as `refusals` has them, and the cursor of the next.

        Where it ends within a submission, the next goes on there, whatever has happened to that one meanwhile.
        """
        rest, before = _within(after)
        places = await self._ever_refused(partner, rest)
        if rest and before:
            places.insert(0, rest)
        page, room = list[Json](), REFUSALS
        for number, place in enumerate(places, start=1):
            document = await self.refusals(partner, _id_in(place), before, room)
            before = None
            if document:
                page.append(document)
                room -= len(document["events"])
                if document["more"]:
                    return page, f"{place}@{document['events'][0]['sequence']}"
            if number < len(places) and (not room or number == PAGE):
                return page, place
        return page, None

    async def refused_of(self, stream: str, after: str | None = None) -> tuple[list[Json], str | None]:
        """The same of one submission; an empty page where there is no such."""
        place, before = _within(after)
        before = before if place and _id_in(place) == stream else None
        document = await self.refusals(None, stream, before, REFUSALS)
        if document is None:
            return [], None
        return [document], f"0.0.{stream}@{document['events'][0]['sequence']}" if document["more"] else None

    async def newest_refused(self, partner: str | None, after: str | None = None) -> tuple[list[Json], str | None]:
        """One page of submissions that were ever refused, each with its newest refusals, and the cursor of the next."""
        places = await self._ever_refused(partner, after)
        found = [await self.refusals(partner, _id_in(place), None, NEWEST) for place in places[:PAGE]]
        return [document for document in found if document], places[PAGE - 1] if len(places) > PAGE else None

    async def refusals(self, partner: str | None, stream: str, before: int | None, most: int) -> Json | None:
        """A submission's newest refusals, `most` of those before a sequence if one is given: `{_id, state, events,
        accepted, more}`, with the sequence of the last revision that was taken in, and whether there are older ones.
        None where the partner has no such submission."""
        wanted: list[Json] = [{"$eq": ["$$this.type", SubmissionRefused.TYPE]}]
        wanted += [{"$lt": ["$$this.sequence", before]}] if before else []
        taken = {"$in": ["$$this.type", [SubmissionReceived.TYPE, SubmissionRevised.TYPE]]}
        accepted = {"$map": {"input": "$events", "in": {"$cond": [taken, "$$this.sequence", 0]}}}
        pipeline: list[Json] = [
            {"$match": {"$and": [whose(partner), {"_id": stream}]}},
            {
                "$project": {
                    "state": 1,
                    "accepted": {"$max": accepted},
                    "events": {"$filter": {"input": "$events", "cond": {"$and": wanted}}},
                }
            },
            {"$set": {"events": {"$slice": ["$events", -most]}, "more": {"$gt": [{"$size": "$events"}, most]}}},
        ]
        found = await (await self._submissions.aggregate(pipeline)).to_list()
        return found[0] if found else None

    async def _ever_refused(self, partner: str | None, after: str | None) -> list[str]:
        """The cursors of a page of submissions that were ever refused, and of one more."""
        query = {"$and": [whose(partner), _after(after), {"state.refusals": {"$gt": 0}}]}
        found = self._submissions.find(query, {"changed": 1}).sort([("changed", -1), ("_id", 1)]).limit(PAGE + 1)
        return [f"{doc['changed'].time}.{doc['changed'].inc}.{doc['_id']}" async for doc in found]

    async def count_refused(self, partner: str | None) -> int:
        return await self._submissions.count_documents(whose(partner) | {"state.refusals": {"$gt": 0}})


def whose(partner: str | None) -> Json:
    """The query of a partner's submissions; None: of everybody's."""
    # "0" follows "/": all ids that begin with `partner/`.
    return {"_id": {"$gte": f"{partner}/", "$lt": f"{partner}0"}} if partner else {}


def _accepted(status: str | None) -> Json:
    return {"state.revision": 0} if status == "refused" else {"state.revision": {"$gt": 0}}


def _within(cursor: str | None) -> tuple[str | None, int | None]:
    """A cursor of refusals as the place of a submission in its list and, where a page ended within that one, the
    sequence before which it goes on."""
    place, _, before = (cursor or "").partition("@")
    legible = before.isdecimal() and len(before) <= 9 and _after(place)
    return place or None, int(before) if legible else None


def _id_in(place: str) -> str:
    return place.split(".", 2)[2]


def _after(cursor: str | None) -> Json:
    """What comes after a cursor in a list; a cursor nobody gave is the beginning."""
    time, _, rest = (cursor or "").partition(".")
    inc, _, id = rest.partition(".")
    if not (
        time.isdecimal() and inc.isdecimal() and max(len(time), len(inc)) <= 10 and max(int(time), int(inc)) < 2**32
    ):
        return {}
    changed = Timestamp(int(time), int(inc))
    return {"$or": [{"changed": {"$lt": changed}}, {"changed": changed, "_id": {"$gt": id}}]}
