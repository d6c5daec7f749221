"""A parked stream on the pages for operators: what it is called, what is wrong with it, before and after mending."""

import json
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast
from urllib.parse import quote

import orjson
import pytest
from itsdangerous import TimestampSigner
from markupsafe import escape
from starlette.testclient import TestClient

from runtime.operations import OfThisStream, Opened, Operations, _mended
from schemas.differences import differences
from schemas.events import Undecodable
from tests.review.entries import received, scene
from tests.web import demo
from tests.web.demo import PARKED, DemoOperations
from tests.web.settings import WebSettings
from web.app import create_app
from web.operations import legible, operations_routes

Looks = Callable[[str, str, Opened], str]


def browser(operations: DemoOperations, language: str) -> TestClient:
    """An operator's, in a language."""
    settings = WebSettings()
    app = create_app("review", settings, Path(demo.__file__).parent / "templates", title="Demo")
    app.include_router(operations_routes(cast(Operations, operations)))
    session = {"person": {"sub": "chen", "name": "陈思远", "roles": ["operator"], "partner": None}}
    cookie = TimestampSigner(settings.session_secret).sign(b64encode(json.dumps(session).encode())).decode()
    headers = {"Accept-Language": language, "Accept": "text/html"}
    return TestClient(app, cookies={"shuangqian": cookie}, headers=headers)


@pytest.fixture
def looks() -> Looks:
    """What an operator reads of a parked stream: at a path, in a language."""

    def page(path: str, language: str, parked: Opened) -> str:
        operations = DemoOperations()
        operations.waiting = [parked]
        answer = browser(operations, language).get(path)
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


def test_what_is_wrong_with_an_event_is_said_in_the_readers_language(looks: Looks) -> None:
    event = received("SC-1", scene()).to_json()
    event["data"]["entry"]["title"] = 7
    event["data"]["entry"]["owner"]["uscc"] = "1"
    event["time"] = "yesterday"
    wrong = replace(PARKED, differences=differences(orjson.dumps(event | {"type": "submission.recieved.v1"})))
    odd = replace(PARKED, differences=(*wrong.differences, *differences(orjson.dumps(event | {"sequence": "1"}))))
    path = f"/operations/parked/{PARKED.id}"
    said = {language: looks(path, language, odd) for language in ("en", "zh")}
    for language, texts in (
        ("en", ("must be one of", "must be a time", "must be a whole number", "must be an object", "credit code")),
        ("zh", ("须为下列之一", "须为时间", "须为整数", "须为含有字段的对象", "统一社会信用代码")),
    ):
        assert [text for text in texts if text not in said[language]] == []
    assert "must be" not in said["zh"] and "Input should" not in said["zh"] + said["en"]


def test_once_mended_the_error_is_said_to_be_from_before(looks: Looks) -> None:
    path = f"/operations/parked/{PARKED.id}"
    wrong = replace(PARKED, differences=differences(b"{}"))
    assert "Error before it was mended" not in looks(path, "en", wrong)
    mended = replace(PARKED, mended="{}")
    elsewhere = "What keeps it from being handled lies elsewhere"
    assert elsewhere in looks(path, "en", PARKED) and elsewhere not in looks(path, "en", mended)
    assert "it was mended. Whether it would be handled" in looks(path, "en", mended)
    assert "已经修正" in looks(path, "zh", mended)
    assert "Error before it was mended" in looks(path, "en", mended) and "修正前的错误" in looks(path, "zh", mended)


def test_an_error_is_read_as_its_text_and_not_as_python_writes_it(looks: Looks) -> None:
    path = f"/operations/parked/{PARKED.id}"
    for error, said in (
        (repr(Undecodable('it isn\'t "so": 号')), 'Undecodable: it isn\'t "so": 号'),
        (repr(KeyError("time")), "KeyError: time"),
        (repr(OSError(2, "no such file")), "FileNotFoundError(2, 'no such file')"),
        ("Strange('a', 'b')", "Strange('a', 'b')"),
        (repr(ValueError("\ud800")), "ValueError: \\ud800"),
        ("TimeoutError()", "TimeoutError()"),
        ("Odd('a' + b'')", "Odd('a' + b'')"),
    ):
        assert legible(error) == said
        parked = replace(PARKED, error=error)
        for page in (looks("/operations", "zh", parked), looks(path, "zh", parked)):
            assert f"<code>{escape(said)}</code>" in page
        told = json.loads(looks("/operations.json", "zh", parked))["parked"]
        assert [each["error"] for each in told] == [said]


def test_what_mends_nothing_is_said_in_the_readers_language(monkeypatch: pytest.MonkeyPatch) -> None:
    event = received("SC-1", scene()).to_json()
    another, subject = json.dumps(event | {"subject": "t"}), event["subject"]

    async def mend(self: DemoOperations, id: str, body: str, actor: str) -> bool:
        return bool(_mended(body, subject, orjson.dumps(event)))

    monkeypatch.setattr(DemoOperations, "mend", mend, raising=False)
    for language, given, said in (
        ("zh", "{a", "这不能代替该事件：第 1 行第 2 列有语法错误，请检查引号、逗号和括号"),
        ("zh", another, f'这不能代替该事件：/subject 须仍为 "{subject}"：它表明这是哪个事件。'),
        ("zh", "{}", "这不能代替该事件：/id 缺少必填项。/source 缺少必填项。"),
        ("en", another, f'/subject This must stay "{subject}": it says which event it is.'),
    ):
        answer = browser(DemoOperations(), language).post(f"/operations/mend/{PARKED.id}", data={"body": given})
        assert answer.status_code == 422 and str(escape(said)) in answer.text, answer.text


def test_whoever_may_not_set_an_event_aside_is_led_back_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def set_aside(self: DemoOperations, id: str, position: str, reason: str, actor: str) -> bool:
        raise OfThisStream(id)

    monkeypatch.setattr(DemoOperations, "set_aside", set_aside, raising=False)
    operator = browser(DemoOperations(), "zh")
    refused = operator.post(f"/operations/set-aside/{PARKED.id}", data={"position": "7:1", "reason": "误发"})
    assert refused.status_code == 409 and f'href="/operations/parked/{quote(PARKED.id)}"' in refused.text
    gone = operator.get("/operations/parked/none")
    assert gone.status_code == 404 and 'href="/operations"' in gone.text


def test_one_event_is_one() -> None:
    operations = DemoOperations()
    for waiting, language, said in (
        (1, "en", "Sent on: 1 event, in order."),
        (3, "en", "Sent on: 3 events, in order."),
        (1, "zh", "已按顺序重新投递 1 个事件。"),
    ):
        operations.waiting = [replace(PARKED, waiting=waiting)]
        answer = browser(operations, language).post(f"/operations/parked/{PARKED.id}", follow_redirects=True)
        assert said in answer.text
