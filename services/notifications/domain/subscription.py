"""A subscription: requested, confirmed by whoever owns the address, suspended when nothing arrives there, cancelled."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, assert_never

from pydantic import PlainSerializer

from schemas.envelope import Command, Decider, Refusal, State, timestamp
from schemas.notification import (
    SUBSCRIPTION_FACTS,
    Filter,
    SubscriptionCancelled,
    SubscriptionConfirmed,
    SubscriptionFact,
    SubscriptionRequested,
    SubscriptionSuspended,
)

Channel = Literal["email", "webhook"]
#: A time that is stored as text whose order is the order of time, so that queries may compare it.
Moment = Annotated[datetime, PlainSerializer(timestamp, when_used="json")]


class Subscription(State):
    """`since` is when it was last confirmed: what was published before is not sent. `reason` is why it is suspended."""

    status: Literal["requested", "active", "suspended", "cancelled"] | None = None
    channel: Channel = "email"
    language: Literal["zh", "en"] = "zh"
    filter: Filter = Filter()
    since: Moment | None = None
    reason: str | None = None

    def hears(self, *, greeting: bool) -> bool:
        """Whether messages go to it: before it is confirmed, only the greeting that asks for that."""
        return self.status == "active" or (self.status == "requested" and greeting)


@dataclass(frozen=True, kw_only=True)
class Request(Command):
    """Somebody asks for what matches `filter`; nothing is sent before the owner of the address confirms."""

    channel: Channel
    language: Literal["zh", "en"]
    filter: Filter


@dataclass(frozen=True, kw_only=True)
class Confirm(Command):
    """The owner of the address wants it: for the first time, or again after a suspension."""


@dataclass(frozen=True, kw_only=True)
class Suspend(Command):
    """A delivery was abandoned at `at`, for `reason`."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Cancel(Command):
    """The subscriber wants no more; there is no way back."""


SubscriptionCommand = Request | Confirm | Suspend | Cancel


def decide(state: Subscription, command: SubscriptionCommand) -> tuple[SubscriptionFact, ...] | Refusal:
    """The facts that follow. Refuses `subscription.unknown` and, to confirm, `subscription.cancelled`."""
    match command:
        case Request():
            if state.status is not None:
                return ()
            wanted = SubscriptionRequested(channel=command.channel, language=command.language, filter=command.filter)
            return (wanted,)
        case _ if state.status is None:
            return Refusal("subscription.unknown")
        case Confirm():
            match state.status:
                case "requested" | "suspended":
                    return (SubscriptionConfirmed(since=command.at),)
                case "active":
                    return ()
                case "cancelled":
                    return Refusal("subscription.cancelled")
                case _:
                    assert_never(state.status)
        case Suspend():
            # What was given up before the last confirmation says nothing of the address as it is now.
            outdated = state.since is not None and command.at < state.since
            return (SubscriptionSuspended(reason=command.reason),) if state.status == "active" and not outdated else ()
        case Cancel():
            return () if state.status == "cancelled" else (SubscriptionCancelled(),)
        case _:
            assert_never(command)


def evolve(state: Subscription, fact: SubscriptionFact) -> Subscription:
    match fact:
        case SubscriptionRequested(channel=channel, language=language, filter=filter):
            return Subscription(status="requested", channel=channel, language=language, filter=filter)
        case SubscriptionConfirmed(since=since):
            return state.model_copy(update={"status": "active", "since": since, "reason": None})
        case SubscriptionSuspended(reason=reason):
            return state.model_copy(update={"status": "suspended", "reason": reason})
        case SubscriptionCancelled():
            return state.model_copy(update={"status": "cancelled", "reason": None})
        case _:
            assert_never(fact)


SUBSCRIPTIONS = Decider(
    "subscription", "notifications", "subscriptions", Subscription, SUBSCRIPTION_FACTS, decide, evolve
)
