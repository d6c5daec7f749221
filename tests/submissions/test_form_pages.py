"""What a form does with what is typed: keeps it, guards it, tells every mistake at its field, and sends it once."""

import re
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI

from runtime.settings import Settings
from submissions.__main__ import mongo
from submissions.forms.drafts import Drafts
from submissions.forms.values import values_of
from tests.submissions.given import OTHER, USCC, samples, signed_in, submission

HTML = {"Accept": "text/html", "Accept-Language": "en"}


@pytest.fixture
def partner(settings: Settings) -> dict[str, str]:
    return HTML | signed_in(settings, "partner", partner=USCC)


@pytest.fixture
def scene() -> dict[str, str]:
    """The fields of a scene that keeps every rule."""
    line = next(line for line in samples() if line["entry"]["kind"] == "scene")
    line["entry"]["owner"]["uscc"] = USCC
    return {"kind": "scene", "version": "0", **values_of(line)}


def draft() -> str:
    return f"/submissions/drafts/{uuid4().hex}"


def errors(page: str) -> dict[str, str]:
    """The error summary: text by the id it links to."""
    summary = page[page.index("govuk-error-summary__list") :]
    return dict(re.findall(r'<a href="#([\w-]+)">(.*?)</a>', summary[: summary.index("</ul>")]))


def buttons(page: str) -> list[str]:
    """What the form's buttons do, in the order of the page."""
    return re.findall(r'<button type="submit"[^>]* name="do" value="(\w+)', page)


async def test_a_form_is_kept_checked_sent_once_and_gone(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str], scene: dict[str, str]
) -> None:
    path = draft()
    kept = await client.post(path, data={**scene, "do": "save"}, headers=partner)
    assert (kept.status_code, kept.headers["location"]) == (303, path)
    listed = (await client.get("/submissions/drafts", headers=partner)).text
    assert scene["/entry/title/en"] in listed and scene["/entry/contact/phone"] not in listed
    checked = await client.post(path, data={**scene, "version": "1", "do": "check"}, headers=partner)
    assert checked.headers["location"] == f"{path}/check"
    shown = (await client.get(f"{path}/check", headers=partner)).text
    assert "1,200 m²" in shown and 'href="' + path + '#entry-offers-0"' in shown
    sent = [await client.post(f"{path}/send", data={"version": "1"}, headers=partner) for _ in range(2)]
    stream = f"/submissions/{USCC}/{scene['/reference']}"
    assert [(answer.status_code, answer.headers.get("location")) for answer in sent] == [
        (303, f"{stream}/received"),
        (404, None),
    ]
    assert "Received" in (await client.get(f"{stream}/received", headers=partner)).text
    assert (await client.get(stream, headers=key)).json()["revision"] == 1
    assert (await client.get(path, headers=partner)).status_code == 404


async def test_every_mistake_is_told_at_its_field_and_nothing_is_recorded(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str], scene: dict[str, str]
) -> None:
    slips = {
        "/entry/title/zh": "场",
        "/entry/needs/0/zh": "",
        "/entry/offers/1/type": "",
        "/entry/offers/2/amount": "a few",
        "/entry/closes": "2020-01-01",
        "/entry/tags": "\n".join(f"tag {n}" for n in range(11)),
        "/entry/contact/email": "nobody",
        "/reference": "no spaces",
    }
    answer = await client.post(draft(), data={**scene, **slips, "do": "check"}, headers=partner)
    assert answer.status_code == 422
    assert errors(answer.text) == {
        "entry-title-zh": "Title · in Chinese: Wrong length: expected ≥ 2 characters.",
        "entry-tags": "Tags: Wrong number of items: expected ≤ 10.",
        "entry-needs-0-zh": "Need 1 · in Chinese: This field is required.",
        "entry-offers-1-type": "Offer 2 · Type: This field is required.",
        "entry-offers-2-amount": "Offer 3 · Amount: Wrong type: expected an integer.",
        "entry-closes": f"Closes: The dates are out of order: must not be before {scene['/entry/opens']}.",
        "entry-contact-email": "Email: Wrong format: write an e-mail address such as name@example.org.",
        "reference": "Reference: Wrong format: write 1 to 64 letters, digits or . _ -, the first a letter or digit.",
    }
    for id in errors(answer.text):
        assert f'id="{id}"' in answer.text and f'id="{id}-error"' in answer.text
    assert (await client.get("/submissions/refused", headers=partner)).text.count("sq-listing__item") == 0


