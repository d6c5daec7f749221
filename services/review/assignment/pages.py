"""Assignments as pages, for operators: what is kept for whom; a proposal, changed by hand and applied; CSV both ways.

Onlookers see them and may press nothing. At the same addresses as the JSON, for browsers.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from review import tables
from review.addresses import Addresses
from review.assignment.applying import MAX_WISHES, Applied, Fault, Wish, assign
from review.assignment.lines import COLUMNS, Line, Seat, line, proposed, rows_of_kept, rows_of_proposal
from review.assignment.proposing import Proposal, propose
from review.assignment.situation import MOST, Situation, absent, kept, kept_for, kept_from, situation, states
from review.assignment.words import why
from review.desk import Desk, now
from review.domain.assigning import Unassign
from review.pages import ForPeople
from web.languages import _, ngettext
from web.operations import operations_tabs
from web.pages import notify, page
from web.people import Person, actor, cause, require
from web.problems import Problem

Looking = Annotated[Person, Depends(require("operator", "onlooker"))]
Operator = Annotated[Person, Depends(require("operator"))]
NEEDED = ("case", "reviewer")


def assignment_pages(desk: Desk, addresses: Addresses) -> APIRouter:
    """The pages under /assignments, to be included before the JSON; and the CSV, for whoever asks."""
    router = APIRouter(include_in_schema=False, route_class=ForPeople)
    files = APIRouter(include_in_schema=False)

    async def listed(request: Request, after: str | None = None, status: int = 200, **said: Any) -> Response:
        at = now()
        found, next = await kept_from(desk.store.cases, at, addresses.cursor(after))
        if after and not found:  # the last on that page was taken off
            return RedirectResponse("/assignments", 303)
        counts = await kept_for(desk.store.cases, at)
        return page(
            request,
            "assignments.html",
            status=status,
            tabs=operations_tabs(request, "/assignments"),
            kept=found,
            total=counts.total(),
            next=addresses.seal(next) if next else None,
            after=after,
            absent=await absent(desk, at, counts),
            at=at,
            names=await _names(desk),
            case_path=addresses.path,
            why=why,
            columns=COLUMNS,
            **{"faults": [], "unreadable": None, "nothing": False, **said},
        )

    def shown(request: Request, found: Situation, lines: Sequence[Line], faults: Sequence[Fault] = ()) -> Response:
        return page(
            request,
            "proposal.html",
            status=422 if faults else 200,
            tabs=operations_tabs(request, "/assignments"),
            lines=lines,
            seats=[seat for each in lines for seat in each.seats if not seat.kept],
            reviewers=found.reviewers,
            minutes=found.minutes,
            timed=found.timed,
            faults=faults,
            wrong={fault.row: fault.text for fault in faults},
            most=MOST,
            case_path=addresses.path,
        )

    @router.get("/assignments")
    async def overview(request: Request, me: Looking, after: str | None = None) -> Response:
        return await listed(request, after)

    @router.get("/assignments/proposal")
    async def proposal(request: Request, me: Looking) -> Response:
        found, best = await proposing(desk)
        return shown(request, found, proposed(found.cases, found.reviewers, best))

    @router.post("/assignments")
    async def apply(request: Request, me: Operator) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        wishes = _wishes(form)
        done = await assign(desk, me, cause(request), wishes)
        if done.faults and not done.written:
            found = await situation(desk, now())
            return shown(request, found, await _as_sent(desk, found, form), done.faults)
        _tell(request, done, {wish.row: wish.case for wish in wishes})
        return RedirectResponse("/assignments", 303)

    @router.post("/assignments:off")
    async def off(request: Request, me: Operator) -> Response:
        form = await request.form()
        id, sub = str(form.get("case", "")), str(form.get("reviewer", ""))
        press = f"{cause(request)}:{sub}"
        command = Unassign(stream=id, cause=press, actor=actor(me), at=now(), reviewer=sub)
        (outcome,) = await desk.cases.handle([command])
        if outcome.fresh:
            notify(request, _("Taken off: anybody may have the case now."))
        after = str(form.get("after", ""))
        return RedirectResponse(f"/assignments?{urlencode({'after': after})}" if after else "/assignments", 303)

    @router.post("/assignments:free")
    async def free(request: Request, me: Operator) -> Response:
        """Nothing is kept any more for the one who is named."""
        sub = str((await request.form()).get("reviewer", ""))
        by: dict[str, Any] = {"cause": f"{cause(request)}:{sub}", "actor": actor(me), "at": now(), "reviewer": sub}
        ids = {each.id for each in await kept(desk.store.cases, now()) if each.reviewer == sub}
        outcomes = await desk.cases.handle([Unassign(stream=id, **by) for id in sorted(ids)]) if ids else []
        freed = sum(outcome.fresh for outcome in outcomes)
        said = ngettext("%(count)s case is free for others.", "%(count)s cases are free for others.", freed)
        notify(request, said % {"count": freed})
        return RedirectResponse("/assignments", 303)

    @router.post("/assignments:file")
    async def upload(request: Request, me: Operator, file: UploadFile | None = None) -> Response:
        try:
            body = await file.read(MAX_WISHES * tables.ROW_BYTES + 1) if file else b""
            rows = await asyncio.to_thread(tables.read, body, COLUMNS, NEEDED, MAX_WISHES)
        except Problem as unreadable:
            return await listed(request, status=422, unreadable=unreadable)
        wishes = [Wish(row.number, row.cells.get("case", ""), row.cells.get("reviewer", "")) for row in rows]
        done = await assign(desk, me, cause(request), wishes)
        if not wishes or (done.faults and not done.written):
            return await listed(request, status=422, faults=done.faults, nothing=not wishes)
        _tell(request, done, {wish.row: _("Row %(row)s") % {"row": wish.row} for wish in wishes})
        return RedirectResponse("/assignments", 303)

    @files.get("/assignments.csv")
    async def download(request: Request, me: Looking) -> Response:
        found = await kept(desk.store.cases, now())
        return tables.written("assignments.csv", COLUMNS, rows_of_kept(found, await _names(desk)))

    @files.get("/assignments/proposal.csv")
    async def download_proposal(request: Request, me: Looking) -> Response:
        found, best = await proposing(desk)
        lines = proposed(found.cases, found.reviewers, best)
        return tables.written("proposal.csv", COLUMNS, rows_of_proposal(lines))

    router.include_router(files)
    return router


async def proposing(desk: Desk) -> tuple[Situation, Proposal]:
    """How things stand, and the best assignment; it is reckoned in a thread, so that nobody else waits for it."""
    found = await situation(desk, now())
    return found, await asyncio.to_thread(propose, found.cases, found.reviewers)


def _wishes(form: Mapping[str, str]) -> list[Wish]:
    """What the form says of each case: for just whom it is to be kept. One of which all seats are empty is to be
    nobody's if it was kept; else it says nothing of it: it is free as it is, or somebody else assigned it since."""
    sent = _sent(form)
    named = {form[f"case-{number}"] for number, sub in sent if sub}
    wishes = []
    for number, sub in sent:
        case = form[f"case-{number}"]
        if sub or (case not in named and form.get(f"kept-{number}")):
            wishes.append(Wish(number, case, sub, by_hand=sub != form.get(f"shown-{number}")))
            named.add(case)
    return wishes


