"""The JSON that partners' programs speak: sending entries in, and asking where they are."""

import hashlib
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, Field
from pymongo.asynchronous.database import AsyncDatabase
from starlette.requests import Request

from schemas.entry import Name, SubmissionLine, Uscc
from schemas.envelope import Json, timestamp
from schemas.rules import MAX_LINE_BYTES
from submissions.callers import Caller, with_key, with_key_or_session
from submissions.desk import Desk, Story
from submissions.expected import Expected
from submissions.intake import Intake, Receipt
from submissions.marked import N_
from submissions.ndjson import Line
from submissions.queues import Queue, Queues
from submissions.receipts import Receipts
from submissions.sample import sample
from submissions.store import Lists
from submissions.waits import waits_for
from web.languages import _, language
from web.people import cause
from web.problems import TYPE_PREFIX, Problem

Kind = Literal["scene", "product", "linkage"]
Partner = Annotated[str, Path(description="unified social credit code", examples=["91510106MA6RH83W82"])]
Reference = Annotated[str, Path(description="the partner’s own name for it", examples=["rail-robot-01"])]


class Decided(BaseModel):
    """The newest revision's decision. `comments` are the reviewers', without names, where changes are asked for."""

    decision: str
    time: str
    score: int | None
    reasons: tuple[str, ...]
    comments: tuple[str, ...]


class Standing(BaseModel):
    """Where a submission is, and what it waits for."""

    stream: str
    reference: str | None
    kind: str | None
    title: Name | None
    revision: int
    status: str
    waits_for: str = Field(description="what happens next and by whom, in the caller’s language")
    release: str | None = Field(description="month it is in or going to be in, `YYYY-MM`")


class Listing(BaseModel):
    """One page of submissions, the latest changed first; `next` goes into `after`."""

    items: list[Standing]
    next: str | None


class Detail(Standing):
    """A submission with what was sent last and every step it took, the latest first."""

    entry: Any
    refusals: int
    decision: Decided | None
    timeline: list[Json]
    queue: Queue | None = Field(description="its place among those that wait for reviewers in the same status")
    expected: Expected | None = Field(
        description="when its decision or its release may come, measured on those before; null: too few to say"
    )


class NewPartner(BaseModel):
    uscc: Uscc
    name: Name
    type: Literal["agency", "enterprise"]


class Label(BaseModel):
    label: str = Field(min_length=1, max_length=60, examples=["ERP, production"])


class KeyIssued(BaseModel):
    """`key` is shown here and never again."""

    id: str
    key: str


class Reason(BaseModel):
    reason: str = Field(min_length=2, max_length=500)


_PROBLEM = {
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "properties": {
                    "type": {"type": "string", "example": TYPE_PREFIX + "submission-refused"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                    "findings": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {
                                "rule": {"type": "string", "example": "dates.order"},
                                "pointer": {"type": "string", "example": "/entry/closes"},
                                "found": {"type": ["string", "null"]},
                                "expected": {"type": ["string", "null"]},
                                "text": {"type": "string"},
                            },
                        },
                    },
                    "recorded": {"type": "string", "description": "id of the fact `submission.refused` in the history"},
                },
            }
        }
    }
}


def problems(**said: str) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's responses for problems: `_422=N_("…")`."""
    return {int(status[1:]): {"description": text, **_PROBLEM} for status, text in said.items()}


#: What FastAPI itself answers to a request that is not as it must be.
INVALID = problems(_422=N_("The request is not complete or not valid"))


def routes(database: AsyncDatabase[Json], desk: Desk, lists: Lists) -> APIRouter:
    """The JSON routes."""
    router = APIRouter()
    router.include_router(_sending(database, desk))
    router.include_router(_asking(database, desk, lists))
    router.include_router(_keeping(database, desk))
    return router


