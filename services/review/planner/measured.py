"""What was measured at the desk, for a plan to suppose."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from statistics import fmean, stdev
from typing import Any

from pydantic import TypeAdapter
from pymongo import DESCENDING
from pymongo.asynchronous.collection import AsyncCollection

from review.checks.ruleset import CURRENT, Ruleset
from review.planner.core import Assumptions
from review.shadow import Checked, checked_again
from review.times import from_second
from schemas.entry import Entry
from schemas.envelope import Json
from schemas.review import CheckFinding, Route
from web.languages import CITY_TIME

#: Days over which arrivals are counted.
OVER_DAYS = 14
#: Decided cases whose reviews are timed.
TIMED = 300
#: The latest cases, which say what an express lane would take.
ROUTED = 1000
#: What is supposed until there are reviews to time.
MINUTES, SPREAD = 20.0, 0.6
REVIEWS = 2
#: From which score the express lane takes cases today, 0 to 1.
EXPRESS_FROM = CURRENT.routes.express.from_ / 100
#: What the machine returned, no reviewer had: it is no work. Whatever people decided has a score.
COMES_TO_PEOPLE: Json = {"state.route": {"$ne": Route.RETURN.value}}
BY_PEOPLE: Json = {"state.status": "decided", "state.score": {"$ne": None}}
_ENTRY: TypeAdapter[Entry] = TypeAdapter(Entry)
_FINDINGS = TypeAdapter(tuple[CheckFinding, ...])


@dataclass(frozen=True)
class Timed:
    """A review took `minutes`, spread by `spread` (deviation ÷ mean), by so many `reviews`, or as supposed if by none.

    `discordant` is the share of cases with a third review, of those that needed more than one.
    """

    minutes: float
    spread: float
    reviews: int
    discordant: float


@dataclass(frozen=True)
class Measured:
    """`waiting` cases are open or were decided today, as a plan counts today as a whole day; `begun` of them had a
    review before today. `passed` of today, 0 to 1, is over; `arrivals` came to people a day.

    `express_from` says of each of the latest cases that came to people from which score the express lane would take it:
    its own; None where its kind, what it offers or a finding keeps it out.
    """

    waiting: int
    begun: int
    passed: float
    arrivals: float
    timed: Timed
    express_from: tuple[int | None, ...]

    def express(self, threshold: float | None) -> float:
        """The share of cases that the express lane takes from a score (0 to 1) on; None: from that of today's rules."""
        least = round(100 * (EXPRESS_FROM if threshold is None else threshold))
        taken = sum(score is not None and score >= least for score in self.express_from)
        return taken / len(self.express_from) if self.express_from else 0.0

    def assumptions(self) -> Assumptions:
        """A plan that supposes all stays as it was."""
        return Assumptions(
            waiting=self.waiting,
            arrivals=round(self.arrivals, 1),
            minutes=round(self.timed.minutes, 1),
            spread=self.timed.spread,
            reviews=REVIEWS,
            discordant=self.timed.discordant,
            express=self.express(None),
            begun=self.begun,
            passed=self.passed,
        )


async def measured(cases: AsyncCollection[Json], at: datetime) -> Measured:
    """What the cases tell at a moment."""
    came = {"state.received": {"$gte": from_second(at - timedelta(days=OVER_DAYS))}}
    arrived = await cases.count_documents(came | COMES_TO_PEOPLE)
    first = await cases.find_one({}, {"state.received": 1}, sort=[("state.received", 1)])
    # A desk that is younger than that has had fewer days.
    days = OVER_DAYS if first is None else min(OVER_DAYS, max(1.0, _days(first["state"]["received"], at)))
    shown = {f"state.{field}": 1 for field in ("ruleset", "entry", "findings", "checked", "route")}
    latest = await cases.find({}, shown).sort("state.received", DESCENDING).limit(ROUTED).to_list()
    here = at.astimezone(CITY_TIME)
    today = _begins(here.date())
    todays: tuple[Json, ...] = ({"state.status": "open"}, BY_PEOPLE | {"state.decided": {"$gte": today}})
    reviewed = {"state.reviews.reviewer": {"$exists": True}, "state.reviews.0.given": {"$not": {"$gte": today}}}
    return Measured(
        waiting=sum([await cases.count_documents(each) for each in todays]),
        begun=sum([await cases.count_documents(each | reviewed) for each in todays]),
        # By the hour, so that a plan is kept as it was shown.
        passed=here.hour / 24,
        arrivals=arrived / days,
        timed=await timed(cases),
        express_from=await asyncio.to_thread(_express_from, latest),
    )


