"""Every service's OpenAPI document is valid by a validator that is not ours, and names the problems it answers with."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from openapi_spec_validator import OpenAPIV31SpecValidator

from notifications.__main__ import create_api as notifications
from notifications.settings import Settings as NotificationSettings
from publishing.__main__ import application as publishing
from publishing.__main__ import mongo
from review.serving import api_app as review
from runtime.settings import Settings

SERVICES: dict[str, Callable[[], FastAPI]] = {
    "publishing": lambda: publishing(Settings(), mongo(Settings())),
    "review": lambda: review(Settings()),
    "notifications": lambda: notifications(NotificationSettings()),
}


@pytest.mark.parametrize("service", SERVICES)
def test_the_document_is_valid_and_names_its_problems(service: str) -> None:
    document = SERVICES[service]().openapi()
    assert document["openapi"].startswith("3.1") and document["paths"]
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            problem = operation["responses"]["default"]["content"]["application/problem+json"]["schema"]
            assert problem == {"$ref": "#/components/schemas/Problem"}, (method, path)
