"""The roster of reviewers: who they are, what they know and may not judge, and when they have time.

Nobody need be on it: whoever has the role may review. Whoever is on it gets cases of their own field first, and is kept
from partners with whom they have a standing conflict; whoever was removed from it reviews no more.
"""

from collections.abc import Collection
from datetime import datetime

from pymongo import ASCENDING
from pymongo.asynchronous.database import AsyncDatabase

from review.domain import REVIEWERS
from review.domain.reviewer import Register, Reviewer, ReviewerCommand, Standing, stream
from review.planner.core import Calendar
from runtime.streams import Streams
from schemas.entry import is_uscc
from schemas.envelope import Json
from schemas.review import Profile, ReviewerFact
from web.people import Person, actor


class Roster:
    """Queries on `database["reviewers"]`, and its streams."""

    def __init__(self, database: AsyncDatabase[Json]) -> None:
        self.reviewers: Streams[Reviewer, ReviewerCommand, ReviewerFact] = Streams(database, REVIEWERS)

    async def create_indexes(self) -> None:
        await self.reviewers.collection.create_index([("state.status", ASCENDING), ("_id", ASCENDING)])

    async def standings(self, people: Collection[Person]) -> dict[str, Standing | None]:
        """How these people stand, by subject; None for whoever was removed from the roster."""
        wanted = {"_id": {"$in": [stream(person.sub) for person in people]}}
        experts = {"state.status": "active", "state.profile.expert": True}
        found = self.reviewers.collection.find(wanted, {"state": 1})
        states = {case["_id"]: _state(case) async for case in found}
        any_expert = await self.reviewers.collection.find_one(experts, {"_id": 1}) is not None
        return {
            person.sub: _standing(person, states.get(stream(person.sub), Reviewer()), any_expert) for person in people
        }

    async def learn(self, me: Person, at: datetime) -> str | None:
        """Note whom somebody on the roster acts for by their sign-in, where the roster does not say it: cases are
        assigned while nobody is signed in. Returns the cause under which it is noted; None where nothing is new."""
        if not me.partner or not is_uscc(me.partner):
            return None
        known = await self.reviewers.get(stream(me.sub))
        profile = known.state.profile
        if known.state.status != "active" or profile is None or me.partner in (profile.partner, *profile.conflicts):
            return None
        # An employer that the roster names already is not forgotten: what it says holds as well.
        also = {"conflicts": (*profile.conflicts, me.partner)} if profile.partner else {"partner": me.partner}
        cause, wiser = f"signed-in:{known.version}", profile.model_copy(update=also)
        command = Register(stream=known.stream, cause=cause, actor=actor(me), at=at, reviewer=me.sub, profile=wiser)
        await self.reviewers.handle([command])
        return cause

    async def active(self) -> list[Reviewer]:
        """Everybody on the roster, by subject."""
        found = self.reviewers.collection.find({"state.status": "active"}, {"state": 1}).sort("_id")
        return [_state(case) async for case in found]

    async def experts(self) -> list[Standing]:
        """How those stand whom the roster calls experts; nobody, while everybody counts as one."""
        people = [each for each in await self.active() if each.profile and each.profile.expert]
        standings = await self.standings([Person(each.reviewer, each.reviewer) for each in people])
        return [standing for standing in standings.values() if standing]

    async def calendars(self) -> list[Calendar]:
        """When everybody has time who is on the roster and has any. Where nobody has, all of them: a roster on which
        nobody has time is not one on which nobody is."""
        calendars = [calendar(reviewer.profile) for reviewer in await self.active() if reviewer.profile]
        return [each for each in calendars if any(each.weekly)] or calendars


def _state(document: Json) -> Reviewer:
    return Reviewer.model_validate(document["state"], strict=False)


def _standing(person: Person, reviewer: Reviewer, any_expert: bool) -> Standing | None:
    if reviewer.status == "removed":
        return None
    profile = reviewer.profile
    # While nobody on the roster is an expert, everybody counts as one: else their cases would wait for ever.
    expert = not any_expert or (profile is not None and profile.expert)
    if profile is None:
        return Standing(person.sub, person.partner, expert=expert)
    # Of whom they act for, who signs them in knows best; what the roster says holds as well.
    partner = person.partner or profile.partner
    others = tuple(each for each in (*profile.conflicts, profile.partner) if each and each != partner)
    return Standing(person.sub, partner, others, expert, sectors(profile), profile.languages)


def calendar(profile: Profile) -> Calendar:
    """When somebody has time for reviews."""
    return Calendar(profile.minutes, tuple((each.first, each.last) for each in profile.away))


def sectors(profile: Profile) -> tuple[str, ...]:
    """The industries and themes that somebody knows, as cases name them."""
    return (*(each.value for each in profile.industries), *(each.value for each in profile.themes))
