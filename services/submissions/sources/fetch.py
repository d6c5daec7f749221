"""One GET of a partner's address: within limits of time and size, and to nowhere that it must not lead."""

import asyncio
import tempfile
import zlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, BinaryIO

import httpx2

from runtime import outbound
from runtime.outbound import Reach, Unreachable

#: Seconds to connect, and that a fetch may take from the look-up of its name to its last byte.
CONNECT_S, TOTAL_S = 5.0, 60.0
#: Bytes of one fetch, as they come and unpacked.
MAX_BYTES = 50_000_000
MAX_REDIRECTS = 3
#: What is larger waits on disk while it comes: a slow sender of much costs no memory.
IN_MEMORY = 1_000_000
#: Unpacked at once: a bomb is found out before it bursts.
PIECE = 256 * 1024
REDIRECTS = (301, 302, 303, 307, 308)
AGENT = "Shuangqian-Sources/1"


class NotFetched(Exception):
    """Why there is nothing to read: `code` is a word of sources/texts.py, `detail` goes into its text, or is it."""

    def __init__(self, code: str, detail: str | Mapping[str, str] = "") -> None:
        super().__init__(code, detail)
        self.code, self.detail = code, detail


@dataclass(frozen=True)
class Known:
    """What the address said of itself the last time: asked with it, it may answer that nothing changed."""

    etag: str | None = None
    modified: str | None = None


@dataclass(frozen=True)
class Fetched:
    """What an address answered. `body` is None where nothing changed; `framed` says that its end is certain."""

    body: BinaryIO | None
    known: Known
    framed: bool


@dataclass(frozen=True)
class Limits:
    total_s: float = TOTAL_S
    bytes: int = MAX_BYTES


def fault(address: str, within: Reach) -> str | None:
    """What keeps an address from being a source: `form`, `https`, `private` or `port`; None if nothing does."""
    return outbound.fault(address, within) or (None if _port_allowed(httpx2.URL(address), within) else "port")


def client() -> httpx2.AsyncClient:
    """The client for all fetches."""
    return outbound.client(AGENT, httpx2.Timeout(TOTAL_S, connect=CONNECT_S))


async def fetch(
    http: httpx2.AsyncClient,
    address: str,
    within: Reach,
    *,
    language: str = "zh",
    token: str | None = None,
    known: Known | None = None,
    limits: Limits | None = None,
) -> Fetched:
    """Get an address; up to three redirects are followed, each judged like the first. Raises NotFetched.

    The token goes to the address's own host alone. The caller closes `body`.
    """
    limits, known = limits or Limits(), known or Known()
    headers = {"accept": "*/*", "accept-encoding": "gzip", "accept-language": language}
    if known.etag:
        headers["if-none-match"] = known.etag
    if known.modified:
        headers["if-modified-since"] = known.modified
    try:
        async with asyncio.timeout(limits.total_s):
            return await _follow(http, address, within, headers, token, known, limits)
    except (TimeoutError, httpx2.TimeoutException) as error:
        raise NotFetched("timeout") from error
    except httpx2.ConnectError as error:
        raise NotFetched("tls" if "SSL" in str(error) or "certificate" in str(error) else "connect") from error
    except httpx2.HTTPError as error:
        raise NotFetched("broken") from error


async def _follow(
    http: httpx2.AsyncClient,
    address: str,
    within: Reach,
    headers: dict[str, str],
    token: str | None,
    known: Known,
    limits: Limits,
) -> Fetched:
    start = url = httpx2.URL(address)
    for _ in range(MAX_REDIRECTS + 1):
        own = (url.scheme, url.host, url.port) == (start.scheme, start.host, start.port)
        secret = {"authorization": f"Bearer {token}"} if token and own else {}
        answer = await _get(http, url, within, headers | secret)
        try:
            if answer.status_code not in REDIRECTS:
                return await _read(answer, known, limits)
            url = _onward(url, answer.headers.get("location", ""))
        finally:
            await answer.aclose()
    raise NotFetched("redirects")


def _onward(url: httpx2.URL, location: str) -> httpx2.URL:
    try:
        return url.join(location).copy_with(fragment=None)
    except httpx2.InvalidURL as error:
        raise NotFetched("form") from error


async def _get(http: httpx2.AsyncClient, url: httpx2.URL, within: Reach, headers: dict[str, str]) -> httpx2.Response:
    """The beginning of an answer, from the first of the checked addresses that can be connected to."""
    if wrong := fault(str(url), within):
        raise NotFetched(wrong)
    try:
        async with asyncio.timeout(CONNECT_S):
            found = await outbound.addresses(url, within)
    except Unreachable as error:
        raise NotFetched(error.why) from error
    except TimeoutError as error:
        raise NotFetched("name") from error
    failed: httpx2.TransportError | None = None
    for address in found[:3]:
        try:
            return await http.send(outbound.pinned(http, "GET", url, address, headers), stream=True)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            failed = error
    assert failed is not None  # there was an address
    raise failed


async def _read(answer: httpx2.Response, known: Known, limits: Limits) -> Fetched:
    if answer.status_code == 304 and (known.etag or known.modified):
        return Fetched(None, known, framed=True)
    if answer.status_code != 200:
        raise NotFetched("status", str(answer.status_code))
    body: Any = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 (the caller closes it)
    try:
        size = 0
        async with aclosing(_unpacked(answer, limits)) as pieces:
            async for piece in pieces:
                size += len(piece)
                if size > limits.bytes:
                    raise NotFetched("size", str(limits.bytes))
                body.write(piece)
        body.seek(0)
    except BaseException:
        body.close()
        raise
    said = answer.headers
    framed = "content-length" in said or "chunked" in said.get("transfer-encoding", "")
    return Fetched(body, Known(said.get("etag"), said.get("last-modified")), framed)


async def _unpacked(answer: httpx2.Response, limits: Limits) -> AsyncGenerator[bytes, None]:
    """The body in pieces that are never larger than PIECE, however well they were packed."""
    coding = answer.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "gzip", "x-gzip"):
        raise NotFetched("coding", coding[:40])
    came = 0
    unpacking = zlib.decompressobj(wbits=31)
    async for raw in answer.aiter_raw(PIECE):
        came += len(raw)
        if came > limits.bytes:
            raise NotFetched("size", str(limits.bytes))
        if coding == "identity":
            yield raw
            continue
        full = False
        while raw or full:
            try:
                piece = unpacking.decompress(raw, PIECE)
            except zlib.error as error:
                raise NotFetched("coding", "gzip") from error
            yield piece
            raw, full = unpacking.unconsumed_tail, len(piece) == PIECE  # more may be ready than was asked for
            if unpacking.eof and unpacking.unused_data:  # gzip may be several members, one after the other
                raw, unpacking = unpacking.unused_data, zlib.decompressobj(wbits=31)
    if coding != "identity" and not unpacking.eof:
        raise NotFetched("broken")


def _port_allowed(url: httpx2.URL, within: Reach) -> bool:
    """Low ports other than 443 are other services' (mail, remote shells): none of them is a partner's data."""
    return within.plain or url.port in (None, 443) or (url.port or 0) > 1023
