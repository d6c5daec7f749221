"""What each service tells its operators of itself, asked of its api in the name of whoever looks."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import httpx2
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

#: A service that takes longer is shown as not answering: the others' figures are not held up by it.
ANSWERS_WITHIN_S = 2.0
#: The caller's own session and languages: who may not see a service's operations there may not see them here.
PASSED_ON = ("cookie", "accept-language")


class Outbox(BaseModel):
    """The relay: who holds its lease, up to when it has sent, how many seconds it is behind, and what hinders it."""

    holder: str | None
    position_at: datetime | None
    lag_s: float
    trouble: str | None = None


class Waiting(BaseModel):
    """A queue: `count` items, the oldest `oldest_s` old; `frees` says what will free it."""

    name: str
    count: int
    oldest_s: float
    frees: str


class Stopped(BaseModel):
    """A parked stream: `waiting` events since `since`, the first of which lies there in Kafka and raised `error`."""

    id: str
    stream: str
    topic: str
    partition: int
    offset: int
    since: datetime
    waiting: int
    error: str


class Told(BaseModel):
    """What one service says; `relay` is None where it emits nothing."""

    relay: Outbox | None
    queues: tuple[Waiting, ...]
    parked: tuple[Stopped, ...]  # those that have waited longest
    parked_total: int = 0


@dataclass
class Neighbours:
    """All services by name, at their addresses."""

    addresses: Mapping[str, str]
    client: httpx2.AsyncClient = field(default_factory=lambda: httpx2.AsyncClient(timeout=ANSWERS_WITHIN_S))

    async def ask(self, request: Request) -> dict[str, Told | None]:
        """What each says now; None for one that does not answer, or not as it should."""
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        told = await asyncio.gather(*(self._one(address, headers) for address in self.addresses.values()))
        return dict(zip(self.addresses, told, strict=True))

    async def _one(self, address: str, headers: Mapping[str, str]) -> Told | None:
        try:
            answer = await self.client.get(f"{address}/operations.json", headers=headers)
            return Told.model_validate_json(answer.content) if answer.status_code == 200 else None
        except (httpx2.HTTPError, ValidationError):
            return None
