"""The planner's pages: what was measured and is supposed, editable; what follows; and plans that were kept, scored."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pymongo.asynchronous.collection import AsyncCollection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from review.planner.core import (
    MOST_CASES,
    MOST_REVIEWERS,
    SURE,
    Assumptions,
    Calendar,
    Foretold,
    expected,
    foretell,
    reviewers_needed,
    with_express,
)
from review.planner.measured import Measured, happened, measured
from review.planner.plans import Plan, Plans, Question
from schemas.envelope import Json
from web.languages import CITY_TIME, _, day
from web.operations import operations_tabs
from web.pages import notify, page
from web.people import Person, require
from web.problems import Problem

Looking = Annotated[Person, Depends(require("operator", "onlooker"))]
Operator = Annotated[Person, Depends(require("operator"))]
#: The express lanes that are compared.
THRESHOLDS = (None, 0.9, 0.8, 0.7)
MOST_DAYS = 180
#: Of each field: the least and the most, and whether it is a whole number.
LIMITS: Mapping[str, tuple[float, float, bool]] = {
    "goal": (1, MOST_CASES, True),
    "reviewers": (1, MOST_REVIEWERS, True),
    "minutes_a_day": (1, 24 * 60, True),
    "waiting": (0, MOST_CASES, True),
    "arrivals": (0, MOST_CASES, False),
    "minutes": (0.5, 24 * 60, False),
    "spread": (0, 3, False),
    "discordant": (0, 100, False),
}


@dataclass(frozen=True)
class Asked:
    """A form that was understood."""

    question: Question
    assumed: Assumptions


@dataclass(frozen=True)
class Answer:
    """What follows: with the reviewers asked for, and for each express lane the share it takes and who is needed."""

    foretold: Foretold
    needed: int | None
    lanes: tuple[tuple[float | None, float, int | None, Foretold], ...]


def routes(cases: AsyncCollection[Json], plans: Plans) -> APIRouter:
    """GET and POST /planner, GET /planner/plans/{id}."""
    router = APIRouter(include_in_schema=False)
    # A simulation takes a processor for seconds: one at a time, so that the desk stays quick.
    one_at_a_time = asyncio.Semaphore(1)

    async def answered(asked: Asked, known: Measured, today: date) -> Answer:
        async with one_at_a_time:
            return await asyncio.to_thread(_answer, asked, known, today)

    @router.get("/planner")
    async def planner(request: Request, me: Looking) -> Response:
        at = datetime.now(UTC)
        known, today = await measured(cases, at), at.astimezone(CITY_TIME).date()
        form = _defaults(known, today) | dict(request.query_params)
        asked, errors = _read(form, known, today)
        answer = await answered(asked, known, today) if asked and "goal" in request.query_params else None
        return page(
            request,
            "planner.html",
            status=422 if errors and "goal" in request.query_params else 200,
            tabs=operations_tabs(request, "/planner"),
            form=form,
            errors=errors if "goal" in request.query_params else {},
            asked=asked,
            answer=answer,
            known=known,
            sure=round(100 * SURE),
            plans=[(plan, await _score(cases, plan, at)) for plan in await plans.list()],
            said=_said(asked.question, answer) if asked and answer else None,
        )

    @router.post("/planner")
    async def keep(request: Request, me: Operator) -> Response:
        at = datetime.now(UTC)
        known, today = await measured(cases, at), at.astimezone(CITY_TIME).date()
        form = {name: str(value) for name, value in (await request.form()).items()}
        asked, errors = _read(_defaults(known, today) | form, known, today)
        if asked is None:
            raise Problem(422, "plan-unclear", _("This plan cannot be kept"), " ".join(errors.values()))
        answer = await answered(asked, known, today)
        id = await plans.keep(at, me.sub, asked.question, asked.assumed, answer.foretold, answer.needed)
        notify(request, _("The plan is kept. After its last day it is scored against what happened."))
        return RedirectResponse(f"/planner/plans/{id}", 303)

    @router.get("/planner/plans/{id}")
    async def one(request: Request, id: str, me: Looking) -> Response:
        plan = await plans.get(id)
        if plan is None:
            raise Problem(404, "no-such-plan", _("There is no such plan"), _("Look for it on the planner’s page."))
        return page(request, "plan.html", plan=plan, score=await _score(cases, plan, datetime.now(UTC)))

    return router


def _answer(asked: Asked, known: Measured, today: date) -> Answer:
    question = asked.question
    calendar = Calendar((question.minutes_a_day,) * 5 + (0, 0))
    reviewers = [calendar] * question.reviewers
    lanes = []
    for threshold in THRESHOLDS:
        share = known.express(threshold) if threshold is not None else 0.0
        plan = with_express(asked.assumed, share)
        needed = reviewers_needed(plan, calendar, today, question.until, question.goal)
        lanes.append((threshold, share, needed, foretell(plan, reviewers, today, question.until, question.goal)))
    return Answer(
        foretell(asked.assumed, reviewers, today, question.until, question.goal),
        reviewers_needed(asked.assumed, calendar, today, question.until, question.goal),
        tuple(lanes),
    )


def _said(question: Question, answer: Answer) -> str:
    """The answer in a sentence: how many reviewers, or fewer and an express lane."""
    plain = answer.lanes[0][2]
    said = {"goal": question.goal, "until": day(question.until), "plain": plain}
    fewer = [lane for lane in answer.lanes[1:] if lane[2] is not None and (plain is None or lane[2] < plain)]
    if plain is None and not fewer:
        return (
            _("By %(until)s, %(goal)s cannot be decided by any number of reviewers: too few come, or too late.") % said
        )
    if not fewer:
        return _("To decide %(goal)s by %(until)s you need %(plain)s reviewers.") % said
    # The strictest lane that spares anybody.
    threshold, _share, needed, _foretold = fewer[0]
    said |= {"needed": needed, "threshold": threshold}
    if plain is None:
        return (
            _("To decide %(goal)s by %(until)s you need %(needed)s reviewers and the express lane at %(threshold)s.")
            % said
        )
    return (
        _(
            "To decide %(goal)s by %(until)s you need %(plain)s reviewers, or %(needed)s and the express lane at "
            "%(threshold)s."
        )
        % said
    )


async def _score(cases: AsyncCollection[Json], plan: Plan, at: datetime) -> dict[str, Any]:
    """How many were decided since the plan was made, whether its last day is over, and whether it was right."""
    count = await happened(cases, plan.made, plan.question.until)
    over = at.astimezone(CITY_TIME).date() > plan.question.until
    right = plan.foretold.low <= count <= plan.foretold.high
    return {"decided": count, "over": over, "right": right}


def _defaults(known: Measured, today: date) -> dict[str, str]:
    assumed = known.assumptions()
    return {
        "goal": str(max(1, min(200, known.waiting or 200))),
        "until": (today + timedelta(days=27)).isoformat(),
        "reviewers": "7",
        "minutes_a_day": "60",
        "threshold": "",
        "waiting": str(min(assumed.waiting, MOST_CASES)),
        "arrivals": f"{min(assumed.arrivals, MOST_CASES):g}",
        "minutes": f"{max(assumed.minutes, LIMITS['minutes'][0]):g}",
        "spread": f"{min(assumed.spread, LIMITS['spread'][1]):g}",
        "discordant": f"{100 * assumed.discordant:g}",
    }


def _read(form: Mapping[str, str], known: Measured, today: date) -> tuple[Asked | None, dict[str, str]]:
    """The form as a question, or what is wrong with it by field."""
    numbers: dict[str, float] = {}
    errors: dict[str, str] = {}
    for name, (least, most, whole) in LIMITS.items():
        value = _number(form[name])
        if value is None or not least <= value <= most or (whole and value != int(value)):
            kind = _("Give a whole number from %(least)s to %(most)s.") if whole else _("Give %(least)s to %(most)s.")
            errors[name] = kind % {"least": f"{least:g}", "most": f"{most:g}"}
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
        express=known.express(threshold) if threshold is not None else 0.0,
    )
    if expected(assumed, (until - today).days + 1) > MOST_CASES:
        errors["arrivals"] = _("These are over %(most)s cases in all, more than is simulated.") % {"most": MOST_CASES}
        return None, errors
    question = Question(
        goal=int(numbers["goal"]),
        until=until,
        reviewers=int(numbers["reviewers"]),
        minutes_a_day=int(numbers["minutes_a_day"]),
        threshold=threshold,
    )
    return Asked(question, assumed), {}


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value == value and abs(value) != float("inf") else None
