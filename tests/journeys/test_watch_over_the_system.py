"""The auditor and the operator at work: a field changed by hand is found; a parked stream is found and sent on.

In this order: what cannot be decoded stays on Kafka, and no replay after it is equal.
"""

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kafka import KafkaProducer
from playwright.sync_api import Browser, Page, expect
from pymongo import MongoClient

from deploy.local.table import Stack
from schemas.asyncapi import examples
from tests.journeys.conftest import Visit, go, reload_until
from tests.journeys.look import look


def test_an_auditor_finds_a_field_changed_by_hand(stack: Stack, visit: Visit) -> None:
    with MongoClient[Any](stack.settings.mongo_url, w="majority") as mongo:
        subscriptions = mongo[stack.settings.database("notifications")]["subscriptions"]
        auditor = visit("auditor-feng")
        before = make_a_subscription(visit, stack, subscriptions)
        subscriptions.update_one({"_id": before["_id"]}, {"$set": {"state.language": "zh"}})
        assert replayed(auditor) == "differs"
        expect(auditor.get_by_text(before["_id"]).first).to_be_visible()
        expect(auditor.get_by_text("/language").first).to_be_visible()
        assert look(auditor, "replay-that-differs-en") == []
        auditor.get_by_role("link", name=before["_id"]).first.click()
        expect(auditor.get_by_role("heading", name="1 Subscription requested")).to_be_visible()
        assert look(auditor, "stream-en") == []
        subscriptions.update_one({"_id": before["_id"]}, {"$set": {"state": before["state"]}})
        assert replayed(auditor) == "equal"


def make_a_subscription(visit: Visit, stack: Stack, subscriptions: Any) -> Any:
    """Somebody subscribes in English; the stream as it is stored."""
    known = {document["_id"] for document in subscriptions.find({}, {"_id": 1})}
    reader = visit()
    go(reader, "Subscribe")
    reader.get_by_label("Email").check()
    reader.get_by_label("Where to?").fill("changed@example.org")
    reader.get_by_role("button", name="Subscribe").click()
    expect(reader).to_have_url(re.compile("check-your-mail"))
    return next(document for document in subscriptions.find() if document["_id"] not in known)


def replayed(auditor: Page) -> str:
    """Replay by the button; `equal` or `differs`."""
    go(auditor, "Audit")
    auditor.get_by_role("button", name="Replay now").first.click()
    word = auditor.locator(".sq-verdict__word")
    expect(word).to_have_text(re.compile("equal|differ", re.IGNORECASE), timeout=60_000)
    return "equal" if "equal" in word.inner_text().lower() else "differs"


def test_an_operator_finds_a_parked_stream_and_sends_it_on_which_says_why_it_still_cannot(
    stack: Stack, visit: Visit
) -> None:
    wrote(stack, b"broken/stream", b"\xff no event")
    operator = visit("operator-zheng")
    go(operator, "Operations")
    go_to_tab(operator, "Review")
    reload_until(operator, "broken/stream")
    operator.get_by_role("link", name="broken/stream").click()
    expect(operator.get_by_text("not JSON").first).to_be_visible()
    operator.get_by_role("button", name=re.compile("Send on again")).click()
    expect(operator.get_by_text("The next one still cannot be handled")).to_be_visible()
    operator.get_by_role("link", name="broken/stream").click()
    mended = examples()["partner.key-issued.v1"] | {"id": "broken/stream/1", "subject": "broken/stream"}
    have_handled(operator, json.dumps(mended | {"type": "partner.key-isued.v1"}))
    expect(operator.get_by_role("alert")).to_contain_text("This must be one of: partner.key-issued.v1")
    assert look(operator, "parked-refused-en") == []
    have_handled(operator, json.dumps(mended, ensure_ascii=False))
    expect(operator.get_by_text("What came stays beside it").first).to_be_visible()
    expect(operator.get_by_text("no event", exact=False).first).to_be_visible()
    operator.get_by_role("button", name=re.compile("Try it out")).click()
    expect(operator.get_by_text("Tried: all would be handled now, 1 in number")).to_be_visible()
    assert look(operator, "parked-mended-en") == []
    operator.get_by_role("button", name=re.compile("Send on again")).click()
    expect(operator.get_by_text("Sent on: 1 event, in order.")).to_be_visible()
    wrote(stack, b"somebody/else", b"hello")
    reload_until(operator, "somebody/else")
    operator.get_by_role("link", name="somebody/else").click()
    operator.get_by_role("button", name="Set aside").click()
    expect(operator.get_by_role("alert")).to_contain_text("Say in 1 to 500 characters")
    assert look(operator, "parked-foreign-en") == []
    operator.get_by_label("Or set it aside").fill("试接时写入")
    operator.get_by_role("button", name="Set aside").click()
    expect(operator.get_by_text("What came, and why it was passed over", exact=False)).to_be_visible()
    expect(operator.get_by_role("link", name="somebody/else")).to_have_count(0)
    auditor = visit("auditor-feng", language="zh")
    auditor.goto(f"{stack.url('review')}/operations/acts")
    expect(auditor.get_by_role("row")).to_have_count(6)
    assert look(auditor, "acts-zh") == []


def wrote(stack: Stack, key: bytes, value: bytes) -> None:
    """Somebody other than the relay writes to a history."""
    producer = KafkaProducer(**stack.settings.kafka)
    producer.send("submissions.events", key=key, value=value).get(timeout=10)
    producer.close()


def have_handled(operator: Page, body: str) -> None:
    """Put a body beside what is parked."""
    operator.get_by_label("Mend it").fill(body)
    operator.get_by_role("button", name="Have this handled in its place").click()


def go_to_tab(page: Page, name: str) -> None:
    page.get_by_role("main").get_by_role("link", name=name, exact=True).first.click()


def test_signing_in_asks_for_a_code_with_pkce_and_a_missing_role_gets_a_next_step(
    stack: Stack, browser: Browser, visit: Visit
) -> None:
    page = visit()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/oauth2/authorize" in request.url else None)
    page.get_by_role("link", name="Sign in").click()
    query = parse_qs(urlsplit(asked[0]).query)
    assert query["response_type"] == ["code"] and query["code_challenge_method"] == ["S256"]
    assert len(query["code_challenge"][0]) == 43 and query["state"] and query["nonce"]
    page.locator("button[value='reviewer-li']").click()
    answer = page.goto(f"{stack.url('publishing')}/releases")
    assert answer is not None and answer.status == 403
    expect(page.get_by_role("main").get_by_role("link").first).to_be_visible()


def test_the_address_of_a_service_leads_to_its_first_page(stack: Stack, visit: Visit) -> None:
    for sub, service, first in (
        ("partner-chen", "submissions", "/submissions"),
        ("reviewer-li", "review", "/cases"),
        ("auditor-feng", "audit", "/audit"),
        (None, "notifications", "/subscribe"),
    ):
        page = visit(sub)
        page.goto(stack.url(service))
        expect(page).to_have_url(stack.url(service) + first)
