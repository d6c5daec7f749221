"""Reviewers' agreement and severity, against published figures and against worlds whose truth is known."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.agreement import alpha, interval, nominal
from review.severity import Corrected, Given, Severities, severities

#: Krippendorff 2011, example C: four observers, twelve units, some of them missing.
OBSERVERS = (
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
)
UNITS = [[int(v) for v in unit if v != "."] for unit in zip(*(row.split() for row in OBSERVERS), strict=True)]


def test_alpha_is_as_published() -> None:
    assert alpha(UNITS, nominal) == pytest.approx(0.743, abs=0.0005)
    assert alpha(UNITS, interval) == pytest.approx(0.849, abs=0.0005)


def test_alpha_of_nothing_to_compare_is_none() -> None:
    assert alpha([], nominal) is None
    assert alpha([["approve"], ["reject"]], nominal) is None
    assert alpha([["approve", "approve"]], nominal) is None, "all alike: no telling agreement from chance"


@given(st.lists(st.sampled_from("abc"), min_size=2, max_size=30))
def test_those_who_always_agree_have_one(values: list[str]) -> None:
    assert alpha([[value, value] for value in values], nominal) == (1 if len(set(values)) > 1 else None)


def world(severity: dict[str, float], cases: int, noise: float, seed: int = 1) -> tuple[list[Given], dict[str, float]]:
    """Reviews of two reviewers each by the model itself, and the true qualities."""
    chance = random.Random(seed)
    quality = {f"case-{n}": chance.uniform(40, 80) for n in range(cases)}
    reviews = [
        Given(case, name, true + severity[name] + chance.gauss(0, noise))
        for case, true in quality.items()
        for name in chance.sample(sorted(severity), 2)
    ]
    return reviews, quality


TRUE = {"li": -12.0, "wang": -4.0, "zhao": 0.0, "sun": 5.0, "ma": 11.0}


def test_severities_are_found_again() -> None:
    found = severities(world(TRUE, 400, noise=6)[0]).points
    assert all(abs(found[name] - true) < 2 for name, true in TRUE.items())


def test_reviewers_who_agree_but_for_their_severity_are_corrected_in_full() -> None:
    # Five who judge all alike and lie seven points apart, each pair on six cases.
    pairs = [(a, b) for a in range(5) for b in range(a)] * 6
    apart = [Given(f"case-{n}", f"r{r}", 50 + 7 * (r - 2)) for n, pair in enumerate(pairs) for r in pair]
    assert [round(points) for points in severities(apart).points.values()] == [-14, -7, 0, 7, 14]


@pytest.mark.parametrize("noise", [0.5, 2.0])
def test_the_better_reviewers_agree_the_fuller_is_the_correction_and_the_margins_hold(noise: float) -> None:
    true, found, within = [], [], []
    for seed in range(40):
        chance = random.Random(f"agreeing {seed}")
        severity = {f"r{n}": chance.gauss(0, 8) for n in range(10)}
        reckoned = severities(world(severity, 60, noise=noise, seed=seed)[0])
        true += [points - np.mean([*severity.values()]) for points in severity.values()]
        found += [reckoned.points[name] for name in severity]
        for name, points in severity.items():
            score, margin = reckoned.review(name, 50 + points)
            within.append(margin is not None and abs(score - 50) <= margin)
    assert np.dot(true, found) / np.dot(true, true) == pytest.approx(1, abs=0.06)
    assert np.mean(within) >= 0.87


def test_corrected_scores_are_nearer_to_the_truth() -> None:
    reviews, quality = world(TRUE, 400, noise=6)
    found = severities(reviews)
    raw = fair = 0.0
    for case, true in quality.items():
        scores = {review.reviewer: review.score for review in reviews if review.case == case}
        raw += (sum(scores.values()) / len(scores) - true) ** 2
        fair += (found.case(scores).score - true) ** 2
    assert fair < raw / 2


def test_where_all_are_alike_nobody_is_corrected_by_much() -> None:
    found = severities(world(dict.fromkeys(TRUE, 0.0), 400, noise=8)[0])
    assert all(abs(points) < 1.5 for points in found.points.values())


def test_few_reviews_correct_little() -> None:
    few = severities([*world(TRUE, 100, noise=6)[0], Given("new", "new", 20), Given("new", "zhao", 60)])
    assert -40 < few.points["new"] < 0, "one review says little: shrunk towards 0"


def test_cases_with_one_review_say_nothing_of_severity_and_nothing_of_how_wrong_a_score_may_be() -> None:
    found = severities([Given("a", "li", 10), Given("b", "wang", 90)])
    assert found.points == {"li": 0.0, "wang": 0.0}
    assert (found.review("li", 10), found.case({"li": 10, "ma": 20})) == (Corrected(10, None), Corrected(15, None))
    assert severities([]).points == {}


def test_the_truth_lies_within_the_margin_nine_times_out_of_ten() -> None:
    within = {"case": 0, "review": 0}
    asked = dict(within)
    for seed in range(60):
        chance = random.Random(f"severities {seed}")
        severity = {f"r{n}": chance.gauss(0, 8) for n in range(8)}
        reviews, quality = world(severity, 60, noise=8, seed=seed)
        found = severities(reviews)
        for name, true in severity.items():
            score, margin = found.review(name, 50 + true)
            within["review"] += margin is not None and abs(score - 50) <= margin
            asked["review"] += 1
        for case, true in quality.items():
            score, margin = found.case({review.reviewer: review.score for review in reviews if review.case == case})
            within["case"] += margin is not None and abs(score - true) <= margin
            asked["case"] += 1
    assert all(0.87 <= within[each] / asked[each] <= 0.93 for each in within), within


def test_a_margin_is_told_from_ten_comparisons_on_and_never_nothing_however_well_all_agree() -> None:
    agreed = [Given(f"case-{n}", name, 80) for n in range(10) for name in ("li", "wang")]
    assert severities(agreed[:-2]).case({"li": 80, "wang": 80}) == Corrected(80, None)
    score, margin = severities(agreed).case({"li": 80, "wang": 80})
    assert score == pytest.approx(80) and margin is not None and 2 < margin < 10


def test_a_reviewer_nobody_met_is_not_corrected_and_is_less_certain_than_one_who_is_known() -> None:
    found = severities(world(TRUE, 100, noise=6)[0])
    known, stranger = found.review("li", 60), found.review("somebody", 60)
    assert stranger.score == 60
    assert known.margin is not None and stranger.margin is not None and known.margin < stranger.margin
    one, three = found.case({"li": 60}), found.case({"li": 60, "wang": 60, "zhao": 60})
    assert one.margin is not None and three.margin is not None and three.margin < one.margin


@given(st.lists(st.floats(0, 100), min_size=1, max_size=4), st.floats(-60, 60))
def test_a_corrected_score_stays_a_score(scores: list[float], severity: float) -> None:
    by_name = {str(number): score for number, score in enumerate(scores)}
    found = Severities(dict.fromkeys(by_name, severity), np.zeros((len(scores), len(scores))))
    assert 0 <= found.case(by_name).score <= 100
