"""The workers of a running stack, any number of each service: started and ended while everything else goes on."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from deploy.local import table
from deploy.local.ports import free
from deploy.local.supervise import Child, end, spawn, wait_until_ready
from deploy.local.table import WORKERS, Stack
from runtime.speech import either

#: Told of each step as it is done.
Say = Callable[[str], None]
#: Processes of one service that are run on one machine, however many partitions its histories have.
MOST = 12
#: A worker is started afresh so often within so many seconds; one that ends more often is broken.
TIMES, WITHIN_S = 3, 60.0


class CannotScale(ValueError):
    """What was asked for is not possible; the message says what is."""


@dataclass
class Workers:
    """`children` are those that run, watched by whoever gave the list; `starting` those that are not ready yet."""

    stack: Stack
    children: list[Child]
    starting: list[Child] = field(default_factory=list)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    #: When each was started afresh, by its name.
    _afresh: dict[str, list[float]] = field(default_factory=dict)

    def running(self) -> dict[str, list[int]]:
        """The pids of each service's workers, by `review-worker`."""
        return {f"{service}-worker": [child.popen.pid for child in self._of(service)] for service in WORKERS}

    async def scale(self, name: str, count: int, say: Say) -> None:
        """Have `count` workers of a service run: `review-worker`, 3. Raises CannotScale, and ChildFailed when one
        does not start; those that run are not touched then."""
        self.check(name, count)
        service = name.removesuffix("-worker")
        async with self._one_at_a_time:
            running = self._of(service)
            if len(running) < count:
                await self._start(service, count - len(running), say)
            elif len(running) > count:
                await self._end(running[count:], say)
            table.leave_targets(self.stack, (child.process for child in self.children))

    def check(self, name: str, count: int) -> None:
        """Raises CannotScale where `count` workers of that name cannot be had."""
        service = name.removesuffix("-worker")
        if service not in WORKERS or service == name:
            known = ", ".join(f"{each}-worker" for each in WORKERS)
            raise CannotScale(either(f"There is no {name}. There are: {known}.", f"没有 {name}。可以是：{known}。"))
        if not 0 <= count <= MOST:
            most = either(
                f"{name} can have 0 to {MOST} processes on one machine. More are run on several: deploy/helm.",
                f"{name} 在一台机器上可以有 0 到 {MOST} 个进程。更多进程可在多台机器上运行：deploy/helm。",
            )
            raise CannotScale(most)

    def start_afresh(self, child: Child) -> bool:
        """Start a worker that ended once more, in its place; False for what is no worker, and for one that ended too
        often of late. It is not waited for: if it ends again, this is called again."""
        now_s = time.monotonic()
        lately = [at_s for at_s in self._afresh.get(child.name, []) if now_s - at_s < WITHIN_S]
        if child not in self._all() or len(lately) >= TIMES:
            return False
        self._afresh[child.name] = [*lately, now_s]
        # From this thread, which lives as long as the launcher: see `spawn`. The log goes on: it says why it ended.
        self.children[self.children.index(child)] = spawn(child.process, child.log.parent, go_on=True)
        return True

    def _all(self) -> list[Child]:
        return [child for service in WORKERS for child in self._of(service)]

    def _of(self, service: str) -> list[Child]:
        """Those of a service that run, the first started first."""
        name = f"{service}-worker"
        return [child for child in self.children if child.name == name or child.name.startswith(f"{name}-")]

    async def _start(self, service: str, more: int, say: Say) -> None:
        taken = {child.name for child in self._of(service)}
        ports = iter(free(more))
        rows = [table.worker(self.stack, service, self.stack.ports[f"{service}-worker"])]
        rows += [table.worker(self.stack, service, 0, number) for number in range(2, MOST + 1)]
        for row in [row for row in rows if row.name not in taken][:more]:
            number = rows.index(row) + 1
            process = row if number == 1 else table.worker(self.stack, service, next(ports), number)
            # From this thread, which lives as long as the launcher: see `spawn`.
            self.starting.append(spawn(process, self.stack.folder / "log"))
        try:
            await asyncio.gather(*(self._ready(child, say) for child in list(self.starting)))
        finally:
            await asyncio.to_thread(end, list(self.starting))
            self.starting.clear()

    async def _ready(self, child: Child, say: Say) -> None:
        took_s = await asyncio.to_thread(wait_until_ready, child)
        self.starting.remove(child)
        self.children.append(child)
        say(either(f"{child.name} is ready after {took_s:.1f} s", f"{child.name} 已就绪，用时 {took_s:.1f} 秒"))

    async def _end(self, leaving: list[Child], say: Say) -> None:
        # No longer watched: that they end is what is wanted.
        for child in leaving:
            self.children.remove(child)
        killed = await asyncio.to_thread(end, leaving)
        for child in leaving:
            how = either("had to be killed", "已强制终止") if child.name in killed else either("has ended", "已结束")
            say(f"{child.name} {how}")
