"""What every service's OpenAPI 3.1 document says beyond what FastAPI finds out: problems, and the request's id."""

from typing import Any

from fastapi import FastAPI

from web.problems import TYPE_PREFIX

Json = dict[str, Any]
#: What a route may answer, by status: its `responses`.
Responses = dict[int | str, Json]

PROBLEM: Json = {
    "title": "Problem",
    "description": "What went wrong, as RFC 9457 has it. Programs go by `type`; texts are in the caller's language.",
    "type": "object",
    "required": ["type", "title", "status", "instance"],
    "properties": {
        "type": {"type": "string", "examples": [TYPE_PREFIX + "submission-refused"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what to do about it"},
        "instance": {"type": "string", "description": "`urn:shuangqian:request:` and the request's id"},
        "findings": {
            "type": "array",
            "description": "everything that is wrong, not only the first",
            "items": {"$ref": "#/components/schemas/Finding"},
        },
        "patch": {
            "type": "array",
            "description": "all fixes as one JSON Patch (RFC 6902) of what was sent",
            "items": {"type": "object"},
        },
        "recorded": {"type": ["string", "null"], "description": "id of the fact that keeps the refusal in the history"},
    },
}
FINDING: Json = {
    "title": "Finding",
    "type": "object",
    "required": ["rule", "pointer", "text"],
    "properties": {
        "rule": {"type": "string", "description": "names the rule for good", "examples": ["dates.order"]},
        "pointer": {"type": "string", "description": "RFC 6901 JSON Pointer", "examples": ["/entry/closes"]},
        "found": {"type": ["string", "null"], "description": "what stood there, shortened"},
        "expected": {"type": ["string", "null"], "description": "what would mend it"},
        "fix": {
            "type": ["object", "null"],
            "description": "the RFC 6902 operation that mends it, if one does",
        },
        "doc": {"type": ["string", "null"], "description": "the page on the rule", "examples": ["/rules/dates.order"]},
        "text": {"type": "string", "description": "all of it in a sentence, in the caller's language"},
    },
}
#: For `model_json_schema(ref_template=…)` of a body that a route reads itself.
REFERENCE = "#/components/schemas/{model}"
ANY_PROBLEM: Json = {
    "description": "Anything else that went wrong",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
REQUEST_ID: Json = {
    "description": "Names this request in the logs; the caller's own, where it sent a plain one.",
    "schema": {"type": "string"},
}


def complete(app: FastAPI) -> None:
    """Have each operation of the application's document name the problems it may answer with, and the request's id."""
    found = app.openapi

    def openapi() -> Json:
        if app.openapi_schema is None:
            _complete(found())
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(document: Json) -> None:
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas |= {"Problem": PROBLEM, "Finding": FINDING}
    components.setdefault("headers", {})["X-Request-Id"] = REQUEST_ID
    for path in document["paths"].values():
        for operation in path.values():
            _lift(operation, schemas)
            responses = operation["responses"]
            # FastAPI's own, which web.errors answers as a problem.
            if responses.get("422", {}).get("description") == "Validation Error":
                del responses["422"]
            responses["default"] = {**ANY_PROBLEM}
            for response in responses.values():
                response.setdefault("headers", {})["X-Request-Id"] = {"$ref": "#/components/headers/X-Request-Id"}
    for unused in ("HTTPValidationError", "ValidationError"):
        if f"#/components/schemas/{unused}" not in str(document["paths"]):
            schemas.pop(unused, None)


def _lift(operation: Json, schemas: Json) -> None:
    """Put the models that a body's schema brought along where its references look for them (`REFERENCE`)."""
    for media in operation.get("requestBody", {}).get("content", {}).values():
        for name, model in media.get("schema", {}).pop("$defs", {}).items():
            schemas.setdefault(name, model)
