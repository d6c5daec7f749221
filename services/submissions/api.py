"""The JSON that partners' programs speak: sending entries in, and asking where they are."""

import hashlib
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Header, Path, Query, Response
from pydantic import BaseModel, Field
from pymongo.asynchronous.database import AsyncDatabase
from starlette.requests import Request

from schemas.entry import Name, SubmissionLine, Uscc
from schemas.envelope import Json, timestamp
from schemas.finding import patch
from schemas.rules import MAX_LINE_BYTES
from schemas.submission import Mode
from submissions import idempotency, rule_pages
from submissions.answers import KEYED, KNOWN, Kind, Validate, problems
from submissions.bodies import unpacked
from submissions.callers import Caller, with_key, with_key_or_session
from submissions.desk import Desk, Story
from submissions.expected import Expected
from submissions.intake import Receipt
from submissions.limiting import meter_of
from submissions.marked import N_
from submissions.ndjson import Line
from submissions.queues import Queue, Queues
from submissions.receipts import Receipts
from submissions.sample import sample
from submissions.store import Lists
from submissions.waits import waits_for
from web.languages import _
from web.openapi import REFERENCE
from web.people import cause
from web.problems import Problem

EXAMPLE_USCC = "91510106MA6RH83W82"
Partner = Annotated[str, Path(description="unified social credit code", examples=[EXAMPLE_USCC])]
Reference = Annotated[str, Path(description="the partner’s own name for it", examples=["rail-robot-01"])]

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=idempotency.MAX_KEY,
        description="a name of your own for this request, kept 24 hours; with another body it is refused",
        examples=["8e03978e-40d5-43e8-bc93-6894a57f9324"],
    ),
]

LOCATION = {"Location": {"description": "the address of the submission", "schema": {"type": "string"}}}


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


class Emptied(BaseModel):
    removed: int = Field(description="test submissions there were")


class Reason(BaseModel):
    reason: str = Field(min_length=2, max_length=500)


def routes(database: AsyncDatabase[Json], desk: Desk, lists: Lists) -> APIRouter:
    """The JSON routes."""
    router = APIRouter(dependencies=KNOWN)
    router.include_router(_sending(database, desk))
    router.include_router(_asking(database, desk, lists))
    router.include_router(_keeping(desk))
    router.include_router(rule_pages.json_routes())
    return router


def _sending(database: AsyncDatabase[Json], desk: Desk) -> APIRouter:
    router = APIRouter(tags=[N_("Sending entries in")], responses=KEYED)
    by_key = Depends(with_key("submit"))
    json_body = {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": SubmissionLine.model_json_schema(ref_template=REFERENCE),
                    "example": sample(EXAMPLE_USCC),
                }
            },
        }
    }
    lines_body = {
        "requestBody": {
            "required": False,
            "content": {
                "application/x-ndjson": {
                    "schema": {"type": "string"},
                    "example": orjson.dumps(sample(EXAMPLE_USCC), option=orjson.OPT_APPEND_NEWLINE).decode(),
                }
            },
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
            200: {
                "model": Receipt,
                "description": N_("It is here already: the receipt it got then. Or it was to be validated only"),
                "headers": LOCATION,
            },
            201: {"headers": LOCATION},
            **problems(
                _400=N_("The packed body cannot be unpacked"),
                _413=N_("The body unpacks to too much"),
                _415=N_("The Content-Encoding is neither gzip nor zstd"),
                _409=N_("It contradicts what is held: `revision.taken`, `revision.stale`, `kind.changed`, …"),
                _422=N_("It breaks rules: all of them are named"),
            ),
        },
    )
    async def send(
        request: Request,
        response: Response,
        validate: Validate = None,
        caller: Caller = by_key,
        idempotency_key: IdempotencyKey = None,
    ) -> Receipt:
        line, meter = await _whole(request), meter_of(request)
        await meter.take()
        claim = None
        if idempotency_key and validate is None:
            claim = await idempotency.claim(database, caller, idempotency_key, line)
        ((receipt, fresh),) = await desk.intake(caller, validate_only=validate == "only").take([line])
        meter.count([receipt])
        if receipt.status == "refused":
            raise refused(receipt)
        if validate is None:
            response.headers["Location"] = f"/submissions/{receipt.stream}"
        response.status_code = 201 if validate is None and (fresh or (claim and claim.made(receipt))) else 200
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
                N_(
                    "Lines beyond the partner’s rate are read as the rate allows. Where the day’s quota is used up, a "
                    "last line says so: `status` is `stopped`, `line` is the first that was not taken in, `problem` "
                    "says why."
                ),
            )
        ),
        responses={
            200: {
                "description": N_("A receipt a line, in order, each once its entry is stored for good"),
                "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
            },
            **problems(_415=N_("The Content-Encoding is neither gzip nor zstd")),
        },
    )
    async def stream(request: Request, validate: Validate = None, caller: Caller = by_key) -> Response:
        return Receipts(request, desk.intake(caller, validate_only=validate == "only"))

    @router.delete(
        "/submissions",
        summary=N_("Empty what test keys have sent"),
        description=N_("With a test key only. What live keys send is never removed: withdraw it."),
        response_description=N_("It is gone, and every reference is free again"),
    )
    async def empty(caller: Caller = by_key) -> Emptied:
        if caller.mode != "test" or caller.partner is None:
            detail = _("Send this with a test key. To take back what a live key sent, withdraw it.")
            raise Problem(403, "not-a-test", _("Only test submissions can be emptied"), detail)
        return Emptied(removed=await desk.empty_tests(caller.partner))

    return router


