"""One whole stack for all journeys, and somebody at a browser before it."""

import asyncio
import re
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Browser, Page, expect

from deploy.local.servers import whole_stack
from deploy.local.table import Stack

T = TypeVar("T")
Visit = Callable[..., Page]

expect.set_options(timeout=15_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every page is looked at last, when the journeys have left something to see on each."""
    items.sort(key=lambda item: item.path.name == "test_every_page_is_accessible_and_fits.py")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with whole_stack(tmp_path_factory.mktemp("stack")) as (made, _):
        yield made


@pytest.fixture
def visit(browser: Browser, stack: Stack) -> Iterator[Visit]:
    """Open the home page as a visitor, or as the person `sub`, who signs in there; `language` is the browser's."""
    contexts = []

    def open_home(sub: str | None = None, *, language: str = "en", width: int = 1280, scripts: bool = True) -> Page:
        locale = {"en": "en-GB", "zh": "zh-CN"}[language]
        context = browser.new_context(
            locale=locale, viewport={"width": width, "height": 900}, java_script_enabled=scripts
        )
        contexts.append(context)
        page = context.new_page()
        page.goto(stack.url("publishing"))
        if sub:
            page.get_by_role("link", name={"en": "Sign in", "zh": "登录"}[language]).click()
            page.locator(f"button[value='{sub}']").click()
            expect(page.get_by_role("button", name={"en": "Sign out", "zh": "退出"}[language])).to_be_visible()
        return page

    yield open_home
    for context in contexts:
        context.close()


def go(page: Page, name: str) -> None:
    """Follow a link of the navigation."""
    page.get_by_role("navigation").get_by_role("link", name=name, exact=True).first.click()


def aside(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end; in a thread of its own, since Playwright's loop runs in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def reload_until(page: Page, text: str | re.Pattern[str], seconds: float = 30.0) -> None:
    """Look at the page again and again until it says `text`, as somebody who waits for news would."""
    for _ in range(int(seconds / 0.25)):
        if page.get_by_text(text).count():
            return
        time.sleep(0.25)
        page.reload()
    raise AssertionError(f"{page.url} does not say {text} within {seconds} s")