def _sending(database: AsyncDatabase[Json], desk: Desk) -> APIRouter:
    router = APIRouter(tags=[N_("Sending entries in")], responses=INVALID)
    by_key = Depends(with_key(database))
    json_body = {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": SubmissionLine.model_json_schema(),
                    "example": sample("91510106MA6RH83W82"),
                }
            },
        }
    }
    lines_body = {
        "requestBody": {
            "required": True,
            "content": {"application/x-ndjson": {"schema": {"type": "string"}, "example": "{…}\n{…}\n"}},
        }
    }

    @router.post(
        "/submissions",
        status_code=201,
        response_model=Receipt,
        response_model_exclude={"findings"},
        openapi_extra=json_body,
        summary=N_("Send one entry in"),
        description=N_("Whatever was sent before is answered with the same receipt."),
        response_description=N_("It is stored for good, and on its way to review"),
        responses={
            200: {"model": Receipt, "description": N_("It is here already: the receipt it got then")},
            **problems(
                _401=N_("The key is missing, unknown or revoked"),
                _409=N_("It contradicts what is held: `revision.taken`, `revision.stale`, `kind.changed`, …"),
                _422=N_("It breaks rules: all of them are named"),
            ),
        },
    )
    async def send(request: Request, response: Response, caller: Caller = by_key) -> Receipt:
        line = await _whole(request)
        ((receipt, fresh),) = await _intake(desk, caller).take([line])
        if receipt.status == "refused":
            raise refused(receipt)
        response.status_code = 201 if fresh else 200
        response.headers["Location"] = f"/submissions/{receipt.stream}"
        return receipt

    @router.post(
        "/submissions:stream",
        status_code=200,
        response_class=Receipts,
        openapi_extra=lines_body,
        summary=N_("Send many entries in, one JSON object a line"),
        description="\n\n".join(
            (
                N_(
                    "Receipts come while lines still go: read them as you send. A client that sends thousands of "
                    "lines without reading will wait, and be cut off after a minute. Whatever breaks off, send again: "
                    "nothing takes effect twice."
                ),
                N_(
                    "A bad line is refused with every finding, and the lines after it go on. Blank lines count, and "
                    "are passed over. A line may have 1,000,000 bytes."
                ),
            )
        ),
        responses={
            200: {
                "description": N_("A receipt a line, in order, each once its entry is stored for good"),
                "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
            },
            **problems(_401=N_("The key is missing, unknown or revoked")),
        },
    )
    async def stream(request: Request, caller: Caller = by_key) -> Response:
        return Receipts(request, _intake(desk, caller))

    return router


def _asking(database: AsyncDatabase[Json], desk: Desk, lists: Lists) -> APIRouter:
    router = APIRouter(tags=[N_("Where entries are")], responses=INVALID)
    either = Depends(with_key_or_session(database))
    queues = Queues(database)

    @router.get(
        "/submissions",
        summary=N_("My submissions"),
        response_description=N_("One page, the latest changed first"),
        responses=problems(_401=N_("Neither key nor session")),
    )
    async def listing(
        caller: Caller = either,
        status: Annotated[str | None, Query(description="such as `in-review`; `refused`: never accepted")] = None,
        kind: Kind | None = None,
        after: Annotated[str | None, Query(description="the `next` of the page before")] = None,
    ) -> Listing:
        rows, next = await lists.page(caller.partner, status=status, kind=kind, after=after)
        items = [
            Standing(
                stream=row.stream,
                reference=row.reference,
                kind=row.state["kind"],
                title=row.state["title"],
                revision=row.state["revision"],
                status=row.status,
                waits_for=waits_for(row.status, row.release),
                release=row.release,
            )
            for row in rows
        ]
        return Listing(items=items, next=next)

    @router.get(
        "/submissions/{uscc}/{reference}",
        summary=N_("One submission: what was sent, where it is, and every step"),
        response_description=N_("The submission"),
        responses=problems(_401=N_("Neither key nor session"), _404=N_("There is none, or it is another partner’s")),
    )
    async def detail(uscc: Partner, reference: Reference, caller: Caller = either) -> Detail:
        caller.may_see(uscc)
        return await _detail(await desk.story(f"{uscc}/{reference}"), queues)

    @router.post(
        "/submissions/{uscc}/{reference}/withdraw",
        summary=N_("Withdraw a submission that is not published"),
        response_description=N_("It is withdrawn"),
        responses=problems(_404=N_("There is none, or it is another partner’s"), _409=N_("It is published")),
    )
    async def withdraw(
        uscc: Partner, reference: Reference, request: Request, body: Reason, caller: Caller = either
    ) -> Detail:
        caller.may_see(uscc)
        await desk.withdraw(f"{uscc}/{reference}", body.reason, caller, cause(request))
        return await _detail(await desk.story(f"{uscc}/{reference}"), queues)

    return router


