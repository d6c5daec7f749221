"""A parked stream on the pages for operators: what it is called, what is wrong with it, before and after mending."""

import json
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from itsdangerous import TimestampSigner
from starlette.testclient import TestClient

from runtime.operations import Operations, Parked
from schemas.differences import Difference
from tests.web import demo
from tests.web.demo import PARKED, DemoOperations
from tests.web.settings import WebSettings
from web.app import create_app
from web.operations import operations_routes

Looks = Callable[[str, str, Parked], str]


@pytest.fixture
def looks() -> Looks:
    """What an operator reads of a parked stream: at a path, in a language."""

    def page(path: str, language: str, parked: Parked) -> str:
        settings, operations = WebSettings(), DemoOperations()
        operations.waiting = [parked]
        app = create_app("review", settings, Path(demo.__file__).parent / "templates", title="Demo")
        app.include_router(operations_routes(cast(Operations, operations)))
        session = {"person": {"sub": "chen", "name": "陈思远", "roles": ["operator"], "partner": None}}
        cookie = TimestampSigner(settings.session_secret).sign(b64encode(json.dumps(session).encode())).decode()
        client = TestClient(app, cookies={"shuangqian": cookie}, headers={"Accept-Language": language})
        answer = client.get(path, headers={"Accept": "text/html"})
        assert answer.status_code == 200
        return answer.text

    return page


def test_a_message_without_a_key_is_called_by_where_it_lies(looks: Looks) -> None:
    keyless = replace(PARKED, id="submissions.events ", stream="", partition=4, offset=28)
    for language, name in (("zh", "（无键）分区 4，偏移 28"), ("en", "(no key), partition 4, offset 28")):
        overview = looks("/operations", language, keyless)
        assert f'href="/operations/parked/submissions.events%20">{name}</a>' in overview
        one = looks("/operations/parked/submissions.events%20", language, keyless)
        assert re.search(r"<h1[^>]*>([^<]*)</h1>", one).group(1) == name  # type: ignore[union-attr]
        assert name in one.partition("</title>")[0]


def test_once_mended_the_error_is_said_to_be_from_before(looks: Looks) -> None:
    path = f"/operations/parked/{PARKED.id}"
    wrong = replace(PARKED, differences=(Difference("/type", '"x"', "a type of docs/events.md"),))
    assert "Error before it was mended" not in looks(path, "en", wrong)
    mended = replace(PARKED, mended="{}")
    assert "Error before it was mended" in looks(path, "en", mended) and "修正前的错误" in looks(path, "zh", mended)
