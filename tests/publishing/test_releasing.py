"""Putting entries into months and out again, by several people and a worker at once, with a kill anywhere between."""

import asyncio
from dataclasses import replace
from itertools import chain

import pytest

from publishing import releasing
from publishing.agents import on_publishing, on_review, on_submissions
from publishing.domain.entry import Schedule
from publishing.domain.release import Freeze, PublishRelease, Remove
from publishing.releasing import add, fill, remove
from runtime import streams
from schemas.envelope import Event, Refusal
from schemas.publication import (
    EntryQueued,
    EntryScheduled,
    EntryWithdrawn,
    ReleaseEntryAdded,
    ReleaseEntryRefused,
    ReleaseEntryRemoved,
)
from schemas.review import Decision
from schemas.submission import SubmissionWithdrawn
from tests.publishing.conftest import Publishing
from tests.publishing.given import AT, MONTH, NEXT, act, decided, entry


async def agree(publishing: Publishing, *months: str) -> None:
    """Both kinds of stream say the same: an entry is scheduled for a month exactly if the month lists it."""
    for month in months:
        state = (await publishing.releases.get(month)).state
        query = {"state.edition.release": month}
        listed = {entry["_id"] async for entry in publishing.database["entries"].find(query, {"_id": 1})}
        assert listed == {line.entry for line in state.lines}


async def test_two_publishers_who_want_one_entry_in_two_months_get_it_into_one(publishing: Publishing) -> None:
    ids = await publishing.queued("scene", 20)
    await publishing.opened(MONTH)
    await publishing.opened(NEXT)
    both = await asyncio.gather(
        add(publishing.entries, publishing.releases, MONTH, ids, act("one")),
        add(publishing.entries, publishing.releases, NEXT, ids[::-1], act("two")),
    )
    assert sorted(chain(both[0].entries, both[1].entries)) == sorted(ids)
    assert {refusal.rule for added in both for refusal in added.refused.values()} <= {"entry.scheduled"}
    await agree(publishing, MONTH, NEXT)
    await publishing.work()
    await agree(publishing, MONTH, NEXT)


async def test_a_hundred_places_take_a_hundred_of_a_hundred_and_twenty(publishing: Publishing) -> None:
    ids = await publishing.queued("scene", 120)
    await publishing.opened()
    parts = await asyncio.gather(
        *(add(publishing.entries, publishing.releases, MONTH, ids[n::4], act(f"part-{n}")) for n in range(4))
    )
    assert sum(len(added.entries) for added in parts) == 100
    refused = [refusal for added in parts for refusal in added.refused.values()]
    assert refused == [Refusal("release.full")] * 20
    assert (await publishing.releases.get(MONTH)).state.counts == {"scene": 100}
    await agree(publishing, MONTH)
    await publishing.work()
    await agree(publishing, MONTH)
    states = await publishing.states(ids)
    assert sorted(status for status, _ in states.values()) == ["queued"] * 20 + ["scheduled"] * 100


async def test_filling_up_takes_what_has_waited_longest(publishing: Publishing) -> None:
    scenes, products = await publishing.queued("scene", 6), await publishing.queued("product", 2)
    linkages = await publishing.queued("linkage", 3)
    await publishing.opened(targets={"scene": 4, "product": 4})
    added = await fill(publishing.entries, publishing.releases, MONTH, act("fill"))
    assert added.entries == (*scenes[:4], *products, *linkages)
    assert (await fill(publishing.entries, publishing.releases, MONTH, act("again"))).entries == ()


async def test_a_request_sent_twice_adds_once(publishing: Publishing) -> None:
    ids = await publishing.queued("scene", 3)
    await publishing.opened()
    first = await add(publishing.entries, publishing.releases, MONTH, ids, act("same"))
    history = await publishing.history()
    assert await add(publishing.entries, publishing.releases, MONTH, ids, act("same")) == first
    assert await publishing.history() == history


async def test_however_often_a_full_month_is_asked_for_a_place_it_can_be_frozen_and_published(
    publishing: Publishing,
) -> None:
    ids = await publishing.queued("scene", 20)
    await publishing.opened(targets={"scene": 1})
    for n in range(3):
        added = await add(publishing.entries, publishing.releases, MONTH, ids, act(f"add-{n}"))
        assert added.refused == {id: Refusal("release.full") for id in ids[1:]}
    release = await publishing.releases.get(MONTH)
    assert release.version == 2  # opened, and one added
    assert set((await publishing.states(ids[1:])).values()) == {("queued", None)}


