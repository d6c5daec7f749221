"""Publishing's queries and indexes. Both collections hold streams; nothing here writes."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from publishing.domain.entry import CatalogueEntry
from runtime.searching import literal
from schemas.envelope import Json

Collection = AsyncCollection[Json]

#: Where a search looks.
SEARCHED = ("title.zh", "title.en", "summary.zh", "summary.en", "tags")
NEWEST_FIRST = [("state.edition.release", -1), ("_id", 1)]


async def create_indexes(database: AsyncDatabase[Json]) -> None:
    """What keeps lists fast with thousands of entries: each filter of the catalogue has the list's order in it."""
    entries = database["entries"]
    filters = ("state.kind", "state.edition.sector", "state.edition.entry.district", "state.partner")
    for path in filters:
        await entries.create_index([(path, 1), *NEWEST_FIRST])
    await entries.create_index(NEWEST_FIRST)
    await entries.create_index([("state.status", 1), ("state.edition.release", -1), ("_id", 1)])
    await entries.create_index([("state.status", 1), ("state.queued.since", 1), ("_id", 1)])
    await entries.create_index([("state.edition.published_at", -1)])
    await entries.create_index([("state.retracted_at", -1)])
    for path in ("state.edition.entry.scene", "state.edition.entry.product"):
        await entries.create_index(path, partialFilterExpression={"state.kind": "linkage"})
    await database["releases"].create_index([("state.status", 1), ("_id", -1), ("state.published_at", 1)])


# --- The public catalogue --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wish:
    """What somebody looks for in the catalogue; None and "" ask for nothing in particular."""

    kind: str | None = None
    sector: str | None = None
    district: str | None = None
    partner: str | None = None
    release: str | None = None
    stage: str | None = None
    q: str | None = None


@dataclass(frozen=True)
class Shown:
    """An entry's edition as the public sees it. `entry` is the JSON of what it says."""

    id: str
    kind: str
    sector: str | None
    partner: str
    release: str
    edition: int
    revision: int
    digest: str
    published_at: datetime
    entry: Json

    @property
    def path(self) -> str:
        return f"/catalogue/{self.id}"


