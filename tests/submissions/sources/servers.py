"""A partner's own server, as tests need it: it answers by path what it is told to, and remembers what it was asked."""

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson


class Handler(BaseHTTPRequestHandler):
    """One request; `say` answers it."""

    partner: "Partner"
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.partner.lock:
            self.partner.asked.append((self.path, headers))
        self.partner.answers.get(self.path, missing)(self)
        self.close_connection = True

    def say(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content_length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


Answer = Callable[[Handler], None]


@dataclass
class Partner:
    """`answers` by path; `asked` has each request's path and headers; handlers that wait end when `released`."""

    url: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def paths(self) -> list[str]:
        with self.lock:
            return [path for path, _ in self.asked]


def missing(handler: Handler) -> None:
    handler.say(b"", 404)


def text(body: bytes, **headers: str) -> Answer:
    return lambda handler: handler.say(body, 200, **headers)


def entries(*submissions: dict[str, Any]) -> Answer:
    """A list of entries without revisions, as JSON."""
    unnumbered = [{name: said for name, said in one.items() if name != "revision"} for one in submissions]
    return text(orjson.dumps(unnumbered), content_type="application/json")


def tagged(tag: str, body: bytes) -> Answer:
    """An answer with an ETag: 304 to who knows it already."""

    def answer(handler: Handler) -> None:
        known = handler.headers.get("if-none-match") == tag
        handler.say(b"" if known else body, 304 if known else 200, etag=tag)

    return answer


def redirect(to: str) -> Answer:
    return lambda handler: handler.say(b"", 302, location=to)


def hanging(handler: Handler) -> None:
    """Takes the request and answers nothing."""
    handler.partner.released.wait(60)


def trickling(handler: Handler) -> None:
    """Sends a body without end, a byte at a time."""
    handler.send_response(200)
    handler.end_headers()
    while not handler.partner.released.wait(0.05):
        try:
            handler.wfile.write(b" ")
        except OSError:
            return


def bomb(handler: Handler) -> None:
    """A gigabyte of spaces, packed a thousandfold."""
    packed = gzip.compress(b" " * 1_000_000_000, 9) if not BOMB else BOMB[0]
    BOMB[:] = [packed]
    handler.say(packed, content_encoding="gzip")


BOMB: list[bytes] = []


@contextmanager
def partner(host: str = "127.0.0.1") -> Iterator[Partner]:
    """A server on an address of the loopback."""
    made = Partner()
    server = ThreadingHTTPServer((host, 0), type("Handler", (Handler,), {"partner": made}))
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # who hangs up early is no news here
    made.url = f"http://{host}:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield made
    finally:
        made.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
