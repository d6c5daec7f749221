"""Webhooks as https://www.standardwebhooks.com has them, sent to public addresses only."""

import asyncio
import base64
import ipaddress
import secrets
import socket
import ssl
from datetime import datetime

import httpx2
import orjson
from standardwebhooks.webhooks import Webhook

from notifications.failures import NotDelivered
from schemas.envelope import Json

#: Seconds that one call may take, from the look-up of its name to the answer's status.
TIMEOUT_S = 10.0
GONE = 410


def new_secret() -> str:
    """A secret that signs one subscription's calls: 24 random bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


def client(trusted: ssl.SSLContext | None = None) -> httpx2.AsyncClient:
    """The client for all calls: no redirects, no proxies; no connection is kept, for each goes to a checked address.

    `trusted` are the certificates that it accepts; those of the well-known authorities where it is None.
    """
    return httpx2.AsyncClient(
        verify=trusted or True,
        timeout=TIMEOUT_S,
        follow_redirects=False,
        trust_env=False,
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
        headers={"User-Agent": "Shuangqian-Webhooks/1"},
    )


def fault(url: str, *, private: bool) -> str | None:
    """What is wrong with an address as such, before any look-up: `form`, `https` or `private`; None if nothing is."""
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        return "form"
    if not parsed.host or parsed.userinfo or parsed.fragment or len(url) > 2000:
        return "form"
    if parsed.scheme != "https" and not (private and parsed.scheme == "http"):
        return "https"
    try:
        return None if private or is_public(parsed.host) else "private"
    except ValueError:  # a name: looked up at each call
        return None


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet's. Raises ValueError where it is no IP address."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip.sixtofour or ip.teredo or ip in ipaddress.ip_network("64:ff9b::/96"):  # ways into an IPv4 network
            return False
    return ip.is_global and not ip.is_multicast


async def call(
    http: httpx2.AsyncClient,
    url: str,
    secret: str,
    id: str,
    at: datetime,
    body: Json,
    *,
    traceparent: str | None = None,
    private: bool = False,
) -> None:
    """Send one signed message; returns once it was answered with 2xx. Raises NotDelivered.

    `id` goes out as `webhook-id`: it stays the same over attempts, so that a receiver can drop a repeat.
    """
    content = orjson.dumps(body)
    headers = {
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(id, at, content.decode()),
        **({"traceparent": traceparent} if traceparent else {}),
    }
    try:
        async with asyncio.timeout(TIMEOUT_S):
            status = await _post(http, httpx2.URL(url), headers, content, private=private)
    except (TimeoutError, httpx2.TimeoutException) as error:
        raise NotDelivered("timeout") from error
    except httpx2.ConnectError as error:
        raise NotDelivered("no connection") from error  # its own text may hold the address
    except httpx2.HTTPError as error:
        raise NotDelivered(type(error).__name__) from error
    if not 200 <= status < 300:
        raise NotDelivered(f"HTTP {status}", final=status == GONE)


async def _post(
    http: httpx2.AsyncClient, url: httpx2.URL, headers: dict[str, str], content: bytes, *, private: bool
) -> int:
    """POST to the address that the name stands for now, once that is checked: no second look-up can lead elsewhere."""
    pinned = url.copy_with(host=await _address(url, private=private))
    headers = {**headers, "host": url.netloc.decode()}
    request = http.build_request(
        "POST", pinned, headers=headers, content=content, extensions={"sni_hostname": url.host}
    )
    answer = await http.send(request, stream=True)  # the body, however long, is of no interest
    await answer.aclose()
    return answer.status_code


async def _address(url: httpx2.URL, *, private: bool) -> str:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NotDelivered("name not found") from error
    addresses = [str(info[4][0]).partition("%")[0] for info in found]
    if not private and not all(map(is_public, addresses)):
        raise NotDelivered("not a public address")
    return addresses[0]
