"""The registry of schemas, as Kafka tools ask it."""

import asyncio
import json
from typing import Any

import httpx2
import orjson
import pytest

from runtime.published import published
from schemas.compatibility import canonical
from submissions.kafka_messages import read
from tests.submissions.given import submission
from tests.submissions.test_kafka_messages import record

TYPE = "application/vnd.schemaregistry.v1+json"
REFUSED = "submission.refused.v1"


async def get(client: httpx2.AsyncClient, path: str, status: int = 200) -> Any:
    answer = await client.get("/registry" + path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, TYPE), answer.text
    return answer.json()


async def post(client: httpx2.AsyncClient, path: str, schema: Any, status: int = 200, type: str = "JSON") -> Any:
    body = {"schemaType": type, "schema": json.dumps(schema)}
    answer = await client.post("/registry" + path, json=body, headers={"Content-Type": TYPE})
    assert (answer.status_code, answer.headers["content-type"]) == (status, TYPE), answer.text
    return answer.json()


async def test_every_published_version_is_served(client: httpx2.AsyncClient) -> None:
    known = published()
    assert await get(client, "/subjects") == sorted(known)
    assert await get(client, "/schemas/types") == ["JSON"]
    for subject, versions in known.items():
        assert await get(client, f"/subjects/{subject}/versions") == [version.number for version in versions]
        for version in versions:
            told = await get(client, f"/subjects/{subject}/versions/{version.number}")
            assert told["id"] == version.id and json.loads(told["schema"]) == version.schema
            assert (await get(client, f"/schemas/ids/{version.id}"))["schema"] == told["schema"]
            found = await get(client, f"/schemas/ids/{version.id}/versions")
            assert {"subject": subject, "version": version.number} in found
            assert await post(client, f"/subjects/{subject}", version.schema) == told
        assert (await get(client, f"/subjects/{subject}/versions/latest"))["version"] == len(versions)
        assert await get(client, f"/subjects/{subject}/versions/latest/schema") == versions[-1].schema


async def test_what_is_not_there_is_answered_by_its_number(client: httpx2.AsyncClient) -> None:
    for path, status, code in (
        ("/subjects/none/versions", 404, 40401),
        ("/subjects/scene/versions/99", 404, 40402),
        ("/subjects/scene/versions/0", 422, 42202),
        ("/subjects/scene/versions/first", 422, 42202),
        ("/schemas/ids/1", 404, 40403),
        ("/schemas/ids/one", 404, 40403),
        ("/config/none", 404, 40401),
        ("/exporters", 404, 404),
    ):
        error = await get(client, path, status)
        assert error["error_code"] == code and error["message"]
    assert (await post(client, "/subjects/scene", {"type": "object"}, 404))["error_code"] == 40403


async def test_a_schema_is_judged_as_the_contract_check_judges_it(client: httpx2.AsyncClient) -> None:
    schema = published()["scene"][-1].schema
    path = "/compatibility/subjects/scene/versions"
    grown = {**schema, "properties": {**schema["properties"], "later": {"type": "string"}}}
    for good in (schema, grown):
        assert await post(client, f"{path}/latest", good) == {"is_compatible": True}
        assert await post(client, path, good) == {"is_compatible": True}
    needy = {**grown, "required": [*schema["required"], "later"]}
    judged = await post(client, f"{path}/1?verbose=true", needy)
    assert judged["is_compatible"] is False and "later must be there now" in judged["messages"][0]
    levels = {
        subject: (await get(client, f"/config/{subject}"))["compatibilityLevel"] for subject in ("scene", REFUSED)
    }
    assert levels == {"scene": "BACKWARD_TRANSITIVE", REFUSED: "FULL_TRANSITIVE"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"schema": "{}"}',
        b'{"schemaType": "JSON"}',
        b'{"schemaType": "JSON", "schema": "{"}',
        b'{"schemaType": "JSON", "schema": "[]"}',
        b'{"schemaType": "JSON", "schema": "{\\"properties\\": 5}"}',
        json.dumps(
            {"schemaType": "JSON", "schema": '{"$ref":"#/$defs/A","$defs":{"A":{"$ref":"#/$defs/A"}}}'}
        ).encode(),
        json.dumps({"schemaType": "JSON", "schema": '{"items":' * 5000 + "{}" + "}" * 5000}).encode(),
        json.dumps({"schemaType": "JSON", "schema": '{"items":' * 900 + "{}" + "}" * 900}).encode(),
        b'{"schemaType": "JSON", "schema": "' + b" " * 1_000_000 + b'{}"}',
        b"\xff",
    ],
    ids=lambda body: f"{len(body)} bytes",
)
async def test_what_is_no_schema_is_answered_as_one(client: httpx2.AsyncClient, body: bytes) -> None:
    answer = await client.post("/registry/compatibility/subjects/scene/versions/1", content=body)
    if answer.status_code == 200:
        assert answer.json() == {"is_compatible": False}
    else:
        assert (answer.status_code, answer.json()["error_code"]) == (422, 42201)


