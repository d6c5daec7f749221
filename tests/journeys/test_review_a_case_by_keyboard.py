"""A reviewer works at the desk with the keyboard alone; a colleague of the partner's is kept from the case."""

import re

from playwright.sync_api import Page, expect

from deploy.local.table import Stack
from tests.journeys.conftest import Visit, aside, go, reload_until
from tests.journeys.given import lines, sent
from tests.journeys.look import look

PARTNER = "partner-he"
FOCUSED = """() => {
  const here = document.activeElement
  const outline = getComputedStyle(here), seen = outline.outlineStyle != 'none' || outline.boxShadow != 'none'
  const label = here.labels?.length ? here.labels[0].innerText : here.getAttribute('aria-label')
  return {name: here.name || '', text: (label ?? here.innerText ?? '').trim(), seen}
}"""


def tab_to(page: Page, *, text: str = "", name: str = "") -> None:
    """Press Tab until the focus is on what has this text or is the field of this name."""
    for _ in range(80):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if (name and focused["name"] == name) or (text and text in focused["text"]):
            assert focused["seen"] or name, f"nothing shows that the focus is on {focused}"
            return
    raise AssertionError(f"Tab does not lead to {text or name} on {page.url}")


def test_a_case_is_reviewed_with_the_keyboard_alone(stack: Stack, visit: Visit) -> None:
    (scene,) = lines(stack, PARTNER, "scene", 1, 901)
    aside(sent(stack, PARTNER, [scene]))
    title = scene["entry"]["title"]["en"]

    for reviewer in ("reviewer-zhao", "reviewer-zhang"):
        page = visit(reviewer)
        tab_to(page, text="Review desk")
        page.keyboard.press("Enter")
        reload_until(page, "Review the next case")
        tab_to(page, text="Skip to main content")
        page.keyboard.press("Enter")
        tab_to(page, text="Review the next case")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        tab_to(page, text="Go to your review")
        page.keyboard.press("Enter")
        if reviewer == "reviewer-zhao":
            assert look(page, "case-to-review-en") == []
            tab_to(page, text="Give the review")
            page.keyboard.press("Enter")
            expect(page.get_by_role("alert").get_by_role("link")).to_have_count(4)
            assert look(page, "case-with-errors-en") == []
            page.get_by_role("alert").get_by_role("link").first.focus()
            page.keyboard.press("Enter")
            page.keyboard.press("Shift+Tab")
        for name in [each.get_attribute("name") for each in page.locator("input[type=radio][value='0']").all()]:
            tab_to(page, name=str(name))
            for _ in range(4):
                page.keyboard.press("ArrowRight")
        tab_to(page, name="verdict")
        page.keyboard.press("Space")
        tab_to(page, name="comment")
        page.keyboard.type("Clear and measurable.")
        tab_to(page, text="Give the review")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Your review is given")).to_be_visible()
    expect(page.get_by_text("decides the case: Approved")).to_be_visible()
    go(page, "Review desk")
    expect(page.get_by_role("row").filter(has_text=title)).to_contain_text(re.compile("Approved.*80", re.DOTALL))
