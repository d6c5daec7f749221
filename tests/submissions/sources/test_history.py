"""Sources are in the history: relayed to Kafka, and found equal to the live state by the audit."""

import asyncio
from typing import Any

from pymongo import AsyncMongoClient

from audit.replay import replay
from runtime.relay import Relay
from runtime.streams import Streams
from schemas.source import Terms
from submissions.domain import DECIDERS
from submissions.domain.source import SOURCES, Add, Change, Pause, Remove, Resume, SourceCommand
from submissions.intake import now
from tests.submissions.given import USCC
from tests.support import own_settings


async def test_the_history_of_sources_replays_to_their_live_state(kafka: str, mongo: str) -> None:
    settings = await own_settings(kafka, mongo)
    terms = Terms(address="https://data.example/a", format="csv", content="entries", every_minutes=60, language="zh")
    by: dict[str, Any] = {"actor": "user:a", "at": now()}
    async with AsyncMongoClient[Any](mongo, w="majority", journal=True, tz_aware=True) as client:
        streams = Streams(client[settings.database("submissions")], SOURCES)
        for name in ("one", "two"):
            of = {**by, "stream": f"{USCC}/source:{name}"}
            asked: list[SourceCommand] = [
                Add(**of, cause="1", terms=terms),
                Change(**of, cause="2", terms=terms.model_copy(update={"every_minutes": 5})),
                Pause(**of, cause="3", reason="failing"),
            ]
            if name == "two":
                asked += [Resume(**of, cause="4"), Remove(**of, cause="5")]
            await streams.handle(asked)
        relay = Relay(settings, "submissions", DECIDERS)
        relay.start()
        try:
            verdict = await asyncio.to_thread(replay, settings, DECIDERS, patience_s=30.0)
        finally:
            relay.stop()
            await asyncio.to_thread(relay.join, 20)
        assert verdict.equal, verdict.differences
        await client[settings.database("submissions")]["sources"].update_one(
            {"_id": f"{USCC}/source:one"}, {"$set": {"state.terms.every_minutes": 9}}
        )
        verdict = await asyncio.to_thread(replay, settings, DECIDERS, patience_s=1.0)
        assert [(found.noun, found.stream) for found in verdict.differences] == [("source", f"{USCC}/source:one")]
