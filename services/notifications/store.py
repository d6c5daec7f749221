"""What the notifications service keeps beside its streams: recipients, editions, and the queries on deliveries.

`recipients` {_id: subscription, channel, address, target, secret?, expires?} is the one place that knows where
subscribers are; it is erased when they cancel (docs/decisions/0005), and when they do not confirm in time.
`editions` {_id: "partner/reference@edition", kind, sector, partner, title, summary?, event?} is a projection of
publishing's history. An edition never changes, so whatever order its events come in, each writes what is true.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx2
from pymongo import ReturnDocument, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase

from notifications.domain.delivery import Delivery
from notifications.domain.subscription import Channel, Subscription
from schemas.entry import sector, without_contact
from schemas.envelope import Event, Json, timestamp
from schemas.publication import EntryCorrected, EntryPublished, ManifestLine, ReleasePublished

#: An address that nobody confirms is forgotten after so long.
UNCONFIRMED = timedelta(days=7)
#: Events' attributes that receivers have no use for, or that name people.
INTERNAL = ("actor", "causationid", "correlationid", "partitionkey", "traceparent")


async def create_indexes(database: AsyncDatabase[Json]) -> None:
    await database["deliveries"].create_index([("state.status", 1), ("state.channel", 1), ("state.due", 1)])
    await database["deliveries"].create_index([("state.subscription", 1), ("state.queued_at", -1)])
    await database["subscriptions"].create_index("state.status")
    await database["recipients"].create_index("expires", expireAfterSeconds=0)
    await database["recipients"].create_index("target")


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where a subscription's messages go; `secret` (`whsec_…`) signs a webhook's."""

    id: str
    channel: Channel
    address: str
    secret: str | None


def target(channel: Channel, address: str) -> str:
    """Whom a request to confirm bothers: a mailbox, however its letters are cased; with webhooks, their host."""
    return address.casefold() if channel == "email" else httpx2.URL(address).raw_host.decode().rstrip(".")


