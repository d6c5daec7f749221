"""The request log as JSON: partners' programs see their own requests, operators everybody's."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AwareDatetime, BaseModel, Field
from starlette.requests import Request

from schemas.entry import Uscc
from schemas.envelope import Json
from schemas.submission import Mode
from submissions.answers import KEYED, KNOWN, problems
from submissions.callers import Caller, with_key_or_session
from submissions.curl import curl
from submissions.marked import N_
from submissions.request_log import Asked, RequestLog
from web.problems import TYPE_PREFIX

StatusClass = Annotated[int | None, Query(ge=2, le=5, description="2, 4 or 5: requests answered 2xx, 4xx, 5xx")]


class Logged(BaseModel):
    """One request. `request` is the X-Request-Id it was answered with; `rules` are those of its first findings."""

    id: str
    request: str
    at: AwareDatetime
    partner: Uscc
    key: str
    label: str
    mode: Mode
    method: str
    route: str
    path: str
    query: str
    status: int
    ms: float
    bytes_in: int
    bytes_out: int
    problem: str | None = Field(description="its type")
    rules: list[str]
    received: int = Field(description="entries taken in, or known already")
    refused: int
    stream: str | None = Field(description="the submission it was about, the last of several")
    curl: str


class LoggedPage(BaseModel):
    """One page of requests, the newest first; `next` goes into `after`."""

    items: list[Logged]
    next: str | None


def routes(log: RequestLog) -> APIRouter:
    """GET /requests and /requests/{id}."""
    router = APIRouter(tags=[N_("Requests")], dependencies=KNOWN, responses=KEYED)
    either = Depends(with_key_or_session("read"))

    @router.get(
        "/requests",
        summary=N_("The requests of my keys, 14 days back"),
        response_description=N_("One page, the newest first"),
        responses=problems(_401=N_("Neither key nor session")),
    )
    async def listing(
        request: Request,
        caller: Caller = either,
        status: StatusClass = None,
        mode: Mode | None = None,
        key: Annotated[str | None, Query(description="a key’s id")] = None,
        partner: Annotated[str | None, Query(description="for operators: one partner’s requests")] = None,
        id: Annotated[str | None, Query(description="an X-Request-Id")] = None,
        after: Annotated[
            str | None,
            Query(pattern=r"^([0-9a-f]{12}-[0-9a-f]+-[0-9a-f]+)?$", description="the `next` of the page before"),
        ] = None,
    ) -> LoggedPage:
        rows, next = await log.page(Asked(caller.partner or partner, status, mode, key, id), after)
        return LoggedPage(items=[_logged(row, request) for row in rows], next=next)

    @router.get(
        "/requests/{id}",
        summary=N_("One request"),
        response_description=N_("The request, and how to send it again"),
        responses=problems(_401=N_("Neither key nor session"), _404=N_("There is none, or it is another partner’s")),
    )
    async def one(
        request: Request, id: Annotated[str, Path(description="the request’s `X-Request-Id`")], caller: Caller = either
    ) -> Logged:
        return _logged(await log.get(id, caller.partner), request)

    return router


def _logged(row: Json, request: Request) -> Logged:
    said: dict[str, Any] = {
        **row,
        "id": row["_id"],
        "bytes_in": row["in"],
        "bytes_out": row["out"],
        "problem": TYPE_PREFIX + row["problem"] if row["problem"] else None,
        "curl": curl(row, request.app.state.site.addresses["submissions"]),
    }
    return Logged.model_validate(said)
