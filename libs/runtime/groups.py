"""Group commit: many callers' commands in one write, so that all who wait share a round trip to the database."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

#: Commands that go with one write, at most.
MOST = 200


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[T, R]):
    command: T
    result: "asyncio.Future[R]"


class Groups(Generic[T, R]):
    """Commands that come one at a time, carried out together by `write`: a result for each, in order.

    What comes in the same turn of the loop goes together, and what comes while a write is under way goes with the next.
    Nobody waits for a timer: a caller who is alone is answered as fast as without groups. One write at a time: with
    two, groups are half as large, and each entry costs more of the processor.
    """

    def __init__(self, write: Callable[[Sequence[T]], Awaitable[Sequence[R]]]) -> None:
        self._carry_out = write
        self._waiting: list[_Waiting[T, R]] = []
        self._writing: asyncio.Task[None] | None = None

    async def handle(self, command: T) -> R:
        """Carry out one command. Raises what `write` raises for it: one that is at fault fails alone.

        A caller that is cancelled leaves it unknown whether its command takes effect.
        """
        waiting: _Waiting[T, R] = _Waiting(command, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._begin()
        return await waiting.result

    def _begin(self) -> None:
        if self._writing or not self._waiting:
            return
        # A context of its own: the group belongs to none of the requests in it.
        self._writing = asyncio.get_running_loop().create_task(self._next(), context=contextvars.Context())
        self._writing.add_done_callback(self._ended)

    def _ended(self, _: "asyncio.Task[None]") -> None:
        self._writing = None
        self._begin()

    async def _next(self) -> None:
        group, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        await self._write(group)

    async def _write(self, group: Sequence[_Waiting[T, R]]) -> None:
        try:
            results = await self._carry_out([each.command for each in group])
        except Exception as error:
            if len(group) > 1:
                # At once: where it is the database that is away, nobody waits for another's patience.
                await asyncio.gather(*(self._write([each]) for each in group))
            elif not group[0].result.done():
                group[0].result.set_exception(error)
            return
        for each, result in zip(group, results, strict=True):
            if not each.result.done():
                each.result.set_result(result)
