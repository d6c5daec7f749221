"""Which addresses are the public internet's, and which URLs are not even looked up."""

import ipaddress
import socket
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime import outbound
from runtime.outbound import ANYWHERE, Unreachable, addresses, fault, is_public


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700:4700::1111", True),
        ("::ffff:8.8.8.8", True),
        ("127.0.0.1", False),
        ("127.255.255.254", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),  # clouds' metadata
        ("168.63.129.16", False),
        ("100.100.100.200", False),
        ("192.0.0.192", False),
        ("fd00:ec2::254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("0.1.2.3", False),
        ("198.18.0.1", False),
        ("192.88.99.1", False),
        ("203.0.113.7", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("224.0.0.251", False),
        ("ff02::1", False),
        ("::", False),
        ("::1", False),
        ("::127.0.0.1", False),
        ("fe80::1", False),
        ("fec0::1", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::808:808", False),
        ("64:ff9b:1::a00:1", False),
        ("2002:7f00:1::", False),
        ("2002:808:808::", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),  # Teredo
        ("2001:db8::1", False),
        ("3fff::1", False),
        ("100::1", False),
    ],
)
def test_public_addresses_are_told_from_others(address: str, public: bool) -> None:
    assert is_public(address) is public


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_in_another_dress_is_never_more_public_than_itself(ip: ipaddress.IPv4Address) -> None:
    mapped = ipaddress.IPv6Address(b"\0" * 10 + b"\xff\xff" + ip.packed)
    assert is_public(str(mapped)) is is_public(str(ip))
    dressed = [
        b"\0" * 12 + ip.packed,
        b"\x00\x64\xff\x9b" + b"\0" * 8 + ip.packed,
        b"\x20\x02" + ip.packed + b"\0" * 10,
    ]
    assert not any(is_public(str(ipaddress.IPv6Address(each))) for each in dressed)


@given(st.ip_addresses())
def test_nothing_that_python_calls_local_is_public(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    local = (ip.is_private, ip.is_loopback, ip.is_link_local, ip.is_multicast, ip.is_reserved, ip.is_unspecified)
    mapped = isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped
    assert mapped or not (is_public(str(ip)) and any(local))


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://example.com/hooks?x=1", None),
        ("https://8.8.8.8/", None),
        ("http://example.com/", "https"),
        ("ftp://example.com/", "https"),
        ("file:///etc/passwd", "form"),
        ("gopher://example.com/", "https"),
        ("https://127.0.0.1/", "private"),
        ("https://[::1]/", "private"),
        ("https://[::ffff:127.0.0.1]/", "private"),
        ("https://user:word@example.com/", "form"),
        ("https://example.com/#part", "form"),
        ("https://0177.0.0.1/", "form"),
        ("https://数据.example.com/", None),
        ("https://a*b.example.com/", "form"),
        ("https://a b/", "form"),
        ("https://", "form"),
        ("example.com", "form"),
        ("https://example.com:port/", "form"),
        ("https://example.com/" + "x" * 2000, "form"),
    ],
)
def test_urls_are_judged_before_any_look_up(url: str, found: str | None) -> None:
    assert fault(url) == found


def test_the_local_stack_may_use_http() -> None:
    assert fault("http://localhost:9/", ANYWHERE) is None


@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "2852039166"])
async def test_nowhere_may_a_clouds_metadata_be_called(host: str) -> None:
    """Where private addresses are allowed, neither: the machine's own credentials lie there."""
    with pytest.raises(Unreachable, match="private"):
        await addresses(httpx2.URL(f"http://{host}/"), ANYWHERE)
    for address in ("127.0.0.1", "::1", "10.1.2.3", "8.8.8.8"):
        assert ANYWHERE.addresses(address)


@pytest.mark.parametrize("host", ["localhost", "2130706433", "127.1", "0x7f.1"])
async def test_a_host_that_stands_for_this_machine_is_not_called_however_it_is_written(host: str) -> None:
    with pytest.raises(Unreachable, match=r"private|name"):
        await addresses(httpx2.URL(f"https://{host}/"))


async def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    def both(*_arguments: Any, **_options: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 443)) for host in ("8.8.8.8", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with pytest.raises(Unreachable, match="private"):
        await addresses(httpx2.URL("https://both.example/"))


async def test_a_client_keeps_no_cookies() -> None:
    async with outbound.client("tests", 5) as http:
        request = httpx2.Request("GET", "https://8.8.8.8/")
        http.cookies.extract_cookies(httpx2.Response(200, headers={"set-cookie": "a=b; Path=/"}, request=request))
        assert not list(http.cookies.jar)


@given(st.text(max_size=60), st.sampled_from(["", "https://", "https://[", "https://a@", "https://x:"]))
def test_no_text_is_too_strange_to_be_judged(text: str, before: str) -> None:
    assert fault(before + text) in (None, "form", "https", "private")


@pytest.mark.parametrize("url", ["https://example.com:99999/", "https://a..b/", "https://" + "a" * 64 + ".example/"])
async def test_a_name_that_no_name_can_be_is_not_found(url: str) -> None:
    if fault(url) is None:
        with pytest.raises(Unreachable, match="name"):
            await addresses(httpx2.URL(url))
