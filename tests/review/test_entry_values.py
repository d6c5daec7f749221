"""Entries beside each other: each value as people read it."""

from typing import Any

from review.entries import beside
from tests.review.entries import product, scene
from web.languages import load, speak


def values(before: Any, after: Any) -> dict[str, tuple[str, str]]:
    """What stands in each place of the two, in English."""
    with speak("en", load()):
        return {change.label: (_text(change.before), _text(change.after)) for change in beside(before, after)}


def _text(parts: Any) -> str:
    return "".join(part for part, _ in parts)


def test_days_codes_and_numbers_are_told_in_words() -> None:
    found = values(scene(), scene(budget_yuan=7_000_000, offers=()))
    assert found["Opens"] == ("16 November 2026", "16 November 2026")
    assert found["Budget, yuan"] == ("6,800,000", "7,000,000")
    assert found["Offers 1 · Type"] == ("Space", "")


def test_a_text_that_looks_like_a_day_or_a_code_stays_as_it_was_written() -> None:
    """Tags and interfaces are the partner's own words: one that no calendar has once took the case's page down."""
    one = product(tags=("2024-13-45", "2026-03-05", "space"), interfaces=("1234-56-78",))
    found = values(one, one)
    assert found["Tags 1"] == ("2024-13-45", "2024-13-45") and found["Tags 2"] == ("2026-03-05", "2026-03-05")
    assert found["Tags 3"] == ("space", "space")
    assert found["Interfaces and standards 1"] == ("1234-56-78", "1234-56-78")
