"""Subscribing by program and by page: what is asked, what is refused, and what the owner of an address can do."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pymongo.asynchronous.database import AsyncDatabase

from notifications.__main__ import create_api
from notifications.agents import on_notifications, on_publishing
from notifications.desk import UNCONFIRMED_EACH
from notifications.domain.subscription import SUBSCRIPTIONS
from notifications.links import Links
from notifications.settings import Settings
from runtime.streams import Streams
from tests.notifications.conftest import Subscribers, all_are, sending, signed_in
from tests.notifications.events import PARTNER, published, release
from tests.notifications.receivers import mail_server, receiver
from tests.notifications.test_agents import own_events
from tests.support import eventually

Database = AsyncDatabase[Any]
HTML = {"accept": "text/html", "accept-language": "en"}
FORM = {"channel": "email", "address": "reader@example.org", "speaks": "en", "key": "k" * 32}


@pytest.fixture
async def api(settings: Settings, database: Database) -> AsyncIterator[httpx2.AsyncClient]:
    app = create_api(settings)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://localhost") as client:
        yield client


async def status(database: Database, id: str) -> str | None:
    return (await Streams(database, SUBSCRIPTIONS).get(id)).state.status


async def test_a_program_subscribes_a_webhook_which_is_active_once_it_answers(
    api: httpx2.AsyncClient, settings: Settings, database: Database
) -> None:
    with receiver(lambda _path, before: 404 if before == 0 else 200) as found:
        asked = {"channel": "webhook", "address": f"{found.url}/hook", "filter": {"kinds": ["scene"]}, "language": "en"}
        answer = await api.post("/subscriptions", json=asked)
        assert answer.status_code == 201
        made = answer.json()
        assert made["secret"].startswith("whsec_") and made["status"] == "requested"
        await on_notifications(database)(await own_events(database))
        async with sending(settings, database):
            await eventually(all_are(database, "delivered", 1))
        assert [call.headers["webhook-id"] for call in found.calls] == [f"{made['id']}:challenge"] * 2
    await on_notifications(database)(await own_events(database))
    shown = (await api.get(f"/subscriptions/{made['id']}", params={"token": made["token"]})).json()
    assert (shown["status"], shown["filter"]["kinds"]) == ("active", ["scene"])
    assert [one["attempt"] for one in shown["deliveries"]["latest"]] == [2]
    gone = await api.delete(f"/subscriptions/{made['id']}", params={"token": made["token"]})
    assert gone.status_code == 204
    assert await database["recipients"].count_documents({}) == 0


async def test_an_email_is_confirmed_by_a_press_of_the_button_behind_its_link(
    api: httpx2.AsyncClient, settings: Settings, database: Database, tmp_path: Path
) -> None:
    sent = await api.post("/subscribe", data=FORM, headers=HTML)
    assert (sent.status_code, sent.headers["location"]) == (303, "/subscribe/check-your-mail")
    await on_notifications(database)(await own_events(database))
    async with mail_server(tmp_path) as (port, mailbox):
        async with sending(settings.model_copy(update={"smtp_port": port}), database):
            await eventually(all_are(database, "delivered", 1))
    (mail,) = mailbox.messages
    assert mail.subject == "Please confirm your subscription · Shuangqian"
    link = re.search(r"http://\S+/subscriptions/confirm\?token=(\S+)", mail.text)
    assert link
    token, id = link[1], link[1].partition(".")[0]
    opened = await api.get("/subscriptions/confirm", params={"token": token}, headers=HTML)
    assert "Confirm your subscription" in opened.text
    assert await status(database, id) == "requested"  # opening the link, as mail scanners do, confirms nothing
    pressed = await api.post("/subscriptions/confirm", data={"token": token}, headers=HTML)
    assert pressed.status_code == 303
    assert await status(database, id) == "active"
    assert await database["recipients"].count_documents({"_id": id, "expires": {"$exists": False}}) == 1
    managed = await api.get(pressed.headers["location"], headers=HTML)
    assert "You hear of what is published since" in managed.text and "reader@example.org" in managed.text


async def test_a_form_sent_twice_subscribes_once(api: httpx2.AsyncClient, database: Database) -> None:
    for _ in range(2):
        assert (await api.post("/subscribe", data=FORM, headers=HTML)).status_code == 303
    assert await database["subscriptions"].count_documents({}) == 1


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"address": "reader"}, "Enter an email address in the form name@example.com"),
        ({"address": "a@b.c\r\nBcc: x@example.org"}, "Enter an email address in the form name@example.com"),
        ({"channel": "webhook", "address": "ftp://example.org/"}, "Enter an address that begins with https://"),
        ({"kinds": "dream"}, "Choose from the kinds shown"),
        ({"sectors": "dream"}, "Choose from the sectors shown"),
        ({"partners": "123"}, "Not a unified social credit code of 18 characters: 123"),
    ],
)
async def test_a_form_with_faults_comes_back_with_them(
    api: httpx2.AsyncClient, database: Database, change: dict[str, str], text: str
) -> None:
    answer = await api.post("/subscribe", data=FORM | change, headers=HTML)
    assert answer.status_code == 422
    assert answer.text.count(text) == 2  # in the summary, and at the field
    assert await database["subscriptions"].count_documents({}) == 0


async def test_a_program_gets_every_fault_with_its_pointer(api: httpx2.AsyncClient) -> None:
    asked = {"channel": "email", "address": "x", "filter": {"kinds": ["dream"], "partners": ["1"]}}
    answer = await api.post("/subscriptions", json=asked)
    assert answer.status_code == 422
    assert [finding["pointer"] for finding in answer.json()["findings"]] == [
        "/address",
        "/filter/kinds",
        "/filter/partners",
    ]


async def test_a_filter_that_is_misspelt_is_refused_for_it_would_mean_all(api: httpx2.AsyncClient) -> None:
    asked = {"channel": "email", "address": "reader@example.org", "filter": {"partner": ["91510106MA6RH83W82"]}}
    answer = await api.post("/subscriptions", json=asked)
    assert answer.status_code == 422
    assert [finding["pointer"] for finding in answer.json()["findings"]] == ["/body/filter/partner"]


async def test_who_asks_by_program_for_an_email_does_not_get_what_confirms_it(api: httpx2.AsyncClient) -> None:
    answer = await api.post("/subscriptions", json={"channel": "email", "address": "reader@example.org"})
    assert answer.status_code == 201
    assert set(answer.json()) == {"id", "status"}


async def test_a_correction_after_back_goes_to_the_corrected_address(
    api: httpx2.AsyncClient, database: Database
) -> None:
    for address in ("raeder@example.org", "reader@example.org"):
        assert (await api.post("/subscribe", data=FORM | {"address": address}, headers=HTML)).status_code == 303
    kept = [recipient["address"] async for recipient in database["recipients"].find()]
    assert sorted(kept) == ["raeder@example.org", "reader@example.org"]
    await on_notifications(database)(await own_events(database))
    assert await database["deliveries"].count_documents({}) == 2


@pytest.mark.parametrize("over", ["cancelled", "expired"])
async def test_what_is_over_can_be_asked_for_again_with_the_form_as_it_was(
    api: httpx2.AsyncClient, settings: Settings, database: Database, over: str
) -> None:
    asked = {"channel": "webhook", "address": "http://127.0.0.1/hook"}
    headers = {"Idempotency-Key": "8e03978e-40d5-43e8-bc93-6894a57f9324"}
    first = (await api.post("/subscriptions", json=asked, headers=headers)).json()
    if over == "cancelled":
        await api.delete(f"/subscriptions/{first['id']}", params={"token": first["token"]})
    else:
        await database["recipients"].delete_many({})
    again = (await api.post("/subscriptions", json=asked, headers=headers)).json()
    assert (await api.post("/subscriptions", json=asked, headers=headers)).json() == again
    assert again["id"] != first["id"] and await status(database, again["id"]) == "requested"
    assert [recipient["_id"] async for recipient in database["recipients"].find()] == [again["id"]]


async def test_the_same_key_lets_nobody_in_to_what_another_asked_for(
    api: httpx2.AsyncClient, database: Database
) -> None:
    asked: dict[str, Any] = {"channel": "webhook", "address": "http://127.0.0.1/mine", "filter": {"kinds": ["scene"]}}
    others: list[dict[str, Any]] = [
        {"address": "http://127.0.0.1/theirs"},
        {"filter": {"kinds": ["product"]}},
        {"language": "en"},
    ]
    headers = {"Idempotency-Key": "k" * 32}
    mine = (await api.post("/subscriptions", json=asked, headers=headers)).json()
    assert (await api.post("/subscriptions", json=asked, headers=headers)).json() == mine
    for other in others:
        theirs = (await api.post("/subscriptions", json=asked | other, headers=headers)).json()
        assert not set(mine.values()) & set(theirs.values()) - {"requested"}


async def test_a_key_that_could_be_guessed_is_refused(api: httpx2.AsyncClient, database: Database) -> None:
    asked = {"channel": "webhook", "address": "http://127.0.0.1/hook"}
    answer = await api.post("/subscriptions", json=asked, headers={"Idempotency-Key": "1", "Accept-Language": "en"})
    assert answer.status_code == 422
    assert answer.json()["findings"][0]["text"] == "This must have at least 32 characters."
    assert await database["recipients"].count_documents({}) == 0


async def test_nobody_can_be_flooded_with_requests_to_confirm(api: httpx2.AsyncClient) -> None:
    most = UNCONFIRMED_EACH["email"]
    spelt = ["victim@example.org", "Victim@example.org", "victim@Example.org", "VICTIM@EXAMPLE.ORG"]
    asked = [{"channel": "email", "address": address} for address in spelt]
    keys = [{"Idempotency-Key": str(n) * 32} for n in range(len(asked))]
    answers = [await api.post("/subscriptions", json=one, headers=key) for one, key in zip(asked, keys, strict=True)]
    assert [answer.status_code for answer in answers] == [201] * most + [429]
    # Who sends the last of them again is answered as before: nothing more goes out for it.
    again = await api.post("/subscriptions", json=asked[most - 1], headers=keys[most - 1])
    assert (again.status_code, again.json()) == (201, answers[most - 1].json())


async def test_nor_can_a_host_be_flooded_with_calls_to_confirm(api: httpx2.AsyncClient) -> None:
    most = UNCONFIRMED_EACH["webhook"]
    asked = [{"channel": "webhook", "address": f"http://127.0.0.1/?n={n}"} for n in range(most + 1)]
    answers = [await api.post("/subscriptions", json=one, headers={"Accept-Language": "en"}) for one in asked]
    assert [answer.status_code for answer in answers] == [201] * most + [429]
    assert "This host has too many" in answers[-1].json()["title"]
    elsewhere = {"channel": "webhook", "address": "http://127.0.0.2/"}
    assert (await api.post("/subscriptions", json=elsewhere)).status_code == 201


async def test_a_wrong_token_finds_nothing(
    api: httpx2.AsyncClient, settings: Settings, subscribers: Subscribers
) -> None:
    await subscribers.add("one", "reader@example.org", "email")
    other = Links.of(settings).token("other")
    for token in (other, "one.", "one." + "A" * 32, "é"):
        for path in ("/subscriptions/one", "/subscriptions/confirm"):
            assert (await api.get(path, params={"token": token})).status_code == 404
        assert (await api.post("/subscriptions/one/unsubscribe", params={"token": token})).status_code == 404


async def test_one_click_unsubscribes_and_erases_and_opening_the_link_does_not(
    api: httpx2.AsyncClient, settings: Settings, database: Database, subscribers: Subscribers
) -> None:
    await subscribers.add("one", "reader@example.org", "email")
    url = Links.of(settings).unsubscribe("one").removeprefix(settings.notifications_url)
    assert (await api.get(url, headers=HTML)).status_code == 303
    assert await status(database, "one") == "active"
    for _ in range(2):
        assert (await api.post(url, data={"List-Unsubscribe": "One-Click"})).status_code == 200
    assert await status(database, "one") == "cancelled"
    assert await database["recipients"].count_documents({}) == 0


async def test_a_suspended_subscription_says_why_and_is_resumed(
    api: httpx2.AsyncClient, settings: Settings, database: Database, subscribers: Subscribers
) -> None:
    with receiver(lambda _path, _before: 410) as found:
        await subscribers.add("hook", f"{found.url}/hook")
        await on_publishing(database)([published(1)])
        async with sending(settings, database):
            await eventually(all_are(database, "abandoned", 1))
    await on_notifications(database)(await own_events(database))
    assert await status(database, "hook") == "suspended"
    links = Links.of(settings)
    shown = await api.get(links.manage_path("hook"), headers=HTML)
    assert "Messages could not be delivered (HTTP 410), so no more are sent." in shown.text and "Resume" in shown.text
    resumed = await api.post(f"/subscriptions/hook/resume?token={links.token('hook')}", headers=HTML)
    assert resumed.status_code == 303
    await on_notifications(database)(await own_events(database))  # redelivered: it was abandoned before
    assert await status(database, "hook") == "active"


async def test_one_entry_is_not_said_to_be_several(
    api: httpx2.AsyncClient, settings: Settings, database: Database, subscribers: Subscribers
) -> None:
    await subscribers.add("mail", "reader@example.org", "email")
    await on_publishing(database)([release([published(1)])])
    await database["editions"].delete_many({})  # while it is rebuilt
    shown = await api.get(Links.of(settings).manage_path("mail"), headers=HTML)
    assert "March 2026: 1 entry\n" in shown.text or "March 2026: 1 entry<" in shown.text
    assert "1 entries" not in shown.text


async def test_an_operator_sees_what_fails_and_has_it_tried_again_once_somebody_hears_of_it(
    api: httpx2.AsyncClient, settings: Settings, database: Database, subscribers: Subscribers
) -> None:
    id = f"hook:{PARTNER}/E-1@1"
    cookies = "; ".join(f"{name}={value}" for name, value in signed_in(settings, "operator").items())
    mine, failed = {**HTML, "cookie": cookies}, {"id": id}
    with receiver(lambda _path, before: 500 if before < 10 else 200) as found:
        await subscribers.add("hook", f"{found.url}/hook")
        await on_publishing(database)([published(1)])
        async with sending(settings.model_copy(update={"retry_scale": 0.0}), database):
            await eventually(all_are(database, "abandoned", 1))
            await on_notifications(database)(await own_events(database))
            refused = await api.post("/deliveries/retry", data=failed, headers=mine)
            assert refused.status_code == 409
            assert "suspended (HTTP 500)" in refused.text and "Resume" in refused.text
            shown = await api.get("/deliveries", headers=mine)
            assert "HTTP 500" in shown.text and id in shown.text
            token = Links.of(settings).token("hook")
            await api.post(f"/subscriptions/hook/resume?token={token}", headers=HTML)
            again = await api.post("/deliveries/retry", data=failed, headers=mine)
            assert again.status_code == 303
            await eventually(all_are(database, "delivered", 1))
        await api.post(f"/subscriptions/hook/cancel?token={token}", headers=HTML)
        over = await api.post("/deliveries/retry", data=failed, headers=mine)
        assert over.status_code == 409 and "Its subscription is over" in over.text
        nothing = await api.post("/deliveries/retry", data={"id": "no"}, headers=mine)
        assert nothing.status_code == 404
    api.cookies.clear()
    assert (await api.get("/deliveries", headers=HTML)).headers["location"].startswith("/sign-in")
    other = "; ".join(f"{name}={value}" for name, value in signed_in(settings, "reviewer").items())
    assert (await api.get("/deliveries", headers={**HTML, "cookie": other})).status_code == 403
