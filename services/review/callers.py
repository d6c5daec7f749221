"""Who comes to the desk: somebody with the role, not taken off the roster, who acts from a page of their own."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from review.desk import Desk, problem
from schemas.envelope import Refusal
from web.languages import _
from web.people import Person, require
from web.problems import Problem

#: The field in which a page says whose it is: the subject of the person for whom it was made.
WHOSE = "person"


async def asking(request: Request, me: Annotated[Person, Depends(require("reviewer"))]) -> Person:
    """Dependency: the reviewer who is signed in. Raises Problem if the page that asks was made for somebody else.

    All tabs of a browser share one session: a page that stayed open would act in the name of whoever signed in last.
    """
    whose = (await request.form()).get(WHOSE)
    if isinstance(whose, str) and whose and whose != me.sub:
        detail = _(
            "This page was opened by another person: nothing of it is saved or done in the name of %(name)s. "
            "Whoever opened it can sign in again, and go on."
        )
        title = _("Somebody else is signed in now.")
        raise Problem(409, "page-of-another", title, detail % {"name": me.name})
    return me


class Callers:
    """Dependencies for whatever shows or changes something of the desk: the roster is asked at every address alike.

    But for the next case, which `asking` is enough for: of many who ask at once, the roster is read once for all.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def reader(self, me: Annotated[Person, Depends(require("reviewer", "operator"))]) -> Person:
        """Dependency: a reviewer or an operator. Raises Problem if they came as a reviewer, and were removed."""
        if "operator" not in me.roles:
            await self._admit(me)
        return me

    async def reviewer(self, me: Annotated[Person, Depends(asking)]) -> Person:
        """Dependency: a reviewer. Raises Problem if they were removed."""
        await self._admit(me)
        return me

    async def _admit(self, me: Person) -> None:
        if not await self.desk.admits(me):
            raise problem(Refusal("reviewer.removed"))
