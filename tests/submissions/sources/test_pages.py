"""What partners see and do with sources, by page and by program; a token is neither shown nor kept in history."""

import re
from typing import Any

import httpx2
import pytest
from pymongo.asynchronous.database import AsyncDatabase

from runtime.settings import Settings
from schemas.envelope import Json
from submissions.sources import take
from submissions.sources.asked import Asked
from submissions.sources.desk import SourceDesk
from submissions.sources.secret import Secrets
from tests.submissions.given import OTHER, USCC, key_of, samples, signed_in, submission
from tests.submissions.sources.conftest import Fetching
from tests.submissions.sources.servers import Partner, entries
from tests.submissions.sources.test_story import Watched

HTML = {"Accept": "text/html,application/xhtml+xml", "Accept-Language": "en"}
PATH = f"/sources/{USCC}/list"


@pytest.fixture
def mine(settings: Settings) -> dict[str, str]:
    return HTML | signed_in(settings, "partner", partner=USCC)


def form(site: Partner, **fields: Any) -> dict[str, Any]:
    told = {"name": "list", "address": f"{site.url}/list", "format": "json", "pointer": "", "content": "entries"}
    return {**told, "every_minutes": "60", "language": "en", "token": "", "act": "save", **fields}


async def test_an_empty_page_says_how_to_start(client: httpx2.AsyncClient, mine: dict[str, str]) -> None:
    body = (await client.get("/sources", headers=mine)).text
    assert "There is no source yet." in body and 'href="/sources/new"' in body


async def test_a_source_is_tried_before_it_is_added_and_trying_writes_nothing(
    client: httpx2.AsyncClient, mine: dict[str, str], site: Partner, database: AsyncDatabase[Json]
) -> None:
    site.answers["/list"] = entries(submission("a"), submission("b", maturity=0))
    tried = await client.post("/sources/new", data=form(site, act="try", token="s3cret"), headers=mine)
    assert tried.status_code == 200 and "Nothing was written" in tried.text and "s3cret" not in tried.text
    assert re.search(r"New</dt>\s*<dd[^>]*>\s*1\s", tried.text) and "<code>/entry/maturity</code>" in tried.text
    for collection in ("submissions", "sources", "schedules", "listed", "fetches", "source_secrets"):
        assert await database[collection].count_documents({}) == 0, collection
    added = await client.post("/sources/new", data=form(site), headers=mine)
    assert (added.status_code, added.headers["location"]) == (303, PATH)
    shown = (await client.get(PATH, headers=mine)).text
    assert "It was not fetched yet." in shown and f"{site.url}/list" in shown


