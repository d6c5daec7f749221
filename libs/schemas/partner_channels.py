"""Partners' own channels, for the AsyncAPI document: what their systems write and read, and how they sign in."""

from dataclasses import dataclass
from typing import Any

from schemas.entry_schemas import line_schema
from schemas.envelope import Json
from schemas.receipt import ReceiptIssued
from schemas.topics import CONTENT_TYPE, INTAKE, PARTNER_PARTITIONS, RECEIPTS

_KEY = {"type": "string", "description": "the reference, so that its revisions stay in order"}
_TEXT = {"type": "string", "minLength": 1}
_LANGUAGE = {"type": "string", "description": "en: findings are told in English; else in Chinese"}


@dataclass(frozen=True)
class Listener:
    """Where partners' systems reach the broker, and whether the connection is encrypted."""

    address: str = "kafka.example.org:9094"
    encrypted: bool = True


def server(listener: Listener) -> Json:
    return {
        "host": listener.address,
        "protocol": "kafka-secure" if listener.encrypted else "kafka",
        "title": "For partners’ systems",
        "description": f"Everybody signs in ({'SASL_SSL' if listener.encrypted else 'SASL_PLAINTEXT'}), with an "
        "account from the page /kafka; its consumer groups begin with the partner’s code and a dot.",
        "security": [{"$ref": "#/components/securitySchemes/account"}],
    }


SECURITY: Json = {
    "account": {"type": "scramSha512", "description": "SASL/SCRAM-SHA-512, with the username and password of /kafka"}
}


#: The forms that a message may have: each holds a submission.
FORMS = ("submission", "submission-event", "submission-event-binary")


def channels() -> Json:
    return {
        "intake": _channel(INTAKE, "What a partner’s systems write: one entry a message, kept for 7 days.", FORMS),
        "receipts": _channel(
            RECEIPTS,
            "What became of each message, once it is stored for good; kept for 30 days.",
            (ReceiptIssued.TYPE,),
        ),
    }


def operations() -> Json:
    return {
        "send-intake": {
            **_operation("send", "intake", "Send an entry in", FORMS),
            "reply": {"channel": {"$ref": "#/channels/receipts"}},
        },
        "receive-receipts": _operation("receive", "receipts", "Read the receipts", (ReceiptIssued.TYPE,)),
    }


def intake_messages(example: Json) -> dict[str, Json]:
    """The messages of each of FORMS; `example` is a submission."""
    line = {"$ref": "#/components/schemas/submission-line"}
    attributes = {"specversion": {"const": "1.0"}, "id": _TEXT, "source": _TEXT, "type": _TEXT}
    event = {"type": "object", "properties": {**attributes, "data": line}, "required": [*attributes, "data"]}
    said = {"specversion": "1.0", "id": "e-1", "source": "/erp", "type": "com.example.product.made"}
    bare, structured, binary = FORMS
    return {
        bare: _message("An entry as bare JSON", "application/json", line, example),
        structured: _message(
            "An entry as the data of a CloudEvent, structured mode", CONTENT_TYPE.decode(), event,
            {**said, "data": example},
        ),
        binary: _message(
            "An entry as the data of a CloudEvent, binary mode", "application/json", line, example,
            {f"ce_{name}": schema for name, schema in attributes.items()},
            {f"ce_{name}": value for name, value in said.items()},
        ),
    }  # fmt: skip


def line_schemas() -> Json:
    """The published schema `submission-line` and its parts, which go by other names than the models of events do."""
    line = _renamed(line_schema())
    parts = line.pop("$defs")
    return {"submission-line": line} | {f"submission.{name}": part for name, part in parts.items()}


def _renamed(schema: Any) -> Any:
    match schema:
        case dict():
            return {key: _renamed(value) for key, value in schema.items() if key not in ("$schema", "$id")}
        case list():
            return [_renamed(value) for value in schema]
        case str():
            return schema.replace("#/$defs/", "#/components/schemas/submission.")
        case _:
            return schema


def _channel(prefix: str, says: str, messages: tuple[str, ...]) -> Json:
    return {
        "address": prefix + "{partner}",
        "title": prefix + "{partner}",
        "description": says,
        "servers": [{"$ref": "#/servers/partners"}],
        "parameters": {"partner": {"description": "the partner’s unified social credit code"}},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"kafka": {"partitions": PARTNER_PARTITIONS, "bindingVersion": "0.5.0"}},
    }


def _operation(action: str, channel: str, says: str, messages: tuple[str, ...]) -> Json:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": says,
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in messages],
    }


def _message(
    says: str, content_type: str, payload: Json, example: Json, headers: Json | None = None, said: Json | None = None
) -> Json:
    return {
        "name": says,
        "title": says,
        "summary": says,
        "contentType": content_type,
        "headers": {
            "type": "object",
            "properties": {"accept-language": _LANGUAGE, **(headers or {})},
            "required": [*(headers or {})],
        },
        "payload": payload,
        "bindings": {"kafka": {"key": _KEY, "bindingVersion": "0.5.0"}},
        "examples": [{"headers": {"accept-language": "en", **(said or {})}, "payload": example}],
    }
