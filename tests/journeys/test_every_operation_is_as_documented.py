"""Whatever is asked of the services of a stack is answered, for somebody who may do everything: what their OpenAPI
documents allow or forbid as they say (of submissions, tests/submissions/test_schema.py asks more), and what they do not
speak of, such as half a character, NUL in an address, HEAD."""

from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.core.result import Ok

from deploy.local.table import Stack
from tests.submissions.given import USCC, signed_in

EVERYTHING = ("operator", "publisher", "reviewer", "auditor")
EXAMPLES = settings(
    max_examples=25, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
#: Rules go beyond what a schema can say (whether there is such a case or service): what keeps it may break them.
RULES = {"checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", "3xx", 401, 403, 404, 409, 422]}}}
MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)


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


#: Half of a character beyond the BMP, which JSON can name and UTF-8 cannot hold.
HALF = r'"\ud83dx"'


@pytest.mark.parametrize(
    ("service", "method", "path", "body"),
    [
        ("review", "PUT", "/reviewers/somebody", f'{{"name": {HALF}}}'),
        ("review", "POST", "/assignments", f'{{"assignments": [{{"case": {HALF}, "reviewer": "x"}}]}}'),
        ("publishing", "POST", "/releases", f'{{"month": {HALF}}}'),
        ("notifications", "POST", "/subscriptions", f'{{"channel": "email", "address": {HALF}}}'),
        ("submissions", "POST", "/partners", f'{{"uscc": "{USCC}", "name": {{"zh": {HALF}}}, "type": "enterprise"}}'),
    ],
)
def test_half_a_character_is_refused_and_nothing_fails(
    stack: Stack, service: str, method: str, path: str, body: str
) -> None:
    headers = signed_in(stack.settings, *EVERYTHING) | {"Content-Type": "application/json"}
    answer = httpx2.request(method, stack.url(service) + path, content=body, headers=headers, timeout=30)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("typed", ["%00", "a%00b", "%ED%A0%80", "%FF", "%28%5B", "99999999999999999999", "1e999", "-1"])
@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("publishing", "/catalogue?q="),
        ("publishing", "/catalogue?page="),
        ("publishing", "/catalogue.json?q="),
        ("publishing", "/feed.atom?q="),
        ("submissions", "/submissions?after="),
        ("submissions", "/requests?after="),
        ("review", "/cases?kind="),
        ("review", "/cases/decided?after="),
        ("notifications", "/deliveries?page="),
        ("audit", "/audit?page="),
        ("audit", "/audit/log?page="),
        ("audit", "/audit/streams?q="),
        ("audit", "/audit/events?entry="),
        ("audit", "/audit/events?title="),
        ("audit", "/audit/events?from="),
        ("audit", "/audit/catalogue?at="),
        ("audit", "/log/proof?leaf="),
    ],
)
def test_whatever_is_typed_into_an_address_is_answered(stack: Stack, service: str, path: str, typed: str) -> None:
    for accept in ("text/html", "application/json"):
        headers = signed_in(stack.settings, *EVERYTHING) | {"Accept": accept}
        answer = httpx2.get(stack.url(service) + path + typed, headers=headers, timeout=30)
        assert answer.status_code < 500, answer.text


@pytest.mark.parametrize(
    ("service", "path"),
    [("publishing", "/catalogue"), ("publishing", "/feed.atom"), ("audit", "/log/keys"), ("review", "/console/events")],
)
def test_head_is_answered_and_ends_also_where_get_goes_on_for_ever(stack: Stack, service: str, path: str) -> None:
    headers = signed_in(stack.settings, *EVERYTHING)
    answer = httpx2.head(stack.url(service) + path, headers=headers, timeout=10)
    assert (answer.status_code, answer.content) == (200, b"")
    with httpx2.stream("GET", stack.url(service) + path, headers=headers, timeout=10) as got:
        assert got.headers["content-type"] == answer.headers["content-type"]


def test_a_method_that_an_address_does_not_know_is_told_those_it_does(stack: Stack) -> None:
    answer = httpx2.delete(stack.url("publishing") + "/releases", headers=signed_in(stack.settings, *EVERYTHING))
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST, HEAD")
