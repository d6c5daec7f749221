"""Schemathesis against each service of the stack: whatever its OpenAPI document allows or forbids is answered as it
says, for somebody who may do everything. Of submissions, tests/submissions/test_schema.py asks more."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.core.result import Ok

from deploy.local.table import Stack
from tests.submissions.given import signed_in

EVERYTHING = ("operator", "publisher", "reviewer", "auditor")
EXAMPLES = settings(
    max_examples=25, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
#: Rules go beyond what a schema can say (whether there is such a case or service): what keeps it may break them.
RULES = {"checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "3xx", 401, 403, 404, 409, 422]}}}
MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("service", ["review", "publishing", "notifications", "audit"])
def test_every_operation_is_as_documented(stack: Stack, service: str) -> None:
    url = stack.url(service)
    cookies = dict([signed_in(stack.settings, *EVERYTHING)["Cookie"].split("=", 1)])
    document = schemathesis.openapi.from_url(f"{url}/openapi.json", config=schemathesis.Config.from_dict(RULES))
    tried = 0
    for found in document.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        for mode in MODES:

            @given(case=operation.as_strategy(generation_mode=mode))
            @EXAMPLES
            def asked(case: Any) -> None:
                case.call_and_validate(base_url=url, cookies=cookies, timeout=30)

            try:
                asked()
            except Unsatisfiable:  # nothing that could be sent breaks its schema
                assert mode is schemathesis.GenerationMode.NEGATIVE
        tried += 1
    assert tried
