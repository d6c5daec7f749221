"""What was measured at the desk, for a plan to suppose."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from statistics import fmean, stdev

from pymongo import DESCENDING
from pymongo.asynchronous.collection import AsyncCollection

from review.planner.core import Assumptions
from review.times import second
from schemas.envelope import Json
from web.languages import CITY_TIME

#: Days over which arrivals are counted.
OVER_DAYS = 14
#: Decided cases whose reviews are timed.
TIMED = 300
#: The latest cases, whose scores by machine say what an express lane would take.
SCORED = 2000
#: What is supposed until there are reviews to time.
MINUTES, SPREAD = 20.0, 0.6
REVIEWS = 2


@dataclass(frozen=True)
class Measured:
    """`waiting` cases are open; `arrivals` came a day; a review took `minutes`, spread by `spread` (deviation ÷ mean).

    `timed` counts the reviews that were timed, `discordant` is the share of decided cases with a third review,
    `checked` the machine's scores, 0 to 100, of the latest cases.
    """

    waiting: int
    arrivals: float
    minutes: float
    spread: float
    timed: int
    discordant: float
    checked: tuple[int, ...]

    def express(self, threshold: float) -> float:
        """The share of cases that the machine scores at `threshold` (0 to 1) or above."""
        return sum(each >= 100 * threshold for each in self.checked) / len(self.checked) if self.checked else 0.0

    def assumptions(self) -> Assumptions:
        """A plan that supposes all stays as it was, without an express lane."""
        return Assumptions(
            self.waiting, round(self.arrivals, 1), round(self.minutes, 1), self.spread, REVIEWS, self.discordant, 0.0
        )


async def measured(cases: AsyncCollection[Json], at: datetime) -> Measured:
    """What the cases tell at a moment."""
    came = {"state.received": {"$gte": second(at - timedelta(days=OVER_DAYS))}}
    arrived = await cases.count_documents(came)
    first = await cases.find_one({}, {"state.received": 1}, sort=[("state.received", 1)])
    # A desk that is younger than that has had fewer days.
    days = OVER_DAYS if first is None else min(OVER_DAYS, max(1.0, _days(first["state"]["received"], at)))
    minutes: list[float] = []
    third: list[bool] = []
    shown = {"events": 1, "state.reviews.reviewer": 1}
    decided = cases.find({"state.status": "decided"}, shown).sort("state.decided", DESCENDING).limit(TIMED)
    async for case in decided:
        minutes += _reviewing_minutes(case["events"])
        third.append(len(case["state"]["reviews"]) > REVIEWS)  # of the state: one that was taken back is not counted
    latest = cases.find({}, {"_id": 0, "state.checked": 1}).sort("state.received", DESCENDING).limit(SCORED)
    checked = [case["state"]["checked"] async for case in latest]
    return Measured(
        waiting=await cases.count_documents({"state.status": "open"}),
        arrivals=arrived / days,
        minutes=fmean(minutes) if minutes else MINUTES,
        spread=round(stdev(minutes) / fmean(minutes), 2) if len(minutes) > 1 and fmean(minutes) else SPREAD,
        timed=len(minutes),
        discordant=round(sum(third) / len(third), 2) if third else 0.0,
        checked=tuple(checked),
    )


async def happened(cases: AsyncCollection[Json], since: datetime, until: date) -> int:
    """How many cases were decided from a moment to the end of a day by the city's clocks."""
    end = datetime.combine(until + timedelta(days=1), time(), CITY_TIME)
    decided = {"$gte": second(since), "$lt": second(end)}
    return await cases.count_documents({"state.status": "decided", "state.decided": decided})


def _reviewing_minutes(events: Sequence[Json]) -> list[float]:
    """From each claim to the review that the same reviewer gave, without what was given back in between."""
    claimed: dict[str, datetime] = {}
    taken = []
    for event in events:
        at, actor = datetime.fromisoformat(event["time"]), event["actor"]
        match event["type"].removesuffix(".v1"):
            case "case.claimed":
                claimed[actor] = at
            case "case.released":
                claimed.pop(actor, None)
            case "case.review-given" if actor in claimed:
                taken.append((at - claimed.pop(actor)).total_seconds() / 60)
            case _:
                pass
    return taken


def _days(text: str, at: datetime) -> float:
    return (at - datetime.fromisoformat(text)).total_seconds() / 86_400
