"""Facts of the notifications service. None holds an address: those are kept apart, where they can be erased."""

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from schemas.envelope import Fact


class Filter(BaseModel):
    """What a subscriber wants to hear of: an empty field means all."""

    model_config = ConfigDict(frozen=True)

    kinds: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()

    def matches(self, *, kind: str, sector: str | None, partner: str) -> bool:
        return (
            (not self.kinds or kind in self.kinds)
            and (not self.sectors or sector in self.sectors)
            and (not self.partners or partner in self.partners)
        )


# A subscription. Stream: a random id.


class SubscriptionRequested(Fact):
    """Somebody wants to be told; nothing is sent before they confirm."""

    TYPE: ClassVar[str] = "subscription.requested.v1"
    channel: Literal["email", "webhook"]
    language: Literal["zh", "en"]
    filter: Filter


class SubscriptionConfirmed(Fact):
    """By whoever owns the address; what was published before `since` is not sent."""

    TYPE: ClassVar[str] = "subscription.confirmed.v1"
    since: datetime | None = None


class SubscriptionSuspended(Fact):
    """A delivery was given up, so no more are tried until the subscriber confirms again."""

    TYPE: ClassVar[str] = "subscription.suspended.v1"
    reason: str


class SubscriptionCancelled(Fact):
    """Its owner wants no more; the address is erased."""

    TYPE: ClassVar[str] = "subscription.cancelled.v1"


SubscriptionFact = SubscriptionRequested | SubscriptionConfirmed | SubscriptionSuspended | SubscriptionCancelled
SUBSCRIPTION_FACTS = (SubscriptionRequested, SubscriptionConfirmed, SubscriptionSuspended, SubscriptionCancelled)

# A delivery. Stream: `subscription:entry@edition` (a webhook's call) or `subscription:release` (a month's email).


class DeliveryQueued(Fact):
    """`entries` are `partner/reference@edition`: one for a webhook's call, all that match for a month's email."""

    TYPE: ClassVar[str] = "delivery.queued.v1"
    subscription: str
    channel: Literal["email", "webhook"]
    release: str | None
    entries: tuple[str, ...]
    due: datetime


class DeliveryAttempted(Fact):
    """An attempt that failed; `error` holds no address. The next one is due at `due`."""

    TYPE: ClassVar[str] = "delivery.attempted.v1"
    attempt: int
    error: str
    due: datetime


class DeliveryDelivered(Fact):
    """The receiver took it, at this attempt."""

    TYPE: ClassVar[str] = "delivery.delivered.v1"
    attempt: int


class DeliveryAbandoned(Fact):
    """The last attempt failed; no more follow."""

    TYPE: ClassVar[str] = "delivery.abandoned.v1"
    attempt: int
    error: str


DeliveryFact = DeliveryQueued | DeliveryAttempted | DeliveryDelivered | DeliveryAbandoned
DELIVERY_FACTS = (DeliveryQueued, DeliveryAttempted, DeliveryDelivered, DeliveryAbandoned)
