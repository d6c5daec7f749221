"""A partner without JavaScript, in Chinese: sends entries by the page, mends what was refused, and holds a key."""

import json

import httpx2
import pytest
from playwright.sync_api import expect

from deploy.local.table import Stack
from tests.faults.fleet import key_for
from tests.journeys.conftest import Visit, aside, go
from tests.journeys.given import lines, partner_of

PARTNER = "partner-zhou"


@pytest.fixture
def registered(stack: Stack) -> None:
    aside(key_for(stack.settings, partner_of(stack, PARTNER)))


@pytest.mark.usefixtures("registered")
def test_what_was_refused_is_mended_and_taken_in(stack: Stack, visit: Visit) -> None:
    good, bad = lines(stack, PARTNER, "product", 2, 501)
    mended = json.loads(json.dumps(bad))
    bad["entry"]["maturity"] = 12
    page = visit(PARTNER, language="zh", scripts=False)
    go(page, "申报")
    page.get_by_role("navigation").get_by_role("link", name="提交申报").click()
    page.get_by_role("link", name="JSON").click()
    page.locator("#text").fill("\n".join(json.dumps(line, ensure_ascii=False) for line in (good, bad)))
    page.get_by_role("button", name="提交", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("第 2 行")
    expect(page.get_by_text("/entry/maturity").first).to_be_visible()
    page.get_by_role("alert").get_by_role("link").first.click()
    page.get_by_role("navigation").get_by_role("link", name="已拒收").click()
    expect(page.get_by_role("heading", level=2).filter(has_text=bad["reference"])).to_be_visible()
    page.get_by_role("link", name=bad["reference"]).click()
    page.locator("#text").fill(json.dumps(mended, ensure_ascii=False))
    page.get_by_role("button", name="提交", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(mended["entry"]["title"]["zh"])
    go(page, "我的申报")
    for line in (good, mended):
        row = page.get_by_role("row").filter(has_text=line["entry"]["title"]["zh"])
        expect(row).to_have_count(1)


@pytest.mark.usefixtures("registered")
def test_a_key_is_shown_once_and_refused_once_revoked(stack: Stack, visit: Visit) -> None:
    page = visit(PARTNER, language="zh", scripts=False)
    go(page, "申报")
    go(page, "API 密钥")
    page.get_by_label("使用密钥的系统").fill("数据中台")
    page.get_by_role("button", name="签发密钥").click()
    key = page.locator("pre.sq-raw").inner_text().strip()
    go(page, "API 密钥")
    expect(page.get_by_text(key)).to_have_count(0)
    address, (line,) = f"{stack.url('submissions')}/submissions", lines(stack, PARTNER, "scene", 1, 551)
    sent = httpx2.post(address, json=line, headers={"Authorization": f"Bearer {key}"})
    assert sent.status_code == 201, sent.text
    page.get_by_role("row").filter(has_text="数据中台").get_by_role("link").click()
    page.get_by_role("button", name="吊销密钥").click()
    refused = httpx2.post(address, json=line | {"revision": 2}, headers={"Authorization": f"Bearer {key}"})
    assert refused.status_code == 401