async def test_an_empty_form_names_every_field_that_is_needed(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str]
) -> None:
    needed = {
        "scene": ["entry-title-zh", "entry-summary-zh", "entry-level", "entry-district", "entry-needs", "entry-opens"],
        "product": ["entry-title-zh", "entry-summary-zh", "entry-industry", "entry-maturity", "entry-capabilities"],
        "linkage": ["entry-title-zh", "entry-summary-zh", "entry-scene", "entry-product", "entry-stage"],
    }
    for kind, ids in needed.items():
        blank = await client.get(f"/submissions/new/{kind}", headers=partner)
        path = re.search(r'action="(/submissions/drafts/\w+)"', blank.text)
        assert blank.status_code == 200 and path
        data = {"kind": kind, "version": "0", "/reference": f"{kind}-1", "/revision": "1", "do": "check"}
        answer = await client.post(path[1], data=data, headers=partner)
        assert set(ids) <= set(errors(answer.text)), kind


async def test_a_reference_in_use_is_told_and_never_overwritten_by_a_new_entry(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str], scene: dict[str, str]
) -> None:
    await client.post("/submissions", json=submission("taken"), headers=key)
    answer = await client.post(draft(), data={**scene, "/reference": "taken", "do": "check"}, headers=partner)
    told = "Reference: An entry of yours has this reference. Choose another, or change that entry instead."
    assert (answer.status_code, errors(answer.text)) == (422, {"reference": told})


async def test_a_revision_starts_from_the_newest_and_a_later_one_is_told(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str]
) -> None:
    await client.post("/submissions", json=submission("a"), headers=key)
    form = (await client.get(f"/submissions/{USCC}/a/edit", headers=partner)).text
    path = re.search(r'action="(/submissions/drafts/\w+)"', form)
    assert path and re.search(r'value="2" id="revision"', form) and "readonly" in form
    stream = f"{USCC}/a"
    values = values_of(submission("a", 2, maturity=3))
    assert 'name="base" value="1"' in form
    data = {
        "kind": "product",
        "version": "0",
        "of": stream,
        "base": "1",
        **values,
        "/reference": "other",
        "do": "check",
    }
    assert (await client.post(path[1], data=data, headers=partner)).headers["location"] == f"{path[1]}/check"
    again = await client.get(f"/submissions/{stream}/edit", headers=partner)
    assert again.headers["location"] == path[1]
    await client.post("/submissions", json=submission("a", 2, maturity=4), headers=key)
    for version, revision in (("1", "2"), ("1", "3")):  # whichever number it is given
        typed = {**data, "version": version, "/revision": revision}
        stale = await client.post(path[1], data=typed, headers=partner)
        assert stale.status_code == 409 and "Revision 2 was received since this one was begun." in stale.text
        assert f'href="/submissions/{stream}"' in stale.text
        assert buttons(stale.text)[:3] == ["save", "again", "over"], "Enter presses the first, and nothing is lost"
    assert (await client.get(f"{path[1]}/check", headers=partner)).status_code == 409
    assert (await client.post(f"{path[1]}/send", data={"version": "2"}, headers=partner)).status_code == 409
    assert (await client.get(f"/submissions/{stream}", headers=key)).json()["revision"] == 2

    over = await client.post(path[1], data={**data, "version": "2", "do": "over"}, headers=partner)
    assert over.headers["location"] == f"{path[1]}/check"
    sent = await client.post(f"{path[1]}/send", data={"version": "3"}, headers=partner)
    assert sent.headers["location"] == f"/submissions/{stream}/received"
    newest = (await client.get(f"/submissions/{stream}", headers=key)).json()
    assert (newest["revision"], newest["entry"]["maturity"]) == (3, 3)


