"""Messages to and from partners on Kafka: a record of an intake topic as a line, and a receipt as a record.

A message is a bare line (`{reference, revision, entry}`), or a CloudEvent of any type whose data is one, in structured
or binary mode (CloudEvents' Kafka protocol binding 1.0.2). Without a content type the value decides between the first
two. What a Confluent serializer writes before it, a zero byte and the schema's id, is passed over: intake looks at the
text alone. Receipts are CloudEvents in structured mode.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from aiokafka import ConsumerRecord

from schemas.finding import pointer
from schemas.json_text import Illegible as NoJson
from schemas.json_text import parts, says_all, unmarked
from schemas.json_text import read as value_of
from schemas.oddities import near
from schemas.receipt import ReceiptIssued
from schemas.rules import MAX_LINE_BYTES, Finding
from submissions.intake import Receipt
from submissions.ndjson import Line

_EVENT = "application/cloudevents"
_STRUCTURED, _JSON = "application/cloudevents+json", "application/json"
#: Attributes that every CloudEvent has.
_REQUIRED = ("specversion", "id", "source", "type")


@dataclass(frozen=True, slots=True)
class Message:
    """One record: its line, and what its receipt must know. `event` is its CloudEvent's id, `language` zh or en."""

    partition: int
    offset: int
    line: Line
    event: str | None
    language: str


@dataclass(frozen=True, slots=True)
class Illegible:
    """A record of which no client library here reads anything: the name of one of its headers, or of one before it in
    the same batch, is no UTF-8."""

    partition: int
    offset: int


class _Wrong(Exception):
    """What a message has wrong as a message; the text of its line was not looked at."""

    def __init__(self, rule: str, pointer: str, expected: str | None = None, found: str | None = None) -> None:
        super().__init__(rule)
        self.finding = Finding(rule=rule, pointer=pointer, expected=expected, found=found and found[:80])


def read(record: ConsumerRecord | Illegible) -> Message:
    """A record as a message; raises nothing, whatever the record holds."""
    if isinstance(record, Illegible):
        said = hashlib.sha256(f"illegible {record.partition} {record.offset}".encode()).hexdigest()
        line = Line(record.offset, b"", 0, said, Finding(rule="message.header", pointer=""))
        return Message(record.partition, record.offset, line, None, "zh")
    headers = {name.lower(): (value or b"").decode(errors="replace") for name, value in record.headers}
    value: bytes = record.value or b""
    language = "en" if headers.get("accept-language", "").lower().startswith("en") else "zh"
    event = None
    try:
        raw, event = _data(record.value, headers)
        size = len(raw)
        long = size > MAX_LINE_BYTES
        line = Line(record.offset, b"" if long else raw, size, hashlib.sha256(raw).hexdigest() if long else None)
    except _Wrong as wrong:
        # The same value under other headers is another message, and has a receipt of its own.
        said = hashlib.sha256(orjson.dumps(sorted(headers.items())) + value).hexdigest()
        line = Line(record.offset, value[:MAX_LINE_BYTES], len(value), said, wrong.finding)
    return Message(record.partition, record.offset, line, event, language)


def _data(value: bytes | None, headers: Mapping[str, str]) -> tuple[bytes, str | None]:
    """The bytes of the line in a message, and the id of the CloudEvent it came in. Raises _Wrong."""
    if not value:
        raise _Wrong("message.empty", "")
    value = _unframed(value)
    content_type = headers.get("content-type", "")
    kind = _media_type(content_type)
    if kind == _STRUCTURED:
        return _structured(value)
    if any(name.startswith("ce_") for name in headers):
        _attributes(lambda name: headers.get(f"ce_{name}"), "ce_")
        if kind not in ("", _JSON):
            raise _Wrong("message.content-type", "", _JSON, content_type)
        return value, headers["ce_id"]
    if not content_type and _is_event(value):
        return _structured(value)
    if kind not in ("", _JSON):
        raise _Wrong("message.content-type", "", f"{_JSON}, {_STRUCTURED}", content_type)
    return value, None


def _unframed(value: bytes) -> bytes:
    """The value without the frame of Confluent's wire format: a zero byte, and the schema's id in four."""
    return value[5:] if value[:1] == b"\0" and value[5:6] == b"{" else value


