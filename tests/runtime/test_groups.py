"""Group commit: who comes while writes are under way goes with the next, and nobody pays for another's fault."""

import asyncio
from collections.abc import Sequence

import pytest

from runtime.groups import MOST, Groups


class Writer:
    """Notes each write, and lets it end when told to. A command of "fault" cannot be written."""

    def __init__(self) -> None:
        self.writes: list[list[str]] = []
        self.may_end = asyncio.Event()

    async def __call__(self, commands: Sequence[str]) -> list[str]:
        self.writes.append([*commands])
        await self.may_end.wait()
        if "fault" in commands:
            raise ValueError("a command at fault")
        return [f"{command} done" for command in commands]


async def asked(groups: Groups[str, str], *commands: str) -> list[asyncio.Task[str]]:
    """One caller for each command, all waiting."""
    callers = [asyncio.create_task(groups.handle(command)) for command in commands]
    for _ in range(3):
        await asyncio.sleep(0)
    return callers


async def test_what_comes_at_once_goes_together_and_what_comes_during_writes_with_the_next() -> None:
    writer = Writer()
    groups = Groups[str, str](writer)
    callers = await asked(groups, "a", "b")
    callers += await asked(groups, "c")
    callers += await asked(groups, "d", "e")
    assert writer.writes == [["a", "b"]]
    writer.may_end.set()
    assert await asyncio.gather(*callers) == ["a done", "b done", "c done", "d done", "e done"]
    assert writer.writes == [["a", "b"], ["c", "d", "e"]]


async def test_a_group_has_a_limit() -> None:
    writer = Writer()
    callers = await asked(Groups[str, str](writer), *(str(n) for n in range(MOST + 1)))
    writer.may_end.set()
    await asyncio.gather(*callers)
    assert [len(write) for write in writer.writes] == [MOST, 1]


async def test_a_command_at_fault_fails_alone() -> None:
    writer = Writer()
    callers = await asked(Groups[str, str](writer), "a", "b", "c", "fault", "d")
    writer.may_end.set()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert [results[n] for n in (0, 1, 2, 4)] == ["a done", "b done", "c done", "d done"]
    assert isinstance(results[3], ValueError)


async def test_a_caller_that_goes_away_leaves_the_others_their_results() -> None:
    writer = Writer()
    groups = Groups[str, str](writer)
    callers = await asked(groups, "a", "b", "c", "d")
    callers[0].cancel()
    callers[2].cancel()
    writer.may_end.set()
    assert [await callers[1], await callers[3]] == ["b done", "d done"]
    for gone in (callers[0], callers[2]):
        with pytest.raises(asyncio.CancelledError):
            await gone
    assert await groups.handle("e") == "e done"
