"""A line that drops: TCP to a server, cut off after so many bytes from the client or from the server."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Line:
    """A proxy on `port`. Connection n is aborted after `cuts[n]` bytes in its direction; later ones go through."""

    server: int
    cuts: Sequence[tuple[str, int]]
    port: int = 0
    connections: int = 0
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        cut = self.cuts[self.connections] if self.connections < len(self.cuts) else None
        self.connections += 1
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.server)

        def abort() -> None:
            writer.transport.abort()
            there_writer.transport.abort()

        async def pump(come: asyncio.StreamReader, go: asyncio.StreamWriter, way: str) -> None:
            left = cut[1] if cut and cut[0] == way else None
            try:
                while piece := await come.read(4096):
                    go.write(piece if left is None else piece[:left])
                    await go.drain()
                    if left is not None and (left := left - len(piece)) <= 0:
                        return abort()
                go.write_eof()
            except OSError:
                abort()

        await asyncio.gather(pump(reader, there_writer, "up"), pump(there_reader, writer, "down"))
        writer.close()
        there_writer.close()


@contextmanager
def line_to(server: int, *cuts: tuple[str, int]) -> Iterator[Line]:
    """A proxy to the server on this port of this host, for as long as it is needed."""
    line = Line(server, cuts)
    loop = line._loop
    listener = loop.run_until_complete(asyncio.start_server(line._connected, "127.0.0.1", 0))
    line.port = listener.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield line
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
