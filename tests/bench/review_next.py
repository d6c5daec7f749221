"""The desk's next case with 100,000 open ones and 200 reviewers: all press the button in the same instant, or in the
same second."""

import asyncio
import random
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from statistics import median, quantiles

from pymongo import AsyncMongoClient, ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase

from deploy.local.sample.generate import generate
from review.checks.ruleset import CURRENT
from review.desk import Desk
from review.domain import CASES, Open
from review.drafts import Drafts
from review.roster import Roster
from review.store import CaseStore
from runtime.settings import Settings
from runtime.streams import Streams
from schemas.entry import Industry, SubmissionLine, without_contact
from schemas.envelope import Json
from schemas.review import Route
from tests.bench.figure import Figure, say
from tests.bench.ground import PARTNER, Ground, collecting_as_an_api_does
from web.people import Person

CASES_OPEN = 100_000
REVIEWERS = 200
BURSTS = 40
#: How often all press within a second.
SECONDS = 10
AT = datetime(2026, 11, 2, 1, 0, tzinfo=UTC)


def measure(ground: Ground) -> list[Figure]:
    say(f"review_next: {CASES_OPEN:,} open cases, {REVIEWERS} reviewers at once, {BURSTS} times")
    return asyncio.run(_measured(ground.settings()))


async def _measured(settings: Settings) -> list[Figure]:
    async with AsyncMongoClient[Json](settings.mongo_url, w="majority", journal=True, tz_aware=True) as client:
        database = client[settings.database("review")]
        await _fill(database)
        with collecting_as_an_api_does():
            desk, bare = await _desk(database), await _bare(database)
            found = {
                "review.next_p99": (await _bursts(database, desk, BURSTS), await _bursts(database, bare, 1)),
                "review.next_p99_in_a_second": (
                    await _bursts(database, desk, SECONDS, within_s=1.0),
                    await _bursts(database, bare, SECONDS, within_s=1.0),
                ),
            }
        await client.drop_database(database.name)
    for name, (own, others) in found.items():
        say(f"  {name}: p50 {median(own):.3g} ms; bare: {median(others):.3g} ms")
    what = "one find-and-modify each, nothing decided, no history"
    return [Figure(name, _p99(own), "ms", what, _p99(others)) for name, (own, others) in found.items()]


async def _fill(database: AsyncDatabase[Json]) -> None:
    """Open cases, alike but for their ids, ages and sectors; a third of them have one review."""
    (line,) = generate("scene", 1, 1, [PARTNER], 1)
    entry = without_contact(SubmissionLine.model_validate(line, strict=False).entry)
    streams = Streams(database, CASES)
    opening = Open(
        stream=f"{PARTNER['uscc']}/SC-0@1",
        cause="bench",
        actor="service:review",
        at=AT,
        submission=f"{PARTNER['uscc']}/SC-0",
        revision=1,
        partner=PARTNER["uscc"],
        digest="0" * 64,
        entry=entry,
        previous=None,
        ruleset=CURRENT.version,
        findings=(),
        score=100,
        route=Route.ORDINARY,
        reasons=(),
    )
    await streams.handle([opening])
    model = await streams.collection.find_one({})
    assert model
    await streams.collection.delete_one({"_id": model["_id"]})
    numbers = range(1, CASES_OPEN + 1)
    for start in range(0, CASES_OPEN, 2_000):
        batch = numbers[start : start + 2_000]
        await streams.collection.insert_many([_like(model, number) for number in batch], ordered=False)
    await CaseStore(database).create_indexes()


def _like(model: Json, number: int) -> Json:
    submission = f"{PARTNER['uscc']}/SC-{number}"
    received = (AT + timedelta(seconds=number * 7919 % CASES_OPEN)).isoformat().replace("+00:00", "Z")
    state = model["state"] | {
        "submission": submission,
        "received": received,
        "sector": list(Industry)[number % len(Industry)],
        "left": 1 if number % 3 == 0 else 2,
    }
    return model | {"_id": f"{submission}@1", "state": state}


#: Claims the next case for the reviewer of this number: its id.
Next = Callable[[int], Awaitable[str | None]]


async def _desk(database: AsyncDatabase[Json]) -> Next:
    desk = Desk(Streams(database, CASES), CaseStore(database), Roster(database), Drafts(database))

    async def next(number: int) -> str | None:
        outcome = await desk.next(Person(f"reviewer-{number}", "", ("reviewer",)), secrets.token_hex(8))
        return outcome.stream if outcome else None

    return next


async def _bare(database: AsyncDatabase[Json]) -> Next:
    async def next(number: int) -> str | None:
        case = await database["cases"].find_one_and_update(
            {"state.status": "open", "state.lease": None},
            {"$set": {"state.lease": {"reviewer": f"bare-{number}", "until": "2999"}}},
            {"_id": 1},
            sort=[("state.left", 1), ("state.received", 1), ("_id", 1)],
            return_document=ReturnDocument.AFTER,
        )
        return str(case["_id"]) if case else None

    return next


async def _bursts(database: AsyncDatabase[Json], next: Next, bursts: int, *, within_s: float = 0.0) -> list[float]:
    """How long each of the reviewers waited, in ms, who all press `within_s` seconds. What was claimed in one burst is
    gone before the next: nobody holds two cases, and no search passes over more than REVIEWERS that are held."""
    waited: list[float] = []
    dice = random.Random(REVIEWERS)

    async def press(number: int) -> None:
        if within_s:
            await asyncio.sleep(dice.uniform(0, within_s))
        began = time.perf_counter()
        assert await next(number)
        waited.append((time.perf_counter() - began) * 1000)

    for _burst in range(bursts):
        await asyncio.gather(*(press(number) for number in range(REVIEWERS)))
        await _take_away(database)
    return waited


async def _take_away(database: AsyncDatabase[Json]) -> None:
    """Delete the cases that are held, which must be one for each reviewer."""
    held = await database["cases"].find({"state.lease": {"$ne": None}}, {"state.lease": 1}).to_list()
    assert len(held) == len({case["state"]["lease"]["reviewer"] for case in held}) == REVIEWERS, len(held)
    await database["cases"].delete_many({"_id": {"$in": [case["_id"] for case in held]}})


def _p99(waited: list[float]) -> float:
    return round(quantiles(waited, n=100)[98], 1)
