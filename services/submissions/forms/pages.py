"""The pages of forms: choosing a way in, filling in, drafts, checking the answers, sending, the receipt."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends
from pymongo.asynchronous.database import AsyncDatabase
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from schemas.entry import KINDS
from schemas.envelope import Json
from schemas.submission import SubmissionReceived, SubmissionRevised
from submissions.callers import Caller, own_partner, unknown_submission
from submissions.desk import Desk, Story
from submissions.forms.answers import answers
from submissions.forms.drafts import KEPT, Changed, Draft, Drafts, new_id, too_large
from submissions.forms.findings import Wrong, as_line, at_fields, findings
from submissions.forms.kinds import FORMS
from submissions.forms.layout import groups, id_of
from submissions.forms.values import items, line_of, renumbered, typed, values_of, with_item, without_item
from submissions.intake import Intake, now
from submissions.sections import sections
from web.languages import CITY_TIME, _
from web.pages import notify, page
from web.people import Person, actor, own_page, require
from web.problems import Problem

_PARTNER = Depends(require("partner"))
#: Far more than a draft may hold, however it is encoded.
MAX_FORM_BYTES = 10_000_000


def add(router: APIRouter, desk: Desk, database: AsyncDatabase[Json]) -> None:
    """Add them to the router of all pages, before the pages of one submission, whose addresses are wider."""
    drafts = Drafts(database)
    _starting(router, desk, drafts, database)
    _filling_in(router, desk, drafts)
    _ending(router, desk, drafts)
    _received(router, desk)


def _intake(desk: Desk, me: Person, *, validate_only: bool = False) -> Intake:
    return desk.intake(Caller(actor(me), own_partner(me)), validate_only=validate_only)


def _form(
    request: Request,
    me: Person,
    draft: Draft,
    *,
    wrong: list[Wrong] | None = None,
    changed: Draft | None = None,
    gone: bool = False,
    newer: int | None = None,
    received: str | None = None,
) -> Response:
    """The form of a draft, and what keeps it from being saved or sent: `changed` is what somebody else saved meanwhile;
    `gone`, that it is no longer there; `newer`, the revision that was received since this one was begun. `received` is
    the stream of the entry that has its reference, where there is one to look at."""
    return page(
        request,
        "form.html",
        status=409 if changed or gone or newer else 422 if wrong else 200,
        # What it holds may be personal.
        headers={"Cache-Control": "no-store"},
        sections=sections(request, me),
        me=me,
        page_id=new_id(),
        draft=draft,
        layout=FORMS[draft.kind],
        values=draft.values,
        items=items,
        id_of=id_of,
        wrong=wrong or [],
        wrong_at={each.pointer: each.text for each in reversed(wrong or [])},
        changed=changed,
        gone=gone,
        newer=newer,
        received=received,
        clock=clock,
    )


def clock(at: datetime) -> str:
    """The time of day by the city's clocks."""
    return at.astimezone(CITY_TIME).strftime("%H:%M")


# --- Starting --------------------------------------------------------------------------------------------------------


def _starting(router: APIRouter, desk: Desk, drafts: Drafts, database: AsyncDatabase[Json]) -> None:
    @router.get("/submissions/new")
    async def choose(request: Request, me: Person = _PARTNER) -> Response:
        held = await drafts.count(own_partner(me))
        return page(request, "ways.html", sections=sections(request, me), kinds=KINDS, drafts=held)

    def blank(kind: str) -> Any:
        async def new(request: Request, me: Person = _PARTNER) -> Response:
            partner = own_partner(me)
            name = (await desk.partners.get(partner)).state.name
            owner = {f"/entry/owner/name/{tag}": getattr(name, tag, None) or "" for tag in ("zh", "en")}
            reference = await _suggested(database, drafts, partner, kind)
            values = {**owner, "/reference": reference, "/revision": "1"}
            return _form(request, me, Draft(new_id(), partner, kind, values))

        return new

    for kind in KINDS:
        router.add_api_route(f"/submissions/new/{kind}", blank(kind), methods=["GET"])

    @router.get("/submissions/{uscc}/{reference}/edit")
    async def edit(request: Request, uscc: str, reference: str, me: Person = _PARTNER) -> Response:
        story = await _own(desk, me, uscc, reference)
        if begun := await drafts.of(story.stream, story.partner):
            return RedirectResponse(f"/submissions/drafts/{begun.id}", 303)
        kind, values = _next(story)
        begun = Draft(new_id(), story.partner, kind, values, of=story.stream, base=story.state.revision)
        return _form(request, me, begun)


