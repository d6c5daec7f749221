"""The page on what a partner's test keys have sent: kept until the partner removes it, and seen by nobody else."""

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from schemas.entry import KINDS
from submissions.callers import own_partner
from submissions.sections import sections
from submissions.store import Lists
from web.pages import page
from web.people import Person, require

#: What may have become of a test: nothing upstream hears of it.
STATUSES = ("received", "withdrawn", "refused")


def add(router: APIRouter, lists: Lists) -> None:
    """GET /submissions/tests."""
    tests, partner_only = lists.of("test"), Depends(require("partner"))

    @router.get("/submissions/tests")
    async def mine(
        request: Request,
        me: Person = partner_only,
        status: str = "",
        kind: str = "",
        after: str | None = None,
    ) -> Response:
        partner = own_partner(me)
        rows, next = await tests.page(partner, status=status or None, kind=kind or None, after=after)
        standing = await tests.standing(partner, kind if kind in KINDS else None)
        return page(
            request,
            "tests.html",
            sections=sections(request, me),
            rows=rows,
            next=next,
            after=after,
            total=standing.get(status, 0) if status else sum(standing.values()) - standing.get("refused", 0),
            statuses=STATUSES,
            kinds=KINDS,
            status_=status,
            kind=kind,
            empty_handed=not await tests.standing(partner),
        )
