"""Calls: to public addresses only, signed, and answered or not."""

import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from standardwebhooks.webhooks import Webhook

from notifications import webhook
from notifications.failures import NotDelivered
from tests.notifications.receivers import receiver

SECRET = webhook.new_secret()


async def call(url: str, *, private: bool = True, trusted: ssl.SSLContext | None = None) -> None:
    async with webhook.client(trusted) as http:
        await webhook.call(http, url, SECRET, "s:p/r.x@1", datetime.now(UTC), {"名": "值"}, private=private)


async def test_a_call_is_signed_as_the_standard_has_it() -> None:
    with receiver() as found:
        await call(f"{found.url}/hook")
    (made,) = found.calls
    assert Webhook(SECRET).verify(made.body, made.headers) == {"名": "值"}
    assert made.headers["webhook-id"] == "s:p/r.x@1"


@pytest.mark.parametrize(("status", "final"), [(302, False), (404, False), (410, True), (500, False)])
async def test_any_other_status_is_a_failure_and_redirects_lead_nowhere(status: int, final: bool) -> None:
    with receiver(lambda _path, _before: status) as found:
        with pytest.raises(NotDelivered) as raised:
            await call(f"{found.url}/hook")
        assert [made.path for made in found.calls] == ["/hook"]
    assert (raised.value.error, raised.value.final) == (f"HTTP {status}", final)


async def test_a_name_that_stands_for_a_private_address_is_not_called() -> None:
    with receiver() as found:
        with pytest.raises(NotDelivered, match="not a public address"):
            await call(found.url.replace("http", "https").replace("127.0.0.1", "localhost"), private=False)
        assert found.calls == []


async def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*_arguments: Any, **_options: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 443)) for host in ("8.8.8.8", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(NotDelivered, match="not a public address"):
        await call("https://both.example/", private=False)


async def test_nobody_there_is_said_without_the_address() -> None:
    with receiver() as found:
        url = found.url
    with pytest.raises(NotDelivered) as raised:
        await call(f"{url}/hook")
    assert raised.value.error == "no connection"


def certificate(name: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for `name`, and a client's that trusts it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "both.pem").write_bytes(pem + private)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "both.pem")
    return server, ssl.create_default_context(cadata=pem.decode())


@pytest.mark.parametrize(("name", "reached"), [("localhost", True), ("elsewhere.example", False)])
async def test_the_certificate_is_checked_against_the_name_though_the_call_goes_to_its_address(
    tmp_path: Path, name: str, reached: bool
) -> None:
    server, trusted = certificate(name, tmp_path)
    with receiver(tls=server) as found:
        url = found.url.replace("127.0.0.1", "localhost")
        if reached:
            await call(url, trusted=trusted)
        else:
            with pytest.raises(NotDelivered, match="no connection"):
                await call(url, trusted=trusted)
        assert [made.headers["host"] for made in found.calls] == [url.removeprefix("https://")] * reached