async def test_a_linkage_is_tried_with_the_scene_and_product_that_the_same_source_lists(
    client: httpx2.AsyncClient, mine: dict[str, str], site: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(take, "BATCH_LINES", 1)  # they come in different batches
    kinds = {each["entry"]["kind"]: each["entry"] for each in samples()}
    owner = submission()["entry"]["owner"]
    names = {"scene": f"{USCC}/tunnel", "product": f"{USCC}/robot"}
    listed = [("tunnel", kinds["scene"]), ("robot", kinds["product"]), ("link", kinds["linkage"] | names)]
    site.answers["/list"] = entries(
        *({"reference": name, "revision": 1, "entry": said | {"owner": owner}} for name, said in listed)
    )
    tried = await client.post("/sources/new", data=form(site, act="try"), headers=mine)
    assert tried.status_code == 200 and re.search(r"New</dt>\s*<dd[^>]*>\s*3\s", tried.text), tried.text


async def test_every_page_speaks_both_languages(
    client: httpx2.AsyncClient, key: dict[str, str], mine: dict[str, str], site: Partner, fetching: Fetching,
    settings: Settings,
) -> None:  # fmt: skip
    site.answers["/list"] = entries(submission("a"), submission("b"), submission("c", maturity=0))
    await client.post("/sources/new", data=form(site), headers=mine)
    fetches = Watched(client, key)
    async with fetching():
        await fetches.next()
        site.answers["/list"] = entries()
        await fetches.next(ask=True)
        site.answers["/list"] = lambda handler: handler.say(b"", 500)
        await fetches.next(ask=True)
    operator = HTML | signed_in(settings, "operator")
    own = [*("/sources", "/sources/new", PATH), f"{PATH}/change", f"{PATH}/remove"]
    for who, paths in ((mine, own), (operator, ["/sources", PATH])):
        for path in paths:
            for language, tag in (("zh", "zh-Hans-CN"), ("en", "en")):
                answer = await client.get(path, headers=who, params={"lang": language})
                assert answer.status_code == 200, path
                assert f'<html lang="{tag}"' in answer.text and answer.text.count("<h1") == 1, path
    shown = (await client.get(PATH, headers=mine)).text
    assert "It answered with HTTP 500 instead of 200." in shown and "Are these entries to be withdrawn?" in shown
    seen = (await client.get(PATH, headers=operator)).text
    assert "<form" not in seen.partition("<main")[2] and USCC in (await client.get("/sources", headers=operator)).text


async def test_every_fault_of_a_form_is_told_at_once_and_what_was_given_is_kept(
    client: httpx2.AsyncClient, mine: dict[str, str], site: Partner
) -> None:
    wrong = form(site, name="A b", address="ftp://x", format="xml", pointer="data", every_minutes="1", language="fr")
    answer = await client.post("/sources/new", data={**wrong, "content": "", "token": "a b\n"}, headers=mine)
    assert answer.status_code == 422 and answer.text.count('class="govuk-error-message"') == 8
    assert 'value="ftp://x"' in answer.text and 'value="A b"' in answer.text
    for field in ("name", "address", "format", "pointer", "content", "every_minutes", "language", "token"):
        assert f'href="#{field}"' in answer.text and f'id="{field}"' in answer.text


async def test_a_secret_in_an_address_is_asked_for_as_a_token(
    client: httpx2.AsyncClient, mine: dict[str, str], site: Partner
) -> None:
    for query in ("access_token=1", "page=1&key=2", "api-key=3", "Signature=4"):
        answer = await client.post("/sources/new", data=form(site, address=f"{site.url}/?{query}"), headers=mine)
        assert answer.status_code == 422 and "enter it as the token" in answer.text, query


async def test_a_source_is_changed_paused_resumed_and_removed(
    client: httpx2.AsyncClient, key: dict[str, str], mine: dict[str, str], site: Partner
) -> None:
    await client.post("/sources/new", data=form(site), headers=mine)
    changed = await client.post(f"{PATH}/change", data=form(site, every_minutes="1440"), headers=mine)
    assert changed.status_code == 303 and "every 24 hours" in (await client.get(PATH, headers=mine)).text
    for act, standing in (("pause", "asked"), ("resume", "new")):
        assert (await client.post(f"{PATH}/{act}", headers=mine)).status_code == 303
        assert (await client.get(PATH, headers=key)).json()["standing"] == standing
    assert (await client.post(f"{PATH}/dance", headers=mine)).status_code == 404
    assert "stay as they are" in (await client.get(f"{PATH}/remove", headers=mine)).text
    assert (await client.post(f"{PATH}/remove", headers=mine)).headers["location"] == "/sources"
    assert "There is no source yet." in (await client.get("/sources", headers=mine)).text


async def test_a_token_is_never_shown_and_never_in_history(
    client: httpx2.AsyncClient, key: dict[str, str], mine: dict[str, str], site: Partner,
    database: AsyncDatabase[Json], settings: Settings,
) -> None:  # fmt: skip
    await client.post("/sources/new", data=form(site, token="s3cret-t0ken"), headers=mine)
    source, address = f"{USCC}/source:list", f"{site.url}/list"
    secrets = Secrets(database, settings)
    assert await secrets.open(source, address) == "s3cret-t0ken"
    pages = [(await client.get(path, headers=mine)).text for path in (PATH, f"{PATH}/change", "/sources")]
    told = [(await client.get(path, headers=key)).text for path in (PATH, "/sources")]
    kept = [str(await database[name].find().to_list()) for name in await database.list_collection_names()]
    assert not any("s3cret-t0ken" in each for each in (*pages, *told, *kept))
    # Saved again without one, it stays; it opens for its own host and under its own session secret alone.
    await client.post(f"{PATH}/change", data=form(site, every_minutes="30"), headers=mine)
    assert await secrets.open(source, f"{site.url}/other") == "s3cret-t0ken"
    for other, to in ((settings, "https://elsewhere.example/"), (Settings(session_secret="another"), address)):
        with pytest.raises(LookupError):
            await Secrets(database, other).open(source, to)
    # For another host it is forgotten; nobody gets it there by a change of address.
    moved = form(site, address=address.replace("127.0.0.1", "localhost"))
    await client.post(f"{PATH}/change", data=moved, headers=mine)
    assert not await secrets.has(source)


async def test_nobody_sees_or_does_what_is_anothers(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str], mine: dict[str, str], site: Partner
) -> None:
    await client.post("/sources/new", data=form(site), headers=mine)
    other = await key_of(client, settings, OTHER)
    others = HTML | signed_in(settings, "partner", partner=OTHER)
    for who in (other, others):
        assert (await client.get(PATH, headers=who)).status_code == 404
        for act in ("pause", "fetch", "remove" if who is others else "resume"):
            assert (await client.post(f"{PATH}/{act}", headers=who)).status_code == 404
    assert (await client.delete(PATH, headers=other)).status_code == 404
    assert (await client.put(PATH, json={"address": site.url}, headers=other)).status_code == 404
    assert (await client.get("/sources", headers=other)).json() == []
    client.cookies.clear()  # of whoever signed in last
    assert (await client.get("/sources")).status_code == 401
    operator = signed_in(settings, "operator")
    assert (await client.post("/sources", json={"name": "x", "address": site.url}, headers=operator)).status_code == 403


