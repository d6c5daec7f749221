"""From an agency nobody knows yet to a reader's mailbox: each does their part in a browser, by links and buttons."""

import json
import re
import time
from datetime import date
from typing import Any

import httpx2
from playwright.sync_api import Page, expect
from pymongo import AsyncMongoClient

from deploy.local.sample.generate import handwritten, partners
from deploy.local.table import Stack
from publishing.domain import RELEASES
from publishing.domain.release import Open
from runtime.streams import Streams
from submissions.intake import now
from tests.journeys.conftest import Visit, aside, go, reload_until

PARTNER = partners()[0]
MONTH = date.today().strftime("%Y-%m")
READER = "journey@example.org"


def scene() -> dict[str, Any]:
    mine = (line for line in handwritten("scene") if line["entry"]["owner"]["uscc"] == PARTNER["uscc"])
    return next(mine)


async def open_month_of_one(stack: Stack) -> None:
    """The pages open months of 100 + 100; this one is full with a single scene."""
    async with AsyncMongoClient[Any](stack.settings.mongo_url) as mongo:
        releases = Streams(mongo[stack.settings.database("publishing")], RELEASES)
        await releases.handle([Open(stream=MONTH, targets={"scene": 1}, cause="test", actor="user:test", at=now())])


def register_the_partner(operator: Page) -> None:
    go(operator, "Partners")
    operator.get_by_label("Unified social credit code").fill(PARTNER["uscc"])
    operator.get_by_label("Name in Chinese").fill(PARTNER["name"]["zh"])
    operator.get_by_label("Name in English").fill(PARTNER["name"]["en"])
    operator.get_by_label("Agency").check()
    operator.get_by_role("button", name="Register").click()
    expect(operator.get_by_role("cell", name=PARTNER["uscc"])).to_be_visible()


def issue_a_key(partner: Page) -> str:
    go(partner, "Submit")
    go(partner, "API keys")
    partner.get_by_label("What will use it").fill("ERP")
    partner.get_by_role("button", name="Issue the key").click()
    key = partner.locator("pre.sq-raw").inner_text()
    go(partner, "API keys")
    expect(partner.get_by_text(key)).to_have_count(0)
    return key


def send_a_bad_and_a_good_entry(partner: Page, stack: Stack, key: str) -> None:
    bad = scene() | {"reference": "SC-BAD"}
    bad["entry"] = bad["entry"] | {"closes": "2020-01-01"}
    go(partner, "My submissions")
    partner.get_by_role("link", name="Send entries").first.click()
    partner.get_by_role("link", name="JSON").click()
    partner.locator("#text").fill(json.dumps(bad, ensure_ascii=False))
    partner.get_by_role("button", name="Send", exact=True).click()
    expect(partner.get_by_text("The dates are out of order").first).to_be_visible()
    sent = httpx2.post(
        f"{stack.url('submissions')}/submissions", json=scene(), headers={"Authorization": f"Bearer {key}"}
    )
    assert sent.status_code == 201


def review(page: Page, verdict: str, comment: str = "") -> None:
    go(page, "Review desk")
    reload_until(page, "Review the next case")
    page.get_by_role("button", name="Review the next case").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(scene()["entry"]["title"]["en"])
    give(page, verdict, comment)


def give(page: Page, verdict: str, comment: str = "") -> None:
    """Fill in and give the review of the case that the page shows."""
    for criterion in page.locator("fieldset").filter(has=page.locator("input[value='4']")).all():
        criterion.locator("input[value='4']").check()
    page.locator(f"input[name='verdict'][value='{verdict}']").check()
    page.locator("#comment").fill(comment)
    page.get_by_role("button", name="Give the review").click()


