"""A reviewer works at the desk with the keyboard alone; a colleague of the partner's is kept from the case."""

import re
import time
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, expect

from deploy.local.table import Stack
from review.addresses import Addresses
from review.office import OFFICE
from tests.journeys.conftest import Visit, aside, go, reload_until
from tests.journeys.given import approved, lines, sent
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


def held_for(page: Page, stack: Stack, reviewer: str) -> timedelta:
    """How much longer a reviewer holds the case that they have."""
    answer = page.request.get(f"{stack.url('review')}/cases?status=open", headers={"Accept": "application/json"})
    leases = [case["lease"] for case in answer.json()["cases"] if case["lease"]]
    (until,) = (lease["until"] for lease in leases if lease["reviewer"] == reviewer)
    return datetime.fromisoformat(until) - datetime.now(UTC)


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
        expect(page.get_by_text(re.compile("Your review is given[,.]"))).to_be_visible()
    expect(page.get_by_text("decides the case: Approved")).to_be_visible()
    go(page, "Review desk")
    expect(page.get_by_role("row").filter(has_text=title)).to_contain_text(re.compile("Approved.*80", re.DOTALL))


def test_a_case_is_reviewed_in_chinese_by_single_keys(stack: Stack, visit: Visit) -> None:
    """j k 1–5 a r c s u ?: scores, a change of mind, a snippet, the verdict, and the review taken back."""
    first, second = lines(stack, PARTNER, "product", 2, 931)
    # Much the same text twice, under two names: the second is shown beside the first.
    second["entry"]["summary"] = first["entry"]["summary"] | {"zh": first["entry"]["summary"]["zh"] + "可现场演示。"}
    second["entry"]["distinction"] = first["entry"]["distinction"]
    second["entry"]["title"] = first["entry"]["title"]
    aside(sent(stack, PARTNER, [first, second]))
    page = visit("reviewer-zhao", language="zh")
    page.goto(stack.url("review") + "/cases")
    reload_until(page, "评审下一件")
    page.get_by_role("button", name="评审下一件").press("Enter")
    expect(page.get_by_role("heading", name="您的评审")).to_be_visible()
    owner = first["entry"]["owner"]
    assert owner["name"]["zh"] not in page.content() and owner["uscc"] not in page.content() + page.url

    keys = page.keyboard
    page.locator("#main-content").focus()
    keys.press("?")
    expect(page.get_by_label("在本页使用单键快捷键")).to_be_visible()
    keys.press("?")
    scores = ("5", "4", "3")
    for key, score in zip(("j", "j", "j"), scores, strict=True):
        keys.press(key)
        keys.press(score)
    keys.press("k")
    keys.press("2")
    chosen = page.locator("[data-review] input[name^=score-]:checked")
    assert [each.get_attribute("value") for each in chosen.all()] == ["5", "2", "3"]
    for key, verdict in (("a", "approve"), ("r", "reject"), ("c", "request-changes")):
        keys.press(key)
        expect(page.locator(f"input[name=verdict][value={verdict}]")).to_be_checked()
    keys.press("s")
    assert look(page, "case-snippets-zh") == []
    keys.press("2")
    comment = page.locator("#comment")
    expect(comment).to_have_value(OFFICE.snippets[1].zh)
    keys.type(" abc")
    expect(comment).to_have_value(f"{OFFICE.snippets[1].zh} abc")  # letters are letters where one writes
    keys.press("Escape")
    keys.press("s")
    keys.press("Tab")
    keys.press("Enter")
    expect(comment).to_have_value(f"{OFFICE.snippets[1].zh} abc\n{OFFICE.snippets[0].en}")
    assert look(page, "case-by-keys-zh") == []
    page.get_by_role("button", name="提交评审").press("Enter")
    expect(page.get_by_text("您的评审已提交")).to_be_visible()
    page.locator("#main-content").focus()
    keys.press("u")
    expect(page.get_by_text("评审已收回。请重新评审")).to_be_visible()
    expect(comment).to_have_value(re.compile("abc"))
    page.get_by_role("button", name="放回").first.press("Enter")
    expect(page.get_by_text("您已放回该案件")).to_be_visible()


