"""A contact is sealed wherever it is kept; who reads it is a fact; once its key is destroyed, nobody reads it."""

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any

import httpx2
import orjson
from pymongo import AsyncMongoClient

from audit.deciders import DECIDERS
from audit.replay import replay
from runtime.admin import create_topics
from runtime.rebuild import rebuild
from runtime.relay import Relay
from runtime.replay import extent, read
from runtime.sealing import new_key, opened, sealed
from runtime.settings import Settings
from runtime.streams import Streams
from schemas.envelope import Json
from schemas.topics import SUBMISSIONS as TOPIC
from submissions.desk import READ_UP_TO
from submissions.domain import DECIDERS as OWN
from submissions.domain.submission import SUBMISSIONS
from tests.submissions.given import USCC, line, signed_in, submission

CONTACT = {"name": "林知远", "phone": "028-8555 0101", "email": "lin@example.org"}
PERSONAL = ("林知远", "028-8555 0101", "lin@example.org")
ADDRESS = f"/submissions/{USCC}/robot-1"


async def send(client: httpx2.AsyncClient, key: Mapping[str, str], **entry: Any) -> None:
    answer = await client.post("/submissions", content=line(contact=CONTACT, **entry), headers=key)
    assert answer.status_code == 201, answer.text


async def stored(settings: Settings) -> Json:
    async with AsyncMongoClient[Json](settings.mongo_url) as mongo:
        found = await mongo[settings.database("submissions")]["submissions"].find_one({"_id": f"{USCC}/robot-1"})
        assert found
        return found


async def told_to_kafka(settings: Settings, events: int) -> None:
    """Run the relay until its topic holds this many events."""
    relay = Relay(settings, "submissions", OWN)
    relay.start()
    try:
        while (await asyncio.to_thread(extent, settings.kafka, [settings.topic(TOPIC)])).messages < events:
            await asyncio.sleep(0.1)
    finally:
        await asyncio.to_thread(relay.stop)
        await asyncio.to_thread(relay.join, 10)


def names_somebody(text: str) -> bool:
    return any(each in text for each in PERSONAL)


async def test_its_partner_reads_it_and_the_database_holds_it_sealed(
    client: httpx2.AsyncClient, key: dict[str, str], settings: Settings
) -> None:
    await send(client, key)
    assert (await client.get(ADDRESS, headers=key)).json()["entry"]["contact"] == CONTACT
    document = await stored(settings)
    assert len(document.pop("seal")) == 32
    assert not names_somebody(str(document))
    assert orjson.loads(document["events"][0]["data"])["sealed"]


