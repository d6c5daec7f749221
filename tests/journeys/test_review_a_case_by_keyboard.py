"""A reviewer works at the desk with the keyboard alone; a colleague of the partner's is kept from the case."""

import re
import time
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, Route, expect

from deploy.local.table import Stack
from review.addresses import Addresses
from review.office import OFFICE
from tests.journeys.conftest import Visit, aside, go, reload_until
from tests.journeys.given import approved, lines, sent
from tests.journeys.look import PICTURES, look

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
    warning, more = page.locator("[data-warning=soon]"), page.get_by_label("more time", exact=True)
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
    page.locator("#comment").focus()
    page.locator("[data-extend]").dispatch_event("click")  # as the page asks by itself: the cursor stays where it is
    lost = page.locator("[data-lost]")
    expect(lost).to_contain_text("reviewer-zhang holds it until")
    expect(lost).to_be_in_viewport()
    expect(page.locator("#comment")).to_be_focused()
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


def ending(page: Page, seconds: int, *, last: bool = False) -> None:
    """From the next answer on the lease that the page has ends in so many seconds, as if time had passed."""

    def answered(route: Route) -> None:
        answer = route.fetch()
        said = answer.json()
        if said.get("lease"):
            until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)
            said["lease"] |= {"until": until.isoformat()} | ({"last": until.isoformat()} if last else {})
        route.fulfill(response=answer, json=said)

    page.unroute("**/extend")
    page.route("**/extend", answered)


def overlap(page: Page) -> str | None:
    """What has the focus, if the bar with the time lies over all of it or it is out of view."""
    found: str | None = page.evaluate(
        """() => {
          const here = document.activeElement, box = here.getBoundingClientRect()
          const bar = document.querySelector(".rv-time"), over = bar.getBoundingClientRect()
          const covered = box.top >= over.top && box.bottom <= over.bottom
          if (here === document.body || bar.contains(here)) return null
          if (!covered && box.bottom > 0 && box.top < innerHeight) return null
          return `${here.outerHTML.slice(0, 120)} from ${box.top} to ${box.bottom}`
        }"""
    )
    return found


