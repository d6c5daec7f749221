"""合作方登记自己的数据源地址：先试后加，随后看到抓取的结果。(A partner adds a source, and sees it fetched.)"""

from playwright.sync_api import expect

from deploy.local.table import Stack
from tests.faults.fleet import key_for
from tests.journeys.conftest import Visit, aside, go, reload_until
from tests.journeys.given import partner_of
from tests.journeys.look import look
from tests.submissions.given import submission
from tests.submissions.sources.servers import entries, partner

PARTNER = "partner-zhou"


def test_a_source_is_tried_added_and_fetched(stack: Stack, visit: Visit) -> None:
    mine = partner_of(stack, PARTNER)
    aside(key_for(stack.settings, mine))
    page, wrong = visit(PARTNER, language="zh"), list[str]()
    with partner() as site:
        good, bad = (submission(name, uscc=mine["uscc"]) for name in ("listed-1", "listed-2"))
        bad["entry"]["maturity"] = 12
        site.answers["/list"] = entries(good, bad)
        go(page, "申报")
        go(page, "数据源")
        page.get_by_role("link", name="添加其地址").or_(page.get_by_role("link", name="添加数据源")).first.click()
        page.get_by_label("名称", exact=True).fill("journey")
        page.get_by_label("地址", exact=True).fill(f"{site.url}/list")
        page.locator("button[name=act][value=try]").click()
        expect(page.locator(".sq-tried")).to_contain_text("未写入")
        page.locator(".sq-tried summary").click()
        expect(page.locator(".sq-tried")).to_contain_text("listed-2")
        wrong += look(page, "source-tried")
        page.locator("button[name=act][value=save]").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("journey")
        reload_until(page, "已收入")
        fetch = page.get_by_role("listitem").filter(has_text="已收入").first
        expect(fetch).to_be_visible()
        wrong += look(page, "source-fetched")
    go(page, "我的申报")
    expect(page.get_by_role("row").filter(has_text="listed-1")).to_have_count(1)
    assert not wrong, "\n".join(wrong)
