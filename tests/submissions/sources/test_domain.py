"""What is decided on sources: given facts, when a command, then facts or a refusal; and when one is due again."""

from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from schemas.envelope import Refusal
from schemas.source import SourceAdded, SourceChanged, SourceFact, SourcePaused, SourceRemoved, SourceResumed, Terms
from submissions.domain.source import SOURCES, Add, Change, Pause, Remove, Resume, Source, SourceCommand
from submissions.sources.schedule import given_up, next_due
from tests.submissions.given import USCC

AT = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
BY: dict[str, Any] = {"stream": f"{USCC}/source:list", "cause": "test", "actor": "user:a", "at": AT}
TERMS = Terms(
    address="https://data.example/list.json", format="json", content="entries", every_minutes=60, language="zh"
)
OTHER = TERMS.model_copy(update={"every_minutes": 30})
ADDED = SourceAdded(terms=TERMS)


def given(*facts: SourceFact) -> Source:
    return reduce(SOURCES.evolve, facts, Source())


@pytest.mark.parametrize(
    ("facts", "command", "decided"),
    [
        ((), Add(**BY, terms=TERMS), (ADDED,)),
        ((ADDED,), Add(**BY, terms=TERMS), ()),
        ((ADDED,), Add(**BY, terms=OTHER), Refusal("source.taken")),
        ((ADDED, SourceRemoved()), Add(**BY, terms=OTHER), (SourceAdded(terms=OTHER),)),
        ((ADDED,), Change(**BY, terms=OTHER), (SourceChanged(terms=OTHER),)),
        ((ADDED,), Change(**BY, terms=TERMS), ()),
        ((ADDED,), Pause(**BY, reason="failing"), (SourcePaused(reason="failing"),)),
        ((ADDED, SourcePaused(reason="asked")), Pause(**BY, reason="failing"), ()),
        ((ADDED,), Resume(**BY), ()),
        ((ADDED, SourcePaused(reason="asked")), Resume(**BY), (SourceResumed(),)),
        ((ADDED, SourcePaused(reason="asked")), Change(**BY, terms=OTHER), (SourceChanged(terms=OTHER),)),
        ((ADDED,), Remove(**BY), (SourceRemoved(),)),
    ],
)
def test_a_source_is_decided_on(facts: tuple[SourceFact, ...], command: SourceCommand, decided: object) -> None:
    assert SOURCES.decide(given(*facts), command) == decided


@pytest.mark.parametrize("facts", [(), (ADDED, SourceRemoved())])
def test_nothing_is_done_to_a_source_that_is_not_there(facts: tuple[SourceFact, ...]) -> None:
    for command in (Change(**BY, terms=OTHER), Pause(**BY, reason="asked"), Resume(**BY), Remove(**BY)):
        assert SOURCES.decide(given(*facts), command) == Refusal("source.unknown")


def test_a_removed_source_is_as_if_it_had_never_been() -> None:
    assert given(ADDED, SourcePaused(reason="failing"), SourceRemoved()) == Source()


@for_all(st.floats(0, 1))
def test_what_fails_is_tried_again_ever_later_up_to_six_hours(chance: float) -> None:
    delays = [next_due(AT, AT, 60, failures, chance) - AT for failures in range(1, 40)]
    assert delays == sorted(delays)
    assert timedelta(seconds=30) <= delays[0] <= timedelta(seconds=90)
    assert timedelta(hours=3) <= delays[-1] <= timedelta(hours=9)


def test_what_succeeds_is_due_by_its_schedule_and_never_before_it_ended() -> None:
    assert next_due(AT, AT + timedelta(seconds=9), 60, 0, 0.5) == AT + timedelta(minutes=60)
    late = AT + timedelta(minutes=70)
    assert next_due(AT, late, 60, 0, 0.5) == late


def test_what_fails_for_a_day_is_given_up() -> None:
    day = timedelta(days=1)
    assert given_up(5, AT, AT + day)
    assert not given_up(5, AT, AT + day - timedelta(seconds=1))
    assert not given_up(4, AT, AT + day)
