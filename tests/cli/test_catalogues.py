"""Which catalogue a command's words come from."""

import pytest

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
