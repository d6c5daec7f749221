"""What several routes of the JSON say in OpenAPI: the problems that they answer, and parameters that they share."""

from typing import Annotated, Literal

from fastapi import Depends, Path, Query
from starlette.requests import Request

from submissions.callers import note_owner
from submissions.marked import N_
from web.openapi import ANY_PROBLEM, Responses
from web.parameters import only_known_parameters
from web.problems import Problem


async def _known_parameters(request: Request) -> None:
    try:
        only_known_parameters(request)
    except Problem:  # before the route looks at the key: its owner finds the request in the log all the same
        await note_owner(request)
        raise


#: Of every router of JSON: a query parameter that is misspelt must not pass unnoticed.
KNOWN = [Depends(_known_parameters)]

EXAMPLE_USCC = "91510106MA6RH83W82"
Partner = Annotated[str, Path(description="unified social credit code", examples=[EXAMPLE_USCC])]
Reference = Annotated[str, Path(description="the partner’s own name for it", examples=["rail-robot-01"])]
Kind = Literal["scene", "product", "linkage"]
#: What a list is asked for, in the order in which a submission goes through them.
Status = Literal[
    "received",
    "opened",
    "open",
    "in-review",
    "changes-requested",
    "rejected",
    "approved",
    "queued",
    "scheduled",
    "published",
    "corrected",
    "retracted",
    "withdrawn",
    "refused",
]
#: Where a list of submissions goes on. One that nobody gave is refused: from the beginning again, a program would never
#: come to its end.
After = Annotated[
    str | None,
    Query(pattern=r"^(\d{1,10}\.\d{1,10}\.\S+)?$", description="the `next` of the page before"),
]
Validate = Annotated[
    Literal["only"] | None,
    Query(
        description="`only`: apply every rule and say what would become of it; nothing is written, nor counted against "
        "the day’s quota. What follows is judged as if what was right before it had been taken in: the last 20,000 "
        "references"
    ),
]


def problems(**said: str) -> Responses:
    """OpenAPI's responses for problems: `_422=N_("…")`."""
    return {int(status[1:]): {**ANY_PROBLEM, "description": text} for status, text in said.items()}


#: What FastAPI itself answers to a request that is not as it must be.
INVALID = problems(_422=N_("The request is not complete or not valid"))
#: The same, and what is answered to a key that may not.
KEYED = INVALID | problems(
    _401=N_("The key is missing, malformed, unknown, revoked or expired"),
    _403=N_("The key has not the scope that this needs"),
    _429=N_("Too many requests or entries, or the day’s quota is used up: `Retry-After` says when to go on"),
)
