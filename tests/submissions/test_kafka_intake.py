"""Kafka as a way in, told from the partner's side: what it writes, and what it reads back."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator
from kafka import KafkaProducer

from deploy.local.servers import Server
from runtime.admin import create_topics
from runtime.operations import Operations
from runtime.streams import Streams
from schemas.documents import schemas
from schemas.envelope import Json
from submissions.domain.submission import SUBMISSIONS, Refuse
from submissions.intake import Submissions
from submissions.kafka_intake import FAMILIES, KafkaIntake
from tests.submissions.given import OTHER, USCC, line, submission
from tests.submissions.kafka import Ground, Record, System, ground
from tests.support import eventually

STRUCTURED = ("content-type", b"application/cloudevents+json")
EVENT = {"specversion": "1.0", "id": "e-1", "source": "/erp", "type": "com.example.product.made"}
BINARY = tuple((f"ce_{name}", value.encode()) for name, value in EVENT.items())
ENGLISH = ("accept-language", b"en-GB")


@pytest.fixture
async def here(kafka_broker: Server, mongo: str) -> AsyncIterator[Ground]:
    async with ground(kafka_broker, mongo) as made:
        yield made


def rules(receipt: Json) -> list[str]:
    return [finding["rule"] for finding in receipt["findings"]]


async def test_a_partner_writes_entries_in_every_form_and_reads_their_receipts(here: Ground) -> None:
    async with here.taking_in():
        system = await here.system()  # granted while intake is at work: its topic is found without a restart
        sent = [
            Record(line("bare"), "bare"),
            Record(line("binary"), "binary", BINARY),
            Record(orjson.dumps({**EVENT, "data": submission("structured")}), "structured", (STRUCTURED,)),
        ]
        reliably: dict[str, Any] = {"enable.idempotence": True}
        assert await asyncio.to_thread(lambda: system.send(*sent, **reliably)) == [None] * 3
        receipts = await asyncio.to_thread(system.receipts, 3)
        assert {(each["reference"], each["status"], each.get("answers")) for each in receipts} == {
            ("bare", "received", None),
            ("binary", "received", "e-1"),
            ("structured", "received", "e-1"),
        }
        held = Streams(here.database, SUBMISSIONS)
        for each in receipts:
            stored = await held.get(each["stream"])
            assert (each["stream"], each["event"], stored.version) == (f"{USCC}/{each['reference']}", each["event"], 1)
            assert stored.events[0].actor == f"partner:{USCC}"


async def test_revisions_of_a_reference_are_answered_in_order(here: Ground) -> None:
    system = await here.system()
    titles = [f"隧道巡检机器人 {revision}" for revision in range(1, 21)]
    sent = [
        Record(line("robot", revision, title={"zh": title}), "robot") for revision, title in enumerate(titles, start=1)
    ]
    async with here.taking_in():
        await asyncio.to_thread(system.send, *sent)
        receipts = [orjson.loads(m.value() or b"")["data"] for m in await asyncio.to_thread(system.read, 20)]
    assert [each["offset"] for each in receipts] == list(range(20))
    assert [(each["revision"], each["status"]) for each in receipts] == [
        (1, "received"),
        *((revision, "revised") for revision in range(2, 21)),
    ]


async def test_bad_messages_are_each_refused_and_stop_nothing(here: Ground) -> None:
    system = await here.system()
    deep = b'{"reference":"deep","revision":1,"entry":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    fields = json.dumps(submission("many")).removesuffix("}}") + "".join(f',"k{n}":1' for n in range(60_000)) + "}}"
    sent: list[tuple[Record, list[str]]] = [
        (Record(b"not json"), ["json"]),
        (Record(b'{"reference":"half'), ["json"]),
        (Record(b'\xff\xfe{"reference":"utf16"}'), ["json"]),
        (Record(b"\x00\x00"), ["json"]),
        (Record(line("nul\x00")), ["characters", "pattern"]),
        (Record(deep), ["json"]),
        (Record(b"[1]"), ["type"]),
        (Record(None), ["message.empty"]),
        (Record(b"", "tombstone"), ["message.empty"]),
        (Record(line("csv"), headers=(("content-type", b"text/csv"),)), ["message.content-type"]),
        (Record(line("0.3"), headers=(("ce_specversion", b"0.3"),)), ["message.attribute"]),
        (Record(b"{}", headers=(STRUCTURED,)), ["message.attribute"]),
        (Record(b" " * 1_500_000), ["size"]),
        (Record(orjson.dumps(submission("other", uscc=OTHER))), ["partner.mismatch"]),
        (Record(fields.encode()), ["unknown-field"] * 500 + ["findings.more"]),
    ]
    records = [Record(each.value, "k", (*each.headers, ENGLISH)) for each, _ in sent]
    good = Record(line("good"), "k")
    async with here.taking_in():
        large: dict[str, Any] = {"message.max.bytes": 4_000_000}
        assert await asyncio.to_thread(lambda: system.send(*records, good, **large)) == [None] * (len(sent) + 1)
        told = [orjson.loads(m.value() or b"") for m in await asyncio.to_thread(system.read, len(sent) + 1)]
    assert all(Draft202012Validator(schemas()["receipt.issued.v1"]).is_valid(each) for each in told)
    receipts = sorted((each["data"] for each in told), key=lambda data: (data["partition"], data["offset"]))
    assert [rules(receipt) for receipt in receipts[:-1]] == [expected for _, expected in sent]
    assert {receipt["status"] for receipt in receipts[:-1]} == {"refused"}
    assert (receipts[-1]["reference"], receipts[-1]["status"]) == ("good", "received")
    texts = [finding["text"] for receipt in receipts for finding in receipt["findings"]]
    assert all(text.isascii() or "“" in text for text in texts)  # English was asked for
    # Each refusal is a fact, and none of them is too large for the history.
    async for document in here.database["submissions"].find({"state.refusals": {"$gt": 0}}):
        assert len(orjson.dumps(document["events"])) < 1_000_000


class Gbk(str):
    """The name of a header that a client writes in another encoding."""

    def encode(self, *_how: Any) -> bytes:
        return super().encode("gbk")


async def test_a_header_whose_name_is_no_utf_8_is_refused_with_what_its_batch_hides_and_stops_nobody(
    here: Ground,
) -> None:
    system, other = await here.system(USCC), await here.system(OTHER)

    def send(*messages: tuple[str, list[tuple[str, bytes]]]) -> None:
        """One batch, on the first partition."""
        producer = KafkaProducer(**here.settings.kafka, linger_ms=500)
        for name, headers in messages:
            producer.send(system.access.intake_topic, line(name), name.encode(), headers=headers, partition=0)
        producer.flush()
        producer.close()

    async with here.taking_in():
        await asyncio.to_thread(system.send, Record(line("before"), "before"))
        await asyncio.to_thread(system.receipts, 1)
        await asyncio.to_thread(send, ("a", []), ("b", [("ce_x", b"1")]), ("c", [(Gbk("来源"), b"ERP")]), ("d", []))
        await asyncio.to_thread(send, ("e", []))
        await asyncio.to_thread(other.send, Record(orjson.dumps(submission("s", uscc=OTHER)), "s"))
        receipts = [each for each in await asyncio.to_thread(system.receipts, 6) if each["reference"] != "before"]
        assert [each["reference"] for each in await asyncio.to_thread(other.receipts, 1)] == ["s"]
    told = {each["offset"] - min(each["offset"] for each in receipts): each for each in receipts}
    assert [(told[n]["reference"], rules(told[n])) for n in (0, 4)] == [("a", []), ("e", [])]
    assert [rules(told[n]) for n in (2, 3)] == [["message.header"]] * 2, "what stands behind it must be sent again"
    assert rules(told[1]) == ["message.attribute"]


async def test_a_message_sent_twice_takes_effect_once_and_is_answered_twice(here: Ground) -> None:
    system = await here.system()
    async with here.taking_in():
        await asyncio.to_thread(system.send, *[Record(line("same"), "same"), Record(b"{", "same")] * 2)
        receipts = await asyncio.to_thread(system.receipts, 4)
    assert [each["offset"] for each in receipts] == [0, 1, 2, 3]
    first, second = ({k: v for k, v in each.items() if k != "offset"} for each in receipts[:2])
    again, once_more = ({k: v for k, v in each.items() if k != "offset"} for each in receipts[2:])
    assert (first, second) == (again, once_more)
    assert [document["version"] async for document in here.database["submissions"].find()] == [1, 1]


async def test_a_flood_of_one_partner_does_not_hold_up_another(here: Ground) -> None:
    flood, other = await here.system(USCC), await here.system(OTHER)
    many = [Record(line(f"r{number}"), f"r{number}") for number in range(6000)]
    few = [Record(orjson.dumps(submission(f"s{n}", uscc=OTHER)), f"s{n}") for n in range(5)]
    await asyncio.to_thread(flood.send, *many)
    await asyncio.to_thread(other.send, *few)  # behind all of the flood
    async with here.taking_in():
        theirs = await asyncio.to_thread(other.read, len(few))
        floods = await asyncio.to_thread(lambda: flood.read(len(many), seconds=90))
    last = max(message.timestamp()[1] for message in theirs)
    before = sum(message.timestamp()[1] < last for message in floods)
    assert before <= len(many) / 3, f"{before} of the flood's receipts came before the other's"
    assert len({message.key() for message in floods}) == len(many)


async def test_what_a_partner_writes_is_taken_in_at_its_rate_and_the_rest_waits_on_its_topic(here: Ground) -> None:
    here.settings = here.settings.model_copy(update={"entries_per_second": 100})
    fast, other = await here.system(USCC), await here.system(OTHER)
    many = [Record(line(f"r{number}"), f"r{number}") for number in range(350)]
    async with here.taking_in():
        await asyncio.to_thread(other.send, Record(orjson.dumps(submission("s", uscc=OTHER)), "s"))
        await asyncio.to_thread(fast.send, *many)
        await asyncio.to_thread(other.send, Record(orjson.dumps(submission("t", uscc=OTHER)), "t"))
        answered = await asyncio.to_thread(lambda: fast.read(len(many), seconds=60))
        theirs = await asyncio.to_thread(other.read, 2)
    first, *_, last = sorted(message.timestamp()[1] for message in answered)
    assert last - first > 3_000  # milliseconds: 350 at 100 a second
    assert len({message.key() for message in answered}) == len(many)
    assert max(message.timestamp()[1] for message in theirs) < last - 2_000


class Poisoned(Streams[Any, Any, Any]):
    """Streams with a bug: they cannot take the reference `poison`, unless it is refused."""

    async def handle(self, commands: Any) -> Any:
        if any("poison" in command.stream and not isinstance(command, Refuse) for command in commands):
            raise ZeroDivisionError
        return await super().handle(commands)


async def test_workers_that_come_and_go_answer_every_message_in_order(here: Ground) -> None:
    systems = [await here.system(USCC), await here.system(OTHER)]
    references = [f"r{number}" for number in range(400)]
    for system, uscc in zip(systems, (USCC, OTHER), strict=True):
        records = [
            Record(
                orjson.dumps(submission(reference, revision, uscc=uscc, title={"zh": f"机器人 {revision}"})), reference
            )
            for reference in references
            for revision in (1, 2, 3)
        ]
        await asyncio.to_thread(system.send, *records)

    async def done() -> bool:
        return bool(await here.database["submissions"].count_documents({"version": 3}) == 2 * len(references))

    async def come_and_go() -> None:
        while True:
            async with here.taking_in():
                await asyncio.sleep(2.0)

    async with here.taking_in():  # one that stays, beside others that join for a while
        coming = asyncio.create_task(come_and_go())
        await eventually(done, 90)
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
        for system in systems:
            # Some are answered twice, by who had a partition before and by who has it now.
            answered: dict[tuple[int, int], Json] = {}

            async def all_answered(system: System = system, answered: dict[tuple[int, int], Json] = answered) -> bool:
                for message in await asyncio.to_thread(system.all_receipts):
                    told = orjson.loads(message.value() or b"")["data"]
                    assert answered.setdefault((told["partition"], told["offset"]), told) == told
                return len(answered) == 3 * len(references)

            await eventually(all_answered, 60)
            by_reference: dict[str, list[str]] = {}
            for place in sorted(answered):
                by_reference.setdefault(answered[place]["reference"], []).append(answered[place]["status"])
            assert set(map(tuple, by_reference.values())) == {("received", "revised", "revised")}


async def test_a_message_we_fail_to_handle_is_answered_so_and_stops_nothing(here: Ground) -> None:
    system = await here.system()
    references = [*(f"a{n}" for n in range(30)), "poison", *(f"b{n}" for n in range(30))]
    await asyncio.to_thread(system.send, *(Record(line(reference), "k") for reference in references))
    submissions: Submissions = Poisoned(here.database, SUBMISSIONS)
    work = asyncio.create_task(KafkaIntake(here.settings, submissions).run())
    receipts = await asyncio.to_thread(system.receipts, len(references))
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert [each["reference"] for each in receipts] == references
    assert {each["reference"]: rules(each) for each in receipts if each["status"] != "received"} == {
        "poison": ["message.unhandled"]
    }
    # The bug mended, it is sent again and taken in.
    async with here.taking_in():
        await asyncio.to_thread(system.send, Record(line("poison"), "k"))
        again = (await asyncio.to_thread(system.receipts, len(references) + 1))[-1]
    assert (again["reference"], again["status"]) == ("poison", "received")


async def test_a_broker_that_restarts_delays_and_loses_nothing(here: Ground, kafka_broker: Server) -> None:
    system = await here.system()
    async with here.taking_in():
        await asyncio.to_thread(system.send, *(Record(line(f"a{n}"), f"a{n}") for n in range(100)))
        kafka_broker.kill()
        await asyncio.sleep(1.0)
        kafka_broker.start()  # in this thread: the broker ends with the thread that started it
        await asyncio.to_thread(system.send, *(Record(line(f"b{n}"), f"b{n}") for n in range(100)))
        receipts = await asyncio.to_thread(lambda: system.receipts(200, seconds=90))
        # Some may have been answered twice.
        assert {each["status"] for each in receipts} == {"received"}

        async def all_there() -> bool:
            return bool(await here.database["submissions"].count_documents({}) == 200)

        await eventually(all_there, 60)


async def test_operators_see_what_waits_by_partner(here: Ground) -> None:
    system = await here.system()
    await asyncio.to_thread(system.send, *(Record(line(f"r{n}"), f"r{n}") for n in range(10)))
    operations = Operations("submissions", here.settings, here.database, lambda _: {}, families=FAMILIES)
    assert create_topics(here.settings) == []

    async def lag() -> dict[str, int]:
        return {each.topic: each.lag for each in (await operations.status()).consumers}

    assert await lag() == {system.access.intake_topic: 10}
    async with here.taking_in():
        await asyncio.to_thread(system.receipts, 10)

        async def read() -> bool:
            return await lag() == {system.access.intake_topic: 0}

        await eventually(read)
