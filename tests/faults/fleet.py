"""A few of the real services as processes that come back when they die, and partners that keep sending meanwhile."""

import asyncio
import contextlib
import itertools
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2
import orjson
from pymongo import AsyncMongoClient

from audit.deciders import DECIDERS
from audit.replay import Verdict, replay
from deploy.local import table
from deploy.local.ports import DEFAULTS, free
from deploy.local.sample.generate import generate, partners
from deploy.local.supervise import Child, Process, end, kill, spawn
from runtime.settings import Settings
from runtime.streams import Streams
from schemas.entry import Name
from submissions import keys
from submissions.domain.partner import PARTNERS, IssueKey, Register
from submissions.intake import now
from tests.support import eventually

NAMES = ("submissions-api", "submissions-worker", "review-worker")
CHUNK = 100


@dataclass
class Fleet:
    """The processes, by name; `deaths` counts those by SIGKILL, ours or at a crash point."""

    settings: Settings
    processes: dict[str, Process]
    log: Path
    children: dict[str, Child] = field(default_factory=dict)
    deaths: int = 0

    def start(self, name: str, crash_at: str | None = None) -> None:
        """Start one (again); `crash_at` names the crash point at which it ends itself: `handle.after_write:3`."""
        process = self.processes[name]
        if crash_at:
            process = replace(process, env={**process.env, "SHUANGQIAN_CRASH_AT": crash_at})
        self.children[name] = spawn(process, self.log)

    async def crash(self, name: str, crash_at: str) -> None:
        """Have one end itself at a crash point under the load that goes on, and start it again."""
        kill(self.children[name])
        self.start(name, crash_at)
        died = self.children[name].popen

        async def dead() -> bool:
            return died.poll() is not None

        await eventually(dead, 60)
        assert died.returncode == -signal.SIGKILL, f"{name} ended with {died.returncode} instead of at {crash_at}"
        self.deaths += 1
        self.start(name)

    def kill(self, name: str) -> None:
        """kill -9, wherever it is at the moment, and start it again."""
        kill(self.children[name])
        self.deaths += 1
        self.start(name)


@asynccontextmanager
async def fleet(settings: Settings, folder: Path) -> AsyncIterator[Fleet]:
    """Intake and review on the settings' servers, each process up when the block begins."""
    ports = dict(zip(DEFAULTS, free(len(DEFAULTS)), strict=True))
    settings = settings.model_copy(update={"submissions_url": f"http://localhost:{ports['submissions']}"})
    stack = table.Stack(folder, ports, settings, "", ())
    processes = {process.name: process for process in table.services(stack) if process.name in NAMES}
    made = Fleet(settings, processes, folder / "log")
    try:
        for name in NAMES:
            made.start(name)
        for process in processes.values():

            async def ready(process: Process = process) -> bool:
                return await asyncio.to_thread(process.ready)

            await eventually(ready, 90)
        yield made
    finally:
        end(list(made.children.values()))


async def key_for(settings: Settings, partner: dict[str, Any]) -> str:
    """Register a partner, and issue it a key."""
    made = keys.make()
    async with AsyncMongoClient[Any](settings.mongo_url, w="majority", journal=True) as client:
        streams = Streams(client[settings.database("submissions")], PARTNERS)
        common = {"stream": partner["uscc"], "actor": "user:operator", "at": now()}
        name = Name(**partner["name"])
        await streams.handle(
            [
                Register(**common, cause="test/register", name=name, type=partner["type"]),
                IssueKey(**common, cause=f"test/key/{made.id}", key=made.id, label="test", hash=made.hash),
            ]
        )
    return made.text


@dataclass
class Sender:
    """A partner that sends scenes for as long as it is told to, and goes on after its last receipt whatever happens."""

    settings: Settings
    key: str
    lines: Iterator[bytes]
    accepted: set[str] = field(default_factory=set)
    stopping: bool = False

    async def send(self) -> None:
        """Send until `stopping`; every receipt's stream is in `accepted`."""
        async with httpx2.AsyncClient(timeout=20, headers={"Authorization": f"Bearer {self.key}"}) as client:
            while not self.stopping:
                await self._all_of(client, list(itertools.islice(self.lines, CHUNK)))
                await asyncio.sleep(0.1)

    async def _all_of(self, client: httpx2.AsyncClient, lines: list[bytes]) -> None:
        while lines:
            with contextlib.suppress(httpx2.HTTPError):
                url = f"{self.settings.submissions_url}/submissions:stream"
                async with client.stream("POST", url, content=b"\n".join(lines)) as answer:
                    if answer.status_code == 200:
                        async for text in answer.aiter_lines():
                            receipt = orjson.loads(text)
                            assert receipt["status"] in ("received", "unchanged"), receipt
                            self.accepted.add(receipt["stream"])
                            lines = lines[1:]
                        continue
            await asyncio.sleep(0.2)


@asynccontextmanager
async def sending(settings: Settings, seed: int) -> AsyncIterator[Sender]:
    """A partner's sender, at work for the block and done with its last chunk after it."""
    partner = partners()[0]
    # Each seed has references of its own.
    made = (orjson.dumps(line) for line in generate("scene", 10**6, seed, [partner], seed * 10**6))
    sender = Sender(settings, await key_for(settings, partner), made)
    work = asyncio.create_task(sender.send())
    try:
        yield sender
    finally:
        sender.stopping = True
        await work


async def audited(settings: Settings) -> Verdict:
    """The audit's verdict on submissions and review, with patience for the relay."""
    return await asyncio.to_thread(replay, settings, DECIDERS, patience_s=30.0)
