"""The AsyncAPI document is valid by AsyncAPI's own parser, and says of each event what is so."""

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import ConsumerRecord
from jsonschema import Draft7Validator

from schemas.asyncapi import document, examples
from schemas.events import FACTS
from schemas.partner_channels import FORMS, Listener
from schemas.receipt import ReceiptIssued
from schemas.rules import check
from schemas.topics import HISTORIES
from submissions.kafka_messages import read

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return document(examples())


def findings(said: dict[str, Any]) -> list[dict[str, Any]]:
    """What the parser finds, but for remarks of taste (its severities 2 and 3)."""
    run = subprocess.run(
        ["node", HERE / "asyncapi.mjs"], input=json.dumps(said), text=True, capture_output=True, check=True, timeout=100
    )
    return [found for found in json.loads(run.stdout) if found["severity"] < 2]


def test_the_parser_finds_nothing(made: dict[str, Any]) -> None:
    assert findings(made) == []


def test_the_parser_finds_what_is_wrong(made: dict[str, Any]) -> None:
    """So that its silence says something."""
    astray, unknown = copy.deepcopy(made), copy.deepcopy(made)
    astray["channels"]["review.events"]["messages"]["case.opened.v1"]["$ref"] = "#/components/messages/nowhere"
    unknown["operations"]["receive-review-events"]["action"] = "ponder"
    assert findings(astray) and findings(unknown)


def test_every_message_is_on_one_channel_and_is_received_but_what_partners_send(made: dict[str, Any]) -> None:
    on = [(type, topic) for topic, channel in made["channels"].items() for type in channel["messages"]]
    assert sorted(type for type, topic in on if topic in HISTORIES) == sorted(FACTS)
    assert sorted(type for type, _ in on) == sorted(made["components"]["messages"])
    assert set(made["channels"]) == {*HISTORIES, "intake", "receipts"} == {topic for _, topic in on}
    for operation in made["operations"].values():
        topic = operation["channel"]["$ref"].removeprefix("#/channels/")
        assert operation["action"] == ("send" if topic == "intake" else "receive")
        assert [each["$ref"] for each in operation["messages"]] == [
            f"#/channels/{topic}/messages/{type}" for type, its in on if its == topic
        ]


def test_partners_sign_in_on_their_own_listener_to_channels_of_their_own(made: dict[str, Any]) -> None:
    server = document(examples(), Listener("kafka.example.com:9093", encrypted=False))["servers"]["partners"]
    assert (server["host"], server["protocol"]) == ("kafka.example.com:9093", "kafka")
    assert made["servers"]["partners"]["protocol"] == "kafka-secure"
    assert server["security"] == [{"$ref": "#/components/securitySchemes/account"}]
    assert made["components"]["securitySchemes"]["account"]["type"] == "scramSha512"
    for channel in ("intake", "receipts"):
        said = made["channels"][channel]
        assert said["address"] == channel + ".{partner}" and list(said["parameters"]) == ["partner"]
        assert said["servers"] == [{"$ref": "#/servers/partners"}]
    assert all(made["channels"][topic]["servers"] == [{"$ref": "#/servers/histories"}] for topic in HISTORIES)


@pytest.mark.parametrize("form", FORMS)
def test_an_example_of_each_form_of_a_message_is_read_as_an_entry_that_keeps_the_rules(
    made: dict[str, Any], form: str
) -> None:
    message = made["components"]["messages"][form]
    (example,) = message["examples"]
    for part in ("payload", "headers"):
        validator = Draft7Validator({**message[part], "components": made["components"]})
        assert list(validator.iter_errors(example[part])) == [] and list(validator.iter_errors([]))
    headers = [(name, value.encode()) for name, value in example["headers"].items()]
    headers.append(("content-type", message["contentType"].encode()))
    record = ConsumerRecord("t", 0, 0, 0, 1, None, orjson.dumps(example["payload"]), None, 0, 0, headers)
    read_as = read(record)
    assert (read_as.language, read_as.event) == ("en", None if form == "submission" else "e-1")
    assert check(read_as.line.raw)[1] == ()


@pytest.mark.parametrize("type", [*FACTS, ReceiptIssued.TYPE])
def test_every_example_keeps_its_schema(made: dict[str, Any], type: str) -> None:
    message = made["components"]["messages"][type]
    (example,) = message["examples"]
    validator = Draft7Validator({**message["payload"], "components": made["components"]})
    assert list(validator.iter_errors(example["payload"])) == []
    assert list(validator.iter_errors({**example["payload"], "type": "case.dreamt.v1"}))
    assert message["summary"] != type or not FACTS[type].__doc__
