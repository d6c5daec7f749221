"""The page of one submission: its story, what it waits for, what is wrong; the next revision, and withdrawing it."""

from typing import Any

import orjson
from fastapi import APIRouter, Depends, Form, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from schemas.entry import without_contact
from schemas.envelope import Event
from schemas.finding import patch
from schemas.submission import SubmissionRefused
from submissions.callers import Caller, of_person, own_partner
from submissions.desk import Desk, Story
from submissions.intake import told
from submissions.pasted import Sent, take, taken
from submissions.progress import Step
from submissions.queues import Queues
from submissions.sections import sections
from submissions.waits import foreseen, waits_for
from web.languages import _, language, month, ngettext
from web.pages import notify, page
from web.people import Person, actor, cause, require
from web.words import word


def add(router: APIRouter, desk: Desk, queues: Queues) -> None:
    """/submissions/{uscc}/{reference}, and …/withdraw."""
    either = Depends(require("partner", "operator"))
    partner = Depends(require("partner"))

    async def seen(caller: Caller, uscc: str, reference: str) -> Story:
        caller.may_see(uscc)
        return await desk.story(f"{uscc}/{reference}")

    async def show(request: Request, me: Person, story: Story, *, sent: Sent | None = None, text: str = "") -> Response:
        entry, own = story.progress.entry, me.partner == story.partner and "partner" in me.roles
        said = story.entry if own else story.entry and without_contact(story.entry)
        return page(
            request,
            "submission.html",
            status=sent.status if sent else 200,
            sections=sections(request, me),
            story=story,
            entry=said and said.model_dump(mode="json", exclude_none=True),
            entry_json=pretty(said.model_dump(mode="json", exclude_none=True)) if said else "",
            happened=[_told(step) for step in story.steps],
            waits=waits_for(story.status, entry.release if entry else None),
            outlook=foreseen(await queues.outlook(story)),
            sent=sent,
            text=text or (_next_revision(story) if own else ""),
            unaltered=bool(sent and sent.checked and _unaltered(sent.raw, story)),
            own=own,
            told=lambda finding: told(finding, language()),
            mends=mends,
        )

    @router.get("/submissions/{uscc}/{reference}")
    async def one(request: Request, uscc: str, reference: str, me: Person = either) -> Response:
        return await show(request, me, await seen(of_person(me), uscc, reference))

    @router.post("/submissions/{uscc}/{reference}")
    async def revise(
        request: Request,
        uscc: str,
        reference: str,
        me: Person = partner,
        file: UploadFile | None = None,
        text: str = Form(""),
        action: str = Form("send"),
    ) -> Response:
        caller = Caller(actor(me), own_partner(me))
        await seen(caller, uscc, reference)
        sent = await take(desk.intake(caller, validate_only=action == "check"), file, text)
        if sent.checked or sent.refused or not sent.receipts:
            return await show(request, me, await desk.story(f"{uscc}/{reference}"), sent=sent, text=text)
        notify(request, taken(sent))
        return RedirectResponse(f"/submissions/{sent.accepted[0].stream}", 303)

    @router.get("/submissions/{uscc}/{reference}/withdraw")
    async def ask(request: Request, uscc: str, reference: str, me: Person = partner) -> Response:
        caller = Caller(actor(me), own_partner(me))
        story = await seen(caller, uscc, reference)
        await desk.withdrawable(story.stream, caller, cause(request))
        return page(request, "withdraw.html", sections=sections(request, me), story=story, missing=False)

    @router.post("/submissions/{uscc}/{reference}/withdraw")
    async def withdraw(
        request: Request, uscc: str, reference: str, me: Person = partner, reason: str = Form("")
    ) -> Response:
        caller = Caller(actor(me), own_partner(me))
        story = await seen(caller, uscc, reference)
        reason = reason.strip()[:500]
        if len(reason) < 2:
            return page(request, "withdraw.html", status=422, sections=sections(request, me), story=story, missing=True)
        await desk.withdraw(story.stream, reason, caller, cause(request))
        notify(request, _("The submission is withdrawn."))
        return RedirectResponse(f"/submissions/{story.stream}", 303)


def _next_revision(story: Story) -> str:
    """What the partner would change and send: the newest revision's text under the next number."""
    if story.entry is None:
        return ""
    line: dict[str, Any] = {
        "reference": story.reference,
        "revision": story.state.revision + 1,
        "entry": story.entry.model_dump(mode="json", exclude_none=True, exclude_defaults=True),
    }
    return pretty(line)


def _unaltered(raw: bytes, story: Story) -> bool:
    """Whether what was sent says the same as what was given to be changed."""
    try:
        return bool(orjson.loads(raw) == orjson.loads(_next_revision(story)))
    except orjson.JSONDecodeError:
        return False


def pretty(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def mends(refusal: Event) -> str:
    """What would mend a refusal, as a JSON Patch to copy; empty where nothing is suggested."""
    operations = (
        patch(finding.fix for finding in refusal.data.findings) if isinstance(refusal.data, SubmissionRefused) else []
    )
    return pretty(operations) if operations else ""


def _told(step: Step) -> dict[str, Any]:
    """A step as the timeline shows it."""
    facts = [
        _("revision %(number)s") % {"number": step.revision} if step.revision else "",
        month(step.release) if step.release else "",
        _("edition %(number)s") % {"number": step.edition} if step.edition else "",
        _("score %(number)s") % {"number": step.score} if step.score is not None else "",
    ]
    reasons = _("; ").join(word(reason).rstrip(" .。") for reason in step.reasons)
    if step.what == "refused":
        count = len(step.reasons)
        reasons = ngettext("%(n)s finding", "%(n)s findings", count) % {"n": count}
    return {"title": word(step.what), "at": step.at, "by": " · ".join(filter(None, facts)), "text": reasons}