def _media_type(text: str) -> str:
    """A media type without its parameters; one in another charset than UTF-8 is another type."""
    kind, *parameters = text.lower().replace(" ", "").replace('"', "").split(";")
    charsets = [each.partition("=")[2] for each in parameters if each.startswith("charset=")]
    return text if set(charsets) - {"utf-8", "utf8"} else kind


def _is_event(value: bytes) -> bool:
    """Whether a value that does not say what it is is a CloudEvent; most are bare lines, and are not read for that."""
    if b'"specversion"' not in value or len(value) > MAX_LINE_BYTES:
        return False
    try:
        said = value_of(value)
    except NoJson:
        return False
    return isinstance(said, dict) and "entry" not in said and said.keys() >= {"specversion", "source", "type", "data"}


def _structured(value: bytes) -> tuple[bytes, str | None]:
    try:
        event = value_of(value)
    except NoJson as error:
        raise _Wrong("json", "", error.reason) from None
    if not isinstance(event, dict):
        raise _Wrong("type", "", "object")
    fields = _fields(event, value)
    _attributes(event.get, "/")
    if "data_base64" in event:
        try:
            return base64.b64decode(event["data_base64"], validate=True), event["id"]
        except (TypeError, ValueError, binascii.Error):
            raise _Wrong("message.attribute", "/data_base64", "Base64") from None
    if "data" not in event:
        raise _Wrong("message.attribute", "/data", "{reference, revision, entry}")
    kind = event.get("datacontenttype", _JSON)
    if not isinstance(kind, str) or _media_type(kind) != _JSON:
        raise _Wrong("message.content-type", "/datacontenttype", _JSON, str(kind))
    try:
        data = orjson.dumps(event["data"])
    except orjson.JSONEncodeError:  # it reads deeper nesting than it writes
        raise _Wrong("json", "/data", "depth") from None
    return fields["data"].encode() if "data" in fields else data, event["id"]


def _fields(event: Any, value: bytes) -> dict[str, str]:
    """What is written in an event's fields, where one stands twice within them, or nests deeper than is written again:
    the rules are to see that. Empty where none does. Raises _Wrong for a field of the event itself that stands there
    twice."""
    if says_all(event, value):
        return {}
    fields: dict[str, str] = {}
    try:
        for name, said in parts(unmarked(value).decode().strip()):
            if name in fields:
                raise _Wrong("repeated-field", near(pointer(name)), found=name)
            fields[name] = said
    except NoJson as error:
        raise _Wrong("json", "/data", error.reason) from None
    return fields


def _attributes(given: Callable[[str], Any], prefix: str) -> None:
    """Whether a CloudEvent's required attributes are there. Raises _Wrong for the first that is not as it must be."""
    for name in _REQUIRED:
        value = given(name)
        if not isinstance(value, str) or not value or (name == "specversion" and value != "1.0"):
            expected = "1.0" if name == "specversion" else "a text that is not empty"
            found = None if value is None else str(value)
            raise _Wrong("message.attribute", prefix + name, f"{name} = {expected}", found)


def unhandled(line: Line) -> Line:
    """The line, refused for our own fault. Sent again later it is another matter, so its hash is its own."""
    said = hashlib.sha256(f"unhandled {line.number} ".encode() + line.raw).hexdigest()
    return replace(line, sha256=said, wrong=Finding(rule="message.unhandled", pointer=""))


def receipt_record(topic: str, message: Message, receipt: Receipt) -> tuple[bytes, bytes]:
    """Key and value of the record that answers a message of `topic`, its data a ReceiptIssued. The same message gets
    the same record."""
    # Findings were told in Chinese; their pointers and values are the same in every language.
    findings = receipt.findings
    if message.language != "zh":
        findings = [{**told, "text": Finding.model_validate(told).text(message.language)} for told in findings]
    told = {
        "specversion": "1.0",
        "id": f"{topic}/{message.partition}/{message.offset}",
        "source": "/submissions",
        "type": ReceiptIssued.TYPE,
        "subject": receipt.stream,
        **({"time": receipt.time} if receipt.time else {}),
        "datacontenttype": "application/json",
        "data": {
            "partition": message.partition,
            "offset": message.offset,
            **({"answers": message.event} if message.event else {}),
            **receipt.__dict__,
            "findings": findings,
        },
    }
    return (receipt.reference or receipt.stream).encode(), orjson.dumps(told)
