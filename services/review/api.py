"""The review as JSON: the queue, a case, and a reviewer's acts. Signed in by the session cookie."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from review.addresses import Addresses
from review.anonymity import anonymised, anonymous_line, as_seen, kept_from_names
from review.callers import Callers, asking
from review.desk import Desk, now, problem, visible_reviews
from review.domain import Case
from review.domain.lease import Lease
from review.lists import PAGE, Listed
from review.queue import MOST_COUNTED
from runtime.streams import Outcome
from schemas.envelope import Json, Refusal, timestamp
from schemas.review import Verdict
from web.people import Person, cause, require

Asking = Annotated[Person, Depends(asking)]
Operator = Annotated[Person, Depends(require("operator"))]
Kind = Literal["scene", "product", "linkage"]
NONE_FREE = (
    "None for you now: see Retry-After, and Held-By-Others, how many others have; where these are very many, "
    "Held-By-Others-At-Least in its place"
)


class ReviewIn(BaseModel):
    """`scores`: each of the kind's criteria, 0 to 5. `comment` is needed unless the verdict is approve."""

    scores: dict[str, int]
    verdict: Verdict
    comment: str = ""


class AssignmentIn(BaseModel):
    reviewer: str


class AppealIn(BaseModel):
    """`by`: whose objection it is. `reason` is told to the partner."""

    by: Literal["partner", "operator"]
    reason: str


