"""The planner's pages: what was measured and is supposed, editable; what follows; and plans that were kept, scored."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends
from pymongo.asynchronous.collection import AsyncCollection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from review.planner.core import (
    LEAST_MINUTES,
    MOST_REVIEWERS,
    SURE,
    Foretold,
    comes,
    foretell,
    reviewers_needed,
    staff,
    with_express,
)
from review.planner.form import Asked, defaults, labels, read
from review.planner.measured import EXPRESS_FROM, Measured, happened, measured
from review.planner.plans import Plan, Plans, Question
from review.roster import Roster
from schemas.envelope import Json
from web.languages import CITY_TIME, _, day, ngettext, number, sentences
from web.operations import operations_tabs
from web.pages import notify, page
from web.people import Person, require
from web.problems import Problem

Looking = Annotated[Person, Depends(require("operator", "onlooker"))]
Operator = Annotated[Person, Depends(require("operator"))]
#: The express lanes that are compared: that of the rules in force, and wider ones.
THRESHOLDS = (None, *(each for each in (0.9, 0.8, 0.7) if each < EXPRESS_FROM))


@dataclass(frozen=True)
class Answer:
    """What follows: with the reviewers asked for, and for each express lane the share it takes and who is needed.

    `comes` is how many cases will have come (see `core.comes`).
    """

    foretold: Foretold
    needed: int | None
    comes: int | None
    lanes: tuple[tuple[float | None, float, int | None, Foretold], ...]


def routes(cases: AsyncCollection[Json], plans: Plans, roster: Roster) -> APIRouter:
    """GET and POST /planner, GET /planner/plans/{id}. The roster says when reviewers have time, or else the form."""
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
        calendars = await roster.calendars()
        form = defaults(known, today, calendars) | dict(request.query_params)
        asked, errors = read(form, known, today, calendars)
        answer = await answered(asked, known, today) if asked and "goal" in request.query_params else None
        return page(
            request,
            "planner.html",
            status=422 if errors and "goal" in request.query_params else 200,
            tabs=operations_tabs(request, "/planner"),
            form=form,
            labels=labels(),
            errors=errors if "goal" in request.query_params else {},
            asked=asked,
            answer=answer,
            known=known,
            rostered=len(calendars),
            week_min=sum(sum(calendar.weekly) for calendar in calendars),
            sure=round(100 * SURE),
            most=MOST_REVIEWERS,
            express_from=EXPRESS_FROM,
            least_minutes=LEAST_MINUTES,
            plans=[(plan, await _score(cases, plan, at)) for plan in await plans.list()],
            said=_said(asked.question, answer) if asked and answer else None,
        )

    @router.post("/planner")
    async def keep(request: Request, me: Operator) -> Response:
        at = datetime.now(UTC)
        known, today = await measured(cases, at), at.astimezone(CITY_TIME).date()
        calendars = await roster.calendars()
        form = {name: str(value) for name, value in (await request.form()).items()}
        asked, errors = read(defaults(known, today, calendars) | form, known, today, calendars)
        if asked is None:
            called = labels()
            said = sentences(*(called[name] + _(": ") + text for name, text in errors.items()))
            unclear = Problem(422, "plan-unclear", _("This plan cannot be kept"), said)
            unclear.links = {f"/planner?{urlencode(form)}": _("Mend it in the planner")}
            raise unclear
        answer = await answered(asked, known, today)
        id = await plans.keep(at, me.sub, asked.question, asked.assumed, answer.foretold, answer.needed)
        notify(request, _("The plan is kept. After its last day it is scored against what happened."))
        return RedirectResponse(f"/planner/plans/{id}", 303)

    @router.get("/planner/plans/{id}")
    async def one(request: Request, id: str, me: Looking) -> Response:
        plan = await plans.get(id)
        if plan is None:
            unknown = Problem(404, "no-such-plan", _("There is no such plan"), _("Look for it on the planner’s page."))
            unknown.links = {"/planner#plans": _("Plans that were kept")}
            raise unknown
        return page(request, "plan.html", plan=plan, score=await _score(cases, plan, datetime.now(UTC)))

    return router


def _answer(asked: Asked, known: Measured, today: date) -> Answer:
    question = asked.question
    reviewers = staff(asked.calendars, question.reviewers)
    lanes = []
    for threshold in THRESHOLDS:
        share = known.express(threshold)
        plan = with_express(asked.assumed, share)
        needed = reviewers_needed(plan, asked.calendars, today, question.until, question.goal)
        lanes.append((threshold, share, needed, foretell(plan, reviewers, today, question.until, question.goal)))
    return Answer(
        foretell(asked.assumed, reviewers, today, question.until, question.goal),
        reviewers_needed(asked.assumed, asked.calendars, today, question.until, question.goal),
        comes(asked.assumed, asked.calendars, today, question.until),
        tuple(lanes),
    )


def _said(question: Question, answer: Answer) -> str:
    """The answer in a sentence: how many reviewers with the express lane that was asked for; or else with that of the
    rules in force, or fewer and a wider one."""
    said: dict[str, Any] = {"goal": number(question.goal), "until": day(question.until), "most": MOST_REVIEWERS}
    if answer.comes is None:
        return _("Nobody has time for reviews by the end of %(until)s.") % said
    if answer.comes < question.goal:
        said |= {"comes": number(answer.comes)}
        return _("By %(until)s, %(goal)s cannot be decided: not more than %(comes)s are sure to come in time.") % said
    if question.threshold is not None:
        return _with_lane(said, question.threshold, answer.needed)
    plain = answer.needed
    fewer = [
        (threshold, needed)
        for threshold, _share, needed, _foretold in answer.lanes
        if threshold is not None and needed is not None and (plain is None or needed < plain)
    ]
    if not fewer:
        if plain is None:
            return _("To decide %(goal)s by %(until)s you need more than %(most)s reviewers.") % said
        need = ngettext(
            "To decide %(goal)s by %(until)s you need %(plain)s reviewer.",
            "To decide %(goal)s by %(until)s you need %(plain)s reviewers.",
            plain,
        )
        return need % (said | {"plain": plain})
    # The strictest lane that spares anybody.
    threshold, needed = fewer[0]
    if plain is None:
        return _with_lane(said, threshold, needed)
    return _(
        "To decide %(goal)s by %(until)s you need %(plain)s reviewers, or %(needed)s and the express lane at "
        "%(threshold)s."
    ) % (said | {"plain": plain, "needed": needed, "threshold": threshold})


def _with_lane(said: Mapping[str, Any], threshold: float, needed: int | None) -> str:
    """Who is needed with an express lane from a score on."""
    said = {**said, "threshold": threshold, "needed": needed}
    if needed is None:
        return (
            _(
                "To decide %(goal)s by %(until)s with the express lane at %(threshold)s you need more than %(most)s "
                "reviewers."
            )
            % said
        )
    need = ngettext(
        "To decide %(goal)s by %(until)s you need %(needed)s reviewer and the express lane at %(threshold)s.",
        "To decide %(goal)s by %(until)s you need %(needed)s reviewers and the express lane at %(threshold)s.",
        needed,
    )
    return need % said


async def _score(cases: AsyncCollection[Json], plan: Plan, at: datetime) -> dict[str, Any]:
    """How many were decided in the days that the plan foretold, whether its last day is over, and whether it was
    right. The day it was made counts as a whole one, as it does in what was foretold."""
    count = await happened(cases, plan.made.astimezone(CITY_TIME).date(), plan.question.until)
    over = at.astimezone(CITY_TIME).date() > plan.question.until
    right = plan.foretold.low <= count <= plan.foretold.high
    return {"decided": count, "over": over, "right": right}
