"""The main job on the sample, told on the terminal: from six partners to the world, and the proof of it.

Everything is done from outside, through the services' addresses, as partners, reviewers and publishers would.
A second run finds the month published, and tells how things stand.
"""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import httpx2
import orjson
from rich.console import Console

from audit import terminal
from audit.deciders import DECIDERS
from audit.replay import replay
from deploy.local.clients import signed_in
from deploy.local.receiver import Receiver, receiving
from deploy.local.reviewers import cases, review
from deploy.local.sample.generate import generate, partners, story
from deploy.local.table import Stack
from deploy.local.teller import Teller, Wrong, must
from runtime.speech import either
from web.languages import load, speak
from web.shell import out

SEED = 2026
EACH = 130
BAD = {"scene": 3, "product": 2}
LINKAGES = 10
TARGETS = {"scene": 100, "product": 100}
#: Of each kind, what comes in after the release and is left on the desk, for whoever wants to try it.
LEFT = 3
SUBSCRIBER = "reader@example.org"

Json = dict[str, Any]
Line = tuple[str, bytes]


async def tell(stack: Stack) -> bool:
    """Do the main job and tell it; True when every step was as it must be."""
    console = Console(highlight=False, soft_wrap=True)
    teller = Teller(console)
    console.print()
    try:
        if await _published(stack):
            await _tell_how_things_stand(stack, teller)
        else:
            await _tell_the_whole_story(stack, teller)
        await _prove(stack, teller)
    except (Wrong, httpx2.HTTPError) as wrong:
        console.print(f"[red]✗[/]    {wrong!s}" if isinstance(wrong, Wrong) else f"[red]✗[/]    {wrong!r}")
        return False
    return True


async def _tell_the_whole_story(stack: Stack, teller: Teller) -> None:
    keys = await _register_partners(stack, teller)
    async with receiving() as receiver:
        webhook = await _subscribe(stack, teller, receiver)
        lines = [line for kind in ("scene", "product") for line in story(kind, EACH, BAD[kind], SEED)]
        lines += story("linkage", LINKAGES, 0, SEED)
        received = await _stream_in(stack, teller, keys, lines)
        await review(stack, teller, keys, lines, received)
        manifest = await _publish(stack, teller)
        await _look_at_the_catalogue(stack, teller, manifest)
        await _see_deliveries_arrive(stack, teller, receiver, manifest)
        await _leave_some_to_review(stack, teller, keys)
        async with httpx2.AsyncClient(base_url=stack.url("notifications")) as client:
            # The receiver ends with the story: its subscription does too.
            await client.delete(f"/subscriptions/{webhook['id']}", params={"token": webhook["token"]})


async def _register_partners(stack: Stack, teller: Teller) -> dict[str, str]:
    """Each partner of the sample, registered and with an API key: the keys by USCC."""
    keys = {}
    async with signed_in(stack.url("submissions"), "operator-zheng") as operator:
        for partner in partners():
            (await operator.post("/partners", json=partner)).raise_for_status()
            answer = await operator.post(f"/partners/{partner['uscc']}/keys", json={"label": "story"})
            keys[partner["uscc"]] = answer.raise_for_status().json()["key"]
    teller.say(
        f"{len(keys)} partners registered, each with an API key", f"登记了 {len(keys)} 家合作方，各有一个接口密钥"
    )
    return keys


async def _subscribe(stack: Stack, teller: Teller, receiver: Receiver) -> Json:
    """A reader by email, confirmed through the mail that came, and a program by webhook, confirmed by its challenge."""
    async with httpx2.AsyncClient(base_url=stack.url("notifications"), timeout=30) as client:
        everything: Json = {"filter": {}, "language": "zh"}
        asked = await client.post("/subscriptions", json={"channel": "email", "address": SUBSCRIBER, **everything})
        asked.raise_for_status()
        link = await _confirmation_link(stack)
        token = httpx2.URL(link).params["token"]
        (await client.post("/subscriptions/confirm", data={"token": token}, follow_redirects=True)).raise_for_status()
        asked = await client.post(
            "/subscriptions", json={"channel": "webhook", "address": receiver.address, **everything}
        )
        webhook: Json = asked.raise_for_status().json()

        async def active() -> int:
            return int((await _subscription(client, webhook))["status"] == "active")

        await teller.until(1, active, "webhook confirmed", "网络回调已确认")
        receiver.secret = webhook["secret"]
    teller.say(
        "2 subscribers: one by email (confirmed by its mail), one by webhook (confirmed by its challenge)",
        "2 位订阅者：一位用邮件（凭信中链接确认），一个程序用网络回调（凭应答确认）",
    )
    return webhook