class Recipients:
    """Personal data: erasable, and in no history."""

    def __init__(self, database: AsyncDatabase[Json]) -> None:
        self._recipients = database["recipients"]

    async def keep(self, recipient: Recipient) -> Recipient:
        """Keep an address until it is confirmed or UNCONFIRMED has passed; what is kept, where it was kept before."""
        channel, address = recipient.channel, recipient.address
        document: Json = {"channel": channel, "address": address, "target": target(channel, address)}
        document |= {"secret": recipient.secret, "expires": datetime.now(UTC) + UNCONFIRMED}
        kept = await self._recipients.find_one_and_update(
            {"_id": recipient.id},
            {"$setOnInsert": document},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        assert kept is not None  # an upsert that returns the document after it
        return _recipient(kept)

    async def confirm(self, ids: Sequence[str]) -> set[str]:
        """Keep addresses for good; those of `ids` that are there."""
        await self._recipients.update_many({"_id": {"$in": list(ids)}}, {"$unset": {"expires": ""}})
        return {document["_id"] async for document in self._recipients.find({"_id": {"$in": list(ids)}}, {"_id": 1})}

    async def unconfirmed(self, channel: Channel, address: str) -> int:
        """How many subscriptions wait to be confirmed by whoever this address bothers."""
        query = {"channel": channel, "target": target(channel, address), "expires": {"$exists": True}}
        return await self._recipients.count_documents(query)

    async def erase(self, ids: Sequence[str]) -> None:
        await self._recipients.delete_many({"_id": {"$in": list(ids)}})

    async def find(self, ids: Iterable[str]) -> dict[str, Recipient]:
        """The recipients by subscription; one that was erased is absent."""
        found = self._recipients.find({"_id": {"$in": list(ids)}})
        return {document["_id"]: _recipient(document) async for document in found}


def _recipient(document: Json) -> Recipient:
    return Recipient(document["_id"], document["channel"], document["address"], document["secret"])


class Editions:
    """What messages say of entries."""

    def __init__(self, database: AsyncDatabase[Json]) -> None:
        self._editions = database["editions"]

    async def keep(self, events: Sequence[Event]) -> None:
        """Keep what events of the publishing service say of editions."""
        writes: list[UpdateOne] = []
        for event in events:
            match event.data:
                case EntryPublished() | EntryCorrected():
                    writes.append(_write(f"{event.subject}@{event.data.edition}", as_edition(event)))
                case ReleasePublished(lines=lines):
                    writes.extend(_write(edition_id(line), _line(line)) for line in lines)
        if writes:
            await self._editions.bulk_write(writes, ordered=False)

    async def find(self, ids: Iterable[str]) -> dict[str, Json]:
        found = self._editions.find({"_id": {"$in": list(ids)}})
        return {document["_id"]: document async for document in found}


def edition_id(line: ManifestLine) -> str:
    return f"{line.entry}@{line.edition}"


def public(event: Event) -> Json:
    """An event of an entry as receivers of webhooks get it: a CloudEvent without what is internal or personal."""
    shown = {name: value for name, value in event.to_json().items() if name not in INTERNAL}
    assert isinstance(event.data, EntryPublished | EntryCorrected)
    entry = without_contact(event.data.entry).model_dump(mode="json", exclude={"contact"})
    return {**shown, "data": {**shown["data"], "entry": entry}}


def as_edition(event: Event) -> Json:
    """What is kept of an edition when its entry is published or corrected."""
    data = event.data
    assert isinstance(data, EntryPublished | EntryCorrected)
    return {
        "kind": data.entry.kind,
        "sector": sector(data.entry),
        "partner": data.partner,
        "title": data.entry.title.model_dump(mode="json"),
        "summary": data.entry.summary.model_dump(mode="json"),
        "event": public(event),
    }


def _line(line: ManifestLine) -> Json:
    return {
        "kind": line.kind,
        "sector": line.sector,
        "partner": line.partner,
        "title": line.title.model_dump(mode="json"),
    }


def _write(id: str, edition: Json) -> UpdateOne:
    return UpdateOne({"_id": id}, {"$set": edition}, upsert=True)


@dataclass(frozen=True, slots=True)
class Sendable:
    """A delivery as the sender and the pages need it. `ref` is its last event's, `traceparent` its first event's."""

    id: str
    version: int
    state: Delivery
    traceparent: str | None
    last: datetime

    @property
    def ref(self) -> str:
        return f"/notifications/{self.id}/{self.version}"


class Deliveries:
    """Queries on the deliveries' streams."""

    def __init__(self, database: AsyncDatabase[Json]) -> None:
        self._deliveries = database["deliveries"]

    async def due(
        self,
        now: datetime,
        limit: int,
        *,
        channel: Channel | None = None,
        but: Sequence[str] = (),
        of: Json | None = None,
    ) -> list[Sendable]:
        """What is to be sent now except `but`, the longest due first; `of` is a condition on subscriptions."""
        query: Json = {"state.status": "queued", "state.due": {"$lte": timestamp(now)}, "_id": {"$nin": list(but)}}
        query |= {"state.channel": channel} if channel else {}
        query |= {"state.subscription": of} if of else {}
        return await self._find(query, [("state.due", 1)], limit)

    async def recent(self, subscription: str, limit: int) -> tuple[list[Sendable], int]:
        """A subscription's latest deliveries, and how many there are in all."""
        query = {"state.subscription": subscription}
        found = await self._find(query, [("state.queued_at", -1), ("_id", 1)], limit)
        return found, await self._deliveries.count_documents(query)

    async def troubled(self, limit: int) -> tuple[list[Sendable], int]:
        """Deliveries that failed and are not delivered yet, or were abandoned; the newest first, and how many."""
        query = {"state.error": {"$ne": None}, "state.status": {"$in": ["queued", "abandoned"]}}
        return await self._find(query, [("state.queued_at", -1), ("_id", 1)], limit), (
            await self._deliveries.count_documents(query)
        )

    async def standing(self, now: datetime) -> dict[str, int]:
        """How many deliveries are `waiting` for a first attempt, `retrying`, `delivered`, `abandoned`, and `due`."""
        queued = {"state.status": "queued"}
        conditions: dict[str, Json] = {
            "due": queued | {"state.due": {"$lte": timestamp(now)}},
            "waiting": queued | {"state.attempt": 0},
            "retrying": queued | {"state.attempt": {"$gt": 0}},
            "delivered": {"state.status": "delivered"},
            "abandoned": {"state.status": "abandoned"},
        }
        return {name: await self._deliveries.count_documents(condition) for name, condition in conditions.items()}

    async def oldest_due(self, now: datetime) -> datetime | None:
        """Since when the longest due delivery waits."""
        longest = await self.due(now, 1)
        return longest[0].state.due if longest else None

    async def _find(self, query: Json, order: list[tuple[str, int]], limit: int) -> list[Sendable]:
        shown = {"version": 1, "state": 1, "events": {"time": 1, "traceparent": 1}}
        return [_sendable(document) async for document in self._deliveries.find(query, shown).sort(order).limit(limit)]


def _sendable(document: Json) -> Sendable:
    events = document["events"]
    return Sendable(
        id=document["_id"],
        version=document["version"],
        state=Delivery.model_validate(document["state"], strict=False),
        traceparent=events[0].get("traceparent"),
        last=datetime.fromisoformat(events[-1]["time"]),
    )


async def active(database: AsyncDatabase[Json]) -> list[tuple[str, Subscription]]:
    """All subscriptions that want to hear."""
    found = database["subscriptions"].find({"state.status": "active"}, {"state": 1})
    return [(d["_id"], Subscription.model_validate(d["state"], strict=False)) async for d in found]


async def subscriptions(database: AsyncDatabase[Json], ids: Iterable[str]) -> dict[str, Subscription]:
    """The states of subscriptions by id."""
    found = database["subscriptions"].find({"_id": {"$in": list(ids)}}, {"state": 1})
    return {d["_id"]: Subscription.model_validate(d["state"], strict=False) async for d in found}


def now() -> datetime:
    """The time at the edge, as precise as it is stored."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
