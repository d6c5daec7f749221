"""The page by which people send CSV and XLSX: check or send, what became of each row, and the file with its marks."""

import asyncio
from collections import Counter
from contextlib import suppress
from math import ceil
from typing import BinaryIO

import structlog
from fastapi import APIRouter, Depends, Form, Query, UploadFile
from pymongo.asynchronous.database import AsyncDatabase
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from schemas.entry import KINDS
from schemas.envelope import Json
from submissions.callers import Caller, own_partner
from submissions.desk import Desk
from submissions.sections import sections
from submissions.sheet_api import attachment, too_large
from submissions.sheets.findings import in_words
from submissions.sheets.keeping import PAGE_ROWS, STALLED, Files, Job, TakenOver
from submissions.sheets.marking import marked
from submissions.sheets.reading import CSV, XLSX, Sheet, look
from submissions.sheets.sending import Sent, send
from submissions.sheets.workbooks import Workbook
from web.languages import LANGUAGES, _, language, speak
from web.pages import Site, page
from web.people import Person, actor, require
from web.problems import Problem

log = structlog.get_logger()

#: More is sent by program: `POST /submissions:sheet`.
MAX_UPLOAD_BYTES = 20_000_000
#: A file that is done so soon is answered with its result; of others the page shows how far they are.
PATIENCE_S = 3.0
#: How names of tables end; the first is given to a file that came under another.
ENDINGS = {XLSX: ("xlsx",), CSV: ("csv", "tsv", "txt"), "": ("xls", "xlsm")}


class Sender:
    """Sends kept files in the background of this process; one that ends with it goes on by a button of the page."""

    def __init__(self, desk: Desk, files: Files) -> None:
        self._desk, self._files = desk, files
        self._at_work: set[asyncio.Task[None]] = set()

    async def start(self, job: Job, caller: Caller, site: Site, *, check: bool) -> None:
        """Begin or go on, unless somebody is at it, and wait a moment for the end."""
        if begun := await self._files.begin(job.token, check=check):
            task = asyncio.create_task(self._run(begun, caller, site))
            self._at_work.add(task)
            task.add_done_callback(self._at_work.discard)
            await asyncio.wait({task}, timeout=PATIENCE_S)

    async def _run(self, job: Job, caller: Caller, site: Site) -> None:
        beating = asyncio.create_task(self._beat(job))
        try:
            with await self._files.bytes_of(job.token) as file:
                sheet = await asyncio.to_thread(look, file, job.kind)
                counts = Counter(job.counts)
                intake = self._desk.intake(caller, validate_only=job.check)
                async for batch in send(sheet, intake, job.row):
                    counts.update(each.fate for each in batch)
                    refused = [_refused(each, sheet, site) for each in batch if each.findings]
                    await self._files.note(job, batch[-1].row, counts, refused)
            await self._files.end(job, "done")
        except TakenOver:
            log.info("sheet.taken-over", kind=job.kind)
        except Exception:
            # The page says so, and offers to go on from the last row noted.
            log.exception("sheet.stopped", kind=job.kind)
            with suppress(TakenOver):
                await self._files.end(job, "stopped")
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)

    async def _beat(self, job: Job) -> None:
        """A large workbook is looked through for longer than what is silent counts as at work."""
        while True:
            await asyncio.sleep(STALLED.total_seconds() / 3)
            await self._files.beat(job)


def _refused(sent: Sent, sheet: Sheet, site: Site) -> Json:
    said: Json = {"row": sent.row, "reference": sent.receipt.reference}
    for each in LANGUAGES:
        with speak(each, site.translations):
            said[each] = sent.findings_in(each, sheet.header)
    return said


