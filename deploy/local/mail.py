"""The local mail sink: `python -m deploy.local.mail FOLDER SMTP_PORT INBOX_PORT`.

It takes every message for anybody, keeps it as a line of `FOLDER/messages.jsonl`, and shows all in a small web inbox.
"""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import uvicorn
from aiosmtpd.smtp import SMTP, Envelope, Session
from fastapi import FastAPI, HTTPException
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape

from deploy.local.ports import HOST

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Message:
    """A message as it was taken: `to` are the recipients of the envelope, `received_at` is UTC in ISO 8601."""

    id: int
    received_at: str
    sender: str
    to: tuple[str, ...]
    subject: str
    headers: dict[str, str]
    text: str
    html: str


class Mailbox:
    """The kept messages, oldest first, in one file of JSON lines."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "messages.jsonl"
        self.messages: list[Message] = []
        if self.file.exists():
            # Only a line feed ends a line here; one that a kill left half written is no message.
            *whole, half = self.file.read_bytes().split(b"\n")
            if half:
                os.truncate(self.file, self.file.stat().st_size - len(half))
            self.messages = [Message(**json.loads(line)) for line in whole]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """aiosmtpd's hook: keep the message, then say so."""
        message = _read(len(self.messages) + 1, envelope)
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(message), ensure_ascii=False) + "\n")
        self.messages.append(message)
        return "250 Message accepted for delivery"


def _read(id: int, envelope: Envelope) -> Message:
    raw = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
    parsed = message_from_bytes(raw, policy=policy.default)
    bodies = {kind: parsed.get_body((kind,)) for kind in ("plain", "html")}
    text, html = (body.get_content().replace("\r\n", "\n") if body else "" for body in bodies.values())
    return Message(
        id=id,
        received_at=datetime.now(UTC).isoformat(timespec="seconds"),
        sender=envelope.mail_from or "",
        to=tuple(envelope.rcpt_tos),
        subject=str(parsed["subject"] or ""),
        headers={name: str(value) for name, value in parsed.items()},
        text=text,
        html=html,
    )


def inbox(mailbox: Mailbox, smtp_port: int) -> FastAPI:
    """The web inbox, which also runs the SMTP server: `/`, `/messages[?to=…]` as JSON, `/messages/{id}` as a page."""

    @asynccontextmanager
    async def smtp(_: FastAPI) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        async with await loop.create_server(lambda: SMTP(mailbox, enable_SMTPUTF8=True), HOST, smtp_port):
            yield

    app = FastAPI(title="Local inbox", lifespan=smtp)
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    environment.filters["linked"] = _linked
    page = environment.get_template("inbox.html")

    @app.get("/")
    async def every_message() -> HTMLResponse:
        return HTMLResponse(page.render(messages=mailbox.messages, message=None))

    @app.get("/messages")
    async def messages(to: str | None = None) -> list[Message]:
        return [message for message in mailbox.messages if to is None or to in message.to]

    @app.get("/messages/{id}")
    async def one_message(id: int) -> HTMLResponse:
        if not 0 < id <= len(mailbox.messages):
            raise HTTPException(404)
        return HTMLResponse(page.render(message=mailbox.messages[id - 1]))

    return app


def _linked(text: str) -> Markup:
    """Addresses as links. Jinja's own filter misses those that follow a Chinese colon."""
    parts = re.split(r"(https?://[^\s<>\"，。；）]+)", text)
    link = Markup('<a href="{0}">{0}</a>')
    return Markup("").join(link.format(part) if n % 2 else escape(part) for n, part in enumerate(parts))


if __name__ == "__main__":
    mailbox, smtp_port, inbox_port = Mailbox(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])
    uvicorn.run(inbox(mailbox, smtp_port), host=HOST, port=inbox_port, access_log=False)
