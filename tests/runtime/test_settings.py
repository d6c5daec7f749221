"""What a process is told by its environment, and by the stack of its folder."""

from pathlib import Path

import pytest

from deploy.local import ports, table
from runtime.settings import Settings


def test_a_command_beside_a_stack_is_told_what_the_stack_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = {name: port + 1000 for name, port in ports.DEFAULTS.items()}
    stack = table.stack(tmp_path / ".run", moved)
    odd = stack.settings.model_copy(update={"mail_from": 'it\'s a \\ "quoted" # $HOME text'})
    table.leave_word(table.Stack(stack.folder, moved, odd, stack.inbox_url, stack.people))
    assert (tmp_path / ".run" / "environment").stat().st_mode & 0o777 == 0o600
    for name in table.environment(odd):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    assert Settings.load() == odd
    monkeypatch.setenv("SHUANGQIAN_MONGO_URL", "mongodb://elsewhere")
    assert Settings.load().mongo_url == "mongodb://elsewhere", "what the environment says comes first"
    monkeypatch.chdir("/")
    assert Settings.load().kafka_bootstrap == Settings().kafka_bootstrap, "where no stack was started, defaults"
