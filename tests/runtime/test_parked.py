"""An operator mends what is parked: sees in what it differs, puts another body beside it, tries it, sends it on."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson
import pytest
from bson import encode
from prometheus_client import REGISTRY
from pymongo import AsyncMongoClient
from pymongo.monitoring import CommandListener, CommandStartedEvent, CommandSucceededEvent

from runtime import operations
from runtime.consume import handle
from runtime.operations import CannotMend, OfThisStream, Opened, Operations, Tried
from runtime.parking import Message, Parking
from runtime.settings import Settings
from runtime.streams import Streams
from schemas.asyncapi import examples
from schemas.differences import Difference, differences
from schemas.envelope import Event
from schemas.events import FACTS
from schemas.submission import PartnerKeyIssued
from schemas.topics import SUBMISSIONS
from tests.runtime.keyring import AT, COPIES, copying
from tests.support import eventually, own_settings


def event(number: int, **changes: Any) -> dict[str, Any]:
    made = Event(
        id=f"s/{number}",
        source="/submissions",
        subject="s",
        time=AT,
        sequence=number,
        causationid="x",
        correlationid="x",
        actor="user:test",
        data=PartnerKeyIssued(key=str(number), label="", hash=""),
    )
    return {**made.to_json(), **changes}


def body(value: dict[str, Any]) -> str:
    return orjson.dumps(value).decode()


@dataclass
class Here:
    """One service's parking, with its copies of keys."""

    settings: Settings
    database: Any
    operations: Operations

    async def parked(self, *values: bytes) -> str:
        """Bytes as events of the stream `s`, of which the first cannot be handled; its id."""
        topic = self.settings.topic(SUBMISSIONS)
        messages = [Message(topic, "s", f"0:{n}", raw) for n, raw in enumerate(values)]
        await handle(messages, copying(Streams(self.database, COPIES)), Parking(self.database))
        stream = await self.only()
        assert stream.waiting == len(values)
        return stream.id

    async def only(self) -> Opened:
        """The one stream that is parked, as its page has it."""
        (stream,), total = await self.operations.parked()
        opened = await self.operations.opened(stream.id)
        assert opened is not None and total == 1
        assert {name: getattr(opened, name) for name in asdict(stream)} == asdict(stream)
        return opened

    async def keys(self) -> tuple[str, ...]:
        return (await Streams(self.database, COPIES).get("s")).state.keys


@pytest.fixture
async def here(kafka: str, mongo: str) -> AsyncIterator[Here]:
    settings = await own_settings(kafka, mongo)
    async with AsyncMongoClient[Any](mongo, w="majority", journal=True, tz_aware=True) as client:
        database = client[settings.database("review")]
        operations = Operations("review", settings, database, lambda db: {SUBMISSIONS: copying(Streams(db, COPIES))})
        yield Here(settings, database, operations)


async def test_what_is_parked_is_mended_beside_what_came_tried_and_sent_on_in_order(here: Here) -> None:
    wrong = event(1, data={"label": "", "hash": ""})
    id = await here.parked(*map(orjson.dumps, (wrong, event(2), event(3))))
    stream = await here.only()
    (difference,) = stream.differences
    assert (difference.pointer, difference.found, difference.error["type"]) == ("/data/key", None, "missing")
    tried = await here.operations.try_dry(id, "user:zheng")
    assert tried is not None and tried.handled == 0 and "Field required" in str(tried.error)

    assert await here.operations.mend(id, body(event(1)), "user:zheng") is True
    assert await here.operations.mend(id, body(event(1)), "user:zheng") is False
    stream = await here.only()
    assert (orjson.loads(stream.raw), stream.differences) == (wrong, ())
    assert orjson.loads(stream.mended or "") == event(1)

    assert await here.operations.try_dry(id, "user:zheng") == Tried(3, None)
    assert await here.keys() == ()  # nothing of it stayed
    assert await here.operations.redrive(id, "user:zheng") == 3
    assert await here.keys() == ("1", "2", "3")
    acts, total = await here.operations.acts()
    assert [(act.act, act.actor, act.stream) for act in acts] == [
        ("redriven", "user:zheng", "s"),
        ("tried", "user:zheng", "s"),
        ("mended", "user:zheng", "s"),
        ("tried", "user:zheng", "s"),
    ]
    assert total == 4
    assert orjson.loads(acts[2].said["before"]) == wrong and orjson.loads(acts[2].said["after"]) == event(1)


