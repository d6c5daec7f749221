"""Which catalogue a command's words come from, and that one thing is said in one way."""

from pathlib import Path

import pytest

import shuangqian
from shuangqian.__main__ import catalogues
from web.languages import load


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("audit as-of 2026-11", "现在"),  # the state of today, beside that of changed code
        ("--lang zh audit replay --service review", "现在"),
        ("review shadow --rules rules.toml", "修改后"),  # by the rules as changed
    ],
)
def test_each_group_speaks_its_own_words_where_others_say_the_same_in_english(command: str, said: str) -> None:
    assert load(*catalogues(command.split()))["zh"].gettext("Now") == said


def test_that_nothing_was_sent_is_said_in_one_way() -> None:
    catalogue = (Path(shuangqian.__file__).parent / "locale/zh/LC_MESSAGES/messages.po").read_text("utf-8")
    assert "没有提交任何内容" in catalogue and "没有发送任何内容" not in catalogue
