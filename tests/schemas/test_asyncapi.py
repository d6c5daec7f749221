"""The AsyncAPI document is valid by AsyncAPI's own parser, and says of each event what is so."""

import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from schemas.asyncapi import document, examples
from schemas.events import FACTS
from schemas.topics import HISTORIES

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


def test_every_event_is_on_one_channel_and_is_received(made: dict[str, Any]) -> None:
    on = [(type, topic) for topic, channel in made["channels"].items() for type in channel["messages"]]
    assert sorted(type for type, _ in on) == sorted(FACTS) == sorted(made["components"]["messages"])
    assert set(made["channels"]) == set(HISTORIES) == {topic for _, topic in on}
    for operation in made["operations"].values():
        topic = operation["channel"]["$ref"].removeprefix("#/channels/")
        assert operation["action"] == "receive"
        assert [each["$ref"] for each in operation["messages"]] == [
            f"#/channels/{topic}/messages/{type}" for type, its in on if its == topic
        ]


@pytest.mark.parametrize("type", FACTS)
def test_every_example_keeps_its_schema(made: dict[str, Any], type: str) -> None:
    message = made["components"]["messages"][type]
    (example,) = message["examples"]
    validator = Draft7Validator({**message["payload"], "components": made["components"]})
    assert list(validator.iter_errors(example["payload"])) == []
    assert list(validator.iter_errors({**example["payload"], "type": "case.dreamt.v1"}))
    assert message["summary"] != type or not FACTS[type].__doc__
