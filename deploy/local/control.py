"""The running launcher takes orders on a Unix socket in its run folder, which only the user that started it may open.

One JSON object in, a line; JSON objects out, a line each: `{"said": …}` as steps are done, then `{"done": …}` or
`{"refused": …}`. Orders: `{"status": true}` and `{"scale": {"review-worker": 3}}`; with `"language": "zh"` or `"en"`,
what is said is in that language.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from deploy.local.supervise import CannotStart
from deploy.local.workers import Workers
from runtime.speech import either, ordered_in

SOCKET = "control"
#: Gives what each consumer group has still to read, by its name.
Lags = Callable[[], Awaitable[dict[str, Any]]]


@asynccontextmanager
async def listening(folder: Path, workers: Workers, lags: Lags) -> AsyncIterator[None]:
    """Take orders for the block. Raises OSError where no such socket can be made (its path is too long, say)."""
    path = folder / SOCKET
    # A launcher that was killed leaves its socket behind; the folder's lock says that nobody listens on it.
    path.unlink(missing_ok=True)
    busy: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_converse(workers, lags, reader, writer))
        busy.add(task)
        task.add_done_callback(busy.discard)

    before = os.umask(0o177)
    try:
        server = await asyncio.start_unix_server(connected, path)
    finally:
        os.umask(before)
    try:
        yield
    finally:
        server.close()
        for task in busy:
            task.cancel()
        path.unlink(missing_ok=True)


async def _converse(workers: Workers, lags: Lags, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    def answer(**said: Any) -> None:
        writer.write(json.dumps(said, ensure_ascii=False).encode() + b"\n")

    try:
        order = _order(await reader.readline())
        with ordered_in(order.get("language") if isinstance(order, dict) else None):
            await _carry_out(order, workers, lags, answer)
    except ConnectionError:
        return  # whoever asked has gone; what was ordered is done all the same
    with contextlib.suppress(ConnectionError):
        await writer.drain()
        writer.close()


async def _carry_out(order: Any, workers: Workers, lags: Lags, answer: Callable[..., None]) -> None:
    try:
        match order:
            case {"status": True}:
                answer(done={"workers": workers.running(), "groups": await lags()})
            case {"scale": {**counts}} if counts:
                wanted = {str(name): int(str(count)) for name, count in counts.items()}
                # All before any: what is refused is done by no half.
                for name, count in wanted.items():
                    workers.check(name, count)
                for name, count in wanted.items():
                    await workers.scale(name, count, lambda text: answer(said=text))
                answer(done={"workers": workers.running()})
            case _:
                answer(refused=either("This order is not understood.", "无法理解该命令。"))
    except (ValueError, CannotStart) as failed:
        answer(refused=str(failed))


def _order(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
