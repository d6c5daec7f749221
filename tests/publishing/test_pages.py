"""The pages, as the public and the publisher walk through them."""

import pytest
from markupsafe import escape

from publishing.__main__ import queues
from publishing.domain.entry import Withdraw
from publishing.releasing import add
from tests.publishing.conftest import PUBLISHER, Browser, Publishing
from tests.publishing.given import MONTH, act, entry, queue


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_every_public_page_is_there_before_anything_is_released(
    publishing: Publishing, visit: Browser, language: str
) -> None:
    public = visit(language=language)
    for path in ("/", "/catalogue", "/about"):
        answer = await public.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-language"] == {"zh": "zh-Hans-CN", "en": "en"}[language]
    assert "404" in (await public.get(f"/catalogue/{entry('scene')[0]}")).text


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_home_says_how_far_the_programme_is(publishing: Publishing, visit: Browser, language: str) -> None:
    await publishing.published(28, 26, 10)
    text = (await visit(language=language).get("/")).text
    assert 'value="28" max="28"' in text
    assert f"/catalogue?release={MONTH}" in text
    assert "pb-proof__result" in text


async def test_the_catalogue_lists_filters_and_pages(publishing: Publishing, visit: Browser) -> None:
    await publishing.published(28, 26, 2)
    public = visit()
    text = (await public.get("/catalogue")).text
    assert "56 items" in text and 'href="/catalogue?page=3"' in text
    assert text.count('class="sq-listing__item"') == 20
    assert "1 item<" in (await public.get("/catalogue?q=无人机配送&kind=scene")).text
    assert "No entry answers this" in (await public.get("/catalogue?q=nothing-like-it")).text
    assert (await public.get("/catalogue?kind=scene&feed")).status_code == 200


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_every_entry_of_the_sample_has_its_page(publishing: Publishing, visit: Browser, language: str) -> None:
    await publishing.published(28, 26, 10)
    public = visit(language=language)
    for kind, count in ("scene", 28), ("product", 26), ("linkage", 10):
        for n in range(count):
            id, said = entry(kind, n)
            answer = await public.get(f"/catalogue/{id}")
            title = said.title.en if language == "en" and said.title.en else said.title.zh
            assert answer.status_code == 200
            assert escape(title) in answer.text


async def test_a_linkage_and_its_scene_lead_to_each_other(publishing: Publishing, visit: Browser) -> None:
    await publishing.published(28, 26, 10)
    public = visit()
    id, linkage = entry("linkage")
    scene = linkage.scene  # type: ignore[union-attr]
    assert f'href="/catalogue/{scene}"' in (await public.get(f"/catalogue/{id}")).text
    assert f'href="/catalogue/{id}"' in (await public.get(f"/catalogue/{scene}")).text


async def test_editions_stay_readable_and_a_retraction_says_why(publishing: Publishing, visit: Browser) -> None:
    await publishing.published(1, 1)
    id, said = entry("scene")
    title = said.title.model_copy(update={"en": "Another title altogether"})
    changed = said.model_copy(update={"title": title})
    later = queue("scene", revision=2)
    await publishing.entries.handle([type(later)(**{**vars(later), "entry": changed})])
    desk = visit(PUBLISHER)
    assert "Another title altogether" in (await desk.get(f"/releases/entries/{id}")).text
    assert "Another title altogether" not in (await desk.get(f"/catalogue/{id}")).text
    corrected = await desk.post(f"/releases/entries/{id}/correct")
    assert corrected.headers["location"] == f"/catalogue/{id}"
    assert "Another title altogether" in (await visit().get(f"/catalogue/{id}")).text
    old = (await visit().get(f"/catalogue/{id}?edition=1")).text
    assert "A later edition has taken its place" in old and str(said.title.en) in old
    assert (await desk.post(f"/releases/entries/{id}/retract", data={"reason": " "})).status_code == 422
    assert (await desk.post(f"/releases/entries/{id}/retract", data={"reason": "It was wrong."})).status_code == 303
    gone = await visit().get(f"/catalogue/{id}")
    assert gone.status_code == 410 and "It was wrong." in gone.text
    assert "1 item<" in (await visit().get("/catalogue")).text


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_publisher_brings_a_month_out_by_hand(publishing: Publishing, visit: Browser, language: str) -> None:
    ids = await publishing.queued("scene", 102) + await publishing.queued("product", 102)
    await publishing.queued("linkage", 2)
    desk = visit(PUBLISHER, language=language)
    assert (await desk.get("/releases")).status_code == 200
    assert (await desk.get("/queue?kind=scene&page=2")).status_code == 200
    opened = await desk.post("/releases", data={"month": MONTH})
    assert opened.headers["location"] == f"/releases/{MONTH}"
    assert (await desk.get(f"/releases/{MONTH}")).text.count('name="entry"') == 100
    assert (await desk.get(f"/releases/{MONTH}/freeze")).status_code == 200
    await desk.post(f"/releases/{MONTH}/entries", data={"entry": ids[:3]})
    inside = (await desk.get(f"/releases/{MONTH}?view=inside")).text
    assert f"/releases/{MONTH}/entries/{ids[0]}/remove" in inside
    await desk.post(f"/releases/{MONTH}/entries/{ids[0]}/remove")
    filled = await desk.post(f"/releases/{MONTH}/entries", data={"fill_up": "true"})
    assert filled.headers["location"] == f"/releases/{MONTH}?view=inside"
    assert (await desk.get(f"/releases/{MONTH}/publish")).status_code == 200
    assert (await desk.post(f"/releases/{MONTH}/freeze")).status_code == 303
    confirm = (await desk.get(f"/releases/{MONTH}/publish")).text
    manifest = (await publishing.releases.get(MONTH)).state.manifest
    assert manifest and manifest in confirm
    assert "202" in confirm
    assert (await desk.post(f"/releases/{MONTH}/publish")).status_code == 303
    assert manifest in (await desk.get(f"/releases/{MONTH}")).text
    assert (await desk.get("/")).status_code == 200


