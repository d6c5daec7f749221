"""The publisher's pages: the months, what is in each, what waits, and the acts on single entries."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from publishing.domain.entry import CatalogueEntry, Correct, EntryCommand, Retract
from publishing.domain.release import Freeze, Open, PublishRelease, in_order, manifest, missing
from publishing.releasing import Added, Entries, Releases, add, fill, remove, room
from publishing.requests import Month, act, decided, known, refused
from publishing.store import corrections, months, now, queued, waiting, waiting_corrections
from publishing.words import explained, lacking
from schemas.entry import KINDS
from schemas.publication import MONTHLY
from web.languages import CITY_TIME, _, ngettext
from web.pages import notify
from web.pages import page as render
from web.people import Person, require
from web.problems import Problem

PAGE = 100
#: How far ahead a month can be opened.
MONTHS_AHEAD = 12
REASON_AT_LEAST = 5

Kind = Annotated[str | None, Query(pattern="^(scene|product|linkage)?$")]
Page = Annotated[int, Query(ge=1, le=10_000)]


def desk(entries: Entries, releases: Releases) -> APIRouter:
    """/releases, /releases/{month} and what is done there, /queue, /releases/entries/{partner}/{reference}."""
    router = APIRouter(include_in_schema=False)
    router.include_router(_months(entries, releases))
    router.include_router(_contents(entries, releases))
    router.include_router(_entries(entries))
    return router


def _months(entries: Entries, releases: Releases) -> APIRouter:
    """Opening, freezing and publishing a month."""
    router = APIRouter()
    publisher = Depends(require("publisher"))

    @router.get("/releases")
    async def overview(request: Request, me: Person = publisher) -> Response:
        rows = await months(releases.collection)
        taken = {row["month"] for row in rows}
        return render(
            request,
            "releases.html",
            rows=rows,
            openable=[month for month in _coming_months() if month not in taken],
            waiting=await waiting(entries.collection),
        )

    @router.post("/releases")
    async def open_month(request: Request, month: Annotated[str, Form()], me: Person = publisher) -> Response:
        await decided(releases, Open(stream=month, targets=MONTHLY, **act(request, me).fields))
        return RedirectResponse(f"/releases/{month}", 303)

    @router.get("/releases/{month}/{step}")
    async def confirm(request: Request, month: Month, step: str, me: Person = publisher) -> Response:
        """What freezing or publishing will do, before it is done."""
        if step not in ("freeze", "publish"):
            raise Problem(404, "not-found", _("Page not found"))
        release = (await known(releases, month)).state
        lines = in_order(release.lines)
        return render(
            request,
            f"{step}.html",
            month=month,
            release=release,
            lacking=lacking(missing(release)),
            lines=lines,
            manifest=manifest(lines),
        )

    @router.post("/releases/{month}/freeze")
    async def freeze(request: Request, month: Month, me: Person = publisher) -> Response:
        await decided(releases, Freeze(stream=month, **act(request, me).fields))
        notify(request, _("Frozen. Nothing goes in or out any more; you can publish it now."))
        return RedirectResponse(f"/releases/{month}", 303)

    @router.post("/releases/{month}/publish")
    async def publish(request: Request, month: Month, me: Person = publisher) -> Response:
        outcome = await decided(releases, PublishRelease(stream=month, **act(request, me).fields))
        notify(request, _("Published: %(count)s entries are visible now.") % {"count": len(outcome.state.lines)})
        return RedirectResponse(f"/releases/{month}", 303)

    return router


def _contents(entries: Entries, releases: Releases) -> APIRouter:
    """A month's page: what is in it, what may go in, and what has been moved."""
    router = APIRouter()
    publisher = Depends(require("publisher"))

    @router.get("/releases/{month}")
    async def one(
        request: Request,
        month: Month,
        me: Person = publisher,
        view: Annotated[str, Query(pattern="^(waiting|inside)$")] = "waiting",
        kind: Kind = None,
        page: Page = 1,
    ) -> Response:
        release = (await known(releases, month)).state
        inside = view == "inside" or release.status != "open"
        rows, total = ([], 0) if inside else await queued(entries.collection, kind, page, PAGE)
        return render(
            request,
            "release.html",
            month=month,
            release=release,
            inside=inside,
            lines=[line for line in in_order(release.lines) if not kind or line.kind == kind],
            rows=rows,
            total=total,
            current=page,
            last=max(1, -(-total // PAGE)),
            kind=kind,
            waiting=await waiting(entries.collection),
            room={kind: room(release, kind) for kind in KINDS},
            lacking=lacking(missing(release)),
        )

    @router.post("/releases/{month}/entries")
    async def put_in(
        request: Request,
        month: Month,
        me: Person = publisher,
        entry: Annotated[list[str] | None, Form()] = None,
        fill_up: Annotated[bool, Form()] = False,
    ) -> Response:
        await known(releases, month, open=True)
        if fill_up:
            added = await fill(entries, releases, month, act(request, me))
        else:
            added = await add(entries, releases, month, entry or [], act(request, me))
        _tell(request, added)
        return RedirectResponse(f"/releases/{month}" + ("?view=inside" if added.entries else ""), 303)

    @router.post("/releases/{month}/entries/{partner}/{reference}/remove")
    async def take_out(
        request: Request, month: Month, partner: str, reference: str, me: Person = publisher
    ) -> Response:
        outcome = await remove(entries, releases, month, f"{partner}/{reference}", act(request, me))
        if outcome.refusal:
            raise refused(outcome.refusal)
        notify(request, _("Removed. The entry waits for a release again."))
        return RedirectResponse(f"/releases/{month}?view=inside", 303)

    return router


def _entries(entries: Entries) -> APIRouter:
    """What waits, and correcting or retracting one entry."""
    router = APIRouter()
    publisher = Depends(require("publisher"))

    @router.get("/queue")
    async def queue(request: Request, me: Person = publisher, kind: Kind = None, page: Page = 1) -> Response:
        rows, total = await queued(entries.collection, kind, page, PAGE)
        to_correct, _all = await corrections(entries.collection, 1, PAGE)
        return render(
            request,
            "queue.html",
            rows=rows,
            total=total,
            current=page,
            last=max(1, -(-total // PAGE)),
            kind=kind,
            waiting=await waiting(entries.collection),
            to_correct=to_correct,
            correcting=await waiting_corrections(entries.collection),
            now=now(),
        )

    @router.get("/releases/entries/{partner}/{reference}")
    async def one(request: Request, partner: str, reference: str, me: Person = publisher) -> Response:
        return _single(request, f"{partner}/{reference}", (await entries.get(f"{partner}/{reference}")).state)

    @router.post("/releases/entries/{partner}/{reference}/correct")
    async def correct(request: Request, partner: str, reference: str, me: Person = publisher) -> Response:
        await _decided(entries, Correct(stream=f"{partner}/{reference}", **act(request, me).fields))
        notify(request, _("Corrected. The new edition is visible now."))
        return RedirectResponse(f"/catalogue/{partner}/{reference}", 303)

    @router.post("/releases/entries/{partner}/{reference}/retract")
    async def retract(
        request: Request, partner: str, reference: str, me: Person = publisher, reason: Annotated[str, Form()] = ""
    ) -> Response:
        id = f"{partner}/{reference}"
        if len(reason.strip()) < REASON_AT_LEAST:
            said = _("Say why: readers will see it where the entry was.")
            return _single(request, id, (await entries.get(id)).state, status=422, error=said)
        await _decided(entries, Retract(stream=id, reason=reason.strip(), **act(request, me).fields))
        notify(request, _("Retracted. Its page now says so."))
        return RedirectResponse(f"/catalogue/{id}", 303)

    return router


async def _decided(entries: Entries, command: EntryCommand) -> None:
    [outcome] = await entries.handle([command])
    if outcome.refusal:
        raise refused(outcome.refusal)


def _single(
    request: Request, id: str, state: CatalogueEntry, *, status: int = 200, error: str | None = None
) -> Response:
    """One entry's page at the desk: how it stands, what a correction would change, and the forms to act."""
    if state.status == "new":
        raise Problem(404, "not-found", _("This entry is not known here"), _("It may not have been approved yet."))
    return render(request, "single.html", status=status, id=id, state=state, changes=_changes(state), error=error)


def _changes(state: CatalogueEntry) -> list[tuple[str, Any, Any]]:
    """What a correction would change: field, what it says, what it will say; short texts as they are."""
    if state.edition is None or state.queued is None:
        return []
    old, new = (content.entry.model_dump(mode="json") for content in (state.edition, state.queued))
    return [(name, old.get(name), new.get(name)) for name in {**old, **new} if old.get(name) != new.get(name)]


def _tell(request: Request, added: Added) -> None:
    if added.entries:
        count = len(added.entries)
        notify(request, ngettext("Added: %(count)s entry.", "Added: %(count)s entries.", count) % {"count": count})
    elif not added.refused:
        notify(request, _("Nothing was added: nothing was chosen, or nothing that fits waits."), "warning")
    reasons: dict[str, list[str]] = {}
    for id, refusal in added.refused.items():
        reasons.setdefault(explained(refusal), []).append(id)
    for reason, ids in reasons.items():
        shown = ", ".join(ids[:5]) + ("…" if len(ids) > 5 else "")
        notify(
            request,
            _("Not added (%(count)s): %(reason)s") % {"count": len(ids), "reason": reason} + f" {shown}",
            "warning",
        )


def _coming_months() -> list[str]:
    today = now().astimezone(CITY_TIME)
    first = today.year * 12 + today.month - 1
    return [f"{n // 12:04}-{n % 12 + 1:02}" for n in range(first, first + MONTHS_AHEAD)]
