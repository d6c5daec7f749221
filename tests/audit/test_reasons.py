"""Why a message is no event: what the reader really says of it, in a sentence of either language."""

from pathlib import Path

import orjson
import pytest

from audit import reasons
from schemas.events import Undecodable, decode
from web.languages import load, speak

LOCALE = Path(reasons.__file__).parent / "locale"


@pytest.mark.parametrize(
    ("raw", "english", "chinese"),
    [
        (b"[]", "It is no event: it is no JSON object.", "不是事件：它不是 JSON 对象。"),
        (b"{}", "It is no event: it has no id.", "不是事件：缺少 id。"),
    ],
)
def test_a_reason_is_said_in_the_language_spoken(raw: bytes, english: str, chinese: str) -> None:
    with pytest.raises(Undecodable) as error:
        decode(raw)
    for language, expected in (("en", english), ("zh", chinese)):
        with speak(language, load(LOCALE)):
            assert reasons.said(str(error.value)) == expected


def test_a_type_that_nobody_has_is_named_in_both() -> None:
    event = dict.fromkeys(("id", "source", "subject", "causationid", "correlationid", "actor"), "x")
    with pytest.raises(Undecodable) as error:
        decode(orjson.dumps({**event, "time": "2026-11-01T00:00:00Z", "sequence": 1, "type": "a.b.v1", "data": {}}))
    with speak("zh", load(LOCALE)):
        told = reasons.said(str(error.value))
    assert "a.b.v1" in told and "No service" not in told