def test_an_operator_sees_a_near_duplicate_beside_the_case_and_its_scores_with_what_severity_made_of_them(
    stack: Stack, visit: Visit
) -> None:
    first, second = lines(stack, "partner-xu", "product", 2, 941)
    first["entry"]["title"] = {"zh": "老城水网声学探漏仪", "en": "Acoustic leak finder for old water mains"}
    for field in ("title", "summary", "distinction"):
        second["entry"][field] = dict(first["entry"][field])
    second["entry"]["summary"]["zh"] = second["entry"]["summary"]["zh"].replace("。", "，可先试用一季度。", 1)
    (alike, _) = reversed(aside(approved(stack, "partner-xu", [first, second])))
    for language, words in (("en", ("Side by side", "Corrected for severity")), ("zh", ("并排对照", "校正宽严后"))):
        operator = visit("operator-zheng", language=language)
        operator.goto(f"{stack.url('review')}/cases/{alike}/1")
        for text in words:
            expect(operator.get_by_text(text).first).to_be_visible()
        expect(operator.locator(".rv-alike ins, .rv-alike del").first).to_be_visible()
        assert look(operator, f"case-decided-{language}") == []
    reviewer = visit("reviewer-zhao", language="zh")
    reviewer.goto(stack.url("review") + "/snippets")
    reviewer.locator("#zh").fill("请附现场照片。")
    reviewer.locator("#en").fill("Please add photographs of the site.")
    reviewer.get_by_role("button", name="保存").press("Enter")
    expect(reviewer.get_by_text("常用语已保存")).to_be_visible()
    assert look(reviewer, "snippets-zh") == []


def test_a_lease_says_the_time_it_has_and_one_that_is_lost_loses_no_word(stack: Stack, visit: Visit) -> None:
    """Also keys: no two acts have the same one."""
    (scene,) = lines(stack, PARTNER, "scene", 1, 951)
    aside(sent(stack, PARTNER, [scene]))
    page = visit("reviewer-zhao")
    page.goto(stack.url("review") + "/cases")
    reload_until(page, "Review the next case")
    page.get_by_role("button", name="Review the next case").press("Enter")
    said, here = page.locator("[data-said]"), page.url
    first = said.inner_text()
    page.get_by_role("link", name="Review desk").first.click()
    expect(page.get_by_role("cell", name=re.compile("^(29|30) min"))).to_be_visible()
    page.goto(here)
    assert re.fullmatch(r"Yours until \d+ \w+ \d{4}, \d\d:\d\d", said.inner_text()), first

    page.get_by_text("Keys", exact=True).click()
    changes = page.get_by_label("request changes", exact=True)
    for taken in ("a", "5"):
        changes.fill(taken)
        changes.blur()
        expect(page.get_by_text(f"“{taken}” is taken")).to_be_visible()
        expect(changes).to_have_value("c")
    assert look(page, "case-keys-taken-en") == []
    warning, more = page.locator("[data-warning]"), page.get_by_label("more time", exact=True)
    expect(warning).to_have_text("Less than two minutes are left. Press e or “More time” to go on.")
    more.fill("m")
    more.blur()
    expect(warning).to_have_text("Less than two minutes are left. Press m or “More time” to go on.")
    page.get_by_label("Use single keys on this page").uncheck()
    expect(warning).to_have_text("Less than two minutes are left. Press “More time” to go on.")
    expect(page.locator("[data-snippets]")).not_to_contain_text("By keyboard")
    page.get_by_label("Use single keys on this page").check()
    expect(page.locator("[data-snippets]")).to_contain_text("By keyboard: s leads here")

    # Left in another window, and claimed by somebody else: the open page hears of it.
    case = here.split("?")[0].split("#")[0]
    for group in page.locator("[data-review] fieldset").all():
        group.locator("input").first.check()
    page.locator("#comment").fill("Two hours of work.")
    headers = {"Accept": "application/json", "Origin": stack.url("review")}
    assert page.request.post(f"{case}/release", headers=headers).ok
    other = visit("reviewer-zhang")
    other.goto(case)
    other.get_by_role("button", name="Claim this case").press("Enter")
    expect(other.locator("[data-said]")).to_be_visible()
    page.get_by_role("button", name="More time").press("Enter")
    lost = page.locator("[data-lost]")
    expect(lost).to_contain_text("reviewer-zhang holds it until")
    expect(lost).to_contain_text("What you wrote is kept for 30 days")
    expect(page.locator("#comment")).to_have_value("Two hours of work.")
    assert look(page, "case-lost-en") == []
    page.get_by_role("button", name="Give the review").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Somebody else has claimed this case.")
    expect(page.get_by_role("main")).to_contain_text("What you wrote is kept for 30 days")
    assert look(page, "review-refused-en") == []
    page.goto(case)
    expect(page.get_by_text("What you wrote is kept for 30 days")).to_be_visible()
    assert look(page, "case-held-by-other-en") == []
    # Who closes the page leaves the case, also after asking for more time.
    other.get_by_role("button", name="More time").press("Enter")
    other.goto("about:blank")
    until = time.monotonic() + 10
    while held_for(page, stack, "reviewer-zhang") > timedelta(minutes=1):
        assert time.monotonic() < until, "the case stays locked"
        time.sleep(0.2)
    other.goto(case)
    other.get_by_role("button", name="Give back").first.press("Enter")
    expect(other.get_by_text("You gave the case back")).to_be_visible()
    page.goto(case)
    page.get_by_role("button", name="Claim this case").press("Enter")
    expect(page.locator("#comment")).to_have_value("Two hours of work.")
    page.get_by_role("button", name="Give back").first.press("Enter")


