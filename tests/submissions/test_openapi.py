"""The OpenAPI 3.1 document is valid by a validator that is not ours, complete, and its examples keep its schemas."""

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from runtime.settings import Settings
from submissions.__main__ import application, mongo

Json = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Json:
    settings = Settings()
    return application(settings, mongo(settings)).openapi()


def operations(document: Json) -> Iterator[tuple[str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_it_is_valid_by_an_independent_validator(document: Json) -> None:
    assert document["openapi"].startswith("3.1")
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
    broken = {**document, "info": {}}
    assert list(OpenAPIV31SpecValidator(broken).iter_errors())


def test_everything_referred_to_is_there(document: Json) -> None:
    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            value = list(value.values())
        for within in value if isinstance(value, list) else ():
            yield from references(within)

    for reference in references(document):
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            assert step in found, reference
            found = found[step]


def test_every_operation_is_described_and_says_how_it_fails(document: Json) -> None:
    for name, operation in operations(document):
        assert operation["summary"] and operation["tags"] and operation["operationId"], name
        assert any(status.startswith("2") for status in operation["responses"]), name
        for status, response in operation["responses"].items():
            assert response["description"] and "X-Request-Id" in response["headers"], (name, status)
            if not status.startswith("2"):
                schema = response["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}, (name, status)
        for parameter in operation.get("parameters", ()):
            assert parameter.get("description") or parameter["schema"].get("anyOf"), (name, parameter["name"])
        if operation.get("security"):
            assert "401" in operation["responses"], name


def test_every_example_keeps_its_schema(document: Json) -> None:
    checked = 0
    for name, operation in operations(document):
        said = [*operation.get("parameters", ()), *operation.get("requestBody", {}).get("content", {}).values()]
        for each in said:
            schema = {**each["schema"], "components": document["components"]}
            for example in [*each["schema"].get("examples", ()), *([each["example"]] if "example" in each else ())]:
                assert list(Draft202012Validator(schema).iter_errors(example)) == [], name
                checked += 1
    assert checked >= 6


async def test_no_page_is_in_it(document: Json) -> None:
    assert not {"/docs", "/developers", "/keys", "/livez", "/metrics"} & set(document["paths"])
