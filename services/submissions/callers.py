"""Who asks: a partner's program with its API key, or somebody who has signed in; and whose submissions they may see."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import Depends
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from pymongo.asynchronous.database import AsyncDatabase
from starlette.requests import Request

from schemas.envelope import Json
from submissions.store import partner_of
from web.languages import _
from web.people import Person, actor, require
from web.problems import Problem

_bearer = HTTPBearer(
    auto_error=False, scheme_name="ApiKey", description="`Authorization: Bearer sq_live_…`, issued on the page /keys"
)
_session = APIKeyCookie(
    name="shuangqian", auto_error=False, scheme_name="Session", description="of a person who has signed in at /sign-in"
)
_signed_in = require("partner", "operator")


@dataclass(frozen=True)
class Caller:
    """Whoever asks. `partner` is the USCC whose things they see; None: everybody's (an operator)."""

    actor: str
    partner: str | None

    def may_see(self, partner: str) -> None:
        """Raises the Problem of a thing that does not exist: others' submissions are nobody's business."""
        if self.partner not in (None, partner):
            raise unknown_submission()


AsCaller = Callable[..., Awaitable[Caller]]


def with_key(database: AsyncDatabase[Json]) -> AsCaller:
    """Dependency: the partner whose API key came with the request; otherwise 401."""

    async def caller(given: HTTPAuthorizationCredentials | None = Depends(_bearer)) -> Caller:
        partner = await partner_of(database, given.credentials) if given else None
        if partner is None:
            title, detail = (
                _("The API key is missing, unknown or revoked"),
                _("Send Authorization: Bearer, then the key."),
            )
            raise Problem(401, "key-refused", title, detail, headers={"WWW-Authenticate": "Bearer"})
        return Caller(f"partner:{partner}", partner)

    return caller


def with_key_or_session(database: AsyncDatabase[Json]) -> AsCaller:
    """Dependency: a partner's program, or a partner's or operator's person who has signed in; otherwise 401 or 403."""
    by_key = with_key(database)

    async def caller(
        request: Request,
        given: HTTPAuthorizationCredentials | None = Depends(_bearer),
        session: str | None = Depends(_session),  # for the document; web.people reads it
    ) -> Caller:
        return await by_key(given) if given else of_person(_signed_in(request))

    return caller


def of_person(me: Person) -> Caller:
    """A person as a caller. Raises a Problem where they act for no partner and are no operator."""
    if "operator" in me.roles:
        return Caller(actor(me), None)
    if me.partner is None:
        detail = _("Your account names no agency or enterprise. Ask your administrator to add it.")
        raise Problem(403, "no-partner", _("You act for no partner"), detail)
    return Caller(actor(me), me.partner)


def own_partner(me: Person) -> str:
    """The USCC of the partner somebody sends for. Raises a Problem where there is none."""
    partner = me.partner if "partner" in me.roles else None
    if partner is None:
        detail = _("Only a partner’s own people send entries in and issue its keys.")
        raise Problem(403, "no-partner", _("You act for no partner"), detail)
    return partner


def unknown_submission() -> Problem:
    return Problem(404, "unknown-submission", _("There is no such submission"), _("Check the reference."))
