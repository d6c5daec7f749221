"""The auditor's story: find an entry, step through it, compare two moments, follow the causes, see what was public."""

import re
from datetime import timedelta

from playwright.sync_api import Page, expect

from deploy.local.table import Stack
from submissions.intake import now
from tests.journeys.conftest import Visit, aside, go, reload_until
from tests.journeys.given import lines, published
from tests.journeys.look import look

PARTNER = "partner-xu"
MONTH = "2025-09"
FIRST = 7000
ENTRIES: list[str] = []


def given_an_entry(stack: Stack) -> str:
    """A month that holds one scene, and is public: the scene's stream. Asked again, it is there."""
    wanted = lines(stack, PARTNER, "scene", 1, FIRST)
    wanted[0]["entry"]["contact"] = {"name": "马一鸣", "email": "ma@example.org"}
    if not ENTRIES:
        ENTRIES.extend(aside(published(stack, MONTH, PARTNER, wanted)))
    return ENTRIES[0]


def find(auditor: Page, entry: str) -> None:
    """Search for it, by the end of its name, until the recorder has heard all of it."""
    go(auditor, "Audit")
    auditor.get_by_role("link", name="Events", exact=True).click()
    auditor.get_by_label("Entry or stream").fill(entry.rpartition("/")[2])
    auditor.get_by_role("button", name="Show").click()
    reload_until(auditor, "Entry published")


def moment(auditor: Page, number: int, total: int) -> None:
    expect(auditor.get_by_text(f"Event {number} of {total}")).to_be_visible()


def test_an_auditor_finds_an_entry_steps_through_it_and_follows_its_causes(stack: Stack, visit: Visit) -> None:
    entry = given_an_entry(stack)
    auditor = visit("auditor-feng")
    find(auditor, entry)
    assert look(auditor, "events-en") == []
    auditor.get_by_role("link", name="Entry published").first.click()
    moment(auditor, 3, 3)
    changed = auditor.get_by_role("row", name="/status")
    expect(changed).to_contain_text("scheduled")
    expect(changed).to_contain_text("published")
    assert look(auditor, "time-en") == []
    # By key, by slider, by link: the page stays, and its address is that of the moment.
    auditor.get_by_role("heading", level=1).click()
    auditor.keyboard.press("ArrowLeft")
    moment(auditor, 2, 3)
    expect(auditor).to_have_url(re.compile("at=2"))
    auditor.get_by_role("slider").focus()
    auditor.keyboard.press("Home")
    expect(auditor.get_by_role("heading", name="Before the first event")).to_be_visible()
    auditor.get_by_role("link", name="Forward").click()
    moment(auditor, 1, 3)
    # Two moments that are not neighbours.
    auditor.get_by_label("Compare with the moment after").select_option("3")
    auditor.get_by_role("button", name="Compare").click()
    expect(auditor.get_by_role("heading", name="Two moments side by side")).to_be_visible()
    expect(auditor.get_by_role("row", name="/edition/number")).to_contain_text("gone")
    assert look(auditor, "time-compared-en") == []
    # Up the chain of causes, to what the partner sent: that there is a contact, and not whose.
    auditor.get_by_role("link", name="Submission received").first.click()
    expect(auditor.get_by_role("heading", level=1)).to_have_text(entry)
    expect(auditor.get_by_text("Time machine · Submissions")).to_be_visible()
    auditor.get_by_text("What it says").click()
    expect(auditor.get_by_text('"contact": true')).to_be_visible()
    expect(auditor.get_by_text("ma@example.org")).to_have_count(0)
    expect(auditor.get_by_role("link", name=re.compile("Leaf [0-9,]+: proof"))).to_have_attribute(
        "href", re.compile("^/log/proof.ref=%2Fsubmissions%2F")
    )


def test_an_entry_is_found_by_a_part_of_its_title(stack: Stack, visit: Visit) -> None:
    entry = given_an_entry(stack)
    title = lines(stack, PARTNER, "scene", 1, FIRST)[0]["entry"]["title"]
    auditor = visit("auditor-feng")
    go(auditor, "Audit")
    auditor.get_by_role("link", name="Events", exact=True).click()
    auditor.get_by_label("Words of the title").fill(title["zh"][2:8])
    auditor.get_by_role("button", name="Show").click()
    reload_until(auditor, "Entry published")
    expect(auditor.get_by_role("link", name=title["en"])).to_have_attribute("href", f"/audit/time/submissions/{entry}")
    assert look(auditor, "events-title-en") == []
    auditor.get_by_role("link", name="中文").click()
    expect(auditor.get_by_role("link", name=title["zh"])).to_be_visible()
    assert look(auditor, "events-title-zh") == []
    auditor.get_by_role("link", name=title["zh"]).click()
    expect(auditor.get_by_role("heading", level=1)).to_contain_text(entry)


def test_it_all_works_in_chinese_and_without_scripts(stack: Stack, visit: Visit) -> None:
    entry = given_an_entry(stack)
    auditor = visit("auditor-feng", language="zh", scripts=False)
    auditor.goto(f"{stack.url('audit')}/audit/events?entry={entry}")
    reload_until(auditor, "条目已发布")

    auditor.get_by_role("link", name="条目已发布").first.click()
    auditor.get_by_role("link", name="后退").click()
    expect(auditor.get_by_text("第 2 个事件，共 3 个")).to_be_visible()
    auditor.get_by_role("slider").fill("1")
    auditor.get_by_role("button", name="显示", exact=True).click()
    expect(auditor.get_by_text("第 1 个事件，共 3 个")).to_be_visible()


def test_the_catalogue_is_told_as_it_was_and_what_became_different(stack: Stack, visit: Visit) -> None:
    entry = given_an_entry(stack)
    auditor = visit("auditor-feng", language="zh")
    later = (now() + timedelta(minutes=1)).isoformat().replace("+", "%2B")
    auditor.goto(f"{stack.url('audit')}/audit/catalogue?with=2020-01-01&at={later}")
    reload_until(auditor, entry)
    assert look(auditor, "catalogue-as-of-zh") == []
    for address, name in (
        (f"/audit/time/publishing/{entry}", "time-zh"),
        (f"/audit/time/publishing/{MONTH}", "time-release-zh"),
        (f"/audit/events?entry={entry}", "events-zh"),
        ("/audit/events?entry=nobody", "events-none-zh"),
        ("/audit/events?title=nothing", "events-no-title-zh"),
        ("/audit/events?from=2026-13-01", "events-wrong-zh"),
    ):
        auditor.goto(stack.url("audit") + address)
        assert look(auditor, name) == [], name
    auditor.goto(f"{stack.url('audit')}/audit/catalogue?at=2020-01-01")
    expect(auditor.get_by_text("当时尚无公开内容")).to_be_visible()