async def test_what_was_revised_and_withdrawn_meanwhile_is_told_so_and_keeps_what_is_typed(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str]
) -> None:
    await client.post("/submissions", json=submission("a"), headers=key)
    values = values_of(submission("a", 2, maturity=3))
    path, data = draft(), {"kind": "product", "version": "0", "of": f"{USCC}/a", "base": "1", **values}
    await client.post("/submissions", json=submission("a", 2, maturity=4), headers=key)
    await client.post(f"/submissions/{USCC}/a/withdraw", json={"reason": "no more"}, headers=key)
    for version, (do, maturity) in enumerate((("check", "3"), ("over", "5"), ("again", "6"))):
        typed = {**data, "version": str(version), "/entry/maturity": maturity, "do": do}
        told = await client.post(path, data=typed, headers=partner)
        assert told.status_code == 422 and "This submission was withdrawn: use a new reference." in told.text
        assert 'value="again"' not in told.text and 'value="over"' not in told.text
        kept = (await client.get(path, headers=partner)).text
        assert re.search(rf'name="/entry/maturity"[^>]*value="{maturity}"|value="{maturity}" selected', kept), do


async def test_whoever_is_told_of_a_later_revision_can_begin_again_from_it(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str]
) -> None:
    await client.post("/submissions", json=submission("a"), headers=key)
    values = values_of(submission("a", 2, maturity=3))
    path, data = draft(), {"kind": "product", "version": "0", "of": f"{USCC}/a", "base": "1", **values}
    await client.post(path, data={**data, "do": "save"}, headers=partner)
    await client.post("/submissions", json=submission("a", 2, maturity=4), headers=key)
    again = await client.post(path, data={**data, "version": "1", "do": "again"}, headers=partner)
    assert again.headers["location"] == path
    form = (await client.get(path, headers=partner)).text
    assert re.search(r'value="3" id="revision"', form) and re.search(r'<option value="4" selected>', form)
    kept = {**data, **values_of(submission("a", 3, maturity=4)), "version": "2", "do": "check"}
    assert (await client.post(path, data=kept, headers=partner)).headers["location"] == f"{path}/check"


async def test_what_a_colleague_saved_before_one_begins_again_leaves_what_is_typed_on_the_page(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str]
) -> None:
    await client.post("/submissions", json=submission("a"), headers=key)
    values = values_of(submission("a", 2, maturity=3))
    path, data = draft(), {"kind": "product", "version": "0", "of": f"{USCC}/a", "base": "1", **values}
    await client.post(path, data={**data, "do": "save"}, headers=partner)
    await client.post(path, data={**data, "version": "1", "/entry/maturity": "5", "do": "save"}, headers=partner)
    await client.post("/submissions", json=submission("a", 2, maturity=4), headers=key)
    for do in ("again", "over"):
        mine = {**data, "version": "1", "/entry/maturity": "6", "do": do}
        told = await client.post(path, data=mine, headers=partner)
        assert told.status_code == 409 and "What you typed is below." in told.text and "Save yours over it" in told.text
        assert '<option value="6" selected>' in told.text and 'name="base" value="1"' in told.text, do
    mine = {**data, "version": "2", "/entry/maturity": "6", "do": "check"}
    assert (
        "Revision 2 was received since this one was begun."
        in (await client.post(path, data=mine, headers=partner)).text
    )


async def test_two_tabs_never_overwrite_each_other_unasked(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str], scene: dict[str, str]
) -> None:
    path = draft()
    first = await client.post(path, data={**scene, "do": "autosave"}, headers=partner)
    assert first.json()["version"] == 1 and first.json()["said"].startswith("Saved at ")
    again = await client.post(path, data={**scene, "do": "autosave"}, headers=partner)
    assert again.json()["version"] == 1, "what is there already changes nothing"
    mine, theirs = ({**scene, "version": "1", "/entry/title/en": title} for title in ("Mine", "Theirs"))
    await client.post(path, data={**theirs, "do": "save"}, headers=partner)
    refused = await client.post(path, data={**mine, "do": "autosave"}, headers=partner)
    assert refused.status_code == 409 and "Somebody changed this draft" in refused.json()["said"]
    asked = await client.post(path, data={**mine, "do": "save"}, headers=partner)
    assert asked.status_code == 409 and 'value="Mine"' in asked.text and "Save yours over it" in asked.text
    assert 'value="Theirs"' in (await client.get(path, headers=partner)).text
    await client.post(path, data={**mine, "version": "2", "do": "save"}, headers=partner)
    assert 'value="Mine"' in (await client.get(path, headers=partner)).text


