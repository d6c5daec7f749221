"""An entry: queued, scheduled, published, corrected, retracted."""

from typing import Any

import pytest

from publishing.domain.entry import (
    CatalogueEntry,
    Correct,
    EntryCommand,
    Publish,
    Queue,
    Retract,
    Schedule,
    Unschedule,
    Withdraw,
    decide,
    line,
)
from schemas.envelope import Refusal
from schemas.publication import (
    EntryCorrected,
    EntryPublished,
    EntryQueued,
    EntryRetracted,
    EntryScheduled,
    EntryUnscheduled,
    EntryWithdrawn,
)
from tests.publishing.given import AT, MONTH, NEXT, entry, entry_after, queue, without

ID, SAID = entry("scene")
BY: dict[str, Any] = {"stream": ID, "cause": "test", "actor": "user:test", "at": AT}


def queued(revision: int = 1) -> EntryQueued:
    return EntryQueued(
        case=f"{ID}@{revision}",
        partner=SAID.owner.uscc,
        revision=revision,
        digest=f"{revision:064x}",
        entry=without(SAID),
        since=AT,
        score=80,
    )


SCHEDULED = EntryScheduled(release=MONTH, edition=1)
PUBLISHED = EntryPublished(
    release=MONTH, edition=1, partner=SAID.owner.uscc, digest=f"{1:064x}", entry=without(SAID), published_at=AT
)


def test_an_approved_revision_queues_without_its_contact() -> None:
    assert SAID.contact is not None
    assert decide(CatalogueEntry(), queue("scene")) == (queued(),)


def test_a_revision_no_later_than_the_one_known_changes_nothing() -> None:
    assert decide(entry_after(queued(2)), queue("scene", revision=2, cause="again")) == ()
    assert decide(entry_after(queued(2)), queue("scene", revision=1)) == ()


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        ([EntryWithdrawn()], "entry.withdrawn"),
        ([queued(), EntryWithdrawn()], "entry.withdrawn"),
        ([queued(), SCHEDULED, PUBLISHED, EntryRetracted(reason="wrong")], "entry.retracted"),
    ],
)
def test_what_is_over_does_not_queue_again(facts: list[EntryQueued], rule: str) -> None:
    assert decide(entry_after(*facts), queue("scene", revision=3)) == Refusal(rule)


def test_only_what_is_queued_can_be_scheduled_and_in_one_month_only() -> None:
    command = Schedule(release=MONTH, **BY)
    assert decide(CatalogueEntry(), command) == Refusal("entry.not-queued")
    assert decide(entry_after(queued()), command) == (SCHEDULED,)
    assert decide(entry_after(queued(), SCHEDULED), command) == ()
    assert decide(entry_after(queued(), SCHEDULED), Schedule(release=NEXT, **BY)) == Refusal(
        "entry.scheduled", {"release": MONTH}
    )
    assert decide(entry_after(queued(), SCHEDULED, PUBLISHED), command) == Refusal("entry.published")
    assert decide(entry_after(queued(), EntryWithdrawn()), command) == Refusal("entry.not-queued")


def test_an_edition_keeps_what_it_said_when_it_was_scheduled() -> None:
    state = entry_after(queued(1), SCHEDULED, queued(2))
    assert state.edition is not None and state.queued is not None
    assert (state.edition.revision, state.queued.revision) == (1, 2)
    assert decide(state, Publish(release=MONTH, **BY)) == (PUBLISHED,)
    assert line(ID, state).digest == f"{1:064x}"


def test_what_leaves_a_release_waits_again_with_its_latest_content() -> None:
    fact = EntryUnscheduled(release=MONTH)
    assert decide(entry_after(queued(), SCHEDULED), Unschedule(release=MONTH, **BY)) == (fact,)
    assert decide(entry_after(queued(), SCHEDULED), Unschedule(release=NEXT, **BY)) == ()
    assert entry_after(queued(), SCHEDULED, fact) == entry_after(queued())
    assert entry_after(queued(1), SCHEDULED, queued(2), fact) == entry_after(queued(1), queued(2))


