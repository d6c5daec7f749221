"""All of a month or nothing, at every moment; and lists that stay fast."""

import asyncio
import time
from dataclasses import replace

from publishing.agents import on_publishing
from publishing.domain.entry import Correct, Retract, Schedule
from publishing.domain.release import Freeze, PublishRelease
from publishing.releasing import fill
from publishing.store import NEWEST_FIRST, Wish
from schemas.envelope import Event
from schemas.publication import ReleasePublished
from tests.publishing.conftest import Publishing
from tests.publishing.given import MONTH, act, queue

ALL = Wish()


async def test_a_reader_sees_none_or_all_of_two_hundred_while_they_are_published(publishing: Publishing) -> None:
    await publishing.frozen(100, 100)
    seen: list[tuple[int, int, int, int]] = []
    done = asyncio.Event()

    async def read() -> None:
        while not done.is_set():
            rows, total = await publishing.catalogue.search(ALL, 1, 500)
            latest = await publishing.catalogue.latest(ALL, 500)
            counts = await publishing.catalogue.counts()
            seen.append((total, len(rows), len(latest), sum(row["count"] for row in counts)))

    async def publish() -> None:
        await asyncio.sleep(0.1)
        await publishing.releases.handle([PublishRelease(stream=MONTH, **act("publish").fields)])
        await asyncio.sleep(0.1)
        for event in await publishing.history():
            if isinstance(event.data, ReleasePublished):
                # In small steps, so that the reader meets every mixture of entries that know and that do not.
                for start in range(0, len(event.data.lines), 10):
                    await on_publishing(publishing.entries, publishing.releases)([_part(event, start)])
        done.set()

    await asyncio.gather(read(), publish())
    assert {number for row in seen for number in row} == {0, 200}
    assert seen[0] == (0, 0, 0, 0) and seen[-1] == (200, 200, 200, 200)


def _part(event: Event, start: int) -> Event:
    """The publication as if it named ten of its lines only."""
    assert isinstance(event.data, ReleasePublished)
    return replace(event, data=event.data.model_copy(update={"lines": event.data.lines[start : start + 10]}))


async def test_a_reader_who_began_before_the_publication_sees_nothing_of_it(publishing: Publishing) -> None:
    await publishing.frozen(2, 2)
    began = await publishing.catalogue.visible(await publishing.catalogue.published())
    await publishing.releases.handle([PublishRelease(stream=MONTH, **act("publish").fields)])
    await publishing.work()
    assert await publishing.catalogue.entries.count_documents(began) == 0


async def test_one_who_came_too_late_for_a_frozen_month_is_not_seen_with_it(publishing: Publishing) -> None:
    await publishing.frozen(2, 2)
    late = (await publishing.queued("scene", 3))[-1]
    await publishing.entries.handle([Schedule(stream=late, release=MONTH, **act("late").fields)])
    await publishing.releases.handle([PublishRelease(stream=MONTH, **act("publish").fields)])
    assert (await publishing.catalogue.search(ALL, 1, 50))[1] == 4
    assert await publishing.catalogue.some([late]) == {}
    await publishing.work()
    assert (await publishing.catalogue.search(ALL, 1, 50))[1] == 4
    assert (await publishing.entries.get(late)).state.status == "queued"


async def test_a_correction_is_seen_at_once_and_a_retraction_not_any_more(publishing: Publishing) -> None:
    await publishing.published(2, 2)
    id = queue("scene").stream
    await publishing.entries.handle([queue("scene", revision=2)])
    before = (await publishing.catalogue.some([id]))[id]
    await publishing.entries.handle([Correct(stream=id, **act("correct", days=2).fields)])
    after = (await publishing.catalogue.some([id]))[id]
    assert ((before.edition, before.revision), (after.edition, after.revision)) == ((1, 1), (2, 2))
    assert (await publishing.catalogue.latest(ALL, 1))[0].id == id
    await publishing.entries.handle([Retract(stream=id, reason="wrong", **act("retract", days=3).fields)])
    assert await publishing.catalogue.some([id]) == {}
    assert (await publishing.catalogue.search(ALL, 1, 50))[1] == 3


async def test_search_finds_words_of_both_languages_and_takes_signs_as_they_are(publishing: Publishing) -> None:
    await publishing.published(28, 26)
    some = (await publishing.catalogue.search(ALL, 1, 1))[0][0]
    for word in (some.entry["title"]["zh"][:2], some.entry["title"]["en"].split()[0].upper()):
        rows, _ = await publishing.catalogue.search(Wish(q=word), 1, 100)
        assert some.id in {row.id for row in rows}
    for nothing in (".*", "(", "[", "\\", "$ne", "no such word"):
        assert (await publishing.catalogue.search(Wish(q=nothing), 1, 50))[1] == 0, nothing
    by_both, _ = await publishing.catalogue.search(Wish(kind="scene", sector="new-retail"), 1, 100)
    assert by_both and {(row.kind, row.sector) for row in by_both} == {("scene", "new-retail")}


async def test_lists_stay_fast_with_two_thousand_entries(publishing: Publishing) -> None:
    """Measured here: 5 to 20 ms a list, 70 ms a search for a word. The bound is wide: a busy machine must pass it."""
    for kind in ("scene", "product"):
        await publishing.queued(kind, 1000)
    for month in [f"2026-{n:02}" for n in range(1, 11)]:
        await publishing.opened(month)
        await fill(publishing.entries, publishing.releases, month, act("fill"))
        await publishing.releases.handle([Freeze(stream=month, **act("freeze").fields)])
        await publishing.releases.handle([PublishRelease(stream=month, **act("publish").fields)])
    await on_publishing(publishing.entries, publishing.releases)(
        [event for event in await publishing.history() if isinstance(event.data, ReleasePublished)]
    )
    catalogue = publishing.catalogue
    assert (await catalogue.search(ALL, 1, 20))[1] == 2000
    wishes = (ALL, Wish(kind="scene"), Wish(sector="new-retail"), Wish(district="wuhou"), Wish(q="无人机"))
    for ask in (*(catalogue.search(wish, 1, 20) for wish in wishes), catalogue.counts(), catalogue.latest(ALL, 50)):
        began = time.perf_counter()
        await ask
        assert time.perf_counter() - began < 1.0
    query = {"state.kind": "scene", "state.status": "published", "state.edition.release": {"$in": ["2026-01"]}}
    plan = await catalogue.entries.find(query).sort(NEWEST_FIRST).limit(20).explain()
    assert plan["executionStats"]["totalDocsExamined"] <= 20