def _asking(database: AsyncDatabase[Json], desk: Desk, lists: Lists) -> APIRouter:
    router = APIRouter(tags=[N_("Where entries are")], responses=KEYED)
    either, submitter = Depends(with_key_or_session("read")), Depends(with_key_or_session("submit"))
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
        rows, next = await lists.of(caller.mode).page(caller.partner, status=status, kind=kind, after=after)
        items = [
            Standing(
                stream=row.stream,
                reference=row.reference,
                kind=row.state["kind"],
                title=row.state["title"],
                revision=row.state["revision"],
                status=row.status,
                waits_for=waits_for(row.status, row.release, caller.mode),
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
        return await _detail(await desk.story(f"{uscc}/{reference}", caller.mode), caller.mode, queues)

    @router.post(
        "/submissions/{uscc}/{reference}/withdraw",
        summary=N_("Withdraw a submission that is not published"),
        response_description=N_("It is withdrawn"),
        responses=problems(
            _401=N_("Neither key nor session"),
            _404=N_("There is none, or it is another partner’s"),
            _409=N_("It is published"),
        ),
    )
    async def withdraw(
        uscc: Partner,
        reference: Reference,
        request: Request,
        body: Reason,
        caller: Caller = submitter,
    ) -> Detail:
        caller.may_see(uscc)
        await desk.withdraw(f"{uscc}/{reference}", body.reason, caller, cause(request))
        return await _detail(await desk.story(f"{uscc}/{reference}", caller.mode), caller.mode, queues)

    return router


def _keeping(desk: Desk) -> APIRouter:
    router = APIRouter(tags=[N_("Partners and keys")], responses=KEYED)
    either = Depends(with_key_or_session("keys"))

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
            **problems(_401=N_("Neither key nor session"), _403=N_("Not an operator"), _409=N_("Taken")),
        },
    )
    async def register(
        request: Request, body: NewPartner, response: Response, caller: Caller = Depends(operator)
    ) -> NewPartner:
        new = await desk.register(body.uscc, body.name, body.type, caller, cause(request))
        response.status_code = 201 if new else 200
        return body

    return router


def refused(receipt: Receipt) -> Problem:
    """A refusal as the problem it is answered with: 409 where it contradicts what is held, else 422."""
    findings, recorded = receipt.findings, receipt.event
    mends = patch(finding["fix"] for finding in findings)
    if conflict := receipt.conflict:
        title = _("This contradicts what was received before")
        return Problem(409, conflict.replace(".", "-"), title, findings=findings, patch=mends, recorded=recorded)
    return Problem(
        422,
        "submission-refused",
        _("The submission breaks rules and was not taken in"),
        findings=findings,
        patch=mends,
        recorded=recorded,
    )


async def _whole(request: Request) -> Line:
    """The body as one line, however it is laid out. What is too long is read, to be answered, but not kept."""
    raw, size, hash = b"", 0, hashlib.sha256()
    async for piece in unpacked(request):
        size += len(piece)
        hash.update(piece)
        raw = raw + piece if size <= MAX_LINE_BYTES else b""
    return Line(1, raw, size, hash.hexdigest() if size > MAX_LINE_BYTES else None)


async def _detail(story: Story, mode: Mode, queues: Queues) -> Detail:
    outlook = await queues.outlook(story)
    decision, entry = story.decision, story.progress.entry
    return Detail(
        stream=story.stream,
        reference=story.reference,
        kind=story.state.kind,
        title=story.state.title,
        revision=story.state.revision,
        status=story.status,
        waits_for=waits_for(story.status, entry.release if entry else None, mode),
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