def test_the_time_and_its_warning_are_in_view_where_one_writes_and_cover_nothing_in_focus(
    stack: Stack, visit: Visit
) -> None:
    (scene,) = lines(stack, PARTNER, "scene", 1, 956)
    (stream,) = aside(sent(stack, PARTNER, [scene]))
    case = stack.url("review") + Addresses(stack.settings.session_secret).path(f"{stream}@1")
    words = {"en": ("Claim this case", "Less than two minutes are left."), "zh": ("领取此案件", "剩余时间不到两分钟")}
    for language, width, height in (("en", 1280, 800), ("en", 390, 664), ("zh", 1280, 800), ("zh", 390, 664)):
        page = visit("reviewer-zhao", language=language, width=width)
        page.set_viewport_size({"width": width, "height": height})
        page.goto(case)
        claim, warned = words[language]
        reload_until(page, claim)
        page.get_by_role("button", name=claim).press("Enter")
        clock, warning = page.locator("[data-left]"), page.locator("[data-warning=soon]")
        expect(clock).to_be_in_viewport()
        page.locator("#comment").fill("")  # of the draft of the turn before
        page.locator("#comment").press_sequentially("Clear")
        expect(clock).to_be_in_viewport()
        expect(warning).to_be_hidden()
        # Whoever reads the entry meanwhile reads on when the warning comes.
        page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
        ending(page, 100)
        page.locator("[data-extend]").dispatch_event("click")
        expect(warning).to_be_in_viewport(ratio=1)
        expect(page.get_by_role("heading", level=1)).to_be_in_viewport()
        expect(page.locator("#comment")).to_be_focused()
        ending(page, 1000)
        page.locator("[data-extend]").dispatch_event("click")
        expect(warning).to_be_hidden()
        ending(page, 100)
        page.keyboard.press("Escape")  # from the comment to the keys
        page.keyboard.press("e")
        page.locator("#comment").press_sequentially(" and measurable")
        expect(warning).to_have_text(re.compile(warned))
        expect(warning).to_be_in_viewport(ratio=1)
        expect(clock).to_have_text(re.compile(r"1:\d\d"))
        expect(page.locator("[data-extend]")).to_be_in_viewport(ratio=1)
        page.screenshot(path=PICTURES / f"case-warned-{language}-{width}-view.png")
        assert look(page, f"case-warned-{language}") == []
        page.set_viewport_size({"width": width, "height": height})
        page.locator("#main-content").focus()
        for key in ("Tab", "Shift+Tab"):
            for _ in range(70):
                page.keyboard.press(key)
                assert (hidden := overlap(page)) is None, hidden
        ending(page, 100, last=True)
        page.locator("[data-extend]").press("Enter")
        expect(page.locator("[data-warning=last]")).to_be_in_viewport(ratio=1)
        expect(warning).to_be_hidden()
        page.screenshot(path=PICTURES / f"case-last-{language}-{width}-view.png")
        expect(page.locator("[data-extend]")).to_be_hidden()  # where there is no more to be had
        # Its time over, one claims it again, with what is written.
        ending(page, 0, last=True)
        page.keyboard.press("e")
        again = page.locator("[data-again]")
        expect(again).to_be_in_viewport(ratio=1)
        page.screenshot(path=PICTURES / f"case-over-{language}-{width}-view.png")
        page.unroute("**/extend")
        again.press("Enter")
        expect(page.locator("[data-warning=over]")).to_be_hidden()
        expect(page.locator("#comment")).to_have_value("Clear and measurable")
        # Without scripts, what asks for more time keeps what is written.
        plain = visit("reviewer-zhao", language=language, width=width, scripts=False)
        plain.goto(case)
        expect(plain.locator(".rv-time noscript .rv-clock")).to_be_in_viewport(ratio=1)
        plain.locator("#comment").fill("Clear and")
        plain.locator("[data-extend]").press("Enter")
        expect(plain.locator("#comment")).to_have_value("Clear and")
        plain.locator("form[action$='/release'] button").press("Enter")
        page.goto("about:blank")


def test_who_closes_one_of_two_tabs_is_still_there(stack: Stack, visit: Visit) -> None:
    """And a page at which nobody is at work tells the time that the case has, whoever changed it."""
    (scene,) = lines(stack, PARTNER, "scene", 1, 957)
    (stream,) = aside(sent(stack, PARTNER, [scene]))
    case = stack.url("review") + Addresses(stack.settings.session_secret).path(f"{stream}@1")
    first = visit("reviewer-zhao")
    first.clock.install()
    first.goto(case)
    reload_until(first, "Claim this case")
    first.get_by_role("button", name="Claim this case").press("Enter")
    second = first.context.new_page()
    second.goto(case)
    expect(second.locator("[data-left]")).to_have_text(re.compile(r"(29|30):\d\d"))
    with first.expect_response("**/extend"):
        second.goto("about:blank")
    second.goto(stack.url("review") + "/cases")
    assert held_for(second, stack, "reviewer-zhao") > timedelta(minutes=1)
    third = first.context.new_page()
    # It will end without a word.
    third.add_init_script("addEventListener('pagehide', (event) => event.stopImmediatePropagation())")
    third.goto(case)
    expect(third.locator("[data-left]")).to_have_text(re.compile(r"(29|30):\d\d"))

    # Left elsewhere, where this browser's tabs do not know of each other.
    headers = {"Accept": "application/json", "Origin": stack.url("review")}
    first.clock.fast_forward("05:30")
    assert first.request.post(f"{case}/leave", headers=headers).ok
    first.clock.run_for(31_000)
    expect(first.locator("[data-left]")).to_have_text(re.compile(r"0:\d\d"))
    expect(first.locator("[data-warning=soon]")).to_be_visible()
    assert held_for(second, stack, "reviewer-zhao") < timedelta(minutes=1), "looking on extends nothing"
    first.get_by_role("button", name="More time").press("Enter")
    expect(first.locator("[data-left]")).to_have_text(re.compile(r"(29|30):\d\d"))
    third.goto("about:blank")
    assert held_for(second, stack, "reviewer-zhao") > timedelta(minutes=1)
    # The last one that closes ends the time, though it heard nothing of the other's end.
    first.goto("about:blank")
    until = time.monotonic() + 10
    while held_for(second, stack, "reviewer-zhao") > timedelta(minutes=1):
        assert time.monotonic() < until, "the case stays locked"
        time.sleep(0.2)
    second.goto(case)
    second.get_by_role("button", name="Give back").first.press("Enter")


