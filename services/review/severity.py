"""How severe each reviewer is, so that an entry's score does not depend on who happened to judge it.

The model is additive: a review's score is the entry's quality, plus the reviewer's severity, plus noise. Qualities are
taken out as fixed effects (only what a reviewer says compared with others on the same entry counts); severities are
random effects of mean 0, whose variance as a share of the noise's is what the reviews make likely: the results for
each share are weighted by its restricted likelihood. So somebody with few reviews is hardly corrected, somebody with
many more fully; and what is uncertain follows too, from the prediction errors at each share and from how they differ.
S. R. Searle, G. Casella and C. E. McCulloch, Variance Components, 1992; for peer review: H. Ge, M. Welling and
Z. Ghahramani, A Bayesian Model for Calibrating Conference Review Scores, 2013; for the variance: A. Gelman, Prior
distributions for variance parameters in hierarchical models, Bayesian Analysis 1, 2006.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

#: The severities' variance as shares of the noise's: from next to nothing to where noise no longer matters.
RATIOS = np.exp(np.linspace(-12.0, 6.0, 91))
#: Variance that remains however well reviewers agree: each criterion is scored in steps of some 7 points of 100.
STEPS = (7**2 + 7**2 + 6**2) / 12
#: Comparisons from which a margin is told: reviews less entries, of those that several reviewed.
FEWEST = 10
#: Margins are such that the true value lies within them so often.
CONFIDENCE = 0.9


class Given(NamedTuple):
    """One review: its case, who gave it, and its weighted score, 0–100."""

    case: str
    reviewer: str
    score: float


class Corrected(NamedTuple):
    """A score with severity taken off, 0–100, and the points by which it may be wrong either way.

    `margin` is None where hardly any have judged the same entries yet, so that too little is known.
    """

    score: float
    margin: float | None


@dataclass(frozen=True)
class Severities:
    """By how many points each reviewer scores above (lenient) or below 0 (severe) what others would.

    `errors` is the covariance of what is wrong with `points`, `prior` the variance of severities, `noise` that of one
    review's score about what its reviewer would give on average; `freedom` counts the comparisons they rest on.
    """

    points: Mapping[str, float] = field(default_factory=dict)
    errors: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))
    prior: float = 0.0
    noise: float = 0.0
    freedom: int = 0

    def review(self, reviewer: str, score: float) -> Corrected:
        """What somebody of no severity would have given in this reviewer's place."""
        return Corrected(_score(score - self.points.get(reviewer, 0.0)), self._margin(self._variance([reviewer])))

    def case(self, scores: Mapping[str, float]) -> Corrected:
        """What a great many reviewers would give the entry on average. `scores`: each review's by reviewer."""
        mean = sum(score - self.points.get(reviewer, 0.0) for reviewer, score in scores.items()) / len(scores)
        return Corrected(_score(mean), self._margin(self._variance([*scores]) + self.noise / len(scores)))

    def _variance(self, reviewers: Sequence[str]) -> float:
        """Of the error in the mean of these reviewers' severities; of one never met it is that of all severities."""
        names = {name: number for number, name in enumerate(self.points)}
        known = [names[name] for name in reviewers if name in names]
        strangers = len(reviewers) - len(known)
        return float(self.errors[np.ix_(known, known)].sum() + strangers * self.prior) / len(reviewers) ** 2

    def _margin(self, variance: float) -> float | None:
        if self.freedom < FEWEST:
            return None
        return float(stdtrit(self.freedom, (1 + CONFIDENCE) / 2) * np.sqrt(variance))


def severities(reviews: Sequence[Given]) -> Severities:
    """The severity of each who gave a review."""
    names = sorted({review.reviewer for review in reviews})
    cases: dict[str, list[Given]] = {}
    for review in reviews:
        cases.setdefault(review.case, []).append(review)
    shared = [each for each in cases.values() if len(each) > 1]
    if not shared:
        return Severities(dict.fromkeys(names, 0.0), np.zeros((len(names), len(names))))
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
    values, turned = np.maximum(values, 0.0), vectors.T @ b
    # For each ratio: how much of what was seen is the reviewers', a row of `shrunk`, and what is left to the noise.
    shrunk = RATIOS[:, None] / (1 + RATIOS[:, None] * values)
    left = squares - (shrunk * turned**2).sum(axis=1)
    noise = np.maximum(STEPS, left / freedom)
    weights = _weights(values, noise, left, freedom)
    found = shrunk * turned
    mean = weights @ found
    spread = np.diag((weights * noise) @ shrunk) + (found - mean).T @ (weights[:, None] * (found - mean))
    return Severities(
        points={name: float(effect) for name, effect in zip(names, vectors @ mean, strict=True)},
        errors=vectors @ spread @ vectors.T,
        prior=float(weights @ (noise * RATIOS)),
        noise=float(weights @ noise),
        freedom=freedom,
    )


def _weights(
    values: NDArray[np.float64], noise: NDArray[np.float64], left: NDArray[np.float64], freedom: int
) -> NDArray[np.float64]:
    """How likely each ratio is: its restricted likelihood, the noise profiled out; beforehand the standard deviation of
    the severities by the noise's has a half-Cauchy distribution, so that few reviewers say something, too."""
    beforehand = np.log(RATIOS) / 2 - np.log1p(RATIOS)
    # `left / noise` is `freedom` at every ratio, but where the noise is no less than STEPS though less is left to it.
    noisy = freedom * np.log(noise) + left / noise
    unlikely = np.log1p(RATIOS[:, None] * values).sum(axis=1) + noisy - 2 * beforehand
    weights = np.exp((unlikely.min() - unlikely) / 2)
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def _score(points: float) -> float:
    return min(100.0, max(0.0, points))
