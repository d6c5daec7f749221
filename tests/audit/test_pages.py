"""The auditor's pages and JSON, on real Kafka and MongoDB."""

import json
import time
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from itsdangerous import TimestampSigner
from starlette.testclient import TestClient

from audit.__main__ import application
from audit.pages import Reference, reference
from audit.replay import Until
from audit.store import Runs
from tests.audit.conftest import DECIDERS, World
from tests.audit.histories import document, event
from tests.web.settings import ROOT

BROWSER = {"accept": "text/html", "accept-language": "en", "sec-fetch-site": "same-origin"}


def signed_in(world: World, *roles: str) -> dict[str, str]:
    person = {"sub": "auditor-feng", "name": "冯核 Feng He", "roles": [*roles], "partner": None}
    session = b64encode(json.dumps({"person": person}).encode())
    return {"shuangqian": TimestampSigner(world.settings.session_secret).sign(session).decode()}


@pytest.fixture
def auditor(lived: World) -> Iterator[TestClient]:
    settings = lived.settings.model_copy(update={"node_modules": ROOT / "node_modules"})
    with TestClient(application(settings, DECIDERS), cookies=signed_in(lived, "auditor")) as client:
        yield client


def finished(auditor: TestClient, address: str) -> Any:
    for _ in range(200):
        run = auditor.get(address).json()
        if run["status"] != "running":
            return run
        time.sleep(0.1)
    raise AssertionError("the replay did not end")


def test_pages_are_the_auditors_alone(lived: World, auditor: TestClient) -> None:
    auditor.cookies.clear()
    auditor.cookies.update(signed_in(lived, "reviewer"))
    for path in ("/audit", "/audit/streams", "/audit/runs/x"):
        assert auditor.get(path, headers=BROWSER).status_code == 403
    auditor.cookies.clear()
    assert auditor.get("/audit", headers=BROWSER, follow_redirects=False).status_code == 303
    assert auditor.post("/audit/runs").status_code == 401


def test_a_replay_started_by_a_program_ends_with_its_verdict(auditor: TestClient) -> None:
    begun = auditor.post("/audit/runs", data={"service": "review"})
    assert begun.status_code == 202 and begun.headers["location"] == f"/audit/runs/{begun.json()['id']}"
    run = finished(auditor, begun.headers["location"])
    assert (run["status"], run["by"], run["verdict"]["equal"]) == ("done", "user:auditor-feng", True)
    assert [counts["service"] for counts in run["verdict"]["services"]] == ["review"]
    assert auditor.post("/audit/runs", data={"service": "archive"}).status_code == 422
    assert auditor.get("/audit/runs/none").status_code == 404


def test_the_pages_tell_first_of_nothing_then_equal_then_different(lived: World, auditor: TestClient) -> None:
    assert "Nothing has been replayed yet" in auditor.get("/audit", headers=BROWSER).text
    begun = auditor.post("/audit/runs", headers=BROWSER, follow_redirects=False)
    assert begun.status_code == 303
    address = begun.headers["location"]
    finished(auditor, address)
    assert "Replaying history gives the live state" in auditor.get("/audit", headers=BROWSER).text
    lived.database["partners"].update_one({"_id": "s4"}, {"$set": {"state.keys.1": "hand"}})
    address = auditor.post("/audit/runs", headers=BROWSER, follow_redirects=False).headers["location"]
    finished(auditor, address)
    shown = auditor.get(address, headers=BROWSER).text
    for part in ("part in 1 place.", "partner s4", "/keys/1", "&#34;hand&#34;", "2 · Key issued"):
        assert part in shown
    assert "不一致" in auditor.get(f"{address}?lang=zh", headers=BROWSER).text
    progress = auditor.get(f"{address}/progress", headers=BROWSER)
    assert progress.headers["hx-refresh"] == "true"


def test_a_stream_that_the_service_has_not_is_not_green(lived: World, auditor: TestClient) -> None:
    lived.database["partners"].insert_one(document("alone", event("alone", 1)))
    address = auditor.post("/audit/runs", data={"service": "review", "stream": "alone"}).headers["location"]
    verdict = finished(auditor, address)["verdict"]
    assert (verdict["equal"], verdict["streams"], verdict["differing"]) == (False, 0, 0)
    shown = auditor.get(address, headers=BROWSER).text
    assert "Neither history nor database of this service (Review) has the stream alone." in shown
    assert "sq-verdict--none" in shown and verdict["kafka"] in shown and verdict["mongo"] in shown
    runs = auditor.get("/audit", headers=BROWSER).text
    assert "Nothing to compare" in runs and "govuk-tag--green" not in runs and "<td>Review alone</td>" in runs


def test_what_was_not_a_replay_of_everything_is_not_the_last_verdict(lived: World, auditor: TestClient) -> None:
    runs = Runs(lived.client[lived.settings.database("audit")])
    for part in (lived.replay(until=Until(offset=1)), lived.replay(against="nothing")):
        runs.done(runs.begin("user:test", None, None), part)
    assert "Nothing has been replayed yet" in auditor.get("/audit", headers=BROWSER).text
    (cut,) = (run for run in runs.page(1, 20)[0] if run["verdict"]["until"])
    assert "Up to offset 1 of each partition." in auditor.get(f"/audit/runs/{cut['_id']}", headers=BROWSER).text


