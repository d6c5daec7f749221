"""Entries found by the words of their titles, as an auditor and a program meet them, on what was recorded."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from starlette.testclient import TestClient

from audit.__main__ import application
from audit.titles import MATCHED, Titles
from deploy.local import table
from schemas.envelope import Json
from schemas.submission import SubmissionReceived, SubmissionRevised
from tests.audit.conftest import DECIDERS, World
from tests.audit.histories import event
from tests.audit.test_pages import BROWSER, signed_in
from tests.audit.test_recorder import recording, until
from tests.audit.test_time_pages import get, record
from tests.review.entries import product, scene
from tests.web.settings import ROOT

METRO, DRONES, GAUGE = "91510100MA6CGUGA1W/metro", "91510100MA6CGUGA1W/drones", "91510100MA6CCTHM59/gauge"


def said(stream: str, sequence: int, fact: type[SubmissionReceived | SubmissionRevised], entry: Any) -> Json:
    """The event by which a partner says what an entry is."""
    data = {"revision": sequence, "digest": "0" * 64, "entry": entry.model_dump(mode="json")}
    return event(stream, sequence) | {"type": fact.TYPE, "data": data}


def history() -> list[tuple[str, Json]]:
    """Three entries: one was called otherwise before, one has no English title; and what others say of the first."""
    former = scene(title={"zh": "地铁客流预测", "en": "Metro crowd forecast"})
    newer = scene(title={"zh": "地铁站ＡＩ客流调度（二期）", "en": "AI crowd control for metro stations"})
    return [
        (METRO, said(METRO, 1, SubmissionReceived, former)),
        (METRO, said(METRO, 2, SubmissionRevised, newer)),
        (METRO, said(METRO, 2, SubmissionRevised, scene(title={"zh": "伪造的名称"}))),
        (f"{METRO}@2", event(f"{METRO}@2", 1)),
        (DRONES, said(DRONES, 1, SubmissionReceived, scene())),
        (GAUGE, said(GAUGE, 1, SubmissionReceived, product(title={"zh": "通过式轮对激光检测仪"}))),
        ("odd", said("odd", 1, SubmissionReceived, scene()) | {"data": {"entry": {"title": ["no", "title"]}}}),
    ]


@pytest.fixture
def told(world: World) -> World:
    world.send(*((key, orjson.dumps(value)) for key, value in history()))
    record(world, 7)
    return world


@pytest.fixture
def auditor(told: World) -> Iterator[TestClient]:
    settings = told.settings.model_copy(update={"node_modules": ROOT / "node_modules"})
    with TestClient(application(settings, DECIDERS), cookies=signed_in(told, "auditor")) as client:
        yield client


def titles(world: World) -> list[Json]:
    found = world.client[world.settings.database("audit")]["titles"].find(sort=[("_id", 1)])
    return [each | {"texts": sorted(each["texts"])} for each in found]


def test_an_entry_is_found_by_any_part_of_a_title_in_either_language(auditor: TestClient) -> None:
    wanted = {
        "地铁": [METRO],
        "客流 地铁": [METRO],
        "ai客流": [METRO],  # the title has it in capitals of full width
        "（二期": [METRO],
        "CROWD metro": [METRO],
        "检": [GAUGE, DRONES],
        "激光": [GAUGE],
        "drone": [DRONES],
        "地铁 drone": [],  # one title holds all the words
        "激光器": [],
        ".*": [],
        "%00": [GAUGE, DRONES, METRO],  # no word at all
    }
    answers = {words: get(auditor, f"/audit/events?title={words}")["entries"] for words in wanted}
    assert {words: [each["entry"] for each in found] for words, found in answers.items()} == wanted


def test_an_entry_is_found_by_what_it_was_called_before_and_told_by_what_it_is_called_now(auditor: TestClient) -> None:
    assert get(auditor, "/audit/events?title=forecast")["entries"] == [
        {
            "entry": METRO,
            "kind": "scene",
            "title": {"zh": "地铁站ＡＩ客流调度（二期）", "en": "AI crowd control for metro stations"},
            "former": {"zh": "地铁客流预测", "en": "Metro crowd forecast"},
        }
    ]
    assert get(auditor, "/audit/events?title=control")["entries"][0]["former"] is None
    # An event that contradicts another does not name an entry.
    assert get(auditor, "/audit/events?title=伪造")["entries"] == []


def test_the_events_of_the_entries_found_are_told_from_every_service_and_narrowed_by_the_rest(
    auditor: TestClient,
) -> None:
    found = get(auditor, "/audit/events?title=地铁")
    assert found["total"] == 4 and {each["stream"] for each in found["events"]} == {METRO, f"{METRO}@2"}
    assert {each["title"]["zh"] for each in found["events"]} == {"地铁站ＡＩ客流调度（二期）"}
    wanted = {
        f"title=检&partner={GAUGE[:18]}": ([GAUGE], 1),
        f"title=检&type={SubmissionRevised.TYPE}": ([GAUGE, DRONES], 0),
        "title=地铁&entry=metro@": ([METRO], 1),
        "title=地铁&actor=nobody": ([METRO], 0),
        "title=地铁&to=2020-01-01": ([METRO], 0),
    }
    answers = {query: get(auditor, f"/audit/events?{query}") for query in wanted}
    assert {q: ([e["entry"] for e in a["entries"]], a["total"]) for q, a in answers.items()} == wanted
    assert get(auditor, "/audit/events")["entries"] is None


def test_the_page_lists_the_entries_in_the_readers_language(auditor: TestClient) -> None:
    english = auditor.get("/audit/events?title=客流预测", headers=BROWSER).text
    assert "1 entry with a title like this" in english and "AI crowd control for metro stations" in english
    assert "Formerly: <span>Metro crowd forecast</span>" in english
    assert f'href="/audit/time/submissions/{METRO}"' in english
    chinese = auditor.get("/audit/events?title=forecast&lang=zh", headers=BROWSER).text
    assert "地铁站ＡＩ客流调度（二期）" in chinese and "曾用名：<span>地铁客流预测</span>" in chinese
    # One without a title in that language is told in the other, and says so to those who listen.
    assert (
        'lang="zh-Hans-CN">通过式轮对激光检测仪'
        in auditor.get("/audit/events?title=激光&lang=en", headers=BROWSER).text
    )
    assert "No entry has a title like this" in auditor.get("/audit/events?title=zoo&lang=en", headers=BROWSER).text


def test_a_title_that_too_many_have_is_said_to_be(auditor: TestClient, told: World) -> None:
    collection = told.client[told.settings.database("audit")]["titles"]
    title = {"zh": "场景", "en": None}
    more = (
        {"_id": f"91510100MA6CCTHM59/{n:03}", "kind": "scene", "titles": [title], "texts": ["场景"]} for n in range(501)
    )
    collection.insert_many([each | {"title": title} for each in more])
    wide = auditor.get("/audit/events?title=场景", headers=BROWSER)
    assert wide.status_code == 422 and f"More than {MATCHED} entries" in wide.text
    assert auditor.get("/audit/events?title=场景").status_code == 422
    collection.delete_one({"_id": "91510100MA6CCTHM59/000"})
    assert "and 490 more. Give more words to see them." in auditor.get("/audit/events?title=场景", headers=BROWSER).text


def test_titles_that_were_lost_or_never_noted_are_made_again(told: World) -> None:
    before, database = titles(told), told.client[told.settings.database("audit")]
    database["titles"].drop()
    with recording(told):
        until(lambda: titles(told) == before)
    assert [each["_id"] for each in before] == [GAUGE, DRONES, METRO]
    Titles(database).catch_up(0)  # what was noted may come again
    assert titles(told) == before


@pytest.mark.parametrize("point", ["recorder.after_write", "recorder.after_titles"])
def test_a_recorder_killed_before_it_noted_the_titles_notes_them_later(world: World, point: str) -> None:
    world.send(*((key, orjson.dumps(value)) for key, value in history()))
    environment = os.environ | table.environment(world.settings) | {"SHUANGQIAN_CRASH_AT": point}
    process = [sys.executable, "-m", "tests.audit.recording"]
    assert subprocess.run(process, env=environment, timeout=60).returncode == -signal.SIGKILL
    with recording(world):  # once the dead one's lease has run out
        until(lambda: len(titles(world)) == 3)
    assert [each["_id"] for each in titles(world)] == [GAUGE, DRONES, METRO]
    assert titles(world)[2]["title"]["en"] == "AI crowd control for metro stations"
