"""CSV and XLSX over HTTP: `POST /submissions:sheet`, and the templates."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from functools import cache
from typing import Annotated, Any, BinaryIO, Literal
from urllib.parse import quote

import orjson
from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from starlette.requests import Request
from starlette.responses import Response

from submissions.answers import INVALID, KEYED, KNOWN, Kind, Validate, problems
from submissions.bodies import unpacked
from submissions.callers import Caller, with_key
from submissions.desk import Desk
from submissions.intake import Intake
from submissions.limiting import Meter, meter_of
from submissions.marked import N_
from submissions.receipts import last_line
from submissions.sheets import template
from submissions.sheets.marking import marked
from submissions.sheets.reading import CSV, XLSX, Sheet, look
from submissions.sheets.sending import Tally, send
from submissions.sheets.unpacking import is_workbook
from web.languages import _, language, speak
from web.problems import Problem
from web.words import WORDS

#: A workbook is held in memory while it is read; CSV is not.
MAX_XLSX_BYTES, MAX_CSV_BYTES = 20_000_000, 500_000_000
#: More of a body than this waits on disk.
_IN_MEMORY_BYTES = 1 << 20
NDJSON = "application/x-ndjson"
#: What says plainly that a body is something else.
_NO_SHEETS = ("application/json", "application/x-ndjson", "application/xml", "multipart/form-data", "text/html")


def routes(desk: Desk) -> APIRouter:
    """`POST /submissions:sheet` and `GET /submissions/template`."""
    router = APIRouter(tags=[N_("Sending entries in")], dependencies=KNOWN, responses=INVALID)
    with_many = Depends(with_key("submit", many=True))
    binary = {"schema": {"type": "string", "format": "binary"}}

    @router.post(
        "/submissions:sheet",
        response_class=Response,
        openapi_extra={"requestBody": {"required": True, "content": {CSV: binary, XLSX: binary}}},
        summary=N_("Send a CSV or XLSX file in, one entry a row"),
        description="\n\n".join(
            (
                N_(
                    "Headings are those of the template, in Chinese, English or as codes, in any order. A bad row is "
                    "refused with every finding, each with its row, column and cell, and the rows after it go on."
                ),
                N_(
                    "With the CSV or XLSX type in Accept the same file comes back with its bad cells marked; with "
                    "rows=refused it has the refused rows alone. What breaks off is sent again, or gone on with after."
                ),
            )
        ),
        responses={
            200: {
                "description": N_(
                    "A receipt a row, in order, each once its entry is stored for good; or the file marked"
                ),
                "content": {NDJSON: {"schema": {"type": "string"}}, CSV: binary, XLSX: binary},
            },
            **KEYED,
            **problems(
                _413=N_("The file is too large"),
                _415=N_("It is neither CSV nor XLSX"),
                _422=N_("The file or its headings cannot be read: all that is wrong is named"),
            ),
        },
    )
    async def sheet(
        request: Request,
        caller: Caller = with_many,
        kind: Annotated[Kind | None, Query(description="needed for CSV; XLSX says it by its sheet’s name")] = None,
        validate: Validate = None,
        after: Annotated[int, Query(ge=0, le=2**31, description="go on after this row")] = 0,
        rows: Annotated[Literal["all", "refused"], Query(description="which rows the marked file has")] = "all",
    ) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() in _NO_SHEETS:
            detail = _("Send the file’s bytes as text/csv or as the XLSX type.")
            raise Problem(415, "no-sheet", _("It is neither CSV nor XLSX"), detail)
        intake = desk.intake(caller, validate_only=validate == "only")
        meter, file = meter_of(request), await _spooled(unpacked(request))
        try:
            found = await asyncio.to_thread(look, file, kind)
            if wants_file(request):
                body, counts = await _marked(found, intake, after, meter, rows == "refused")
                file.close()
                return Response(body, media_type=found.media_type, headers={"Shuangqian-Rows": counts})
        except BaseException:
            file.close()
            raise
        return StreamingResponse(_receipts(request, found, intake, after), media_type=NDJSON)

    @router.get(
        "/submissions/template",
        response_class=Response,
        summary=N_("The template to fill in, as XLSX with drop-downs or as CSV"),
        responses={200: {"description": N_("The template"), "content": {CSV: binary, XLSX: binary}}},
    )
    async def template_of(
        request: Request,
        kind: Annotated[Kind, Query(description="of entries: each has its own columns")],
        format: Annotated[Literal["xlsx", "csv"], Query(description="of the file")] = "xlsx",
        language_: Annotated[
            Literal["zh", "en"] | None, Query(alias="language", description="of headings and notes; else the caller’s")
        ] = None,
    ) -> Response:
        spoken = language_ or language()
        with speak(spoken, request.app.state.site.translations):
            body = await asyncio.to_thread(_template, kind, format, spoken)
        name = f"{WORDS[kind][spoken]}.{format}"
        return Response(body, media_type=XLSX if format == "xlsx" else CSV, headers=attachment(name))

    return router


@cache
def _template(kind: str, format: str, _language: str) -> bytes:
    return template.as_xlsx(kind) if format == "xlsx" else template.as_csv(kind)


def attachment(name: str) -> dict[str, str]:
    """The headers by which a browser saves an answer under a name, whatever its letters."""
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}", "Cache-Control": "private, no-store"}


def wants_file(request: Request) -> bool:
    """Whether the marked file is asked for rather than receipts."""
    accept = request.headers.get("accept", "").lower()
    return NDJSON not in accept and (CSV in accept or XLSX in accept)


async def _spooled(pieces: AsyncIterator[bytes]) -> BinaryIO:
    """The body as a file. Raises a Problem where it is larger than its form may be."""
    file: Any = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115
    try:
        async for piece in pieces:
            file.write(piece)
            if file.tell() > MAX_CSV_BYTES:
                raise too_large(MAX_CSV_BYTES)
        size = file.tell()
        file.seek(0)
        if size > MAX_XLSX_BYTES and is_workbook(file.read(8)):
            raise too_large(MAX_XLSX_BYTES)
    except BaseException:
        file.close()
        raise
    return file  # type: ignore[no-any-return]


def too_large(most: int) -> Problem:
    text = _("At most %(most)s MB. Send the rows in several files, or as CSV, which may be larger.")
    return Problem(413, "sheet-too-large", _("The file is too large"), text % {"most": most // 1_000_000})


async def _receipts(request: Request, sheet: Sheet, intake: Intake, after: int) -> AsyncIterator[bytes]:
    """NDJSON, each batch as it is stored; where the quota is used up, a last line says so."""
    try:
        async for sent in send(sheet, intake, after, meter_of(request)):
            yield b"".join(orjson.dumps(each.to_json(), option=orjson.OPT_APPEND_NEWLINE) for each in sent)
    except Problem as problem:
        yield last_line(request, problem)
    finally:
        sheet.file.close()


async def _marked(sheet: Sheet, intake: Intake, after: int, meter: Meter, only_refused: bool) -> tuple[bytes, str]:
    tally = Tally()
    async for sent in send(sheet, intake, after, meter):
        tally.add(sent)
    body = await asyncio.to_thread(marked, sheet, tally.findings, only_refused=only_refused)
    return body, "; ".join(f"{status}={count}" for status, count in sorted(tally.counts.items()))
