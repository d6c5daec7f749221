"""What every service's application does before it has routes of its own."""

import re
from datetime import UTC, date, datetime
from html import unescape
from typing import Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, field_validator
from starlette.testclient import TestClient

from tests.web.demo import demo
from tests.web.settings import WebSettings
from web.app import create_app
from web.errors import MOST_KEPT


def test_livez_readyz_and_metrics_answer_machines(client: TestClient) -> None:
    assert client.get("/livez").text == "ok"
    assert client.get("/readyz").json() == {}
    client.get("/cases")
    assert 'shuangqian_http_request_seconds_count{method="GET",route="/cases",service="review",status="200"}' in (
        client.get("/metrics").text
    )


def test_readyz_names_what_is_not_ready() -> None:
    async def ready() -> dict[str, bool]:
        return {"mongo": True, "kafka": False}

    app = create_app("review", WebSettings(), WebSettings().node_modules / "none", ready=ready)
    answer = TestClient(app).get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"mongo": True, "kafka": False})


def test_a_request_id_is_kept_if_plain_and_made_if_not(client: TestClient) -> None:
    assert client.get("/livez", headers={"X-Request-Id": "abc-123"}).headers["x-request-id"] == "abc-123"
    made = client.get("/livez", headers={"X-Request-Id": "<script>"}).headers["x-request-id"]
    assert len(made) == 32