async def test_a_dry_try_tells_nobody_of_what_it_did(here: Here) -> None:
    id = await here.parked(b"not json", orjson.dumps(event(2)))
    await here.operations.mend(id, body(event(1)), "user:zheng")
    await here.database.create_collection("copies")
    async with await here.database.watch(max_await_time_ms=100) as changes:
        assert await here.operations.try_dry(id, "user:zheng") == Tried(2, None)
        told = [change async for change in _until_quiet(changes)]
    assert {change["ns"]["coll"] for change in told} <= {"parked_acts"}


async def test_what_is_no_event_of_the_stream_is_set_aside_with_its_reason_and_the_rest_goes_on(here: Here) -> None:
    id = await here.parked(b"not json", orjson.dumps(event(1)))
    stream = await here.only()
    assert stream.foreign
    assert await here.operations.set_aside(id, "0:0", "somebody tried a producer", "user:zheng")
    assert not await here.operations.set_aside(id, "0:0", "pressed twice", "user:zheng")
    stream = await here.only()
    assert (stream.waiting, stream.foreign) == (1, False)
    with pytest.raises(OfThisStream):
        await here.operations.set_aside(id, "0:1", "in the way", "user:zheng")
    assert await here.operations.redrive(id, "user:zheng") == 1
    assert await here.keys() == ("1",)
    acts, _ = await here.operations.acts()
    assert [(act.act, act.said.get("reason"), act.said.get("before")) for act in acts] == [
        ("redriven", None, None),
        ("set-aside", "somebody tried a producer", "not json"),
    ]


async def test_an_event_under_the_key_of_another_stream_is_parked_and_may_be_set_aside(here: Here) -> None:
    """It would count for its own stream, and come in the order of the other."""
    id = await here.parked(orjson.dumps(event(1, subject="t")))
    stream = await here.only()
    assert stream.foreign and "an event of t, under the key of s" in stream.error
    assert (await Streams(here.database, COPIES).get("t")).version == 0
    assert await here.operations.set_aside(id, "0:0", "a producer's mistake", "user:zheng")
    assert await here.operations.parked() == ([], 0)


@pytest.mark.parametrize("came", [b"", b"[]", body(event(1, subject="t", data={})).encode(), b'{"subject": "s"}'])
async def test_the_last_that_is_set_aside_leaves_nothing_parked(here: Here, came: bytes) -> None:
    id = await here.parked(came)
    assert await here.operations.set_aside(id, "0:0", "no event", "user:zheng")
    assert await here.operations.parked() == ([], 0)
    assert not await here.operations.set_aside(id, "0:0", "again", "user:zheng")


class RedrivenAfterEachWrite(CommandListener):
    """Has an operator redrive a stream, from beginning to end, after each write to what is parked."""

    def __init__(self, settings: Settings, id: str) -> None:
        self.settings, self.id, self.handled = settings, id, list[Message]()

    def started(self, event: CommandStartedEvent) -> None:
        pass

    def succeeded(self, event: CommandSucceededEvent) -> None:
        if event.command_name in ("insert", "update"):
            redriving = threading.Thread(target=asyncio.run, args=[self._redrive()])
            redriving.start()
            redriving.join()

    def failed(self, event: Any) -> None:
        pass

    async def _redrive(self) -> None:
        async def handle(message: Message) -> None:
            self.handled.append(message)

        async with AsyncMongoClient[Any](self.settings.mongo_url) as client:
            await Parking(client[self.settings.database("review")]).redrive(self.id, handle)


async def test_an_event_that_is_parked_while_an_operator_redrives_its_stream_is_not_lost(here: Here) -> None:
    message = Message(here.settings.topic(SUBMISSIONS), "s", "0:0", orjson.dumps(event(1)))
    redriven = RedrivenAfterEachWrite(here.settings, f"{message.topic} s")
    async with AsyncMongoClient[Any](here.settings.mongo_url, event_listeners=[redriven]) as client:
        await Parking(client[here.settings.database("review")]).park(message, "a bug")
    assert redriven.handled == [message]


async def test_an_event_that_comes_twice_is_parked_once_mended_or_not(here: Here) -> None:
    id, parking = await here.parked(b"not json", orjson.dumps(event(2))), Parking(here.database)
    await here.operations.mend(id, body(event(1)), "user:zheng")
    for position in ("0:0", "0:1"):
        again = Message(here.settings.topic(SUBMISSIONS), "s", position, b"not json")
        await parking.park(again, "once more")
        assert await parking.join(again)
    document = await parking.get(id)
    assert document is not None
    assert [waiting["position"] for waiting in document["events"]] == ["0:0", "0:1"]
    assert document["events"][0]["mended"] == body(event(1)).encode()


