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
    it last, `at` when."""

    id: str
    partner: str
    kind: str
    values: Mapping[str, str] = field(default_factory=dict)
    of: str | None = None
    base: int | None = None
    version: int = 0
    by: str = ""
    at: datetime | None = None

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
        """The one changed last first; without contact data, which no list needs."""
        hidden = {"values./entry/contact/name": 0, "values./entry/contact/phone": 0, "values./entry/contact/email": 0}
        found = self._drafts.find({"partner": partner}, hidden).sort([("at", -1), ("_id", 1)])
        return [_draft(document) async for document in found]

    async def save(self, draft: Draft, by: str) -> Draft:
        """The draft as it is kept now, provided that `draft.version` is still the newest; saving what is there already
        changes nothing. Raises Changed, or the Problem of too much."""
        if sum(map(len, draft.values.values())) > MAX_LINE_BYTES:
            raise too_large()
        held = await self.find(draft.id, draft.partner)
        if held and (held.values, held.kind, held.base) == (draft.values, draft.kind, draft.base):
            return held
        kept = replace(draft, version=draft.version + 1, by=by, at=now())
        if draft.version == 0:
            return await self._insert(kept)
        query = {"_id": draft.id, "partner": draft.partner, "version": draft.version}
        if (await self._drafts.replace_one(query, _document(kept))).matched_count == 0:
            raise Changed(draft.id, await self.find(draft.id, draft.partner))
        return kept

    async def _insert(self, draft: Draft) -> Draft:
        if await self._drafts.count_documents({"partner": draft.partner}, limit=MOST) >= MOST:
            detail = _("Send or delete some of them first.")
            raise Problem(409, "drafts-full", _("Your partner has 200 drafts"), detail)
        try:
            await self._drafts.insert_one(_document(draft))
        except DuplicateKeyError:
            raise Changed(draft.id, await self.get(draft.id, draft.partner)) from None
        return draft

    async def delete(self, id: str, partner: str) -> None:
        await self._drafts.delete_one({"_id": id, "partner": partner})


def _document(draft: Draft) -> dict[str, Any]:
    document = {**draft.__dict__, "_id": draft.id}
    del document["id"]
    return document


def _draft(document: Json) -> Draft:
    assert document["kind"] in KINDS
    held = {"base": None, **document}  # drafts that were begun before it was kept have none
    return Draft(
        document["_id"], *(held[name] for name in ("partner", "kind", "values", "of", "base", "version", "by", "at"))
    )
