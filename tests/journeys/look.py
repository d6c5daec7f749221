"""A look at the page that is open: what is wrong with it, by machine; and pictures of it, for people to judge."""

import json
import re
from collections.abc import Collection
from functools import cache
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from web.languages import LANGUAGE_TAGS, Translations, load, packages

PICTURES = Path(__file__).parents[2] / "build" / "journeys"
WIDTHS = (1280, 390)
#: The texts of a page that are to be Chinese: not what people wrote in their own language, nor what machines say.
CHINESE = """() => {
  const ELSE = "code, pre, script, textarea, [lang=en], blockquote, .rv-said, .rv-panel li, .moj-timeline__description"
  const texts = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walk.nextNode()) {
    const text = walk.currentNode.textContent.trim().replace(/\\s+/g, " "), parent = walk.currentNode.parentElement
    if (text && !parent.closest(ELSE)) texts.push(text)
  }
  return texts
}"""
#: Three English words in a row: in a Chinese page, a sentence that nobody translated.
SENTENCE = re.compile(r"[^\u4e00-\u9fff]*[A-Za-z][a-z’]+ [a-z’]+ [a-z’]+[^\u4e00-\u9fff]*")


def look(page: Page, name: str, *, axe_at: Collection[int] = WIDTHS) -> list[str]:
    """Pictures of the page at each width, in build/journeys; what is wrong with it, nothing if all is well.

    axe, who takes as long as all else together, judges it at the widths `axe_at`.
    """
    page.wait_for_load_state()
    language = page.locator("html").get_attribute("lang")
    wrong = [] if language in LANGUAGE_TAGS.values() else [f"its language is {language}"]
    if (headings := page.locator("h1").count()) != 1:
        wrong.append(f"it has {headings} first headings")
    if language == LANGUAGE_TAGS["zh"]:
        wrong += [f"left in English: {text}" for text in page.evaluate(CHINESE) if _english(text)]
    PICTURES.mkdir(parents=True, exist_ok=True)
    before = page.viewport_size
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=PICTURES / f"{name}-{width}.png", full_page=True)
        if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
            wrong.append(f"it is {wide} wide on a screen of {width}")
        for violation in Axe().run(page).response["violations"] if width in axe_at else ():
            nodes = [node["html"][:200] for node in violation["nodes"]]
            wrong.append(f"{violation['id']} at {width}: {json.dumps(nodes, ensure_ascii=False)}")
    if before:
        page.set_viewport_size(before)
    return [f"{page.url}: {each}" for each in wrong]


def _english(text: str) -> bool:
    return bool(SENTENCE.fullmatch(text)) or any(message.fullmatch(text) for message in _messages())


@cache
def _messages() -> tuple[re.Pattern[str], ...]:
    """Every English text that has a Chinese one, with anything in its gaps."""
    texts: dict[str, str | tuple[str, ...]] = {}
    for package in packages():
        translated = load(package / "locale")["zh"]
        assert isinstance(translated, Translations)
        texts |= translated.texts
    return tuple(
        re.compile(re.sub(r"%\\\(\w+\\\)s", "[^。，：；]+", re.escape(english)))
        for english, chinese in texts.items()
        if chinese != english and re.search("[A-Za-z]{2}", re.sub(r"%\(\w+\)s", "", english))
    )
