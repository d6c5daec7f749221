"""The answer to `POST /submissions:stream`: receipts as they commit, while lines still come."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive as Receiving
from starlette.types import Scope, Send

from submissions.bodies import Coming, entries
from submissions.domain.submission import Receive, Refuse
from submissions.intake import Intake, Receipt
from submissions.limiting import meter_of
from submissions.ndjson import batches
from web.problems import Problem, as_json

#: A client that takes no receipts for so long has its connection ended: it sends, and does not read.
UNREAD_S = 60.0
#: A client whose quota is used up may send on for so long before its connection is closed.
READ_ON_S = 10.0

_Batch = list[tuple[int, Receive | Refuse]]


class Receipts(Response):
    """Takes in the request's lines and answers each with a receipt, in order.

    One batch is read and checked while the one before is written, and no more: what comes faster waits in the client's
    own socket. A connection that breaks leaves whole lines committed; sent again, they get the same receipts. Once it
    is broken, no further batch is begun, which would use up the rate of whoever sends again. Where the body is at
    fault, or is no text at all, or the quota is used up, the last line has the status `stopped` and a `problem` (RFC
    9457).
    """

    media_type = "application/x-ndjson"

    def __init__(self, request: Request, intake: Intake) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._request, self._intake, self._meter = request, intake, meter_of(request)
        self._coming, self._over = Coming(request.receive), False
        self._pieces = entries(request, self._coming.pieces())

    async def __call__(self, scope: Scope, receive: Receiving, send: Send) -> None:
        async with self._coming:
            await self._answer(send)

    async def _answer(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        prepared = self._prepared()
        coming = asyncio.ensure_future(anext(prepared, None))
        try:
            while batch := await coming:
                coming = asyncio.ensure_future(anext(prepared, None))
                # Where the partner's rate is used up, this waits, and no more is read.
                allowed = await self._meter.pace(len(batch), check=self._intake.validate_only)
                if self._coming.left:
                    return
                body = await self._commit(batch[:allowed])
                if allowed < len(batch):
                    body += await self._stopped(batch[allowed][0])
                async with asyncio.timeout(UNREAD_S):
                    await send({"type": "http.response.body", "body": body, "more_body": True})
                if allowed < len(batch):
                    await self._read_on(coming, prepared)
                    break
        except ClientDisconnect:
            return
        except Problem as problem:  # of the body, when what was whole of it is taken in
            await send({"type": "http.response.body", "body": last_line(self._request, problem)})
            return
        finally:
            coming.cancel()
        await send({"type": "http.response.body", "body": b""})

    async def _prepared(self) -> AsyncIterator[_Batch]:
        async for lines in batches(self._pieces, lambda: min(self._meter.piece, self._intake.piece)):
            if self._over:
                continue
            yield list(zip([line.number for line in lines], await self._intake.commands(lines), strict=True))

    async def _commit(self, batch: _Batch) -> bytes:
        """The receipts of a batch, once it is written."""
        taken = await self._intake.commit([command for _, command in batch])
        self._meter.count(receipt for receipt, _ in taken)
        return b"".join(_line(number, receipt) for (number, _), (receipt, _) in zip(batch, taken, strict=True))

    async def _read_on(self, coming: asyncio.Future[_Batch | None], prepared: AsyncIterator[_Batch]) -> None:
        """Read on without taking in: a connection closed on a client that sends may lose the last line on its way."""
        self._over = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READ_ON_S):
                await coming
                await anext(prepared, None)

    async def _stopped(self, number: int) -> bytes:
        """The last line of a stream that the quota ends: from which line on nothing was taken in, and why."""
        return last_line(self._request, await self._meter.quota_problem(), line=number)


def last_line(request: Request, problem: Problem, **where: int) -> bytes:
    """The last line of a stream of receipts that does not go on, and why."""
    body = orjson.loads(as_json(problem, request.scope["state"]["request_id"]).body)
    return orjson.dumps({**where, "status": "stopped", "problem": body}, option=orjson.OPT_APPEND_NEWLINE)


def _line(number: int, receipt: Receipt) -> bytes:
    told = receipt.__dict__ if receipt.findings else {k: v for k, v in receipt.__dict__.items() if k != "findings"}
    return orjson.dumps({"line": number, **told}, option=orjson.OPT_APPEND_NEWLINE)