async def test_a_month_changed_very_often_is_still_filled_frozen_and_published(
    publishing: Publishing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MAX_EVENTS", 20)
    monkeypatch.setattr(releasing, "MAX_EVENTS", 20)
    monkeypatch.setattr(releasing, "TO_FILL", 5)
    ids = await publishing.queued("scene", 3)
    await publishing.opened(targets={"scene": 3})
    await add(publishing.entries, publishing.releases, MONTH, ids[:1], act("first"))
    turns = 0
    while not (await remove(publishing.entries, publishing.releases, MONTH, ids[0], act(f"out-{turns}"))).refusal:
        await add(publishing.entries, publishing.releases, MONTH, ids[:1], act(f"in-{turns}"))
        turns += 1
    assert turns == 7
    refusal = (await remove(publishing.entries, publishing.releases, MONTH, ids[0], act("out"))).refusal
    assert refusal == Refusal("release.changed-too-often")
    assert (await fill(publishing.entries, publishing.releases, MONTH, act("fill"))).entries == tuple(ids[1:])
    for command in (Freeze(stream=MONTH, **act("freeze").fields), PublishRelease(stream=MONTH, **act("out").fields)):
        [outcome] = await publishing.releases.handle([command])
        assert outcome.fresh
    assert (await publishing.releases.get(MONTH)).state.status == "published"


async def test_nothing_is_put_in_where_only_freezing_and_publishing_have_room(
    publishing: Publishing, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await publishing.queued("scene", 3)
    await publishing.opened(targets={"scene": 2})
    await add(publishing.entries, publishing.releases, MONTH, ids[:1], act("one"))
    monkeypatch.setattr(releasing, "MAX_EVENTS", 2 + releasing.TO_END)
    added = await add(publishing.entries, publishing.releases, MONTH, ids[1:], act("more"))
    assert added.refused == {id: Refusal("release.changed-too-often") for id in ids[1:]}
    assert set((await publishing.states(ids[1:])).values()) == {("queued", None)}


async def test_freezing_while_others_add_leaves_exactly_the_targets(publishing: Publishing) -> None:
    ids = await publishing.queued("scene", 30)
    await publishing.opened(targets={"scene": 10})

    async def freeze() -> None:
        for n in range(200):
            [outcome] = await publishing.releases.handle([Freeze(stream=MONTH, **act(f"freeze-{n}").fields)])
            if outcome.state.status == "frozen":
                return
        raise AssertionError("never complete")

    await asyncio.gather(
        freeze(),
        *(add(publishing.entries, publishing.releases, MONTH, ids[n::6], act(f"part-{n}")) for n in range(6)),
    )
    state = (await publishing.releases.get(MONTH)).state
    assert (state.status, state.counts) == ("frozen", {"scene": 10})
    await agree(publishing, MONTH)
    await publishing.work()
    await agree(publishing, MONTH)


@pytest.mark.parametrize("full", [False, True])
async def test_the_worker_finishes_what_a_killed_request_began(publishing: Publishing, full: bool) -> None:
    ids = await publishing.queued("scene", 3)
    await publishing.opened(targets={"scene": 2 if full else 3})
    # Killed after the entries' write and before the release's.
    await publishing.entries.handle([Schedule(stream=id, release=MONTH, **act("killed").fields) for id in ids])
    await publishing.work()
    await agree(publishing, MONTH)
    assert len((await publishing.releases.get(MONTH)).state.lines) == (2 if full else 3)


async def test_the_worker_finishes_a_removal_that_was_killed(publishing: Publishing) -> None:
    ids = await publishing.queued("scene", 3)
    await publishing.opened()
    await add(publishing.entries, publishing.releases, MONTH, ids, act("add"))
    await publishing.releases.handle([Remove(stream=MONTH, entry=ids[0], **act("killed").fields)])
    await publishing.work()
    await agree(publishing, MONTH)
    assert await publishing.states(ids[:1]) == {ids[0]: ("queued", None)}


async def test_a_refusal_stands_even_if_a_place_becomes_free_before_the_worker_asks_again(
    publishing: Publishing,
) -> None:
    one, two = await publishing.queued("scene", 2)
    await publishing.opened(targets={"scene": 1})
    [asked] = await publishing.entries.handle([Schedule(stream=two, release=MONTH, **act("two").fields)])
    await add(publishing.entries, publishing.releases, MONTH, [one], act("one"))  # at the same moment, and first
    await on_publishing(publishing.entries, publishing.releases)(asked.events)  # refused
    await remove(publishing.entries, publishing.releases, MONTH, one, act("remove"))
    await publishing.work()  # the scheduling of `two` reaches the worker only now
    await agree(publishing, MONTH)
    assert await publishing.states([one, two]) == {one: ("queued", None), two: ("queued", None)}


async def test_old_events_delivered_again_do_not_move_what_was_added_again(publishing: Publishing) -> None:
    [id] = await publishing.queued("scene", 1)
    await publishing.opened()
    for n in range(3):
        await add(publishing.entries, publishing.releases, MONTH, [id], act(f"add-{n}"))
        await remove(publishing.entries, publishing.releases, MONTH, id, act(f"remove-{n}"))
    await add(publishing.entries, publishing.releases, MONTH, [id], act("last"))
    before = await publishing.history()
    await publishing.work()
    assert await publishing.history() == before
    await agree(publishing, MONTH)


async def test_publication_reaches_each_entry_once_in_its_own_stream(publishing: Publishing) -> None:
    await publishing.published(5, 5, 2)
    history = await publishing.history()
    told = [event for event in history if event.type == "entry.published.v1"]
    assert len(told) == len({event.subject for event in told}) == 12
    [release] = [event for event in history if event.type == "release.published.v1"]
    assert {event.causationid for event in told} == {release.ref}
    assert {event.correlationid for event in told} == {f"/publishing/{event.subject}/1" for event in told}
    await publishing.work()
    assert await publishing.history() == history


async def test_only_approved_cases_queue_and_carry_their_correlation(publishing: Publishing) -> None:
    react = on_review(publishing.entries)
    events = [decided("scene", 0), decided("scene", 1, decision=Decision.REJECTED)]
    await react(events)
    await react(events)
    [queued] = await publishing.history()
    assert isinstance(queued.data, EntryQueued)
    assert (queued.subject, queued.causationid) == (entry("scene")[0], events[0].ref)
    assert (queued.correlationid, queued.data.entry.contact) == (events[0].correlationid, None)


def withdrawn(kind: str, n: int = 0) -> Event:
    id, _ = entry(kind, n)
    event = decided(kind, n)
    return replace(event, id=f"{id}/2", source="/submissions", subject=id, data=SubmissionWithdrawn(reason="changed"))


async def test_a_withdrawn_submission_leaves_its_open_month_and_does_not_wait_again(publishing: Publishing) -> None:
    ids = await publishing.queued("scene", 2)
    await publishing.opened()
    await add(publishing.entries, publishing.releases, MONTH, ids, act("add"))
    await on_submissions(publishing.entries)([withdrawn("scene")])
    await publishing.work()
    await agree(publishing, MONTH)
    assert (await publishing.entries.get(ids[0])).state.status == "withdrawn"
    assert len((await publishing.releases.get(MONTH)).state.lines) == 1


async def test_an_approval_that_comes_after_the_withdrawal_does_not_queue(publishing: Publishing) -> None:
    await on_submissions(publishing.entries)([withdrawn("scene")])
    await on_review(publishing.entries)([decided("scene")])
    assert [type(event.data) for event in await publishing.history()] == [EntryWithdrawn]


async def test_events_that_are_none_of_its_business_are_passed_over(publishing: Publishing) -> None:
    await on_publishing(publishing.entries, publishing.releases)([decided("scene"), withdrawn("scene")])
    await on_review(publishing.entries)([withdrawn("scene")])
    await on_submissions(publishing.entries)([decided("scene")])
    assert await publishing.history() == []


async def test_each_scheduling_is_answered_exactly_once(publishing: Publishing) -> None:
    """Publishers and the worker at random: whatever happens, one answer to each scheduling, and both sides agree."""
    ids = await publishing.queued("scene", 12)
    await publishing.opened(targets={"scene": 5})

    async def publisher(n: int) -> None:
        for turn in range(6):
            await add(publishing.entries, publishing.releases, MONTH, ids[n::3], act(f"add-{n}-{turn}"))
            await remove(
                publishing.entries, publishing.releases, MONTH, ids[(n * 5 + turn) % 12], act(f"out-{n}-{turn}")
            )

    async def worker() -> None:
        for _ in range(8):
            await on_publishing(publishing.entries, publishing.releases)(await publishing.history())

    await asyncio.gather(*(publisher(n) for n in range(3)), worker(), worker())
    await publishing.work()
    await agree(publishing, MONTH)
    history = await publishing.history()
    asked = [event.ref for event in history if isinstance(event.data, EntryScheduled)]
    answers = [e.causationid for e in history if isinstance(e.data, ReleaseEntryAdded | ReleaseEntryRefused)]
    assert sorted(asked) == sorted(answers)
    assert any(isinstance(event.data, ReleaseEntryRemoved) for event in history)


async def test_what_is_published_is_what_was_frozen(publishing: Publishing) -> None:
    await publishing.frozen(3, 3)
    frozen = (await publishing.releases.get(MONTH)).state
    late = (await publishing.queued("scene", 5))[-2:]
    added = await add(publishing.entries, publishing.releases, MONTH, late, act("late"))
    assert (added.entries, {refusal.rule for refusal in added.refused.values()}) == ((), {"release.frozen"})
    [outcome] = await publishing.releases.handle([PublishRelease(stream=MONTH, **act("publish").fields)])
    assert (outcome.state.manifest, outcome.state.lines) == (frozen.manifest, frozen.lines)
    assert outcome.events[0].time == AT + (act("x").at - AT)
