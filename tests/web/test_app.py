"""What every service's application does before it has routes of its own."""

import pytest
from starlette.testclient import TestClient

from tests.web.demo import demo
from tests.web.settings import WebSettings
from web.app import create_app


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
