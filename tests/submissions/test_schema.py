"""Schemathesis against the real process: whatever the OpenAPI document allows or forbids is answered as it says."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from deploy.local import table
from deploy.local.ports import DEFAULTS, free
from deploy.local.servers import running
from runtime.settings import Settings
from submissions.__main__ import application
from submissions.__main__ import mongo as connect
from tests.faults.fleet import key_for
from tests.submissions.given import USCC, signed_in

PARTNER = {"uscc": USCC, "name": {"zh": "蓉衡轨道", "en": None}, "type": "enterprise"}


EXAMPLES = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@dataclass(frozen=True)
class Api:
    """The service's address, the header of a partner's program, and the cookie of an operator who has signed in."""

    url: str
    key: dict[str, str]
    operator: dict[str, str]


@pytest.fixture(scope="module")
def api(mongo: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("schema")
    ports = dict(zip(DEFAULTS, free(len(DEFAULTS)), strict=True))
    own = Settings(mongo_url=mongo, database_prefix=f"test_{folder.name}_", requests_per_second=10_000)
    services = table.services(table.Stack(folder, ports, own, "", ()))
    process = next(each for each in services if each.name == "submissions-api")
    with running(process, folder / "log"):
        key = asyncio.run(key_for(own, PARTNER))
        url = f"http://localhost:{ports['submissions']}"
        yield Api(url, {"Authorization": f"Bearer {key}"}, dict([signed_in(own, "operator")["Cookie"].split("=", 1)]))


def document() -> dict[str, Any]:
    """What the service serves as /openapi.json; nothing is connected to."""
    own = Settings()
    return application(own, connect(own)).openapi()


def session_only(document: dict[str, Any]) -> dict[str, Any]:
    """The document for somebody who has signed in: nothing more to send than the browser does by itself."""
    paths = {
        path: {method: {**operation, "security": []} for method, operation in methods.items()}
        for path, methods in document["paths"].items()
        if path.startswith(("/partners", "/submissions/{")) and "kafka" not in path  # there is no broker here
    }
    return {**document, "paths": paths}


@schemathesis.serializer("application/x-ndjson")
def ndjson(context: schemathesis.SerializationContext, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode(errors="surrogatepass")


@schemathesis.hook
def filter_query(_context: schemathesis.HookContext, query: dict[str, Any] | None) -> bool:
    """A list of one is sent as its only item is, and a list of none not at all: no server could refuse either."""
    return not any(isinstance(value, list) and len(value) < 2 for value in (query or {}).values())


#: Rules go beyond what a schema can say (a check digit, whose key it is): what keeps the schema may break them.
RULES = {"checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", 401, 403, 404, 409, 422]}}}
#: Any bytes are lines: those that say nothing are refused in their receipts, and the request succeeds.
LINES = {"checks": {"negative_data_rejection": {"enabled": False}}}
CONFIG = schemathesis.Config.from_dict(
    {
        "operations": [
            {"include-name": "POST /submissions", **RULES},
            {"include-name": "POST /partners", **RULES},
            {"include-name": "POST /submissions:sheet", **RULES},
            {"include-name": "GET /events", **RULES},
            {"include-name": "POST /partners/{uscc}/keys", **RULES},
            {"include-name": "POST /partners/{uscc}/keys/{key}/rotate", **RULES},
            {"include-path-regex": "/kafka-accounts", **RULES},
            {"include-name": "POST /submissions:stream", **LINES},
        ]
    }
)
program = schemathesis.openapi.from_dict(document(), config=CONFIG)
operator = schemathesis.openapi.from_dict(session_only(document()), config=CONFIG)


@program.parametrize()
@EXAMPLES
def test_a_partners_program_is_answered_as_documented(case: Any, api: Api) -> None:
    case.call_and_validate(base_url=api.url, headers=api.key, timeout=30)


@operator.parametrize()
@EXAMPLES
def test_an_operator_is_answered_as_documented(case: Any, api: Api) -> None:
    case.call_and_validate(base_url=api.url, cookies=api.operator, timeout=30)
