"""Webhooks as https://www.standardwebhooks.com has them, sent to public addresses only."""

import asyncio
import base64
import secrets
import ssl
from datetime import datetime

import httpx2
import orjson
from standardwebhooks.webhooks import Webhook

from notifications.failures import NotDelivered
from runtime import outbound
from schemas.envelope import Json

#: Seconds that one call may take, from the look-up of its name to the answer's status.
TIMEOUT_S = 10.0
GONE = 410


def new_secret() -> str:
    """A secret that signs one subscription's calls: 24 random bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


def client(trusted: ssl.SSLContext | None = None) -> httpx2.AsyncClient:
    """The client for all calls; `trusted` are the certificates it accepts, those of well-known authorities if None."""
    return outbound.client("Shuangqian-Webhooks/1", TIMEOUT_S, trusted)


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
    try:
        found = await outbound.addresses(url, outbound.reach(private=private))
    except outbound.Unreachable as error:
        raise NotDelivered({"name": "name not found", "private": "not a public address"}[error.why]) from error
    request = outbound.pinned(http, "POST", url, found[0], headers, content)
    answer = await http.send(request, stream=True)  # the body, however long, is of no interest
    await answer.aclose()
    return answer.status_code