def test_a_submission_is_sent_back_revised_approved_published_told_and_proved(stack: Stack, visit: Visit) -> None:
    title = scene()["entry"]["title"]
    register_the_partner(visit("operator-zheng"))

    partner = visit("partner-chen")
    key = issue_a_key(partner)
    send_a_bad_and_a_good_entry(partner, stack, key)

    reader = visit()
    go(reader, "Subscribe")
    reader.get_by_label("Email").check()
    reader.get_by_label("Where to?").fill(READER)
    reader.get_by_role("button", name="Subscribe").click()
    confirm(reader, stack)

    own = visit("reviewer-qian")  # works for the partner
    go(own, "Review desk")
    expect(own.get_by_text("no case awaits your review")).to_be_visible()
    review(visit("reviewer-li"), "request-changes", "Please say how results will be measured.")
    review(visit("reviewer-wang"), "request-changes", "Measures are missing.")

    go(partner, "My submissions")
    reload_until(partner, "Waiting for you")
    partner.get_by_role("link", name=title["en"]).click()
    reload_until(partner, "Please say how results will be measured.")
    partner.get_by_role("button", name="Change it in the form").click()
    summary = partner.get_by_role("group", name="Summary").get_by_label("In English")
    summary.fill(summary.input_value() + " Results are measured each month.")
    partner.get_by_role("button", name="Check your answers").click()
    partner.get_by_role("button", name="Send", exact=True).click()
    expect(partner.get_by_role("heading", level=1)).to_have_text("Received")

    second = visit("reviewer-zhang")
    review(second, "approve")
    third = visit("reviewer-zhao")
    go(third, "Review desk")
    third.get_by_role("button", name="Review the next case").click()
    expect(third.get_by_role("heading", name="What was asked then")).to_be_visible()
    give(third, "approve")

    aside(open_month_of_one(stack))
    publisher = visit("publisher-wu")
    go(publisher, "Releases")
    publisher.locator(f"main a[href='/releases/{MONTH}']").first.click()
    reload_until(publisher, title["en"])
    publisher.get_by_role("button", name="Fill up").click()
    publisher.get_by_role("link", name="Freeze…").click()
    publisher.get_by_role("button", name="Freeze").click()
    assert httpx2.get(f"{stack.url('publishing')}/catalogue.json").json()["total"] == 0
    publisher.get_by_role("link", name="Publish…").click()
    publisher.get_by_role("button", name="Publish to the world").click()

    for language, link in (("en", "Catalogue"), ("zh", "场景与产品")):
        public = visit(language=language)
        go(public, link)
        public.locator("select[name='kind']").select_option("scene")
        public.get_by_role("button", name={"en": "Show", "zh": "显示"}[language]).click()
        expect(public).to_have_url(re.compile("kind=scene"))
        public.get_by_role("link", name=title[language]).click()
        expect(public.get_by_role("heading", level=1)).to_contain_text(title[language])

    messages = f"{stack.inbox_url}/messages?to={READER}"
    reload_mail(messages, title["en"])
    auditor = visit("auditor-feng")
    go(auditor, "Audit")
    auditor.get_by_role("button", name="Replay now").first.click()
    expect(auditor.locator(".sq-verdict__word")).to_have_text(re.compile("Equal", re.IGNORECASE), timeout=60_000)

    go(partner, "API keys")
    partner.get_by_role("link", name="ERP", exact=True).click()
    partner.get_by_role("button", name="Revoke the key").click()
    refused = httpx2.post(
        f"{stack.url('submissions')}/submissions", json=scene(), headers={"Authorization": f"Bearer {key}"}
    )
    assert refused.status_code == 401


def confirm(reader: Page, stack: Stack) -> None:
    """Open the mail in the inbox, follow its link, and confirm."""
    text = reload_mail(f"{stack.inbox_url}/messages?to={READER}", "/subscriptions/confirm")
    found = re.search(r"https?://\S+/subscriptions/confirm\?token=\S+", text)
    assert found
    reader.goto(found[0])
    reader.get_by_role("button", name="Confirm").click()
    expect(reader.get_by_role("heading", level=1)).to_be_visible()


def reload_mail(address: str, text: str) -> str:
    """The text of the first message that says `text`."""
    for _ in range(200):
        for message in httpx2.get(address).json():
            if text in message["text"]:
                return str(message["text"])
        time.sleep(0.15)
    raise AssertionError(f"no mail says {text}")
