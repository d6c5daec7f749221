"""A delivery: one message to one subscriber, tried until it arrives or the schedule of retries ends."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, assert_never

from notifications.domain.subscription import Channel, Moment
from schemas.envelope import Command, Decider, Refusal, State
from schemas.notification import (
    DELIVERY_FACTS,
    DeliveryAbandoned,
    DeliveryAttempted,
    DeliveryDelivered,
    DeliveryFact,
    DeliveryQueued,
)

#: How long to wait after the first, second … failed attempt: the schedule that Standard Webhooks recommends.
BACKOFF = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)


class Delivery(State):
    """`attempt` counts the attempts since it was queued; `error` is the last one's, `due` the next one's time."""

    status: Literal["queued", "delivered", "abandoned"] | None = None
    subscription: str = ""
    channel: Channel = "email"
    release: str | None = None
    entries: tuple[str, ...] = ()
    queued_at: Moment | None = None
    due: Moment | None = None
    attempt: int = 0
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Queue(Command):
    """Something for a subscriber: `entries` (`partner/reference@edition`) of a `release`, one alone, or a greeting."""

    subscription: str
    channel: Channel
    release: str | None = None
    entries: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Succeed(Command):
    """The receiver took it."""


@dataclass(frozen=True, kw_only=True)
class Fail(Command):
    """Attempt number `attempt` failed. `final`: no other would do better. `scale` stretches the waits of BACKOFF.

    `ours`: what is wrong is wrong here. It is tried until that is mended: given up, it would suspend a subscription
    whose address is as good as ever.
    """

    attempt: int
    error: str
    final: bool = False
    ours: bool = False
    scale: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Drop(Command):
    """There is nobody to deliver to any more: no attempt is made."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Retry(Command):
    """An operator wants it tried now; one that was abandoned gets its whole schedule again."""


DeliveryCommand = Queue | Succeed | Fail | Drop | Retry


def decide(state: Delivery, command: DeliveryCommand) -> tuple[DeliveryFact, ...] | Refusal:
    """The facts that follow; what is over stays over, but for Retry. Refuses `delivery.unknown`."""
    match command:
        case Queue():
            return () if state.status else (_queued(command),)
        case _ if state.status is None:
            return Refusal("delivery.unknown")
        case Retry():
            return () if state.status == "delivered" else (_queued_again(state, command),)
        case _ if state.status != "queued":
            return ()
        case Succeed():
            return (DeliveryDelivered(attempt=state.attempt + 1),)
        case Drop():
            # Why it failed before is what can be mended: it is said with why nobody is there now.
            error = f"{state.error}; {command.reason}" if state.error else command.reason
            return (DeliveryAbandoned(attempt=state.attempt, error=error),)
        case Fail():
            return (_failed(command),) if command.attempt == state.attempt + 1 else ()
        case _:
            assert_never(command)


def _queued(command: Queue) -> DeliveryQueued:
    return DeliveryQueued(
        subscription=command.subscription,
        channel=command.channel,
        release=command.release,
        entries=command.entries,
        due=command.at,
    )


def _queued_again(state: Delivery, command: Retry) -> DeliveryQueued:
    return DeliveryQueued(
        subscription=state.subscription,
        channel=state.channel,
        release=state.release,
        entries=state.entries,
        due=command.at,
    )


def _failed(command: Fail) -> DeliveryAttempted | DeliveryAbandoned:
    if command.final or (command.attempt > len(BACKOFF) and not command.ours):
        return DeliveryAbandoned(attempt=command.attempt, error=command.error)
    due = command.at + BACKOFF[min(command.attempt, len(BACKOFF)) - 1] * command.scale
    return DeliveryAttempted(attempt=command.attempt, error=command.error, due=due)


def evolve(state: Delivery, fact: DeliveryFact) -> Delivery:
    match fact:
        case DeliveryQueued():
            again = {"status": "queued", "due": fact.due, "attempt": state.attempt if state.status == "queued" else 0}
            return state.model_copy(
                update=again
                | {"subscription": fact.subscription, "channel": fact.channel, "release": fact.release}
                | {"entries": fact.entries, "queued_at": state.queued_at or fact.due}
            )
        case DeliveryAttempted():
            return state.model_copy(update={"attempt": fact.attempt, "error": fact.error, "due": fact.due})
        case DeliveryDelivered():
            done = {"status": "delivered", "attempt": fact.attempt, "error": None, "due": None}
            return state.model_copy(update=done)
        case DeliveryAbandoned():
            over = {"status": "abandoned", "attempt": fact.attempt, "error": fact.error, "due": None}
            return state.model_copy(update=over)
        case _:
            assert_never(fact)


DELIVERIES = Decider("delivery", "notifications", "deliveries", Delivery, DELIVERY_FACTS, decide, evolve)
