"""Signing in, for real: the application under uvicorn, an issuer beside it, and a browser's requests by hand."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from web.people import Person, actor, local_path

PAGE = {"Accept": "text/html"}


@pytest.fixture
def browser(address: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=address, headers=PAGE) as client:
        yield client


def sign_in(browser: httpx2.Client, sub: str, path: str) -> httpx2.Response:
    """Open `path`, be sent to the issuer, choose `sub` there, and come back; the last answer."""
    sent = browser.get(path)
    assert sent.status_code == 303
    asked = browser.get(sent.headers["location"])
    assert asked.status_code == 302
    query = parse_qs(urlsplit(asked.headers["location"]).query)
    assert query["response_type"] == ["code"]
    assert query["code_challenge_method"] == ["S256"]
    assert len(query["code_challenge"][0]) == 43
    assert query["state"] and query["nonce"]
    chosen = browser.post(asked.headers["location"], data={"sub": sub})
    back = browser.get(chosen.headers["location"])
    assert back.status_code == 303, back.text
    return browser.get(back.headers["location"])


def test_a_person_signs_in_and_comes_back_to_the_page(browser: httpx2.Client) -> None:
    desk = sign_in(browser, "chen", "/desk?page=2")
    assert desk.status_code == 200
    assert str(desk.url).endswith("/desk?page=2")
    assert "陈思远" in desk.text
    assert browser.get("/me").json() == {
        "sub": "chen",
        "name": "陈思远",
        "roles": ["reviewer", "operator"],
        "partner": None,
    }


def test_a_missing_role_is_forbidden_with_a_next_step(browser: httpx2.Client) -> None:
    desk = sign_in(browser, "liu", "/desk")
    assert desk.status_code == 403
    assert "评审员" in desk.text and "刘芳" in desk.text and "/sign-in?next=" in desk.text
    assert browser.get("/me").json()["partner"] == "91510100MA6CGUGA1W"


def test_signing_out_ends_the_session(browser: httpx2.Client) -> None:
    sign_in(browser, "chen", "/desk")
    assert browser.post("/sign-out").status_code == 303
    assert browser.get("/me").json() is None


def test_a_program_is_told_to_sign_in_not_redirected(address: str) -> None:
    answer = httpx2.get(f"{address}/desk", headers={"Accept-Language": "en"})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:shuangqian:problem:not-signed-in"


def test_a_callback_that_nobody_began_signs_nobody_in(browser: httpx2.Client) -> None:
    answer = browser.get("/callback?code=stolen&state=made-up")
    assert answer.status_code == 400
    assert browser.get("/me").json() is None


def test_an_operator_sends_a_parked_stream_on(browser: httpx2.Client) -> None:
    overview = sign_in(browser, "chen", "/operations")
    assert "cold-chain@2" in overview.text and "1,204" in overview.text
    parked = "/operations/parked/91510100MA6CGUGA1W/cold-chain@2"
    assert "submission.renamed.v1" in browser.get(parked).text
    assert browser.post(parked).headers["location"] == "/operations"
    after = browser.get("/operations")
    assert "已按顺序重新投递 3 个事件。" in after.text and "cold-chain@2" not in after.text
    assert browser.post(parked).status_code == 404


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("/cases?page=2", "/cases?page=2"),
        ("https://elsewhere.example/", "/"),
        ("//elsewhere.example/", "/"),
        ("/\\elsewhere.example", "/"),
        ("cases", "/"),
        ("", "/"),
    ],
)
def test_sign_in_leads_nowhere_but_this_host(address: str, path: str) -> None:
    assert local_path(address) == path


def test_events_name_a_person_by_the_issuers_lasting_name() -> None:
    assert actor(Person("chen", "陈思远")) == "user:chen"
