"""Drafts: forms that are not sent yet. They are a partner's, so that colleagues can go on, and no history: nobody else
reads them, nothing of them reaches Kafka, and 90 days after the last change they are gone."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from schemas.entry import KINDS
from schemas.envelope import Json
from schemas.rules import MAX_LINE_BYTES
from submissions.intake import now
from web.languages import _
from web.problems import Problem

KEPT = timedelta(days=90)
#: Of one partner. More than anybody writes at once.
MOST = 200


@dataclass(frozen=True)
class Draft:
    """A form on its way. `of` is the submission that it revises, if any, and `base` the revision that was its newest
    when that was begun; `version` counts its changes, 0 before the first was saved; `by` is the name of whoever changed
    it last, `at` when, and `page` which page of theirs it came from."""

    id: str
    partner: str
    kind: str
    values: Mapping[str, str] = field(default_factory=dict)
    of: str | None = None
    base: int | None = None
    version: int = 0
    by: str = ""
    at: datetime | None = None
    page: str = ""

    @property
    def title(self) -> dict[str, str]:
        return {name: self.values.get(f"/entry/title/{name}", "").strip() for name in ("zh", "en")}

    @property
    def reference(self) -> str:
        return self.values.get("/reference", "")


def new_id() -> str:
    return uuid4().hex


def too_large() -> Problem:
    return Problem(413, "draft-too-large", _("The form holds more than 1,000,000 characters"))


class Changed(Exception):
    """Somebody saved the draft since it was read, and `draft` is what they left; or it is no longer there: None."""

    def __init__(self, id: str, draft: Draft | None) -> None:
        super().__init__(id)
        self.draft = draft


class Drafts:
    """The collection `drafts`, of which a caller sees its own partner's."""

    def __init__(self, database: AsyncDatabase[Json]) -> None:
        self._drafts = database["drafts"]

    async def create_indexes(self) -> None:
        await self._drafts.create_index("at", expireAfterSeconds=int(KEPT.total_seconds()))
        await self._drafts.create_index([("partner", 1), ("at", -1)])

    async def find(self, id: str, partner: str) -> Draft | None:
        found = await self._drafts.find_one({"_id": id, "partner": partner})
        return _draft(found) if found else None

    async def get(self, id: str, partner: str) -> Draft:
        """Raises the Problem of a draft that is not there."""
        draft = await self.find(id, partner)
        if draft is None:
            detail = _("It was sent or deleted, or had not been changed for 90 days. Look among your submissions.")
            problem = Problem(404, "unknown-draft", _("There is no such draft"), detail)
            problem.links = {"/submissions": _("My submissions"), "/submissions/drafts": _("Drafts")}
            raise problem
        return draft

    async def of(self, stream: str, partner: str) -> Draft | None:
        """The draft that revises a submission; the one changed last, if there are several."""
        found = await self._drafts.find_one({"partner": partner, "of": stream}, sort=[("at", -1)])
        return _draft(found) if found else None

    async def all(self, partner: str) -> list[Draft]:
        """The one changed last first; of what is typed titles and references alone."""
        listed = [name for name in Draft.__dataclass_fields__ if name not in ("id", "values")]
        listed += [f"values.{pointer}" for pointer in ("/entry/title/zh", "/entry/title/en", "/reference")]
        found = self._drafts.find({"partner": partner}, listed).sort([("at", -1), ("_id", 1)])
        return [_draft({"values": {}, **document}) async for document in found]

    async def count(self, partner: str) -> int:
        """How many there are."""
        return await self._drafts.count_documents({"partner": partner}, limit=MOST)

    async def save(self, draft: Draft, by: str) -> Draft:
        """The draft as it is kept now, provided that `draft.version` is still the newest, or that the newest came from
        the very page, whose answer was lost; saving what is there already changes nothing. Raises Changed, or the
        Problem of too much."""
        if sum(map(len, draft.values.values())) > MAX_LINE_BYTES:
            raise too_large()
        held = await self.find(draft.id, draft.partner)
        if held and (held.values, held.kind, held.base) == (draft.values, draft.kind, draft.base):
            return held
        if held and draft.page and held.page == draft.page:
            draft = replace(draft, version=held.version)
        kept = replace(draft, version=draft.version + 1, by=by, at=now())
        if draft.version == 0:
            return await self._insert(kept)
        query = {"_id": draft.id, "partner": draft.partner, "version": draft.version}
        if (await self._drafts.replace_one(query, _document(kept))).matched_count == 0:
            raise Changed(draft.id, await self.find(draft.id, draft.partner))
        return kept

    async def _insert(self, draft: Draft) -> Draft:
        if await self.count(draft.partner) >= MOST:
            detail = _("Send or delete some of them first.")
            raise Problem(409, "drafts-full", _("Your organisation has 200 drafts"), detail)
        try:
            await self._drafts.insert_one(_document(draft))
        except DuplicateKeyError:
            raise Changed(draft.id, await self.get(draft.id, draft.partner)) from None
        return draft

    async def delete(self, id: str, partner: str) -> None:
        await self._drafts.delete_one({"_id": id, "partner": partner})

    async def sent(self, draft: Draft, stream: str, revision: int, by: str) -> bool:
        """Delete a draft that was sent. What somebody saved meanwhile is not: it is made the next revision of `stream`,
        and whoever still types in it is told. Returns whether nobody did."""
        same = {"_id": draft.id, "partner": draft.partner}
        if (await self._drafts.delete_one({**same, "version": draft.version})).deleted_count:
            return True
        newer = {"of": stream, "base": revision, "by": by, "at": now(), "page": ""}
        newer |= {"values./reference": stream.partition("/")[2], "values./revision": str(revision + 1)}
        return not (await self._drafts.update_one(same, {"$set": newer, "$inc": {"version": 1}})).matched_count


def _document(draft: Draft) -> dict[str, Any]:
    document = {**draft.__dict__, "_id": draft.id}
    del document["id"]
    return document


def _draft(document: Json) -> Draft:
    assert document["kind"] in KINDS
    held = {"base": None, "page": "", **document}  # drafts that were begun before these were kept have none
    names = [name for name in Draft.__dataclass_fields__ if name != "id"]
    return Draft(document["_id"], *(held[name] for name in names))
