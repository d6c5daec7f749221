"""The time machine and the search, as an auditor and a program meet them, on what the recorder has written."""

import re
import time
from collections.abc import Iterable, Iterator
from typing import Any

import orjson
import pytest
from starlette.testclient import TestClient

from audit.__main__ import application
from audit.leaves import Leaves
from audit.recorder import Recorder
from audit.recorder_read import _KINDS
from schemas.envelope import Json
from tests.audit.conftest import DECIDERS, World
from tests.audit.histories import event
from tests.audit.test_pages import BROWSER, signed_in
from tests.web.settings import ROOT

USCC = "91510100MA6CGUGA1W"


@pytest.fixture
def told(lived: World) -> World:
    """Ten streams of three events in each of two services; one more that names a partner, was caused by an event of
    another, holds a contact and had its clock run backwards; all recorded."""
    first = event(f"{USCC}/metro", 1) | {"time": "2026-11-02T08:00:00.000Z", "actor": f"partner:{USCC}"}
    second = event(f"{USCC}/metro", 2) | {"time": "2026-11-03T08:00:00.000Z", "causationid": "/review/s5/2"}
    second |= {"correlationid": first["correlationid"], "traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}
    second["data"] = second["data"] | {"contact": {"name": "Ma"}}
    third = event(f"{USCC}/metro", 3) | {"time": "2026-11-02T20:00:00.000Z", "correlationid": first["correlationid"]}
    lived.send(*((f"{USCC}/metro", orjson.dumps(each)) for each in (first, second, third)))
    record(lived, 63)
    return lived


def record(world: World, count: int) -> None:
    recorder = Recorder(world.settings)
    recorder.start()
    try:
        recorded = world.client[world.settings.database("audit")]["recorded"]
        for _ in range(400):
            if recorded.count_documents({}) == count:
                return
            time.sleep(0.05)
        raise AssertionError(f"{recorded.count_documents({})} of {count} events were recorded")
    finally:
        recorder.stop()
        recorder.join(15)


@pytest.fixture
def auditor(told: World) -> Iterator[TestClient]:
    settings = told.settings.model_copy(update={"node_modules": ROOT / "node_modules"})
    with TestClient(application(settings, DECIDERS), cookies=signed_in(told, "auditor")) as client:
        yield client


def get(auditor: TestClient, path: str) -> Any:
    answer = auditor.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_stream_is_told_after_each_event_at_a_time_and_beside_another_moment(auditor: TestClient) -> None:
    newest = get(auditor, "/audit/time/submissions/s3")
    assert (newest["events"], newest["now"]["number"], newest["with"]["number"]) == (3, 3, 2)
    assert newest["now"]["state"] == {"keys": ["0", "1", "2"]} and newest["now"]["event"] == "/submissions/s3/3"
    assert newest["differences"] == [{"pointer": "/keys/2", "before": None, "after": "2", "change": "set"}]
    first = get(auditor, "/audit/time/submissions/s3?at=1&with=3")
    assert (first["now"]["state"], first["with"]["number"]) == ({"keys": ["0"]}, 3)
    assert [each["change"] for each in first["differences"]] == ["removed", "removed"]
    assert get(auditor, "/audit/time/submissions/s3?at=2026-10-31")["now"] == {
        "number": 0,
        "event": None,
        "leaf": None,
        "time": None,
        "state": None,
        "folded": 0,
        "problem": None,
    }
    assert get(auditor, "/audit/time/review/s3?at=99")["now"]["number"] == 3


def test_a_clock_that_ran_back_is_said_and_the_order_is_the_streams(auditor: TestClient) -> None:
    address = f"/audit/time/submissions/{USCC}/metro"
    assert get(auditor, address)["clock_ran_back"] == [f"/submissions/{USCC}/metro/3"]
    assert get(auditor, f"{address}?at=2026-11-02T21:00Z")["now"]["number"] == 1
    assert "a clock ran backwards" in auditor.get(address, headers=BROWSER).text


def test_what_cannot_be_looked_at_is_said_with_the_next_step(auditor: TestClient) -> None:
    assert auditor.get("/audit/time/submissions/nobody").status_code == 404
    wrong = auditor.get("/audit/time/submissions/s3?at=yesterday", headers={"Accept-Language": "en"})
    assert (wrong.status_code, wrong.json()["title"]) == (422, "“yesterday” is no moment")
    assert auditor.get("/audit/catalogue?at=soon").status_code == 422
    for path in ("time/submissions/s3?at=soon", "time/submissions/s3?with=soon", "catalogue?at=soon&with=soon"):
        shown = auditor.get(f"/audit/{path}", headers=BROWSER)
        assert shown.status_code == 422 and "There is a problem" in shown.text and "with=soon#" not in shown.text
        assert 'class="govuk-error-message"' in shown.text and ("Event 3 of 3" in shown.text) == ("time" in path)
    for day in ("2026-13-40", "0001-01-01T00:00", "9999-12-31T23:59:59-12:00"):
        for name in ("from", "to"):
            searched = auditor.get(f"/audit/events?{name}={day}", headers=BROWSER)
            assert searched.status_code == 422 and "There is a problem" in searched.text, (name, day)
    assert "must not lie before" in auditor.get("/audit/events?from=2026-11-03&to=2026-11-01", headers=BROWSER).text


def test_the_page_shows_the_moment_its_proof_and_its_story_and_withholds_the_contact(auditor: TestClient) -> None:
    address = f"/audit/time/submissions/{USCC}/metro?at=2"
    shown = auditor.get(address, headers=BROWSER).text
    for part in (
        "Event 2 of 3",
        "(withheld)",
        "ab" * 16,
        "/keys/1",
        f"/log/proof?ref=%2Fsubmissions%2F{USCC}%2Fmetro%2F2",
    ):
        assert part in shown, part
    assert "Ma" not in shown.replace("Mail", "")
    # The story holds what caused it elsewhere, drawn in a lane of its own with a line from there.
    assert 'sq-graph__event--review"' in shown and '<path class="sq-graph__line"' in shown
    block = auditor.get(address, headers=BROWSER | {"hx-request": "true"}).text
    assert block.lstrip().startswith('<div id="moment" data-at="2"') and "<html" not in block


def test_what_is_told_of_a_time_stays_where_it_is_when_nothing_is_changed(auditor: TestClient) -> None:
    address = f"/audit/time/submissions/{USCC}/metro"
    shown = auditor.get(f"{address}?at=1", headers=BROWSER).text
    value = re.search(r'id="time" name="at" value="([^"]+)"', shown)
    assert value and get(auditor, f"{address}?at={value[1]}")["now"]["number"] == 1
    assert "2 Nov 2026, 16:00:00.000" in shown


def test_an_event_that_cannot_be_folded_is_shown_as_it_is(auditor: TestClient, told: World) -> None:
    # given a stream of one event of an unknown type, and one that says nothing
    told.send(("ghost", orjson.dumps(event("ghost", 1) | {"type": "partner.vanished.v1"})))
    told.send(("mute", orjson.dumps({**event("mute", 1), "type": "mute.fell.v1", "data": None})))
    record(told, 65)
    for stream, why in (("ghost", "unknown event type partner.vanished.v1"), ("mute", "streams of the kind mute")):
        # when an auditor looks at it
        shown = auditor.get(f"/audit/time/submissions/{stream}?at=1", headers=BROWSER).text
        # then it is there, with why no state is
        for part in ("Event 1 of 1", "user:test", "What it says", f"submissions%2F{stream}%2F1", why, "up to event 0"):
            assert part in shown, part
        assert "sq-graph__step--here" in shown and "<code>/</code>" not in shown
    before = auditor.get("/audit/time/submissions/s3?at=0", headers=BROWSER).text
    assert "<code>/</code>" not in before and "Nothing was there at either moment" in before


def test_a_long_story_is_drawn_around_the_event_that_is_shown_with_all_its_causes_and_effects(
    auditor: TestClient, told: World
) -> None:
    # given a story of 120 events; the 110th was caused by the 2nd, and had ten effects in other stories
    story = [event("r", n) for n in range(1, 121)]
    story[109]["causationid"] = "/submissions/r/2"
    effects = [event(f"e{n}", 1) | {"causationid": "/submissions/r/110"} for n in range(10)]
    told.send(*((each["subject"], orjson.dumps(each)) for each in (*story, *effects)))
    record(told, 193)
    # when an auditor looks at it
    shown = auditor.get("/audit/time/submissions/r?at=110", headers=BROWSER).text
    # then they are drawn, it among them, and how many are not is said
    drawn = set(re.findall(r'class="govuk-link" href="/audit/time/submissions/([^"?]+)\?at=(\d+)#story"', shown))
    assert shown.count("sq-graph__step--here") == 1
    assert drawn >= {("r", "110"), ("r", "2"), *((f"e{n}", "1") for n in range(10))}
    of_the_story = sum(stream == "r" for stream, _ in drawn)
    assert f"{120 - of_the_story} events of this story are not drawn" in shown and of_the_story == 41
    # those nearest to an event are drawn, wherever it stands in its story
    leaves = Leaves(told.client[told.settings.database("audit")])
    for at, near in ((1, range(1, 41)), (50, range(30, 70)), (120, range(81, 121))):
        (one,) = leaves.some([f"/submissions/r/{at}"])
        told_of = leaves.story(one)
        numbers = {leaf.sequence for leaf in told_of.leaves if leaf.stream == "r"} - {2, 110}
        assert (numbers, told_of.total) == (set(near) - {2, 110}, 120)
    # and the links lead to as many as they say
    assert "All 120 events of the story" in shown
    assert get(auditor, "/audit/events?correlation=/submissions/r/1")["total"] == 120
    assert get(auditor, "/audit/events?cause=/submissions/r/110")["total"] == 10


@pytest.mark.parametrize(
    ("change", "field"),
    [({"actor": "user:nobody"}, "actor"), ({"event": b"no json"}, "event"), ({"event": b"{}"}, "event")],
)
def test_a_record_that_was_changed_is_no_history_and_says_so(
    auditor: TestClient, told: World, change: Json, field: str
) -> None:
    recorded = told.client[told.settings.database("audit")]["recorded"]
    one = recorded.find_one_and_update({"_id": "/submissions/s3/2"}, {"$set": change})
    assert one is not None
    altered = {"event": "/submissions/s3/2", "leaf": one["leaf"], "field": field}
    assert get(auditor, "/audit/time/submissions/s3")["altered"] == [altered]
    assert get(auditor, "/audit/time/review/s3")["altered"] == []
    found = get(auditor, "/audit/events?entry=s3")["events"]
    assert {each["ref"]: each["altered"] for each in found if each["altered"]} == {"/submissions/s3/2": field}
    for address in ("/audit/time/submissions/s3?at=2", "/audit/events?entry=s3"):
        shown = auditor.get(address, headers=BROWSER)
        assert shown.status_code == 200 and f"The record of leaf {one['leaf']}, /submissions/s3/2" in shown.text


def test_a_record_that_lacks_a_field_takes_no_page_down_that_lists_it(auditor: TestClient, told: World) -> None:
    recorded = told.client[told.settings.database("audit")]["recorded"]
    ref, stream = f"/submissions/{USCC}/metro/2", f"{USCC}/metro"
    one = recorded.find_one({"_id": ref})
    assert one is not None
    pages = ("/audit/events", f"/audit/time/submissions/{stream}", f"/audit/time/submissions/{stream}?at=1")
    for field in sorted(set(_KINDS) - {"_id"}):
        for update in ({"$unset": {field: ""}}, {"$set": {field: {"a": 1}}}):
            recorded.update_one({"_id": ref}, update)
            for address in pages:
                for headers in ({}, BROWSER):
                    answer = auditor.get(address, headers=headers)
                    assert answer.status_code == 200, (update, answer.text)
            assert auditor.get(f"/log/proof?ref={ref}").status_code == 404, update  # no checkpoint; or no such leaf
            query = f"correlation=/submissions/{stream}/1" if field == "stream" else "entry=metro"
            found = get(auditor, f"/audit/events?{query}")["events"]
            assert [(each["ref"], each["altered"]) for each in found if each["altered"]] == [(ref, field)]
            recorded.replace_one({"_id": ref}, one)


def test_a_catalogue_that_lacks_what_was_altered_is_not_told_and_the_record_is_named(
    auditor: TestClient, told: World
) -> None:
    recorded = told.client[told.settings.database("audit")]["recorded"]
    one = recorded.find_one_and_update(
        {"_id": "/submissions/s3/2"}, {"$set": {"type": "entry.retracted.v1", "event": b"{}"}}
    )
    assert one is not None
    answer = auditor.get("/audit/catalogue", headers={"Accept-Language": "en"})
    assert answer.status_code == 409, answer.text
    assert answer.json()["detail"].startswith(f"The record of leaf {one['leaf']}, /submissions/s3/2, was changed")


def test_the_catalogue_of_a_history_without_releases_is_empty_and_says_so(auditor: TestClient) -> None:
    empty = get(auditor, "/audit/catalogue")
    assert (empty["counts"], empty["entries"]) == ({"scene": 0, "product": 0, "linkage": 0}, {})
    assert "Nothing was public then" in auditor.get("/audit/catalogue", headers=BROWSER).text


def test_events_are_found_by_entry_partner_actor_type_story_and_time(auditor: TestClient) -> None:
    wanted = {
        "": 63,
        f"entry={USCC}/metro": 3,
        f"entry={USCC}/met": 3,
        "entry=etro": 3,
        f"partner={USCC}": 3,
        f"actor=partner:{USCC}": 1,
        "actor=user:test&entry=s3": 6,
        "type=partner.key-issued.v1&to=2026-11-01": 60,
        "from=2026-11-02&to=2026-11-02": 1,
        "from=2026-11-03&to=2026-11-03": 2,
        f"correlation=/submissions/{USCC}/metro/1": 3,
        "type=submission.received.v1": 0,
        "entry=.*": 0,
        # what can only mean one thing is understood
        f"entry={USCC.lower()}/METRO": 3,
        "entry=ETRO": 3,
        f"partner={USCC.lower()}": 3,
        "actor=test": 62,
        "actor=User:Test&entry=s3": 6,
        f"actor={USCC.lower()}": 1,
        "type=partner.key-issued": 63,
        "type=Partner.Key-Issued.V1": 63,
    }
    answers = {query: get(auditor, f"/audit/events?{query}") for query in wanted}
    assert {query: answer["total"] for query, answer in answers.items()} == wanted
    assert all(len(answer["events"]) == min(answer["total"], 25) for answer in answers.values())


def test_a_search_that_finds_nothing_says_which_part_of_it_does_and_what_is_like_it(auditor: TestClient) -> None:
    wanted = {
        "actor=tset": ["Nobody called “tset” has done anything that is recorded. Perhaps user:test?"],
        "type=submision.recieved": [
            "No event of the kind “submision.recieved” is recorded. "
            "Perhaps submission.received.v1, submission.revised.v1, submission.refused.v1?"
        ],
        "partner=zoo&entry=s3": [
            "Nothing is recorded of a partner “zoo”. Give the credit code, or a part of the name."
        ],
        "entry=zoo": ["No stream has “zoo” in its name. Words of a title go into the field beside it."],
        f"entry=s3&actor={USCC}": ["Each of these finds events alone, but no event is like all of them."],
        "entry=s3": [],
    }
    english = {"accept-language": "en"}
    answers = {query: auditor.get(f"/audit/events?{query}", headers=english).json()["hints"] for query in wanted}
    assert answers == wanted
    shown = auditor.get("/audit/events?actor=tset", headers=BROWSER).text
    assert "Perhaps user:test?" in shown and 'aria-describedby="filter-actor-hint"' in shown


def test_a_filter_that_is_misspelt_is_refused(auditor: TestClient) -> None:
    wrong = auditor.get("/audit/events?frm=2026-11-01")
    assert (wrong.status_code, wrong.json()["findings"][0]["pointer"]) == (422, "/query/frm")
    shown = auditor.get("/audit/events?frm=2026-11-01", headers=BROWSER)
    assert shown.status_code == 422 and "There is no such parameter here" in shown.text and "filter-from" in shown.text


def test_a_partner_is_found_by_its_name_and_of_several_one_must_be_chosen(auditor: TestClient, told: World) -> None:
    other = "91510100MA6CGUGA2X"
    for code, zh, en in ((USCC, "成都地铁", "Chengdu Metro"), (other, "成都地铁二号", "Chengdu Metro Two")):
        named = {"type": "partner.registered.v1", "data": {"name": {"zh": zh, "en": en}, "type": "enterprise"}}
        told.send((code, orjson.dumps(event(code, 1) | named)))
    # what says nothing that it must is recorded too
    for code, data in (("91510100MA6CGUGA3Y", "text"), ("91510100MA6CGUGA4Z", {"name": {"zh": ["地铁"], "en": 5}})):
        told.send((code, orjson.dumps(event(code, 1) | {"type": "partner.registered.v1", "data": data})))
    record(told, 67)
    names = {"成都地铁": 4, "metro two": 1, "CHENGDU METRO": 4, "二号": 1}
    assert {name: get(auditor, f"/audit/events?partner={name}")["total"] for name in names} == names
    assert auditor.get("/audit/events?partner=地铁").status_code == 422
    shown = auditor.get("/audit/events?partner=地铁", headers=BROWSER).text
    assert f"Give one’s code: Chengdu Metro {USCC}, Chengdu Metro Two {other}" in shown


def test_pages_of_events_follow_one_another_from_the_newest_without_gap_or_repeat(auditor: TestClient) -> None:
    answer = get(auditor, "/audit/events")
    pages = [answer["events"]]
    while answer["next"]:
        answer = get(auditor, f"/audit/events?after={answer['next']}")
        pages.append(answer["events"])
    seen = [(each["time"], each["leaf"]) for page in pages for each in page]
    assert len(seen) == 63 and seen == sorted(set(seen), reverse=True)


def test_the_pages_of_events_say_what_is_empty_and_why(auditor: TestClient, told: World) -> None:
    shown = auditor.get("/audit/events?entry=metro", headers=BROWSER).text
    assert f'href="/audit/time/submissions/{USCC}/metro?at=3"' in shown and "Recorded up to leaf" in shown
    assert "No event is like this" in auditor.get("/audit/events?entry=zoo", headers=BROWSER).text
    told.client[told.settings.database("audit")]["recorded"].delete_many({})
    assert "Nothing is recorded yet" in auditor.get("/audit/events", headers=BROWSER).text


def changing_routes(routes: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Method and path of every route that may change something."""
    for route in routes:
        if inner := getattr(route, "original_router", None):
            yield from changing_routes(inner.routes)
        for method in (getattr(route, "methods", None) or set()) - {"GET", "HEAD"}:
            yield method, route.path


def test_auditors_alone_look_and_may_change_nothing(auditor: TestClient, told: World) -> None:
    paths = ["/audit/time/submissions/s3", "/audit/catalogue", "/audit/events"]
    changing = set(changing_routes(auditor.app.routes))  # type: ignore[attr-defined]
    # A replay writes to audit's own database.
    assert {path for _, path in changing if path.startswith("/audit")} == {"/audit/runs"}
    for method, path in changing - {("POST", "/audit/runs"), ("POST", "/sign-out")}:
        assert auditor.request(method, path.replace("{", "").replace("}", "")).status_code == 403, path
    for role in ("reviewer", "operator", "onlooker", "publisher", "partner"):
        auditor.cookies.clear()
        auditor.cookies.update(signed_in(told, role))
        assert [auditor.get(path).status_code for path in paths] == [403, 403, 403], role
    auditor.cookies.clear()
    assert [auditor.get(path).status_code for path in paths] == [401, 401, 401]