async def _own(desk: Desk, me: Person, uscc: str, reference: str) -> Story:
    """A submission of the person's own partner. Raises the Problem of one that does not exist for any other."""
    Caller(actor(me), own_partner(me)).may_see(uscc)
    return await desk.story(f"{uscc}/{reference}")


def _next(story: Story) -> tuple[str, dict[str, str]]:
    """The kind and the fields of a submission's next revision, as its newest has them. Raises the Problem of one that
    has none."""
    if story.entry is None or story.state.withdrawn:
        detail = _("Start a new entry instead.")
        raise Problem(409, "nothing-to-revise", _("Nothing of this submission can be revised"), detail)
    entry = story.entry.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    line = {"reference": story.reference, "revision": story.state.revision + 1, "entry": entry}
    return story.entry.kind, values_of(line)


async def _suggested(database: AsyncDatabase[Json], drafts: Drafts, partner: str, kind: str) -> str:
    """A reference that is free: the kind, the day, and a number."""
    start = f"{kind}-{now().astimezone(CITY_TIME):%Y%m%d}-"
    query = {"_id": {"$gte": f"{partner}/{start}", "$lt": f"{partner}/{start}~"}}
    held = {document["_id"].partition("/")[2] async for document in database["submissions"].find(query, {"_id": 1})}
    held |= {draft.reference for draft in await drafts.all(partner)}
    return next(name for n in range(1, len(held) + 2) if (name := f"{start}{n}") not in held)


# --- Filling in ------------------------------------------------------------------------------------------------------


def _filling_in(router: APIRouter, desk: Desk, drafts: Drafts) -> None:
    @router.get("/submissions/drafts")
    async def listing(request: Request, me: Person = _PARTNER) -> Response:
        held = await drafts.all(own_partner(me))
        return page(request, "drafts.html", sections=sections(request, me), drafts=held, kept_days=KEPT.days)

    @router.get("/submissions/drafts/{id}")
    async def go_on(request: Request, id: str, me: Person = _PARTNER) -> Response:
        return _form(request, me, await drafts.get(id, own_partner(me)))

    @router.post("/submissions/drafts/{id}")
    async def save(request: Request, id: str, me: Person = _PARTNER) -> Response:
        if int(request.headers.get("content-length", "0")) > MAX_FORM_BYTES:
            raise too_large()
        form = await request.form()
        own_page(form, me)
        do, _colon, about = str(form.get("do", "save")).partition(":")
        draft = await _typed(desk, drafts, id, me, form)
        draft, anchor = _changed(draft, do, about)
        kept = draft
        if do in ("over", "again"):
            kept, do = await _rebased(desk, me, draft, do)
        try:
            saved = await drafts.save(kept, me.name)
        except Changed as change:
            if do == "autosave":
                return JSONResponse({"said": _who_changed(change.draft)}, 409)
            if change.draft is None:
                received = await _received_as(desk, draft)
                return _form(request, me, replace(draft, id=new_id(), version=0), gone=True, received=received)
            # Typed over theirs only when it is sent once more, by somebody who has been told.
            return _form(request, me, replace(draft, version=change.draft.version), changed=change.draft)
        here = f"/submissions/drafts/{id}"
        match do:
            case "autosave":
                at = clock(saved.at or now())
                return JSONResponse({"version": saved.version, "said": _("Saved at %(time)s") % {"time": at}})
            case "check" | "over":
                return await _kept_back(request, desk, me, saved) or RedirectResponse(f"{here}/check", 303)
            case "again":
                notify(request, _("This is the newest revision. What you change in it becomes the next."))
                return RedirectResponse(here, 303)
            case "add" | "remove":
                return RedirectResponse(f"{here}#{anchor}", 303)
            case _:
                notify(request, _("The draft is saved. Nothing is sent yet."))
                return RedirectResponse(here, 303)


