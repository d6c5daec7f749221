"""Access to Kafka, as a page and as JSON: a partner's accounts, granting another, and revoking one."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Depends, Form, Path
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from schemas.entry import Uscc
from submissions.answers import KEYED, KNOWN, problems
from submissions.callers import Caller, live, own_partner
from submissions.kafka_accounts import Access, KafkaAccounts
from submissions.marked import N_
from submissions.sections import sections
from web.languages import _
from web.pages import notify, page
from web.people import Person, actor, cause, require
from web.problems import Problem

_Account = Annotated[str, Path(description="what it signs in as at Kafka")]
_WhosePath = Annotated[Uscc, Path(description="unified social credit code", examples=["91510106MA6RH83W82"])]


class AccountLabel(BaseModel):
    label: str = Field(min_length=1, max_length=60, examples=["ERP, production"])


class AccessGranted(BaseModel):
    """What a system signs in with at Kafka. `password` is shown here and never again."""

    account: str
    username: str
    password: str
    bootstrap_servers: str
    security_protocol: str
    mechanism: str
    intake_topic: str = Field(description="to write to")
    receipts_topic: str = Field(description="to read from")
    group_prefix: str = Field(description="with which the names of its consumer groups begin")


class KafkaAccount(BaseModel):
    account: str
    label: str
    granted: datetime
    revoked: bool


def api_routes(accounts: KafkaAccounts) -> APIRouter:
    """The JSON routes; the partner's own people and programs, and operators."""
    router = APIRouter(tags=[N_("Partners and keys")], dependencies=KNOWN, responses=KEYED)
    either = Depends(live("keys"))

    @router.get(
        "/partners/{uscc}/kafka-accounts",
        summary=N_("The partner’s Kafka accounts"),
        response_description=N_("All of them, revoked ones too; passwords are kept nowhere"),
    )
    async def listing(uscc: _WhosePath, caller: Caller = either) -> list[KafkaAccount]:
        caller.may_see(uscc)
        partner, granted = await accounts.of(uscc)
        return [
            KafkaAccount(account=held.id, label=held.label, granted=granted[held.id], revoked=held.revoked)
            for held in partner.accounts
        ]

    @router.post(
        "/partners/{uscc}/kafka-accounts",
        status_code=201,
        summary=N_("Grant access to Kafka (the partner’s own people, and operators)"),
        description=N_("Makes the partner’s two topics, where they are missing, and an account that may use them."),
        response_description=N_("What to sign in with; the password is shown here and kept nowhere"),
        responses=problems(
            _404=N_("The partner is not registered, or is another one"),
            _409=N_("There are too many Kafka accounts"),
            _503=N_("Kafka does not answer"),
        ),
    )
    async def grant(request: Request, uscc: _WhosePath, body: AccountLabel, caller: Caller = either) -> AccessGranted:
        caller.may_see(uscc)
        access = await accounts.grant(uscc, body.label, caller, cause(request))
        if access is None:
            raise password_shown()
        return AccessGranted(**asdict(access))

    @router.delete(
        "/partners/{uscc}/kafka-accounts/{account}",
        status_code=204,
        summary=N_("Revoke a Kafka account"),
        response_description=N_("It is shut out, also where it is signed in"),
        responses=problems(_404=N_("There is no such Kafka account"), _503=N_("Kafka does not answer")),
    )
    async def revoke(request: Request, uscc: _WhosePath, account: _Account, caller: Caller = either) -> None:
        caller.may_see(uscc)
        await accounts.revoke(uscc, account, caller, cause(request))

    return router


def add(router: APIRouter, accounts: KafkaAccounts) -> None:
    """Add the pages: /kafka for a partner's people, /partners/{uscc}/kafka for operators."""
    _pages(router, accounts, "/kafka", "partner")
    _pages(router, accounts, "/partners/{uscc}/kafka", "operator")


def _pages(router: APIRouter, accounts: KafkaAccounts, path: str, role: str) -> None:
    somebody = Depends(require(role))

    def whose(request: Request, me: Person) -> str:
        return str(request.path_params.get("uscc") or own_partner(me))

    def as_caller(me: Person) -> Caller:
        return Caller(actor(me), own_partner(me) if role == "partner" else None)

    async def show(
        request: Request, me: Person, *, status: int = 200, new: Access | None = None, wrong: str | None = None
    ) -> Response:
        uscc = whose(request, me)
        partner, granted = await accounts.of(uscc)
        return page(
            request,
            "kafka.html",
            status=status,
            # The page with a password on it must not stay in any cache.
            headers={"Cache-Control": "no-store"},
            sections=sections(request, me),
            base=path.format(uscc=uscc),
            partner=partner,
            accounts=sorted(partner.accounts, key=lambda held: (held.revoked, granted[held.id])),
            granted=granted,
            access=new or accounts.access(uscc, f"partner-{uscc}-…"),
            new=new,
            wrong=wrong,
            rate=accounts.rate,
            request_id=uuid4().hex,
        )

    @router.get(path)
    async def listing(request: Request, me: Person = somebody) -> Response:
        return await show(request, me)

    @router.post(path)
    async def grant(
        request: Request, me: Person = somebody, label: str = Form(""), once: str = Form("", alias="request")
    ) -> Response:
        label = label.strip()
        if not 1 <= len(label) <= 60:
            return await show(request, me, status=422, wrong=_("Say in 1 to 60 characters what will use the account."))
        by = f"request:{once[:64] or uuid4().hex}"
        access = await accounts.grant(whose(request, me), label, as_caller(me), by)
        if access is None:
            raise password_shown()
        return await show(request, me, status=201, new=access)

    @router.get(path + "/{account}/revoke")
    async def ask(request: Request, account: str, me: Person = somebody) -> Response:
        partner, granted = await accounts.of(whose(request, me))
        held = next((held for held in partner.accounts if held.id == account), None)
        if held is None:
            raise Problem(404, "unknown-account", _("There is no such Kafka account"))
        base = path.format(uscc=whose(request, me))
        here = sections(request, me)
        return page(request, "kafka-revoke.html", sections=here, base=base, account=held, granted=granted[account])

    @router.post(path + "/{account}/revoke")
    async def revoke(request: Request, account: str, me: Person = somebody) -> Response:
        await accounts.revoke(whose(request, me), account, as_caller(me), cause(request))
        notify(request, _("The account is revoked: Kafka lets it in no more."))
        return RedirectResponse(path.format(uscc=whose(request, me)), 303)


def password_shown() -> Problem:
    detail = _("Grant another account, and revoke the one whose password you did not keep.")
    return Problem(409, "password-shown", _("This password was shown already"), detail)
