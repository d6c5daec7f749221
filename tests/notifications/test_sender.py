"""The sender against real receivers: retries, signatures, no one delayed by another, once each, and crashes."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import bson
from pymongo.asynchronous.database import AsyncDatabase
from standardwebhooks.webhooks import Webhook

from deploy.local.table import environment
from notifications.agents import on_publishing
from notifications.domain.delivery import BACKOFF
from notifications.sender import REMEMBERED, Outcomes, Sender
from notifications.settings import Settings
from schemas.notification import DeliveryAbandoned, DeliveryAttempted, DeliveryDelivered, DeliveryQueued, Filter
from tests.notifications.conftest import Subscribers, all_are, facts, sending, states
from tests.notifications.events import PARTNER, TRACEPARENT, corrected, published, release
from tests.notifications.receivers import mail_server, receiver
from tests.support import eventually
from tests.web.settings import ROOT

Database = AsyncDatabase[Any]


async def test_a_receiver_that_fails_twice_gets_it_at_the_third_attempt(
    settings: Settings, database: Database, subscribers: Subscribers
) -> None:
    with receiver(lambda _path, before: 503 if before < 2 else 200) as found:
        hook = await subscribers.add("hook", f"{found.url}/hook")
        event = published(1)
        await on_publishing(database)([event])
        async with sending(settings, database):
            await eventually(all_are(database, "delivered", 1))
    history = await facts(database, f"hook:{PARTNER}/E-1@1")
    assert [type(fact) for fact in history] == [DeliveryQueued, DeliveryAttempted, DeliveryAttempted, DeliveryDelivered]
    assert [fact.attempt for fact in history[1:]] == [1, 2, 3]
    assert {fact.error for fact in history[1:3]} == {"HTTP 503"}
    # The waits of 5 s and 5 min, scaled to a hundredth, lie between the three calls.
    gaps = [later.at - earlier.at for earlier, later in zip(found.calls, found.calls[1:], strict=False)]
    scaled = [wait.total_seconds() * settings.retry_scale for wait in BACKOFF[:2]]
    assert all(wait <= gap < wait + 2 for wait, gap in zip(scaled, gaps, strict=True))
    assert hook.secret
    for call in found.calls:
        said = Webhook(hook.secret).verify(call.body, call.headers)
        assert (said["type"], said["id"], said["data"]["edition"]) == ("entry.published.v1", event.id, 1)
        assert call.headers["traceparent"] == TRACEPARENT
        assert "contact" not in said["data"]["entry"] and "actor" not in said
    assert len(set(found.ids("/hook"))) == 1


async def test_each_published_entry_reaches_each_matching_subscriber_once(
    settings: Settings, database: Database, subscribers: Subscribers
) -> None:
    filters = [Filter(), Filter(kinds=("scene",)), Filter(sectors=("new-manufacturing",)), Filter(kinds=("product",))]
    events = [published(n) for n in range(200)]
    with receiver(lambda path, before: 500 if path == "/3" and before == 0 else 204) as found:
        for n in range(12):
            await subscribers.add(f"hook{n}", f"{found.url}/{n}", filter=filters[n % 4])
        react = on_publishing(database)
        await asyncio.gather(react(events[:150]), react(events[50:]))  # 100 of them are redelivered meanwhile
        expected = await states(database)
        async with sending(settings, database):
            await eventually(all_are(database, "delivered", len(expected)), 120)
    calls = Counter((call.path, call.headers["webhook-id"]) for call in found.calls)
    assert {id for _path, id in calls} == set(expected)
    assert len(found.ids("/0")) == len(set(found.ids("/0"))) == 200
    assert {count for (path, _id), count in calls.items() if path != "/3"} == {1}


async def test_a_dead_receiver_does_not_delay_the_others(
    settings: Settings, database: Database, subscribers: Subscribers
) -> None:
    with receiver(lambda path, _before: 0 if path.startswith("/dead") else 204) as found:
        for n in range(25):
            await subscribers.add(f"dead{n}", f"{found.url}/dead{n}")
        await subscribers.add("alive", f"{found.url}/alive")
        await on_publishing(database)([published(n) for n in range(60)])
        began = time.monotonic()
        async with sending(settings, database):
            await eventually(all_are(database, "delivered", 60), 9)  # before the first of the dead has timed out
            assert time.monotonic() - began < 9
            found.released.set()
    assert len(set(found.ids("/alive"))) == 60


def test_the_sender_remembers_who_was_tried_last_and_no_more_than_a_query_may_name() -> None:
    outcomes = Outcomes()
    outcomes.note("again", reached=False)
    for n in range(REMEMBERED - 1):
        outcomes.note(f"{n:032x}", reached=n % 2 == 0)
    outcomes.note("again", reached=True)  # the latest now, and not the first to be forgotten
    outcomes.note("one more", reached=False)
    assert len(outcomes.known()) == REMEMBERED and f"{0:032x}" not in outcomes.known()
    assert "again" in outcomes.those(reached=True) and "one more" in outcomes.those(reached=False)
    assert len(bson.encode({"$nin": list(outcomes.known())})) < 2**18


async def test_the_sender_remembers_no_emails(
    settings: Settings, database: Database, subscribers: Subscribers, tmp_path: Path
) -> None:
    async with mail_server(tmp_path) as (port, _mailbox):
        with receiver() as found:
            await subscribers.add("mail", "du@example.org", "email")
            await subscribers.add("hook", f"{found.url}/hook")
            await on_publishing(database)([corrected(1)])
            sender = Sender(settings.model_copy(update={"smtp_port": port}), database)
            task = asyncio.create_task(sender.run())
            await eventually(all_are(database, "delivered", 2))
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert sender.outcomes.known() == {"hook"}


async def test_what_is_gone_or_fails_to_the_end_is_abandoned(
    settings: Settings, database: Database, subscribers: Subscribers
) -> None:
    quick = settings.model_copy(update={"retry_scale": 0.0})
    with receiver(lambda path, _before: 410 if path == "/gone" else 500) as found:
        await subscribers.add("gone", f"{found.url}/gone")
        await subscribers.add("broken", f"{found.url}/broken")
        await on_publishing(database)([published(1)])
        async with sending(quick, database):
            await eventually(all_are(database, "abandoned", 2))
    assert (await facts(database, f"gone:{PARTNER}/E-1@1"))[1:] == [DeliveryAbandoned(attempt=1, error="HTTP 410")]
    broken = await facts(database, f"broken:{PARTNER}/E-1@1")
    assert [fact.attempt for fact in broken[1:]] == list(range(1, 11))
    assert broken[-1] == DeliveryAbandoned(attempt=10, error="HTTP 500")


async def test_what_is_wrong_on_our_side_suspends_nobody_and_goes_out_once_it_is_mended(
    settings: Settings, database: Database, subscribers: Subscribers, tmp_path: Path
) -> None:
    async with mail_server(tmp_path) as (port, mailbox):
        await subscribers.add("zh", "du@example.org", "email")
        await on_publishing(database)([corrected(1)])
        (edition,) = await database["editions"].find().to_list()
        await database["editions"].update_one({}, {"$unset": {"title": ""}})

        async def failed_often() -> bool:
            return bool(await database["deliveries"].count_documents({"state.attempt": {"$gt": len(BACKOFF) + 1}}))

        quick = settings.model_copy(update={"smtp_port": port, "retry_scale": 0.0})
        async with sending(quick, database):
            await eventually(failed_often)
            assert (await states(database))[f"zh:{PARTNER}/E-1@2"].error == "KeyError"
            await database["editions"].replace_one({"_id": edition["_id"]}, edition)
            await eventually(all_are(database, "delivered", 1))
    assert len(mailbox.messages) == 1
    assert not any(isinstance(fact, DeliveryAbandoned) for fact in await facts(database, f"zh:{PARTNER}/E-1@2"))


async def test_nothing_goes_to_who_cancelled(settings: Settings, database: Database, subscribers: Subscribers) -> None:
    with receiver() as found:
        await subscribers.add("hook", f"{found.url}/hook")
        await on_publishing(database)([published(1)])
        await database["subscriptions"].update_one({"_id": "hook"}, {"$set": {"state.status": "cancelled"}})
        async with sending(settings, database):
            await eventually(all_are(database, "abandoned", 1))
        assert found.calls == []
    assert (await states(database))[f"hook:{PARTNER}/E-1@1"].error == "subscription cancelled"


async def test_a_month_is_one_email_and_a_correction_another(
    settings: Settings, database: Database, subscribers: Subscribers, tmp_path: Path
) -> None:
    async with mail_server(tmp_path) as (port, mailbox):
        await subscribers.add("zh", "du@example.org", "email")
        await subscribers.add("en", "reader@example.org", "email", language="en")
        events = [published(n) for n in range(30)]
        await on_publishing(database)([release(events), *events, corrected(1)])
        async with sending(settings.model_copy(update={"smtp_port": port}), database):
            await eventually(all_are(database, "delivered", 4))
    assert Counter(message.to for message in mailbox.messages) == {("du@example.org",): 2, ("reader@example.org",): 2}
    subjects = {message.subject for message in mailbox.messages}
    assert "2026年3月新发布：30 项符合您的订阅 · 双千" in subjects
    assert "New in March 2026: 30 entries for you · Shuangqian" in subjects
    for message in mailbox.messages:
        assert message.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert "/unsubscribe?token=" in message.headers["List-Unsubscribe"]


async def test_a_mailbox_that_does_not_exist_is_not_tried_again(
    settings: Settings, database: Database, subscribers: Subscribers, tmp_path: Path
) -> None:
    async with mail_server(tmp_path) as (port, mailbox):
        mailbox.handle_RCPT = _unknown  # type: ignore[attr-defined]
        await subscribers.add("zh", "nobody@example.org", "email")
        await on_publishing(database)([corrected(1)])
        async with sending(settings.model_copy(update={"smtp_port": port}), database):
            await eventually(all_are(database, "abandoned", 1))
    assert (await states(database))[f"zh:{PARTNER}/E-1@2"].error == "SMTP 550"


async def _unknown(*_arguments: Any) -> str:
    return "550 No such user here"


ALONE = """
import asyncio
from pymongo import AsyncMongoClient
from notifications.sender import Sender
from notifications.settings import Settings
async def main():
    settings = Settings()
    client = AsyncMongoClient(settings.mongo_url, w="majority", journal=True, tz_aware=True)
    await Sender(settings, client[settings.database("notifications")]).run()