async def _typed(desk: Desk, drafts: Drafts, id: str, me: Person, form: Any) -> Draft:
    """The draft as a form holds it; what it revises stays as it was when it was begun."""
    partner = own_partner(me)
    held = await drafts.find(id, partner)
    if held:
        kind, of, base = held.kind, held.of, held.base
    else:
        kind, of, base = str(form.get("kind")), str(form.get("of") or "") or None, _number(form, "base")
    if kind not in KINDS or not (len(id) == 32 and id.isalnum()):
        raise Problem(404, "unknown-draft", _("There is no such draft"))
    values = typed(kind, form)
    if of:
        story = await _own(desk, me, *of.partition("/")[::2])
        values["/reference"] = story.reference or ""
    page = str(form.get("page", ""))[:32]
    return Draft(id, partner, kind, values, of, base, _number(form, "version") or 0, page=page)


def _number(form: Any, name: str) -> int | None:
    said = str(form.get(name, ""))
    return int(said) if said.isdecimal() and len(said) < 10 else None


def _changed(draft: Draft, do: str, about: str) -> tuple[Draft, str]:
    """The draft after what the pressed button does to it, and where the page goes on."""
    values, kind = dict(draft.values), draft.kind
    pointer, _slash, number = about.rpartition("/")
    if do == "check":
        return replace(draft, values=renumbered(kind, values, without_blank=True)), ""
    if do == "add" and (group := groups(FORMS[kind]).get(about)):
        values, added = with_item(values, group)
        return replace(draft, values=renumbered(kind, values)), id_of(f"{about}/{added}")
    if do == "remove" and number.isdecimal() and (group := groups(FORMS[kind]).get(pointer)):
        return replace(draft, values=without_item(kind, values, group, int(number))), id_of(pointer)
    return draft, ""


async def _rebased(desk: Desk, me: Person, draft: Draft, do: str) -> tuple[Draft, str]:
    """A draft on what is the newest revision now: with what was typed ("over" it), or as that has it ("again"). Of one
    that was withdrawn meanwhile nothing can be the next: it stays as it was typed, and is to be checked."""
    story = await _own(desk, me, *draft.of.partition("/")[::2]) if draft.of else None
    if story is None or story.state.withdrawn:
        return draft, "check"
    _kind, values = _next(story)
    if do == "over":
        values = {**draft.values, "/revision": values["/revision"]}
    return replace(draft, values=values, base=story.state.revision), do


async def _received_as(desk: Desk, draft: Draft) -> str | None:
    """The stream of the entry that has a draft's reference, if any was received."""
    stream = draft.of or f"{draft.partner}/{draft.reference}"
    return stream if (await desk.submissions.get(stream)).version else None


def _who_changed(draft: Draft | None) -> str:
    if draft is None:
        return _(
            "Not saved: this draft was sent or deleted meanwhile, or had expired. "
            "Save it, and what you typed becomes a new one."
        )
    said = _("Not saved: %(name)s changed this draft at %(time)s. Save it to see both.")
    return said % {"name": draft.by, "time": clock(draft.at or now())}


