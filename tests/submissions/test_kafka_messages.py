"""What a record of an intake topic says: a bare line, a CloudEvent in either mode, or something that is refused."""

import base64
from typing import Any

import orjson
import pytest
from aiokafka import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from schemas.documents import schemas
from schemas.finding import Finding
from schemas.json_text import BOM
from schemas.rules import MAX_LINE_BYTES, TEXTS, check
from submissions.intake import Receipt, told
from submissions.kafka_messages import Message, read, receipt_record
from tests.submissions.given import line, submission

LINE = line().strip()
STRUCTURED = ("content-type", b"application/cloudevents+json; charset=UTF-8")
EVENT: dict[str, Any] = {"specversion": "1.0", "id": "e-1", "source": "/erp", "type": "com.example.product.made"}
BINARY = [(f"ce_{name}", value.encode()) for name, value in EVENT.items()]


def record(value: bytes | None, *headers: tuple[str, bytes | None], offset: int = 7) -> ConsumerRecord[Any, Any]:
    return ConsumerRecord(
        topic="intake.x",
        partition=2,
        offset=offset,
        timestamp=0,
        timestamp_type=1,
        key=None,
        value=value,
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        headers=headers,
    )


def event(**changes: Any) -> bytes:
    said = {**EVENT, "data": submission(), **changes}
    return orjson.dumps({name: value for name, value in said.items() if value is not ...})


def wrong(message: Message) -> tuple[str, str] | None:
    finding = message.line.wrong
    return (finding.rule, finding.pointer) if finding else None


@pytest.mark.parametrize(
    ("sent", "id"),
    [
        (record(LINE), None),
        (record(LINE, ("content-type", b"application/json")), None),
        (record(LINE, ("content-type", b'application/json; charset="utf-8"; profile=x')), None),
        (record(LINE, ("content-type", b"application/json;charset=utf-8;")), None),
        (record(LINE, ("Content-Type", b'application/json; charset="utf-8"')), None),
        (record(LINE, *BINARY), "e-1"),
        (record(LINE, *BINARY, ("content-type", b"application/json")), "e-1"),
        (record(b"\0\0\0\0\x07" + LINE), None),
        (record(b"\0\0\0\0\x07" + event()), "e-1"),
        (record(event(), STRUCTURED), "e-1"),
        (record(BOM + event(), STRUCTURED), "e-1"),
        (record(event()), "e-1"),
        (record(BOM + event()), "e-1"),
        (record(event(datacontenttype="application/json", later=1), STRUCTURED), "e-1"),
        (record(event(data=..., data_base64=base64.b64encode(LINE).decode()), STRUCTURED), "e-1"),
    ],
)
def test_a_message_of_any_form_gives_its_line(sent: ConsumerRecord[Any, Any], id: str | None) -> None:
    message = read(sent)
    assert wrong(message) is None
    assert orjson.loads(message.line.raw) == submission()
    assert (message.partition, message.offset, message.line.number, message.event) == (2, 7, 7, id)


@pytest.mark.parametrize(
    ("sent", "finding"),
    [
        (record(None), ("message.empty", "")),
        (record(b""), ("message.empty", "")),
        (record(None, *BINARY), ("message.empty", "")),
        (record(LINE, ("content-type", b"text/csv")), ("message.content-type", "")),
        (record(LINE, ("content-type", b"application/json; charset=gb18030")), ("message.content-type", "")),
        (record(LINE, ("content-type", b"application/cloudevents-batch+json")), ("message.content-type", "")),
        (record(LINE, ("content-type", b"application/cloudevents+avro")), ("message.content-type", "")),
        (record(LINE, *BINARY, ("content-type", b"\xff")), ("message.content-type", "")),
        (record(LINE, *BINARY[1:]), ("message.attribute", "ce_specversion")),
        (record(LINE, BINARY[0], ("ce_id", None)), ("message.attribute", "ce_id")),
        (record(b"{", STRUCTURED), ("json", "")),
        (record(b"[1]", STRUCTURED), ("type", "")),
        (record(event(specversion="0.3"), STRUCTURED), ("message.attribute", "/specversion")),
        (record(event(id=""), STRUCTURED), ("message.attribute", "/id")),
        (record(event(id=...)), ("message.attribute", "/id")),
        (record(event(specversion="0.3")), ("message.attribute", "/specversion")),
        (record(event(source=...), STRUCTURED), ("message.attribute", "/source")),
        (record(event(type=7), STRUCTURED), ("message.attribute", "/type")),
        (record(event(data=...), STRUCTURED), ("message.attribute", "/data")),
        (record(event(data_base64="%"), STRUCTURED), ("message.attribute", "/data_base64")),
        (record(event(data_base64=7), STRUCTURED), ("message.attribute", "/data_base64")),
        (record(event(datacontenttype="text/xml"), STRUCTURED), ("message.content-type", "/datacontenttype")),
        (record(event(datacontenttype=1), STRUCTURED), ("message.content-type", "/datacontenttype")),
        (record(event()[:-1] + b',"data":{}}', STRUCTURED), ("repeated-field", "/data")),
        (record(event(data=...)[:-1] + b',"data":' + b"[" * 300 + b"]" * 300 + b"}", STRUCTURED), ("json", "/data")),
    ],
)
def test_a_message_that_is_none_says_what_is_wrong(sent: ConsumerRecord[Any, Any], finding: tuple[str, str]) -> None:
    message = read(sent)
    assert wrong(message) == finding
    assert message.line.wrong is not None
    assert all(message.line.wrong.text(language) for language in ("zh", "en"))


