"""Calls to addresses that others name: to the public internet only, and to the very address that was checked.

Whoever may name an address could name one of our own network's (server-side request forgery). So: every address a name
stands for is judged, the call goes to one of those judged and to no later look-up's, and redirects are never followed
by themselves.
"""

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy

import httpx2

#: Beyond what `ipaddress` knows not to be global: ways into IPv4 networks, protocol assignments, documentation (RFC
#: 9637), and the address at which a cloud's machines ask for their own credentials.
NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        ("2001::/23", "2002::/16", "3fff::/20", "192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32"),
    )
)
#: Outside it lie loopback, mapped, translated (NAT64), local and multicast addresses: nothing of the public internet.
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
#: A name server that does not answer holds a thread until it gives up: not one of those that others need.
_look_ups = ThreadPoolExecutor(200, thread_name_prefix="look-up")

#: A name (an international one as it is looked up), or an IP address.
HOST = re.compile(rb"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")

LookUp = Callable[[str, int], Awaitable[list[str]]]


class Unreachable(Exception):
    """A call that is not made: `name` (it stands for no address) or `private` (for one that is not public)."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet's. Raises ValueError where it is no IP address."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip not in GLOBAL_UNICAST:
            return False
    return ip.is_global and not ip.is_multicast and not any(ip in network for network in NOT_PUBLIC)


def is_link_local(address: str) -> bool:
    """Whether an IP address is of the link alone (RFC 3927, RFC 4291): clouds' metadata are at one. Raises ValueError
    where it is no IP address."""
    ip = ipaddress.ip_address(address)
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_link_local


async def look_up(host: str, port: int) -> list[str]:
    """Every IP address a name stands for. Raises OSError where there is none."""
    found = await asyncio.get_running_loop().run_in_executor(
        _look_ups, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    )
    return [str(info[4][0]).partition("%")[0] for info in found]


@dataclass(frozen=True)
class Reach:
    """Where calls may go: to `addresses` for which it says yes, over http too where `plain`."""

    plain: bool = False
    addresses: Callable[[str], bool] = is_public
    look_up: LookUp = look_up


PUBLIC = Reach()
#: The local stack's and tests': anything goes, but where a cloud's machines ask for their own credentials.
ANYWHERE = Reach(plain=True, addresses=lambda address: not is_link_local(address))


def reach(*, private: bool) -> Reach:
    """What a setting such as `webhooks_to_private_addresses` says."""
    return ANYWHERE if private else PUBLIC


def fault(url: str, within: Reach = PUBLIC) -> str | None:
    """What is wrong with an address as such, before any look-up: `form`, `https` or `private`; None if nothing is."""
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        return "form"
    if not HOST.fullmatch(parsed.raw_host) or parsed.userinfo or parsed.fragment or len(url) > 2000:
        return "form"
    if parsed.scheme != "https" and not (within.plain and parsed.scheme == "http"):
        return "https"
    try:
        return None if within.addresses(str(ipaddress.ip_address(parsed.host))) else "private"
    except ValueError:  # a name: looked up at each call
        return None


async def addresses(url: httpx2.URL, within: Reach = PUBLIC) -> list[str]:
    """The IP addresses that a URL's host stands for now: all may be called. Raises Unreachable."""
    try:
        found = await within.look_up(url.host, url.port or (443 if url.scheme == "https" else 80))
    except (OSError, ValueError, OverflowError) as error:  # no such name, or one that no name can be
        raise Unreachable("name") from error
    if not found:
        raise Unreachable("name")
    if not all(map(within.addresses, found)):
        raise Unreachable("private")
    return found


def pinned(
    http: httpx2.AsyncClient, method: str, url: httpx2.URL, address: str, headers: dict[str, str], content: bytes = b""
) -> httpx2.Request:
    """A request for `url` that goes to `address`, whatever its name stands for by then; the certificate must be the
    name's."""
    return http.build_request(
        method,
        url.copy_with(host=address),
        headers={**headers, "host": url.netloc.decode()},
        content=content or None,
        extensions={"sni_hostname": url.host},
    )


def client(agent: str, timeout: httpx2.Timeout | float, trusted: ssl.SSLContext | None = None) -> httpx2.AsyncClient:
    """A client for such calls: no redirects, proxies or cookies; no connection is kept, for each goes to a checked
    address.

    `trusted` are the certificates that it accepts; those of the well-known authorities where it is None.
    """
    made = httpx2.AsyncClient(
        verify=trusted or True,
        timeout=timeout,
        follow_redirects=False,
        trust_env=False,
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
        headers={"User-Agent": agent},
    )
    # Kept by address, a cookie of one name would go to the others that share its address.
    made.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return made
