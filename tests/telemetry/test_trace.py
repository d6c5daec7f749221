"""One trace tells a submission's whole story, from the partner's request over Kafka to the subscriber's webhook;
the logs carry its id, and nothing personal."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
from pymongo import AsyncMongoClient

from deploy.local.clients import signed_in
from deploy.local.receiver import receiving
from deploy.local.sample.generate import handwritten, partners
from deploy.local.servers import whole_stack
from deploy.local.table import Stack
from publishing.domain import RELEASES
from publishing.domain.release import Open
from runtime.streams import Streams
from schemas.review import CRITERIA
from submissions.intake import now
from tests.faults.fleet import key_for
from tests.support import eventually
from tests.telemetry.otlp import collecting

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
#: A release's own story is another trace.
RELEASE_TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
MONTH = "2026-11"
EXPECTED = Path(__file__).parent / "story.txt"


def scene_with_contact() -> dict[str, Any]:
    return next(line for line in handwritten("scene") if line["entry"].get("contact"))


async def submit(stack: Stack) -> None:
    scene = scene_with_contact()
    partner = next(partner for partner in partners() if partner["uscc"] == scene["entry"]["owner"]["uscc"])
    headers = {"Authorization": f"Bearer {await key_for(stack.settings, partner)}", "traceparent": TRACEPARENT}
    async with httpx2.AsyncClient(base_url=stack.url("submissions")) as client:
        (await client.post("/submissions", json=scene, headers=headers)).raise_for_status()


async def approve(stack: Stack) -> None:
    for reviewer in ("reviewer-li", "reviewer-wang"):
        async with signed_in(stack.url("review"), reviewer) as client:

            async def claimed(client: httpx2.AsyncClient = client) -> dict[str, Any]:
                answer = (await client.post("/cases:next")).raise_for_status()
                return answer.json() if answer.status_code == 200 else {}

            case = await eventually(claimed)
            scores = dict.fromkeys(CRITERIA["scene"], 4)
            review = {"scores": scores, "verdict": "approve", "comment": ""}
            (await client.post(f"{case['href']}/reviews", json=review)).raise_for_status()


async def publish(stack: Stack) -> None:
    """A month of a single scene: the targets are the month's own, so that this one is full with it."""
    async with AsyncMongoClient[Any](stack.settings.mongo_url) as mongo:
        releases = Streams(mongo[stack.settings.database("publishing")], RELEASES)
        opened = Open(
            stream=MONTH,
            targets={"scene": 1},
            cause="test",
            actor="user:test",
            at=now(),
            traceparent=RELEASE_TRACEPARENT,
        )
        await releases.handle([opened])
    async with signed_in(stack.url("publishing"), "publisher-wu") as client:

        async def filled() -> bool:
            (await client.post(f"/releases/{MONTH}/entries", json={"fill": True})).raise_for_status()
            return bool((await client.get(f"/releases/{MONTH}")).json()["counts"])

        await eventually(filled)
        (await client.post(f"/releases/{MONTH}/freeze")).raise_for_status()
        (await client.post(f"/releases/{MONTH}/publish")).raise_for_status()


async def test_one_trace_from_the_request_to_the_delivery(tmp_path: Path) -> None:
    async with collecting() as collector, receiving() as receiver:
        with whole_stack(tmp_path, otlp_endpoint=collector.endpoint) as (stack, _):
            async with httpx2.AsyncClient(base_url=stack.url("notifications")) as client:
                asked = {"channel": "webhook", "address": receiver.address, "filter": {}, "language": "en"}
                subscription = (await client.post("/subscriptions", json=asked)).raise_for_status().json()
                where, token = f"/subscriptions/{subscription['id']}", {"token": subscription["token"]}

                async def active() -> bool:
                    return bool((await client.get(where, params=token)).json()["status"] == "active")

                await eventually(active)
            receiver.secret = subscription["secret"]
            await submit(stack)
            await approve(stack)
            await publish(stack)

            async def delivered() -> bool:
                return bool(receiver.calls)

            await eventually(delivered)
            await asyncio.sleep(2.0)  # the last events on their way to those who only take note of them
        # The processes have ended, and sent what spans they had.
    assert receiver.traceparents and all(TRACE in traceparent for traceparent in receiver.traceparents)
    assert collector.tree(TRACE) == EXPECTED.read_text()
    logged = [line for log in (tmp_path / "log").glob("*-*.log") for line in log.read_text().splitlines()]
    requests = [entry for entry in map(json.loads, logged) if entry["event"] == "request"]
    assert TRACE in {entry.get("trace_id") for entry in requests if entry["route"] == "/submissions"}
    contact = scene_with_contact()["entry"]["contact"]
    secrets = (*contact.values(), receiver.address, subscription["token"], receiver.secret)
    assert [line for line in logged for secret in secrets if secret and secret in line] == []