def test_a_field_that_stands_in_the_data_twice_is_there_for_the_rules_to_see() -> None:
    data = line(maturity=9).strip()[:-2] + b', "maturity": 2}}'
    for headers in ((STRUCTURED,), ()):
        sent = read(record(event(data=0).replace(b":0}", b":" + data + b"}"), *headers))
        _, findings = check(sent.line.raw)
        assert [(each.rule, each.pointer) for each in findings] == [("repeated-field", "/entry/maturity")]


def test_a_line_that_looks_like_an_event_is_a_line_all_the_same() -> None:
    """A line has an entry, whatever else it has; and what says that it is plain JSON is no event."""
    for sent in (record(event(entry={})), record(event(), ("content-type", b"application/json")), record(event()[:-1])):
        message = read(sent)
        assert (message.line.raw, message.event, message.line.wrong) == (sent.value, None, None)


def test_the_same_value_under_other_headers_is_another_message() -> None:
    bare, csv = read(record(None)), read(record(None, ("content-type", b"text/csv")))
    assert bare.line.sha256 != csv.line.sha256
    assert read(record(None, offset=8)).line.sha256 == bare.line.sha256


def test_a_line_that_is_too_long_is_not_kept() -> None:
    kept = read(record(b" " * (MAX_LINE_BYTES + 1))).line
    assert (kept.raw, kept.size, bool(kept.sha256)) == (b"", MAX_LINE_BYTES + 1, True)


NAMES = st.sampled_from(["content-type", "ce_id", "ce_specversion", "accept-language", "x"]) | st.text(max_size=5)


@given(st.none() | st.binary(), st.lists(st.tuples(NAMES, st.none() | st.binary(max_size=60)), max_size=5))
def test_no_record_is_too_strange_to_be_read(value: bytes | None, headers: list[tuple[str, bytes | None]]) -> None:
    message = read(record(value, *headers))
    assert message.line.wrong is None or message.line.wrong.rule in TEXTS


def test_a_receipt_names_what_it_answers_and_speaks_its_language() -> None:
    finding = told(Finding(rule="message.empty", pointer=""), "zh")
    receipt = Receipt(
        stream="u/a", reference="a", revision=1, status="refused", event="u/a/1", time="2026-11-03T09:30:00.250Z",
        findings=[finding],
    )  # fmt: skip
    for language in ("zh", "en"):
        message = read(record(LINE, *BINARY, ("accept-language", language.encode())))
        key, value = receipt_record("intake.u", message, receipt)
        assert key == b"a"
        assert Draft202012Validator(schemas()["receipt.issued.v1"]).is_valid(orjson.loads(value))
        assert orjson.loads(value) == {
            "specversion": "1.0",
            "id": "intake.u/2/7",
            "source": "/submissions",
            "type": "receipt.issued.v1",
            "subject": "u/a",
            "time": "2026-11-03T09:30:00.250Z",
            "datacontenttype": "application/json",
            "data": {
                "partition": 2,
                "offset": 7,
                "answers": "e-1",
                **receipt.model_dump(exclude={"findings"}),
                "findings": [{**finding, "text": TEXTS["message.empty"][language]}],
            },
        }