async def _subscription(client: httpx2.AsyncClient, webhook: Json) -> Json:
    shown = await client.get(f"/subscriptions/{webhook['id']}", params={"token": webhook["token"]})
    answer: Json = shown.raise_for_status().json()
    return answer


async def _confirmation_link(stack: Stack) -> str:
    async with httpx2.AsyncClient(base_url=stack.inbox_url) as inbox:
        for _ in range(300):
            for message in reversed((await inbox.get("/messages", params={"to": SUBSCRIBER})).json()):
                if found := re.search(r"https?://\S+/subscriptions/confirm\?token=\S+", message["text"]):
                    return found[0]
            await asyncio.sleep(0.1)
    raise Wrong(either("No confirmation mail came", "没有收到确认邮件"))


async def _stream_in(stack: Stack, teller: Teller, keys: dict[str, str], lines: Sequence[Line]) -> list[str]:
    """Six partners at once, an NDJSON stream each, and their linkages when what they name is there; the streams
    received."""
    receipts: list[Json] = []
    linkages = {raw for _, raw in story("linkage", LINKAGES, 0, SEED)}

    async def send(client: httpx2.AsyncClient, partner: str, *, linking: bool) -> None:
        own = b"\n".join(line for sender, line in lines if sender == partner and (line in linkages) == linking)
        headers = {"Authorization": f"Bearer {keys[partner]}", "Accept-Language": either("en", "zh")}
        async with client.stream("POST", "/submissions:stream", content=own, headers=headers) as answer:
            answer.raise_for_status()
            async for text in answer.aiter_lines():
                receipts.append(orjson.loads(text))

    began = time.monotonic()
    async with httpx2.AsyncClient(base_url=stack.url("submissions"), timeout=120) as client:
        for linking in (False, True):
            await asyncio.gather(*(send(client, partner, linking=linking) for partner in keys))
    took = time.monotonic() - began
    refused = [receipt for receipt in receipts if receipt["status"] == "refused"]
    received = [receipt["stream"] for receipt in receipts if receipt["status"] == "received"]
    bad = sum(BAD.values())
    must(
        len(refused) == bad and len(received) == len(lines) - bad,
        f"{len(received)} received and {len(refused)} refused, instead of {len(lines) - bad} and {bad}",
        f"接收 {len(received)} 条、拒收 {len(refused)} 条，应为 {len(lines) - bad} 条和 {bad} 条",
    )
    finding = refused[0]["findings"][0]
    teller.say(
        f"{len(lines)} submissions streamed in by {len(keys)} partners at {len(lines) / took:,.0f}/s: "
        f"{len(received)} received, {len(refused)} refused with every error",
        f"{len(keys)} 家合作方流式申报 {len(lines)} 条，每秒 {len(lines) / took:,.0f} 条："
        f"接收 {len(received)} 条，拒收 {len(refused)} 条并列出全部错误",
        f"{finding['pointer'] or '/'}  {finding['text']}",
    )
    return received


