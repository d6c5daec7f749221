"""What the story says where a step is not as it must be."""

import asyncio
from typing import Any

import pytest
from rich.console import Console

from audit.examine import Difference, Kind
from audit.replay import Verdict
from audit.sums import Counts
from deploy.local import story
from deploy.local.teller import Teller, Wrong

DIFFERENT = Verdict(
    equal=False,
    at="2026-11-29T08:00:00.000Z",
    service=None,
    stream=None,
    streams=1,
    events=1,
    duplicates=0,
    differing=1,
    seconds=1.0,
    rate=1.0,
    services=(Counts("review", 1, 1, 0, 1),),
    differences=(Difference(Kind.STREAM_NOT_LIVE, "review", "p/r@1", "case", 1, "case.opened.v1"),),
)


@pytest.mark.parametrize(
    ("locale", "said", "wrong"),
    [
        ("zh_CN.UTF-8", ("历史与现状有 1 处不符。", "case p/r@1", "案件已立案"), "重放结果与现状不一致"),
        ("en_GB.UTF-8", ("part in 1 place.", "case p/r@1", "Case opened"), "The replay is not equal to the live state"),
    ],
)
def test_a_replay_that_differs_is_told_in_words(
    locale: str, said: tuple[str, ...], wrong: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    monkeypatch.setattr(story, "replay", lambda *_args, **_more: DIFFERENT)
    stack: Any = type("Stack", (), {"settings": None})
    with pytest.raises(Wrong, match=wrong):
        asyncio.run(story._prove(stack, Teller(Console())))
    printed = capsys.readouterr().out
    for part in (*said, "python -m review replay"):
        assert part in printed
    assert "Difference(" not in printed
