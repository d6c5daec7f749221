"""When a submission may be decided or released: measured on those that were, and never said without enough of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import quantiles
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from submissions.progress import Step

#: Of fewer than this nothing is concluded.
FEWEST = 10
DECISIONS = ("approved", "changes-requested", "rejected")

What = Literal["decision", "release"]


class Expected(BaseModel):
    """When `what` may come: one in ten came before `from`, half before `likely`, nine in ten before `to`."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    what: What
    earliest: datetime = Field(alias="from")
    likely: datetime
    to: datetime


def took(steps: Sequence[Step]) -> dict[What, list[timedelta]]:
    """How long each revision of one submission waited, from the opening of its case for the decision, and from its
    approval for its release."""
    opened, approved = dict[int | None, datetime](), dict[int | None, datetime]()
    waited: dict[What, list[timedelta]] = {"decision": [], "release": []}
    for step in sorted(steps, key=lambda step: step.at):
        if step.what == "opened":
            opened.setdefault(step.revision, step.at)
        elif step.what in DECISIONS and (since := opened.pop(step.revision, None)):
            waited["decision"].append(step.at - since)
        if step.what == "approved":
            approved.setdefault(step.revision, step.at)
        elif step.what == "published" and (since := approved.pop(step.revision, None)):
            waited["release"].append(step.at - since)
    return waited


def late(since: datetime, now: datetime, durations: Sequence[timedelta]) -> bool:
    """Whether what waits `since` then has waited longer than most of those that came before, which are enough to say
    so."""
    return len(durations) >= FEWEST and 2 * sum(each > now - since for each in durations) < len(durations)


def expect(what: What, since: datetime, now: datetime, durations: Sequence[timedelta]) -> Expected | None:
    """When what waits `since` then may come, by those that took longer than it has waited already; None where they are
    too few to say."""
    longer = [each.total_seconds() for each in durations if each > now - since]
    if len(longer) < FEWEST:
        return None
    tenths = quantiles(longer, n=10, method="inclusive")
    earliest, likely, to = (since + timedelta(seconds=round(tenths[n])) for n in (0, 4, 8))
    return Expected(what=what, earliest=earliest, likely=likely, to=to)
