"""A partner's program, as lean as can be, so that the machine's time goes to the server: HTTP/1.1 on one connection."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import orjson

from deploy.local.ports import HOST


@dataclass(frozen=True)
class Connection:
    """A connection that is kept; one request at a time."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    key: str

    async def post(self, body: bytes) -> int:
        """Send one entry in; the answer's status."""
        self._request("/submissions", len(body))
        self.writer.write(body)
        status, headers = await self._head()
        await self.reader.readexactly(int(headers["content-length"]))
        return status

    async def stream(self, lines: Sequence[bytes]) -> int:
        """Send many entries in, reading receipts meanwhile; how many were received."""
        body = b"\n".join(lines)
        self._request("/submissions:stream", len(body))
        sending = asyncio.create_task(self._send(body))
        status, _ = await self._head()
        assert status == 200, status
        receipts = b"".join([piece async for piece in self._chunks()]).splitlines()
        await sending
        return sum(orjson.loads(receipt)["status"] == "received" for receipt in receipts)

    def _request(self, path: str, size: int) -> None:
        said = (
            f"POST {path} HTTP/1.1",
            f"Host: {HOST}",
            f"Authorization: Bearer {self.key}",
            f"Content-Length: {size}",
        )
        self.writer.write("".join(f"{line}\r\n" for line in (*said, "")).encode())

    async def _send(self, body: bytes, piece: int = 64 * 1024) -> None:
        for start in range(0, len(body), piece):
            self.writer.write(body[start : start + piece])
            await self.writer.drain()

    async def _head(self) -> tuple[int, dict[str, str]]:
        first, *rest = (await self.reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = (line.partition(":") for line in rest)
        return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in headers}

    async def _chunks(self) -> AsyncIterator[bytes]:
        while size := int(await self.reader.readline(), 16):
            yield await self.reader.readexactly(size)
            await self.reader.readline()
        await self.reader.readline()


async def connect(port: int, key: str) -> Connection:
    """A new connection to the submissions api on `port`, with an API key."""
    return Connection(*await asyncio.open_connection(HOST, port), key)
