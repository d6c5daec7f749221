"""Handing out the next case: own field first, fewest reviews left, then the longest waiting; never one to two.

Those who ask at the same moment are served together: the first free cases are read once, dealt out among them, and
claimed in one write. Another process may deal out the same ones; whoever of the two writes second is refused by the
streams' versions, and deals again. Decision 0014.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from review.domain import Case, CaseCommand
from review.domain.claiming import Claim
from review.domain.lease import LEASE
from review.domain.reviewer import Standing
from review.queue import Free
from review.roster import Roster
from review.store import CaseStore
from runtime.groups import Groups
from runtime.streams import Outcome, Streams
from schemas.envelope import Refusal
from schemas.review import CaseFact
from web.people import Person, actor

#: Cases that are read beyond one for each who asks, since some may not be given to some.
SPARE = 40
#: Times that others may have been faster, in a row.
ROUNDS = 10


@dataclass(frozen=True, slots=True)
class Ask:
    """Somebody who wants a case. `cause` names the press or request."""

    me: Person
    cause: str
    at: datetime


#: What becomes of one who asks: the case; None where there is none for them now; or why they get none.
Dealt = Outcome[Case] | Refusal | None


class Handing:
    """One for a process."""

    def __init__(self, cases: Streams[Case, CaseCommand, CaseFact], store: CaseStore, roster: Roster) -> None:
        self.cases, self.store, self.roster = cases, store, roster
        self._groups = Groups[Ask, Dealt](self._deal)

    async def next(self, ask: Ask) -> Dealt:
        """The case that somebody holds, or the next right one, claimed."""
        return await self._groups.handle(ask)

    async def _deal(self, asks: Sequence[Ask]) -> list[Dealt]:
        standings = await self.roster.standings([ask.me for ask in asks])
        removed = Refusal("reviewer.removed")
        dealt: dict[str, Dealt] = {sub: removed for sub, standing in standings.items() if standing is None}
        for _round in range(ROUNDS):
            # Somebody with two windows open gets the same case in both.
            waiting = {ask.me.sub: ask for ask in asks if ask.me.sub not in dealt}
            people = {sub: who for sub, who in standings.items() if who and sub in waiting}
            if not waiting:
                break
            choice = await self._choose([*people.values()], max(ask.at for ask in asks))
            dealt |= {sub: None for sub in waiting if sub not in choice}
            claims = [_claim(id, waiting[sub], people[sub]) for sub, id in choice.items()]
            outcomes = await self.cases.handle(claims) if claims else []
            dealt |= {
                claim.reviewer: outcome
                for claim, outcome in zip(claims, outcomes, strict=True)
                if outcome.refusal is None
            }
        return [dealt.get(ask.me.sub) for ask in asks]

    async def _choose(self, people: Sequence[Standing], at: datetime) -> dict[str, str]:
        """A case for each who can have one, by subject: the one in hand, one that waits for them, or a free one."""
        subs = {who.sub for who in people}
        sectors = {sector for who in people for sector in who.sectors}
        most = len(people) + SPARE
        held, assigned, general, of_sectors = await asyncio.gather(
            self.store.queue.claimed(subs, at),
            self.store.queue.assigned(subs, at),
            self.store.queue.free(at, most),
            asyncio.gather(*(self.store.queue.free(at, most, sector) for sector in sectors)),
        )
        pools = dict(zip(sectors, of_sectors, strict=True))
        chosen, taken = dict(held), set(held.values())
        for who in people:
            if who.sub in chosen:
                continue
            own = (case for sub, case in assigned if sub == who.sub)
            id = _first(who, chain(own, _own_field(who, pools)), taken)
            # Where those read are not for them, as their own first reviews are, it looks further, for them alone.
            if id is None and any(len(pools[sector]) == most for sector in who.sectors):
                id = await self._further(who, at, taken, who.sectors)
            if id is None:
                id = _first(who, general, taken)
            if id is None and len(general) == most:
                id = await self._further(who, at, taken)
            if id is not None:
                chosen[who.sub] = id
                taken.add(id)
        return chosen

    async def _further(
        self, who: Standing, at: datetime, taken: set[str], sectors: Sequence[str] | None = None
    ) -> str | None:
        found = await self.store.queue.candidates(who, at, sectors=sectors)
        return next((each for each in found if each not in taken), None)


def _own_field(who: Standing, pools: Mapping[str, Sequence[Free]]) -> list[Free]:
    own = chain.from_iterable(pools[sector] for sector in who.sectors)
    return sorted(own, key=lambda case: (case.left, case.received, case.id))


def _first(who: Standing, cases: Iterable[Free], taken: set[str]) -> str | None:
    return next((case.id for case in cases if case.id not in taken and case.suits(who)), None)


def _claim(id: str, ask: Ask, who: Standing) -> Claim:
    return Claim(
        stream=id,
        cause=ask.cause,
        actor=actor(ask.me),
        at=ask.at,
        reviewer=who.sub,
        partner=who.partner,
        conflicts=who.conflicts,
        expert=who.expert,
        until=(ask.at + LEASE).replace(microsecond=0),
    )
