"""A partner's program, as lean as can be, so that the machine's time goes to the server: HTTP/1.1 on one connection."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from itertools import islice

import orjson

from deploy.local.ports import HOST

#: Lines sent with one write.
PIECE = 50


@dataclass(frozen=True)
class Connection:
    """A connection that is kept; one request at a time."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    key: str

    async def post(self, body: bytes) -> int:
        """Send one entry in; the answer's status."""
        self._request("/submissions", f"Content-Length: {len(body)}")
        self.writer.write(body)
        status, headers = await self._head()
        await self.reader.readexactly(int(headers["content-length"]))
        return status

    async def stream(self, lines: Iterable[bytes]) -> int:
        """Send entries in as one stream while receipts come; how many were received."""
        self._request("/submissions:stream", "Transfer-Encoding: chunked")
        sending = asyncio.create_task(self._send(lines))
        status, _ = await self._head()
        assert status == 200, status
        receipts = b"".join([piece async for piece in self._pieces()]).splitlines()
        await sending
        return sum(orjson.loads(receipt)["status"] == "received" for receipt in receipts)

    def _request(self, path: str, *headers: str) -> None:
        said = (f"POST {path} HTTP/1.1", f"Host: {HOST}", f"Authorization: Bearer {self.key}", *headers, "")
        self.writer.write("".join(f"{line}\r\n" for line in said).encode())

    async def _send(self, lines: Iterable[bytes]) -> None:
        coming = iter(lines)
        while piece := b"".join(line + b"\n" for line in islice(coming, PIECE)):
            self.writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await self.writer.drain()
        self.writer.write(b"0\r\n\r\n")

    async def _head(self) -> tuple[int, dict[str, str]]:
        first, *rest = (await self.reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = (line.partition(":") for line in rest)
        return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in headers}

    async def _pieces(self) -> AsyncIterator[bytes]:
        while size := int(await self.reader.readline(), 16):
            yield await self.reader.readexactly(size)
            await self.reader.readline()
        await self.reader.readline()


async def connect(port: int, key: str) -> Connection:
    """A new connection to the submissions api on `port`, with an API key."""
    return Connection(*await asyncio.open_connection(HOST, port), key)
