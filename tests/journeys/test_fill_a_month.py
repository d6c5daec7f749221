"""A publisher opens a month, chooses what goes in, takes one out again, and is told what the month still lacks."""

from playwright.sync_api import expect

from deploy.local.table import Stack
from tests.journeys.conftest import Visit, aside, go, reload_until
from tests.journeys.given import approved, lines
from tests.journeys.look import look

PARTNER = "partner-luo"


def test_a_month_takes_what_is_ticked_and_says_what_it_lacks(stack: Stack, visit: Visit) -> None:
    kept, other = lines(stack, PARTNER, "product", 2, 801)
    aside(approved(stack, PARTNER, [kept, other]))
    titles = [line["entry"]["title"]["en"] for line in (kept, other)]

    publisher = visit("publisher-wu")
    go(publisher, "Releases")
    month = publisher.get_by_label("Open a month").locator("option").last.inner_text()
    publisher.get_by_label("Open a month").select_option(label=month)
    publisher.get_by_role("button", name="Open it").click()
    expect(publisher.get_by_role("heading", level=1)).to_have_text(f"Release of {month}")
    for title in titles:
        reload_until(publisher, title)
        publisher.get_by_role("checkbox", name=title).check()
    publisher.get_by_role("button", name="Add what is ticked").click()
    expect(publisher.get_by_text("Added: 2 entries.")).to_be_visible()
    publisher.get_by_role("row").filter(has_text=titles[1]).get_by_role("button", name="Remove").click()
    expect(publisher.get_by_text("The entry waits for a release again.")).to_be_visible()
    expect(publisher.get_by_role("row").filter(has_text=titles[1])).to_have_count(0)
    assert look(publisher, "release-with-a-product-en") == []

    publisher.get_by_role("link", name="Freeze…").click()
    expect(publisher.get_by_text("Not complete yet: 100 scenes")).to_be_visible()
    expect(publisher.get_by_role("button", name="Freeze")).to_have_count(0)
    publisher.get_by_role("link", name="Add what is missing").click()
    expect(publisher.get_by_role("heading", level=1)).to_have_text(f"Release of {month}")
