"""What reviewers do at the desk, for pages and programs alike: a press is one command, or a refusal with its text."""

from datetime import UTC, datetime, timedelta

from review.domain import (
    REFUSALS,
    Case,
    CaseCommand,
    Claim,
    DeclareConflict,
    GiveReview,
    Release,
    Review,
)
from review.store import CaseStore
from runtime.streams import Outcome, Streams
from schemas.envelope import Refusal
from schemas.review import CaseFact, Verdict
from web.people import Person, actor
from web.problems import Problem

#: How long a claimed case is nobody else's.
LEASE = timedelta(minutes=30)
#: The HTTP status of a refusal, where it is not 409: the case has moved on.
STATUSES = {
    "case.unknown": 404,
    "case.own-partner": 403,
    "case.conflict": 403,
    "review.scores": 422,
    "review.comment": 422,
}


class Desk:
    """The acts of reviewers. `cause` names the press or request: the same again has no second effect.

    Each returns what became of the case; raises Problem where the domain refuses.
    """

    def __init__(self, cases: Streams[Case, CaseCommand, CaseFact], store: CaseStore) -> None:
        self.cases, self.store = cases, store

    async def next(self, me: Person, cause: str) -> Outcome[Case] | None:
        """The case that I hold, or else the next right one, claimed; None where there is none for me now."""
        at = now()
        held = [case for case in await self.store.held(me.sub) if case.until and case.until > at]
        if held:
            return await self.cases.get(held[0].id)
        while candidates := await self.store.candidates(me.sub, me.partner, at):
            for id in candidates:
                # Others look at the same list: whoever writes first has the case, and we take the next.
                (outcome,) = await self.cases.handle([self._claim(id, me, cause, at)])
                if outcome.refusal is None:
                    return outcome
        return None

    async def claim(self, id: str, me: Person, cause: str) -> Outcome[Case]:
        return await self._handle(self._claim(id, me, cause, now()))

    async def release(self, id: str, me: Person, cause: str) -> Outcome[Case]:
        return await self._handle(Release(stream=id, cause=cause, actor=actor(me), at=now(), reviewer=me.sub))

    async def declare_conflict(self, id: str, me: Person, cause: str) -> Outcome[Case]:
        return await self._handle(DeclareConflict(stream=id, cause=cause, actor=actor(me), at=now(), reviewer=me.sub))

    async def review(
        self, id: str, me: Person, cause: str, scores: dict[str, int], verdict: Verdict, comment: str
    ) -> Outcome[Case]:
        return await self._handle(
            GiveReview(
                stream=id,
                cause=cause,
                actor=actor(me),
                at=now(),
                reviewer=me.sub,
                partner=me.partner,
                scores=scores,
                verdict=verdict,
                comment=comment,
            )
        )

    async def seen(self, id: str, me: Person) -> Outcome[Case]:
        """A case as it stands. Raises Problem: unknown, or the reader belongs to the partner who sent it."""
        outcome = await self.cases.get(id)
        if not outcome.version:
            raise problem(Refusal("case.unknown"))
        if outcome.state.partner == me.partner:
            raise problem(Refusal("case.own-partner"))
        return outcome

    def _claim(self, id: str, me: Person, cause: str, at: datetime) -> Claim:
        until = (at + LEASE).replace(microsecond=0)
        return Claim(stream=id, cause=cause, actor=actor(me), at=at, reviewer=me.sub, partner=me.partner, until=until)

    async def _handle(self, command: CaseCommand) -> Outcome[Case]:
        (outcome,) = await self.cases.handle([command])
        if outcome.refusal:
            raise problem(outcome.refusal)
        return outcome


def problem(refusal: Refusal) -> Problem:
    """A refusal as an answer over HTTP."""
    status = STATUSES.get(refusal.rule, 409)
    return Problem(status, refusal.rule.replace(".", "-"), REFUSALS[refusal.rule], **refusal.detail)


def visible_reviews(case: Case, me: Person) -> tuple[Review, ...]:
    """The reviews somebody may read: while a case is open, a reviewer's own opinion comes first."""
    if case.status != "open" or me.sub in case.reviewers() or "reviewer" not in me.roles:
        return case.reviews
    return ()


def now() -> datetime:
    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def case_id(partner: str, reference: str, revision: int) -> str:
    """A case's stream, from the parts of its address."""
    return f"{partner}/{reference}@{revision}"


def case_path(id: str) -> str:
    """The address of a case on this service: `/cases/partner/reference/revision`."""
    return "/cases/" + id.replace("@", "/")
