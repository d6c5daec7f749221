"""A partner's people write an entry in a form: it is kept as a draft, mended, checked and sent."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from deploy.local.clients import signed_in
from deploy.local.table import Stack
from tests.faults.fleet import key_for
from tests.journeys.conftest import Visit, aside, go
from tests.journeys.given import lines, partner_of, sent
from tests.journeys.look import look

PARTNER = "partner-zhou"


@pytest.fixture(autouse=True)
def registered(stack: Stack) -> None:
    aside(key_for(stack.settings, partner_of(stack, PARTNER)))


async def entry_of(stack: Stack, stream: str) -> dict[str, Any]:
    """What was sent last of a submission, as its partner's people may read it."""
    async with signed_in(stack.url("submissions"), PARTNER) as client:
        answer = await client.get(f"/submissions/{stream}", headers={"Accept": "application/json"})
        entry: dict[str, Any] = answer.raise_for_status().json()["entry"]
        return entry


def begin(page: Page, kind: str) -> None:
    go(page, "Submit")
    go(page, "Send entries")
    page.get_by_role("link", name=kind, exact=True).click()


def both(page: Page, name: str, zh: str, en: str) -> None:
    """Type a text in Chinese and in English."""
    asked = page.get_by_role("group", name=name)
    asked.get_by_label("In Chinese").fill(zh)
    asked.get_by_label("In English").fill(en)


def fill_in_half(page: Page) -> None:
    both(page, "Title", "夜间道路养护机器人试验场", "A proving ground for robots that mend roads at night")
    both(
        page,
        "Summary",
        "开放三公里封闭道路，征集夜间养护机器人。",
        "Three closed kilometres for robots that work at night.",
    )
    page.get_by_role("radio", name="Enterprise").check()
    expect(page.get_by_label("Industry")).to_be_hidden()
    page.get_by_label("Theme").select_option("Technology transfer")
    page.get_by_label("District").select_option("Wuhou")
    both(page, "Need 1", "夜间识别裂缝", "Finding cracks at night")


def fill_in_the_rest(page: Page) -> None:
    page.get_by_role("button", name="Add a need").click()
    expect(page.get_by_role("group", name="Need 2").get_by_label("In Chinese")).to_be_focused()
    both(page, "Need 2", "自动灌缝", "Sealing them")
    page.get_by_role("button", name="Add an offer").click()
    offer = page.get_by_role("group", name="Offer 1")
    offer.get_by_label("Type").select_option("Space, in square metres")
    offer.get_by_label("Amount").fill("12,000")
    page.get_by_label("Opens").fill("2027-03-01")
    page.get_by_label("Closes").fill("2027-02-01")
    page.get_by_label("Name of the person").fill("周工")
    page.get_by_label("Email").fill("zhou@example")


def test_a_scene_is_drafted_mended_checked_and_sent(stack: Stack, visit: Visit) -> None:
    page, wrong = visit(PARTNER), list[str]()
    begin(page, "Scene")
    wrong += look(page, "form-scene-blank")
    fill_in_half(page)
    expect(page.get_by_role("status")).to_contain_text("Saved at")
    page.close()

    page = visit(PARTNER)
    go(page, "Submit")
    go(page, "Drafts")
    wrong += look(page, "form-drafts")
    page.get_by_role("link", name="A proving ground for robots").first.click()
    expect(page.get_by_label("Theme")).to_have_value("technology-transfer")
    fill_in_the_rest(page)
    reference = page.get_by_role("textbox", name="Reference", exact=True).input_value()
    page.get_by_role("button", name="Check your answers").click()

    summary = page.get_by_role("alert")
    expect(summary.get_by_role("link")).to_have_count(2)
    wrong += look(page, "form-scene-wrong")
    summary.get_by_role("link", name="Closes: The dates are out of order").click()
    expect(page.get_by_label("Closes")).to_be_focused()
    page.get_by_label("Closes").fill("2027-06-30")
    summary.get_by_role("link", name="Email: ").click()
    expect(page.get_by_label("Email")).to_be_focused()
    page.get_by_label("Email").fill("zhou@example.org")
    page.get_by_role("button", name="Check your answers").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Check your answers")
    expect(page.get_by_text("12,000 m²")).to_be_visible()
    wrong += look(page, "form-scene-answers")
    page.get_by_role("link", name="Change Need 2").click()
    page.get_by_role("group", name="Need 2").get_by_label("In English").fill("Sealing cracks unaided")
    page.get_by_role("button", name="Check your answers").click()
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Received")
    wrong += look(page, "form-scene-received")

    go(page, "My submissions")
    expect(page.get_by_role("row").filter(has_text=reference)).to_have_count(1)
    go(page, "Drafts")
    expect(page.get_by_text("There is no draft.")).to_be_visible()
    entry = aside(entry_of(stack, f"{partner_of(stack, PARTNER)['uscc']}/{reference}"))
    assert entry["needs"][1] == {"zh": "自动灌缝", "en": "Sealing cracks unaided"}
    assert entry["offers"] == [{"type": "space", "amount": 12000, "unit": "m2", "description": None}]
    assert entry["owner"]["uscc"] == partner_of(stack, PARTNER)["uscc"]
    assert not wrong, "\n".join(wrong)


