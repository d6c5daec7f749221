"""When a clock ran back: one rule for the replay, the recorder and the time machine. Pure."""

from datetime import datetime

#: Seconds by which the clocks of several hosts, or two writers of one stream, may differ without anybody minding.
CLOCK_S = 1.0


def by_a_clock(actor: str) -> bool:
    """Whether what this actor did is dated when it was done.

    What an agent decides has the time of what it reacts to, which may well be earlier.
    """
    return not actor.startswith("service:")


def latest_of(before: datetime | None, time: datetime, actor: str) -> datetime | None:
    """The latest time of what people did in a stream up to an event, from that up to the event before it."""
    return max(filter(None, (before, time if by_a_clock(actor) else None)), default=None)


def ran_back(latest: datetime, time: datetime) -> bool:
    """Whether an event of this time, after one of the time `latest` in its stream, tells of a clock that ran back."""
    return (latest - time).total_seconds() > CLOCK_S