class Catalogue:
    """What is public: the entries of published releases, less those retracted."""

    def __init__(self, database: AsyncDatabase[Json]) -> None:
        self.entries: Collection = database["entries"]
        self.releases: Collection = database["releases"]

    async def published(self) -> dict[str, datetime]:
        """When each published release was, the newest month first."""
        found = self.releases.find({"state.status": "published"}, {"state.published_at": 1}).sort("_id", -1)
        return {release["_id"]: datetime.fromisoformat(release["state"]["published_at"]) async for release in found}

    async def visible(self, published: Iterable[str]) -> Json:
        """The query for the visible entries of these published releases: all of each release or, before its one
        write, nothing.

        An entry's own stream hears of the publication a little later. Until then it is visible if the release lists
        it: one that asked for admission too late is scheduled for the release too, and is not among its lines.
        """
        releases = {"state.edition.release": {"$in": list(published)}}
        late = [entry async for entry in self.entries.find({"state.status": "scheduled", **releases}, {"_id": 1})]
        if not late:
            return {"state.status": "published", **releases}
        listed = await self.releases.distinct("state.lines.entry", {"_id": {"$in": list(published)}})
        confirmed = list({entry["_id"] for entry in late} & set(listed))
        return {
            **releases,
            "$or": [{"state.status": "published"}, {"state.status": "scheduled", "_id": {"$in": confirmed}}],
        }

    async def search(self, wish: Wish, page: int, size: int) -> tuple[list[Shown], int]:
        """Page `page` (from 1) of what answers a wish, the newest release first, and how many do in all."""
        published = await self.published()
        query = {"$and": [await self.visible(published), *_conditions(wish)]}
        total = await self.entries.count_documents(query)
        found = self.entries.find(query, {"state": 1}).sort(NEWEST_FIRST).skip((page - 1) * size).limit(size)
        return [shown async for shown in _shown(found, published)], total

    async def latest(self, wish: Wish, count: int) -> list[Shown]:
        """The entries published or corrected last, the newest first."""
        published = await self.published()
        query = {"$and": [await self.visible(published), *_conditions(wish)]}
        # Those whose stream has not heard of its publication yet have no time of their own, and are the newest.
        late = self.entries.find({"$and": [query, {"state.status": "scheduled"}]}, {"state": 1}).limit(count)
        told = self.entries.find(query, {"state": 1}).sort([("state.edition.published_at", -1)]).limit(count)
        rows = {shown.id: shown for found in (late, told) for shown in [s async for s in _shown(found, published)]}
        return sorted(rows.values(), key=lambda shown: (shown.published_at, shown.id), reverse=True)[:count]

    async def changed(self) -> datetime | None:
        """When something was last published, corrected or retracted."""
        times = list((await self.published()).values())
        for path in ("edition.published_at", "retracted_at"):
            last = await self.entries.find_one({}, {f"state.{path}": 1}, sort=[(f"state.{path}", -1)])
            value: Any = last["state"] if last else None
            for step in path.split("."):
                value = value.get(step) if value else None
            times += [datetime.fromisoformat(value)] if value else []
        return max(times, default=None)

    async def some(self, ids: Iterable[str]) -> dict[str, Shown]:
        """Those of these entries that are visible."""
        published = await self.published()
        query = {"$and": [{"_id": {"$in": list(ids)}}, await self.visible(published)]}
        return {shown.id: shown async for shown in _shown(self.entries.find(query, {"state": 1}), published)}

    async def linked(self, id: str) -> list[Shown]:
        """The visible linkages of a scene or product."""
        published = await self.published()
        either = [{"state.kind": "linkage", f"state.edition.entry.{kind}": id} for kind in ("scene", "product")]
        query = {"$and": [{"$or": either}, await self.visible(published)]}
        found = self.entries.find(query, {"state": 1}).sort(NEWEST_FIRST)
        return [shown async for shown in _shown(found, published)]

    async def counts(self) -> list[Json]:
        """How many entries are visible, by `kind`, `sector`, `release` and `stage`: rows with these and `count`."""
        groups = {
            "kind": "$state.kind",
            "sector": "$state.edition.sector",
            "release": "$state.edition.release",
            "stage": "$state.edition.entry.stage",
        }
        steps: list[Json] = [
            {"$match": await self.visible(await self.published())},
            {"$group": {"_id": groups, "count": {"$sum": 1}}},
        ]
        return [{**row["_id"], "count": row["count"]} async for row in await self.entries.aggregate(steps)]

    async def one_of_each_sector(self, release: str) -> list[Shown]:
        """Of a published month one entry of each kind and sector: its breadth at a glance."""
        steps: list[Json] = [
            {"$match": {"$and": [await self.visible(await self.published()), {"state.edition.release": release}]}},
            {"$group": {"_id": {"kind": "$state.kind", "sector": "$state.edition.sector"}, "first": {"$min": "$_id"}}},
        ]
        found = await self.some([row["first"] async for row in await self.entries.aggregate(steps)])
        return sorted(found.values(), key=lambda shown: (shown.kind, shown.sector or "", shown.id))

    async def partners(self) -> list[tuple[str, Json]]:
        """Everybody who has something in the catalogue, with the name it goes by there, in the order of their codes."""
        steps: list[Json] = [
            {"$match": await self.visible(await self.published())},
            {"$group": {"_id": "$state.partner", "name": {"$first": "$state.edition.entry.owner.name"}}},
            {"$sort": {"_id": 1}},
        ]
        return [(row["_id"], row["name"]) async for row in await self.entries.aggregate(steps)]


def _conditions(wish: Wish) -> list[Json]:
    paths = {
        "state.kind": wish.kind,
        "state.edition.sector": wish.sector,
        "state.edition.entry.district": wish.district,
        "state.partner": wish.partner,
        "state.edition.release": wish.release,
        "state.edition.entry.stage": wish.stage,
    }
    words = (wish.q or "").split()[:8]
    return [{path: value} for path, value in paths.items() if value] + [
        {"$or": [{f"state.edition.entry.{path}": {"$regex": literal(word), "$options": "i"}} for path in SEARCHED]}
        for word in words
    ]


