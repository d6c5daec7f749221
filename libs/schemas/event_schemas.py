"""The published JSON Schemas (2020-12) of events in their envelopes, and of partners' receipts on Kafka."""

from typing import Any

from pydantic import BaseModel

from schemas.entry_schemas import DIALECT
from schemas.envelope import Json
from schemas.events import FACTS
from schemas.receipt import ReceiptIssued

_TEXT = {"type": "string", "minLength": 1}


def event_schemas() -> dict[str, Json]:
    """All of them, by subject."""
    messages: dict[str, type[BaseModel]] = {**FACTS, ReceiptIssued.TYPE: ReceiptIssued}
    return {type: _published(type, data) for type, data in messages.items()}


def _published(type: str, data: type[BaseModel]) -> Json:
    schema = in_envelope(type, data, "#/$defs/{model}")
    definitions = schema["properties"]["data"].pop("$defs", {})
    return {"$schema": DIALECT, "$id": f"urn:shuangqian:{type}", **schema, "$defs": definitions}


def in_envelope(type: str, data: type[BaseModel], reference: str) -> Json:
    """JSON Schema of an event in CloudEvents' structured mode; `reference` says where the models in it are defined."""
    said = opened(data.model_json_schema(mode="serialization", ref_template=reference))
    return _receipt(type, said) if type == ReceiptIssued.TYPE else _event(type, said)


def opened(schema: Any) -> Any:
    """The schema as readers of events need it: they pass over fields that came after them."""
    match schema:
        case dict():
            closed = ("additionalProperties", False)
            return {key: opened(value) for key, value in schema.items() if (key, value) != closed}
        case list():
            return [opened(value) for value in schema]
        case _:
            return schema


def _event(type: str, data: Json) -> Json:
    attributes = {
        "specversion": {"const": "1.0"},
        "id": {**_TEXT, "description": "<stream>/<sequence>"},
        "source": {**_TEXT, "description": "/<service>"},
        "type": {"const": type},
        "subject": {**_TEXT, "description": "the stream's id"},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "dataschema": {"const": f"urn:shuangqian:{type}"},
        "sequence": {"type": "integer", "minimum": 1, "description": "the stream's version, without gaps"},
        "partitionkey": _TEXT,
        "causationid": {**_TEXT, "description": "the event or request that caused this one"},
        "correlationid": {**_TEXT, "description": "the submission's first event"},
        "actor": {**_TEXT, "description": "partner:…, user:…, subscriber:… or service:…"},
    }
    return {
        "title": type,
        "type": "object",
        "properties": {**attributes, "traceparent": _TEXT, "data": data},
        "required": [*attributes, "data"],
    }


def _receipt(type: str, data: Json) -> Json:
    attributes = {
        "specversion": {"const": "1.0"},
        "id": {**_TEXT, "description": "<intake topic>/<partition>/<offset> of the message that it answers"},
        "source": {"const": "/submissions"},
        "type": {"const": type},
        "subject": {**_TEXT, "description": "the submission's stream: partner/reference"},
        "datacontenttype": {"const": "application/json"},
    }
    time = {"type": "string", "format": "date-time", "description": "absent where nothing was recorded"}
    return {
        "title": type,
        "type": "object",
        "properties": {**attributes, "time": time, "data": data},
        "required": [*attributes, "data"],
    }
