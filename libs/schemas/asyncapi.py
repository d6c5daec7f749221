"""The histories as an AsyncAPI 3.0 document: every channel, every event in its envelope, and an example of each."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from schemas.envelope import Fact, Json
from schemas.events import FACTS
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


def says(fact: type[Fact]) -> str:
    """What a fact means, in one line."""
    return " ".join((vars(fact).get("__doc__") or "").split())


def document(examples: Mapping[str, Json]) -> Json:
    """The whole document, as a JSON value. Partners' own channels would be further entries of `channels`."""
    schemas: Json = {}
    messages = {type: _message(type, fact, schemas, examples[type]) for type, fact in FACTS.items()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Shuangqian: the histories",
            "version": "1",
            "description": "Every fact there ever was, in Kafka, for ever. Events are CloudEvents 1.0 in structured "
            "JSON mode, keyed by stream: those of one stream are in order, their `sequence` without gaps. One may come "
            "twice; `source` and `id` tell. A schema only grows: pass over fields you do not know.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {topic: _channel(topic) for topic in _SAYS},
        "operations": {f"receive-{topic.replace('.', '-')}": _operation(topic) for topic in _SAYS},
        "components": {"messages": messages, "schemas": dict(sorted(schemas.items()))},
    }


def _types(topic: str) -> list[str]:
    return [type for type in FACTS if READERS[noun(type)][0] == topic]


def _channel(topic: str) -> Json:
    return {
        "address": topic,
        "title": topic,
        "description": _SAYS[topic],
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


def _message(type: str, fact: type[Fact], schemas: Json, example: Json) -> Json:
    return {
        "name": type,
        "title": type,
        "summary": says(fact) or type,
        "contentType": CONTENT_TYPE.decode(),
        "payload": _payload(type, fact, schemas),
        "bindings": {"kafka": {"key": {"type": "string", "description": "the stream"}, "bindingVersion": "0.5.0"}},
        "examples": [{"name": type.replace(".", "-"), "payload": example}],
    }


def _payload(type: str, fact: type[Fact], schemas: Json) -> Json:
    """The envelope with this fact in it. The models that the fact is made of go to `schemas`, by name."""
    data = _plain(opened(fact.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")))
    for name, model in data.pop("$defs", {}).items():
        assert schemas.setdefault(name, model) == model, f"two models are called {name}"
    return envelope(type, data)


def _plain(schema: Any) -> Any:
    """Without OpenAPI’s discriminator, which is another thing in AsyncAPI: each kind has its own `const` already."""
    match schema:
        case dict():
            return {key: _plain(value) for key, value in schema.items() if key != "discriminator"}
        case list():
            return [_plain(value) for value in schema]
        case _:
            return schema


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


def envelope(type: str, data: Json) -> Json:
    """JSON Schema of an event in CloudEvents' structured mode; `data` is its fact's."""
    text = {"type": "string", "minLength": 1}
    attributes = {
        "specversion": {"const": "1.0"},
        "id": {**text, "description": "<stream>/<sequence>"},
        "source": {**text, "description": "/<service>"},
        "type": {"const": type},
        "subject": {**text, "description": "the stream's id"},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"const": "application/json"},
        "dataschema": {"const": f"urn:shuangqian:{type}"},
        "sequence": {"type": "integer", "minimum": 1, "description": "the stream's version, without gaps"},
        "partitionkey": text,
        "causationid": {**text, "description": "the event or request that caused this one"},
        "correlationid": {**text, "description": "the submission's first event"},
        "actor": {**text, "description": "partner:…, user:…, subscriber:… or service:…"},
    }
    return {
        "title": type,
        "type": "object",
        "properties": {**attributes, "traceparent": text, "data": data},
        "required": [*attributes, "data"],
    }
