"""How far reviewers agree: Krippendorff's alpha, 1 for wholly, 0 for no more than by chance, below it for less.

K. Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011. It takes any number of
reviewers and cases that not all have judged; a case with one review says nothing of agreement.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

V = TypeVar("V", bound=Hashable)


def nominal(one: Hashable, other: Hashable) -> float:
    """How far two verdicts are apart: by kind."""
    return float(one != other)


def interval(one: float, other: float) -> float:
    """How far two scores are apart: by the square of their distance."""
    return (one - other) ** 2


def alpha(cases: Sequence[Sequence[V]], distance: Callable[[V, V], float]) -> float | None:
    """Of each case's values, 1 less the observed disagreement by the expected. None where there is nothing to compare:
    no case with two values, or all values alike."""
    pairable = [values for values in cases if len(values) > 1]
    totals = Counter(value for values in pairable for value in values)
    count = totals.total()
    observed = sum(
        distance(one, other) / (len(values) - 1) for values in pairable for one in values for other in values
    )
    expected = sum(
        distance(one, other) * ones * others for one, ones in totals.items() for other, others in totals.items()
    )
    return 1 - (count - 1) * observed / expected if expected else None
