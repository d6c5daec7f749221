"""Every page that links lead to, for every role, in both languages, wide and narrow; pictures are in build/journeys."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Error, Page

from deploy.local.table import SERVICES, Stack
from tests.journeys.conftest import Visit
from tests.journeys.look import look

PEOPLE = (None, "partner-chen", "reviewer-li", "publisher-wu", "operator-zheng", "onlooker-jin", "auditor-feng")
#: More kinds of page than any role has: a crawl that goes on longer follows the things, not the pages.
MOST = 45
IDENTIFIERS = re.compile(
    r"(?<=/requests/).+|(?<=/audit/time/).+|(?<=/submissions/)[0-9A-Z]{18}/[^/]+|[0-9A-Z]{18}|[0-9a-f]{8,}|\d{4}-\d{2}|(?<=/)(SC|PR|LK)-[\w-]+|(?<=/rules/).+|(?<=/reviewers/)[^/]+|(?<=/)~?[\w-]*\d[\w-]*"
)
#: axe judges each page at both widths, in one language each: what it looks for does not hang on the language.
AXE_AT = {"zh": (1280,), "en": (390,)}
#: What everybody sees alike: visitors look at it.
PUBLIC = ("publishing/catalogue", "publishing/about")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("sub", PEOPLE)
def test_every_page_is_accessible_and_fits(stack: Stack, visit: Visit, sub: str | None, language: str) -> None:
    page = visit(sub, language=language)
    said: list[str] = []
    page.on(
        "console", lambda line: said.append(f"{line.location['url']}: {line.text}") if line.type == "error" else None
    )
    page.on("response", lambda answer: said.append(f"{answer.url}: {answer.status}") if answer.status >= 400 else None)
    wrong: list[str] = []
    for shape in crawl(page, stack, public=sub is None):
        wrong += look(page, f"{sub or 'visitor'}-{language}-{name(shape)}", axe_at=AXE_AT[language])
    # The issuer, where a visitor's links to a desk lead, is not ours.
    wrong += [each for each in said if not each.startswith(stack.settings.oidc_issuer)]
    assert not wrong, "\n".join(wrong)


def crawl(page: Page, stack: Stack, *, public: bool) -> Iterator[str]:
    """Open one page of each shape that links lead to from here: its shape. What everybody sees, visitors look at."""
    services = {urlsplit(stack.url(service)).netloc: service for service in SERVICES}
    waiting, seen = [page.url], set[str]()
    while waiting:
        address = waiting.pop(0)
        shape = shape_of(address, services)
        if shape in seen or (not public and shape.startswith(PUBLIC)):
            continue
        seen.add(shape)
        assert len(seen) <= MOST, sorted(seen)
        try:
            page.goto(address)
        except Error as error:
            if "Download is starting" not in str(error):
                raise
            continue
        if urlsplit(page.url).netloc not in services:
            continue
        waiting += filter(lambda href: is_page(href, services), hrefs(page))
        yield shape


def hrefs(page: Page) -> list[str]:
    found: list[str] = page.eval_on_selector_all("main a[href], header a[href]", "all => all.map(one => one.href)")
    return found


def is_page(href: str, services: dict[str, str]) -> bool:
    parts = urlsplit(href)
    return (
        parts.netloc in services
        and "lang=" not in parts.query
        and not re.search(r"\.\w+$|/sign-in$|^/(registry|log)/", parts.path)
    )


def shape_of(address: str, services: dict[str, str]) -> str:
    """The address without what differs between things of a kind: `review/cases/*/SC*/*`."""
    parts = urlsplit(address)
    path = IDENTIFIERS.sub(lambda found: (found[1] or "") + "*", parts.path).rstrip("/")
    return services[parts.netloc] + path + ("?" if parts.query else "")


def name(shape: str) -> str:
    """What the shape's pictures are called."""
    return re.sub(r"\W+", "-", shape.replace("*", "-one").replace("?", "-query")).strip("-")