def test_a_withdrawal_before_publication_takes_effect_when_the_entry_is_in_no_release() -> None:
    assert decide(entry_after(queued()), Withdraw(**BY)) == (EntryWithdrawn(),)
    assert decide(entry_after(queued(), SCHEDULED), Withdraw(**BY)) == (EntryWithdrawn(),)
    assert decide(entry_after(queued(), EntryWithdrawn()), Withdraw(**BY)) == ()
    assert decide(entry_after(queued(), SCHEDULED, PUBLISHED), Withdraw(**BY)) == Refusal("entry.published")
    leaving = entry_after(queued(), SCHEDULED, EntryWithdrawn())
    assert leaving.status == "scheduled"
    gone = entry_after(queued(), SCHEDULED, EntryWithdrawn(), EntryUnscheduled(release=MONTH))
    assert (gone.status, gone.queued, gone.edition) == ("withdrawn", None, None)


def test_publication_takes_effect_once_and_only_for_the_release_it_is_in() -> None:
    assert decide(entry_after(queued()), Publish(release=MONTH, **BY)) == Refusal("entry.not-scheduled")
    assert decide(entry_after(queued(), SCHEDULED), Publish(release=NEXT, **BY)) == Refusal("entry.not-scheduled")
    assert decide(entry_after(queued(), SCHEDULED, PUBLISHED), Publish(release=MONTH, **BY)) == ()


def test_a_later_revision_of_a_published_entry_becomes_its_next_edition() -> None:
    published = (queued(1), SCHEDULED, PUBLISHED)
    corrected = EntryCorrected(
        edition=2, partner=SAID.owner.uscc, digest=f"{2:064x}", entry=without(SAID), corrected_at=AT
    )
    assert decide(entry_after(*published), Correct(**BY)) == Refusal("entry.nothing-to-correct")
    assert decide(entry_after(queued()), Correct(**BY)) == Refusal("entry.not-published")
    assert decide(entry_after(*published, queued(2)), Correct(**BY)) == (corrected,)
    state = entry_after(*published, queued(2), corrected)
    assert state.edition is not None
    assert (state.edition.number, state.edition.release, state.edition.revision) == (2, MONTH, 2)
    assert (state.status, state.queued) == ("published", None)


def test_only_what_is_published_can_be_retracted() -> None:
    command, fact = Retract(reason="wrong", **BY), EntryRetracted(reason="wrong", retracted_at=AT)
    assert decide(entry_after(queued(), SCHEDULED), command) == Refusal("entry.not-published")
    assert decide(entry_after(queued(), SCHEDULED, PUBLISHED), command) == (fact,)
    assert decide(entry_after(queued(), SCHEDULED, PUBLISHED, fact), command) == ()
    assert entry_after(queued(), SCHEDULED, PUBLISHED, fact).reason == "wrong"


def test_state_loads_back_as_it_was_dumped() -> None:
    state = entry_after(queued(1), SCHEDULED, PUBLISHED, queued(2))
    assert CatalogueEntry.model_validate(state.model_dump(mode="json"), strict=False) == state


def test_no_command_raises_in_any_state() -> None:
    commands: list[EntryCommand] = [
        queue("scene", revision=9),
        Withdraw(**BY),
        Schedule(release=MONTH, **BY),
        Unschedule(release=MONTH, **BY),
        Publish(release=MONTH, **BY),
        Correct(**BY),
        Retract(reason="wrong", **BY),
    ]
    histories: list[tuple[EntryQueued, ...]] = [(), (queued(),)]
    for facts in ([], [SCHEDULED], [SCHEDULED, PUBLISHED], [SCHEDULED, PUBLISHED, EntryRetracted(reason="wrong")]):
        histories.append((queued(), *facts))
    for history in histories:
        for command in commands:
            assert isinstance(decide(entry_after(*history), command), tuple | Refusal)
    assert isinstance(commands[0], Queue)
