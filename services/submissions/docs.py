"""The API reference as a page: what /openapi.json says, for people."""

from collections.abc import Iterator
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from submissions.sections import sections
from web.languages import _
from web.pages import page
from web.people import person


def add(router: APIRouter) -> None:
    """GET /docs."""

    @router.get("/docs")
    async def docs(request: Request) -> Response:
        rules = (
            _("A 2xx means: stored for good. Send anything again: nothing takes effect twice."),
            _("Programs send Authorization: Bearer with their API key."),
            _("What breaks rules is refused with every finding, in the language of Accept-Language (zh or en)."),
        )
        groups: dict[str, list[dict[str, Any]]] = {}
        for operation in _operations(request.app.openapi()):
            groups.setdefault(operation["tag"], []).append(operation)
        me = person(request)
        return page(request, "docs.html", sections=sections(request, me), rules=rules, groups=list(groups.items()))


def _operations(openapi: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            tag, summary, texts = operation["tags"][0], operation["summary"], operation.get("description", "")
            yield {
                "id": operation["operationId"],
                "tag": _(tag),
                "method": method.upper(),
                "path": path,
                "summary": _(summary),
                "description": [_(text) for text in texts.split("\n\n") if text],
                "example": _example(operation),
                "responses": [(status, _(text)) for status, text in _responses(operation)],
            }


def _responses(operation: dict[str, Any]) -> list[tuple[str, str]]:
    said = operation["responses"].items()
    return sorted((status, answer["description"]) for status, answer in said if status != "default")


def _example(operation: dict[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    example = next((media["example"] for media in content.values() if "example" in media), "")
    return example if isinstance(example, str) else orjson.dumps(example, option=orjson.OPT_INDENT_2).decode()
