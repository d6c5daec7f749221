"""The story's reviewers: the machine checks what came in, they decide it, partners revise what is sent back."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import orjson

from deploy.local.clients import signed_in
from deploy.local.table import Stack
from deploy.local.teller import Teller
from schemas.review import CRITERIA

Json = dict[str, Any]
Line = tuple[str, bytes]


async def review(
    stack: Stack, teller: Teller, keys: dict[str, str], lines: Sequence[Line], received: Sequence[str]
) -> None:
    """The machine checks all; reviewers decide all; who was asked for changes revises, and is decided again."""
    reviewers = [somebody.sub for somebody in stack.people if "reviewer" in somebody.roles]
    async with AsyncExitStack() as desks:
        clients = [await desks.enter_async_context(signed_in(stack.url("review"), sub)) for sub in reviewers]
        # Whose a case is, reviewers are not told.
        operator = await desks.enter_async_context(signed_in(stack.url("review"), "operator-zheng"))

        async def checked() -> int:
            return len(await _decided(operator)) + len(await cases(operator, "open"))

        await teller.until(len(received), checked, "checked", "机器核查")
        teller.say(
            f"{len(received)} cases opened and checked by the review worker",
            f"评审程序开立并核查了 {len(received)} 个案件",
        )
        outcome = await _decide_all(teller, operator, clients, len(received))
        changes = [case["id"] for case in outcome if case["decision"] == "changes-requested"]
        await _revise(stack, keys, lines, changes)
        total = len(received) + len(changes)
        await teller.until(total, checked, "revisions checked", "核查修订稿")
        outcome = await _decide_all(teller, operator, clients, total)
        counts = Counter(case["decision"] for case in outcome)
        given = sum(case["given"] for case in outcome)
    teller.say(
        f"{len(reviewers)} reviewers gave {given} reviews: {counts['approved']} approved, "
        f"{counts['rejected']} rejected, {len(changes)} sent back, revised and decided again",
        f"{len(reviewers)} 位评审员给出 {given} 份评审：通过 {counts['approved']} 件，不通过 {counts['rejected']} 件，"
        f"退回修改 {len(changes)} 件并已重新评定",
    )


async def _decide_all(
    teller: Teller, operator: httpx2.AsyncClient, clients: Sequence[httpx2.AsyncClient], total: int
) -> list[Json]:
    """Every reviewer takes the next case until none is open; all decided cases."""
    working = [asyncio.create_task(_work(client)) for client in clients]

    async def decided() -> int:
        for task in working:
            if task.done():
                task.result()
        return len(await _decided(operator))

    try:
        await teller.until(total, decided, "decided", "评定")
    finally:
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
    return await _decided(operator)


async def _work(client: httpx2.AsyncClient) -> None:
    """One reviewer at the desk: claim the next case, score it, decide; wait when there is none."""
    while True:
        answer = (await client.post("/cases:next")).raise_for_status()
        if answer.status_code == 204:
            await asyncio.sleep(0.2)
            continue
        case = answer.json()
        (await client.post(f"{case['href']}/reviews", json=_review_of(case))).raise_for_status()


def _review_of(case: Json) -> Json:
    """What a reviewer thinks: most are good, some need work, few are hopeless, and now and then two disagree."""
    chance = int(hashlib.sha256(case["entry"]["title"]["zh"].encode()).hexdigest(), 16) % 100
    verdict = "approve"
    if case["kind"] != "linkage" and case["revision"] == 1:
        if chance < 4:
            verdict = "request-changes"
        elif chance < 9:
            verdict = "reject"
        elif chance < 13 and case["given"] == 1:
            verdict = "reject"  # the other one approved, and so will the third
    score = {"approve": 4, "request-changes": 3, "reject": 1}[verdict]
    comment = {
        "approve": "",
        "request-changes": "请补充量化指标和可核验的数据来源。 Please add measures and where they can be checked.",
        "reject": "与本计划的方向不符。 This does not fit the programme.",
    }[verdict]
    return {"scores": dict.fromkeys(CRITERIA[case["kind"]], score), "verdict": verdict, "comment": comment}


async def _revise(stack: Stack, keys: dict[str, str], lines: Sequence[Line], changes: Sequence[str]) -> None:
    """The partners send the second revision of what reviewers asked them to change."""
    sent = {}
    for partner, raw in lines:
        try:
            line = orjson.loads(raw)
            sent[f"{partner}/{line['reference']}"] = line
        except (orjson.JSONDecodeError, KeyError):
            continue  # one of the bad ones
    async with httpx2.AsyncClient(base_url=stack.url("submissions"), timeout=60) as client:
        for case in changes:
            submission = case.rpartition("@")[0]
            line = sent[submission] | {"revision": 2}
            line["entry"]["summary"]["zh"] += "已按评审意见补充量化指标与数据来源。"
            headers = {"Authorization": f"Bearer {keys[submission.partition('/')[0]]}"}
            (await client.post("/submissions", json=line, headers=headers)).raise_for_status()


async def _decided(client: httpx2.AsyncClient) -> list[Json]:
    return await cases(client, "decided")


async def cases(client: httpx2.AsyncClient, status: str) -> list[Json]:
    """All cases of a status, page by page."""
    found: list[Json] = []
    after: str | None = None
    while True:
        page = (await client.get("/cases", params={"status": status} | ({"after": after} if after else {}))).json()
        found += page["cases"]
        after = page["next"]
        if not after:
            return found
