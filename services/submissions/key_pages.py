"""The pages on a partner's API keys: issue, look at, rotate, revoke; and emptying what test keys have sent."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Literal, cast, get_args
from uuid import uuid4

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from schemas.submission import Mode
from submissions.callers import SCOPES, Caller, own_partner
from submissions.desk import Desk
from submissions.domain.partner import LONGEST
from submissions.intake import now
from submissions.key_desk import OVERLAPS, Issued, KeyDesk, Overlap, already_shown
from submissions.keys import NewKey, shown
from submissions.sections import sections
from web.languages import CITY_TIME, _, ngettext, number
from web.pages import notify, page
from web.people import Person, actor, cause, require
from web.problems import Problem

_partner = Depends(require("partner"))


@dataclass
class Filled:
    """The form as it was filled in, and what is wrong with it by field."""

    label: str = ""
    mode: str = "live"
    scopes: list[str] = field(default_factory=lambda: ["submit", "read"])
    expires: str = ""
    wrong: dict[str, str] = field(default_factory=dict)

    def check(self) -> datetime | None:
        """When the key is to expire; fills `wrong`."""
        if not 1 <= len(self.label) <= 60:
            self.wrong["label"] = _("Say in 1 to 60 characters what will use the key.")
        if self.mode not in get_args(Mode):
            self.wrong["mode"] = _("Choose whether the key is for live or for test.")
        if not self.scopes or not set(self.scopes) <= set(SCOPES):
            self.wrong["scopes"] = _("Choose what the key may do, at least one thing.")
        end = end_of_day(self.expires)
        if end == "wrong":
            self.wrong["expires"] = _wrong_day()
            return None
        return end


def end_of_day(text: str) -> datetime | Literal["wrong"] | None:
    """The end of that day by the city's clocks; None where no day is given."""
    if not text.strip():
        return None
    try:
        end = datetime.combine(date.fromisoformat(text.strip()) + timedelta(days=1), time(), CITY_TIME)
    except (ValueError, OverflowError):
        return "wrong"
    return end if now() < end <= now() + LONGEST else "wrong"


def _wrong_day() -> str:
    said = _("Give a day in the next ten years, such as %(day)s, or none.")
    return said % {"day": _in_days(365)}


def _in_days(days: int) -> str:
    return (now().astimezone(CITY_TIME).date() + timedelta(days=days)).isoformat()


def add(router: APIRouter, desk: Desk) -> None:
    """Add them to the router of all pages."""
    _all(router, desk)
    _one(router, desk.keys)


def _all(router: APIRouter, desk: Desk) -> None:
    async def show(
        request: Request, me: Person, filled: Filled, *, status: int = 200, new: NewKey | None = None
    ) -> Response:
        registered, held = await desk.keys.all(own_partner(me))
        return page(
            request,
            "keys.html",
            status=status,
            headers={"Cache-Control": "no-store"},  # the page with a key on it must not stay in any cache
            sections=sections(request, me),
            partner=registered,
            keys=held,
            expiring=[each for each in held if each.status == "expiring" and not each.replaced],
            tests=await desk.count_tests(own_partner(me)),
            new=new,
            filled=filled,
            tomorrow=_in_days(1),
            shown=shown,
            request_id=uuid4().hex,
        )

    @router.get("/keys")
    async def keys(request: Request, me: Person = _partner) -> Response:
        return await show(request, me, Filled())

    @router.post("/keys")
    async def issue(
        request: Request,
        me: Person = _partner,
        label: str = Form(""),
        mode: str = Form("live"),
        scopes: list[str] = Form([]),
        expires: str = Form(""),
        once: str = Form("", alias="request"),
    ) -> Response:
        filled = Filled(label.strip(), mode, scopes, expires)
        end = filled.check()
        if filled.wrong:
            return await show(request, me, filled, status=422)
        key = await desk.keys.issue(
            own_partner(me),
            filled.label,
            Caller(actor(me), own_partner(me)),
            _once(once),
            mode=cast(Mode, mode),
            scopes=tuple(scope for scope in SCOPES if scope in scopes),
            expires=end,
        )
        if key is None:
            raise already_shown()
        return await show(request, me, Filled(), status=201, new=key)

    @router.post("/keys/tests/empty")
    async def empty(request: Request, me: Person = _partner) -> Response:
        n = await desk.empty_tests(own_partner(me))
        said = ngettext("%(n)s test submission is removed.", "%(n)s test submissions are removed.", n)
        notify(request, said % {"n": number(n)})
        return RedirectResponse("/keys", 303)


def _one(router: APIRouter, keys: KeyDesk) -> None:
    async def show(
        request: Request,
        me: Person,
        key: str,
        *,
        status: int = 200,
        wrong: dict[str, str] | None = None,
        new: NewKey | None = None,
    ) -> Response:
        held = _find((await keys.all(own_partner(me)))[1], key)
        return page(
            request,
            "key.html",
            status=status,
            headers={"Cache-Control": "no-store"},
            sections=sections(request, me),
            held=held,
            name=shown(held.key.mode, held.key.id),
            wrong=wrong or {},
            new=new,
            tomorrow=_in_days(1),
            request_id=uuid4().hex,
        )

    @router.get("/keys/{key}")
    async def one(request: Request, key: str, me: Person = _partner) -> Response:
        return await show(request, me, key)

    @router.post("/keys/{key}/rotate")
    async def rotate(
        request: Request,
        key: str,
        me: Person = _partner,
        overlap: str = Form(""),
        expires: str = Form(""),
        once: str = Form("", alias="request"),
    ) -> Response:
        wrong: dict[str, str] = {}
        if overlap not in OVERLAPS:
            wrong["overlap"] = _("Choose how long the old key goes on working.")
        end = end_of_day(expires)
        if end == "wrong":
            wrong["expires"] = _wrong_day()
        if wrong or end == "wrong":
            return await show(request, me, key, status=422, wrong=wrong)
        caller = Caller(actor(me), own_partner(me))
        rotated = await keys.rotate(own_partner(me), key, cast(Overlap, overlap), caller, _once(once), expires=end)
        if rotated is None:
            raise already_shown()
        return await show(request, me, key, status=201, new=rotated[0])

    @router.post("/keys/{key}/revoke")
    async def revoke(request: Request, key: str, me: Person = _partner) -> Response:
        await keys.revoke(own_partner(me), key, Caller(actor(me), own_partner(me)), cause(request))
        notify(request, _("The key is revoked: requests with it are refused from now on."))
        return RedirectResponse("/keys", 303)


def _find(held: list[Issued], key: str) -> Issued:
    found = next((each for each in held if each.key.id == key), None)
    if found is None:
        raise Problem(404, "unknown-key", _("There is no such key"))
    return found


def _once(request: str) -> str:
    """The cause of a form that may be sent twice: its page's own number."""
    return f"request:{request[:64] or uuid4().hex}"
