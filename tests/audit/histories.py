"""Events of the tests' small domain, made without a database."""

from typing import Any

import orjson

from audit.fold import Message
from schemas.envelope import Event, Json
from schemas.submission import PartnerKeyIssued
from tests.runtime.keyring import AT


def event(stream: str, sequence: int, key: str | None = None) -> Json:
    """The event that issued a key (named by its sequence, unless told), as JSON."""
    return Event(
        id=f"{stream}/{sequence}",
        source="/submissions",
        subject=stream,
        time=AT,
        sequence=sequence,
        causationid=f"test/{stream}/{sequence}",
        correlationid=f"/submissions/{stream}/1",
        actor="user:test",
        data=PartnerKeyIssued(key=key or str(sequence), label="", hash=""),
    ).to_json()


def message(value: Json | bytes, offset: int = 0, key: str | None = None, topic: str = "submissions.events") -> Message:
    """An event, or bytes, as a message on Kafka."""
    raw = value if isinstance(value, bytes) else orjson.dumps(value)
    subject = value["subject"] if isinstance(value, dict) else "somebody"
    return Message(topic, 0, offset, (key or subject).encode(), raw)


def document(stream: str, *events: Json, **changed: Any) -> Json:
    """A live stream as MongoDB would hold it after these events; `changed` replaces what somebody changed by hand."""
    keys = [each["data"]["key"] for each in events]
    return {"_id": stream, "version": len(events), "state": {"keys": keys}, "events": list(events)} | changed
