"""Every event there is, by its type, and how one is read."""

from datetime import datetime
from typing import Any

import orjson
from pydantic import ValidationError

from schemas.envelope import Event, Fact, Json
from schemas.finding import pointer
from schemas.notification import DELIVERY_FACTS, SUBSCRIPTION_FACTS
from schemas.publication import ENTRY_FACTS, RELEASE_FACTS
from schemas.review import CASE_FACTS, REVIEWER_FACTS
from schemas.source import SOURCE_FACTS
from schemas.submission import PARTNER_FACTS, SUBMISSION_FACTS

FACTS: dict[str, type[Fact]] = {
    fact.TYPE: fact
    for fact in (
        *SUBMISSION_FACTS,
        *PARTNER_FACTS,
        *SOURCE_FACTS,
        *CASE_FACTS,
        *REVIEWER_FACTS,
        *ENTRY_FACTS,
        *RELEASE_FACTS,
        *SUBSCRIPTION_FACTS,
        *DELIVERY_FACTS,
    )
}


class Undecodable(ValueError):
    """Bytes that are no event this version knows; the message says why."""


def decode(raw: bytes) -> Event:
    """Read one event from its bytes on Kafka.

    Raises Undecodable: bytes that are not JSON, an envelope that lacks an attribute, an unknown type, wrong data.
    """
    try:
        return from_json(orjson.loads(raw))
    except orjson.JSONDecodeError as error:
        raise Undecodable(f"not JSON: {error}") from error


def from_json(value: Json) -> Event:
    """Read one event from its JSON form, as Event.to_json makes it. Raises Undecodable."""
    if not isinstance(value, dict):
        raise Undecodable("not an event: it is no JSON object")
    try:
        return Event(
            id=value["id"],
            source=value["source"],
            subject=value["subject"],
            time=datetime.fromisoformat(value["time"]),
            sequence=value["sequence"],
            causationid=value["causationid"],
            correlationid=value["correlationid"],
            actor=value["actor"],
            traceparent=value.get("traceparent"),
            data=fact(value["type"], value["data"]),
        )
    except Undecodable:  # with its own cause
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise Undecodable(f"not an event: {error!r}") from error


def fact(type: str, data: Any) -> Fact:
    """A fact from its type and data. Fields that this version does not know are passed over. Raises Undecodable."""
    if type not in FACTS:
        raise Undecodable(f"unknown event type {type}")
    try:
        # The entry models are strict and closed for partners; what is in the history was judged when it came.
        return FACTS[type].model_validate(data, strict=False, extra="ignore")
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        wrong = "; ".join(f"{pointer('data', *each['loc'])}: {each['msg']}" for each in found)
        raise Undecodable(f"{type}: {wrong}") from error