def api(desk: Desk, addresses: Addresses) -> APIRouter:
    """The routes under /cases that answer in JSON."""
    router = APIRouter(tags=["cases"])
    one, of_case = "/cases/{case}", Depends(addresses.case)
    callers = Callers(desk)
    Reader = Annotated[Person, Depends(callers.reader)]
    Reviewer = Annotated[Person, Depends(callers.reviewer)]

    async def whole(outcome: Outcome[Case], me: Person) -> Json:
        at = now()
        case, hidden = await as_seen(outcome.state, me, at, desk, addresses)
        return {
            "id": addresses.seal(outcome.stream) if hidden else outcome.stream,
            "href": addresses.path(outcome.stream),
            "version": outcome.version,
            "anonymised": hidden,
            **case.model_dump(mode="json", exclude={"reviews", "former", "conflicts"}),
            "lease": _lease(case.lease) if case.lease else None,
            "given": len(case.reviews),
            "reviews": [review.model_dump(mode="json") for review in visible_reviews(case, me, at)],
        }

    @router.get("/cases")
    async def cases(
        me: Reader,
        status: Literal["open", "decided", "closed"] = "open",
        kind: Kind | None = None,
        after: str | None = None,
    ) -> Json:
        """Cases of a status, 50 at a time: decided ones the latest first, others the longest waiting first."""
        since = addresses.cursor(after)
        if status == "decided":
            found, _ = await desk.store.lists.decided(None, kind, since, me.partner)
        else:
            found = await desk.store.lists.listed(status, kind, since, me.partner)
        next = addresses.seal(found[-1].cursor) if len(found) == PAGE else None
        return {"cases": [_line(case, me, addresses) for case in found], "next": next}

    @router.post("/cases:next", responses={204: {"description": NONE_FREE}})
    async def next(request: Request, me: Asking) -> Response:
        """The case you hold, or the next right one, claimed for 30 minutes."""
        outcome = await desk.next(me, cause(request))
        if outcome:
            return JSONResponse(await whole(outcome, me))
        held = await desk.store.queue.held_by_others(await desk.standing(me), now())
        said = "Held-By-Others" if len(held) < MOST_COUNTED else "Held-By-Others-At-Least"
        headers = {said: str(len(held))}
        if held:
            headers["Held-Until"] = timestamp(held[0].until)
            headers["Retry-After"] = str(max(1, int((held[0].until - now()).total_seconds())))
        return Response(status_code=204, headers=headers)

    @router.get(one)
    async def case(id: Annotated[str, of_case], me: Reader) -> Json:
        """A case in full; others' reviews only once you have given yours, or it is decided.

        Where `anonymised`, it says nothing of whose it is until your review is given, and its `id` is its address.
        """
        return await whole(await desk.seen(id, me), me)

    @router.post(one + "/claim")
    async def claim(request: Request, id: Annotated[str, of_case], me: Reviewer) -> Json:
        return await whole(await desk.claim(id, me, cause(request)), me)

    @router.post(one + "/extend")
    async def extend(request: Request, id: Annotated[str, of_case], me: Reviewer) -> Json:
        """Hold the case for 30 minutes from now, at most 4 hours from when you claimed it."""
        return await whole(await desk.extend(id, me, cause(request)), me)

    @router.post(one + "/draft", status_code=204)
    async def draft(request: Request, id: Annotated[str, of_case], me: Reviewer) -> Response:
        """Keep what is written so far, as the form's fields: it outlives the lease, and nobody else sees it."""
        form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
        await desk.seen(id, me)
        await desk.drafts.save(id, me.sub, form, now())
        return Response(status_code=204)

    @router.post(one + "/leave")
    async def leave(request: Request, id: Annotated[str, of_case], me: Reviewer) -> Json:
        """The page is closed: the case is free in a minute, unless you extend it."""
        return await whole(await desk.leave(id, me, cause(request)), me)

    @router.post(one + "/undo")
    async def undo(request: Request, id: Annotated[str, of_case], me: Reviewer) -> Json:
        """Take back the review you gave within the last 15 seconds, if nothing was decided by it."""
        return await whole(await desk.take_back(id, me, cause(request)), me)

    @router.post(one + "/appeals", status_code=201)
    async def appeals(request: Request, id: Annotated[str, of_case], objection: AppealIn, me: Operator) -> Json:
        """Note an objection to a decision: the case is open again, for other reviewers."""
        return await whole(await desk.appeal(id, me, cause(request), objection.by, objection.reason), me)

    @router.post(one + "/assignments")
    async def assignments(
        request: Request, id: Annotated[str, of_case], assignment: AssignmentIn, me: Operator
    ) -> Json:
        """Keep the case for a reviewer of the roster for 24 hours: it is the next they get, and nobody else's."""
        return await whole(await desk.assign(id, me, cause(request), assignment.reviewer), me)

    @router.post(one + "/release")
    async def release(request: Request, id: Annotated[str, of_case], me: Reviewer) -> Json:
        return await whole(await desk.release(id, me, cause(request)), me)

    @router.post(one + "/conflict")
    async def conflict(request: Request, id: Annotated[str, of_case], me: Reviewer) -> Json:
        return await whole(await desk.declare_conflict(id, me, cause(request)), me)

    @router.post(one + "/reviews")
    async def reviews(request: Request, id: Annotated[str, of_case], given: ReviewIn, me: Reviewer) -> Json:
        return await whole(await desk.review(id, me, cause(request), given.scores, given.verdict, given.comment), me)

    both = ["GET", "POST"]

    @router.api_route("/cases/{partner}/{reference}@{revision}", methods=both, include_in_schema=False)
    @router.api_route("/cases/{partner}/{reference}@{revision}/{act:path}", methods=both, include_in_schema=False)
    @router.api_route("/cases/{partner}/{reference}/{revision}", methods=both, include_in_schema=False)
    @router.api_route("/cases/{partner}/{reference}/{revision}/{act:path}", methods=both, include_in_schema=False)
    async def by_id(partner: str, reference: str, revision: str, me: Reader, act: str = "") -> Response:
        """By its id, as the histories have it, or with slashes alone: for those who may know whose it is."""
        id = f"{partner}/{reference}@{revision}"
        if anonymised((await desk.seen(id, me)).state, me, now()):
            raise problem(Refusal("case.unknown"))
        return RedirectResponse(addresses.path(id) + (f"/{act}" if act else ""), 307)

    return router


def _lease(lease: Lease) -> Json:
    """With `last`: no extension goes beyond."""
    last = lease.last()
    return {**lease.model_dump(mode="json"), "last": timestamp(last) if last else None}


def _line(case: Listed, me: Person, addresses: Addresses) -> Json:
    named = not kept_from_names(me)
    case = case if named else anonymous_line(case)
    return {
        "id": case.id if named else addresses.seal(case.id),
        "href": addresses.path(case.id),
        "kind": case.kind,
        "title": case.title,
        "partner": case.partner,
        "revision": case.revision,
        "status": case.status,
        "received": timestamp(case.received),
        "checked": case.checked,
        "given": case.given,
        "left": case.left,
        "lease": {"reviewer": case.holder, "until": timestamp(case.until)} if case.until else None,
        "decision": case.decision,
        "score": case.score,
    }