async def _publish(stack: Stack, teller: Teller) -> list[Json]:
    """Open the month, fill it, freeze it, publish it, while somebody keeps looking at the catalogue; the manifest."""
    month = f"/releases/{_month()}"
    async with signed_in(stack.url("publishing"), "publisher-wu") as publisher:
        (await publisher.post("/releases", json={"month": _month()})).raise_for_status()

        async def filled() -> int:
            (await publisher.post(f"{month}/entries", json={"fill": True})).raise_for_status()
            counts = (await publisher.get(month)).json()["counts"]
            return sum(min(int(counts.get(kind, 0)), most) for kind, most in TARGETS.items())

        await teller.until(sum(TARGETS.values()), filled, "added to the month", "加入当月")
        await _add_linkages(publisher, month)
        frozen = (await publisher.post(f"{month}/freeze")).raise_for_status().json()
        teller.say(
            f"{_month()} opened, filled with {_counted(frozen['counts'], 'en')}, and frozen",
            f"开启 {_month()}，放入{_counted(frozen['counts'], 'zh')}，并锁定",
            either("manifest", "清单") + f" {frozen['manifest'][:16]}…",
        )
        async with _onlooker(stack) as seen:
            (await publisher.post(f"{month}/publish")).raise_for_status()
            await asyncio.sleep(1.0)
        lines: list[Json] = frozen["lines"]
        must(
            set(seen) == {0, len(lines)},
            f"an onlooker saw {sorted(seen)} entries, not 0 and then {len(lines)}",
            f"旁观者看到 {sorted(seen)} 条，应为先 0 后 {len(lines)}",
        )
    teller.say(
        f"{_month()} published: an onlooker who kept asking saw 0 entries, then {len(lines)}, and nothing between",
        f"{_month()} 已发布：不断查看的旁观者先看到 0 条，后看到 {len(lines)} 条，没有中间状态",
        either(f"asked {sum(seen.values())} times", f"共查看 {sum(seen.values())} 次"),
    )
    return lines


async def _add_linkages(publisher: httpx2.AsyncClient, month: str) -> None:
    queued = [f"{partner}/{orjson.loads(raw)['reference']}" for partner, raw in story("linkage", LINKAGES, 0, SEED)]
    (await publisher.post(f"{month}/entries", json={"entries": queued})).raise_for_status()


@asynccontextmanager
async def _onlooker(stack: Stack) -> AsyncIterator[Counter[int]]:
    """Somebody who asks the catalogue for its size, over and over, for the block; how often each size was seen."""
    seen: Counter[int] = Counter()

    async def look() -> None:
        async with httpx2.AsyncClient(base_url=stack.url("publishing"), timeout=30) as client:
            while True:
                seen[(await client.get("/catalogue.json")).json()["total"]] += 1

    looking = asyncio.create_task(look())
    try:
        while not seen:
            await asyncio.sleep(0.01)
        yield seen
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def _look_at_the_catalogue(stack: Stack, teller: Teller, manifest: Sequence[Json]) -> None:
    """The pages a visitor would open, in both languages."""
    async with httpx2.AsyncClient(base_url=stack.url("publishing"), headers={"Accept": "text/html"}) as client:
        title = manifest[0]["title"]
        for language in ("zh", "en"):
            page = await client.get(f"/catalogue/{manifest[0]['entry']}", params={"lang": language})
            must(
                title[language].replace("’", "") in page.text.replace("’", "").replace("&#39;", ""),
                f"{page.url} lacks its title",
                f"{page.url} 没有显示标题",
            )
        feed = (await client.get("/feed.atom")).raise_for_status().text
        must(feed.count("<entry>") == 50, "the feed lacks entries", "订阅源缺少条目")
    teller.say(
        "The catalogue shows them in Chinese and English, as JSON, and as an Atom feed",
        "公开目录以中英文、JSON 和 Atom 订阅源展示全部条目",
        stack.url("publishing") + "/catalogue",
    )


