"""All of a month or nothing, at every moment; and lists that stay fast."""

import asyncio
import time

from publishing.domain.entry import Correct, Retract, Schedule
from publishing.domain.release import PublishRelease
from publishing.store import Wish
from tests.publishing.conftest import Publishing
from tests.publishing.given import MONTH, NEXT, TARGETS, act, queue

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
            if event.type == "release.published.v1":
                # In small steps, as several workers might, so that the reader meets every mixture.
                lines = event.data.model_dump()["lines"]
                for n in range(0, len(lines), 10):
                    await publishing.work([_part(event, n)])
        done.set()

    await asyncio.gather(read(), publish())
    assert {number for row in seen for number in row} == {0, 200}
    assert seen[0] == (0, 0, 0, 0) and seen[-1] == (200, 200, 200, 200)


def _part(event, n):  # type: ignore[no-untyped-def]
    """The event as if it named ten of its lines only."""
    from dataclasses import replace

    return replace(event, data=event.data.model_copy(update={"lines": event.data.lines[n : n + 10]}))


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
    await publishing.entries.handle([Correct(stream=id, **act("correct").fields)])
    after = (await publishing.catalogue.some([id]))[id]
    assert ((before.edition, before.revision), (after.edition, after.revision)) == ((1, 1), (2, 2))
    assert (await publishing.catalogue.latest(ALL, 1))[0].id == id
    await publishing.entries.handle([Retract(stream=id, reason="wrong", **act("retract").fields)])
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
    """Each list within a tenth of a second here (measured: some 10 to 60 ms), so that a lost index shows."""
    months = [f"2026-{n:02}" for n in range(1, 11)]
    for kind in ("scene", "product"):
        await publishing.queued(kind, 1000)
    for month in months:
        await publishing.opened(month, TARGETS)
        from publishing.domain.release import Freeze
        from publishing.releasing import fill

        await fill(publishing.entries, publishing.releases, month, act("fill"))
        for command in Freeze, PublishRelease:
            await publishing.releases.handle([command(stream=month, **act(command.__name__).fields)])
    await publishing.work([e for e in await publishing.history() if e.type == "release.published.v1"])
    assert (await publishing.catalogue.search(ALL, 1, 20))[1] == 2000
    wishes = (
        ALL,
        Wish(kind="scene"),
        Wish(sector="new-retail"),
        Wish(district="wuhou"),
        Wish(q="无人机"),
        Wish(release=NEXT),
    )
    for wish in wishes:
        began = time.perf_counter()
        await publishing.catalogue.search(wish, 1, 20)
        took = time.perf_counter() - began
        print(f"{wish}: {took * 1000:.0f} ms")
        assert took < 0.5
    for name in "counts", "partners":
        began = time.perf_counter()
        await getattr(publishing.catalogue, name)()
        print(f"{name}: {(time.perf_counter() - began) * 1000:.0f} ms")
    began = time.perf_counter()
    await publishing.catalogue.latest(ALL, 50)
    print(f"latest: {(time.perf_counter() - began) * 1000:.0f} ms")
