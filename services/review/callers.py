"""Who comes to the desk: somebody with the role, not taken off the roster, who acts from a page of their own."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from review.desk import Desk, problem
from schemas.envelope import Refusal
from web.people import Person, own_page, require


async def asking(request: Request, me: Annotated[Person, Depends(require("reviewer"))]) -> Person:
    """Dependency: the reviewer who is signed in. Raises Problem if the page that asks was made for somebody else."""
    own_page(await request.form(), me)
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
