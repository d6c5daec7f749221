"""The stream store: one decision is one write, and a cause takes effect once."""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from pymongo import AsyncMongoClient, WriteConcern
from pymongo.monitoring import CommandListener, CommandSucceededEvent

from deploy.local.sample.generate import generate, partners
from runtime.streams import MAX_EVENTS, StreamFull, Streams
from runtime.trying import undone
from schemas.entry import Name, SubmissionLine
from schemas.submission import SubmissionReceived, SubmissionRefused
from submissions.domain.partner import PARTNERS, IssueKey, Register
from submissions.domain.submission import SUBMISSIONS, Receive
from tests.runtime.keyring import AT, COPIES, KEYRINGS, Issue, Keyring, issue
from tests.support import Finds

USCC = "12510100MB2K71QA06"
Keyrings = Streams[Keyring, Issue, Any]


def received(digest: str) -> Receive:
    """The first revision of one scene, its text told by `digest` alone."""
    made = generate("scene", 1, 1, [partners()[0]], 1)
    line = SubmissionLine.model_validate_json(orjson.dumps(next(iter(made))))
    given: dict[str, Any] = {"stream": f"{USCC}/a", "actor": "partner:test", "at": AT, "cause": digest}
    return Receive(**given, revision=1, digest=digest, entry=line.entry)


@pytest.fixture
async def database(mongo: str) -> AsyncIterator[Any]:
    async with AsyncMongoClient[Any](mongo, w="majority", journal=True) as client:
        name = f"test_{secrets.token_hex(4)}"
        yield client[name]
        await client.drop_database(name)


@pytest.fixture
def keyrings(database: Any) -> Keyrings:
    return Streams(database, KEYRINGS)


async def test_a_new_stream_has_its_facts_and_their_fold(keyrings: Keyrings) -> None:
    first, second, other = await keyrings.handle([issue("a", "1"), issue("a", "2"), issue("b", "1")])
    assert (first.version, second.version, other.version) == (1, 2, 1)
    stored = await keyrings.get("a")
    assert stored.state == Keyring(keys=("1", "2"))
    assert [event.id for event in stored.events] == ["a/1", "a/2"]
    assert {event.correlationid for event in stored.events} == {"/submissions/a/1"}


async def test_the_same_cause_again_decides_nothing_and_answers_the_same(keyrings: Keyrings) -> None:
    (first,) = await keyrings.handle([issue("a", "1", cause="x")])
    (again,) = await keyrings.handle([issue("a", "2", cause="x")])
    assert (first.fresh, again.fresh) == (True, False)
    assert again.events == first.events
    assert (await keyrings.get("a")).version == 1


async def test_the_same_cause_twice_in_one_batch_takes_effect_once(keyrings: Keyrings) -> None:
    outcomes = await keyrings.handle([issue("a", "1", cause="x"), issue("a", "1", cause="x")])
    assert [outcome.fresh for outcome in outcomes] == [True, False]
    assert (await keyrings.get("a")).version == 1


async def test_a_refusal_writes_nothing(keyrings: Keyrings) -> None:
    (outcome,) = await keyrings.handle([issue("a", "full")])
    assert outcome.refusal is not None and outcome.refusal.rule == "keyring.full"
    assert (await keyrings.get("a")).version == 0


async def test_a_decide_that_raises_writes_nothing_of_its_batch(keyrings: Keyrings) -> None:
    with pytest.raises(RuntimeError):
        await keyrings.handle([issue("a", "1"), issue("b", "poison")])
    assert (await keyrings.get("a")).version == 0


async def test_writers_at_once_lose_nothing_and_leave_no_gap(keyrings: Keyrings) -> None:
    await asyncio.gather(*(keyrings.handle([issue(s, f"{w}.{n}") for s in "abc"]) for w in range(8) for n in range(5)))
    for stream in "abc":
        stored = await keyrings.get(stream)
        assert stored.version == 40 and [event.sequence for event in stored.events] == list(range(1, 41))
        assert sorted(stored.state.keys) == sorted(f"{w}.{n}" for w in range(8) for n in range(5))


async def test_an_event_larger_than_kafka_takes_is_refused_and_not_written(keyrings: Keyrings) -> None:
    with pytest.raises(StreamFull, match="a/1 would have 4,000,"):
        await keyrings.handle([issue("a", "x" * 4_000_000)])
    assert (await keyrings.get("a")).version == 0


async def test_a_stream_refuses_to_grow_without_end(keyrings: Keyrings) -> None:
    await keyrings.handle([issue("a", str(n)) for n in range(MAX_EVENTS)])
    with pytest.raises(StreamFull, match="a holds 2000 events"):
        await keyrings.handle([issue("a", "one more")])


