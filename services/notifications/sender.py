"""The sender: takes deliveries as they fall due, sends them, and writes what became of each.

One sender runs at a time, under the lease `sender`. A message can go out twice only where the sender was ended (or lost
its lease) between a send and its fact: the repeat has the same `webhook-id` or `Message-ID`, and the fact comes once.
"""

import asyncio
from collections import Counter as Tally
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, assert_never

import httpx2
import structlog
from opentelemetry.trace import SpanKind
from prometheus_client import Counter
from pymongo import MongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from notifications import webhook
from notifications.domain.delivery import DELIVERIES, DeliveryCommand, Drop, Fail, Succeed
from notifications.domain.subscription import Channel, Subscription
from notifications.failures import NotDelivered
from notifications.mail import Mail
from notifications.settings import Settings
from notifications.store import Deliveries, Editions, Recipient, Recipients, Sendable, now, subscriptions
from runtime import telemetry
from runtime.crash import crash_point
from runtime.lease import Lease, LeaseLost
from runtime.streams import Streams
from schemas.envelope import Json, timestamp

log = structlog.get_logger()

ATTEMPTS = Counter("shuangqian_delivery_attempts", "Attempts to deliver a message", ["channel", "outcome"])
ACTOR = "service:notifications"
POLL_S = 0.25
#: A moment in which others may finish too: their facts are written together.
GATHER_S = 0.01
#: What is under way may end within this when the process is asked to stop.
DRAIN_S = 5.0
PAUSE_S = 1.0
#: Webhooks of which the sender knows whether they were reached last time.
REMEMBERED = 5000


@dataclass(frozen=True)
class Lane:
    """Deliveries that share `places`, of which one subscriber may take `each`.

    `who` says for whom: subscribers `reached` last time, those not (`troubled`), those not yet tried (`new`), or `all`.
    """

    channel: Channel
    who: Literal["reached", "troubled", "new", "all"]
    places: int
    each: int


#: A receiver that is dead or slow waits among its like and takes no place from others. All emails go to one server.
LANES = (
    Lane("webhook", "reached", 40, 4),
    Lane("webhook", "new", 100, 1),
    Lane("webhook", "troubled", 100, 1),
    Lane("email", "all", 10, 1),
)


class Outcomes:
    """Whether the webhooks tried last were reached: REMEMBERED at most, for each look at the queue names them all.

    One that is forgotten counts as new.
    """

    def __init__(self) -> None:
        self._reached: dict[str, bool] = {}  # who was tried longest ago comes first

    def note(self, subscription: str, *, reached: bool) -> None:
        self._reached.pop(subscription, None)
        self._reached[subscription] = reached
        if len(self._reached) > REMEMBERED:
            del self._reached[next(iter(self._reached))]

    def known(self) -> set[str]:
        return set(self._reached)

    def those(self, *, reached: bool) -> set[str]:
        return {subscription for subscription, was in self._reached.items() if was == reached}


@dataclass(frozen=True, slots=True)
class Work:
    """One delivery with all that its message needs, as it stood at `at`."""

    delivery: Sendable
    subscription: Subscription | None
    recipient: Recipient | None
    editions: list[Json]
    at: datetime

    @property
    def dropped(self) -> str | None:
        """Why there is nobody to send it to; None where there is."""
        if self.subscription is None or not self.subscription.hears(greeting=not self.delivery.state.entries):
            return f"subscription {self.subscription.status if self.subscription else 'unknown'}"
        return None if self.recipient else "no address"


