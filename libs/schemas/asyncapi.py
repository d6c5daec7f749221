"""The AsyncAPI 3.0 document: every history and each partner's channels, every message on them, an example of each."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import orjson
from pydantic import BaseModel

from schemas import partner_channels
from schemas.envelope import Json
from schemas.event_schemas import in_envelope
from schemas.events import FACTS
from schemas.partner_channels import Listener
from schemas.receipt import ReceiptIssued
from schemas.topics import CONTENT_TYPE, PARTITIONS, PUBLISHING, REVIEW, SUBMISSIONS
from schemas.topics import NOTIFICATIONS as NOTICES

#: On which history the events of a noun are, and which services read them.
READERS = {
    "submission": (SUBMISSIONS, ("review", "publishing", "audit")),
    "partner": (SUBMISSIONS, ("audit",)),
    "source": (SUBMISSIONS, ("audit",)),
    "case": (REVIEW, ("submissions", "publishing", "audit")),
    "reviewer": (REVIEW, ("audit",)),
    "entry": (PUBLISHING, ("submissions", "publishing", "notifications", "audit")),
    "release": (PUBLISHING, ("publishing", "notifications", "audit")),
    "subscription": (NOTICES, ("notifications", "audit")),
    "delivery": (NOTICES, ("notifications", "audit")),
}
_INTERNAL = {
    "host": "kafka:9092",
    "protocol": "kafka",
    "title": "Within the installation",
    "description": "For our own services, and whoever an operator lets in; not reachable by partners.",
}
_SAYS = {
    SUBMISSIONS: "What partners sent in, and who the partners are.",
    REVIEW: "How each revision was judged.",
    PUBLISHING: "What is in the catalogue, and each month’s release.",
    NOTICES: "Who wants to be told, and what was delivered to them.",
}


@cache
def examples() -> Mapping[str, Json]:
    """An event of each type, as `make docs` takes them from the golden files."""
    found: Mapping[str, Json] = orjson.loads(files("schemas").joinpath("examples.json").read_bytes())
    return found


def noun(type: str) -> str:
    """`case` of `case.opened.v1`."""
    return type.partition(".")[0]


def says(fact: type[BaseModel]) -> str:
    """What a fact means, in one line."""
    return " ".join((vars(fact).get("__doc__") or "").split())


def document(examples: Mapping[str, Json], listener: Listener | None = None) -> Json:
    """The whole document, as a JSON value; `listener` is the partners'."""
    schemas: Json = {}
    known: dict[str, type[BaseModel]] = {**FACTS, ReceiptIssued.TYPE: ReceiptIssued}
    messages = {type: _message(type, data, schemas, examples[type]) for type, data in known.items()}
    received = examples["submission.received.v1"]
    submission = {"reference": received["subject"].partition("/")[2], "revision": 1, "entry": received["data"]["entry"]}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Shuangqian: the histories, and partners’ channels",
            "version": "1",
            "description": "Every fact there ever was, in Kafka, for ever. Events are CloudEvents 1.0 in structured "
            "JSON mode, keyed by stream: those of one stream are in order, their `sequence` without gaps. One may come "
            "twice; `source` and `id` tell. A schema only grows: pass over fields you do not know. Beside the "
            "histories, each partner has a channel to write entries to, and one on which they are answered.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "servers": {"histories": _INTERNAL, "partners": partner_channels.server(listener or Listener())},
        "channels": {topic: _channel(topic) for topic in _SAYS} | partner_channels.channels(),
        "operations": {f"receive-{topic.replace('.', '-')}": _operation(topic) for topic in _SAYS}
        | partner_channels.operations(),
        "components": {
            "messages": messages | partner_channels.intake_messages(submission),
            "schemas": dict(sorted((schemas | _plain(partner_channels.line_schemas())).items())),
            "securitySchemes": partner_channels.SECURITY,
        },
    }


def _types(topic: str) -> list[str]:
    return [type for type in FACTS if READERS[noun(type)][0] == topic]


def _channel(topic: str) -> Json:
    return {
        "address": topic,
        "title": topic,
        "description": _SAYS[topic],
        "servers": [{"$ref": "#/servers/histories"}],
        "messages": {type: {"$ref": f"#/components/messages/{type}"} for type in _types(topic)},
        "bindings": {"kafka": {"topic": topic, "partitions": PARTITIONS, "bindingVersion": "0.5.0"}},
    }


def _operation(topic: str) -> Json:
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{topic}"},
        "summary": f"Read the history {topic}",
        "messages": [{"$ref": f"#/channels/{topic}/messages/{type}"} for type in _types(topic)],
    }


def _message(type: str, data: type[BaseModel], schemas: Json, example: Json) -> Json:
    key = "the reference, else the stream" if data is ReceiptIssued else "the stream"
    return {
        "name": type,
        "title": type,
        "summary": says(data) or type,
        "contentType": CONTENT_TYPE.decode(),
        "payload": _payload(type, data, schemas),
        "bindings": {"kafka": {"key": {"type": "string", "description": key}, "bindingVersion": "0.5.0"}},
        "examples": [{"name": type.replace(".", "-"), "payload": example}],
    }


def _payload(type: str, data: type[BaseModel], schemas: Json) -> Json:
    """The envelope with this data in it. The models that it is made of go to `schemas`, by name."""
    schema: Json = _plain(in_envelope(type, data, "#/components/schemas/{model}"))
    for name, model in schema["properties"]["data"].pop("$defs", {}).items():
        assert schemas.setdefault(name, model) == model, f"two models are called {name}"
    return schema


def _plain(schema: Any) -> Any:
    """Without OpenAPI’s discriminator, which is another thing in AsyncAPI: each kind has its own `const` already."""
    match schema:
        case dict():
            return {key: _plain(value) for key, value in schema.items() if key != "discriminator"}
        case list():
            return [_plain(value) for value in schema]
        case _:
            return schema
