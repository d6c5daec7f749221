"""What somebody has written at the desk and not given yet: kept apart from the history, and longer than any lease."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from pymongo.asynchronous.database import AsyncDatabase

from review.domain.lease import LONGEST
from schemas.envelope import Json
from web.languages import _
from web.problems import Problem

#: How long a draft is kept after its last change.
KEPT = timedelta(days=30)
#: Characters of a draft in all. Far more than a review may have: what is still to be shortened is kept whole.
LARGEST = 200_000


def kept_words() -> str:
    """What somebody is told of their draft who no longer has the case."""
    said = _("What you wrote is kept for %(days)s days, and stands in the form again once you claim the case.")
    return said % {"days": KEPT.days}


def shown_words() -> str:
    """What somebody is told of their draft who cannot have the case again: that its page shows them what they wrote."""
    return _("What you wrote is kept for %(days)s days, and stands on the case’s page, to copy.") % {"days": KEPT.days}


def last_words() -> str:
    """What somebody is told who asks for more time than a lease can have."""
    said = _(
        "A case is held for %(hours)s hours at a time at most: there is no more to be had. What you write is kept; "
        "once the time is over, claim the case again, if nobody else has."
    )
    return said % {"hours": LONGEST // timedelta(hours=1)}


class Drafts:
    """`database["drafts"]`: one for each case and reviewer, the last one saved."""

    def __init__(self, database: AsyncDatabase[Json]) -> None:
        self.collection = database["drafts"]

    async def create_indexes(self) -> None:
        await self.collection.create_index("at", expireAfterSeconds=int(KEPT.total_seconds()))

    async def save(self, case: str, reviewer: str, form: Mapping[str, str], at: datetime) -> None:
        """Keep it instead of the one before. Raises Problem where it is too large; the one before stays."""
        kept = {name: value for name, value in form.items() if name not in ("key", "person")}
        if sum(len(name) + len(value) for name, value in kept.items()) > LARGEST:
            detail = _("At most %(count)s characters are kept. Until you shorten it, nothing more is saved.")
            title = _("What you wrote is too long to be saved.")
            raise Problem(422, "review-draft-too-long", title, detail % {"count": f"{LARGEST:,}"})
        await self.collection.replace_one({"_id": f"{reviewer} {case}"}, {"form": kept, "at": at}, upsert=True)

    async def of(self, case: str, reviewer: str) -> dict[str, str]:
        """The fields as they were saved; empty where there is no draft."""
        found = await self.collection.find_one({"_id": f"{reviewer} {case}"})
        return dict(found["form"]) if found else {}