class Sender:
    """Sends what is due, until its task is cancelled."""

    def __init__(self, settings: Settings, database: AsyncDatabase[Json]) -> None:
        self._settings = settings
        self._database = database
        self._streams = Streams(database, DELIVERIES)
        self._deliveries = Deliveries(database)
        self._editions = Editions(database)
        self._recipients = Recipients(database)
        self._mail = Mail.of(settings)
        self._sending: dict[asyncio.Task[DeliveryCommand], tuple[Sendable, Lane]] = {}
        self.outcomes = Outcomes()

    async def run(self) -> None:
        """Send under the lease; whatever interrupts it, begin again."""
        url, patience_ms = self._settings.mongo_url, 5000
        with MongoClient[Json](
            url, w="majority", journal=True, tz_aware=True, serverSelectionTimeoutMS=patience_ms
        ) as client:
            leases = client[self._settings.database("notifications")]["leases"]
            lease = Lease(leases, "sender", self._settings.lease_s)
            while True:
                try:
                    if await asyncio.to_thread(lease.acquire) is None:
                        await asyncio.sleep(self._settings.lease_s / 4)
                        continue
                    await self._send_under(lease)
                except LeaseLost:
                    log.warning("sender.lease-lost")
                except Exception as error:  # a database that is away, a bug: the queue is where to go on
                    log.error("sender.interrupted", error=repr(error))
                    await asyncio.sleep(PAUSE_S)

    async def _send_under(self, lease: Lease) -> None:
        """Send until the lease is lost or the task is cancelled, which gives it up. Raises LeaseLost."""
        log.info("sender.lease-acquired")
        keeping = asyncio.create_task(self._keep(lease))
        sending = asyncio.create_task(self._send_due())
        try:
            done, _ = await asyncio.wait((keeping, sending), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            keeping.cancel()
            with suppress(PyMongoError):  # then it runs out by itself
                await asyncio.to_thread(lease.release)

    async def _keep(self, lease: Lease) -> None:
        while True:
            await asyncio.sleep(self._settings.lease_s / 3)
            await asyncio.to_thread(lease.renew)

    async def _send_due(self) -> None:
        async with webhook.client() as http:
            try:
                while True:
                    await self._start(http)
                    if self._sending:
                        await asyncio.wait(self._sending, timeout=POLL_S, return_when=asyncio.FIRST_COMPLETED)
                        await asyncio.sleep(GATHER_S)
                        await self._record()
                    else:
                        await asyncio.sleep(POLL_S)
            finally:
                with suppress(TimeoutError):
                    async with asyncio.timeout(DRAIN_S):
                        while self._sending:
                            await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED)
                            await self._record()
                for task in self._sending:
                    task.cancel()
                self._sending.clear()

    async def _start(self, http: httpx2.AsyncClient) -> None:
        """Begin to send what is due, as far as there is room."""
        at = now()
        chosen = [(delivery, lane) for lane in LANES for delivery in await self._choose(lane, at)]
        if not chosen:
            return
        ids = {delivery.state.subscription for delivery, _ in chosen}
        known, recipients = await subscriptions(self._database, ids), await self._recipients.find(ids)
        editions = await self._editions.find({entry for delivery, _ in chosen for entry in delivery.state.entries})
        for delivery, lane in chosen:
            work = Work(
                delivery,
                known.get(delivery.state.subscription),
                recipients.get(delivery.state.subscription),
                [editions[entry] for entry in delivery.state.entries if entry in editions],
                at,
            )
            self._sending[asyncio.create_task(self._attempt(http, work))] = delivery, lane

    async def _choose(self, lane: Lane, at: datetime) -> list[Sendable]:
        """Due deliveries for the free places of a lane, the longest due first."""
        room = lane.places - sum(1 for _, theirs in self._sending.values() if theirs is lane)
        if room <= 0:
            return []
        under_way = Tally(delivery.state.subscription for delivery, _ in self._sending.values())
        full = {subscription for subscription, count in under_way.items() if count >= lane.each}
        match lane.who:
            case "reached" | "troubled":
                some = self.outcomes.those(reached=lane.who == "reached") - full
                if not some:
                    return []
                of = {"$in": list(some)}
            case "new":
                of = {"$nin": list(self.outcomes.known() | full)}
            case "all":
                of = {"$nin": list(full)}
            case _:
                assert_never(lane.who)
        sending = [delivery.id for delivery, _ in self._sending.values()]
        chosen = []
        for delivery in await self._deliveries.due(at, room, channel=lane.channel, but=sending, of=of):
            under_way[delivery.state.subscription] += 1
            if under_way[delivery.state.subscription] <= lane.each:
                chosen.append(delivery)
        return chosen

    async def _attempt(self, http: httpx2.AsyncClient, work: Work) -> DeliveryCommand:
        """Send one message: the command that says what became of it."""
        delivery = work.delivery
        attempt, channel = delivery.state.attempt + 1, delivery.state.channel
        # Caused by the event that it follows: an attempt decides once, whoever repeats it.
        follows: dict[str, Any] = {"stream": delivery.id, "cause": delivery.ref, "actor": ACTOR}
        if work.dropped:
            return Drop(**follows, at=work.at, reason=work.dropped)
        parent = delivery.traceparent
        with telemetry.span(f"deliver {channel}", parent=parent, kind=SpanKind.CLIENT, attempt=attempt) as traceparent:
            follows["traceparent"] = traceparent
            try:
                await self._send(http, work, traceparent)
                crash_point("sender.after_send")
                ATTEMPTS.labels(channel, "delivered").inc()
                return Succeed(**follows, at=now())
            except NotDelivered as error:
                failed = error
            except Exception as error:  # a bug: it shows on the page, and is tried again until it is mended
                log.error("sender.failed", delivery=delivery.id, error=repr(error))
                failed = NotDelivered(type(error).__name__, ours=True)
            ATTEMPTS.labels(channel, "failed").inc()
            return Fail(
                **follows,
                at=now(),
                attempt=attempt,
                error=failed.error,
                final=failed.final,
                ours=failed.ours,
                scale=self._settings.retry_scale,
            )

    async def _send(self, http: httpx2.AsyncClient, work: Work, traceparent: str | None) -> None:
        """Send a message by its channel. Raises NotDelivered."""
        delivery, recipient, subscription, at = work.delivery, work.recipient, work.subscription, now()
        assert recipient is not None and subscription is not None
        if len(work.editions) < len(delivery.state.entries):  # while the projection is being rebuilt
            raise NotDelivered("edition not known yet", ours=True)
        if recipient.channel == "email":
            message = self._mail.message(delivery, subscription, recipient, work.editions, at)
            await self._mail.send(message, recipient.address)
            return
        await webhook.call(
            http,
            recipient.address,
            recipient.secret or "",
            delivery.id,
            at,
            work.editions[0]["event"] if work.editions else challenge(delivery, at),
            traceparent=traceparent,
            private=self._settings.webhooks_to_private_addresses,
        )

    async def _record(self) -> None:
        """Write what became of the messages that are no longer under way, with one write; waits for the database."""
        over = [task for task in self._sending if task.done()]
        commands = [task.result() for task in over]
        while commands:
            try:
                await self._streams.handle(commands)
                break
            except PyMongoError as error:
                log.warning("sender.waiting-for-database", error=repr(error))
                await asyncio.sleep(PAUSE_S)
        for task, command in zip(over, commands, strict=True):
            delivery, _lane = self._sending.pop(task)
            if delivery.state.channel == "webhook":  # emails have one lane, whoever they are for
                self.outcomes.note(delivery.state.subscription, reached=not isinstance(command, Fail))


def challenge(delivery: Sendable, at: datetime) -> Json:
    """The message that a webhook must answer with 2xx before anything else is sent to it."""
    return {
        "type": "subscription.confirm",
        "source": "/notifications",
        "subject": delivery.state.subscription,
        "time": timestamp(at),
        "data": {},
    }