def test_what_is_written_outlives_the_session_and_the_page(stack: Stack, visit: Visit) -> None:
    (scene,) = lines(stack, PARTNER, "scene", 1, 961)
    aside(sent(stack, PARTNER, [scene]))
    page = visit("reviewer-zhao")
    page.goto(stack.url("review") + "/cases")
    reload_until(page, "Review the next case")
    page.get_by_role("button", name="Review the next case").press("Enter")
    comment, ended = page.locator("#comment"), page.locator("[data-ended]")
    comment.focus()
    case = page.url.split("?")[0].split("#")[0]
    for group in page.locator("[data-review] fieldset").all():
        group.locator("input").first.check()

    # Left in the middle of a word: it is saved though no pause came before.
    with page.expect_response("**/draft") as early:
        comment.press_sequentially("typed on and on without a pause ", delay=130)
    assert early.value.ok and "without a pause" not in (early.value.request.post_data or "")
    comment.press_sequentially("to the last word", delay=0)
    page.goto("about:blank")
    until = time.monotonic() + 15  # the page may be opened again before what was sent on leaving it has arrived
    while page.goto(case) and comment.input_value() != "typed on and on without a pause to the last word":
        assert time.monotonic() < until, f"only this was saved: {comment.input_value()}"

    page.context.clear_cookies(name="shuangqian")
    comment.fill("Written after the session had ended.")
    expect(ended).to_contain_text("Your session has ended.")
    expect(page.get_by_role("alert").filter(has_text="Your session has ended.")).to_be_visible()
    assert look(page, "case-session-ended-en") == []
    page.get_by_role("button", name="Give the review").press("Enter")
    expect(ended).to_be_focused()
    with page.expect_popup() as opened:
        ended.get_by_role("link", name="Sign in (opens in a new tab)").click()
    again = opened.value
    again.locator("button[value='reviewer-zhao']").click()
    expect(again.get_by_role("heading", level=1)).to_have_text("Review desk")
    again.close()
    expect(ended).to_be_hidden()
    page.reload()
    expect(comment).to_have_value("Written after the session had ended.")
    page.get_by_role("button", name="Give the review").press("Enter")
    expect(page.get_by_text(re.compile("Your review is given[,.]"))).to_be_visible()


