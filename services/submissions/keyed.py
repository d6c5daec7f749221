"""What every keyed request passes through: it is measured for the request log, and told its limits and its mode."""

import time
from datetime import UTC, datetime

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from submissions.limiting import Meter
from submissions.request_log import RequestLog, record


class Keyed:
    """Around all else, so that it sees what is answered. A request without Authorization passes it by."""

    def __init__(self, app: ASGIApp, log: RequestLog) -> None:
        self.app, self.log = app, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not any(name == b"authorization" for name, _ in scope["headers"]):
            return await self.app(scope, receive, send)
        at, began, status, came, went = datetime.now(UTC), time.perf_counter(), 500, 0, 0

        async def counted_receive() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            return message

        async def counted_send(message: Message) -> None:
            nonlocal status, went
            if message["type"] == "http.response.start":
                status = message["status"]
                await _tell(scope, message)
            else:
                went += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, counted_receive, counted_send)
        finally:
            meter = _meter(scope)
            if meter and meter.held:
                ms = (time.perf_counter() - began) * 1000
                self.log.note(record(scope, meter, at, ms, status, came, went))


async def _tell(scope: Scope, message: Message) -> None:
    meter = _meter(scope)
    if meter and meter.held and meter.limits:
        headers = MutableHeaders(scope=message)
        headers["Shuangqian-Mode"] = meter.held.key.mode
        for name, value in (await meter.limits.headers(meter.held)).items():
            headers[name] = value


def _meter(scope: Scope) -> Meter | None:
    found = scope.get("state", {}).get("meter")
    return found if isinstance(found, Meter) else None
