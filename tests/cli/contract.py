"""A server that keeps to the contract of what the submissions api gets beside today's routes, in this process.

Sheets (`POST /submissions:sheet`), `?validate=only`, and findings with a `fix`: the client is held against them here.
"""

import csv
import io
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import orjson
import uvicorn
from fastapi import FastAPI, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from tests.submissions.given import USCC

REPLACE = {"op": "replace", "path": "/entry/maturity", "value": 1}
REMOVE = {"op": "remove", "path": "/entry/colour"}


@dataclass
class Contract:
    """The server; `taken` counts how often each row was taken in, `after` what it was asked to go on after."""

    port: int = 0
    taken: dict[int, int] = field(default_factory=dict)
    after: list[int] = field(default_factory=list)
    refusals: list[dict[str, Any]] = field(default_factory=list)

    def app(self) -> FastAPI:
        app = FastAPI()
        validating = Annotated[Literal["only"] | None, Query()]

        @app.get("/me")
        async def me() -> dict[str, Any]:
            return {"partner": USCC, "name": None}

        @app.get("/refusals")
        async def refusals() -> dict[str, Any]:
            return {"items": self.refusals, "next": None}

        @app.post("/submissions:sheet")
        async def sheet(
            request: Request,
            kind: str | None = None,
            validate: validating = None,
            after: int = 0,
            accept: Annotated[str, Header()] = "*/*",
        ) -> Response:
            rows = list(csv.DictReader(io.StringIO((await request.body()).decode())))
            if accept.startswith("text/csv"):
                marked = "".join(f"{row['reference']},{'' if row['title'] else 'title: required'}\n" for row in rows)
                return Response(marked, media_type="text/csv")
            self.after.append(after)
            return StreamingResponse(self.receipts(rows, after, validate), media_type="application/x-ndjson")

        return app

    async def receipts(
        self, rows: list[dict[str, str]], after: int, validate: Literal["only"] | None
    ) -> AsyncIterator[bytes]:
        for number, row in enumerate(rows, start=2):
            if number <= after:
                continue
            if not validate:
                self.taken[number] = self.taken.get(number, 0) + 1
            required = {"rule": "required", "pointer": "/entry/title", "cell": f"B{number}", "text": "Required."}
            status, findings = ("received", []) if row["title"] else ("refused", [required])
            said = {"row": number, "stream": f"{USCC}/{row['reference']}", "reference": row["reference"], "revision": 1}
            event = None if validate else f"{USCC}/{row['reference']}/1"
            yield orjson.dumps({**said, "status": status, "event": event, "time": None, "findings": findings}) + b"\n"


@contextmanager
def contract() -> Iterator[Contract]:
    """The server, for as long as it is needed."""
    made = Contract()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        made.port = listener.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(made.app(), log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            server.should_exit = True
            thread.join(10)