async def test_one_thing_is_not_said_to_be_several(publishing: Publishing, visit: Browser) -> None:
    await publishing.published(1, 1, 1)
    assert "of 1 linkage published" in (await visit().get("/")).text
    ids = await publishing.queued("scene", 3)
    await publishing.opened("2027-01", {"scene": 2, "product": 1})
    desk = visit(PUBLISHER)
    await desk.post("/releases/2027-01/entries", data={"entry": ids[1]})
    shown = (await desk.get("/releases/2027-01")).text
    assert "Added: 1 entry." in shown
    refused = await desk.post("/releases/2027-01/freeze")
    assert "1 scene and 1 product missing" in refused.text


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "two as a rule, one for clear cases, a third where two differ"),
        ("zh", "情况明确的由一位"),
    ],
)
async def test_the_public_is_told_how_many_reviewers_there_are(visit: Browser, language: str, said: str) -> None:
    for path in ("/", "/about"):
        text = (await visit(language=language).get(path)).text
        assert said in text
        assert "Two reviewers" not in text and "两位评审员" not in text


async def test_the_desk_shows_an_entry_at_every_stage(publishing: Publishing, visit: Browser) -> None:
    desk = visit(PUBLISHER)
    gone, waiting, inside = (entry("scene", n)[0] for n in range(3))
    await publishing.entries.handle([Withdraw(stream=gone, **act("withdraw").fields)])
    await publishing.entries.handle([queue("scene", 1), queue("scene", 2)])
    await publishing.opened()
    await add(publishing.entries, publishing.releases, MONTH, [inside], act("add"))
    for id, said in (gone, "Withdrawn"), (waiting, "Queued"), (inside, "In a release"):
        answer = await desk.get(f"/releases/entries/{id}")
        assert answer.status_code == 200 and said in answer.text


async def test_operations_see_what_waits_and_since_when(publishing: Publishing) -> None:
    await publishing.published(1, 1)
    await publishing.entries.handle([queue("scene", 1), queue("scene", revision=2)])
    found = {queue.name: queue for queue in await queues(publishing.database)}
    assert {name: queue.count for name, queue in found.items()} == {
        "Waiting for a release: 场景": 1,
        "Waiting for a correction": 1,
        "Frozen releases": 0,
    }
    assert all(queue.oldest_s > 0 for queue in found.values() if queue.count)


async def test_who_is_not_signed_in_is_asked_to(visit: Browser) -> None:
    for path in ("/releases", "/queue", f"/releases/{MONTH}", f"/releases/entries/{entry('scene')[0]}"):
        answer = await visit().get(path)
        assert (answer.status_code, answer.headers["location"].startswith("/sign-in")) == (303, True)
        assert (await visit(PUBLISHER | {"roles": ["partner"]}).get(path)).status_code == 403


async def test_commands_on_an_entry_that_cannot_be_are_refused_with_a_reason(
    publishing: Publishing, visit: Browser
) -> None:
    [id] = await publishing.queued("scene", 1)
    desk = visit(PUBLISHER)
    for step, data in ("correct", {}), ("retract", {"reason": "It was wrong."}):
        answer = await desk.post(f"/releases/entries/{id}/{step}", data=data)
        assert answer.status_code == 409 and "not published" in answer.text
    assert (await desk.get("/releases/entries/11510100MB1T46HD1G/NOTHING")).status_code == 404
    assert (await desk.get("/releases/2027-06")).status_code == 404