async def test_a_writer_cancelled_midway_finds_what_it_wrote(keyrings: Keyrings) -> None:
    for n in range(20):
        task = asyncio.create_task(keyrings.handle([issue("a", str(n))]))
        await asyncio.sleep(0.0005 * n)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await keyrings.handle([issue("a", str(n))])
    assert (await keyrings.get("a")).state.keys == tuple(str(n) for n in range(20))


async def test_a_command_that_begins_its_stream_looks_only_where_that_is_there(mongo: str, database: Any) -> None:
    first, other, finds = received("1" * 64), received("2" * 64), Finds("submissions")
    async with AsyncMongoClient[Any](mongo, event_listeners=[finds]) as client:
        submissions = Streams(client[database.name], SUBMISSIONS)
        (made,) = await submissions.handle([first])
        assert finds.count == 0
        (again,) = await submissions.handle([first])
        (taken,) = await submissions.handle([other])
        stored = await submissions.get(first.stream)
    assert (made.version, made.fresh, again.version, again.fresh) == (1, True, 1, False)
    assert again.events == made.events
    at_first, refused = (event.data for event in stored.events)
    assert taken.version == 2 and isinstance(at_first, SubmissionReceived) and isinstance(refused, SubmissionRefused)
    assert [finding.rule for finding in refused.findings] == ["revision.taken"]


class Reads(CommandListener):
    """Counts the characters of what is found, by the client whose `event_listeners` has it."""

    def __init__(self) -> None:
        self.count = 0

    def started(self, event: Any) -> None:
        pass

    def succeeded(self, event: CommandSucceededEvent) -> None:
        self.count += len(str(event.reply)) if event.command_name in ("find", "getMore") else 0

    def failed(self, event: Any) -> None:
        pass


async def test_to_decide_nothing_is_read_of_what_events_say_but_of_those_that_came_before(
    mongo: str, database: Any
) -> None:
    reads = Reads()
    async with AsyncMongoClient[Any](mongo, event_listeners=[reads]) as client:
        partners = Streams(client[database.name], PARTNERS)
        given: dict[str, Any] = {"stream": USCC, "actor": "user:test", "at": AT}
        registered, first, second = (
            Register(**given, cause="1", name=Name(zh="蓉城"), type="agency"),
            IssueKey(**given, cause="$2", key="a", label="x" * 100_000, hash="0" * 64),
            IssueKey(**given, cause="3", key="b", label="ERP", hash="0" * 64),
        )
        *_, made, _ = await partners.handle([registered, first, second])
        (again,) = await partners.handle([second])
        assert reads.count < 2 * 100_000, "the state has the label, and the events have it too"
        (also,) = await partners.handle([first])
    assert (again.version, again.fresh, [event.id for event in again.events]) == (3, False, [f"{USCC}/3"])
    assert (also.version, also.fresh, also.events) == (3, False, made.events)


async def test_where_all_is_undone_a_command_that_begins_its_stream_looks_first(database: Any) -> None:
    """There the database has no write concern of its own, as a transaction wants it."""
    submissions = Streams(database.with_options(write_concern=WriteConcern()), SUBMISSIONS)
    first, other = received("1" * 64), received("2" * 64)
    await submissions.handle([first])
    async with undone(submissions.collection.database):
        (again,) = await submissions.handle([first])
        (taken,) = await submissions.handle([other])
    assert (again.version, again.fresh, taken.version) == (1, False, 2)
    assert (await submissions.get(first.stream)).version == 1


async def test_of_many_who_begin_one_stream_at_once_one_does(database: Any) -> None:
    several = [Streams(database, SUBMISSIONS) for _ in range(8)]
    outcomes = [
        outcome
        for (outcome,) in await asyncio.gather(
            *(streams.handle([received(f"{n}" * 64)]) for n, streams in enumerate(several))
        )
    ]
    assert sorted(outcome.version for outcome in outcomes) == [*range(1, 9)]
    assert Counter(outcome.events[0].type for outcome in outcomes) == {
        "submission.received.v1": 1,
        "submission.refused.v1": 7,
    }


async def test_of_a_state_only_what_changes_is_written(database: Any) -> None:
    partners = Streams(database, PARTNERS)
    given: dict[str, Any] = {"stream": USCC, "actor": "user:test", "at": AT}
    await partners.handle([Register(**given, cause="1", name=Name(zh="蓉城"), type="agency")])
    async with await database["partners"].watch() as changes:
        await partners.handle([IssueKey(**given, cause="2", key="k", label="ERP", hash="0" * 64)])
        change = await changes.next()
    assert change["updateDescription"]["updatedFields"].keys() == {"version", "changed", "state.keys", "events.1"}
    found = await partners.get(USCC)
    assert (found.version, found.state.name, [key.id for key in found.state.keys]) == (2, Name(zh="蓉城"), ["k"])


async def test_streams_of_two_deciders_do_not_meet(database: Any) -> None:
    await Streams(database, KEYRINGS).handle([issue("a", "1")])
    assert (await Streams(database, COPIES).get("a")).version == 0
