"""How severe each reviewer is, so that an entry's score does not depend on who happened to judge it.

The model is additive: a review's score is the entry's quality, plus the reviewer's severity, plus noise. Qualities are
taken out as fixed effects (only what a reviewer says compared with others on the same entry counts); severities are
random effects of mean 0, whose variance as a share of the noise's is estimated from the reviews by restricted
maximum likelihood (empirical Bayes). So somebody with few reviews is hardly corrected, somebody with many more fully.
S. R. Searle, G. Casella and C. E. McCulloch, Variance Components, 1992; for peer review: H. Ge, M. Welling and
Z. Ghahramani, A Bayesian Model for Calibrating Conference Review Scores, 2013.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

#: Between which shares of the noise's variance the severities' variance is looked for, as natural logarithms.
RANGE = (-12.0, 6.0)


class Given(NamedTuple):
    """One review: its case, who gave it, and its weighted score, 0–100."""

    case: str
    reviewer: str
    score: float


def severities(reviews: Sequence[Given]) -> dict[str, float]:
    """By how many points each reviewer scores above (lenient) or below 0 (severe) what others would."""
    names = sorted({review.reviewer for review in reviews})
    cases: dict[str, list[Given]] = {}
    for review in reviews:
        cases.setdefault(review.case, []).append(review)
    shared = [each for each in cases.values() if len(each) > 1]
    if not shared:
        return dict.fromkeys(names, 0.0)
    at = {name: number for number, name in enumerate(names)}
    # A = Z'MZ and b = Z'My, M taking each case's mean out; `squares` = y'My.
    a, b, squares = np.zeros((len(names), len(names))), np.zeros(len(names)), 0.0
    for each in shared:
        rows = [at[review.reviewer] for review in each]
        apart = np.array([review.score for review in each]) - np.mean([review.score for review in each])
        a[np.ix_(rows, rows)] += np.eye(len(each)) - 1 / len(each)
        b[rows] += apart
        squares += float(apart @ apart)
    freedom = sum(len(each) - 1 for each in shared)
    values, vectors = np.linalg.eigh(a)
    ratio = _ratio(np.maximum(values, 0.0), vectors.T @ b, squares, freedom)
    effects = vectors @ ((vectors.T @ b) * ratio / (1 + ratio * np.maximum(values, 0.0)))
    return {name: float(effect) for name, effect in zip(names, effects, strict=True)}


def _ratio(values: NDArray[np.float64], turned: NDArray[np.float64], squares: float, freedom: int) -> float:
    """The severities' variance by the noise's, of the greatest restricted likelihood, the noise's profiled out."""

    def unlikely(log_ratio: float) -> float:
        ratio = np.exp(log_ratio)
        left = squares - float(np.sum(ratio * turned**2 / (1 + ratio * values)))
        return float(np.sum(np.log1p(ratio * values)) + freedom * np.log(max(left, 1e-9)))

    found = minimize_scalar(unlikely, bounds=RANGE, method="bounded")
    return float(np.exp(found.x))


def corrected(scores: Mapping[str, float], severity: Mapping[str, float]) -> float:
    """A case's score with each reviewer's severity taken off, 0–100. `scores`: each review's by reviewer."""
    mean = sum(score - severity.get(reviewer, 0.0) for reviewer, score in scores.items()) / len(scores)
    return min(100.0, max(0.0, mean))