def _keeping(database: AsyncDatabase[Json], desk: Desk) -> APIRouter:
    router = APIRouter(tags=[N_("Partners and keys")], responses=INVALID)
    either = Depends(with_key_or_session(database))

    def operator(caller: Caller = either) -> Caller:
        if caller.partner is not None:
            raise Problem(403, "forbidden", _("Only operators register partners"))
        return caller

    @router.post(
        "/partners",
        status_code=201,
        summary=N_("Register a partner (operators)"),
        response_description=N_("It is registered"),
        responses={
            200: {"description": N_("It is registered already")},
            **problems(_403=N_("Not an operator"), _409=N_("Taken")),
        },
    )
    async def register(
        request: Request, body: NewPartner, response: Response, caller: Caller = Depends(operator)
    ) -> NewPartner:
        new = await desk.register(body.uscc, body.name, body.type, caller, cause(request))
        response.status_code = 201 if new else 200
        return body

    @router.post(
        "/partners/{uscc}/keys",
        status_code=201,
        summary=N_("Issue an API key (the partner’s own people, and operators)"),
        response_description=N_("The key, which is shown here and kept nowhere"),
        responses=problems(
            _404=N_("The partner is not registered, or is another one"), _409=N_("There are too many keys")
        ),
    )
    async def issue(request: Request, uscc: Partner, body: Label, caller: Caller = either) -> KeyIssued:
        caller.may_see(uscc)
        key = await desk.issue_key(uscc, body.label, caller, cause(request))
        if key is None:
            raise Problem(409, "key-shown", _("This key was shown already"), _("Issue another, and revoke this one."))
        return KeyIssued(id=key.id, key=key.text)

    @router.delete(
        "/partners/{uscc}/keys/{key}",
        status_code=204,
        summary=N_("Revoke an API key"),
        response_description=N_("It is revoked"),
        responses=problems(_404=N_("No such key")),
    )
    async def revoke(request: Request, uscc: Partner, key: str, caller: Caller = either) -> None:
        caller.may_see(uscc)
        await desk.revoke_key(uscc, key, caller, cause(request))

    return router


def refused(receipt: Receipt) -> Problem:
    """A refusal as the problem it is answered with: 409 where it contradicts what is held, else 422."""
    findings, recorded = receipt.findings, receipt.event
    if conflict := receipt.conflict:
        title = _("This contradicts what was received before")
        return Problem(409, conflict.replace(".", "-"), title, findings=findings, recorded=recorded)
    return Problem(
        422,
        "submission-refused",
        _("The submission breaks rules and was not taken in"),
        findings=findings,
        recorded=recorded,
    )


def _intake(desk: Desk, caller: Caller) -> Intake:
    assert caller.partner is not None  # an API key always is some partner's
    return Intake(desk.submissions, caller.partner, caller.actor, language())


async def _whole(request: Request) -> Line:
    """The body as one line, however it is laid out. What is too long is read, to be answered, but not kept."""
    raw, size, hash = b"", 0, hashlib.sha256()
    async for piece in request.stream():
        size += len(piece)
        hash.update(piece)
        raw = raw + piece if size <= MAX_LINE_BYTES else b""
    return Line(1, raw, size, hash.hexdigest() if size > MAX_LINE_BYTES else None)


async def _detail(story: Story, queues: Queues) -> Detail:
    outlook = await queues.outlook(story)
    decision, entry = story.decision, story.progress.entry
    return Detail(
        stream=story.stream,
        reference=story.reference,
        kind=story.state.kind,
        title=story.state.title,
        revision=story.state.revision,
        status=story.status,
        waits_for=waits_for(story.status, entry.release if entry else None),
        release=entry.release if entry else None,
        entry=story.entry,
        refusals=story.state.refusals,
        decision=decision
        and Decided(
            decision=decision.what,
            time=timestamp(decision.at),
            score=decision.score,
            reasons=decision.reasons,
            comments=decision.comments,
        ),
        timeline=[step.model_dump(mode="json", exclude_defaults=True) for step in story.steps],
        queue=outlook.queue,
        expected=outlook.expected,
    )
