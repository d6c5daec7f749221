"""How reviewers judge, from the decided cases: their severity, their agreement, and scores without it."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from review.agreement import alpha, interval, nominal
from review.domain.case import Review
from review.domain.outcome import score
from review.lists import Judged
from review.severity import Corrected, Given, Severities, severities
from review.store import CaseStore

#: The latest decided cases that are looked at: reviewers change, and so many say enough.
LATEST = 5_000
#: Seconds for which what was found from them is shown beside a case.
FRESH_S = 300.0


@dataclass(frozen=True)
class Judge:
    """A reviewer: how many reviews, and by how many points they score above (or below 0) what others would."""

    reviewer: str
    reviews: int
    severity: float


@dataclass(frozen=True)
class Judging:
    """`verdicts` and `scores` are Krippendorff's alpha, None where too few cases have two reviews."""

    cases: int
    reviews: int
    verdicts: float | None
    scores: float | None
    severities: Severities
    judges: tuple[Judge, ...]

    def corrected(self, kind: str, reviews: Sequence[Review]) -> Corrected:
        """The score of a case's reviews, one at least, without their reviewers' severity."""
        return self.severities.case({review.reviewer: score(kind, [review.scores]) for review in reviews})


async def judging(store: CaseStore) -> Judging:
    """Over the latest decided cases; the reckoning is done in a thread, so that nobody else waits for it."""
    return await asyncio.to_thread(_judging, await store.lists.judged(LATEST))


class Recent:
    """How reviewers judge, for those who look at one case: reckoned anew once it is FRESH_S old."""

    def __init__(self, store: CaseStore) -> None:
        self._store = store
        self._reckoning: asyncio.Task[Judging] | None = None
        self._since = 0.0

    async def judging(self) -> Judging:
        loop = asyncio.get_running_loop()
        failed = self._reckoning and self._reckoning.done() and self._reckoning.exception()
        if self._reckoning is None or failed or loop.time() - self._since > FRESH_S:
            # Those who ask meanwhile wait for the same one.
            self._reckoning, self._since = asyncio.create_task(judging(self._store)), loop.time()
        return await asyncio.shield(self._reckoning)


def _judging(cases: list[Judged]) -> Judging:
    reviews = [
        Given(case.id, review.reviewer, score(case.kind, [review.scores])) for case in cases for review in case.reviews
    ]
    found = severities(reviews)
    count = Counter(review.reviewer for review in reviews)
    judges = (Judge(name, count[name], points) for name, points in found.points.items())
    return Judging(
        cases=len(cases),
        reviews=len(reviews),
        verdicts=alpha([[review.verdict for review in case.reviews] for case in cases], nominal),
        scores=alpha([[score(case.kind, [review.scores]) for review in case.reviews] for case in cases], interval),
        severities=found,
        judges=tuple(sorted(judges, key=lambda judge: judge.severity)),
    )
