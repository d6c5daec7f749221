"""The roster as pages, for operators: who reviews, what they know and may not judge, when they have time; as CSV too.

Onlookers see it and may press nothing. At the same addresses as the JSON, for browsers.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from review import tables
from review.assignment.applying import Fault
from review.assignment.situation import absent, kept_for
from review.desk import Desk, now, problem
from review.domain.reviewer import Reviewer, stream
from review.pages import ForPeople
from review.profiles import COLUMNS, DAYS, LANGUAGES, fields, read
from schemas.entry import Industry, Theme
from schemas.envelope import Refusal
from schemas.review import Profile
from web.languages import CITY_TIME, _
from web.operations import operations_tabs
from web.pages import notify, page
from web.people import Person, cause, require
from web.problems import Problem

Looking = Annotated[Person, Depends(require("operator", "onlooker"))]
Operator = Annotated[Person, Depends(require("operator"))]
#: Columns that a file must have: of whom, and what they are called.
NEEDED = ("reviewer", "name")
#: Fields of the form that are boxes to tick.
TICKED = ("industries", "themes", "languages")
NEW = {"languages": "zh", "expert": "no"}


def roster_pages(desk: Desk) -> APIRouter:
    """The pages under /reviewers, to be included before the JSON; GET /reviewers.csv, POST /reviewers:file."""
    router = APIRouter(include_in_schema=False, route_class=ForPeople)
    files = APIRouter(include_in_schema=False)
    reviewers = desk.roster.reviewers

    async def listed(request: Request, status: int = 200, **said: Any) -> Response:
        at = now()
        return page(
            request,
            "roster.html",
            status=status,
            absent=await absent(desk, at, await kept_for(desk.store.cases, at)),
            tabs=operations_tabs(request, "/reviewers"),
            reviewers=await desk.roster.active(),
            today=at.astimezone(CITY_TIME).date(),
            path=path,
            most_rows=tables.MAX_ROWS,
            columns=COLUMNS,
            **{"faults": [], "unreadable": None, "nothing": False, **said},
        )

    @router.get("/reviewers")
    async def roster(request: Request, me: Looking) -> Response:
        return await listed(request)

    @files.get("/reviewers.csv")
    async def download(request: Request, me: Looking) -> Response:
        everybody = await desk.roster.active()
        rows = [fields(each.reviewer, each.profile) for each in everybody if each.profile]
        return tables.written("reviewers.csv", COLUMNS, rows)

    @router.post("/reviewers:file")
    async def upload(request: Request, me: Operator, file: UploadFile | None = None) -> Response:
        try:
            body = await file.read(tables.MAX_ROWS * tables.ROW_BYTES + 1) if file else b""
            rows = tables.read(body, COLUMNS, NEEDED)
        except Problem as unreadable:
            return await listed(request, 422, unreadable=unreadable)
        known = {each.reviewer: each.profile for each in await desk.roster.active() if each.profile}
        profiles, faults = _profiles(rows, known)
        if faults or not profiles:
            return await listed(request, 422, faults=faults, nothing=not faults)
        outcomes = await desk.register(profiles, me, cause(request))
        changed = sum(outcome.fresh for outcome in outcomes)
        said = _("The roster is brought up to date: %(changed)s of %(rows)s rows said something new.")
        notify(request, said % {"changed": changed, "rows": len(outcomes)})
        return RedirectResponse("/reviewers", 303)

    @router.get("/reviewers:new")
    async def new(request: Request, me: Operator) -> Response:
        return _form(request, None, NEW, {})

    @router.post("/reviewers:new")
    async def add(request: Request, me: Operator) -> Response:
        given = await _given(request)
        sub, profile, errors = read(given)
        if sub and "reviewer" not in errors and (await reviewers.get(stream(sub))).state.status == "active":
            errors["reviewer"] = _("This account is on the roster already. Change its own entry.")
        if errors or profile is None:
            return _form(request, None, given, errors)
        await desk.register({sub: profile}, me, cause(request))
        notify(request, _("%(name)s is on the roster.") % {"name": profile.name})
        return RedirectResponse("/reviewers", 303)

    @router.get("/reviewers/{reviewer}")
    async def one(request: Request, reviewer: str, me: Operator) -> Response:
        state = await _active(desk, reviewer)
        assert state.profile is not None
        return _form(request, reviewer, fields(reviewer, state.profile), {})

    @router.post("/reviewers/{reviewer}")
    async def change(request: Request, reviewer: str, me: Operator) -> Response:
        await _active(desk, reviewer)
        given = await _given(request) | {"reviewer": reviewer}
        _sub, profile, errors = read(given)
        if profile is None:
            return _form(request, reviewer, given, errors)
        await desk.register({reviewer: profile}, me, cause(request))
        notify(request, _("The entry of %(name)s is changed.") % {"name": profile.name})
        return RedirectResponse("/reviewers", 303)

    @router.get("/reviewers/{reviewer}/remove")
    async def ask(request: Request, reviewer: str, me: Operator) -> Response:
        state = await _active(desk, reviewer)
        return page(request, "reviewer-remove.html", reviewer=state, path=path(reviewer))

    @router.post("/reviewers/{reviewer}/remove")
    async def remove(request: Request, reviewer: str, me: Operator) -> Response:
        await desk.remove(reviewer, me, cause(request))
        notify(request, _("Removed. What they held is free, and the reviews they gave stand."))
        return RedirectResponse("/reviewers", 303)

    router.include_router(files)
    return router


def path(reviewer: str) -> str:
    """The address of somebody on the roster."""
    return f"/reviewers/{quote(reviewer, safe='')}"


async def _active(desk: Desk, reviewer: str) -> Reviewer:
    state = (await desk.roster.reviewers.get(stream(reviewer))).state
    if state.status != "active":
        raise problem(Refusal("reviewer.unknown"))
    return state


async def _given(request: Request) -> dict[str, str]:
    form = await request.form()
    return {name: "; ".join(map(str, form.getlist(name))) for name in form}


def _form(request: Request, reviewer: str | None, given: Mapping[str, str], errors: Mapping[str, str]) -> Response:
    """The form for a new reviewer, or for the one named."""
    return page(
        request,
        "reviewer.html",
        status=422 if errors else 200,
        reviewer=reviewer,
        path=path(reviewer) if reviewer else "/reviewers:new",
        given={name: given.get(name, "") for name in COLUMNS},
        ticked={name: [each.strip() for each in given.get(name, "").split(";")] for name in TICKED},
        errors=errors,
        columns=COLUMNS,
        days=DAYS,
        choices={"industries": [*Industry], "themes": [*Theme], "languages": [*LANGUAGES]},
        languages_called=LANGUAGES,
    )


def _profiles(rows: Sequence[tables.Row], known: Mapping[str, Profile]) -> tuple[dict[str, Profile], list[Fault]]:
    """What a file says of each account, or all that is wrong with it. A column that is not there changes nothing."""
    profiles: dict[str, Profile] = {}
    faults: list[Fault] = []
    count = Counter(row.cells.get("reviewer", "") for row in rows)
    for row in rows:
        sub = row.cells.get("reviewer", "")
        before = fields(sub, known[sub]) if sub in known else NEW
        sub, profile, errors = read({**before, **row.cells})
        if count[sub] > 1 and "reviewer" not in errors:
            errors["reviewer"] = _("This account stands in the file more than once.")
        faults += [Fault(row.number, field, text) for field, text in errors.items()]
        if profile is not None:
            profiles[sub] = profile
    return profiles, faults