async def test_the_page_of_a_conflict_saves_nothing_by_itself(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str], scene: dict[str, str]
) -> None:
    path = draft()
    fine = await client.post(path, data={**scene, "do": "save"}, headers=partner)
    assert "data-changed" not in (await client.get(fine.headers["location"], headers=partner)).text
    asked = await client.post(path, data={**scene, "/entry/title/en": "Mine", "do": "save"}, headers=partner)
    assert asked.status_code == 409 and "data-draft data-changed" in asked.text


async def test_a_page_whose_answer_was_lost_has_no_conflict_with_itself(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str], scene: dict[str, str]
) -> None:
    path, mine = draft(), {**scene, "page": "a" * 32, "do": "autosave"}
    versions = [
        (await client.post(path, data={**mine, "version": version, "/entry/title/en": title}, headers=partner)).json()
        for version, title in (("0", "Typed"), ("0", "Typed on"), ("1", "Typed on and on"))
    ]
    assert [told.get("version") for told in versions] == [1, 2, 3], "the answers to the first two never came"
    other = {**scene, "page": "b" * 32, "version": "2", "/entry/title/en": "Theirs", "do": "autosave"}
    assert (await client.post(path, data=other, headers=partner)).status_code == 409
    assert 'value="Typed on and on"' in (await client.get(path, headers=partner)).text


async def test_a_page_that_stayed_open_puts_nothing_among_the_drafts_of_who_signed_in_since(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str], scene: dict[str, str]
) -> None:
    mine = HTML | signed_in(settings, "partner", partner=USCC)
    shown = (await client.get("/submissions/new/scene", headers=mine)).text
    whose = re.search(r'name="person" value="([^"]+)"', shown)
    assert whose
    theirs = HTML | signed_in(settings, "partner", partner=OTHER, sub="somebody-else")
    path = draft()
    for address, do in ((path, "autosave"), (path, "save"), (f"{path}/send", "")):
        answer = await client.post(address, data={**scene, "person": whose[1], "do": do}, headers=theirs)
        assert answer.status_code == 409 and "Somebody else is signed in now." in answer.text
    assert scene["/entry/title/en"] not in (await client.get("/submissions/drafts", headers=theirs)).text
    kept = await client.post(path, data={**scene, "person": whose[1], "do": "save"}, headers=mine)
    assert kept.status_code == 303, "whose it is goes on"


async def test_what_a_colleague_saves_while_a_draft_is_sent_is_the_next_revision_of_it(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str], partner: dict[str, str], scene: dict[str, str]
) -> None:
    first, path = draft(), draft()
    for each in (first, path):
        await client.post(each, data={**scene, "do": "save"}, headers=partner)
    assert (await client.post(f"{first}/send", data={"version": "1"}, headers=partner)).status_code == 303
    async with mongo(settings) as server:
        drafts = Drafts(server[settings.database("submissions")])
        seen = await drafts.get(path[-32:], USCC)
        later = {**scene, "version": "1", "page": "b" * 32, "/entry/title/en": "Said later"}
        await client.post(path, data={**later, "do": "autosave"}, headers=partner)
        stream = f"{USCC}/{scene['/reference']}"
        assert not await drafts.sent(seen, stream, 1, "Li")
        kept = await drafts.get(path[-32:], USCC)
        assert (kept.of, kept.base, kept.values["/revision"]) == (stream, 1, "2") and kept.by == "Li"
        told = await client.post(path, data={**later, "version": "2", "do": "autosave"}, headers=partner)
        assert told.status_code == 409 and "Li changed this draft" in told.json()["said"]
        assert await drafts.sent(kept, stream, 2, "Li") and await drafts.sent(kept, stream, 2, "Li"), "it is gone"


