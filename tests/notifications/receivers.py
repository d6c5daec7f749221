"""Receivers of deliveries that behave as told: over HTTP, and over SMTP."""

import asyncio
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP

from deploy.local.mail import Mailbox
from deploy.local.ports import HOST, free


@dataclass
class Call:
    path: str
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass
class Receiver:
    """What came in, by path. `answer(path, how many came before with this webhook-id)` is the status; 0 hangs."""

    url: str
    calls: list[Call] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def ids(self, path: str) -> list[str]:
        return [call.headers["webhook-id"] for call in self.calls if call.path == path]


@contextmanager
def receiver(
    answer: Callable[[str, int], int] = lambda _path, _before: 204, tls: ssl.SSLContext | None = None
) -> Iterator[Receiver]:
    """An HTTP server on the loopback, or an HTTPS server."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            call = Call(self.path, {name.lower(): value for name, value in self.headers.items()}, body, time.time())
            with lock:
                before = found.ids(self.path).count(call.headers["webhook-id"])
                found.calls.append(call)
            status = answer(self.path, before)
            if status == 0:
                found.released.wait(30)
                return
            self.send_response(status)
            if status in (301, 302):
                self.send_header("Location", f"{found.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 200
        daemon_threads = True

    server = Server((HOST, 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    found = Receiver(f"{'https' if tls else 'http'}://{HOST}:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield found
    finally:
        found.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


@asynccontextmanager
async def mail_server(folder: Path, **asks: Any) -> AsyncIterator[tuple[int, Mailbox]]:
    """An SMTP server on the loopback: its port, and the messages it took. `asks` is what aiosmtpd's asks of clients."""
    (port,), mailbox = free(1), Mailbox(folder)
    loop = asyncio.get_running_loop()
    async with await loop.create_server(lambda: SMTP(mailbox, enable_SMTPUTF8=True, **asks), HOST, port):
        yield port, mailbox
