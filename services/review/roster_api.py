"""The roster as JSON, for operators: who reviews, what they know and may not judge, and when they have time."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from review.desk import Desk, now, problem
from review.domain import CaseCommand
from review.domain.acts import Release, Unassign
from review.domain.reviewer import Register, Remove, Reviewer, stream
from schemas.envelope import Json
from schemas.review import Profile
from web.people import Person, actor, cause, require

Operator = Annotated[Person, Depends(require("operator"))]


def roster_api(desk: Desk) -> APIRouter:
    """The routes under /reviewers. A reviewer is named by the subject that the issuer of sign-ins gives them."""
    router = APIRouter(tags=["reviewers"])
    reviewers = desk.roster.reviewers

    @router.get("/reviewers")
    async def roster(me: Operator) -> Json:
        """Everybody on the roster. Whoever has the role and never was on it may review, too."""
        return {"reviewers": [_line(reviewer) for reviewer in await desk.roster.active()]}

    @router.put("/reviewers/{reviewer}")
    async def register(request: Request, reviewer: str, profile: Profile, me: Operator) -> Json:
        """Put somebody on the roster, or replace what it says of them."""
        command = Register(
            stream=stream(reviewer),
            cause=cause(request),
            actor=actor(me),
            at=now(),
            reviewer=reviewer,
            profile=profile,
        )
        (outcome,) = await reviewers.handle([command])
        return _line(outcome.state)

    @router.delete("/reviewers/{reviewer}", status_code=204)
    async def remove(request: Request, reviewer: str, me: Operator) -> Response:
        """Take somebody off the roster: what they hold is free at once, the reviews they gave stand."""
        by: dict[str, Any] = {"cause": cause(request), "actor": actor(me), "at": now()}
        (outcome,) = await reviewers.handle([Remove(stream=stream(reviewer), **by)])
        if outcome.refusal:
            raise problem(outcome.refusal)
        # Should the process end here, their leases run out by themselves, and they can give no review any more.
        held = await desk.store.held(reviewer)
        kept = await desk.store.kept_for(reviewer)
        releases: list[CaseCommand] = [Release(stream=case.id, reviewer=reviewer, **by) for case in held]
        # One cause takes effect in a stream only once, and a case may be held by whom it was assigned to.
        also = by | {"cause": f"{by['cause']}:assignments"}
        await desk.cases.handle([*releases, *(Unassign(stream=id, reviewer=reviewer, **also) for id in kept)])
        return Response(status_code=204)

    return router


def _line(reviewer: Reviewer) -> Json:
    return reviewer.model_dump(mode="json")
