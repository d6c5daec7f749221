"""A visitor, who reads Chinese, looks for something in the catalogue, filters, and takes it along as JSON and feed."""

import re

from playwright.sync_api import APIResponse, Page, expect

from deploy.local.table import Stack
from tests.journeys.conftest import Visit, aside
from tests.journeys.given import lines, published

PARTNER = "partner-xu"
MONTH = "2027-04"


def taken_along(page: Page, name: str) -> APIResponse:
    """What a link of the page gives to a program."""
    return page.request.get(page.get_by_role("main").get_by_role("link", name=name).first.evaluate("a => a.href"))


def test_a_visitor_finds_an_entry_and_its_filters_stay_in_the_address(stack: Stack, visit: Visit) -> None:
    wanted = [*lines(stack, PARTNER, "scene", 2, 701), *lines(stack, PARTNER, "product", 2, 701)]
    (found, *_) = aside(published(stack, MONTH, PARTNER, wanted))
    title, en = (wanted[0]["entry"]["title"][language] for language in ("zh", "en"))

    visitor = visit(language="zh")
    visitor.get_by_role("searchbox").fill(title)
    visitor.get_by_role("button", name="搜索").click()
    expect(visitor.get_by_role("link", name=title, exact=True)).to_be_visible()
    visitor.get_by_label("类别").select_option("scene")
    visitor.get_by_label("发布月份").select_option(MONTH)
    visitor.get_by_role("button", name="显示").click()
    expect(visitor).to_have_url(re.compile(rf"(?=.*\bq=)(?=.*kind=scene)(?=.*release={MONTH})"))
    visitor.get_by_role("link", name=re.compile("移除.*" + re.escape(title))).click()
    expect(visitor).not_to_have_url(re.compile(r"\bq="))
    expect(visitor.get_by_text("共 2 项")).to_be_visible()

    feed = taken_along(visitor, "Atom")
    assert feed.headers["content-type"].startswith("application/atom+xml") and feed.text().count("<entry>") == 2
    listed = taken_along(visitor, "JSON").json()
    assert listed["total"] == 2 and found in {entry["id"] for entry in listed["entries"]}

    visitor.get_by_role("link", name="English").click()
    expect(visitor).to_have_url(re.compile(rf"(?=.*kind=scene)(?=.*release={MONTH})"))
    visitor.get_by_role("link", name=en).click()
    expect(visitor.get_by_role("heading", level=1)).to_have_text(en)
    one = taken_along(visitor, "JSON").json()
    assert one["id"] == found and "contact" not in str(one)