def test_a_conflict_of_interest_is_asked_about_before_it_is_on_record(stack: Stack, visit: Visit) -> None:
    (scene,) = lines(stack, PARTNER, "scene", 1, 958)
    (stream,) = aside(sent(stack, PARTNER, [scene]))
    case = stack.url("review") + Addresses(stack.settings.session_secret).path(f"{stream}@1")
    turns = (("reviewer-zhao", "en", True), ("reviewer-zhang", "zh", True), ("reviewer-sun", "en", False))
    for reviewer, language, scripts in turns:
        page = visit(reviewer, language=language, scripts=scripts)
        page.goto(case)
        reload_until(page, re.compile("Claim this case|领取此案件"))
        page.get_by_role("button", name=re.compile("Claim this case|领取此案件")).press("Enter")
        expect(page.locator("#review-form")).to_be_visible()
        tab_to(page, text={"en": "Declare a conflict of interest", "zh": "申明利益冲突"}[language])
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("[?？]$"))
        if scripts:
            assert look(page, f"conflict-{language}") == []
            page.get_by_role("link", name=re.compile("I have none|没有利益冲突")).press("Enter")
            expect(page.locator("[data-left]")).to_have_text(re.compile(r"(29|30):\d\d"))  # nobody has left
            page.go_back()
        page.get_by_role("button", name=re.compile("Declare|申明")).press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Review desk|评审台"))
        page.goto(case)
        expect(page.get_by_role("button", name=re.compile("Claim this case|领取此案件"))).to_have_count(0)
        if scripts:
            assert look(page, f"case-of-conflict-{language}") == []


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


def test_what_is_sent_after_the_session_ended_is_sent_again_from_where_it_was_kept(stack: Stack, visit: Visit) -> None:
    for language, save, again, saved in (
        ("en", "Keep it", "Send it again", "The snippet is kept."),
        ("zh", "保存", "重新提交", "常用语已保存"),
    ):
        page = visit("reviewer-zhao", language=language)
        page.goto(stack.url("review") + "/snippets")
        page.context.clear_cookies(name="shuangqian")
        page.locator("#zh").fill("请附测试记录。\n两份。")
        page.get_by_role("button", name=save).press("Enter")
        expect(page.get_by_role("button", name=again)).to_be_visible()
        page.locator("#main-content").focus()
        tab_to(page, text={"en": "Sign in (opens in a new tab)", "zh": "登录（在新标签页打开）"}[language])
        assert look(page, f"kept-without-session-{language}") == []
        with page.expect_popup() as opened:
            page.keyboard.press("Enter")
        opened.value.locator("button[value='reviewer-zhao']").click()
        expect(opened.value.locator("#zh")).to_be_visible()
        opened.value.close()
        with page.expect_popup() as other:
            page.locator(".sq-footer a").first.press("Enter")
        other.value.close()
        page.locator("a[href='#main-content']").press("Enter")
        assert len(page.context.pages) == 1, "it leads on within the page"
        page.get_by_role("button", name=again).press("Enter")
        expect(page.get_by_text(saved)).to_be_visible()
        expect(page.get_by_text("请附测试记录。").first).to_be_visible()


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