def test_what_is_typed_stays_when_the_session_ends_and_is_saved_after_signing_in_again(
    stack: Stack, visit: Visit
) -> None:
    page, wrong = visit(PARTNER), list[str]()
    begin(page, "Scene")
    page.get_by_label("District").select_option("Wuhou")
    expect(page.get_by_role("status")).to_contain_text("Saved at")

    page.context.clear_cookies(name="shuangqian")
    both(page, "Title", "会话结束之后", "Typed after the session had ended")
    ended = page.get_by_role("alert")
    expect(ended).to_contain_text("Your session has ended.")
    expect(page.get_by_text("there is no connection")).to_be_hidden()
    wrong += look(page, "form-session-ended")
    for button in ("Check your answers", "Add an offer"):  # one would leave the page, the other changes it in place
        page.get_by_label("District").focus()
        page.get_by_role("button", name=button).click()
        expect(ended).to_be_focused()
    expect(page.get_by_role("group", name="Title").get_by_label("In English")).to_have_value(
        "Typed after the session had ended"
    )

    with page.expect_popup() as opened:
        ended.get_by_role("link", name="Sign in in a new tab").click()
    again = opened.value
    again.locator(f"button[value='{PARTNER}']").click()
    expect(again.get_by_role("heading", level=1)).to_have_text("Drafts")
    again.close()
    expect(ended).to_be_hidden()
    expect(page.locator("#saved")).to_contain_text("Saved at")
    page.get_by_role("button", name="Check your answers").click()
    expect(page.get_by_role("alert").get_by_role("link").first).to_be_visible()
    page.reload()
    expect(page.get_by_role("group", name="Title").get_by_label("In English")).to_have_value(
        "Typed after the session had ended"
    )
    assert not wrong, "\n".join(wrong)


def test_what_is_typed_into_a_draft_that_a_colleague_deleted_stays_and_becomes_a_new_one(
    stack: Stack, visit: Visit
) -> None:
    page, colleague, wrong = visit(PARTNER), visit(PARTNER), list[str]()
    begin(page, "Scene")
    title = "Gone under one’s hands"
    both(page, "Title", "写到一半被删除", title)
    expect(page.get_by_role("status")).to_contain_text("Saved at")
    go(colleague, "Submit")
    go(colleague, "Drafts")
    colleague.get_by_role("link", name=f"Delete… {title}").click()
    colleague.get_by_role("button", name="Delete").click()

    page.get_by_label("District").select_option("Wuhou")
    expect(page.locator("#saved")).to_contain_text("this draft was sent or deleted meanwhile, or had expired")
    expect(page.get_by_text("there is no connection")).to_be_hidden()
    page.get_by_role("button", name="Check your answers").click()
    told = page.get_by_role("alert")
    expect(told).to_contain_text("What you typed is below.")
    wrong += look(page, "form-draft-gone")
    told.get_by_role("button", name="Save it as a new draft").click()
    expect(page.get_by_text("The draft is saved. Nothing is sent yet.")).to_be_visible()
    page.reload()
    expect(page.get_by_role("group", name="Title").get_by_label("In English")).to_have_value(title)
    expect(page.get_by_label("District")).to_have_value("wuhou")

    page.get_by_role("group", name="Summary").get_by_label("In English").fill("x" * 1_000_001)
    expect(page.locator("#saved")).to_contain_text("Not saved: The form holds more than 1,000,000 characters")
    page.get_by_role("button", name="Save the draft").click()
    expect(page.locator("#saved")).to_be_focused()
    expect(page.get_by_role("group", name="Title").get_by_label("In English")).to_have_value(title)
    page.get_by_role("group", name="Summary").get_by_label("In English").fill("")
    expect(page.locator("#saved")).to_contain_text("Saved at")
    assert not wrong, "\n".join(wrong)