def test_every_answer_forbids_inline_script_and_framing(client: TestClient) -> None:
    for path in ("/cases", "/livez", "/static/shuangqian.css", "/nowhere", "/fails"):
        headers = client.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "unsafe-inline" not in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "none"}, 303),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "http://testserver"}, 303),
        ({"Origin": "https://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_another_site_cannot_make_a_browser_act(client: TestClient, headers: dict[str, str], status: int) -> None:
    assert client.post("/claim", headers=headers).status_code == status


def test_a_problem_is_rfc_9457_to_programs(client: TestClient) -> None:
    answer = client.get("/refuses", headers={"Accept": "application/json", "Accept-Language": "en"})
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["content-language"] == "en"
    assert answer.json() == {
        "type": "urn:shuangqian:problem:revision-taken",
        "title": "The revision is taken",
        "status": 409,
        "instance": f"urn:shuangqian:request:{answer.headers['x-request-id']}",
        "findings": [{"rule": "revision.taken", "pointer": "/revision"}],
    }
    assert client.get("/refuses").json()["title"] == "该修订号已被占用"


def test_a_problem_is_a_page_to_people(client: TestClient, browser_headers: dict[str, str]) -> None:
    answer = client.get("/refuses", headers=browser_headers)
    assert answer.status_code == 409
    assert "该修订号已被占用" in answer.text and "/revision" in answer.text


def test_what_is_sent_without_a_session_stays_on_the_page_to_be_sent_again(
    client: TestClient, browser_headers: dict[str, str]
) -> None:
    """But for what is more than a page should carry, and for files."""
    body = '{"id": "ev/1",\r\n "text": "<b>"}'
    kept = client.post("/operations/mend/s1?x=1", data={"body": body}, headers=browser_headers)
    assert kept.status_code == 401 and kept.headers["cache-control"] == "no-store"
    assert 'action="/operations/mend/s1?x=1" id="again"' in kept.text and "请在新标签页登录" in kept.text
    assert '<base target="_blank">' in kept.text and ' form="again" formtarget="_self"' in kept.text, (
        "no link leaves the page that keeps it"
    )
    assert re.search(r'<a href="#main-content"[^>]* target="_self"', kept.text), "but for the one within it"
    assert "<base" not in client.get("/nowhere", headers=browser_headers).text
    (value,) = re.findall(r'<input type="hidden" name="body" value="([^"]*)">', kept.text)
    assert unescape(value) == body
    # As browsers send a form in whose field for a file none was chosen.
    said = ('name="body"\r\n\r\nme', 'name="file"; filename=""\r\nContent-Type: application/octet-stream\r\n\r\n')
    parts = "".join(f"--x\r\nContent-Disposition: form-data; {each}\r\n" for each in said) + "--x--\r\n"
    headers = browser_headers | {"Content-Type": "multipart/form-data; boundary=x"}
    kept = client.post("/operations/mend/s1", content=parts.encode(), headers=headers)
    assert re.findall(r'<input type="hidden" name="(.*?)" value="(.*?)">', kept.text) == [("body", "me")]
    for not_kept in ({"data": {"body": "x" * MOST_KEPT}}, {"files": {"file": ("a.csv", b"1,2")}}, {"content": b"{}"}):
        answer = client.post("/operations/mend/s1", headers=browser_headers, **not_kept)
        assert answer.status_code == 401 and 'id="again"' not in answer.text and 'href="/sign-in?next=/"' in answer.text


def test_a_page_that_is_not_there_says_where_to_go(client: TestClient, browser_headers: dict[str, str]) -> None:
    answer = client.get("/nowhere", headers=browser_headers)
    assert answer.status_code == 404
    assert "找不到该页面" in answer.text and "/catalogue" in answer.text
    assert client.get("/nowhere").json()["type"] == "urn:shuangqian:problem:not-found"


def test_a_failure_shows_the_request_number_and_nothing_else(
    client: TestClient, browser_headers: dict[str, str]
) -> None:
    answer = client.get("/fails", headers=browser_headers)
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] in answer.text
    assert "nobody foresaw" not in answer.text
    assert client.get("/fails").json()["status"] == 500


def test_more_than_can_be_kept_is_the_senders_to_shorten_and_no_failure(client: TestClient) -> None:
    answer = client.get("/full", headers={"Accept-Language": "en"})
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:shuangqian:problem:too-large")
    assert "2,000 events" in answer.json()["detail"] and "bytes of data" not in answer.text


def test_an_invalid_request_names_each_fault(client: TestClient) -> None:
    answer = client.get("/counts?n=many")
    assert answer.status_code == 422
    assert answer.json()["findings"][0]["pointer"] == "/query/n"


class Ask(BaseModel, extra="forbid"):
    """One field for each way of being wrong."""

    missed: str
    only: Literal["only", "never"] = "only"
    label: str = Field("four", min_length=2, max_length=5)
    code: str = Field("a", pattern="^a+$")
    hours: int = Field(5, ge=1, le=5)
    share: float = Field(0.5, gt=0, lt=1)
    tags: list[str] = Field(["a"], min_length=1, max_length=2)
    yes: bool = True
    day: date = date(2026, 3, 5)
    at: datetime = datetime(2026, 3, 5, tzinfo=UTC)
    own: str = "fine"
    id: UUID = UUID(int=0)

    @field_validator("own")
    @classmethod
    def _own(cls, text: str) -> str:
        if text != "fine":
            raise ValueError("自有的说明。")
        return text


@pytest.mark.parametrize(
    ("field", "value", "zh", "en"),
    [
        ("missed", None, "缺少必填项。", "This is required and missing."),
        ("more", 1, "这里没有此字段。请删去，或检查拼写。", "There is no such field here."),
        ("only", "x", "须为下列之一：'only', 'never'。", "This must be one of: 'only', 'never'."),
        ("label", "a", "至少须有 2 个字符。", "This must have at least 2 characters."),
        ("label", "a" * 6, "最多可有 5 个字符。", "This must have at most 5 characters."),
        ("label", 1, "须为文本。", "This must be a text."),
        ("code", "b", "须符合格式 ^a+$。", "This must match the pattern ^a+$."),
        ("hours", 6, "不得大于 5。", "This must be 5 or less."),
        ("hours", 0, "不得小于 1。", "This must be 1 or more."),
        ("hours", "many", "须为整数。", "This must be a whole number."),
        ("hours", None, "须为整数。", "This must be a whole number."),
        ("hours", 1.5, "须为整数。", "This must be a whole number."),
        ("share", "half", "须为数字。", "This must be a number."),
        ("share", 1, "须小于 1", "This must be less than 1"),
        ("share", 0, "须大于 0", "This must be greater than 0"),
        ("tags", [], "至少须有 1 项。", "This must have at least 1 items."),
        ("tags", ["a"] * 3, "最多可有 2 项。", "This must have at most 2 items."),
        ("tags", "a", "须为列表。", "This must be a list."),
        ("yes", "perhaps", "须为 true 或 false。", "This must be true or false."),
        ("day", "5 March", "须为日期，例如 2026-03-05。", "This must be a day, such as 2026-03-05."),
        ("at", "noon", "须为时间，例如 ", "This must be a time, such as "),
        ("own", "other", "自有的说明。", "自有的说明。"),
        ("id", "x", "此处填写无效：Input should be a valid UUID", "This is not valid: Input should be a valid UUID"),
    ],
)
def test_what_is_wrong_with_a_field_is_said_in_the_readers_language(field: str, value: Any, zh: str, en: str) -> None:
    app = demo(WebSettings())

    async def ask(said: Ask) -> None:
        """Takes what is as it must be."""

    app.add_api_route("/ask", ask, methods=["POST"])
    body = {"missed": "here", field: value}
    if field == "missed":
        del body["missed"]
    for language, text in (("zh", zh), ("en", en)):
        answer = TestClient(app).post("/ask", json=body, headers={"Accept-Language": language})
        (found,) = answer.json()["findings"]
        assert (answer.status_code, found["pointer"]) == (422, f"/body/{field}")
        assert found["text"].startswith(text)


def test_a_body_that_is_no_json_is_said_to_be_none() -> None:
    app = demo(WebSettings())

    async def ask(said: Ask) -> None:
        """Takes what is as it must be."""

    app.add_api_route("/ask", ask, methods=["POST"])
    headers = {"Content-Type": "application/json"}
    (found,) = TestClient(app).post("/ask", content=b'{"a": }', headers=headers).json()["findings"]
    assert (found["rule"], found["text"]) == ("json_invalid", "自第 6 个字符起不是合法的 JSON。")


def test_a_program_whose_key_cannot_be_read_is_not_told_of_a_session(client: TestClient) -> None:
    asked = {"Accept": "application/json", "Accept-Language": "en"}
    answer = client.get("/desk", headers={**asked, "Authorization": "Bearer "})
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:shuangqian:problem:key-missing")
    assert "session" not in answer.text and answer.headers["www-authenticate"] == "Bearer"
    answer = client.get("/desk", headers=asked)
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:shuangqian:problem:not-signed-in")


def test_the_session_cookie_is_lax_http_only_and_secure_behind_https(client: TestClient) -> None:
    cookie = client.post("/claim").headers["set-cookie"].lower()
    assert cookie.startswith("shuangqian=") and "httponly" in cookie and "samesite=lax" in cookie
    secure = TestClient(demo(WebSettings(address="https://city.example")), follow_redirects=False)
    assert "secure" in secure.post("/claim").headers["set-cookie"].lower()


def test_head_is_answered_as_get_without_the_body(client: TestClient, browser_headers: dict[str, str]) -> None:
    for path in ("/", "/nowhere"):
        got, headed = client.get(path, headers=browser_headers), client.head(path, headers=browser_headers)
        assert headed.status_code == got.status_code
        assert (headed.headers["content-type"], headed.headers["content-length"]) == (
            got.headers["content-type"],
            str(len(got.content)),
        )


def test_another_method_is_told_every_one_that_the_address_accepts(client: TestClient) -> None:
    answer = client.delete("/counts?n=1")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    stylesheet = client.delete("/static/shuangqian.css")
    assert (stylesheet.status_code, stylesheet.headers["allow"]) == (405, "GET, HEAD")
