"""`import`: a CSV or XLSX file goes out, a receipt a row comes back."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from shlex import join
from typing import BinaryIO

import aiohttp

from shuangqian import show
from shuangqian.client import Json
from shuangqian.entries import opened, to_write, write
from shuangqian.outcomes import NOT_RIGHT, SOME_REFUSED
from shuangqian.places import KeptPlace
from shuangqian.profiles import Access
from shuangqian.sending import PATIENCE_S, Again, Dropped, Later, Patience, accepted, json_lines, session
from shuangqian.submitting import again, begin, carry_out, check_validates, printing, problem_told
from web.languages import _
from web.shell import Bar, Failed, note

PATH = "/submissions:sheet"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#: How the names of sheets end. Excel saves texts parted by tabs as .txt.
TYPES = {".xlsx": XLSX, **dict.fromkeys((".csv", ".tsv", ".txt"), "text/csv")}


def import_sheet(
    access: Access,
    path: str,
    *,
    kind: str | None,
    validate_only: bool,
    resume: bool,
    marked: str | None,
    as_json: bool,
) -> int:
    """Send a sheet in; the exit code."""
    suffix = Path(path).suffix.lower()
    if suffix not in TYPES:
        raise Failed(NOT_RIGHT, _("A sheet is a .csv, .tsv, .txt or .xlsx file; JSON goes by: shuangqian submit."))
    if TYPES[suffix] != XLSX and kind is None:
        raise Failed(NOT_RIGHT, _("A %s file needs its kind: --kind scene, product or linkage.") % suffix)
    opened(path)[0].close()
    if marked:
        to_write(marked)
    if validate_only or marked:
        with problem_told(as_json):
            check_validates(access, PATH)
    query = ({"kind": kind} if kind else {}) | ({"validate": "only"} if validate_only else {})
    place = KeptPlace.of(access, path, f"import {query}")
    begin(place, resume)

    async def go(bar: Bar, counts: Counter[str]) -> None:
        shown = printing(bar, as_json, show.receipt)
        async for receipt in row_receipts(access, path, query, place, again(bar)):
            counts[receipt["status"]] += 1
            shown(str(receipt["row"]), receipt)
            place.reached(receipt["row"])
            await asyncio.sleep(0)  # an interrupt is heard, though all receipts may have come already
            bar.tell(_("%s rows") % f"{counts.total():,}", counts.total(), None, counts.total())
        if marked:
            await _mark(access, path, query, marked, again(bar))

    code = carry_out(go, place, _("Sending"), validate_only, as_json)
    if marked:
        note(_("The marked file: %s") % marked)
    elif code == SOME_REFUSED:
        beside = str(Path(path).with_name(f"{Path(path).stem}.marked{suffix}"))
        marks = [*(["--kind", kind] if kind else []), "--validate-only", "--marked", beside]
        note(_("What was wrong, and what would mend it: %s") % join(["shuangqian", "import", path, *marks]))
    return code


async def row_receipts(
    access: Access, path: str, query: dict[str, str], place: KeptPlace, told: Again
) -> AsyncIterator[Json]:
    """The receipt of each row after `place`, which whoever takes them moves on, in order, over as many connections as
    it takes."""
    patience = Patience(told, access)
    async with session(access) as http:
        while True:
            after = {"after": str(place.after)} if place.after else {}
            try:
                with opened(path)[0] as file:
                    said = {"Content-Type": TYPES[Path(path).suffix.lower()], "Accept": "application/x-ndjson"}
                    asking = http.post(PATH, data=file, params=query | after, headers=said)
                    async with await _moving(asking, file) as answer:
                        await accepted(answer)
                        async for receipt in json_lines(answer, lambda: True):
                            patience.moved()
                            yield receipt
                        return
            except (aiohttp.ClientError, OSError, TimeoutError, Dropped) as error:
                await patience.wait(error)
            except Later as later:
                await patience.wait(later.failed, later.after_s)


async def _moving(asking: Awaitable[aiohttp.ClientResponse], file: BinaryIO) -> aiohttp.ClientResponse:
    """The beginning of an answer, which comes once the file is there and looked through. Raises Dropped where neither
    of it goes on nor an answer comes for PATIENCE_S."""
    answer, at = asyncio.ensure_future(asking), -1
    try:
        while not answer.done():
            if at == (at := file.tell()):
                raise Dropped(_("nothing came for %s seconds") % int(PATIENCE_S))
            await asyncio.wait({answer}, timeout=PATIENCE_S)
        return await answer
    except BaseException:
        answer.cancel()
        raise


async def _mark(access: Access, path: str, query: dict[str, str], marked: str, told: Again) -> None:
    """Write the file with its bad cells marked, over as many connections as it takes.

    It is only validated for that: what was to be taken in is.
    """
    type = TYPES[Path(path).suffix.lower()]
    patience = Patience(told, access)
    async with session(access) as http:
        while True:
            try:
                with opened(path)[0] as file:
                    said = {"Content-Type": type, "Accept": type}
                    async with http.post(PATH, data=file, params=query | {"validate": "only"}, headers=said) as answer:
                        await accepted(answer)
                        return write(marked, await answer.read())
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                await patience.wait(error)
            except Later as later:
                await patience.wait(later.failed, later.after_s)
