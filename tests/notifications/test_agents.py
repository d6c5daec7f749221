"""What the service queues for whom, and that the same events again change nothing."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import orjson
import pytest
from pymongo.asynchronous.database import AsyncDatabase

from notifications import agents
from notifications.agents import on_notifications, on_publishing
from notifications.domain.delivery import DELIVERIES, Succeed
from notifications.domain.subscription import SUBSCRIPTIONS, Cancel, Request
from notifications.store import Recipient, Recipients, now
from runtime.streams import Streams
from schemas.entry import sector
from schemas.envelope import Event
from schemas.notification import Filter
from tests.notifications.conftest import Subscribers, states
from tests.notifications.events import AT, PARTNER, corrected, entries, published, release

Database = AsyncDatabase[Any]


async def everything(database: Database) -> dict[str, list[Any]]:
    """All that the service has written."""
    return {name: await database[name].find().sort("_id").to_list() for name in await database.list_collection_names()}


async def test_each_channel_is_told_in_its_way(database: Database, subscribers: Subscribers) -> None:
    await subscribers.add("hook", "http://127.0.0.1/hook")
    await subscribers.add("mail", "reader@example.org", "email")
    entries_published = [published(n) for n in range(3)]
    await on_publishing(database)([release(entries_published), *entries_published, corrected(1)])
    queued = await states(database)
    assert {id: state.entries for id, state in queued.items()} == {
        **{f"hook:{PARTNER}/E-{n}@1": (f"{PARTNER}/E-{n}@1",) for n in range(3)},
        f"hook:{PARTNER}/E-1@2": (f"{PARTNER}/E-1@2",),
        "mail:2026-03": tuple(f"{PARTNER}/E-{n}@1" for n in range(3)),
        f"mail:{PARTNER}/E-1@2": (f"{PARTNER}/E-1@2",),
    }
    assert {state.release for id, state in queued.items() if id.endswith("@2")} == {None}


async def test_the_same_events_again_change_nothing(database: Database, subscribers: Subscribers) -> None:
    await subscribers.add("hook", "http://127.0.0.1/hook")
    await subscribers.add("mail", "reader@example.org", "email")
    events = [published(n) for n in range(20)]
    react = on_publishing(database)
    await react([release(events), *events, corrected(1)])
    before = await everything(database)
    for event in reversed([release(events), *events, corrected(1)]):
        await react([event])
    assert await everything(database) == before


async def test_only_what_matches_is_queued(database: Database, subscribers: Subscribers) -> None:
    products = entries("products")
    wanted = sector(products[0])
    assert wanted
    await subscribers.add("some", "http://127.0.0.1/", filter=Filter(kinds=("product",), sectors=(wanted,)))
    await subscribers.add("other", "http://127.0.0.1/", filter=Filter(partners=("91510100MA6000000X",)))
    await subscribers.add("monthly", "a@example.org", "email", Filter(kinds=("linkage",)))
    events = [published(n, entry) for n, entry in enumerate((*entries(), *products))]
    await on_publishing(database)([release(events), *events])
    matching = [e.subject for e in events if e.data.entry.kind == "product" and sector(e.data.entry) == wanted]  # type: ignore[attr-defined]
    assert set(await states(database)) == {f"some:{subject}@1" for subject in matching}
    assert matching


async def test_who_confirmed_after_the_release_hears_of_later_ones_only(
    database: Database, subscribers: Subscribers
) -> None:
    await subscribers.add("late", "http://127.0.0.1/", since=AT + timedelta(minutes=1))
    await on_publishing(database)([published(1)])
    assert await states(database) == {}
    await on_publishing(database)([corrected(1, at=AT + timedelta(minutes=2))])
    assert set(await states(database)) == {f"late:{PARTNER}/E-1@2"}


async def test_a_webhook_hears_of_all_from_when_it_became_active_and_its_page_says_so(database: Database) -> None:
    recipients, subscriptions = Recipients(database), Streams(database, SUBSCRIPTIONS)
    await recipients.keep(Recipient("hook", "webhook", "http://127.0.0.1/", "whsec_"))
    by: dict[str, Any] = {"cause": "test", "actor": "test", "at": AT}
    await subscriptions.handle([Request(stream="hook", channel="webhook", language="zh", filter=Filter(), **by)])
    await on_notifications(database)(await own_events(database))
    await Streams(database, DELIVERIES).handle([Succeed(stream="hook:challenge", **by | {"cause": "sent"})])
    await on_publishing(database)([published(1, at=AT + timedelta(minutes=1))])  # answered, and not active yet
    before = now()
    for _ in range(2):
        await on_notifications(database)(await own_events(database))
    since = (await subscriptions.get("hook")).state.since
    assert since is not None and before <= since <= now()
    await on_publishing(database)([published(1, at=AT + timedelta(minutes=1)), published(2, at=since)])
    assert set(await states(database)) == {"hook:challenge", f"hook:{PARTNER}/E-2@1"}


async def test_one_event_for_very_many_is_queued_in_parts(
    database: Database, subscribers: Subscribers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(10):
        await subscribers.add(f"mail{n}", f"reader{n}@example.org", "email")
    monkeypatch.setattr(agents, "CHUNK", 4)
    handle, parts = Streams.handle, list[int]()

    async def counted(self: Streams[Any, Any, Any], commands: Sequence[Any]) -> Any:
        parts.append(len(commands))
        return await handle(self, commands)

    monkeypatch.setattr(Streams, "handle", counted)
    await on_publishing(database)([release([published(n) for n in range(3)])])
    assert parts == [4, 4, 2]
    assert len(await states(database)) == 10


async def test_the_story_of_an_entry_goes_on_in_its_delivery(database: Database, subscribers: Subscribers) -> None:
    await subscribers.add("hook", "http://127.0.0.1/")
    event = published(1)
    await on_publishing(database)([event])
    (queued,) = (await Streams(database, DELIVERIES).get(f"hook:{PARTNER}/E-1@1")).events
    assert (queued.causationid, queued.correlationid) == (event.ref, event.correlationid)
    assert (queued.traceparent, queued.time, queued.actor) == (event.traceparent, AT, "service:notifications")


async def own_events(database: Database) -> list[Event]:
    """The service's own history, as its relay would send it."""
    found: list[Event] = []
    for decider in (SUBSCRIPTIONS, DELIVERIES):
        streams: Streams[Any, Any, Any] = Streams(database, decider)
        for id in [document["_id"] async for document in streams.collection.find({}, {"_id": 1})]:
            found.extend((await streams.get(id)).events)
    return found


async def test_new_subscribers_are_greeted_once_by_their_channel(database: Database, subscribers: Subscribers) -> None:
    await subscribers.add("hook", "http://127.0.0.1/")
    await subscribers.add("mail", "reader@example.org", "email")
    for _ in range(2):
        await on_notifications(database)(await own_events(database))
    assert {id: state.channel for id, state in (await states(database)).items()} == {
        "hook:challenge": "webhook",
        "mail:confirmation": "email",
    }


async def test_no_address_stays_once_a_subscription_is_cancelled_and_none_was_ever_in_the_history(
    database: Database, subscribers: Subscribers
) -> None:
    recipient = await subscribers.add("hook", "http://127.0.0.1/secret-path")
    await on_publishing(database)([published(1)])
    cancel = Cancel(stream="hook", cause="request:3", actor="subscriber:hook", at=AT)
    await Streams(database, SUBSCRIPTIONS).handle([cancel])
    await on_notifications(database)(await own_events(database))
    assert await Recipients(database).find(["hook"]) == {}
    history = orjson.dumps([event.to_json() for event in await own_events(database)]).decode()
    assert recipient.address not in history and (recipient.secret or "-") not in history
