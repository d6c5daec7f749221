"""kill -9, at every named crash point and at random under load. After it: nothing lost, nothing twice, sequences whole,
and the replay of the history equals the live state. `make faults KILLS=1000` does it for a night."""

import asyncio
import os
import random
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from runtime.crash import POINTS
from runtime.settings import Settings
from schemas.topics import REVIEW, SUBMISSIONS
from tests.faults import test_kafka_intake as kafka_intake
from tests.faults.fleet import NAMES, Fleet, Sender, audited, fleet, sending
from tests.support import eventually, own_settings, sequences, whole

KILLS = int(os.environ.get("KILLS", "50"))
#: Where a process ends itself, and how often it passes there first.
CRASHES = [
    ("submissions-api", "handle.before_write:2"),
    ("submissions-api", "handle.after_write:2"),
    ("review-worker", "handle.before_write:1"),
    ("review-worker", "handle.after_write:1"),
    ("review-worker", "consume.before_ack:1"),
    ("review-worker", "consume.after_ack:1"),
    ("submissions-worker", "relay.after_send:30"),
    ("submissions-worker", "relay.after_ack:2"),
    ("submissions-worker", "relay.after_save:2"),
]


def test_every_named_crash_point_is_tried_somewhere() -> None:
    here = {point.partition(":")[0] for _, point in CRASHES}
    # The sender's in tests/notifications, the source's in tests/submissions/sources, audit's in tests/audit.
    elsewhere = {"sender.after_send", "source.after_take"}
    elsewhere |= {"recorder.before_write", "recorder.after_write", "recorder.after_save", "log.after_tiles"}
    elsewhere |= {"log.after_signing", "recorder.after_titles"}
    elsewhere |= {point.partition(":")[0] for point in kafka_intake.CRASHES}
    assert here | elsewhere == set(POINTS)


async def nothing_lost_nothing_twice(settings: Settings, sender: Sender) -> None:
    """What the promises say after any fault."""
    async with AsyncMongoClient[Any](settings.mongo_url) as client:
        held, cases = (
            client[settings.database(s)][c] for s, c in (("submissions", "submissions"), ("review", "cases"))
        )
        streams = {document["_id"] async for document in held.find({}, {"_id": 1})}
        assert sender.accepted <= streams

        async def every_case() -> bool:
            return await cases.count_documents({}) >= len(streams)

        await eventually(every_case, 120)
        assert {
            document["state"]["submission"] async for document in cases.find({}, {"state.submission": 1})
        } == streams
        assert await cases.count_documents({}) == len(streams)
        async for case in cases.find({}, {"events.type": 1}):
            types = [event["type"] for event in case["events"]]
            assert types[:2] == ["case.opened.v1", "case.checked.v1"] and len(types) == len(set(types))
        assert await client[settings.database("review")]["parked"].count_documents({}) == 0
    verdict = await audited(settings)
    assert verdict.equal, verdict.differences
    for topic in (SUBMISSIONS, REVIEW):
        history = await asyncio.to_thread(sequences, settings, topic)
        assert all(whole(found) for found in history.values())


async def crash_everywhere(made: Fleet) -> None:
    for name, point in CRASHES:
        await made.crash(name, point)


async def kill_at_random(made: Fleet, kills: int) -> None:
    for _ in range(kills):
        await asyncio.sleep(random.uniform(0.3, 3.0))
        made.kill(random.choice(NAMES))


async def test_a_process_that_dies_at_any_crash_point_loses_and_repeats_nothing(
    kafka: str, mongo: str, tmp_path: Path
) -> None:
    settings = await own_settings(kafka, mongo)
    async with fleet(settings, tmp_path) as made:
        async with sending(made.settings, seed=1) as sender:
            await crash_everywhere(made)
        await nothing_lost_nothing_twice(made.settings, sender)
        assert made.deaths == len(CRASHES) and sender.accepted


@pytest.mark.timeout(300 + 4 * KILLS)
async def test_processes_killed_at_random_under_load_lose_and_repeat_nothing(
    kafka: str, mongo: str, tmp_path: Path
) -> None:
    settings = await own_settings(kafka, mongo)
    async with fleet(settings, tmp_path) as made:
        async with sending(made.settings, seed=2) as sender:
            await kill_at_random(made, KILLS)
        await nothing_lost_nothing_twice(made.settings, sender)
        assert made.deaths == KILLS and sender.accepted