def _sent(form: Mapping[str, str]) -> list[tuple[int, str]]:
    """The seats of the form: number, and who is chosen."""
    numbers = [int(found[1]) for name in form if (found := re.fullmatch(r"case-(0|[1-9][0-9]{0,4})", name))]
    return [(number, form.get(f"reviewer-{number}", "")) for number in sorted(numbers)]


async def _as_sent(desk: Desk, found: Situation, form: Mapping[str, str]) -> list[Line]:
    """The form again as it was sent, so that one thing in it can be mended."""
    by_case: dict[str, list[Seat]] = {}
    for number, sub in _sent(form):
        shown, said, kept = (form.get(f"{name}-{number}", "") for name in ("shown", "why", "kept"))
        seat = Seat(number, sub, shown, said, bool(kept))
        by_case.setdefault(form[f"case-{number}"], []).append(seat)
    cases = await states(desk.store.cases, by_case.keys())
    return [line(id, cases[id], tuple(seats), found.reviewers) for id, seats in by_case.items() if id in cases]


def _tell(request: Request, done: Applied, places: Mapping[int, str]) -> None:
    """What was done; and of cases that moved on in between, why not. `places` are what people call the rows."""
    said = _("Assigned: %(assigned)s. Taken off: %(freed)s.") % {"assigned": done.assigned, "freed": done.freed}
    notify(request, said)
    for fault in done.faults:
        notify(request, places[fault.row] + _(": ") + fault.text, "warning")


async def _names(desk: Desk) -> dict[str, str]:
    return {each.reviewer: each.profile.name for each in await desk.roster.active() if each.profile}
