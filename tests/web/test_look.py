"""The components in a real browser: both languages, wide and narrow; pictures are left in build/web for people."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright

from tests.web.settings import ROOT

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PICTURES = ROOT / "build" / "web"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    executable = CHROMIUM if Path(CHROMIUM).exists() else None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("width", [1280, 390, 360])
def test_every_component_is_accessible_and_fits(chromium: Browser, address: str, language: str, width: int) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("response", lambda response: wrong.append(response.url) if response.status >= 400 else None)
    page.goto(f"{address}/cases?sector=new-manufacturing&lang={language}")
    page.wait_for_load_state("networkidle")
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"components-{language}-{width}.png", full_page=True)
    violations = Axe().run(page).response["violations"]
    assert [(found["id"], [node["html"] for node in found["nodes"]]) for found in violations] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert wrong == []
    context.close()


def test_pages_work_without_scripts(chromium: Browser, address: str) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/cases?lang=en")
    page.get_by_label("Industry").select_option("new-retail")
    page.get_by_role("button", name="Show").click()
    assert "sector=new-retail" in page.url
    page.get_by_role("link", name="Remove the filter").click()
    assert "sector" not in page.url
    page.get_by_role("link", name="中文").click()
    assert page.get_by_role("link", name="场景与产品").first.is_visible()
    context.close()
