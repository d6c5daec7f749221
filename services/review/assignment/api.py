"""Assignments as JSON, for operators' programs: what is kept for whom, a proposal, and what is to be."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request

from review.addresses import Addresses
from review.assignment.applying import MAX_WISHES, Wish, assign
from review.assignment.lines import as_json
from review.assignment.pages import proposing
from review.assignment.situation import kept
from review.desk import Desk, now
from schemas.envelope import Json, timestamp
from web.languages import _
from web.people import Person, cause, require
from web.problems import Problem

Looking = Annotated[Person, Depends(require("operator", "onlooker"))]
Operator = Annotated[Person, Depends(require("operator"))]


class AssignmentIn(BaseModel):
    """`reviewer` empty: the case is kept for nobody any more. `proposed`: it stands so in the proposal."""

    case: str
    reviewer: str
    proposed: bool = False


class AssignmentsIn(BaseModel):
    """Cases that are not named stay as they are; one that is named is kept for just those named with it."""

    assignments: Annotated[list[AssignmentIn], Field(max_length=MAX_WISHES)]


def assignment_api(desk: Desk, addresses: Addresses) -> APIRouter:
    """The routes under /assignments."""
    router = APIRouter(tags=["assignments"])

    @router.get("/assignments")
    async def assignments(me: Looking) -> Json:
        """What is kept for whom now, the first to come free first."""
        return {
            "assignments": [
                {
                    "case": each.id,
                    "href": addresses.path(each.id),
                    "reviewer": each.reviewer,
                    "until": timestamp(each.until),
                    "reasons": each.reasons,
                }
                for each in await kept(desk.store.cases, now())
            ]
        }

    @router.get("/assignments/proposal")
    async def proposal(me: Looking) -> Json:
        """Who should review the first 100 cases that have a seat to fill, and why; of what nobody can take, what keeps
        whom from it. For whom a seat is `kept` already is among them, so that it stays so when this is sent back.

        `reviewers` tells how much of their day is used, how many cases each `has`, and `time_for` how many more.
        """
        found, best = await proposing(desk)
        return as_json(best, found.reviewers)

    @router.post("/assignments")
    async def apply(request: Request, wanted: AssignmentsIn, me: Operator) -> Json:
        """Keep cases for these reviewers for 24 hours: all of them, or 422 and every fault at once."""
        wishes = [
            Wish(row, each.case, each.reviewer, by_hand=not each.proposed)
            for row, each in enumerate(wanted.assignments)
        ]
        done = await assign(desk, me, cause(request), wishes)
        faults = [{"pointer": f"/assignments/{fault.row}/{fault.field}", "detail": fault.text} for fault in done.faults]
        if faults and not done.written:
            raise Problem(422, "assignments", _("Nothing is assigned: mend these first"), None, errors=faults)
        return {"assigned": done.assigned, "freed": done.freed, "errors": faults}

    return router
