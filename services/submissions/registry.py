"""The published schemas for existing Kafka tools: a subset of Confluent Schema Registry's REST interface, read only.

Served under /registry. A new version is published by a release of this platform alone, so registering is refused.
Source: https://docs.confluent.io/platform/current/schema-registry/develop/api.html
"""

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from runtime.published import Published, Version, breaks, level, published
from schemas.compatibility import canonical
from schemas.envelope import Json

MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"
#: A schema of more bytes is not compared.
MAX_SCHEMA_BYTES = 1_000_000


class Unanswerable(Exception):
    """Why a request is answered with an error, by the registry's own numbers: the first three digits are HTTP's."""

    def __init__(self, error_code: int, message: str) -> None:
        super().__init__(message)
        self.status = error_code // 100 if error_code >= 1000 else error_code
        self.body = {"error_code": error_code, "message": message}


class RegistryRoute(APIRoute):
    """Answers in the registry's media type, its errors too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                return await answer(request)
            except Unanswerable as no:
                return said(no.body, no.status)

        return answered


def said(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type=MEDIA_TYPE)


def add(router: APIRouter) -> None:
    """GET /registry/… and what it answers to POST, PUT and DELETE."""
    known = published()
    registry = APIRouter(prefix="/registry", route_class=RegistryRoute, include_in_schema=False)
    _subjects(registry, known)
    _by_id(registry, known)
    _settings(registry, known)
    _judging(registry, known)
    _refusing(registry)
    router.include_router(registry)


def _subjects(registry: APIRouter, known: Published) -> None:
    @registry.get("/subjects")
    async def subjects(subjectPrefix: str = "") -> Response:
        return said([subject for subject in known if subject.startswith(subjectPrefix.removeprefix(":*:"))])

    @registry.get("/subjects/{subject}/versions")
    async def versions(subject: str) -> Response:
        return said([version.number for version in _versions(known, subject)])

    @registry.get("/subjects/{subject}/versions/{number}")
    async def version(subject: str, number: str) -> Response:
        return said(_registered(_version(known, subject, number)))

    @registry.get("/subjects/{subject}/versions/{number}/schema")
    async def schema(subject: str, number: str) -> Response:
        return said(_version(known, subject, number).schema)

    @registry.get("/subjects/{subject}/versions/{number}/referencedby")
    async def referenced(subject: str, number: str) -> Response:
        _version(known, subject, number)
        return said([])


def _by_id(registry: APIRouter, known: Published) -> None:
    def of(id: str) -> list[Version]:
        found = [each for versions in known.values() for each in versions if str(each.id) == id]
        if not found:
            raise Unanswerable(40403, f"Schema {id} not found")
        return found

    @registry.get("/schemas/types")
    async def types() -> Response:
        return said(["JSON"])

    @registry.get("/schemas/ids/{id}")
    async def by_id(id: str) -> Response:
        return said({"schemaType": "JSON", "schema": canonical(of(id)[0].schema)})

    @registry.get("/schemas/ids/{id}/schema")
    async def schema(id: str) -> Response:
        return said(of(id)[0].schema)

    @registry.get("/schemas/ids/{id}/subjects")
    async def subjects(id: str) -> Response:
        return said([version.subject for version in of(id)])

    @registry.get("/schemas/ids/{id}/versions")
    async def versions(id: str) -> Response:
        return said([{"subject": version.subject, "version": version.number} for version in of(id)])


def _settings(registry: APIRouter, known: Published) -> None:
    @registry.get("/")
    async def root() -> Response:
        return said({})

    @registry.get("/config")
    async def config() -> Response:
        return said({"compatibilityLevel": "FULL_TRANSITIVE"})

    @registry.get("/config/{subject}")
    async def config_of(subject: str) -> Response:
        return said({"compatibilityLevel": level(_versions(known, subject)[0].subject)})

    @registry.get("/mode")
    async def mode() -> Response:
        return said({"mode": "READONLY"})

    @registry.get("/mode/{subject}")
    async def mode_of(subject: str) -> Response:
        _versions(known, subject)
        return said({"mode": "READONLY"})


def _judging(registry: APIRouter, known: Published) -> None:
    @registry.post("/subjects/{subject}")
    async def look_up(subject: str, request: Request) -> Response:
        sent, versions = canonical(await _schema(request)), _versions(known, subject)
        found = next((each for each in versions if canonical(each.schema) == sent), None)
        if found is None:
            raise Unanswerable(40403, f"Schema not found under subject '{subject}'")
        return said(_registered(found))

    @registry.post("/compatibility/subjects/{subject}/versions/{number}")
    async def with_one(subject: str, number: str, request: Request, verbose: bool = False) -> Response:
        return _judged([_version(known, subject, number)], await _schema(request), verbose)

    @registry.post("/compatibility/subjects/{subject}/versions")
    async def with_all(subject: str, request: Request, verbose: bool = False) -> Response:
        return _judged(_versions(known, subject), await _schema(request), verbose)


def _judged(versions: list[Version], schema: Json, verbose: bool) -> Response:
    try:
        changes = breaks(versions, schema)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise Unanswerable(42201, f"Not a JSON Schema that can be compared: {error!r}") from error
    messages = {"messages": [str(change) for change in changes]} if verbose else {}
    return said({"is_compatible": not changes, **messages})


def _refusing(registry: APIRouter) -> None:
    """Whatever else is asked for: what would write is refused, the rest is not there."""

    @registry.api_route("/{rest:path}", methods=["POST", "PUT", "DELETE", "PATCH"])
    async def write(rest: str) -> Response:
        why = "This registry is read only: a new version of a schema is published with a release of the platform."
        raise Unanswerable(40301, why)

    @registry.get("/{rest:path}")
    async def nothing(rest: str) -> Response:
        raise Unanswerable(404, "HTTP 404 Not Found")


def _versions(known: Published, subject: str) -> list[Version]:
    if subject not in known:
        raise Unanswerable(40401, f"Subject '{subject}' not found.")
    return known[subject]


def _version(known: Published, subject: str, number: str) -> Version:
    """One version by its number; `latest` and -1 are the last."""
    versions = _versions(known, subject)
    if number in ("latest", "-1"):
        return versions[-1]
    if not number.isdecimal() or not number.isascii() or not 1 <= len(number) <= 9 or int(number) < 1:
        why = 'Allowed values are between [1, 2^31-1] and the string "latest"'
        raise Unanswerable(42202, f"The specified version '{number}' is not a valid version id. {why}")
    if int(number) > len(versions):
        raise Unanswerable(40402, f"Version {number} not found.")
    return versions[int(number) - 1]


def _registered(version: Version) -> Json:
    return {
        "subject": version.subject,
        "version": version.number,
        "id": version.id,
        "schemaType": "JSON",
        "schema": canonical(version.schema),
    }


async def _schema(request: Request) -> Json:
    """The schema in a request's body, which holds it as a text: {"schemaType": "JSON", "schema": "{…}"}."""
    raw = b""
    async for piece in request.stream():
        raw += piece
        if len(raw) > MAX_SCHEMA_BYTES:
            raise Unanswerable(42201, f"Larger than {MAX_SCHEMA_BYTES} bytes")
    try:
        body = orjson.loads(raw)
        if body.get("schemaType", "AVRO") != "JSON":
            raise Unanswerable(42201, 'Schemas here are JSON Schemas: send "schemaType": "JSON"')
        schema = orjson.loads(body["schema"])
        canonical(schema)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise Unanswerable(42201, f"Invalid schema: {error!r}") from error
    if not isinstance(schema, dict):
        raise Unanswerable(42201, "Invalid schema: not an object")
    return schema