async def test_programs_add_and_change_sources_and_are_told_what_is_wrong(
    client: httpx2.AsyncClient, key: dict[str, str], site: Partner
) -> None:
    asked = {"name": "list", "address": f"{site.url}/list"}
    added = await client.post("/sources", json=asked, headers=key)
    assert (added.status_code, added.headers["location"]) == (201, PATH)
    assert (await client.post("/sources", json=asked, headers=key)).status_code == 201  # the same again is harmless
    taken = await client.post("/sources", json={**asked, "every_minutes": 30}, headers=key)
    assert (taken.status_code, taken.json()["type"]) == (409, "urn:shuangqian:problem:source-taken")
    for wrong, pointers in (
        ({"name": "B", "token": "a b"}, ["/body/token", "/body/name"]),
        ({"address": "ftp://x", "every_minutes": 4}, ["/address", "/every_minutes"]),
        ({"every_minute": 4}, ["/body/every_minute"]),
    ):
        bad = await client.post("/sources", json=asked | wrong, headers=key)
        assert (bad.status_code, [each["pointer"] for each in bad.json()["findings"]]) == (422, pointers)
    changed = await client.put(PATH, json={"address": f"{site.url}/new", "every_minutes": 30}, headers=key)
    assert (changed.json()["address"], changed.json()["every_minutes"]) == (f"{site.url}/new", 30)
    site.answers["/list"] = entries(submission("a"), submission("b"))
    tried = (await client.post("/sources:try", json=asked, headers=key)).json()
    assert (tried["status"], tried["counts"]["received"]) == ("taken", 2)


async def test_a_partner_may_have_so_many_sources_and_no_more(
    client: httpx2.AsyncClient, key: dict[str, str], site: Partner
) -> None:
    for number in range(20):
        assert (await client.post("/sources", json={"name": f"n{number}", "address": site.url}, headers=key)).is_success
    more = await client.post("/sources", json={"name": "more", "address": site.url}, headers=key)
    assert (more.status_code, more.json()["type"]) == (409, "urn:shuangqian:problem:sources-full")


async def test_addresses_that_lead_inward_are_refused_where_no_setting_allows_them(
    mongo: str, client: httpx2.AsyncClient, database: AsyncDatabase[Json], settings: Settings
) -> None:
    strict = SourceDesk(database, settings.model_copy(update={"sources_to_private_addresses": False}))
    for address in ("https://127.0.0.1/", "http://example.com/", "https://example.com:22/", "https://[::1]/"):
        asked = Asked("x", address, "json", "", "entries", 60, "en")
        assert set(strict.faults(asked)) == {"address"}
    # A name is judged when it is fetched.
    result = await strict.attempt(USCC, Asked("x", "https://localhost:8443/", "json", "", "entries", 60, "en"))
    assert result.status == "failed" and result.error is not None and result.error.code == "private"
