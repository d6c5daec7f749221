"""The JSON that partners' programs speak to send entries in: one by one, or as a stream."""

import hashlib
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Header, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from pymongo.asynchronous.database import AsyncDatabase
from starlette.requests import Request

from schemas.entry import SubmissionLine
from schemas.envelope import Json
from schemas.finding import patch
from schemas.rules import MAX_LINE_BYTES
from submissions import idempotency
from submissions.answers import EXAMPLE_USCC, KEYED, KNOWN, Validate, problems
from submissions.bodies import entries, look
from submissions.callers import Caller, bearer, with_key
from submissions.desk import Desk
from submissions.intake import Receipt
from submissions.limiting import meter_of
from submissions.marked import N_
from submissions.ndjson import Line
from submissions.receipts import Receipts
from submissions.sample import sample
from web.languages import _
from web.openapi import REFERENCE
from web.parameters import only_known_parameters
from web.problems import Problem

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=idempotency.MAX_KEY,
        description="a name of your own for this request, kept 24 hours; with another body it is refused",
        examples=["8e03978e-40d5-43e8-bc93-6894a57f9324"],
    ),
]

ASKED: dict[tuple[str, str], TypeAdapter[str | None]] = {
    ("query", "validate"): TypeAdapter(Validate),
    ("header", "Idempotency-Key"): TypeAdapter(IdempotencyKey),
}

LOCATION = {"Location": {"description": "the address of the submission", "schema": {"type": "string"}}}


class Emptied(BaseModel):
    removed: int = Field(description="test submissions there were")


class DirectRoute(APIRoute):
    """A route whose endpoint answers the request by itself: what its dependencies declare is for the document alone.

    For the address that is asked most, one entry a request: solving what is declared would take a tenth of the time.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        return self.endpoint


def routes(database: AsyncDatabase[Json], desk: Desk) -> APIRouter:
    """POST /submissions, POST /submissions:stream, DELETE /submissions."""
    router = APIRouter(tags=[N_("Sending entries in")], responses=KEYED)
    router.include_router(_one(database, desk))
    router.include_router(_many(desk))
    return router


def _one(database: AsyncDatabase[Json], desk: Desk) -> APIRouter:
    router = APIRouter(route_class=DirectRoute)
    by_key = with_key("submit")
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

    def declared(
        validate: Validate = None, caller: Caller = Depends(by_key), idempotency_key: IdempotencyKey = None
    ) -> None:
        """What a request may say beside its body."""

    @router.post(
        "/submissions",
        status_code=201,
        response_model=Receipt,
        dependencies=[Depends(declared)],
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
                _415=N_(
                    "The Content-Encoding is neither gzip nor zstd, or it is a form, a packed file, or text in UTF-16 "
                    "or GB 18030, and no entry"
                ),
                _409=N_("It contradicts what is held: `revision.taken`, `revision.stale`, `kind.changed`, …"),
                _422=N_("It breaks rules: all of them are named"),
            ),
        },
    )
    async def send(request: Request) -> Response:
        caller = await by_key(request, await bearer(request))
        validate, idempotency_key = _asked(request)
        line, meter = await _whole(request), meter_of(request)
        await meter.take(check=validate == "only")
        claim = None
        if idempotency_key and validate is None:
            claim = await idempotency.claim(database, caller, idempotency_key, line)
        ((receipt, fresh),) = await desk.intake(caller, validate_only=validate == "only").take([line])
        meter.count([receipt])
        if receipt.status == "refused":
            raise refused(receipt)
        headers = {"Location": f"/submissions/{receipt.stream}"} if validate is None else None
        status = 201 if validate is None and (fresh or (claim and claim.made(receipt))) else 200
        body = receipt.model_dump_json(exclude={"findings"})
        return Response(body, status, headers, media_type="application/json")

    return router


def _many(desk: Desk) -> APIRouter:
    router = APIRouter(dependencies=KNOWN)
    by_key, with_many = Depends(with_key("submit")), Depends(with_key("submit", many=True))
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
                    "Lines beyond the partner’s rate are read as the rate allows, and more slowly while other partners "
                    "ask: nobody waits long behind a stream. Where the day’s quota is used up, a last line says so: "
                    "`status` is `stopped`, `line` is the first that was not taken in, `problem` says why."
                ),
                N_(
                    "What begins as a packed file or a workbook, or with text in UTF-16 or GB 18030, is no stream of "
                    "entries: its one line is `stopped`, and nothing is recorded. A packed stream says "
                    "`Content-Encoding`."
                ),
            )
        ),
        responses={
            200: {
                "description": N_("A receipt a line, in order, each once its entry is stored for good"),
                "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
            },
            **problems(_415=N_("The Content-Encoding is neither gzip nor zstd, or it is a form")),
        },
    )
    async def stream(request: Request, validate: Validate = None, caller: Caller = with_many) -> Response:
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


def _asked(request: Request) -> tuple[str | None, str | None]:
    """`validate` and `Idempotency-Key`, checked as they are declared; RequestValidationError, as FastAPI raises it."""
    only_known_parameters(request)
    found, wrong = (request.query_params.get("validate"), request.headers.get("idempotency-key")), []
    for (place, type), given in zip(ASKED.items(), found, strict=True):
        try:
            type.validate_python(given)
        except ValidationError as error:
            wrong += [{**one, "loc": place} for one in error.errors(include_url=False)]
    if wrong:
        raise RequestValidationError(wrong)
    return found


async def _whole(request: Request) -> Line:
    """The body as one line, however it is laid out. What is too long is read, to be answered, but not kept."""
    raw, size, hash = b"", 0, hashlib.sha256()
    async for piece in entries(request):
        size += len(piece)
        hash.update(piece)
        raw = raw + piece if size <= MAX_LINE_BYTES else b""
    if b"\n" in raw:  # laid out, it may show its encoding only behind its first line
        look(raw)
    return Line(1, raw, size, hash.hexdigest() if size > MAX_LINE_BYTES else None)
