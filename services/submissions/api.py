"""The JSON that partners' programs speak: where entries are; what else there is has a file of its own."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field
from pymongo.asynchronous.database import AsyncDatabase
from starlette.requests import Request

from schemas.entry import Name, Uscc, without_contact
from schemas.envelope import Json, timestamp
from submissions import rule_pages
from submissions.answers import KEYED, KNOWN, After, Kind, Partner, Reference, Status, problems
from submissions.callers import Caller, with_key_or_session
from submissions.desk import Desk, Story
from submissions.expected import Expected
from submissions.marked import N_
from submissions.progress import Step
from submissions.queues import Outlook, Queue, Queues
from submissions.store import Lists
from submissions.waits import waits_for
from web.languages import _, say
from web.people import cause
from web.problems import Problem


class Decided(BaseModel):
    """The newest revision's decision. `comments` are the reviewers', without names, where changes are asked for."""

    decision: str
    time: str
    score: int | None
    reasons: tuple[str, ...]
    comments: tuple[str, ...]


class Standing(BaseModel):
    """Where a submission is, and what it waits for."""

    stream: str
    reference: str | None
    kind: str | None
    title: Name | None
    revision: int
    status: str
    waits_for: str = Field(description="what happens next and by whom, in the caller’s language")
    release: str | None = Field(description="month it is in or going to be in, `YYYY-MM`")


class Listing(BaseModel):
    """One page of submissions, the latest changed first; `next` goes into `after`."""

    items: list[Standing]
    next: str | None


class Detail(Standing):
    """A submission with what was sent last and every step it took, the latest first."""

    entry: Any
    refusals: int
    decision: Decided | None
    timeline: list[Json]
    queue: Queue | None = Field(description="its place among those that wait for reviewers in the same status")
    expected: Expected | None = Field(
        description="when its decision or release may come, measured on those before; null: too few waited as long"
    )
    late: bool = Field(description="whether it has waited longer for that than most before it")


class NewPartner(BaseModel):
    uscc: Uscc
    name: Name
    type: Literal["agency", "enterprise"]


class Reason(BaseModel):
    reason: str = Field(min_length=2, max_length=500)


def routes(database: AsyncDatabase[Json], desk: Desk, lists: Lists) -> APIRouter:
    """The JSON routes."""
    router = APIRouter(dependencies=KNOWN)
    router.include_router(_asking(database, desk, lists))
    router.include_router(_keeping(desk))
    router.include_router(rule_pages.json_routes())
    return router


def _asking(database: AsyncDatabase[Json], desk: Desk, lists: Lists) -> APIRouter:
    router = APIRouter(tags=[N_("Where entries are")], responses=KEYED)
    either, submitter = Depends(with_key_or_session("read")), Depends(with_key_or_session("submit"))
    queues = Queues(database)

    @router.get(
        "/submissions",
        summary=N_("My submissions"),
        response_description=N_("One page, the latest changed first"),
        responses=problems(_401=N_("Neither key nor session")),
    )
    async def listing(
        caller: Caller = either,
        status: Annotated[Status | None, Query(description="`refused`: never accepted")] = None,
        kind: Kind | None = None,
        after: After = None,
    ) -> Listing:
        rows, next = await lists.of(caller.mode).page(caller.partner, status=status, kind=kind, after=after)
        items = [
            Standing(
                stream=row.stream,
                reference=row.reference,
                kind=row.state["kind"],
                title=row.state["title"],
                revision=row.state["revision"],
                status=row.status,
                waits_for=waits_for(row.status, row.release, caller.mode),
                release=row.release,
            )
            for row in rows
        ]
        return Listing(items=items, next=next)

    @router.get(
        "/submissions/{uscc}/{reference}",
        summary=N_("One submission: what was sent, where it is, and every step"),
        response_description=N_("The submission"),
        responses=problems(_401=N_("Neither key nor session"), _404=N_("There is none, or it is another partner’s")),
    )
    async def detail(uscc: Partner, reference: Reference, caller: Caller = either) -> Detail:
        caller.may_see(uscc)
        return await _detail(await desk.story(f"{uscc}/{reference}", caller.mode), caller, queues)

    @router.post(
        "/submissions/{uscc}/{reference}/withdraw",
        summary=N_("Withdraw a submission that is not published"),
        response_description=N_("It is withdrawn"),
        responses=problems(
            _401=N_("Neither key nor session"),
            _404=N_("There is none, or it is another partner’s"),
            _409=N_("It is published, or was only ever refused"),
        ),
    )
    async def withdraw(
        uscc: Partner,
        reference: Reference,
        request: Request,
        body: Reason,
        caller: Caller = submitter,
    ) -> Detail:
        caller.may_see(uscc)
        await desk.withdraw(f"{uscc}/{reference}", body.reason, caller, cause(request))
        return await _detail(await desk.story(f"{uscc}/{reference}", caller.mode), caller, queues)

    @router.post(
        "/submissions/{uscc}/{reference}/erase-contact",
        summary=N_("Erase the contact of a submission for good"),
        description=N_(
            "The key that opens it is destroyed: it can be read nowhere any more, in the history neither. All else "
            "stays as it is. What is sent later with a contact has a key of its own."
        ),
        response_description=N_("It is erased, or there was none"),
        responses=problems(_401=N_("Neither key nor session"), _404=N_("There is none, or it is another partner’s")),
    )
    async def erase_contact(
        uscc: Partner,
        reference: Reference,
        request: Request,
        body: Reason,
        caller: Caller = submitter,
    ) -> Detail:
        caller.may_see(uscc)
        await desk.erase_contact(f"{uscc}/{reference}", body.reason, caller, cause(request))
        return await _detail(await desk.story(f"{uscc}/{reference}", caller.mode), caller, queues)

    return router


def _keeping(desk: Desk) -> APIRouter:
    router = APIRouter(tags=[N_("Partners and keys")], responses=KEYED)
    either = Depends(with_key_or_session("keys"))

    def operator(caller: Caller = either) -> Caller:
        if caller.partner is not None:
            raise Problem(403, "forbidden", _("Only operators register partners"))
        return caller

    @router.post(
        "/partners",
        status_code=201,
        summary=N_("Register a partner (operators)"),
        response_description=N_("It is registered"),
        responses={
            200: {"description": N_("It is registered already")},
            **problems(_401=N_("Neither key nor session"), _403=N_("Not an operator"), _409=N_("Taken")),
        },
    )
    async def register(
        request: Request, body: NewPartner, response: Response, caller: Caller = Depends(operator)
    ) -> NewPartner:
        new = await desk.register(body.uscc, body.name, body.type, caller, cause(request))
        response.status_code = 201 if new else 200
        return body

    return router


def _told(step: Step) -> Json:
    """A step of the timeline, in the caller's language."""
    said = {"reasons": [say(reason) for reason in step.reasons]} if step.reasons else {}
    return step.model_dump(mode="json", exclude_defaults=True) | said


async def _detail(story: Story, caller: Caller, queues: Queues) -> Detail:
    # A test goes no further: it waits for nobody.
    outlook = await queues.outlook(story) if caller.mode == "live" else Outlook()
    decision, entry = story.decision, story.progress.entry
    return Detail(
        stream=story.stream,
        reference=story.reference,
        kind=story.state.kind,
        title=story.state.title,
        revision=story.state.revision,
        status=story.status,
        waits_for=waits_for(story.status, entry.release if entry else None, caller.mode),
        release=entry.release if entry else None,
        entry=story.entry if caller.partner else story.entry and without_contact(story.entry),
        refusals=story.state.refusals,
        decision=decision
        and Decided(
            decision=decision.what,
            time=timestamp(decision.at),
            score=decision.score,
            reasons=tuple(map(say, decision.reasons)),
            comments=decision.comments,
        ),
        timeline=[_told(step) for step in story.steps],
        queue=outlook.queue,
        expected=outlook.expected,
        late=outlook.late,
    )