async def _kept_back(request: Request, desk: Desk, me: Person, draft: Draft) -> Response | None:
    """The form of a draft with all that keeps it from being sent; None where nothing does."""
    if draft.of and draft.base is not None:
        held = (await _own(desk, me, *draft.of.partition("/")[::2])).state
        # Whoever wrote this has not seen what it would take the place of.
        if held.revision > draft.base and not held.withdrawn:
            return _form(request, me, draft, newer=held.revision, received=draft.of)
    wrong = await _wrong(desk, me, draft)
    return _form(request, me, draft, wrong=wrong) if wrong else None


async def _wrong(desk: Desk, me: Person, draft: Draft) -> list[Wrong]:
    """All that keeps a draft from being sent."""
    values = dict(draft.values)
    found = await findings(_intake(desk, me, validate_only=True), line_of(draft.kind, values, draft.partner))
    if draft.of is None and any(finding["pointer"] in ("/revision", "/entry/kind") for finding in found):
        # Whoever writes a new entry has hit on a name in use; the next revision would overwrite what it names.
        taken = _("An entry of yours has this reference. Choose another, or change that entry instead.")
        found = [finding for finding in found if finding["pointer"] not in ("/revision", "/entry/kind")]
        found.append({"pointer": "/reference", "text": taken})
    return at_fields(draft.kind, values, found)


# --- Ending ----------------------------------------------------------------------------------------------------------


def _ending(router: APIRouter, desk: Desk, drafts: Drafts) -> None:
    @router.get("/submissions/drafts/{id}/check")
    async def check(request: Request, id: str, me: Person = _PARTNER) -> Response:
        draft = await drafts.get(id, own_partner(me))
        if kept_back := await _kept_back(request, desk, me, draft):
            return kept_back
        return page(
            request,
            "answers.html",
            headers={"Cache-Control": "no-store"},
            sections=sections(request, me),
            draft=draft,
            answers=answers(draft.kind, dict(draft.values)),
        )

    @router.post("/submissions/drafts/{id}/send")
    async def send(request: Request, id: str, me: Person = _PARTNER) -> Response:
        form = await request.form()
        own_page(form, me)
        draft = await drafts.get(id, own_partner(me))
        if str(draft.version) != form.get("version"):
            notify(request, _("The draft was changed since you checked it. Check it again."), "warning")
            return RedirectResponse(f"/submissions/drafts/{id}/check", 303)
        if kept_back := await _kept_back(request, desk, me, draft):
            return kept_back
        line = as_line(line_of(draft.kind, dict(draft.values), draft.partner))
        ((receipt, _fresh),) = await _intake(desk, me).take([line])
        if receipt.status == "refused":
            return _form(request, me, draft, wrong=at_fields(draft.kind, dict(draft.values), receipt.findings))
        if not await drafts.sent(draft, receipt.stream, receipt.revision or 1, me.name):
            text = _("Somebody changed the draft while it was sent: that is kept as a draft of the next revision.")
            notify(request, text, "warning")
        return RedirectResponse(f"/submissions/{receipt.stream}/received", 303)

    @router.get("/submissions/drafts/{id}/delete")
    async def ask(request: Request, id: str, me: Person = _PARTNER) -> Response:
        draft = await drafts.get(id, own_partner(me))
        return page(request, "delete_draft.html", sections=sections(request, me), draft=draft)

    @router.post("/submissions/drafts/{id}/delete")
    async def delete(request: Request, id: str, me: Person = _PARTNER) -> Response:
        await drafts.delete(id, own_partner(me))
        notify(request, _("The draft is deleted."))
        return RedirectResponse("/submissions/drafts", 303)


def _received(router: APIRouter, desk: Desk) -> None:
    @router.get("/submissions/{uscc}/{reference}/received")
    async def received(request: Request, uscc: str, reference: str, me: Person = _PARTNER) -> Response:
        story = await _own(desk, me, uscc, reference)
        accepted = [event for event in story.events if isinstance(event.data, SubmissionReceived | SubmissionRevised)]
        if not accepted:
            raise unknown_submission()
        return page(request, "received.html", sections=sections(request, me), story=story, accepted=accepted[-1])
