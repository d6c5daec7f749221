"""A reader subscribes by mail to one partner, hears of its month in one message, and leaves."""

import re

from playwright.sync_api import Browser, Page, expect

from deploy.local.table import Stack
from tests.journeys.conftest import Visit, aside, go, reload_until
from tests.journeys.given import lines, partner_of, published
from tests.journeys.look import look

READER = "reader-of-tang@example.org"
PARTNER = "partner-tang"
MONTH = "2027-03"


def open_mail(inbox: Page, subject: str, link: str) -> Page:
    """Open the reader's newest message with this subject, follow one of its links: where it leads."""
    message = inbox.get_by_role("listitem").filter(has_text=READER).filter(has_text=subject)
    for _ in range(60):
        inbox.goto("/")
        if message.count():
            break
        inbox.wait_for_timeout(250)
    message.first.get_by_role("link").click()
    inbox.locator(f"pre a[href*='{link}']").first.click()
    return inbox


def test_a_reader_hears_of_a_month_in_one_message_and_leaves(stack: Stack, visit: Visit, browser: Browser) -> None:
    reader = visit()
    go(reader, "Subscribe")
    reader.get_by_label("Of which partners?").fill(partner_of(stack, PARTNER)["uscc"])
    reader.get_by_label("Where to?").fill("not an address")
    reader.get_by_role("button", name="Subscribe").click()
    expect(reader.get_by_role("alert")).to_be_visible()
    assert look(reader, "subscribe-with-an-error-en") == []
    reader.get_by_label("Where to?").fill(READER)
    reader.get_by_role("button", name="Subscribe").click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("Check your mail")
    assert look(reader, "subscribe-check-your-mail-en") == []

    inbox = browser.new_context(base_url=stack.inbox_url, locale="en-GB").new_page()
    open_mail(inbox, "Confirm", "/subscriptions/confirm")
    assert look(inbox, "subscribe-confirm-en") == []
    inbox.get_by_role("button", name="Confirm").click()
    expect(inbox.get_by_text("You will hear of everything")).to_be_visible()

    wanted = [*lines(stack, PARTNER, "scene", 1, 601), *lines(stack, PARTNER, "product", 1, 601)]
    aside(published(stack, MONTH, PARTNER, wanted))
    reload_until(inbox, re.compile("March 2027: 2 entries"))
    assert look(inbox, "subscribe-manage-en") == []

    open_mail(inbox, "March 2027", "/catalogue/")
    titles = [line["entry"]["title"]["en"] for line in wanted]
    expect(inbox.get_by_role("heading", level=1)).to_have_text(re.compile("|".join(map(re.escape, titles))))
    open_mail(inbox, "March 2027", "/subscriptions/")
    inbox.get_by_role("button", name="Cancel the subscription").click()
    expect(inbox.get_by_text("Your address has been erased")).to_be_visible()
    expect(inbox.get_by_text(READER)).to_have_count(0)
    inbox.context.close()
