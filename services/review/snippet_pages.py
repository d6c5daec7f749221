"""The page on which a reviewer keeps snippets of their own, beside the office's."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from review.callers import Callers
from review.desk import Desk
from review.office import LONGEST, OFFICE, Snippet
from review.pages import AtTheDesk
from review.snippets import MOST, Snippets
from web.languages import _
from web.pages import notify, page
from web.people import Person


def snippet_pages(snippets: Snippets, desk: Desk) -> APIRouter:
    """The routes under /snippets."""
    router = APIRouter(include_in_schema=False, route_class=AtTheDesk)
    Reviewer = Annotated[Person, Depends(Callers(desk).reviewer)]

    async def show(request: Request, me: Person, form: dict[str, str], errors: dict[str, str]) -> Response:
        return page(
            request,
            "snippets.html",
            status=422 if errors else 200,
            own=await snippets.of(me.sub),
            office=OFFICE.snippets,
            form=form,
            errors=errors,
            most=MOST,
        )

    @router.get("/snippets")
    async def all(request: Request, me: Reviewer) -> Response:
        return await show(request, me, {}, {})

    @router.post("/snippets")
    async def keep(request: Request, me: Reviewer) -> Response:
        form = {name: str(value).strip().replace("\r\n", "\n") for name, value in (await request.form()).items()}
        said = {name: form.get(name, "") for name in ("zh", "en")}
        errors = {
            name: _("Shorten it to %(count)s characters.") % {"count": LONGEST}
            for name, text in said.items()
            if len(text) > LONGEST
        }
        if not any(said.values()):
            errors["zh"] = _("Write the snippet in one language at least.")
        if errors:
            return await show(request, me, said, errors)
        if not await snippets.keep(me.sub, Snippet(**said)):
            return await show(request, me, said, {"zh": _("You keep as many as there may be. Delete one first.")})
        notify(request, _("The snippet is kept. It stands under your review’s form."))
        return RedirectResponse("/snippets", 303)

    @router.post("/snippets/{id}/delete")
    async def delete(request: Request, id: str, me: Reviewer) -> Response:
        await snippets.drop(me.sub, id)
        notify(request, _("The snippet is deleted."))
        return RedirectResponse("/snippets", 303)

    return router
