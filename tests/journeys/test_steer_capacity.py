"""An operator watches how the services keep up, adds a worker and sees it at work; an onlooker sees the same."""

import json
import re

import httpx2
from playwright.sync_api import Page, expect

from deploy.local import table
from deploy.local.ports import free
from deploy.local.servers import running
from deploy.local.table import Stack
from tests.journeys.conftest import Visit, aside, go
from tests.journeys.given import lines, sent
from tests.journeys.look import look


def history(page: Page) -> dict[str, list[float]]:
    """What the charts are drawn from."""
    told: dict[str, list[float]] = json.loads(page.locator("#history").inner_text(timeout=5000) or "{}")
    return told


def test_an_operator_sees_a_worker_come_and_go_without_reloading(stack: Stack, visit: Visit) -> None:
    operator = visit("operator-zheng")
    go(operator, "Operations")
    expect(operator.get_by_role("heading", name="What would help")).to_be_visible()
    expect(operator.locator("[data-chart] canvas")).to_have_count(2)
    workers = operator.locator("table").filter(has_text="review-worker-").locator("tbody tr")
    reviewing = workers.filter(has_text="review-worker-")
    expect(reviewing).to_have_count(1)
    expect(reviewing.first).to_contain_text("submissions.events 0–11")
    before = history(operator)["at"][-1]
    aside(sent(stack, "partner-chen", lines(stack, "partner-chen", "scene", 20, 7100)))
    with running(table.worker(stack, "review", free(1)[0], 2), stack.folder / "log"):
        expect(reviewing).to_have_count(2, timeout=30_000)
        expect(reviewing.filter(has_text="submissions.events 0–11")).to_have_count(0, timeout=30_000)
        assert history(operator)["at"][-1] > before
        # Opened by the reader, it stays open while the page changes.
        operator.get_by_text("The charts as tables").click()
        shown = operator.get_by_role("heading", name="Events that wait", level=3)
        expect(shown).to_be_visible()
        at = operator.locator("#history").inner_text()
        expect(operator.locator("#history")).not_to_have_text(at)
        expect(shown).to_be_visible()
        assert look(operator, "console-two-workers-en") == []
    expect(reviewing).to_have_count(1, timeout=30_000)


def test_the_console_is_right_at_load_without_scripts_and_in_chinese(stack: Stack, visit: Visit) -> None:
    operator = visit("operator-zheng", language="zh", scripts=False)
    operator.goto(f"{stack.url('review')}/console")
    expect(operator.get_by_role("heading", name="如何改善")).to_be_visible()
    expect(operator.locator("table").first.locator("tbody tr")).to_have_count(5)
    looking = visit("operator-zheng", language="zh")
    looking.goto(f"{stack.url('review')}/console")
    assert look(looking, "console-zh") == []


def test_an_onlooker_sees_the_console_and_may_press_nothing(stack: Stack, visit: Visit) -> None:
    onlooker = visit("onlooker-jin")
    go(onlooker, "Operations")
    expect(onlooker.get_by_role("heading", name="Operations", level=1)).to_be_visible()
    for service in ("Review", "Publishing"):
        onlooker.get_by_role("main").get_by_role("link", name=service, exact=True).first.click()
        expect(onlooker).to_have_url(re.compile("/operations$"))
        expect(onlooker.get_by_role("main").get_by_role("button")).to_have_count(0)
    cookies = {cookie["name"]: cookie["value"] for cookie in onlooker.context.cookies()}
    answer = httpx2.post(f"{stack.url('review')}/operations/parked/any", cookies=cookies, follow_redirects=False)
    assert answer.status_code == 403
