"""What reviews decide together, and how many more are needed.

A panel has three seats, and its outcome is the verdict of two of them; where all three differ, changes are asked for.
Reviews are asked for one at a time, and no more once those that could still come cannot change the outcome: two that
agree settle it. (Curtailed sampling: A. Wald, Sequential Analysis, 1947; B. Eisenberg and B. K. Ghosh, Curtailed and
uniformly most powerful sequential tests, Annals of Statistics 8, 1980. It errs no more often than asking all three.)
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from schemas.review import CRITERIA, REVIEWS_NEEDED, Decision, Route, Verdict

#: The most reviews that are asked for.
PANEL = 3
DECISIONS = {
    Verdict.APPROVE: Decision.APPROVED,
    Verdict.REQUEST_CHANGES: Decision.CHANGES_REQUESTED,
    Verdict.REJECT: Decision.REJECTED,
}


def outcome(verdicts: tuple[Verdict, ...], route: Route = Route.ORDINARY) -> Decision | None:
    """What reviews decide together; None where they do not yet."""
    if route is Route.EXPRESS and verdicts[:1] == (Verdict.APPROVE,):
        return Decision.APPROVED
    for verdict, count in Counter(verdicts).items():
        if count >= REVIEWS_NEEDED:
            return DECISIONS[verdict]
    return Decision.CHANGES_REQUESTED if len(verdicts) >= PANEL else None


def left(verdicts: tuple[Verdict, ...], route: Route) -> int:
    """The fewest further reviews that could decide."""
    if outcome(verdicts, route):
        return 0
    if not verdicts and route is not Route.EXPRESS:
        return REVIEWS_NEEDED
    return 1


def score(kind: str, scores: Sequence[Mapping[str, int]]) -> int:
    """The mean of the reviews' weighted scores, 0–100, rounded half up. `scores`: each review's, by criterion."""
    fifths = sum(weight * each[name] for each in scores for name, weight in CRITERIA[kind].items())
    full = 5 * len(scores)
    return (2 * fifths + full) // (2 * full)