class Received(CommandListener):
    """The most bytes that one answer of the database had."""

    most = 0

    def started(self, event: CommandStartedEvent) -> None:
        pass

    def succeeded(self, event: CommandSucceededEvent) -> None:
        self.most = max(self.most, len(encode(event.reply)))

    def failed(self, event: Any) -> None:
        pass


async def test_whoever_looks_is_not_sent_what_waits_behind_the_first_event_nor_streams_without_end(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "MOST_PARKED", 2)
    topic, parking, received = here.settings.topic(SUBMISSIONS), Parking(here.database), Received()
    for stream in ("a", "b", "c"):
        for n in range(20):
            await parking.park(Message(topic, stream, f"0:{n}", bytes(100_000)), "too much")
    async with AsyncMongoClient[Any](here.settings.mongo_url, tz_aware=True, event_listeners=[received]) as client:
        seen = Operations("review", here.settings, client[here.settings.database("review")], lambda db: {})
        found, total = await seen.parked()
        assert ([(each.stream, each.waiting, each.offset) for each in found], total) == (
            [("a", 20, 0), ("b", 20, 0)],
            3,
        )
        assert received.most < 10_000
        opened = await seen.opened(found[0].id)
        assert opened is not None and (opened.waiting, len(opened.raw)) == (20, 100_000)
        assert received.most < 200_000
        assert await seen.opened("none") is None


async def test_how_many_streams_are_parked_is_told_until_they_are_sent_on(here: Here) -> None:
    topic, parking = here.settings.topic(SUBMISSIONS), Parking(here.database)
    telling = asyncio.create_task(parking.tell(every_s=0.05))

    async def told(streams: int) -> None:
        async def so() -> bool:
            return REGISTRY.get_sample_value("shuangqian_streams_parked", {"topic": topic}) == streams

        await eventually(so)

    id = await here.parked(b"not json")
    await told(1)
    await here.operations.mend(id, body(event(1)), "user:zheng")
    assert await here.operations.redrive(id, "user:zheng") == 1
    await told(0)
    telling.cancel()


async def _until_quiet(changes: Any) -> AsyncIterator[Any]:
    for _ in range(5):
        while (change := await changes.try_next()) is not None:
            yield change
        await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("{", ": illegible"),
        ("{}", "/id: missing"),
        (body(event(1, type="partner.key-issue.v1")), "/type: literal_error"),
        (body(event(1, type="known.nowhere.v9")), "/type: event_type"),
        (body(event(1, subject="t")), "/subject: identity"),
        (body(event(1, id="s/9")), "/id: identity"),
        (body(event(1, sequence=9)), "/sequence: identity"),
    ],
)
async def test_a_body_that_is_no_event_or_another_one_mends_nothing(here: Here, given: str, why: str) -> None:
    id = await here.parked(orjson.dumps(event(1, data={})))
    with pytest.raises(CannotMend, match=why):
        await here.operations.mend(id, given, "user:zheng")
    stream = await here.only()
    assert stream.mended is None and await here.operations.acts() == ([], 0)


async def test_nothing_parked_is_nothing_to_mend_or_try(here: Here) -> None:
    assert await here.operations.mend("none", body(event(1)), "user:zheng") is None
    assert await here.operations.try_dry("none", "user:zheng") is None


def test_differences_are_told_field_by_field() -> None:
    assert differences(orjson.dumps(event(1))) == ()
    assert [each.pointer for each in differences(orjson.dumps(event(1, time="noon", sequence="1", actor=None)))] == [
        "/sequence",
        "/actor",
        "/time",
    ]
    (kind,) = differences(orjson.dumps(event(1, type="partner.key-isued.v1")))
    assert (kind.pointer, kind.found) == ("/type", '"partner.key-isued.v1"')
    assert "partner.key-issued.v1" in kind.error["ctx"]["expected"]
    for raw, wrong in ((b"[1]", "dict_type"), (b"\xff", "illegible"), (b'{"a":}', "illegible")):
        (difference,) = differences(raw)
        assert (difference.pointer, difference.error["type"]) == ("", wrong)


def test_every_example_of_an_event_differs_in_nothing() -> None:
    found: Sequence[tuple[str, tuple[Difference, ...]]] = [
        (type, differences(orjson.dumps(example))) for type, example in examples().items() if type in FACTS
    ]
    assert [each for each in found if each[1]] == []