def test_a_page_saves_nothing_in_the_name_of_who_signed_in_in_another_tab(stack: Stack, visit: Visit) -> None:
    (scene,) = lines(stack, PARTNER, "scene", 1, 971)
    aside(sent(stack, PARTNER, [scene]))
    page = visit("reviewer-zhao")
    page.goto(stack.url("review") + "/cases")
    reload_until(page, "Review the next case")
    page.get_by_role("button", name="Review the next case").press("Enter")
    comment, ended = page.locator("#comment"), page.locator("[data-ended]")
    case = page.url.split("?")[0].split("#")[0]
    page.context.clear_cookies(name="shuangqian")
    comment.fill("Nobody is signed in.")
    expect(ended).to_contain_text("Your session has ended.")

    def signs_in(sub: str) -> None:
        tab = page.context.new_page()
        tab.goto(stack.url("review") + "/sign-in?next=/cases")
        tab.locator(f"button[value='{sub}']").click()
        expect(tab.get_by_role("heading", level=1)).to_have_text("Review desk")
        tab.close()

    signs_in("reviewer-zhang")
    comment.fill("Not for the eyes of others.")
    expect(ended).to_contain_text("Somebody else is signed in now.")
    expect(ended).not_to_contain_text("Your session has ended.")
    page.get_by_role("button", name="Give the review").press("Enter")
    expect(ended).to_be_focused()
    assert look(page, "case-of-another-en") == []
    assert held_for(page, stack, "reviewer-zhao") > timedelta(minutes=1)  # the page of whom it is stays as it is
    signs_in("reviewer-zhao")
    expect(ended).to_be_hidden()
    page.goto(case)
    expect(comment).to_have_value("Not for the eyes of others.")
    page.get_by_role("button", name="Give back").first.press("Enter")
    expect(page.get_by_text("You gave the case back")).to_be_visible()
    other = visit("reviewer-zhang")
    other.goto(case)
    other.get_by_role("button", name="Claim this case").press("Enter")
    expect(other.locator("#comment")).to_have_value("")
    other.get_by_role("button", name="Give back").first.press("Enter")
    expect(other.get_by_text("You gave the case back")).to_be_visible()


def test_a_case_that_closes_while_one_writes_gives_back_what_was_written(stack: Stack, visit: Visit) -> None:
    (scene,) = lines(stack, PARTNER, "scene", 1, 981)
    (stream,) = aside(sent(stack, PARTNER, [scene]))
    page = visit("reviewer-zhao")
    page.goto(stack.url("review") + Addresses(stack.settings.session_secret).path(f"{stream}@1"))
    reload_until(page, "Claim this case")
    page.get_by_role("button", name="Claim this case").press("Enter")
    page.locator("#comment").fill("Written on the first revision.")
    scene["revision"], scene["entry"]["budget_yuan"] = 2, 7_654_321
    aside(sent(stack, PARTNER, [scene]))
    other = visit("reviewer-zhang")
    other.goto(page.url)
    reload_until(other, "There is a newer revision of this submission")
    page.get_by_role("button", name="More time").press("Enter")
    lost = page.locator("[data-lost]")
    expect(lost).to_contain_text("This case is closed")
    expect(lost.get_by_text("stands on the case’s page, to copy")).to_be_visible()
    expect(lost.get_by_text("once you claim")).to_be_hidden()
    lost.get_by_role("link", name="Back to the case").press("Enter")
    expect(page.get_by_role("heading", name="What you had written")).to_be_visible()
    expect(page.get_by_text("Written on the first revision.")).to_be_visible()
    assert look(page, "case-closed-while-writing-en") == []
    page.get_by_role("link", name="revision 2").press("Enter")
    expect(page.locator("ins").get_by_text("7,654,321")).to_be_visible()
