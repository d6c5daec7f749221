"""Subscriptions as their owners handle them, by page or by program alike."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pymongo.asynchronous.database import AsyncDatabase

from notifications import webhook
from notifications.domain.delivery import Delivery
from notifications.domain.subscription import SUBSCRIPTIONS, Cancel, Channel, Confirm, Request, Subscription
from notifications.links import Links
from notifications.store import Deliveries, Recipient, Recipients, now
from runtime import outbound
from runtime.settings import Settings
from runtime.streams import Streams
from schemas.entry import KINDS, Industry, Theme, Uscc
from schemas.envelope import Json, Refusal, canonical_hash
from schemas.notification import Filter
from web.languages import _
from web.problems import Problem

SECTORS = (*(str(industry) for industry in Industry), *(str(theme) for theme in Theme))
EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}")
#: Nobody can have us send more requests to confirm than this to one mailbox, or to one host, which many may share.
UNCONFIRMED_EACH: Mapping[Channel, int] = {"email": 3, "webhook": 30}
#: A key is what lets in to an earlier answer, secret and all: shorter ones can be guessed, or chosen by two.
KEY_AT_LEAST, KEY_AT_MOST = 32, 255


class AskedFilter(Filter):
    """The same, of somebody who may have misspelt a field: passed over, it would mean all."""

    model_config = ConfigDict(extra="forbid")


class Asked(BaseModel):
    """The body of `POST /subscriptions`: an empty field of `filter` means all."""

    model_config = ConfigDict(extra="forbid")

    channel: Channel
    address: str
    filter: AskedFilter = AskedFilter()
    language: Literal["zh", "en"] = "zh"


@dataclass(frozen=True)
class Desk:
    """What can be done with subscriptions, and the streams and addresses it needs."""

    settings: Settings
    links: Links
    streams: Streams[Subscription, Any, Any]
    recipients: Recipients
    deliveries: Deliveries

    @staticmethod
    def of(settings: Settings, database: AsyncDatabase[Json]) -> "Desk":
        streams = Streams(database, SUBSCRIPTIONS)
        return Desk(settings, Links.of(settings), streams, Recipients(database), Deliveries(database))

    def faults(self, asked: Asked) -> dict[str, str]:
        """What must be mended, by field: `address`, `kinds`, `sectors`, `partners`."""
        found = {}
        if fault := self._address_fault(asked):
            found["address"] = fault
        if set(asked.filter.kinds) - set(KINDS):
            found["kinds"] = _("Choose from the kinds shown")
        if set(asked.filter.sectors) - set(SECTORS):
            found["sectors"] = _("Choose from the sectors shown")
        wrong = [partner for partner in asked.filter.partners if not _is_uscc(partner)]
        if wrong:
            found["partners"] = _("Not a unified social credit code of 18 characters: %(code)s") % {
                "code": wrong[0][:40]
            }
        return found

    def _address_fault(self, asked: Asked) -> str | None:
        if asked.channel == "email":
            plain = len(asked.address) <= 254 and EMAIL.fullmatch(asked.address)
            return None if plain else _("Enter an email address in the form name@example.com")
        match outbound.fault(asked.address, outbound.reach(private=self.settings.webhooks_to_private_addresses)):
            case None:
                return None
            case "https":
                return _("Enter an address that begins with https://")
            case "private":
                return _("Enter an address that can be reached from the public internet")
            case _:
                return _("Enter a full address such as https://example.com/hooks, without a user name or #")

    async def subscribe(self, asked: Asked, key: str, cause: str) -> Recipient:
        """Ask for a subscription that has no faults; the same asked with the same `key` again is the same one.

        Anything else is a new one, and so is the same once it is over: cancelled, or not confirmed in time. Raises
        Problem 429 where too many wait for that address already.
        """
        for turn in count():
            id = self._id(asked, key, turn)
            stream, kept = await self.streams.get(id), (await self.recipients.find([id])).get(id)
            if stream.version == 0 or (kept and stream.state.status != "cancelled"):
                break
        most = UNCONFIRMED_EACH[asked.channel]
        if not kept and await self.recipients.unconfirmed(asked.channel, asked.address) >= most:
            raise _too_many(asked.channel)
        secret = webhook.new_secret() if asked.channel == "webhook" else None
        recipient = await self.recipients.keep(Recipient(id, asked.channel, asked.address, secret))
        await self.streams.handle(
            [
                Request(
                    **_by_subscriber(id, cause),
                    channel=recipient.channel,
                    language=asked.language,
                    filter=Filter(**dict(asked.filter)),
                )
            ]
        )
        return recipient

    def _id(self, asked: Asked, key: str, turn: int) -> str:
        """The name of what is asked, in the history for good: nobody can try addresses on it who lacks our secret."""
        said = canonical_hash([key, asked.model_dump(mode="json"), turn])
        return hmac.digest(self.settings.session_secret.encode(), said.encode(), hashlib.sha256).hex()[:32]

    async def get(self, id: str, token: str) -> Subscription:
        """The subscription that the token lets in to. Raises Problem 404, which does not say what exists."""
        found = await self.streams.get(id) if self.links.subscription(token) == id else None
        if found is None or found.state.status is None:
            detail = _("Use the whole link from the message we sent, or subscribe anew.")
            raise Problem(404, "no-subscription", _("This link leads to no subscription"), detail)
        return found.state

    async def unheard(self, delivery: Delivery) -> str | None:
        """Why nobody hears of a delivery that is tried now, and when somebody would again; None where somebody does."""
        id = delivery.subscription
        subscription = (await self.streams.get(id)).state
        if subscription.status == "suspended":
            return _(
                "Its subscription is suspended (%(reason)s). Its owner makes it active again by “Resume” on the page "
                "of the subscription; then have it tried again."
            ) % {"reason": subscription.reason}
        if not subscription.hears(greeting=not delivery.entries) or not await self.recipients.find([id]):
            return _(
                "Its subscription is over: it was cancelled, or not confirmed in time, and the address was erased."
            )
        return None

    async def confirm(self, id: str, cause: str) -> bool:
        """Confirm, for the first time or after a suspension; False where its address is no longer kept."""
        if not await self.recipients.confirm([id]):
            return False
        (outcome,) = await self.streams.handle([Confirm(**_by_subscriber(id, cause))])
        return not isinstance(outcome.refusal, Refusal)

    async def cancel(self, id: str, cause: str) -> None:
        """Cancel for good, and erase where it was sent to."""
        await self.streams.handle([Cancel(**_by_subscriber(id, cause))])
        await self.recipients.erase([id])


def _too_many(channel: Channel) -> Problem:
    if channel == "webhook":
        detail = _("Answer the confirmation calls of those first. They expire after a week.")
        return Problem(429, "too-many-unconfirmed", _("This host has too many unconfirmed subscriptions"), detail)
    detail = _("Confirm one of those first: the message may be in your spam folder. They expire after a week.")
    return Problem(429, "too-many-unconfirmed", _("This address has unconfirmed subscriptions"), detail)


def _by_subscriber(id: str, cause: str) -> dict[str, Any]:
    return {"stream": id, "cause": cause, "actor": f"subscriber:{id}", "at": now()}


def _is_uscc(code: str) -> bool:
    try:
        TypeAdapter(Uscc).validate_python(code)
        return True
    except ValidationError:
        return False
