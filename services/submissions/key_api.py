"""The JSON on API keys: list, issue, rotate, revoke."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints
from starlette.requests import Request

from schemas.submission import Mode, Scope
from submissions.answers import KEYED, KNOWN, Partner, problems
from submissions.callers import Caller, with_key_or_session
from submissions.key_desk import Issued, KeyDesk, Overlap, already_shown
from submissions.marked import N_
from web.people import cause

Scopes = Annotated[tuple[Scope, ...], Field(min_length=1, max_length=3)]

KeyId = Annotated[
    str, Path(description="the twelve characters after `sq_live_` or `sq_test_`", examples=["0a1c447ca5df"])
]


class NewKey(BaseModel):
    """What a key is for. `submit`: send, revise, withdraw; `read`: see submissions, requests; `keys`: these routes."""

    label: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)] = Field(
        examples=["ERP, production"]
    )
    mode: Mode = Field("live", description="`test`: answered as live would be, and never published")
    scopes: Scopes = ("submit", "read")
    expires: AwareDatetime | None = Field(None, description="from then on it opens nothing; none: until revoked")


class Rotation(BaseModel):
    overlap: Overlap = Field("1d", description="how long the old key goes on working")
    expires: AwareDatetime | None = Field(None, description="of the new key")


class HeldKey(BaseModel):
    """A key without its secret; `used` is when it was last used, to the minute."""

    id: str
    label: str
    mode: Mode
    scopes: tuple[Scope, ...]
    status: str = Field(description="active, expiring (soon), expired or revoked")
    issued: AwareDatetime
    used: AwareDatetime | None
    expires: AwareDatetime | None
    replaces: str | None = Field(description="id of the key it was rotated from")


class KeyIssued(BaseModel):
    """`key` is shown here and never again."""

    id: str
    key: str
    mode: Mode
    scopes: tuple[Scope, ...]
    expires: AwareDatetime | None


class KeyRotated(KeyIssued):
    """`replaces` is the old key's id; it goes on working until `until`."""

    replaces: str
    until: AwareDatetime | None


def routes(keys: KeyDesk) -> APIRouter:
    """/partners/{uscc}/keys: for the partner's own people, operators, and keys with the scope `keys`."""
    router = APIRouter(
        tags=[N_("Partners and keys")], dependencies=KNOWN, responses=KEYED, prefix="/partners/{uscc}/keys"
    )
    either = Depends(with_key_or_session("keys"))
    unknown = {"_404": N_("No such key, or it is another partner’s")}
    beyond = {"_403": N_("The key has not the scope `keys`, or would reach beyond itself")}

    @router.get(
        "",
        summary=N_("A partner’s API keys, and when each was last used"),
        response_description=N_("Its keys: those that work first"),
        responses=problems(_404=N_("It is another partner")),
    )
    async def listing(uscc: Partner, caller: Caller = either) -> list[HeldKey]:
        caller.may_see(uscc)
        return [_held(each) for each in (await keys.all(uscc))[1]]

    @router.post(
        "",
        status_code=201,
        summary=N_("Issue an API key"),
        description=N_("By the partner’s own people, operators, or a key with the scope `keys`."),
        response_description=N_("The key, which is shown here and kept nowhere"),
        responses=problems(
            **beyond,
            _404=N_("The partner is not registered, or is another one"),
            _409=N_("There are too many keys, or so many were issued that there is no room for more"),
        ),
    )
    async def issue(request: Request, uscc: Partner, body: NewKey, caller: Caller = either) -> KeyIssued:
        caller.may_see(uscc)
        scopes = tuple(dict.fromkeys(body.scopes))
        said = {"mode": body.mode, "scopes": scopes, "expires": body.expires}
        key = await keys.issue(uscc, body.label, caller, cause(request), **said)  # type: ignore[arg-type]
        if key is None:
            raise already_shown()
        return KeyIssued(id=key.id, key=key.text, mode=body.mode, scopes=scopes, expires=body.expires)

    @router.post(
        "/{key}/rotate",
        status_code=201,
        summary=N_("Rotate an API key"),
        description=N_(
            "Issues one of the same label, mode and scopes; the old one works on for a while, then expires."
        ),
        response_description=N_("The new key, which is shown here and kept nowhere"),
        responses=problems(**beyond, **unknown, _409=N_("It is revoked or expired, or no key can be issued")),
    )
    async def rotate(
        request: Request, uscc: Partner, key: KeyId, body: Rotation, caller: Caller = either
    ) -> KeyRotated:
        caller.may_see(uscc)
        rotated = await keys.rotate(uscc, key, body.overlap, caller, cause(request), expires=body.expires)
        if rotated is None:
            raise already_shown()
        new, old = rotated
        return KeyRotated(
            id=new.id,
            key=new.text,
            mode=old.mode,
            scopes=old.scopes,
            expires=body.expires,
            replaces=old.id,
            until=old.expires,
        )

    @router.delete(
        "/{key}",
        status_code=204,
        summary=N_("Revoke an API key"),
        response_description=N_("It is revoked"),
        responses=problems(**beyond, **unknown),
    )
    async def revoke(request: Request, uscc: Partner, key: KeyId, caller: Caller = either) -> None:
        caller.may_see(uscc)
        await keys.revoke(uscc, key, caller, cause(request))

    return router


def _held(issued: Issued) -> HeldKey:
    key = issued.key
    return HeldKey(
        id=key.id,
        label=key.label,
        mode=key.mode,
        scopes=key.scopes,
        status=issued.status,
        issued=issued.at,
        used=issued.used,
        expires=key.expires,
        replaces=key.replaces,
    )
