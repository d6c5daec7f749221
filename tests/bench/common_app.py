"""What most would write: FastAPI, one entry a request, a MongoDB transaction with an outbox row, an acknowledged send.

`python -m tests.bench.common_app PORT`. It checks the entry's fields by the same model, and nothing else: no key, no
rules across fields, no revisions, no repeats.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import uvicorn
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI, Request
from pymongo import AsyncMongoClient

from runtime.settings import Settings
from schemas.entry import SubmissionLine
from tests.bench.limits import SPARE


def app(settings: Settings) -> FastAPI:
    mongo = AsyncMongoClient[dict[str, Any]](settings.mongo_url, w="majority", journal=True)
    database, topic = mongo[settings.database("common")], settings.topic(SPARE)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # A transaction that makes its own collections is refused.
        for name in ("entries", "outbox"):
            if name not in await database.list_collection_names():
                await database.create_collection(name)
        producer = AIOKafkaProducer(**settings.kafka, acks="all")
        app.state.producer = producer
        await producer.start()
        yield
        await producer.stop()

    common = FastAPI(lifespan=lifespan)

    @common.get("/readyz")
    async def readyz() -> bool:
        return True

    @common.post("/submissions", status_code=201)
    async def send(request: Request) -> dict[str, str]:
        submission = SubmissionLine.model_validate_json(await request.body())
        entry = submission.model_dump(mode="json")
        async with mongo.start_session() as session, await session.start_transaction():
            stored = await database["entries"].insert_one(dict(entry), session=session)
            await database["outbox"].insert_one({"entry": stored.inserted_id, "event": entry}, session=session)
        id = str(stored.inserted_id)
        await request.app.state.producer.send_and_wait(topic, orjson.dumps(entry), key=id.encode())
        return {"id": id}

    return common


if __name__ == "__main__":
    uvicorn.run(app(Settings()), host="127.0.0.1", port=int(sys.argv[1]), log_config=None, access_log=False)
