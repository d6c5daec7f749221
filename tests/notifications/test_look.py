"""Every page and email in a real browser, in both languages, wide and narrow; pictures stay in build/notifications."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from pymongo import AsyncMongoClient

from deploy.local.ports import free
from notifications.__main__ import create_api
from notifications.agents import on_publishing
from notifications.domain.delivery import DELIVERIES, Fail, Queue, Succeed
from notifications.domain.subscription import SUBSCRIPTIONS, Request, Suspend
from notifications.links import Links
from notifications.settings import Settings
from notifications.store import Recipient, Recipients, create_indexes
from runtime.streams import Streams
from schemas.notification import Filter
from tests.notifications.conftest import Subscribers, signed_in
from tests.notifications.events import AT, PARTNER, corrected, published, release
from tests.notifications.test_mail import body, message
from tests.web.settings import ROOT

PICTURES = ROOT / "build" / "notifications"
WIDTHS = (1280, 390)


@dataclass
class Site:
    address: str
    settings: Settings
    links: Links


async def seed(settings: Settings) -> None:
    """A subscription of each state, with deliveries of each outcome."""
    async with AsyncMongoClient[Any](settings.mongo_url, w="majority", journal=True, tz_aware=True) as client:
        database = client[settings.database("notifications")]
        await create_indexes(database)
        subscribers, deliveries = Subscribers(database), Streams(database, DELIVERIES)
        await subscribers.add("mail", "du.ruoxi@example.org", "email", Filter(kinds=("scene", "product")))
        await subscribers.add("hook", "https://hooks.example.org/shuangqian", filter=Filter(sectors=("new-retail",)))
        await Recipients(database).keep(Recipient("asked", "email", "lin@example.org", None))
        by: dict[str, Any] = {"actor": "service:notifications", "at": AT}
        asked = Filter(kinds=("scene",), sectors=("new-retail", "data-empowerment"))
        ask = Request(**by, stream="asked", cause="request:1", channel="email", language="zh", filter=asked)
        await Streams(database, SUBSCRIPTIONS).handle([ask])
        events = [published(n) for n in range(24)]
        await on_publishing(database)([release(events), *events, corrected(3)])
        hook = f"hook:{PARTNER}/E-"
        await deliveries.handle(
            [Queue(**by, stream="mail:confirmation", cause="c", subscription="mail", channel="email")]
            + [Succeed(**by, stream=id, cause="1") for id in ("mail:confirmation", "mail:2026-03")]
        )
        ids = [d["_id"] async for d in database["deliveries"].find({"_id": {"$regex": f"^{hook}"}}, {"_id": 1})]
        for n, id in enumerate(ids):
            fail: dict[str, Any] = {**by, "stream": id, "error": "HTTP 503" if n % 2 else "timeout"}
            await deliveries.handle([Fail(**fail, cause="1", attempt=1)])
            if n == 0:
                await deliveries.handle([Fail(**fail, cause="2", attempt=2, final=True)])
        suspend = Suspend(**by | {"at": AT + timedelta(days=3)}, stream="hook", cause="2", reason="HTTP 503")
        await Streams(database, SUBSCRIPTIONS).handle([suspend])


@pytest.fixture
def site(settings: Settings) -> Iterator[Site]:
    (port,) = free(1)
    address = f"http://localhost:{port}"
    settings = settings.model_copy(update={"notifications_url": address})
    with ThreadPoolExecutor(1) as pool:  # this thread may have the browser's loop
        pool.submit(asyncio.run, seed(settings)).result()
    server = uvicorn.Server(uvicorn.Config(create_api(settings), port=port, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield Site(address, settings, Links.of(settings))
    server.should_exit = True
    thread.join()


def look(page: Page, name: str, wrong: list[str]) -> None:
    """Take a picture at each width; nothing may be inaccessible, wider than the screen, or missing."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_load_state("networkidle")
        page.screenshot(path=PICTURES / f"{name}-{width}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
    violations = Axe().run(page).response["violations"]
    assert [(name, found["id"], [n["html"] for n in found["nodes"]]) for found in violations] == []
    assert wrong == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_is_accessible_and_fits(site: Site, browser: Browser, language: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("response", lambda answer: wrong.append(answer.url) if answer.status >= 500 else None)
    links = site.links
    paths = {
        "subscribe": "/subscribe?kind=scene&sector=new-retail",
        "check-your-mail": "/subscribe/check-your-mail?",
        "confirm": f"/subscriptions/confirm?token={links.token('asked')}",
        "manage": links.manage_path("mail"),
        "suspended": links.manage_path("hook"),
    }
    for name, path in paths.items():
        page.goto(f"{site.address}{path}&lang={language}")
        look(page, f"{name}-{language}", wrong)
    cookie = signed_in(site.settings, "operator")["shuangqian"]
    context.add_cookies([{"name": "shuangqian", "value": cookie, "url": site.address}])
    page.goto(f"{site.address}/deliveries?lang={language}")
    look(page, f"deliveries-{language}", wrong)
    context.close()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_somebody_subscribes_a_webhook_without_scripts(site: Site, browser: Browser, language: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.address}/subscribe?lang={language}")
    page.locator("#kinds-scene").check()
    page.locator("#channel-webhook").check()
    page.locator("#address").fill("hooks.example.org")
    page.locator("form[action='/subscribe'] button").click()
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"faults-{language}.png", full_page=True)
    assert page.locator("#kinds-scene").is_checked()
    page.locator("#address").fill("https://hooks.example.org/shuangqian")
    page.locator("form[action='/subscribe'] button").click()
    assert page.get_by_text("whsec_").is_visible()
    page.screenshot(path=PICTURES / f"secret-{language}.png", full_page=True)
    manage = page.locator("a.govuk-button").get_attribute("href")
    assert manage
    page.goto(manage)
    page.locator("form[action*='/cancel'] button").click()
    assert httpx2.get(manage, headers={"accept": "*/*"}).json()["status"] == "cancelled"
    context.close()


@pytest.mark.parametrize("which", ["confirmation", "digest", "correction"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_email_fits(browser: Browser, which: str, language: Any) -> None:
    page = browser.new_context().new_page()
    page.set_content(body(message(which, language), "html"))
    look(page, f"mail-{which}-{language}", [])
    page.context.close()
