"""How pages are rendered: strict templates, blocks, notices, languages, navigation."""

from pathlib import Path

import jinja2
import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from tests.web.demo import demo
from tests.web.settings import WebSettings
from web.languages import load, speak
from web.pages import environment, navigation, page_of
from web.people import Person


def test_a_name_that_does_not_exist_raises(tmp_path: Path) -> None:
    (tmp_path / "wrong.html").write_text("{{ row.titel }}")
    template = environment(tmp_path).get_template("wrong.html")
    with pytest.raises(jinja2.UndefinedError):
        template.render(row={"title": "x"})


def test_what_people_write_is_escaped(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text('{% from "macros.html" import summary %}{{ summary([("A", text)]) }}')
    body = environment(tmp_path).get_template("page.html").render(text="<script>")
    assert "&lt;script&gt;" in body and "<script>" not in body


def test_sentences_of_a_template_are_escaped_once(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text('{{ sentences(said, _("R & D of %(who)s.", who=said), said) }}')
    with speak("en", load()):
        body = environment(tmp_path).get_template("page.html").render(said="<b>")
    assert body == "&lt;b&gt; R & D of &lt;b&gt;. &lt;b&gt;"


def test_a_block_is_rendered_alone_for_htmx(client: TestClient) -> None:
    body = client.get("/cases?block=rows").text
    assert "<table" in body and "<html" not in body


def test_a_notice_shows_once(client: TestClient) -> None:
    client.post("/claim")
    assert "领取成功" in client.get("/cases").text
    assert "领取成功" not in client.get("/cases").text


def test_constants_follow_the_language_of_each_request(client: TestClient) -> None:
    assert "新制造" in client.get("/cases?lang=zh").text
    english = client.get("/cases?lang=en").text
    assert "New manufacturing" in english and "This month’s release" in english and "March 2026" in english


def test_the_language_switch_keeps_the_address_and_the_choice(client: TestClient) -> None:
    chinese = client.get("/cases?sector=new-retail&page=2").text
    assert 'href="/cases?sector=new-retail&amp;page=2&amp;lang=en"' in chinese
    assert '<html lang="zh-Hans-CN"' in chinese
    assert client.get("/cases?lang=en").headers["content-language"] == "en"
    assert '<html lang="en"' in client.get("/cases").text


@pytest.mark.parametrize(
    ("method", "came_from", "page"),
    [
        ("GET", None, "/cases/a/reviews?x=1"),
        ("POST", "http://ours/cases/a?page=2", "/cases/a?page=2"),
        ("POST", "http://theirs//evil/", "/"),
        ("POST", None, "/"),
    ],
)
def test_what_was_posted_belongs_to_the_page_with_the_form(method: str, came_from: str | None, page: str) -> None:
    headers = [(b"host", b"ours"), *([(b"referer", came_from.encode())] if came_from else [])]
    scope = {"type": "http", "scheme": "http", "path": "/cases/a/reviews", "query_string": b"x=1", "headers": headers}
    found = page_of(Request({**scope, "method": method, "server": ("ours", 80)}))
    assert f"{found.path}?{found.query}".rstrip("?") == page


def test_a_title_in_the_other_language_says_so(client: TestClient) -> None:
    assert 'lang="zh-Hans-CN">川货出川冷链全程追溯' in client.get("/cases?lang=en").text


@pytest.mark.parametrize(
    ("roles", "ways"),
    [
        ((), ["Catalogue", "Subscribe", "Developers"]),
        (("partner",), ["Catalogue", "Subscribe", "Developers", "Submit"]),
        (
            ("reviewer", "operator"),
            ["Catalogue", "Subscribe", "Developers", "Review desk", "Operations", "Partners", "Deliveries"],
        ),
    ],
)
def test_navigation_shows_what_a_person_may_open(roles: tuple[str, ...], ways: list[str]) -> None:
    site = demo(WebSettings()).state.site
    request = Request({"type": "http", "path": "/cases/1", "headers": [], "query_string": b""})
    links = navigation(site, Person("chen", "陈思远", roles), request)
    assert [link.text for link in links] == ways
    assert [link.text for link in links if link.here] == [way for way in ways if way == "Review desk"]
