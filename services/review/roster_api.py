"""The roster as JSON, for operators: who reviews, what they know and may not judge, and when they have time."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from review.desk import Desk
from review.domain.reviewer import Reviewer
from review.profiles import fields, read
from schemas.envelope import Json
from schemas.review import Profile
from web.languages import _
from web.people import Person, cause, require
from web.problems import Problem

Operator = Annotated[Person, Depends(require("operator"))]


def roster_api(desk: Desk) -> APIRouter:
    """The routes under /reviewers. A reviewer is named by the subject that the issuer of sign-ins gives them."""
    router = APIRouter(tags=["reviewers"])

    @router.get("/reviewers")
    async def roster(me: Operator) -> Json:
        """Everybody on the roster. Whoever has the role and never was on it may review, too."""
        return {"reviewers": [_line(reviewer) for reviewer in await desk.roster.active()]}

    @router.put("/reviewers/{reviewer}")
    async def register(request: Request, reviewer: str, profile: Profile, me: Operator) -> Json:
        """Put somebody on the roster, or replace what it says of them. 422 names what is wrong by field."""
        account, plain, wrong = read(fields(reviewer, profile))
        if plain is None:
            errors = [{"field": field, "detail": text} for field, text in wrong.items()]
            raise Problem(422, "reviewer-profile", _("The roster cannot take this"), None, errors=errors)
        (outcome,) = await desk.register({account: plain}, me, cause(request))
        return _line(outcome.state)

    @router.delete("/reviewers/{reviewer}", status_code=204)
    async def remove(request: Request, reviewer: str, me: Operator) -> Response:
        """Take somebody off the roster: what they hold is free at once, the reviews they gave stand."""
        await desk.remove(reviewer, me, cause(request))
        return Response(status_code=204)

    return router


def _line(reviewer: Reviewer) -> Json:
    return reviewer.model_dump(mode="json")