async def test_the_same_entry_again_is_unchanged_and_another_contact_is_not(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    await send(client, key)
    again = await client.post("/submissions", content=line(contact=CONTACT), headers=key)
    assert again.status_code == 200
    other = await client.post("/submissions", content=line(contact={**CONTACT, "name": "王"}), headers=key)
    assert (other.status_code, other.json()["findings"][0]["rule"]) == (409, "revision.taken")


async def test_an_operator_reads_it_for_a_reason_that_stays_in_the_history(
    client: httpx2.AsyncClient, key: dict[str, str], settings: Settings
) -> None:
    await send(client, key)
    operator = signed_in(settings, "operator") | {"Accept": "text/html", "Accept-Language": "en"}
    for accept in ("text/html", "application/json"):
        assert not names_somebody((await client.get(ADDRESS, headers=operator | {"Accept": accept})).text)
    asked = await client.post(f"{ADDRESS}/read-contact", data={"reason": ""}, headers=operator)
    assert asked.status_code == 422 and not names_somebody(asked.text)
    for reason in ("To call them back", "To call them back", "They did not answer"):
        told = await client.post(f"{ADDRESS}/read-contact", data={"reason": reason}, headers=operator)
        assert all(each in told.text for each in PERSONAL) and told.headers["cache-control"] == "no-store"
    timeline = (await client.get(ADDRESS, headers=key)).json()["timeline"]
    reads = [step for step in timeline if step["what"] == "contact-read"]
    assert sorted(step["reasons"] for step in reads) == [["They did not answer"], ["To call them back"]]


async def test_however_often_it_is_read_there_is_room_left_to_erase_it(
    client: httpx2.AsyncClient, key: dict[str, str], settings: Settings
) -> None:
    await send(client, key)
    (event,) = (await stored(settings))["events"]
    read_often = {"version": READ_UP_TO, "events": [event] * READ_UP_TO}
    async with AsyncMongoClient[Json](settings.mongo_url) as mongo:
        await mongo[settings.database("submissions")]["submissions"].update_one({}, {"$set": read_often})
    operator = signed_in(settings, "operator") | {"Accept": "text/html"}
    refused = await client.post(f"{ADDRESS}/read-contact", data={"reason": "To call them back"}, headers=operator)
    assert refused.status_code == 409 and not names_somebody(refused.text)
    erased = await client.post(f"{ADDRESS}/erase-contact", json={"reason": "They asked for it"}, headers=key)
    assert erased.status_code == 200 and erased.json()["entry"]["contact"] is None


async def test_no_other_partner_reads_or_erases_it(
    client: httpx2.AsyncClient, key: dict[str, str], settings: Settings
) -> None:
    await send(client, key)
    other = signed_in(settings, "partner", partner="91510100MA6C00000M") | {"Accept": "text/html"}
    for act in ("read-contact", "erase-contact"):
        answer = await client.post(f"{ADDRESS}/{act}", data={"reason": "curious"}, headers=other)
        assert answer.status_code in (403, 404) and not names_somebody(answer.text)
    assert (await client.get(ADDRESS, headers=key)).json()["entry"]["contact"] == CONTACT


async def test_erased_it_is_gone_from_database_and_history_and_the_replay_is_equal(
    client: httpx2.AsyncClient, key: dict[str, str], settings: Settings, kafka: str
) -> None:
    settings = settings.model_copy(update={"kafka_bootstrap": kafka, "topic_prefix": f"{secrets.token_hex(4)}."})
    await asyncio.to_thread(create_topics, settings)
    await send(client, key)
    revised = submission("robot-1", 2, contact=CONTACT, maturity=9)
    assert (await client.post("/submissions", json=revised, headers=key)).status_code == 201
    erased = await client.post(f"{ADDRESS}/erase-contact", json={"reason": "The person asked for it"}, headers=key)
    assert erased.json()["entry"]["contact"] is None
    assert "seal" not in await stored(settings)
    await told_to_kafka(settings, 5)
    topic = settings.topic(TOPIC)
    whole = await asyncio.to_thread(extent, settings.kafka, [topic])
    batches = await asyncio.to_thread(lambda: list(read(settings.kafka, whole)))
    said = [record.value for batch in batches for record in batch]
    types = [orjson.loads(each)["type"] for each in said if b"/robot-1" in each]
    assert types == ["submission.received.v1", "submission.revised.v1", "submission.contact-erased.v1"]
    assert not names_somebody(b"".join(said).decode())
    verdict = await asyncio.to_thread(replay, settings, DECIDERS, service="submissions")
    assert verdict.equal, verdict.differences


async def test_a_stream_that_is_rebuilt_from_kafka_keeps_its_key_and_leaves_no_copy_of_it(
    client: httpx2.AsyncClient, key: dict[str, str], settings: Settings, kafka: str
) -> None:
    settings = settings.model_copy(update={"kafka_bootstrap": kafka, "topic_prefix": f"{secrets.token_hex(4)}."})
    await asyncio.to_thread(create_topics, settings)
    await send(client, key)
    await told_to_kafka(settings, 3)
    async with AsyncMongoClient[Json](settings.mongo_url, w="majority", journal=True, tz_aware=True) as mongo:
        database = mongo[settings.database("submissions")]
        await database["submissions"].update_one({}, {"$set": {"state.kind": "scene"}})
        report = await rebuild(settings, "submissions", mongo, OWN, ())
        replaced = await database["replaced"].find().to_list()
    assert report.whole and [each.mended for each in report.collections if each.mended] == [1]
    assert (await client.get(ADDRESS, headers=key)).json()["entry"]["contact"] == CONTACT
    assert len(replaced) == 1 and "seal" not in replaced[0]["was"]


async def test_a_contact_sent_after_it_was_erased_has_a_key_of_its_own(
    client: httpx2.AsyncClient, key: dict[str, str], settings: Settings
) -> None:
    await send(client, key)
    first = (await stored(settings))["seal"]
    await client.post(f"{ADDRESS}/erase-contact", json={"reason": "The person asked for it"}, headers=key)
    revised = submission("robot-1", 2, contact={**CONTACT, "name": "王"})
    assert (await client.post("/submissions", json=revised, headers=key)).status_code == 201
    assert (await client.get(ADDRESS, headers=key)).json()["entry"]["contact"]["name"] == "王"
    document = await stored(settings)
    assert document["seal"] != first
    async with AsyncMongoClient[Json](settings.mongo_url) as mongo:
        found = await Streams(mongo[settings.database("submissions")], SUBMISSIONS).get(f"{USCC}/robot-1")
    contacts = [event.data.entry.contact for event in found.events if hasattr(event.data, "entry")]
    assert [contact and contact.name for contact in contacts] == [None, "王"]


def test_a_sealed_text_opens_with_its_key_for_its_event_alone() -> None:
    key, data = new_key(), {"entry": {"contact": CONTACT}, "sealed": None}
    closed = sealed({"entry": {"contact": CONTACT}}, ("entry", "contact"), key, "a/1")
    assert closed["entry"] == {"contact": None}

    def reopened(key: bytes, event: str) -> Json:
        return opened({**closed, "entry": {"contact": None}}, ("entry", "contact"), key, event)

    assert reopened(key, "a/1") == data
    assert reopened(key, "a/2") == reopened(new_key(), "a/1") == closed
