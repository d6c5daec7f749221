"""A figure beside its limit, and how both are measured: in turn, and the medians kept."""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

#: Seconds after which a measure is long enough.
FOR_S = 5.0
#: Seconds after which something that must come is given up.
WITHIN_S = 60.0


@dataclass(frozen=True)
class Figure:
    """One figure. `baseline` says what bounds it: the same work on the same machine with nothing around it.

    Of a rate (`unit` ends in /s) more is better and 1.0 the most to be hoped for; of anything else less is better.
    """

    name: str
    value: float
    unit: str
    baseline: str
    baseline_value: float

    @property
    def ratio(self) -> float:
        return round(self.value / self.baseline_value, 3)

    @property
    def more_is_better(self) -> bool:
        return self.unit.endswith("/s")

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"ratio": self.ratio}


def medians(times: int, measures: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """The median of each measure. They are taken in turn, so that what else the machine does falls on all alike."""
    taken: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(times):
        for name, measure in measures.items():
            taken[name].append(measure())
            say(f"  {name}: {taken[name][-1]:,.4g}")
    return {name: round(median(values), 3) for name, values in taken.items()}


def rate(counted: Callable[[], int], wanted: int, *, every_s: float = 0.02) -> float:
    """How many a second come, from the first that `counted` sees to the last of `wanted`, or as many as come in FOR_S.

    Raises TimeoutError where none comes.
    """
    await_count(counted, 1, every_s=every_s)
    first, began = counted(), time.perf_counter()
    while True:
        time.sleep(every_s)
        count, seconds = counted(), time.perf_counter() - began
        if count >= wanted or (seconds > FOR_S and count > first):
            return (count - first) / seconds


def whole_rate(counted: Callable[[], int], wanted: int, *, every_s: float = 0.05, within_s: float = 900.0) -> float:
    """How many a second come of `wanted`, from the first tenth on: how fast a program starts is not asked.

    Raises TimeoutError where they do not all come.
    """
    until = time.monotonic() + within_s
    first, began = 0, 0.0
    while (count := counted()) < wanted:
        if not began and count >= wanted // 10:
            first, began = count, time.perf_counter()
        if time.monotonic() > until:
            raise TimeoutError(f"{count:,} of {wanted:,} came in {within_s} s")
        time.sleep(every_s)
    return (wanted - first) / (time.perf_counter() - began)


def await_count(counted: Callable[[], int], wanted: int, *, every_s: float = 0.02, within_s: float = WITHIN_S) -> None:
    """Return once `counted` has reached `wanted`. Raises TimeoutError after `within_s`."""
    until = time.monotonic() + within_s
    while (count := counted()) < wanted:
        if time.monotonic() > until:
            raise TimeoutError(f"{count:,} of {wanted:,} came in {within_s} s")
        time.sleep(every_s)


def say(text: str) -> None:
    """Tell how far the work is, on stderr: stdout is the table's."""
    print(text, file=sys.stderr, flush=True)