async def _shown(found: AsyncIterator[Json] | Any, published: dict[str, datetime]) -> AsyncIterator[Shown]:
    async for document in found:
        state = document["state"]
        edition = state["edition"]
        at = edition["published_at"]
        yield Shown(
            id=document["_id"],
            kind=state["kind"],
            sector=edition["sector"],
            partner=state["partner"],
            release=edition["release"],
            edition=edition["number"],
            revision=edition["revision"],
            digest=edition["digest"],
            published_at=datetime.fromisoformat(at) if at else published[edition["release"]],
            entry={name: value for name, value in edition["entry"].items() if name != "contact"},
        )


# --- The publisher's desk --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Waiting:
    """What waits in one place: how many, and since when the oldest does."""

    count: int = 0
    since: datetime | None = None

    def oldest_s(self, now: datetime) -> float:
        return (now - self.since).total_seconds() if self.since else 0.0


async def oldest_queued(entries: Collection, kind: str, count: int) -> list[str]:
    """The ids of the entries of a kind that have waited longest for a release."""
    if count <= 0:
        return []
    query = {"state.status": "queued", "state.kind": kind}
    found = entries.find(query, {"_id": 1}).sort([("state.queued.since", 1), ("_id", 1)]).limit(count)
    return [entry["_id"] async for entry in found]


async def kinds_queued(entries: Collection, ids: Iterable[str]) -> dict[str, str]:
    """The kinds of those of these entries that wait for a release."""
    found = entries.find({"_id": {"$in": list(ids)}, "state.status": "queued"}, {"state.kind": 1})
    return {entry["_id"]: entry["state"]["kind"] async for entry in found}


async def queued(entries: Collection, kind: str | None, page: int, size: int) -> tuple[list[Json], int]:
    """Entries that wait for a release, the longest waiting first: a page of `{id, kind, partner, queued}`, and all."""
    return await _waiting(entries, {"state.status": "queued", **({"state.kind": kind} if kind else {})}, page, size)


async def corrections(entries: Collection, page: int, size: int) -> tuple[list[Json], int]:
    """Published entries with a later approved revision, the longest waiting first."""
    return await _waiting(entries, {"state.status": "published", "state.queued.since": {"$gt": ""}}, page, size)


async def _waiting(entries: Collection, query: Json, page: int, size: int) -> tuple[list[Json], int]:
    order = [("state.queued.since", 1), ("_id", 1)]
    found = entries.find(query, {"state": 1}).sort(order).skip((page - 1) * size).limit(size)
    rows = [{"id": entry["_id"], **entry["state"]} async for entry in found]
    return rows, await entries.count_documents(query)


async def waiting(entries: Collection) -> dict[str, Waiting]:
    """How many entries wait for a release, by kind."""
    steps: list[Json] = [
        {"$match": {"state.status": "queued"}},
        {"$group": {"_id": "$state.kind", "count": {"$sum": 1}, "since": {"$min": "$state.queued.since"}}},
    ]
    return {
        row["_id"]: Waiting(row["count"], datetime.fromisoformat(row["since"]))
        async for row in await entries.aggregate(steps)
    }


async def waiting_corrections(entries: Collection) -> Waiting:
    """How many published entries wait for a correction."""
    rows, total = await corrections(entries, 1, 1)
    return Waiting(total, datetime.fromisoformat(rows[0]["queued"]["since"]) if rows else None)


async def scheduled(entries: Collection, ids: Iterable[str]) -> dict[str, CatalogueEntry]:
    """Those of these entries that are scheduled."""
    found = entries.find({"_id": {"$in": list(ids)}, "state.status": "scheduled"}, {"state": 1})
    return {entry["_id"]: CatalogueEntry.model_validate(entry["state"], strict=False) async for entry in found}


async def months(releases: Collection) -> list[Json]:
    """All releases, the newest month first: `{month, status, targets, counts, manifest, published_at}`."""
    found = releases.find({}, {"state.lines": 0, "events": 0}).sort("_id", -1)
    return [{"month": release["_id"], **release["state"]} async for release in found]


async def unpublished(releases: Collection) -> Waiting:
    """Releases that are frozen and wait to be published."""
    found = [r async for r in releases.find({"state.status": "frozen"}, {"events": {"$slice": -1}})]
    times = [datetime.fromisoformat(release["events"][0]["time"]) for release in found]
    return Waiting(len(found), min(times, default=None))


def now() -> datetime:
    """The time as events carry it: UTC, to the millisecond."""
    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
