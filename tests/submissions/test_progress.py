"""Where a submission is, told from what review and publishing say: repeats and late news change nothing."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import reduce

import orjson
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from kafka import KafkaProducer
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from runtime.consume import worker_app
from runtime.parking import Parking
from runtime.rebuild import rebuild
from runtime.relay import Relay
from runtime.settings import Settings
from runtime.swap import Rebuilt
from runtime.worker import running
from schemas.entry import SubmissionLine
from schemas.envelope import Event, Fact, Json
from schemas.publication import EntryPublished, EntryQueued, EntryScheduled
from schemas.review import (
    CaseChecked,
    CaseClosed,
    CaseDecided,
    CaseOpened,
    CaseReviewGiven,
    Decision,
    Route,
    Verdict,
)
from schemas.topics import PUBLISHING, REVIEW
from submissions import agents
from submissions.__main__ import mongo as connect
from submissions.domain import DECIDERS
from submissions.progress import Case, Entry, Progress, Step, evolve
from submissions.store import ProgressStore
from tests.submissions.given import USCC, submission
from tests.support import eventually, own_settings

ID = f"{USCC}/robot-1"
AT = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
ENTRY = SubmissionLine.model_validate(submission(), strict=False).entry
WHO = {"submission": ID, "partner": USCC, "digest": "d", "entry": ENTRY}


def told(stream: str, *facts: Fact, start: int = 0) -> list[Event]:
    """A history of one upstream stream, an event a minute from `start`."""
    source = "/review" if "@" in stream else "/publishing"
    return [
        Event(f"{stream}/{n}", source, stream, AT + timedelta(minutes=start + n), n, "x", "x", "service:test", fact)
        for n, fact in enumerate(facts, start=1)
    ]


def case(revision: int, decision: Decision, comment: str, *, start: int) -> list[Event]:
    given = CaseReviewGiven(reviewer="user:li", scores={}, verdict=Verdict.APPROVE, comment=comment)
    return told(
        f"{ID}@{revision}",
        CaseOpened(**WHO, revision=revision, previous=None),
        CaseChecked(ruleset="1", findings=(), score=100, route=Route.ORDINARY),
        given,
        given,
        CaseDecided(**WHO, revision=revision, decision=decision, score=80, reasons=("evidence",)),
        start=start,
    )


CHANGES = case(1, Decision.CHANGES_REQUESTED, "More figures.", start=0)
APPROVED = case(2, Decision.APPROVED, "Good.", start=10)
PUBLISHED = told(
    ID,
    EntryQueued(case=f"{ID}@2", partner=USCC, revision=2, digest="d", entry=ENTRY),
    EntryScheduled(release="2026-11", edition=1),
    EntryPublished(release="2026-11", edition=1, partner=USCC, digest="d", entry=ENTRY),
    start=20,
)
WHOLE = [*CHANGES, *APPROVED, *PUBLISHED]


def fold(events: list[Event]) -> Progress:
    return reduce(evolve, events, Progress())


def test_each_step_says_where_it_is() -> None:
    statuses = [fold(WHOLE[:n]).status for n in range(len(WHOLE) + 1)]
    review = ["opened", "open", "in-review", "in-review"]
    assert statuses == [
        "received",
        *review,
        "changes-requested",
        *review,
        "approved",
        *("queued", "scheduled", "published"),
    ]


def test_the_whole_story_is_kept() -> None:
    progress = fold(WHOLE)
    assert progress.seen == {"case-1": 5, "case-2": 5, "entry": 3}
    comments = ("More figures.", "More figures.")
    assert progress.cases[1] == Case(
        status="changes-requested", reviews=2, comments=comments, reasons=("evidence",), score=80
    )
    assert progress.entry == Entry(status="published", revision=2, release="2026-11", edition=1, published=True)
    assert progress.steps[4] == Step(
        at=AT + timedelta(minutes=5),
        what="changes-requested",
        revision=1,
        score=80,
        reasons=("evidence",),
        comments=comments,
    )
    # What approving reviewers wrote stays with them.
    assert [step.comments for step in progress.steps if step.what == "approved"] == [()]


def test_late_news_of_an_older_revision_never_turns_it_back() -> None:
    closed = told(f"{ID}@1", *[event.data for event in CHANGES], CaseClosed(reason="superseded"))[-1]
    assert fold([*WHOLE, closed]).status == "published"
    assert fold([*CHANGES, *APPROVED[:1], closed]).status == "opened"


@for_all(st.data())
def test_repeats_and_any_order_between_histories_end_the_same(data: st.DataObject) -> None:
    histories, mixed = [list(CHANGES), list(APPROVED), list(PUBLISHED)], list[Event]()
    while any(histories):
        history = data.draw(st.sampled_from([history for history in histories if history]))
        mixed.append(history.pop(0))
        mixed += data.draw(st.lists(st.sampled_from(mixed), max_size=2))
    one, other = fold(mixed), fold(WHOLE)
    assert (one.seen, one.cases, one.entry, one.status) == (other.seen, other.cases, other.entry, other.status)
    assert sorted(one.steps, key=str) == sorted(other.steps, key=str)


@pytest.fixture
async def database(mongo: str) -> AsyncIterator[AsyncDatabase[Json]]:
    settings = Settings(mongo_url=mongo)
    async with connect(settings) as client:
        yield client[f"test_progress_{id(settings)}"]
        await client.drop_database(f"test_progress_{id(settings)}")


async def test_two_histories_at_once_lose_nothing(database: AsyncDatabase[Json]) -> None:
    stores = [ProgressStore(database) for _ in range(3)]
    for events in ([*CHANGES], [*APPROVED], [*PUBLISHED]):
        await asyncio.gather(*(store.take(events[:n]) for store in stores for n in range(1, len(events) + 1)))
    await asyncio.gather(
        *(store.take(part) for store, part in zip(stores, (CHANGES, APPROVED, PUBLISHED), strict=True))
    )
    assert await stores[0].get(ID) == fold(WHOLE)


async def test_the_worker_follows_and_replay_gives_the_same(kafka: str, mongo: str) -> None:
    settings = await own_settings(kafka, mongo)

    def send() -> None:
        producer = KafkaProducer(**settings.kafka)
        for event in WHOLE:
            topic = settings.topic(REVIEW if event.source == "/review" else PUBLISHING)
            producer.send(topic, key=event.subject.encode(), value=orjson.dumps(event.to_json()))
        producer.flush()

    async with connect(settings) as client:
        database = client[settings.database("submissions")]
        progress, app = ProgressStore(database), worker_app("submissions", settings)
        agents.attach(app, settings, Parking(database), progress)
        await asyncio.to_thread(send)
        async with running(app, Relay(settings, "submissions", DECIDERS)):

            async def followed() -> bool:
                return (await progress.get(ID)).seen == fold(WHOLE).seen

            await eventually(followed)
        live = await progress.get(ID)
        equal = await rebuilt(settings, client)
        assert (equal.equal, equal.restored, equal.mended, equal.removed) == (1, 0, 0, 0)
        await database["progress"].update_one({"_id": ID}, {"$set": {"status": "refused", "progress.seen.entry": 99}})
        await database["progress"].insert_one({"_id": "nobody/knows", **await said(database)})
        mended = await rebuilt(settings, client)
        assert (mended.equal, mended.restored, mended.mended, mended.removed) == (0, 0, 1, 1)
        await database["progress"].delete_many({})
        lost = await rebuilt(settings, client)
        assert (lost.equal, lost.restored, lost.mended, lost.removed) == (0, 1, 0, 0)
        again = await progress.get(ID)
        assert (again.cases, again.entry, set(again.steps)) == (live.cases, live.entry, set(live.steps))


async def rebuilt(settings: Settings, client: AsyncMongoClient[Json]) -> Rebuilt:
    report = await rebuild(settings, "submissions", client, DECIDERS, agents.PROJECTIONS)
    assert report.whole
    return report.collections[-1]


async def said(database: AsyncDatabase[Json]) -> Json:
    found = await database["progress"].find_one({}, {"_id": 0})
    assert found
    return found