def test_of_two_who_write_at_once_neither_is_overwritten_before_somebody_says_so(stack: Stack, visit: Visit) -> None:
    page, colleague = visit(PARTNER), visit(PARTNER)
    begin(page, "Scene")
    both(page, "Title", "两人同时填写", "Two at once")
    expect(page.get_by_role("status")).to_contain_text("Saved at")
    colleague.goto(page.url)
    colleague.get_by_label("District").select_option("Jinniu")
    expect(colleague.get_by_role("status")).to_contain_text("Saved at")
    page.get_by_label("District").select_option("Wuhou")
    expect(page.locator("#saved")).to_contain_text("changed this draft at")
    page.get_by_role("button", name="Save the draft").click()
    expect(page.get_by_role("alert")).to_contain_text("the draft was changed meanwhile")
    page.get_by_role("group", name="Title").get_by_label("In English").fill("Typed on where it is told")
    page.wait_for_timeout(3_000)  # longer than a pause after which it would be saved
    colleague.reload()
    expect(colleague.get_by_label("District")).to_have_value("jinniu")
    # What would be lost is asked about.
    with page.expect_event("dialog") as asked:
        page.evaluate("setTimeout(() => location.assign('/submissions'))")
    assert asked.value.type == "beforeunload"
    asked.value.dismiss()
    page.get_by_role("button", name="Save the draft").click()
    expect(page.get_by_text("The draft is saved. Nothing is sent yet.")).to_be_visible()
    colleague.reload()
    expect(colleague.get_by_label("District")).to_have_value("wuhou")


def test_enter_keeps_what_is_typed_where_the_entry_was_changed_meanwhile(stack: Stack, visit: Visit) -> None:
    for scripts, line in zip((True, False), lines(stack, PARTNER, "product", 2, 591), strict=True):
        (stream,) = aside(sent(stack, PARTNER, [line]))
        page = visit(PARTNER, scripts=scripts)
        page.goto(f"{stack.url('submissions')}/submissions/{stream}/edit")
        title = page.get_by_role("group", name="Title").get_by_label("In English")
        title.fill("Typed by hand")
        meanwhile = {**line["entry"], "title": {**line["entry"]["title"], "en": "Sent by program"}}
        aside(sent(stack, PARTNER, [{**line, "revision": 2, "entry": meanwhile}]))
        page.get_by_role("button", name="Check your answers").click()
        expect(page.get_by_role("alert")).to_contain_text("Revision 2 was received since this one was begun.")
        title.press("Enter")
        expect(page.get_by_text("The draft is saved. Nothing is sent yet.")).to_be_visible()
        expect(title).to_have_value("Typed by hand")


def test_without_scripts_items_come_and_go_and_a_revision_starts_from_what_was_sent(stack: Stack, visit: Visit) -> None:
    page = visit(PARTNER, language="zh", scripts=False)
    go(page, "申报")
    go(page, "提交申报")
    page.get_by_role("link", name="产品", exact=True).click()
    for name, text in (("标题", "夜间灌缝机器人"), ("简介", "夜间自主识别裂缝并灌缝，一人可看管三台。")):
        page.get_by_role("group", name=name).get_by_label("中文").fill(text)
    page.get_by_label("行业").select_option("新制造")
    page.get_by_label("成熟度").select_option("7 · 样机在实际环境下完成演示")
    page.get_by_label("区域").select_option("武侯区")
    page.get_by_role("group", name="第 1 项能力").get_by_label("中文").fill("多余的一项")
    page.get_by_role("button", name="添加一项能力").click()
    page.get_by_role("group", name="第 2 项能力").get_by_label("中文").fill("夜间自主作业")
    page.get_by_role("group", name="第 1 项能力").get_by_role("button", name="移除").click()
    page.get_by_role("button", name="核对填写内容").click()
    expect(page.get_by_role("alert").get_by_role("link")).to_have_text(["独特之处 · 中文：缺少必填项。"])
    page.get_by_role("group", name="独特之处").get_by_label("中文").fill("边走边灌，不必封闭整条道路。")
    page.get_by_role("button", name="核对填写内容").click()
    page.get_by_role("button", name="提交", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("已收到")

    page.get_by_role("link", name="查询进度").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("夜间灌缝机器人")
    stream = page.url.partition("/submissions/")[2]
    page.get_by_role("button", name="用表单修改").click()
    expect(page.get_by_label("修订号")).to_have_value("2")
    page.get_by_label("成熟度").select_option("9 · 经实际运行检验")
    page.get_by_role("button", name="核对填写内容").click()
    page.get_by_role("button", name="提交", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("已收到")
    entry = aside(entry_of(stack, stream))
    assert entry["capabilities"] == [{"zh": "夜间自主作业", "en": None}] and entry["maturity"] == 9
