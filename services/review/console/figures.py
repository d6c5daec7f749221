"""What samples of consumer groups mean: pace, time to drain and its range, and what would help. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import ceil, sqrt
from statistics import fmean, stdev

from runtime.consumers import Group, Part
from schemas.topics import INTAKE_GROUP

#: Seconds over which pace is taken, and of one of its windows: their spread gives the range.
OVER_S, WINDOW_S = 60.0, 6.0
#: Seconds over which advice is reckoned, longer so that it settles; and for which what waits must have grown to be no
#: burst.
ADVISED_S, SURE_S = 180.0, 30.0
#: Workers that were away are slow at first: so long it is not known how many would do.
SETTLES_S = 15.0
#: Of what waits now, what counts as next to nothing: before that, work had not begun.
LITTLE = 0.1
#: With events waiting and none handled for so long, workers do not work.
STANDS_STILL_S = 20.0
#: Who drains within so many seconds keeps up.
KEEPS_UP_S = 60.0
#: One partition that has so much of what waits is what waits.
MOST = 0.8
#: Standard errors either side of a mean that hold it nine times out of ten.
NINE_OF_TEN = 1.645


@dataclass(frozen=True)
class Sample:
    """The groups at one moment, in seconds since 1970."""

    at: float
    groups: Mapping[str, Group]


@dataclass(frozen=True)
class Pace:
    """Events a second, by the mean of the last minute: `handled`, `arriving`, and how much what waits shrinks by.

    The mean shrinking lies between `least` and `most` nine times out of ten.
    """

    handled: float
    arriving: float
    shrinks: float
    least: float
    most: float


@dataclass(frozen=True)
class Demand:
    """What advice goes by: events a second `handled`, by `workers` on average, and `arriving`; whether what waits
    `grows` for so long that it is no burst. `sure`: by work that was seen since it began, and not by a minute in which
    there was none as well, nor by what workers did who have just come back."""

    handled: float
    arriving: float
    workers: float
    grows: bool
    sure: bool


@dataclass(frozen=True)
class Drain:
    """Seconds until nothing waits: about `about_s`, between `soonest_s` and `latest_s`. None: not at this pace."""

    about_s: float | None
    soonest_s: float | None
    latest_s: float | None


class Help(StrEnum):
    """What would help a group, or why nothing is needed."""

    NOTHING_WAITS = "nothing-waits"
    KEEPS_UP = "keeps-up"
    NO_WORKERS = "no-workers"
    STANDS_STILL = "stands-still"
    TOO_EARLY = "too-early"
    ONE_PARTITION = "one-partition"
    MORE_WORKERS = "more-workers"
    MORE_PARTITIONS = "more-partitions"


@dataclass(frozen=True)
class Advice:
    """`workers` is how many would help (MORE_WORKERS), `part` the partition that is alone behind (ONE_PARTITION)."""

    help: Help
    workers: int = 0
    part: str = ""


@dataclass(frozen=True)
class Standing:
    """One group as operators see it.

    `oldest_s` is the age of the next event to handle, `work_s` what waits ÷ pace: how long handling it takes if nothing
    more came. `busy` counts the workers that have a partition; `partitions` is the most workers that can have one.
    """

    group: Group
    lag: int
    oldest_s: float
    work_s: float | None
    pace: Pace
    drain: Drain
    busy: int
    partitions: int
    advice: Advice


def standing(name: str, samples: Sequence[Sample]) -> Standing:
    """The group `name` by the last of `samples` (oldest first, one at least) and its pace over those before."""
    last = samples[-1]
    group = last.groups[name]
    lag = sum(part.lag for part in group.parts)
    written = [part.next_at for part in group.parts if part.next_at is not None]
    measured = pace(name, samples)
    return Standing(
        group=group,
        lag=lag,
        oldest_s=max(0.0, last.at - min(written)) if written else 0.0,
        work_s=0.0 if not lag else lag / measured.handled if measured.handled else None,
        pace=measured,
        drain=drain(lag, measured),
        busy=sum(bool(member.parts) for member in group.members),
        partitions=_shared_by(group.parts, name),
        advice=advice(group, lag, demand(name, samples), _still_s(name, samples)),
    )


def pace(name: str, samples: Sequence[Sample]) -> Pace:
    """How fast a group has been over the last OVER_S; nothing, where there is but one sample."""
    marks = _windows(_since(name, samples, OVER_S))
    return _pace(name, marks)


def demand(name: str, samples: Sequence[Sample]) -> Demand:
    """What a group has to do since work began: the time before, in which nothing waited or nobody worked, would make it
    seem slower than it is.

    By the last minute, where that is too short to tell.
    """
    seen = _since(name, samples, ADVISED_S)
    recent = _at_work(name, seen)
    lags = [sum(part.lag for part in sample.groups[name].parts) for sample in recent]
    idle = [n for n, lag in enumerate(lags) if lag <= LITTLE * lags[-1]]
    marks = _windows(recent[idle[-1] :] if idle else recent)
    found = _pace(name, marks)
    # What is handled within a window is no growth to speak of.
    grows = marks[-1].at - marks[0].at >= SURE_S and found.most < 0 and lags[-1] > WINDOW_S * found.handled
    settled = len(recent) == len(seen) or marks[-1].at - marks[0].at >= SETTLES_S
    sure = found.handled > 0 and settled
    if not found.handled:
        marks = _windows(_at_work(name, _since(name, samples, OVER_S)))
        found = _pace(name, marks)
    workers = fmean(len(mark.groups[name].members) for mark in marks)
    return Demand(found.handled, found.arriving, workers, grows, sure)


def _since(name: str, samples: Sequence[Sample], seconds: float) -> list[Sample]:
    return [sample for sample in samples if name in sample.groups and sample.at >= samples[-1].at - seconds]


def _at_work(name: str, samples: Sequence[Sample]) -> Sequence[Sample]:
    """The samples since there were workers: after the last without any, from the first in which one has partitions."""
    groups = [sample.groups[name] for sample in samples]
    without = [n for n, group in enumerate(groups) if not group.members]
    if not without:
        return samples
    having = (n for n, group in enumerate(groups) if n > without[-1] and any(member.parts for member in group.members))
    return samples[next(having, len(samples) - 1) :]


def _pace(name: str, marks: Sequence[Sample]) -> Pace:
    if len(marks) < 2:
        return Pace(0.0, 0.0, 0.0, 0.0, 0.0)
    handled, arriving = _moved(marks[0].groups[name], marks[-1].groups[name])
    seconds = marks[-1].at - marks[0].at
    shrinking = []
    for before, after in pairwise(marks):
        done, came = _moved(before.groups[name], after.groups[name])
        shrinking.append((done - came) / (after.at - before.at))
    mean = (handled - arriving) / seconds
    error = NINE_OF_TEN * stdev(shrinking) / sqrt(len(shrinking)) if len(shrinking) > 1 else 0.0
    middle = fmean(shrinking)
    return Pace(handled / seconds, arriving / seconds, mean, min(mean, middle - error), max(mean, middle + error))


def drain(lag: int, pace: Pace) -> Drain:
    """How long until nothing waits, by the pace of the last minute."""
    if not lag:
        return Drain(0.0, 0.0, 0.0)
    about, latest, soonest = (lag / rate if rate > 0 else None for rate in (pace.shrinks, pace.least, pace.most))
    return Drain(about, soonest, latest)


def advice(group: Group, lag: int, demand: Demand, still_s: float) -> Advice:
    """What would help. Workers help up to the partitions, and only where what waits lies on several of them."""
    if not lag:
        return Advice(Help.NOTHING_WAITS)
    if not group.members:
        return Advice(Help.NO_WORKERS)
    if still_s >= STANDS_STILL_S:
        return Advice(Help.STANDS_STILL)
    # By the work left: a burst is gone in seconds, though more came than was handled. But not what grows and grows.
    if demand.handled and lag / demand.handled <= KEEPS_UP_S and not demand.grows:
        return Advice(Help.KEEPS_UP)
    # So many workers as a minute without work asks for are not needed with it: within seconds it is known.
    if not demand.sure:
        return Advice(Help.TOO_EARLY)
    behind = sorted((part for part in group.parts if part.lag), key=lambda part: -part.lag)
    if behind[0].lag >= MOST * lag:
        return Advice(Help.ONE_PARTITION, part=f"{behind[0].topic} / {behind[0].number}")
    wanted = _shared_by(behind, group.name)
    if len(group.members) < wanted:
        return Advice(Help.MORE_WORKERS, workers=min(wanted, max(len(group.members) + 1, _enough(lag, demand))))
    return Advice(Help.MORE_PARTITIONS)


def _enough(lag: int, demand: Demand) -> int:
    """Workers that handle what comes and, within what counts as keeping up, what waits."""
    return ceil(demand.workers * (demand.arriving + lag / KEEPS_UP_S) / demand.handled)


def _windows(samples: Sequence[Sample]) -> list[Sample]:
    """Every sample that lies WINDOW_S or more after the one kept before it."""
    kept: list[Sample] = []
    for sample in samples:
        if not kept or sample.at - kept[-1].at >= WINDOW_S:
            kept.append(sample)
    if len(kept) > 1:
        kept[-1] = samples[-1]  # the last window ends now, though it be a little longer
    return kept


def _moved(before: Group, after: Group) -> tuple[int, int]:
    """Events handled and events that came between two samples, on the partitions that both know."""
    was = {(part.topic, part.number): part for part in before.parts}
    both = [(was[key], part) for part in after.parts if (key := (part.topic, part.number)) in was]
    return sum(now.done - then.done for then, now in both), sum(now.end - then.end for then, now in both)


def _still_s(name: str, samples: Sequence[Sample]) -> float:
    """Seconds, at the end of the samples, in which events waited, somebody was there to handle them, and none was."""
    last = samples[-1]
    since = last.at
    for sample in reversed(samples):
        group = sample.groups.get(name)
        if group is None or not group.members or not any(part.lag for part in group.parts):
            break
        if _moved(group, last.groups[name])[0]:
            break
        since = sample.at
    return last.at - since


def _shared_by(parts: Iterable[Part], group: str) -> int:
    """The most workers that can have one of these. Intake deals out each partition by itself; elsewhere whoever has one
    of a topic has those of the same number of all (Faust)."""
    return len({(part.topic if group == INTAKE_GROUP else "", part.number) for part in parts})
