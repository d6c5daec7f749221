"""How the story speaks: a line a step, with counts and times; a progress bar for the long ones."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from runtime.speech import either

#: Seconds without progress after which a step has failed.
PATIENCE_S = 120.0


class Wrong(Exception):
    """A step is not as it must be; the message says what is and what should be."""


def must(holds: object, en: str, zh: str) -> None:
    """Raise Wrong, with what is wrong, unless it holds."""
    if not holds:
        raise Wrong(either(en, zh))


@dataclass
class Teller:
    """Says each step on a line, with how long it took; a progress bar for the long ones where there is a terminal."""

    console: Console
    step: int = 0
    began: float = field(default_factory=time.monotonic)

    def say(self, en: str, zh: str, *details: str) -> None:
        """A step is done: what was done, and lines below it."""
        self.step += 1
        now = time.monotonic()
        self.console.print(f"[bold]{self.step:>3}[/]  {either(en, zh)}  [dim]{now - self.began:.1f} s[/]")
        for detail in details:
            self.console.print(f"     [dim]{detail}[/]")
        self.began = now

    async def until(self, total: int, count: Callable[[], Awaitable[int]], en: str, zh: str) -> None:
        """Wait until `count` reaches `total`; raises Wrong when it has not moved for PATIENCE_S seconds."""
        with Progress(
            TextColumn("     {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        ) as progress:
            task = progress.add_task(either(en, zh), total=total)
            reached, moved = -1, time.monotonic()
            while reached < total:
                now = await count()
                if now != reached:
                    reached, moved = now, time.monotonic()
                    progress.update(task, completed=now)
                must(
                    time.monotonic() - moved < PATIENCE_S,
                    f"{en}: stays at {reached} of {total}",
                    f"{zh}：停在 {reached} / {total}",
                )
                await asyncio.sleep(0.1)