@pytest.mark.parametrize("act", ["send", "delete"])
async def test_what_is_typed_into_a_draft_that_a_colleague_sent_or_deleted_becomes_a_new_one(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str], scene: dict[str, str], act: str
) -> None:
    path = draft()
    await client.post(path, data={**scene, "do": "save"}, headers=partner)
    await client.post(f"{path}/{act}", data={"version": "1"}, headers=partner)
    mine = {**scene, "version": "1", "/entry/title/en": "Typed on"}
    told = await client.post(path, data={**mine, "do": "autosave"}, headers=partner)
    assert told.status_code == 409 and "was sent or deleted meanwhile, or had expired." in told.json()["said"]
    for do in ("save", "check", "add:/entry/needs"):
        kept = await client.post(path, data={**mine, "do": do}, headers=partner)
        assert kept.status_code == 409 and 'value="Typed on"' in kept.text and "Save it as a new draft" in kept.text
        assert "It was sent or deleted meanwhile, or had expired." in kept.text
        assert (f'href="/submissions/{USCC}/{scene["/reference"]}"' in kept.text) is (act == "send")
    new = re.search(r'action="(/submissions/drafts/\w+)"', kept.text)
    assert new and new[1] != path
    saved = await client.post(new[1], data={**mine, "version": "0", "do": "save"}, headers=partner)
    assert saved.headers["location"] == new[1]
    assert 'value="Typed on"' in (await client.get(new[1], headers=partner)).text


async def test_what_changed_since_it_was_checked_is_not_sent(
    client: httpx2.AsyncClient, key: dict[str, str], partner: dict[str, str], scene: dict[str, str]
) -> None:
    path = draft()
    await client.post(path, data={**scene, "do": "save"}, headers=partner)
    answer = await client.post(f"{path}/send", data={"version": "0"}, headers=partner)
    assert answer.headers["location"] == f"{path}/check"
    assert (await client.get(f"/submissions/{USCC}/{scene['/reference']}", headers=key)).status_code == 404


async def test_a_draft_is_its_partners_alone(
    client: httpx2.AsyncClient,
    settings: Settings,
    key: dict[str, str],
    partner: dict[str, str],
    scene: dict[str, str],
) -> None:
    path = draft()
    await client.post(path, data={**scene, "do": "save"}, headers=partner)
    stranger = HTML | signed_in(settings, "partner", partner=OTHER)
    assert "There is no draft." in (await client.get("/submissions/drafts", headers=stranger)).text
    for method, address in (("GET", path), ("POST", path), ("GET", f"{path}/check"), ("POST", f"{path}/send")):
        answer = await client.request(method, address, data=scene if method == "POST" else None, headers=stranger)
        assert answer.status_code == 404, address
    await client.post(f"{path}/delete", headers=stranger)
    assert (await client.get(path, headers=partner)).status_code == 200
    operator = HTML | signed_in(settings, "operator")
    assert (await client.get(path, headers=operator)).status_code == 403
    assert (await client.post(f"{path}/delete", headers=partner)).status_code == 303
    assert (await client.get(path, headers=partner)).status_code == 404


async def test_drafts_end_by_themselves_and_are_no_history(
    app: FastAPI, client: httpx2.AsyncClient, settings: Settings, partner: dict[str, str], scene: dict[str, str]
) -> None:
    await client.post(draft(), data={**scene, "do": "save"}, headers=partner)
    async with mongo(settings) as connection:
        database = connection[settings.database("submissions")]
        indexes = (await database["drafts"].index_information()).values()
        assert [index["expireAfterSeconds"] for index in indexes if "expireAfterSeconds" in index] == [90 * 24 * 3600]
        assert await database["submissions"].count_documents({}) == 0


async def test_too_much_is_told_before_it_is_read(
    client: httpx2.AsyncClient, partner: dict[str, str], scene: dict[str, str]
) -> None:
    for length in (1_000_001, 10_000_001):
        huge = {**scene, "/entry/summary/zh": "x" * length, "do": "save"}
        answer = await client.post(draft(), data=huge, headers=partner)
        assert answer.status_code == 413 and "1,000,000 characters" in answer.text