asyncio.run(main())
"""


async def test_after_a_kill_between_send_and_fact_the_repeat_can_be_told_by_its_id(
    settings: Settings, database: Database, subscribers: Subscribers
) -> None:
    def alone(**extra: str) -> subprocess.Popen[bytes]:
        path = os.pathsep.join(str(ROOT / part) for part in ("libs", "services", "."))
        env = {**os.environ, **environment(settings), "PYTHONPATH": path, **extra}
        return subprocess.Popen([sys.executable, "-c", ALONE], env=env, cwd=ROOT)

    with receiver() as found:
        await subscribers.add("hook", f"{found.url}/hook")
        await on_publishing(database)([published(1)])
        killed = alone(SHUANGQIAN_CRASH_AT="sender.after_send")
        assert await asyncio.to_thread(killed.wait, 30) == -signal.SIGKILL
        assert [type(fact) for fact in await facts(database, f"hook:{PARTNER}/E-1@1")] == [DeliveryQueued]
        again = alone()
        try:
            await eventually(all_are(database, "delivered", 1))
        finally:
            again.terminate()
            await asyncio.to_thread(again.wait, 20)
    assert found.ids("/hook") == [f"hook:{PARTNER}/E-1@1"] * 2
    assert (await facts(database, f"hook:{PARTNER}/E-1@1"))[1:] == [DeliveryDelivered(attempt=1)]


async def test_of_two_senders_one_sends(settings: Settings, database: Database, subscribers: Subscribers) -> None:
    with receiver() as found:
        await subscribers.add("hook", f"{found.url}/hook")
        await on_publishing(database)([published(n) for n in range(50)])
        async with sending(settings, database), sending(settings, database):
            await eventually(all_are(database, "delivered", 50))
    assert Counter(found.ids("/hook")) == Counter({f"hook:{PARTNER}/E-{n}@1": 1 for n in range(50)})
