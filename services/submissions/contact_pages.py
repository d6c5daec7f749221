"""A submission's contact: an operator reads it, which is a fact; its partner or an operator erases it, for good."""

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from schemas.entry import Contact
from submissions.callers import of_person
from submissions.desk import Desk, Story
from submissions.sections import sections
from web.languages import _
from web.pages import notify, page
from web.people import Person, cause, require


def add(router: APIRouter, desk: Desk) -> None:
    """GET and POST /submissions/{uscc}/{reference}/erase-contact, and …/read-contact."""
    either, operator = Depends(require("partner", "operator")), Depends(require("operator"))

    async def seen(me: Person, uscc: str, reference: str) -> Story:
        of_person(me).may_see(uscc)
        return await desk.story(f"{uscc}/{reference}")

    def asked(
        request: Request, me: Person, story: Story, act: str, *, missing: bool = False, contact: Contact | None = None
    ) -> Response:
        return page(
            request,
            "contact.html",
            status=422 if missing else 200,
            headers={"Cache-Control": "no-store"},
            sections=sections(request, me),
            story=story,
            act=act,
            missing=missing,
            contact=contact,
        )

    @router.get("/submissions/{uscc}/{reference}/erase-contact")
    async def ask_to_erase(request: Request, uscc: str, reference: str, me: Person = either) -> Response:
        return asked(request, me, await seen(me, uscc, reference), "erase")

    @router.post("/submissions/{uscc}/{reference}/erase-contact")
    async def erase(
        request: Request, uscc: str, reference: str, me: Person = either, reason: str = Form("")
    ) -> Response:
        story, reason = await seen(me, uscc, reference), reason.strip()[:500]
        if len(reason) < 2:
            return asked(request, me, story, "erase", missing=True)
        await desk.erase_contact(story.stream, reason, of_person(me), cause(request))
        notify(request, _("The contact is erased."))
        return RedirectResponse(f"/submissions/{story.stream}", 303)

    @router.get("/submissions/{uscc}/{reference}/read-contact")
    async def ask_to_read(request: Request, uscc: str, reference: str, me: Person = operator) -> Response:
        return asked(request, me, await seen(me, uscc, reference), "read")

    @router.post("/submissions/{uscc}/{reference}/read-contact")
    async def read(
        request: Request, uscc: str, reference: str, me: Person = operator, reason: str = Form("")
    ) -> Response:
        story, reason = await seen(me, uscc, reference), reason.strip()[:500]
        if len(reason) < 2:
            return asked(request, me, story, "read", missing=True)
        contact = await desk.read_contact(story.stream, reason, of_person(me))
        return asked(request, me, story, "read", contact=contact)
