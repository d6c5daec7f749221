"""A lease: the time in which a case is one reviewer's alone, and no longer than that whatever a clock says."""

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

#: How long a claimed case is nobody else's, from the claim and from each extension.
LEASE = timedelta(minutes=30)
#: The most that extensions make of it. Whoever needs longer claims it again, if nobody else did.
LONGEST = timedelta(hours=4)
#: How long it lasts once its holder has left the page: time enough to come back from a link or a reload.
LEFT = timedelta(minutes=1)
#: The most cases that one reviewer holds by claiming them: one to write on, and two to compare it with or come
#: back to. Whoever held all that is listed would leave nothing to the others.
MOST_HELD = 3
#: An extension by less than this is not worth a fact.
STEP = timedelta(minutes=5)
#: How long an assigned case waits for the one it is assigned to before others may have it.
RESERVED = timedelta(hours=24)
#: How far two machines' clocks may be apart.
SKEW = timedelta(minutes=1)


class Lease(BaseModel):
    model_config = ConfigDict(frozen=True)

    reviewer: str
    until: datetime
    since: datetime | None = None

    def runs(self, at: datetime) -> bool:
        """Whether it holds. One that ends later than any given now could was given by a clock that ran ahead."""
        return at < self.until <= at + LEASE + SKEW

    def last(self) -> datetime | None:
        """When extensions end; None for leases of before there were any."""
        return self.since + LONGEST if self.since else None


class Assignment(BaseModel):
    """A case waits for this reviewer until then; `reasons` are codes."""

    model_config = ConfigDict(frozen=True)

    reviewer: str
    until: datetime
    reasons: tuple[str, ...] = ()

    def runs(self, at: datetime) -> bool:
        return at < self.until <= at + RESERVED + SKEW
