"""What would help a consumer group, in words."""

from datetime import datetime

from babel.dates import format_time

from review.console.figures import Help, Standing
from runtime.consumers import Member
from schemas.topics import INTAKE_GROUP
from web.languages import CITY_TIME, _, language, span
from web.words import word

#: What Kafka calls a group whose members are being given their partitions.
MOVING = ("PreparingRebalance", "CompletingRebalance")


def helps(standing: Standing) -> str | None:
    """What to do about a group, and why; None where nothing need be done. While it cannot be told yet, it says that."""
    name = called(standing.group.name)
    said = {
        "name": name,
        "workers": standing.advice.workers,
        "command": f"shuangqian ops scale {worker(standing.group.name)}={standing.advice.workers or 1}",
        "partitions": standing.partitions,
        "part": standing.advice.part,
        "now": len(standing.group.members),
    }
    match standing.advice.help:
        case Help.NOTHING_WAITS | Help.KEEPS_UP:
            return None
        case Help.TOO_EARLY:
            return _("%(name)s: too early to tell. Events wait, and it has not been at work for long enough.") % said
        case Help.NO_WORKERS:
            return _("%(name)s: events wait and no worker runs. Start one: %(command)s") % said
        case Help.STANDS_STILL:
            return (
                _(
                    "%(name)s: events wait and none is handled. More workers will not help; look at the database, the "
                    "workers’ logs and what is parked."
                )
                % said
            )
        case Help.ONE_PARTITION:
            return (
                _(
                    "%(name)s: what waits lies on one partition, %(part)s, which one worker handles in order. More "
                    "workers will not help; less from whoever floods it would."
                )
                % said
            )
        case Help.MORE_WORKERS:
            return (
                _(
                    "%(name)s: more workers will help, up to the %(partitions)s partitions. %(workers)s instead of "
                    "%(now)s: %(command)s"
                )
                % said
            )
        case Help.MORE_PARTITIONS if standing.group.name == INTAKE_GROUP:
            # Only histories' partitions are raised.
            return (
                _(
                    "%(name)s: more workers will not help, since each partition that waits has its own. Faster "
                    "handling would, or less from whoever sends so much."
                )
                % said
            )
        case Help.MORE_PARTITIONS:
            return (
                _(
                    "%(name)s: more workers will not help, since each partition that waits has its own. More "
                    "partitions would, or faster handling: docs/how-to/raise-partitions.md"
                )
                % said
            )


def called(group: str) -> str:
    """A consumer group as people call it."""
    return _("Intake from Kafka") if group == INTAKE_GROUP else word(group)


def worker(group: str) -> str:
    """The process that consumes for a group."""
    return f"{group.partition('-')[0]}-worker"


def drains(standing: Standing) -> str:
    """How long until nothing waits, with its range."""
    drain = standing.drain
    if not standing.lag:
        return "—"
    if drain.about_s is None and standing.advice.help is Help.KEEPS_UP:
        return _("%(work)s of work") % {"work": span(standing.work_s or 0.0)}
    if drain.about_s is None and standing.advice.help is Help.TOO_EARLY:
        return _("too early to tell")
    if drain.about_s is None:
        return _("not at this pace")
    if drain.latest_s is None:
        return _("%(about)s (%(soonest)s or longer; perhaps never at this pace)") % {
            "about": span(drain.about_s),
            "soonest": span(drain.soonest_s or 0.0),
        }
    return _("%(about)s (%(soonest)s to %(latest)s)") % {
        "about": span(drain.about_s),
        "soonest": span(drain.soonest_s or 0.0),
        "latest": span(drain.latest_s),
    }


def partitions(member: Member, standing: Standing) -> str:
    """The partitions of a worker, topic by topic: `submissions.events 0–3, 7`; or why it has none."""
    if not member.parts and not standing.partitions:
        intake = standing.group.name == INTAKE_GROUP
        return _("none: no partner has a topic yet") if intake else _("none: there is no topic to read yet")
    # As long as there are no more workers than partitions, each of them gets one.
    if not member.parts and (standing.group.state in MOVING or len(standing.group.members) <= standing.partitions):
        return _("none yet")
    if not member.parts:
        return _("none: no partition is left for it")
    topics: dict[str, list[int]] = {}
    for topic, number in member.parts:
        topics.setdefault(topic, []).append(number)
    return "; ".join(f"{topic} {_ranges(sorted(numbers))}" for topic, numbers in sorted(topics.items()))


def _ranges(numbers: list[int]) -> str:
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)


def clock(at: datetime) -> str:
    """The time of day by the city's clocks, to the second."""
    return format_time(at, "HH:mm:ss", tzinfo=CITY_TIME, locale=language())
