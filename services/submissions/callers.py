"""Who asks: a partner's program with its API key, or somebody who has signed in; and whose submissions they may see."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import get_args

from fastapi import Depends
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import Request

from schemas.envelope import timestamp
from schemas.submission import Mode, Scope
from submissions import keys
from submissions.intake import now
from submissions.keyring import Held, Keyring
from submissions.limiting import Limits, Meter
from submissions.sharing import Sharing
from submissions.turns import Account
from web.languages import _, moment
from web.people import Person, actor, require
from web.problems import Problem

bearer = HTTPBearer(
    auto_error=False,
    scheme_name="ApiKey",
    description="`Authorization: Bearer sq_live_…` or `sq_test_…`, issued on the page /keys",
)
_session = APIKeyCookie(
    name="shuangqian", auto_error=False, scheme_name="Session", description="of a person who has signed in at /sign-in"
)
_signed_in = require("partner", "operator")
SCOPES: tuple[Scope, ...] = get_args(Scope)


@dataclass(frozen=True)
class Gate:
    """What stands before keyed requests: kept as `app.state.gate`."""

    keyring: Keyring
    limits: Limits
    sharing: Sharing


@dataclass(frozen=True)
class Caller:
    """Whoever asks. `partner` is the USCC whose things they see; None: everybody's (an operator).

    `key` is the id of the key that came with the request; None: somebody who has signed in, who may do everything.
    """

    actor: str
    partner: str | None
    key: str | None = None
    mode: Mode = "live"
    scopes: tuple[Scope, ...] = SCOPES

    @property
    def account(self) -> Account:
        """What this use counts under."""
        return self.partner or self.actor, self.mode

    def may_see(self, partner: str) -> None:
        """Raises the Problem of a thing that does not exist: others' things are nobody's business."""
        if self.partner in (None, partner):
            return
        if self.key is None:
            raise unknown_submission()
        detail = _("The key is one of %(own)s; the address names %(other)s. Use that partner’s key, or your own code.")
        names = {"own": self.partner, "other": partner[:40]}
        raise Problem(404, "other-partner", _("This belongs to another partner, or to nobody"), detail % names)

    def may(self, scope: Scope) -> None:
        """Raises the Problem of a key that was not issued for this."""
        if scope not in self.scopes:
            detail = _("It needs the scope “%(scope)s”; this key has: %(scopes)s. Issue one that has it, on /keys.")
            said = detail % {"scope": scope, "scopes": ", ".join(self.scopes)}
            title = _("The key may not do this")
            raise Problem(403, "scope-missing", title, said, scope=scope, scopes=[*self.scopes])


AsCaller = Callable[..., Awaitable[Caller]]


def with_key(scope: Scope, *, many: bool = False) -> AsCaller:
    """Dependency: the partner whose API key came with the request; otherwise 401, 403 or 429.

    `many`: the request sends entries as a stream or a file, and nobody else's makes way for it.
    """

    async def caller(request: Request, given: HTTPAuthorizationCredentials | None = Depends(bearer)) -> Caller:
        gate: Gate = request.app.state.gate
        held = await _held(gate.keyring, given)
        # Set before anything is refused, so that the request log and the limits' headers know whose it is.
        request.scope["state"]["meter"] = Meter(gate.limits, held)
        request.scope["state"]["by"] = f"key:{held.key.id}"  # see web.people.cause
        _in_use(held)
        await gate.limits.request(held)
        found = Caller(f"partner:{held.partner}", held.partner, held.key.id, held.key.mode, held.key.scopes)
        found.may(scope)
        if not many:
            gate.sharing.asked(found.account)
        return found

    return caller


async def note_owner(request: Request) -> None:
    """Have the request log know whose a request is that is refused before its key is looked at."""
    gate: Gate = request.app.state.gate
    with suppress(Problem):  # without a key of anybody it is nobody's
        held = await _held(gate.keyring, await bearer(request))
        request.scope["state"]["meter"] = Meter(gate.limits, held)


def with_key_or_session(scope: Scope) -> AsCaller:
    """Dependency: a partner's program, or a partner's or operator's person who has signed in; otherwise as above."""
    by_key = with_key(scope)

    async def caller(
        request: Request,
        given: HTTPAuthorizationCredentials | None = Depends(bearer),
        session: str | None = Depends(_session),  # for the document; web.people reads it
    ) -> Caller:
        return await by_key(request, given) if given else of_person(_signed_in(request))

    return caller


def live(scope: Scope) -> AsCaller:
    """Dependency: the same, but no test key: what is asked for has effects that no test has."""
    either = with_key_or_session(scope)

    async def caller(found: Caller = Depends(either)) -> Caller:
        if found.mode == "test":
            raise Problem(
                403, "live-only", _("This needs a live key"), _("A test has no such effects. Use a live key.")
            )
        return found

    return caller


async def _held(keyring: Keyring, given: HTTPAuthorizationCredentials | None) -> Held:
    if given is None:
        detail = _("Send the header Authorization: Bearer, a space, and the key. Keys are issued on /keys.")
        raise _unauthorised("key-missing", _("The API key is missing"), detail)
    if keys.id_of(given.credentials) is None:
        detail = _("A key is sq_live_ or sq_test_, 12 digits, _ and 64 digits, and nothing else. Copy it whole.")
        raise _unauthorised("key-malformed", _("This is no API key"), detail)
    held = await keyring.find(given.credentials)
    if held is None:
        detail = _("It has the shape of a key, and is nobody’s. Compare it with what was issued, or issue another.")
        raise _unauthorised("key-unknown", _("The API key is unknown"), detail)
    return held


def _in_use(held: Held) -> None:
    if held.key.revoked:
        detail = _("Use another key of yours, or issue one on /keys.")
        raise _unauthorised("key-revoked", _("The API key is revoked"), detail)
    if held.key.expires and held.key.expired(now()):
        detail = _("It expired on %(when)s. Use the key that took its place, or issue another on /keys.")
        said = detail % {"when": moment(held.key.expires)}
        raise _unauthorised("key-expired", _("The API key has expired"), said, expired=timestamp(held.key.expires))


def _unauthorised(type: str, title: str, detail: str, **members: str) -> Problem:
    return Problem(401, type, title, detail, headers={"WWW-Authenticate": "Bearer"}, **members)


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
