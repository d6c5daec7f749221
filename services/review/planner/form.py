"""The planner's form: what it holds at first, and how it is understood, or what is wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from review.planner.core import LEAST_MINUTES, MOST_CASES, MOST_REVIEWERS, Assumptions, Calendar, expected
from review.planner.measured import Measured
from review.planner.plans import Question
from web.languages import _, number

MOST_DAYS = 180
#: The days of the form at first.
DAYS = 28
#: Of each field: the least and the most, and whether it is a whole number.
LIMITS: Mapping[str, tuple[float, float, bool]] = {
    "goal": (1, MOST_CASES, True),
    "reviewers": (1, MOST_REVIEWERS, True),
    "minutes_a_day": (1, 24 * 60, True),
    "waiting": (0, MOST_CASES, True),
    "arrivals": (0, MOST_CASES, False),
    "minutes": (LEAST_MINUTES, 24 * 60, False),
    "spread": (0, 3, False),
    "discordant": (0, 100, False),
}
#: What the roster says where the form does not.
ROSTERED = ("reviewers", "minutes_a_day")


def labels() -> dict[str, str]:
    """What the fields are called."""
    return {
        "goal": _("Cases to decide"),
        "until": _("By the end of"),
        "reviewers": _("Reviewers"),
        "minutes_a_day": _("Minutes a day each"),
        "threshold": _("Express lane from a score of"),
        "waiting": _("Open cases"),
        "arrivals": _("Cases that come a day"),
        "minutes": _("Minutes a review"),
        "spread": _("Their spread"),
        "discordant": _("Cases with a third review, %"),
    }


@dataclass(frozen=True)
class Asked:
    """A form that was understood."""

    question: Question
    assumed: Assumptions
    calendars: tuple[Calendar, ...]


def defaults(known: Measured, today: date, calendars: Sequence[Calendar]) -> dict[str, str]:
    """What the form holds at first; reviewers and their minutes are empty where the roster says them."""
    assumed = known.assumptions()
    # Not more than is simulated: the first form is always one that can be.
    waiting = min(assumed.waiting, MOST_CASES)
    arrivals = min(assumed.arrivals, (MOST_CASES - waiting) // DAYS)
    return {
        "goal": str(max(1, min(200, known.waiting or 200))),
        "until": (today + timedelta(days=DAYS - 1)).isoformat(),
        "reviewers": "" if calendars else "7",
        "minutes_a_day": "" if calendars else "60",
        "threshold": "",
        "waiting": str(waiting),
        "arrivals": f"{arrivals:.10g}",
        "minutes": f"{max(assumed.minutes, LEAST_MINUTES):g}",
        "spread": f"{min(assumed.spread, LIMITS['spread'][1]):g}",
        "discordant": f"{100 * assumed.discordant:g}",
    }


def read(
    form: Mapping[str, str], known: Measured, today: date, calendars: Sequence[Calendar]
) -> tuple[Asked | None, dict[str, str]]:
    """The form as a question, or what is wrong with it by field. `calendars` are the roster's."""
    numbers: dict[str, float] = {}
    errors: dict[str, str] = {}
    for name, (least, most, whole) in LIMITS.items():
        if calendars and name in ROSTERED and not form[name].strip():
            continue
        value = _number(form[name])
        if value is None or not least <= value <= most or (whole and value != int(value)):
            kind = _("Give a whole number from %(least)s to %(most)s.") if whole else _("Give %(least)s to %(most)s.")
            errors[name] = kind % {"least": number(least), "most": number(most)}
        else:
            numbers[name] = value
    threshold = _number(form["threshold"]) if form["threshold"] else None
    if form["threshold"] and (threshold is None or not 0 <= threshold <= 1):
        errors["threshold"] = _("Give a number from 0 to 1, or none.")
    try:
        until = date.fromisoformat(form["until"])
    except ValueError:
        until = today - timedelta(days=1)
    if not today <= until <= today + timedelta(days=MOST_DAYS):
        errors["until"] = _("Give a day from today on, %(days)s days ahead at most.") % {"days": MOST_DAYS}
    if errors:
        return None, errors
    assumed = replace(
        known.assumptions(),
        waiting=int(numbers["waiting"]),
        arrivals=numbers["arrivals"],
        minutes=numbers["minutes"],
        spread=numbers["spread"],
        discordant=numbers["discordant"] / 100,
        express=known.express(threshold),
        begun=min(known.begun, int(numbers["waiting"])),
    )
    if expected(assumed, (until - today).days + 1) > MOST_CASES:
        said = _("These are over %(most)s cases in all, more than is simulated: give fewer, or an earlier day.")
        errors["arrivals"] = said % {"most": number(MOST_CASES)}
        return None, errors
    question = Question(
        goal=int(numbers["goal"]),
        until=until,
        reviewers=int(numbers.get("reviewers", len(calendars))),
        minutes_a_day=int(numbers["minutes_a_day"]) if "minutes_a_day" in numbers else None,
        threshold=threshold,
    )
    minutes = question.minutes_a_day
    return Asked(question, assumed, tuple(calendars) if minutes is None else (_office(minutes),)), {}


def _office(minutes: int) -> Calendar:
    """So many minutes from Monday to Friday."""
    return Calendar((minutes, minutes, minutes, minutes, minutes, 0, 0))


def _number(text: str) -> float | None:
    try:
        value = float(text.replace(",", ""))  # as numbers are written here
    except ValueError:
        return None
    return value if value == value and abs(value) != float("inf") else None
