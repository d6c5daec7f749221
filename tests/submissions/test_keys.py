"""What keys open: each problem with a key is its own, and says what to do."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from runtime.settings import Settings
from runtime.streams import Streams
from submissions import keys
from submissions.__main__ import application, mongo
from submissions.domain.partner import PARTNERS, IssueKey
from submissions.keyring import REMEMBERED_S
from tests.submissions.given import OTHER, USCC, key_of, line, signed_in, submission
from tests.support import eventually

EN = {"Accept-Language": "en"}


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}", **EN}


def id_of(key: dict[str, str]) -> str:
    return key["Authorization"].split("_")[2]


async def problem(answer: httpx2.Response) -> tuple[int, str, str]:
    said = answer.json()
    return answer.status_code, said["type"].removeprefix("urn:shuangqian:problem:"), said.get("detail", "")


async def expired_key(settings: Settings) -> tuple[str, datetime]:
    """A key of USCC that has expired, issued when it had not, and when that was."""
    made, at = keys.make(), datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    said: dict[str, Any] = {
        "stream": USCC,
        "cause": "test/expired",
        "actor": "user:test",
        "at": at - timedelta(hours=1),
    }
    async with mongo(settings) as client:
        streams = Streams(client[settings.database("submissions")], PARTNERS)
        await streams.handle([IssueKey(**said, key=made.id, label="old", hash=made.hash, expires=at)])
    return made.text, at


async def test_each_problem_with_a_key_is_its_own(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str]
) -> None:
    text = key["Authorization"].removeprefix("Bearer ")
    old, at = await expired_key(settings)
    revoked = await key_of(client, settings)
    operator = signed_in(settings, "operator")
    await client.delete(f"/partners/{USCC}/keys/{id_of(revoked)}", headers=operator)
    given: dict[str, tuple[dict[str, str], str]] = {
        "none": ({}, "key-missing"),
        "another scheme": ({"Authorization": f"Basic {text}"}, "key-missing"),
        "another kind of key": (bearer("sk_live_51H8"), "key-malformed"),
        "cut off": (bearer(text[:-1]), "key-malformed"),
        "another secret": (bearer(text[:-64] + "0" * 64), "key-unknown"),
        "another mode": (bearer(text.replace("sq_live", "sq_test")), "key-unknown"),
        "revoked": (revoked, "key-revoked"),
        "expired": (bearer(old), "key-expired"),
    }
    for name, (headers, type) in given.items():
        for language in ("en", "zh"):
            answer = await client.post("/submissions", content=line(), headers=headers | {"Accept-Language": language})
            status, found, detail = await problem(answer)
            assert (status, found) == (401, type), name
            assert answer.headers["www-authenticate"] == "Bearer" and detail, name
            assert text not in answer.text and old not in answer.text
    expired = (await client.post("/submissions", content=line(), headers=bearer(old))).json()
    assert datetime.fromisoformat(expired["expired"]) == at
    assert f"{at.astimezone().year}" in expired["detail"]


async def test_a_key_does_what_it_was_issued_for_and_no_more(client: httpx2.AsyncClient, settings: Settings) -> None:
    submit = EN | await key_of(client, settings, scopes=["submit"])
    read = EN | await key_of(client, settings, scopes=["read"])
    refused = await client.post("/submissions", json=submission("a"), headers=read)
    status, type, detail = await problem(refused)
    assert (status, type) == (403, "scope-missing") and "“submit”" in detail
    assert (refused.json()["scope"], refused.json()["scopes"]) == ("submit", ["read"])
    assert (await client.post("/submissions", json=submission("a"), headers=submit)).status_code == 201
    assert (await problem(await client.get("/submissions", headers=submit)))[:2] == (403, "scope-missing")
    assert len((await client.get("/submissions", headers=read)).json()["items"]) == 1
    path = f"/submissions/{USCC}/a/withdraw"
    assert (await client.post(path, json={"reason": "sold"}, headers=read)).status_code == 403
    assert (await client.post(path, json={"reason": "sold"}, headers=submit)).status_code == 200
    for neither in (submit, read):
        answer = await client.post(f"/partners/{USCC}/keys", json={"label": "x"}, headers=neither)
        assert (await problem(answer))[:2] == (403, "scope-missing")


async def test_the_requests_of_two_keys_are_two_though_they_have_one_id(
    client: httpx2.AsyncClient, settings: Settings
) -> None:
    first, second = [EN | await key_of(client, settings, scopes=["keys"]) for _ in range(2)]
    path, named = f"/partners/{USCC}/keys", {"X-Request-Id": "1"}
    answers = [
        (await client.post(path, json={"label": "x", "scopes": ["keys"]}, headers=key | named)).status_code
        for key in (first, second, first)
    ]
    assert answers == [201, 201, 409], "the same key's again is the same request"


async def test_a_key_of_another_partner_is_told_whose_it_is(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str]
) -> None:
    theirs = EN | await key_of(client, settings, OTHER)
    await client.post("/submissions", json=submission("a"), headers=key)
    for reference in ("a", "never-sent"):
        status, type, detail = await problem(await client.get(f"/submissions/{USCC}/{reference}", headers=theirs))
        assert (status, type) == (404, "other-partner") and OTHER in detail


async def test_a_key_that_manages_keys_reaches_no_further_than_itself(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str]
) -> None:
    manager = EN | await key_of(client, settings, mode="test", scopes=["submit", "keys"])
    path = f"/partners/{USCC}/keys"
    assert (
        await client.post(path, json={"label": "x", "mode": "test", "scopes": ["submit"]}, headers=manager)
    ).is_success
    for wider in ({"mode": "live", "scopes": ["submit"]}, {"mode": "test", "scopes": ["read"]}):
        answer = await client.post(path, json={"label": "x", **wider}, headers=manager)
        assert (await problem(answer))[:2] == (403, "key-beyond"), wider
    assert (await client.delete(f"{path}/{id_of(key)}", headers=manager)).status_code == 403
    assert (await client.post(f"{path}/{id_of(key)}/rotate", json={}, headers=manager)).status_code == 403
    rotated = await client.post(f"{path}/{id_of(manager)}/rotate", json={"overlap": "1h"}, headers=manager)
    assert rotated.status_code == 201


async def test_a_rotated_key_and_the_one_in_its_place_both_work(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str]
) -> None:
    own, path = signed_in(settings, "partner", partner=USCC), f"/partners/{USCC}/keys"
    answer = await client.post(f"{path}/{id_of(key)}/rotate", json={"overlap": "7d"}, headers=own)
    new = answer.json()
    assert answer.status_code == 201 and new["replaces"] == id_of(key) and new["scopes"] == ["submit", "read"]
    until = datetime.fromisoformat(new["until"]) - datetime.now(UTC)
    assert timedelta(days=6) < until < timedelta(days=8)
    for each in (key, bearer(new["key"])):
        assert (await client.post("/submissions", json=submission("a"), headers=each)).is_success
    listed = {each["id"]: each for each in (await client.get(path, headers=own)).json()}
    assert (listed[id_of(key)]["status"], listed[new["id"]]["status"]) == ("expiring", "active")
    assert listed[new["id"]]["replaces"] == id_of(key) and "hash" not in listed[new["id"]]
    await client.delete(f"{path}/{id_of(key)}", headers=own)
    again = await client.post(f"{path}/{id_of(key)}/rotate", json={}, headers=own)
    assert (await problem(again))[:2] == (409, "key-over")
    early = {"label": "x", "expires": "2020-01-01T00:00:00Z"}
    assert (await problem(await client.post(path, json=early, headers=own)))[:2] == (422, "expires-early")
    for far in ("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00"):
        answer = await client.post(path, json={"label": "x", "expires": far}, headers=own)
        assert answer.status_code == 422, answer.text


async def test_a_key_revoked_in_another_process_is_refused_within_a_second(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str]
) -> None:
    async with mongo(settings) as other_client:
        other = application(settings, other_client)
        transport = httpx2.ASGITransport(other)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8001") as elsewhere:
            assert (await elsewhere.get("/submissions", headers=key)).status_code == 200
            own = signed_in(settings, "partner", partner=USCC)
            await client.delete(f"/partners/{USCC}/keys/{id_of(key)}", headers=own)
            assert (await client.get("/submissions", headers=key)).status_code == 401

            async def refused() -> bool:
                return (await elsewhere.get("/submissions", headers=key)).status_code == 401

            await asyncio.sleep(REMEMBERED_S)
            await eventually(refused, 2)


async def test_the_last_use_of_a_key_is_shown_to_the_minute(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str]
) -> None:
    own, path = signed_in(settings, "partner", partner=USCC), f"/partners/{USCC}/keys"
    assert [each["used"] for each in (await client.get(path, headers=own)).json()] == [None]
    await client.get("/submissions", headers=key)

    async def used() -> str:
        (held,) = (await client.get(path, headers=own)).json()
        return held["used"] or ""

    at = datetime.fromisoformat(await eventually(used))
    assert at.second == 0 and timedelta(0) <= datetime.now(UTC) - at < timedelta(minutes=2)


@pytest.fixture
def html(settings: Settings) -> dict[str, str]:
    return {"Accept": "text/html", **EN} | signed_in(settings, "partner", partner=USCC)


async def test_the_page_issues_a_test_key_that_expires_and_names_what_is_wrong(
    client: httpx2.AsyncClient, key: dict[str, str], html: dict[str, str]
) -> None:
    wrong = await client.post("/keys", data={"label": "", "mode": "no", "expires": "2020-02-30"}, headers=html)
    assert wrong.status_code == 422 and wrong.text.count('class="govuk-error-message"') == 4
    day = (datetime.now(UTC) + timedelta(days=5)).date().isoformat()
    data = {"label": "ERP, trial", "mode": "test", "scopes": ["submit"], "expires": day}
    issued = await client.post("/keys", data=data, headers=html)
    assert issued.status_code == 201 and "sq_test_" in issued.text
    assert "1 key expires soon." in (await client.get("/keys", headers=html)).text


async def test_the_page_of_a_key_rotates_it(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str], html: dict[str, str]
) -> None:
    path = f"/keys/{id_of(key)}"
    assert (await client.post(f"{path}/rotate", data={"overlap": "9d"}, headers=html)).status_code == 422
    once = {"overlap": "1h", "request": "one-form"}
    rotated = await client.post(f"{path}/rotate", data=once, headers=html)
    assert rotated.status_code == 201 and "The key that takes its place" in rotated.text
    assert (await client.post(f"{path}/rotate", data=once, headers=html)).status_code == 409
    others = html | signed_in(settings, "partner", partner=OTHER)
    assert (await client.get(path, headers=others)).status_code == 404
