"""An operator keeps the roster by a file and assigns the open cases; a reviewer sees why a case is theirs."""

from playwright.sync_api import FilePayload, Page, expect

from deploy.local.clients import signed_in
from deploy.local.table import Stack
from tests.journeys.conftest import Visit, aside
from tests.journeys.given import lines, partner_of, sent
from tests.journeys.look import look
from tests.support import eventually

PARTNER = "partner-xu"
HEADS = "账号,姓名,产业,主题,语言,回避单位,周一,周二,周三,周四,周五,周六,周日,不在"
HOURS = "120,120,120,120,120,120,120"
MENDED = (
    HEADS,
    f"reviewer-li,李评,新制造；新零售,数据赋能,zh；en,,{HOURS},",
    f"reviewer-wang,王审,新文创；新供应链,技术转移；资本对接,zh；en,%(conflict)s,{HOURS},",
    f"reviewer-zhang,张衡,,,zh,,{HOURS},2026-01-05/2026-01-09",
    f"reviewer-sun,孙正,新供应链,人力协作,zh；en,,{HOURS},",
)


def upload(page: Page, rows: tuple[str, ...], conflict: str) -> None:
    body = "\n".join(rows) % {"conflict": conflict}
    file: FilePayload = {"name": "名册.csv", "mimeType": "text/csv", "buffer": body.encode()}
    page.get_by_label("CSV 文件").set_input_files(file)
    page.get_by_role("button", name="上传名册").click()


async def taken_back(stack: Stack, streams: list[str]) -> None:
    """What was sent is withdrawn, so that no other journey meets these cases or entries."""
    async with (
        signed_in(stack.url("submissions"), "operator-zheng") as at_intake,
        signed_in(stack.url("review"), "operator-zheng") as at_desk,
    ):
        for stream in streams:
            answer = await at_intake.post(f"/submissions/{stream}/withdraw", json={"reason": "The journey is over"})
            answer.raise_for_status()

        async def none_open() -> bool:
            return not (await at_desk.get("/cases", params={"status": "open"})).json()["cases"]

        await eventually(none_open)


async def open_cases(stack: Stack, count: int) -> None:
    async with signed_in(stack.url("review"), "operator-zheng") as operator:

        async def there() -> bool:
            return len((await operator.get("/cases", params={"status": "open"})).json()["cases"]) >= count

        await eventually(there)


def test_an_operator_assigns_and_a_reviewer_sees_why(stack: Stack, visit: Visit) -> None:
    uscc = partner_of(stack, PARTNER)["uscc"]
    entries = [*lines(stack, PARTNER, "scene", 3, 7700), *lines(stack, PARTNER, "product", 2, 7800)]
    streams = aside(sent(stack, PARTNER, entries))
    aside(open_cases(stack, len(entries)))

    # The roster by a file: two mistakes are named by row, nothing is taken in; mended, all of it is.
    operator = visit("operator-zheng", language="zh")
    operator.goto(f"{stack.url('review')}/console")
    operator.get_by_role("link", name="评审员", exact=True).click()
    mistaken = (MENDED[0], MENDED[1].replace("新零售", "零售业"), *MENDED[2:4], MENDED[4].replace("120", "两小时", 1))
    upload(operator, mistaken, uscc)
    found = operator.get_by_role("alert").get_by_role("listitem")
    expect(found).to_have_count(2)
    expect(found.nth(0)).to_contain_text("第 2 行，产业：“零售业”不在可选范围内")
    expect(found.nth(1)).to_contain_text("第 5 行，周一：请填 0 到 1440 的整数分钟。")
    expect(operator.get_by_text("名册为空")).to_be_visible()
    assert look(operator, "roster-with-mistakes-zh") == []
    upload(operator, MENDED, uscc)
    expect(operator.get_by_role("link", name="李评")).to_be_visible()
    expect(operator.locator("tbody tr")).to_have_count(4)
    assert look(operator, "roster-zh") == []
    operator.get_by_role("link", name="王审").click()
    expect(operator.get_by_label("新文创")).to_be_checked()

    # A proposal, each pair with its reasons; one is changed by hand: a conflict is refused, somebody else is not.
    operator.goto(f"{stack.url('review')}/assignments")
    operator.get_by_role("button", name="生成方案").click()
    expect(operator.locator(".ro-cases > li")).to_have_count(len(entries))
    expect(operator.locator(".ro-why").first).to_contain_text("无利益冲突")
    assert look(operator, "proposal-zh") == []
    seats = operator.locator(".ro-seats select")
    taken = [seat.input_value() for seat in seats.all()]
    assert "reviewer-wang" not in taken, "in conflict with the partner who sent them"
    theirs = seats.nth(next(n for n, sub in enumerate(taken) if sub == "reviewer-li"))
    title = theirs.evaluate("seat => seat.closest('li').querySelector('h2').innerText")
    seats.first.select_option("reviewer-wang")
    operator.get_by_role("button", name="按此分派").click()
    expect(operator.get_by_role("alert")).to_contain_text("王审：有利益冲突。请另选他人。")
    assert look(operator, "proposal-refused-zh") == []
    others = seats.first.locator("xpath=ancestor::li").locator("select").all()
    named = {seat.input_value() for seat in others}
    instead = next(sub for sub in ("reviewer-sun", "reviewer-zhang", "reviewer-li") if sub not in named)
    seats.first.select_option(instead)
    operator.get_by_role("button", name="按此分派").click()
    expect(operator.get_by_text("新分派")).to_be_visible()
    expect(operator.locator("tbody tr").filter(has_text="运维员指定")).to_have_count(1)
    assert look(operator, "assignments-zh") == []

    # The reviewer's next case is one of those, and says why it is theirs.
    li = visit("reviewer-li", language="zh")
    li.goto(f"{stack.url('review')}/cases")
    li.get_by_role("button", name="评审下一件").click()
    expect(li.get_by_text("分派给您：")).to_be_visible()
    assert title, "and it is one of the proposal's"
    assert look(li, "case-assigned-zh") == []
    aside(taken_back(stack, streams))
