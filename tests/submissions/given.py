"""What the tests of submissions start from: lines that keep every rule, partners with keys, people signed in."""

import base64
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import itsdangerous
import orjson

from runtime.settings import Settings

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "deploy" / "local" / "sample"
USCC, OTHER = "91510106MA6RH83W82", "91510114MA7CJ52L2T"


def samples() -> Iterator[dict[str, Any]]:
    """The submissions of the sample, as JSON values."""
    for kind in ("scenes", "products", "linkages"):
        yield from map(orjson.loads, (SAMPLE / f"{kind}.ndjson").read_bytes().splitlines())


@cache
def _product() -> dict[str, Any]:
    return next(sample["entry"] for sample in samples() if sample["entry"]["kind"] == "product")


def submission(reference: str = "robot-1", revision: int = 1, *, uscc: str = USCC, **entry: Any) -> dict[str, Any]:
    """A product by a partner; `entry` replaces fields of it."""
    said = _product()
    owner = {**said["owner"], "uscc": uscc}
    return {"reference": reference, "revision": revision, "entry": {**said, "owner": owner, **entry}}


def line(reference: str = "robot-1", revision: int = 1, **entry: Any) -> bytes:
    """The same as a line of NDJSON."""
    return orjson.dumps(submission(reference, revision, **entry)) + b"\n"


def signed_in(settings: Settings, *roles: str, partner: str | None = None, sub: str | None = None) -> dict[str, str]:
    """The cookie of somebody who has signed in, as libs/web keeps it."""
    person = {"sub": sub or f"a-{'-'.join(roles)}", "name": "Somebody", "roles": roles, "partner": partner}
    data = base64.b64encode(json.dumps({"person": person}).encode())
    return {"Cookie": "shuangqian=" + itsdangerous.TimestampSigner(settings.session_secret).sign(data).decode()}


async def key_of(client: httpx2.AsyncClient, settings: Settings, uscc: str = USCC, **said: Any) -> dict[str, str]:
    """Register a partner and issue a key to it, as an operator does; the header its programs send. `said`: the key."""
    operator = signed_in(settings, "operator")
    name = {"zh": "蓉衡轨道智维科技有限公司", "en": "Rongheng Rail Intelligence"}
    await client.post("/partners", json={"uscc": uscc, "name": name, "type": "enterprise"}, headers=operator)
    issued = await client.post(f"/partners/{uscc}/keys", json={"label": "tests", **said}, headers=operator)
    return {"Authorization": f"Bearer {issued.json()['key']}"}


async def filled(client: httpx2.AsyncClient, key: dict[str, str], reference: str, revision: int = 1) -> None:
    """Send revisions of a reference, each as large as there is room for, until its history has room for none."""
    # At last there is less room than four hundred bytes.
    for size in (990_000, 300_000, 100_000, 30_000, *range(20_000, 0, -400)):
        while True:
            sent = line(reference, revision, interfaces=["x" * size])
            answer = await client.post("/submissions", content=sent, headers=key)
            if answer.status_code == 409:
                break
            assert answer.status_code == 201, answer.text
            revision += 1