def add(router: APIRouter, everybody: APIRouter, database: AsyncDatabase[Json], desk: Desk) -> None:
    """Add them to the router of all pages, before those whose addresses begin with anything."""
    files = Files(database)
    sender = Sender(desk, files)
    partner = Depends(require("partner"))

    @router.get("/submissions/new/file")
    async def new(request: Request, me: Person = partner, kind: str = "") -> Response:
        return _form(request, me, kind=kind)

    @router.post("/submissions/new/file")
    async def upload(
        request: Request,
        me: Person = partner,
        file: UploadFile | None = None,
        kind: str = Form(""),
        action: str = Form("check"),
    ) -> Response:
        site: Site = request.app.state.site
        try:
            sheet = await _looked_at(file, kind)
            notes = await _notes(sheet, site)
        except Problem as problem:
            return _form(request, me, kind=kind, problem=problem)
        about = {"name": (file and file.filename) or "", "kind": sheet.kind, "check": action != "send"}
        token = await files.keep(sheet.file, me.sub, {**about, "total": _total(sheet), "notes": notes})
        await sender.start(await one(token, me), _caller(me), site, check=action != "send")
        return RedirectResponse(f"/submissions/new/file/{token}", 303)

    async def one(token: str, me: Person) -> Job:
        job = await files.job(token, me.sub)
        if job is None:
            detail = _("Files are kept for an hour. Choose it again; what was taken in already stays so.")
            raise Problem(404, "unknown-file", _("This file is no longer here"), detail)
        return job

    @router.get("/submissions/new/file/{token}")
    async def result(
        request: Request, token: str, me: Person = partner, current: int = Query(1, ge=1, le=10**6, alias="page")
    ) -> Response:
        job = await one(token, me)
        refused = await files.refused(token, current) if job.done else []
        return page(
            request,
            "sheet_result.html",
            headers={"Refresh": "2"} if job.state == "running" and not job.stalled else {},
            sections=sections(request, me),
            job=job,
            refused=refused,
            in_words=in_words,
            language_=language(),
            current=current,
            last=ceil(job.counts.get("refused", 0) / PAGE_ROWS),
        )

    @router.post("/submissions/new/file/{token}")
    async def go_on(request: Request, token: str, me: Person = partner, action: str = Form("send")) -> Response:
        job = await one(token, me)
        await sender.start(job, _caller(me), request.app.state.site, check=action != "send")
        return RedirectResponse(f"/submissions/new/file/{token}", 303)

    # Not a page: browsers ask for what they download as programs do.
    @everybody.get("/submissions/new/file/{token}/marked")
    async def download(token: str, me: Person = partner, rows: str = "all") -> Response:
        job = await one(token, me)
        findings = {each["row"]: each[language()] for each in await files.refused(token)}
        with await files.bytes_of(token) as file:
            sheet = await asyncio.to_thread(look, file, job.kind)
            body = await asyncio.to_thread(marked, sheet, findings, only_refused=rows == "refused")
        name = _named(job.name, _("to mend") if rows == "refused" else _("marked"), sheet.media_type)
        return Response(body, media_type=sheet.media_type, headers=attachment(name))


def _named(name: str, said: str, media_type: str) -> str:
    """What a file is called that goes back: as it came, but with the ending of what it is."""
    stem, dot, ending = name.rpartition(".")
    if not dot or ending.lower() not in {ending for endings in ENDINGS.values() for ending in endings}:
        stem, ending = name, ""
    endings = ENDINGS[media_type]
    return f"{stem} ({said}).{ending if ending.lower() in endings else endings[0]}"


def _form(request: Request, me: Person, *, kind: str = "", problem: Problem | None = None) -> Response:
    own_partner(me)
    return page(
        request,
        "sheet.html",
        status=problem.status if problem else 200,
        sections=sections(request, me),
        kinds=KINDS,
        kind=kind if kind in KINDS else "",
        problem=problem,
    )


async def _looked_at(file: UploadFile | None, kind: str) -> Sheet:
    """An uploaded file as a sheet. Raises the Problem that keeps it from being read."""
    if file is None or not file.filename:
        raise Problem(422, "no-file", _("Choose a file first"))
    if (file.size or 0) > MAX_UPLOAD_BYTES:
        raise too_large(MAX_UPLOAD_BYTES)
    return await asyncio.to_thread(look, file.file, kind if kind in KINDS else None)


async def _notes(sheet: Sheet, site: Site) -> dict[str, list[str]]:
    """What the sender should know, in each language."""
    if not sheet.notes:
        return {each: [] for each in LANGUAGES}
    notes: dict[str, list[str]] = {}
    for each in LANGUAGES:
        with speak(each, site.translations):
            notes[each] = list((await asyncio.to_thread(look, sheet.file, sheet.kind)).notes)
    return notes


def _total(sheet: Sheet) -> int:
    """About how many rows a sheet has: the lines of a text, some of which stand within a cell."""
    if isinstance(sheet.form, Workbook):
        return len(sheet.form.cells)
    return _lines(sheet.file)


def _lines(file: BinaryIO) -> int:
    file.seek(0)
    return sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b""))


def _caller(me: Person) -> Caller:
    return Caller(actor(me), own_partner(me))