def test_why_a_message_is_no_event_is_told_in_the_readers_language(lived: World, auditor: TestClient) -> None:
    unknown = event("s5", 1) | {"type": "partner.moved.v1"}
    lived.send(("s4", orjson.dumps(event("s5", 1))), ("s5", orjson.dumps(unknown)))
    lived.database["partners"].delete_one({"_id": "s6"})
    address = auditor.post("/audit/runs", headers=BROWSER, follow_redirects=False).headers["location"]
    finished(auditor, address)
    zh, en = (auditor.get(f"{address}?lang={language}", headers=BROWSER).text for language in ("zh", "en"))
    for part in ("其键为 s4；其流为 s5。", "没有服务有类型为 partner.moved.v1 的事件。", "修复命令："):
        assert part in zh
    assert "event&#39;s stream" not in zh and "unknown event type" not in zh
    for part in ("Its key is s4; its stream is s5.", "What puts it right: <code>python -m submissions replay</code>"):
        assert part in en


def test_what_is_asked_for_while_another_replay_is_under_way_is_said_not_to_be_begun(
    lived: World, auditor: TestClient
) -> None:
    under_way = Runs(lived.client[lived.settings.database("audit")]).begin("user:test", None, None)
    same = auditor.post("/audit/runs")
    assert (same.status_code, same.json()["id"]) == (202, under_way)
    other = auditor.post("/audit/runs", data={"stream": "s4"})
    assert (other.status_code, other.json()["type"], other.json()["run"]) == (
        409,
        "urn:shuangqian:problem:replay-under-way",
        f"/audit/runs/{under_way}",
    )
    page = auditor.post("/audit/runs", data={"stream": "s4"}, headers=BROWSER)
    assert page.url.path == f"/audit/runs/{under_way}" and "the one that you asked for was not begun" in page.text


def test_a_replay_without_kafka_fails_with_the_reason(lived: World) -> None:
    settings = lived.settings.model_copy(
        update={"node_modules": ROOT / "node_modules", "kafka_bootstrap": "127.0.0.1:9"}
    )
    with TestClient(application(settings, DECIDERS), cookies=signed_in(lived, "auditor")) as client:
        address = client.post("/audit/runs").headers["location"]
        assert (finished(client, address)["status"]) == "failed"
        assert "Kafka or MongoDB did not answer" in client.get(address, headers=BROWSER).text
        assert client.get("/audit/streams?q=s1", headers=BROWSER).status_code == 503


def test_a_stream_is_shown_with_what_caused_each_event(lived: World, auditor: TestClient) -> None:
    caused = {**event("s3", 4), "causationid": "/review/s5/2", "traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}
    contact = {**caused, "data": {**caused["data"], "label": "4", "contact": {"name": "Ma"}}}
    lived.send(("s3", orjson.dumps(contact)), ("s3", b"no event"))
    shown = auditor.get("/audit/streams?q=s3", headers=BROWSER).text
    assert shown.count("Key issued</h3>") == 7
    assert 'href="/audit/streams?q=s5&amp;service=review#review-2"' in shown and "ab" * 16 in shown
    assert "(withheld)" in shown and "A message that is not an event" in shown
    assert auditor.get("/audit/streams?q=s3&service=review", headers=BROWSER).text.count("Key issued</h3>") == 3
    assert "No history knows" in auditor.get("/audit/streams?q=S3", headers=BROWSER).text
    assert "How streams are named" in auditor.get("/audit/streams", headers=BROWSER).text


def test_a_reference_leads_to_its_event() -> None:
    services = ("submissions", "review")
    assert reference("/review/p/r@1/3", services) == Reference(
        "/review/p/r@1/3", "/audit/streams?q=p%2Fr%401&service=review#review-3"
    )
    assert reference("request:42", services) == Reference("request:42", None)
    assert reference("/elsewhere/p/3", services).href is None


def test_what_is_noticed_is_told_beside_a_verdict_of_equal(lived: World, auditor: TestClient) -> None:
    """The event has a cause that no history has, so all is equal and yet something is odd."""
    odd = {**event("odd", 1), "causationid": "/review/s1/99"}
    lived.database["partners"].insert_one(document("odd", odd))
    lived.send(("odd", orjson.dumps(odd)))
    address = auditor.post("/audit/runs", headers=BROWSER, follow_redirects=False).headers["location"]
    verdict = finished(auditor, address)["verdict"]
    assert (verdict["equal"], verdict["noticed"], verdict["notices"][0]["kind"]) == (True, 1, "cause-unknown")
    shown = auditor.get(address, headers=BROWSER).text
    for part in ("Replaying history gives the live state", "1 thing was noticed besides", "/review/s1/99"):
        assert part in shown
    assert "事件的起因不在任何历史中" in auditor.get(f"{address}?lang=zh", headers=BROWSER).text