async def timed(cases: AsyncCollection[Json]) -> Timed:
    """How long reviews of the latest decided cases took, and how often two did not agree."""
    minutes: list[float] = []
    third: list[bool] = []
    shown = {"events": 1, "state.reviews.reviewer": 1}
    async for case in cases.find(BY_PEOPLE, shown).sort("state.decided", DESCENDING).limit(TIMED):
        minutes += _reviewing_minutes(case["events"])
        # Of the state: one that was taken back is not counted. One review alone had none to agree with.
        if len(case["state"]["reviews"]) >= REVIEWS:
            third.append(len(case["state"]["reviews"]) > REVIEWS)
    return Timed(
        minutes=fmean(minutes) if minutes else MINUTES,
        spread=round(stdev(minutes) / fmean(minutes), 2) if len(minutes) > 1 and fmean(minutes) else SPREAD,
        reviews=len(minutes),
        discordant=round(sum(third) / len(third), 2) if third else 0.0,
    )


def _express_from(cases: Iterable[Json]) -> tuple[int | None, ...]:
    """See Measured. Cases go by the code that sends them on their way, with the express lane as wide as it can be."""
    widest = _widest(CURRENT)
    found: list[int | None] = []
    for case in cases:
        _findings, score, route = checked_again(_checked(case["_id"], case["state"]), widest)
        if route is not Route.RETURN:
            found.append(score if route is Route.EXPRESS else None)
    return tuple(found)


def _widest(rules: Ruleset) -> Ruleset:
    """The rules with an express lane from the least score that is not the experts'."""
    express = rules.routes.express.model_copy(update={"from_": rules.routes.experts.below})
    return rules.model_copy(update={"routes": rules.routes.model_copy(update={"express": express})})


def _checked(id: str, state: Any) -> Checked:
    return Checked(
        case=id,
        ruleset=state["ruleset"],
        entry=_ENTRY.validate_python(state["entry"], strict=False, extra="ignore"),
        findings=_FINDINGS.validate_python(state["findings"], strict=False),
        score=state["checked"],
        route=Route(state["route"]),
    )


async def happened(cases: AsyncCollection[Json], first: date, until: date) -> int:
    """How many cases people decided from the beginning of one day to the end of another by the city's clocks."""
    decided = {"state.decided": {"$gte": _begins(first), "$lt": _begins(until + timedelta(days=1))}}
    return await cases.count_documents(BY_PEOPLE | decided)


def _reviewing_minutes(events: Sequence[Json]) -> list[float]:
    """From each claim to the review that the same reviewer gave, without what was given back in between. One that was
    taken back goes on: it is one review with the next, and none if there is no next."""
    claimed: dict[str, datetime] = {}
    spent: dict[str, float] = {}
    # Nobody reviews a case twice.
    taken: dict[str, float] = {}
    for event in events:
        at, actor = datetime.fromisoformat(event["time"]), event["actor"]
        match event["type"].removesuffix(".v1"):
            case "case.claimed":
                claimed[actor] = at
            case "case.released":
                claimed.pop(actor, None)
                spent.pop(actor, None)
            case "case.review-given" if actor in claimed:
                taken[actor] = spent.pop(actor, 0.0) + (at - claimed.pop(actor)).total_seconds() / 60
            case "case.review-withdrawn" if actor in taken:
                spent[actor] = taken.pop(actor)
            case _:
                pass
    return [*taken.values()]


def _begins(day: date) -> str:
    return from_second(datetime.combine(day, time(), CITY_TIME))


def _days(text: str, at: datetime) -> float:
    return (at - datetime.fromisoformat(text)).total_seconds() / 86_400
