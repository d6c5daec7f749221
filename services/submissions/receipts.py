"""The answer to `POST /submissions:stream`: receipts as they commit, while lines still come."""

import asyncio
from collections.abc import AsyncIterator

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive as Receiving
from starlette.types import Scope, Send

from submissions.bodies import unpacked
from submissions.domain.submission import Receive, Refuse
from submissions.intake import Intake, Receipt
from submissions.ndjson import batches
from web.problems import Problem, as_json

#: A client that takes no receipts for so long has its connection ended: it sends, and does not read.
UNREAD_S = 60.0

_Batch = list[tuple[int, Receive | Refuse]]


class Receipts(Response):
    """Takes in the request's lines and answers each with a receipt, in order.

    One batch is read and checked while the one before is written, and no more: what comes faster waits in the client's
    own socket. A connection that breaks leaves whole lines committed; sent again, they get the same receipts. Where the
    body itself is at fault, the last line is `{"problem": …}` (RFC 9457).
    """

    media_type = "application/x-ndjson"

    def __init__(self, request: Request, intake: Intake) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._request, self._intake, self._pieces = request, intake, unpacked(request)

    async def __call__(self, scope: Scope, receive: Receiving, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        prepared = self._prepared()
        coming = asyncio.ensure_future(anext(prepared, None))
        try:
            while batch := await coming:
                coming = asyncio.ensure_future(anext(prepared, None))
                body = await self._commit(batch)
                async with asyncio.timeout(UNREAD_S):
                    await send({"type": "http.response.body", "body": body, "more_body": True})
        except ClientDisconnect:
            return
        except Problem as problem:
            last = orjson.loads(as_json(problem, self._request.state.request_id).body)
            await send({"type": "http.response.body", "body": orjson.dumps({"problem": last}) + b"\n"})
            return
        finally:
            coming.cancel()
        await send({"type": "http.response.body", "body": b""})

    async def _prepared(self) -> AsyncIterator[_Batch]:
        async for lines in batches(self._pieces):
            yield list(zip([line.number for line in lines], await self._intake.commands(lines), strict=True))

    async def _commit(self, batch: _Batch) -> bytes:
        """The receipts of a batch, once it is written."""
        taken = await self._intake.commit([command for _, command in batch])
        return b"".join(_line(number, receipt) for (number, _), (receipt, _) in zip(batch, taken, strict=True))


def _line(number: int, receipt: Receipt) -> bytes:
    told = receipt.__dict__ if receipt.findings else {k: v for k, v in receipt.__dict__.items() if k != "findings"}
    return orjson.dumps({"line": number, **told}, option=orjson.OPT_APPEND_NEWLINE)
