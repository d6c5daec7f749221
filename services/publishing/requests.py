"""What a request to publishing says: what it looks for, who asks, which release it means, and what refuses it."""

from typing import Annotated

from fastapi import Path, Query
from starlette.requests import Request

from publishing.domain.release import MONTH, Release, ReleaseCommand
from publishing.releasing import Act, Releases
from publishing.store import Wish, now
from publishing.words import explained
from runtime.streams import Outcome
from schemas.envelope import Refusal
from web.languages import _
from web.people import Person, actor, cause
from web.problems import Problem

Month = Annotated[str, Path(pattern=f"^{MONTH.pattern}$")]


def wish(
    kind: str | None = None,
    sector: str | None = None,
    industry: str | None = None,
    district: str | None = None,
    partner: str | None = None,
    release: str | None = None,
    stage: str | None = None,
    q: Annotated[str | None, Query(max_length=200)] = None,
) -> Wish:
    """Dependency: the filters of the address; `industry` is another name for `sector`."""
    return Wish(kind, sector or industry, district, partner, release, stage, q)


def act(request: Request, me: Person) -> Act:
    """What this person does by this request; sent twice under one X-Request-Id, it is done once."""
    return Act(cause(request), actor(me), now())


async def decided(releases: Releases, command: ReleaseCommand) -> Outcome[Release]:
    """Carry out one command on a release. Raises Problem where it is refused."""
    [outcome] = await releases.handle([command])
    if outcome.refusal:
        raise refused(outcome.refusal)
    return outcome


def refused(refusal: Refusal) -> Problem:
    """A refusal as the answer to its request."""
    status = {"release.unknown": 404, "release.absent": 404, "release.month": 422}.get(refusal.rule, 409)
    return Problem(
        status, refusal.rule.replace(".", "-"), _("This cannot be done now"), explained(refusal), **refusal.detail
    )


async def known(releases: Releases, month: str, *, open: bool = False) -> Outcome[Release]:
    """A release that exists and, if asked, is open. Raises Problem."""
    outcome = await releases.get(month)
    if outcome.version == 0:
        raise refused(Refusal("release.unknown"))
    if open and outcome.state.status != "open":
        raise refused(Refusal("release.frozen"))
    return outcome
