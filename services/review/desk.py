"""What reviewers do at the desk, for pages and programs alike: a press is one command, or a refusal with its text."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from review.domain import CASES, Case, CaseCommand
from review.domain.acts import LodgeAppeal
from review.domain.assigning import Assign, Unassign
from review.domain.case import Review
from review.domain.claiming import Claim, DeclareConflict, Extend, Leave, Release
from review.domain.lease import LEASE, LEFT, MOST_HELD, RESERVED
from review.domain.refusals import REFUSALS
from review.domain.reviewer import Register, Remove, Reviewer, Standing, stream
from review.domain.reviewing import UNDO, GiveReview, WithdrawReview
from review.drafts import Drafts
from review.handing import Ask, Handing
from review.roster import Roster
from review.store import CaseStore
from runtime.streams import Outcome, Streams
from schemas.envelope import Refusal
from schemas.review import CaseFact, Profile, Verdict
from web.languages import _, moment
from web.people import Person, actor
from web.problems import Problem

#: The HTTP status of a refusal, where it is not 409: the case has moved on.
STATUSES = {
    "case.unknown": 404,
    "case.own-partner": 403,
    "case.conflict": 403,
    "case.for-others": 403,
    "case.experts-only": 403,
    "case.reviewed-previous": 403,
    "reviewer.removed": 403,
    "reviewer.unknown": 404,
    "review.scores": 422,
    "review.comment": 422,
    "review.too-long": 422,
    "appeal.reason": 422,
    "appeal.too-long": 422,
}


#: Why a case cannot be claimed, where that can change: others have it, or one holds too many.
FOR_NOW = ("case.claimed", "case.reserved", "case.too-many", "case.not-held")


class Desk:
    """The acts of reviewers. `cause` names the press or request: the same again has no second effect.

    Each returns what became of the case; raises Problem where the domain refuses, or the roster no longer has them.
    """

    def __init__(
        self, cases: Streams[Case, CaseCommand, CaseFact], store: CaseStore, roster: Roster, drafts: Drafts
    ) -> None:
        self.cases, self.store, self.roster, self.drafts = cases, store, roster, drafts
        self.handing = Handing(cases, store, roster)

    async def standing(self, me: Person) -> Standing:
        """How I stand as a reviewer. Raises Problem if I was removed from the roster."""
        found = await self._known(me)
        if found is None:
            raise problem(Refusal("reviewer.removed"))
        return found

    async def admits(self, me: Person) -> bool:
        """Whether I may come as a reviewer at all: whoever was removed from the roster sees nothing of the desk."""
        return (await self.roster.reviewers.get(stream(me.sub))).state.status != "removed"

    async def _known(self, me: Person) -> Standing | None:
        if learnt := await self.roster.learn(me, now()):
            await self.settle(me, learnt)
        return (await self.roster.standings([me]))[me.sub]

    async def next(self, me: Person, cause: str) -> Outcome[Case] | None:
        """The case that I hold, or else the next right one, claimed; None where there is none for me now."""
        dealt = await self.handing.next(Ask(me, cause, now()))
        if isinstance(dealt, Refusal):
            raise problem(dealt)
        if dealt is None:
            await self.standing(me)  # what is kept for them and not theirs to judge becomes free for others
        return dealt

    async def claim(self, id: str, me: Person, cause: str) -> Outcome[Case]:
        """Hold this case. Of two presses in the same instant, both may pass the limit of how many one holds."""
        who, at = await self.standing(me), now()
        if full := await self._hands_full(id, me, at):
            raise problem(full)
        return await self._handle(Claim(**_by(id, me, cause, at), **_as(who), until=_end(at, LEASE)), me)

    async def alike(self, case: Case) -> list[Case]:
        """The cases that its findings say it resembles, in the order of the findings."""
        return [(await self.cases.get(found.resembles)).state for found in case.findings if found.resembles]

    async def why_not(self, outcome: Outcome[Case], me: Person) -> Refusal | None:
        """Why I could not claim this case now; None if I could."""
        who, at = await self._known(me), now()
        if who is None:
            return Refusal("reviewer.removed")
        wish = Claim(**_by(outcome.stream, me, "wish", at), **_as(who), until=_end(at, LEASE))
        if isinstance(refusal := CASES.decide(outcome.state, wish), Refusal):
            return told(refusal, outcome.state, me, at)
        return await self._hands_full(outcome.stream, me, at)

    async def _hands_full(self, id: str, me: Person, at: datetime) -> Refusal | None:
        held = await self.store.lists.held(me.sub)
        others = [case for case in held if case.id != id and case.until and case.until > at]
        return Refusal("case.too-many", {"most": MOST_HELD}) if len(others) >= MOST_HELD else None

    async def extend(self, id: str, me: Person, cause: str) -> Outcome[Case]:
        """Hold it for the whole of a lease from now, as far as a lease can last."""
        who, at = await self.standing(me), now()
        return await self._handle(Extend(**_by(id, me, cause, at), **_as(who), until=_end(at, LEASE)), me)

    async def leave(self, id: str, me: Person, cause: str) -> Outcome[Case]:
        """The page is closed: others may have the case in a minute, unless I come back."""
        at = now()
        return await self._handle(Leave(**_by(id, me, cause, at), reviewer=me.sub, until=_end(at, LEFT)), me)

    async def release(self, id: str, me: Person, cause: str) -> Outcome[Case]:
        return await self._handle(Release(**_by(id, me, cause, now()), reviewer=me.sub), me)

    async def declare_conflict(self, id: str, me: Person, cause: str) -> Outcome[Case]:
        return await self._handle(DeclareConflict(**_by(id, me, cause, now()), reviewer=me.sub), me)

    async def review(
        self, id: str, me: Person, cause: str, scores: dict[str, int], verdict: Verdict, comment: str
    ) -> Outcome[Case]:
        given: dict[str, Any] = {"scores": scores, "verdict": verdict, "comment": comment}
        return await self._handle(GiveReview(**_by(id, me, cause, now()), **_as(await self.standing(me)), **given), me)

    async def take_back(self, id: str, me: Person, cause: str) -> Outcome[Case]:
        """Take back the review I just gave; the case is mine again if nobody else has it."""
        at = now()
        return await self._handle(WithdrawReview(**_by(id, me, cause, at), reviewer=me.sub, until=_end(at, LEASE)), me)

    async def assign(self, id: str, me: Person, cause: str, reviewer: str) -> Outcome[Case]:
        """Keep the case for somebody on the roster. Raises Problem if they are not on it or may not judge it."""
        state = (await self.roster.reviewers.get(stream(reviewer))).state
        if state.status != "active":
            raise problem(Refusal("reviewer.unknown"))
        who, at = await self.standing(Person(reviewer, reviewer)), now()
        return await self._handle(
            Assign(
                **_by(id, me, cause, at),
                **_as(who),
                until=_end(at, RESERVED),
                reasons=("operator",),
            ),
            me,
        )

    async def appeal(
        self, id: str, me: Person, cause: str, by: Literal["partner", "operator"], reason: str
    ) -> Outcome[Case]:
        """Note an objection to the decision: other reviewers judge again."""
        case = (await self.seen(id, me)).state
        latest = await self.store.lists.latest(case.submission)
        if latest and latest.id != id:
            raise problem(Refusal("case.outdated"))
        return await self._handle(LodgeAppeal(**_by(id, me, cause, now()), by=by, reason=reason), me)

    async def remove(self, reviewer: str, me: Person, cause: str) -> None:
        """Take somebody off the roster: what they hold is free at once, the reviews they gave stand."""
        (outcome,) = await self.roster.reviewers.handle([Remove(**_by(stream(reviewer), me, cause, now()))])
        if outcome.refusal:
            raise problem(outcome.refusal)
        await self.settle(me, cause)

    async def register(self, profiles: Mapping[str, Profile], me: Person, cause: str) -> list[Outcome[Reviewer]]:
        """Put people on the roster, or change what it says of them: what they may judge no more is free at once."""
        outcomes = await self.roster.reviewers.handle(
            [
                Register(**_by(stream(sub), me, cause, now()), reviewer=sub, profile=each)
                for sub, each in profiles.items()
            ]
        )
        await self.settle(me, cause)
        return outcomes

    async def settle(self, me: Person, cause: str) -> None:
        """After the roster has changed: cases in the hands of those who may not judge them any more, or kept for them,
        are free. Of everybody: the first expert on the roster keeps the experts' cases from all others.

        Should the process end before, leases and assignments run out by themselves, and nobody barred gives a review.
        """
        taken = await self.store.queue.taken()
        subs = {sub for each in taken for sub in (*each.assigned, each.holder) if sub}
        standings, at = await self.roster.standings([Person(sub, sub) for sub in subs]), now()
        commands: list[CaseCommand] = []
        for each in taken:
            id = each.case.id
            unfit = {sub for sub in subs if not (who := standings[sub]) or not each.case.suits(who)}
            # One cause takes effect in a stream only once, and a case may be held by whom it was assigned to.
            if each.holder in unfit:
                commands.append(Release(**_by(id, me, f"{cause}:released", at), reviewer=each.holder))
            off = [sub for sub in each.assigned if sub in unfit]
            commands += [Unassign(**_by(id, me, f"{cause}:off:{sub}", at), reviewer=sub) for sub in off]
        if commands:
            await self.cases.handle(commands)

    async def seen(self, id: str, me: Person) -> Outcome[Case]:
        """A case as it stands. Raises Problem: unknown, or the reader belongs to the partner who sent it."""
        outcome = await self.cases.get(id)
        if not outcome.version:
            raise problem(Refusal("case.unknown"))
        if outcome.state.partner == me.partner:
            raise problem(Refusal("case.own-partner"))
        return outcome

    async def _handle(self, command: CaseCommand, me: Person) -> Outcome[Case]:
        (outcome,) = await self.cases.handle([command])
        if outcome.refusal:
            raise problem(told(outcome.refusal, outcome.state, me, command.at))
        return outcome


def told(refusal: Refusal, case: Case, me: Person, at: datetime) -> Refusal:
    """What somebody hears of a refusal: who has the case where another has it; and not, by the roster, whose it is."""
    lease = case.lease
    if refusal.rule == "case.not-held" and lease and lease.reviewer != me.sub and lease.runs(at):
        return Refusal("case.claimed", {"reviewer": lease.reviewer, "until": lease.until.isoformat()})
    declared = refusal.rule == "case.conflict" and me.sub in case.conflicts
    if refusal.rule not in ("case.conflict", "case.own-partner") or declared or "operator" in me.roles:
        return refusal
    return refusal if me.partner == case.partner else Refusal("case.for-others")


def problem(refusal: Refusal) -> Problem:
    """A refusal as an answer over HTTP."""
    status, detail = STATUSES.get(refusal.rule, 409), None
    match refusal:
        case Refusal(rule="case.claimed", detail={"reviewer": reviewer, "until": until}):
            detail = _("%(reviewer)s holds it until %(moment)s.") % {"reviewer": reviewer, "moment": moment(until)}
        case Refusal(rule="case.reserved", detail={"until": until}):
            detail = _("That is %(moment)s at the latest.") % {"moment": moment(until)}
        case Refusal(rule="case.too-many", detail={"most": most}):
            detail = _("At most %(most)s at a time, so that others find work, too.") % {"most": most}
    return Problem(status, refusal.rule.replace(".", "-"), REFUSALS[refusal.rule], detail, **refusal.detail)


def visible_reviews(case: Case, me: Person, at: datetime) -> tuple[Review, ...]:
    """The reviews somebody may read: while a case is open, a reviewer's own opinion comes first.

    Their own alone, as long as they may take it back: else one could look at the others' and judge again.
    """
    if case.status != "open" or "reviewer" not in me.roles:
        return (*case.former, *case.reviews)
    mine = next((review for review in case.reviews if review.reviewer == me.sub), None)
    if mine is None:
        return ()
    return (mine,) if may_take_back(case, me.sub, at) else (*case.former, *case.reviews)


def may_take_back(case: Case, sub: str, at: datetime) -> bool:
    """Whether somebody's review is the last, and so fresh that it may be taken back."""
    last = case.reviews[-1] if case.status == "open" and case.reviews else None
    return last is not None and last.reviewer == sub and last.given is not None and at <= last.given + UNDO


def now() -> datetime:
    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _by(id: str, me: Person, cause: str, at: datetime) -> dict[str, Any]:
    return {"stream": id, "cause": cause, "actor": actor(me), "at": at}


def _as(who: Standing) -> dict[str, Any]:
    return {"reviewer": who.sub, "partner": who.partner, "conflicts": who.conflicts, "expert": who.expert}


def _end(at: datetime, span: timedelta) -> datetime:
    """Leases end on whole seconds, so that their texts compare exactly."""
    return (at + span).replace(microsecond=0)
