"""The main job on the sample, told on the terminal: from six partners to the world, and the proof of it.

Everything here is done from outside, through the services' addresses, as partners, reviewers and publishers would.
"""

import asyncio
import hashlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from deploy.local.clients import signed_in
from deploy.local.receiver import Receiver
from deploy.local.sample.generate import linkages, partners, story
from deploy.local.speech import either
from deploy.local.table import Stack
from schemas.review import CRITERIA

SEED = 2026
EACH = 130
BAD = {"scene": 3, "product": 2}
TARGETS = {"scene": 100, "product": 100}
SUBSCRIBER = "reader@example.org"
#: The reviewers in the story, less the one who works for a partner.
PATIENCE_S = 120.0


class Wrong(Exception):
    """A step is not as it must be; the message says what is and what should be."""


@dataclass
class Teller:
    """Says each step on one line, with how long it took; a progress bar for the long ones where there is a terminal."""

    console: Console
    step: int = 0
    began: float = field(default_factory=time.monotonic)

    def say(self, what: str, *details: str) -> None:
        """A step is done: what, and lines below it."""
        self.step += 1
        now = time.monotonic()
        self.console.print(f"[bold]{self.step:>3}[/]  {what}  [dim]{now - self.began:.1f} s[/]")
        for detail in details:
            self.console.print(f"     [dim]{detail}[/]")
        self.began = now

    async def wait(self, what: str, total: int, count: Callable[[], Awaitable[int]]) -> None:
        """Wait until `count` reaches `total`. Raises Wrong when it has not moved for PATIENCE_S seconds."""
        with Progress(
            TextColumn("     {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        ) as progress:
            task = progress.add_task(what, total=total)
            reached, moved = 0, time.monotonic()
            while reached < total:
                now = await count()
                if now != reached:
                    reached, moved = now, time.monotonic()
                    progress.update(task, completed=now)
                elif time.monotonic() - moved > PATIENCE_S:
                    raise Wrong(either(f"{what}: stays at {reached} of {total}", f"{what}：停在 {reached} / {total}"))
                await asyncio.sleep(0.1)


async def tell(stack: Stack) -> bool:
    """Do the main job and tell it; True when every step was as it must be. On kept data, tell how things stand."""
    console = Console(highlight=False, soft_wrap=True)
    console.print()
    try:
        await Story(stack, Teller(console)).tell()
    except (Wrong, httpx.HTTPError) as wrong:
        console.print(f"[red]✗  {wrong or repr(wrong)}[/]")
        return False
    return True