async def test_nothing_can_be_written(client: httpx2.AsyncClient) -> None:
    for method, path in (
        ("POST", "/subjects/scene/versions"),
        ("DELETE", "/subjects/scene"),
        ("DELETE", "/subjects/scene/versions/1"),
        ("PUT", "/config"),
        ("PUT", "/mode/scene"),
    ):
        answer = await client.request(method, "/registry" + path, json={})
        assert (answer.status_code, answer.json()["error_code"]) == (403, 40301)
        assert "read only" in answer.json()["message"]


async def test_confluents_own_client_reads_it(port: int) -> None:
    pytest.importorskip("cachetools", reason="confluent-kafka's registry client needs it")
    from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, SchemaRegistryError

    def read() -> None:
        with SchemaRegistryClient({"url": f"http://127.0.0.1:{port}/registry"}) as registry:
            known = published()
            assert registry.get_subjects() == sorted(known)
            for subject, versions in known.items():
                assert registry.get_versions(subject) == [version.number for version in versions]
                latest = registry.get_latest_version(subject)
                assert latest.version == len(versions) and latest.schema.schema_type == "JSON"
                assert json.loads(latest.schema.schema_str) == versions[-1].schema
                assert registry.get_schema(latest.schema_id).schema_str == latest.schema.schema_str
                assert registry.lookup_schema(subject, latest.schema).version == latest.version
                assert registry.test_compatibility(subject, latest.schema) is True
            assert registry.test_compatibility("scene", Schema('{"type": "string"}', "JSON")) is False
            assert registry.get_compatibility("scene") == "BACKWARD_TRANSITIVE"
            with pytest.raises(SchemaRegistryError, match="read only"):
                registry.register_schema("scene", Schema(canonical({"type": "object"}), "JSON"))
            with pytest.raises(SchemaRegistryError, match="not found"):
                registry.get_latest_version("none")

    await asyncio.to_thread(read)


async def test_what_confluents_own_serializer_writes_is_read(port: int) -> None:
    pytest.importorskip("cachetools", reason="confluent-kafka's registry client needs it")
    from confluent_kafka.schema_registry import SchemaRegistryClient
    from confluent_kafka.schema_registry.json_schema import JSONSerializer
    from confluent_kafka.serialization import MessageField, SerializationContext

    line = submission("r1")

    def written() -> bytes:
        with SchemaRegistryClient({"url": f"http://127.0.0.1:{port}/registry"}) as registry:
            latest = registry.get_latest_version("submission-line")
            conf = {
                "auto.register.schemas": False,
                "use.latest.version": True,
                "subject.name.strategy": lambda *_: latest.subject,
            }
            serialize = JSONSerializer(latest.schema.schema_str, registry, conf=conf)
            value = serialize(line, SerializationContext("intake.x", MessageField.VALUE))
            assert value is not None
            return bytes(value)

    raw = await asyncio.to_thread(written)
    assert raw[0] == 0, "it is framed"
    assert orjson.loads(read(record(raw)).line.raw) == line