async def _see_deliveries_arrive(stack: Stack, teller: Teller, receiver: Receiver, manifest: Sequence[Json]) -> None:
    """A call for each entry, once; one mail with all of them."""

    async def called() -> int:
        return len(receiver.calls)

    await teller.until(len(manifest), called, "deliveries", "投递")
    must(
        set(receiver.calls.values()) == {1} and not receiver.forged,
        f"calls came {Counter(receiver.calls.values())} times, {receiver.forged} forged",
        f"回调次数为 {Counter(receiver.calls.values())}，签名不符 {receiver.forged} 次",
    )
    async with httpx2.AsyncClient(base_url=stack.inbox_url) as inbox:

        async def mailed() -> int:
            messages = (await inbox.get("/messages", params={"to": SUBSCRIBER})).json()
            return sum("/subscriptions/confirm" not in message["text"] for message in messages)

        await teller.until(1, mailed, "mail", "邮件")
        must(await mailed() == 1, "more than one mail came", "收到的邮件多于一封")
    teller.say(
        f"Subscribers were told: {len(receiver.calls)} signed webhook calls, each once, and one mail with all of them",
        f"订阅者已获通知：{len(receiver.calls)} 次签名回调，每条一次；一封邮件列出全部",
        either("the mail is in ", "邮件见 ") + stack.inbox_url,
    )


async def _leave_some_to_review(stack: Stack, teller: Teller, keys: dict[str, str]) -> None:
    """The first entries for the next month: checked by the machine, and left for whoever signs in as a reviewer."""
    more = [
        line for kind in TARGETS for line in islice(generate(kind, EACH + LEFT, SEED, partners()), EACH, EACH + LEFT)
    ]
    async with httpx2.AsyncClient(base_url=stack.url("submissions"), timeout=60) as client:
        for line in more:
            headers = {"Authorization": f"Bearer {keys[line['entry']['owner']['uscc']]}"}
            (await client.post("/submissions", json=line, headers=headers)).raise_for_status()
    async with signed_in(stack.url("review"), "operator-zheng") as operator:

        async def waiting() -> int:
            return len(await cases(operator, "open"))

        await teller.until(len(more), waiting, "on the desk", "进入评审台")
    teller.say(
        f"{len(more)} more came in for the next month and wait to be reviewed: sign in as reviewer-li and try it",
        f"下个月的 {len(more)} 条新申报正等待评审：可用 reviewer-li 登录试试",
        stack.url("review") + "/cases",
    )


async def _prove(stack: Stack, teller: Teller) -> None:
    """The story's last line: the replay of the history equals the live state."""
    verdict = await asyncio.to_thread(replay, stack.settings, DECIDERS, patience_s=30.0)
    if not verdict.equal:
        with speak(either("en", "zh"), load(Path(terminal.__file__).parent / "locale")):
            terminal.show_verdict(out(), verdict.to_json())
    must(verdict.equal, "The replay is not equal to the live state", "重放结果与现状不一致")
    teller.say(
        f"Audit: {verdict.events:,} events of {verdict.streams:,} streams replayed at {verdict.rate:,.0f}/s: "
        "the replay is [bold]equal[/] to the live state",
        f"审计：从 Kafka 重放 {verdict.streams:,} 条流的 {verdict.events:,} 个事件，每秒 {verdict.rate:,.0f} 个；"
        "重放结果与现状[bold]一致[/]",
    )


async def _tell_how_things_stand(stack: Stack, teller: Teller) -> None:
    async with httpx2.AsyncClient(base_url=stack.url("publishing"), timeout=30) as client:
        total = (await client.get("/catalogue.json")).raise_for_status().json()["total"]
    teller.say(
        f"The data of the last run is kept: the catalogue shows {total} entries (make reset deletes them)",
        f"保留了上次运行的数据：公开目录有 {total} 条（make reset 可删除）",
    )


async def _published(stack: Stack) -> bool:
    async with httpx2.AsyncClient(base_url=stack.url("publishing"), timeout=30) as client:
        return bool((await client.get("/catalogue.json")).raise_for_status().json()["total"])


def _month() -> str:
    return date.today().strftime("%Y-%m")


def _counted(counts: dict[str, int], language: str) -> str:
    if language == "zh":
        names = {"scene": "场景", "product": "产品", "linkage": "场景应用"}
        return "、".join(f" {count} 个{names[kind]}" for kind, count in counts.items())
    return ", ".join(f"{count} {kind}s" for kind, count in counts.items())
