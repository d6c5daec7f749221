"""What the notifications service does about events: of publishing's, and of its own."""

from collections.abc import Iterator, Sequence
from itertools import islice

import faust
from pymongo.asynchronous.database import AsyncDatabase

from notifications.domain.delivery import DELIVERIES, Queue
from notifications.domain.subscription import SUBSCRIPTIONS, Channel, Confirm, Subscription, Suspend
from notifications.store import Editions, Recipients, active, edition_id, now
from runtime.consume import React, subscribe
from runtime.parking import Parking
from runtime.rebuild import Projection
from runtime.settings import Settings
from runtime.streams import Streams
from runtime.swap import Made
from schemas import topics
from schemas.entry import sector
from schemas.envelope import Event, Json
from schemas.notification import DeliveryAbandoned, DeliveryDelivered, SubscriptionCancelled, SubscriptionRequested
from schemas.publication import EntryCorrected, EntryPublished, ReleasePublished

ACTOR = "service:notifications"
#: The first delivery of a subscription: an email that asks to confirm, or a call that must be answered with 2xx.
GREETINGS: dict[Channel, str] = {"email": "confirmation", "webhook": "challenge"}
#: Deliveries queued with one write: one release may go to so many that MongoDB takes no query for them all.
CHUNK = 1000


def attach(app: faust.App, settings: Settings, parking: Parking, database: AsyncDatabase[Json]) -> None:
    """Have the worker react to both histories."""
    for topic, react in reactions(database).items():
        subscribe(app, settings.topic(topic), react, parking)


def reactions(database: AsyncDatabase[Json]) -> dict[str, React]:
    """What the worker subscribes, by topic."""
    return {topics.PUBLISHING: on_publishing(database), topics.NOTIFICATIONS: on_notifications(database)}


def on_publishing(database: AsyncDatabase[Json]) -> React:
    """Keep what was published, and queue a delivery for each subscription that it matches.

    An entry's event makes one webhook call, a release one email, a correction both. Each is a stream of its own, named
    by subscription and edition or release, and caused by the event: the same event again queues nothing.
    """
    editions, deliveries = Editions(database), Streams(database, DELIVERIES)

    async def react(events: Sequence[Event]) -> None:
        news = [event for event in events if isinstance(event.data, EntryPublished | EntryCorrected | ReleasePublished)]
        if not news:
            return
        await editions.keep(news)
        subscribers = await active(database)
        commands = (command for event in news for command in queued(event, subscribers))
        while chunk := list(islice(commands, CHUNK)):
            await deliveries.handle(chunk)

    return react


def queued(event: Event, subscribers: Sequence[tuple[str, Subscription]]) -> Iterator[Queue]:
    """The deliveries that an event of the publishing service makes."""
    for id, subscription in subscribers:
        if subscription.since is not None and event.time < subscription.since:
            continue
        match event.data:
            case EntryPublished(edition=edition) | EntryCorrected(edition=edition) as said:
                by_call = subscription.channel == "webhook" or isinstance(said, EntryCorrected)
                wanted = subscription.filter.matches(
                    kind=said.entry.kind, sector=sector(said.entry), partner=said.partner
                )
                if by_call and wanted:
                    name = f"{event.subject}@{edition}"
                    release = said.release if isinstance(said, EntryPublished) else None
                    yield _queue(event, id, subscription, name, release, (name,))
            case ReleasePublished(lines=lines) if subscription.channel == "email":
                matching = tuple(
                    edition_id(line)
                    for line in lines
                    if subscription.filter.matches(kind=line.kind, sector=line.sector, partner=line.partner)
                )
                if matching:
                    yield _queue(event, id, subscription, event.subject, event.subject, matching)
            case _:
                pass


def _queue(
    event: Event, id: str, subscription: Subscription, name: str, release: str | None, entries: tuple[str, ...]
) -> Queue:
    return Queue(
        stream=f"{id}:{name}",
        cause=event.ref,
        actor=ACTOR,
        at=event.time,
        correlation=event.correlationid,
        traceparent=event.traceparent,
        subscription=id,
        channel=subscription.channel,
        release=release,
        entries=entries,
    )


def on_notifications(database: AsyncDatabase[Json]) -> React:
    """Greet new subscribers, confirm webhooks that answered, suspend what cannot be reached, erase who cancelled."""
    recipients = Recipients(database)
    subscriptions, deliveries = Streams(database, SUBSCRIPTIONS), Streams(database, DELIVERIES)

    async def react(events: Sequence[Event]) -> None:
        greetings: list[Queue] = []
        answers: list[Confirm | Suspend] = []
        cancelled: list[str] = []
        for event in events:
            subscription, _, what = event.subject.partition(":")
            match event.data:
                case SubscriptionRequested(channel=channel):
                    greetings.append(
                        _queue(event, subscription, Subscription(channel=channel), GREETINGS[channel], None, ())
                    )
                case DeliveryDelivered() if what == GREETINGS["webhook"]:
                    # Active from now on, not from when it answered: nothing was queued for it in between.
                    answers.append(Confirm(**_follows(event, subscription) | {"at": now()}))
                case DeliveryAbandoned(error=error):
                    answers.append(Suspend(**_follows(event, subscription), reason=error))
                case SubscriptionCancelled():
                    cancelled.append(event.subject)
                case _:
                    pass
        await deliveries.handle(greetings)
        # The address is kept for good before the fact says so: the other way round, a crash would let it expire.
        await recipients.confirm([answer.stream for answer in answers if isinstance(answer, Confirm)])
        await subscriptions.handle(answers)
        await recipients.erase(cancelled)

    return react


def _follows(event: Event, stream: str) -> Json:
    return {
        "stream": stream,
        "cause": event.ref,
        "actor": ACTOR,
        "at": event.time,
        "correlation": event.correlationid,
        "traceparent": event.traceparent,
    }


PROJECTIONS = (
    Projection(
        # What a release says of an edition comes before what the edition's own event adds to it.
        Made("editions", lambda live, made: live == made, lambda live, made: live.keys() > made.keys()),
        (topics.PUBLISHING,),
        lambda database: Editions(database).keep,
    ),
)
