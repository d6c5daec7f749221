"""What has happened before a journey begins, done by programs: partners, entries, reviews, a published month."""

from collections.abc import Mapping
from typing import Any

import httpx2
from pymongo import AsyncMongoClient

from deploy.local.clients import signed_in
from deploy.local.sample.generate import generate, partners
from deploy.local.table import Stack
from publishing.domain import RELEASES
from publishing.domain.release import Open
from review.addresses import Addresses
from runtime.streams import Streams
from schemas.review import CRITERIA
from submissions.intake import now
from tests.faults.fleet import key_for
from tests.support import eventually

Line = dict[str, Any]


def partner_of(stack: Stack, sub: str) -> dict[str, Any]:
    """The partner for whom a person acts: {uscc, name, type}."""
    uscc = next(somebody.partner for somebody in stack.people if somebody.sub == sub)
    return next(partner for partner in partners() if partner["uscc"] == uscc)


def lines(stack: Stack, sub: str, kind: str, count: int, first: int) -> list[Line]:
    """Submission lines of somebody's partner, numbered from `first`; the same each time."""
    return list(generate(kind, count, first, [partner_of(stack, sub)], first))


async def sent(stack: Stack, sub: str, wanted: list[Line]) -> list[str]:
    """Register somebody's partner and send entries with a key of its own: the submissions' streams."""
    partner = partner_of(stack, sub)
    headers = {"Authorization": f"Bearer {await key_for(stack.settings, partner)}"}
    async with httpx2.AsyncClient(base_url=stack.url("submissions"), headers=headers) as client:
        for line in wanted:
            (await client.post("/submissions", json=line)).raise_for_status()
    return [f"{partner['uscc']}/{line['reference']}" for line in wanted]


async def approved(stack: Stack, sub: str, wanted: list[Line]) -> list[str]:
    """Entries that were sent and that two reviewers approve: their streams."""
    streams, addresses = await sent(stack, sub, wanted), Addresses(stack.settings.session_secret)
    for reviewer in ("reviewer-sun", "reviewer-ma"):
        left = {addresses.path(f"{stream}@1") for stream in streams}
        async with signed_in(stack.url("review"), reviewer) as client:

            async def done(client: httpx2.AsyncClient = client, left: set[str] = left) -> bool:
                answer = (await client.post("/cases:next")).raise_for_status()
                if answer.status_code == 200:
                    case = answer.json()
                    review = {"scores": dict.fromkeys(CRITERIA[case["kind"]], 4), "verdict": "approve", "comment": ""}
                    (await client.post(f"{case['href']}/reviews", json=review)).raise_for_status()
                    left.discard(case["href"])
                return not left

            await eventually(done)
    return streams


async def opened(stack: Stack, month: str, targets: Mapping[str, int]) -> None:
    """A month with small targets: the pages open months of 100 + 100 only."""
    async with AsyncMongoClient[Any](stack.settings.mongo_url, w="majority", journal=True) as client:
        releases = Streams(client[stack.settings.database("publishing")], RELEASES)
        await releases.handle([Open(stream=month, targets=targets, cause="test", actor="user:test", at=now())])


async def published(stack: Stack, month: str, sub: str, wanted: list[Line]) -> list[str]:
    """A month that holds just these entries, and is public: their streams."""
    await opened(stack, month, {})
    streams = await approved(stack, sub, wanted)
    async with signed_in(stack.url("publishing"), "publisher-wu") as client:

        async def inside() -> bool:
            (await client.post(f"/releases/{month}/entries", json={"entries": streams})).raise_for_status()
            return len((await client.get(f"/releases/{month}")).json()["lines"]) == len(streams)

        await eventually(inside)
        (await client.post(f"/releases/{month}/freeze")).raise_for_status()
        (await client.post(f"/releases/{month}/publish")).raise_for_status()
    return streams
