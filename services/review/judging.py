"""How reviewers judge, from the decided cases: their severity, their agreement, and scores without it."""

import asyncio
from collections import Counter
from dataclasses import dataclass

from review.agreement import alpha, interval, nominal
from review.domain.outcome import score
from review.severity import Given, corrected, severities
from review.store import CaseStore, Judged

#: The latest decided cases that are looked at: reviewers change, and so many say enough.
LATEST = 5_000


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
    judges: tuple[Judge, ...]

    def corrected(self, case: Judged) -> float | None:
        """The case's score without its reviewers' severity, 0–100; None where nobody reviewed it."""
        if not case.reviews:
            return None
        return corrected(
            {review.reviewer: score(case.kind, [review.scores]) for review in case.reviews},
            {judge.reviewer: judge.severity for judge in self.judges},
        )


async def judging(store: CaseStore) -> Judging:
    """Over the latest decided cases; the reckoning is done in a thread, so that nobody else waits for it."""
    return await asyncio.to_thread(_judging, await store.judged(LATEST))


def _judging(cases: list[Judged]) -> Judging:
    reviews = [
        Given(case.id, review.reviewer, score(case.kind, [review.scores])) for case in cases for review in case.reviews
    ]
    severity = severities(reviews)
    count = Counter(review.reviewer for review in reviews)
    judges = (Judge(name, count[name], severity[name]) for name in severity)
    return Judging(
        cases=len(cases),
        reviews=len(reviews),
        verdicts=alpha([[review.verdict for review in case.reviews] for case in cases], nominal),
        scores=alpha([[score(case.kind, [review.scores]) for review in case.reviews] for case in cases], interval),
        judges=tuple(sorted(judges, key=lambda judge: judge.severity)),
    )
