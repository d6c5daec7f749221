"""A reviewer's own remarks for reuse: kept per person and apart from the history, as drafts are."""

from secrets import token_hex

from pymongo.asynchronous.database import AsyncDatabase

from review.office import Snippet
from schemas.envelope import Json

#: The most that somebody keeps.
MOST = 50


class Own(Snippet):
    """One of somebody's own; `id` tells it from their others."""

    id: str


class Snippets:
    """`database["snippets"]`: one document for each reviewer."""

    def __init__(self, database: AsyncDatabase[Json]) -> None:
        self.collection = database["snippets"]

    async def of(self, reviewer: str) -> list[Own]:
        """Somebody's own, the first kept first."""
        found = await self.collection.find_one({"_id": reviewer})
        return [Own.model_validate(each) for each in found["own"]] if found else []

    async def keep(self, reviewer: str, snippet: Snippet) -> bool:
        """Keep one more; False where there are MOST. One that says the same as another is kept once."""
        own = await self.of(reviewer)
        if any((each.zh, each.en) == (snippet.zh, snippet.en) for each in own):
            return True
        if len(own) >= MOST:
            return False
        kept = {"id": token_hex(4), **snippet.model_dump()}
        await self.collection.update_one({"_id": reviewer}, {"$push": {"own": kept}}, upsert=True)
        return True

    async def drop(self, reviewer: str, id: str) -> None:
        await self.collection.update_one({"_id": reviewer}, {"$pull": {"own": {"id": id}}})
