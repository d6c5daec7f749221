"""The launcher's socket: whoever gives an order is answered in their language, whatever the launcher's own is."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from deploy.local.control import SOCKET, listening
from deploy.local.table import Stack
from deploy.local.workers import Workers
from shuangqian.operating import scale
from tests.web.settings import ROOT
from web.languages import load, speak
from web.shell import Failed


@pytest.mark.parametrize("launcher", ["en_GB.UTF-8", "zh_CN.UTF-8"])
async def test_a_refusal_is_in_the_language_of_whoever_gave_the_order(
    tmp_path: Path, launcher: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", launcher)

    async def lags() -> dict[str, Any]:
        return {}

    async with listening(tmp_path, Workers(cast(Stack, None), []), lags):
        for language, said in (("en", "review-worker can have 0 to 12"), ("zh", "review-worker 在一台机器上可以有")):
            with pytest.raises(Failed) as refused, speak(language, load()):
                await asyncio.to_thread(scale, tmp_path, ["review-worker=13"], False)
            assert said in refused.value.text
        # An order without a language is answered in the launcher's.
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / SOCKET))
        writer.write(b'{"scale": {"review-worker": 13}}\n')
        answer = json.loads(await reader.readline())["refused"]
        assert ("台机器" in answer) == launcher.startswith("zh")
        writer.close()


def test_what_raises_partitions_speaks_the_language_of_its_terminal() -> None:
    for locale, said in (("zh_CN.UTF-8", "用法：python -m"), ("en_GB.UTF-8", "usage: python -m")):
        argv = [sys.executable, "-m", "runtime.partitions"]
        done = subprocess.run(argv, cwd=ROOT, env={"LC_ALL": locale}, capture_output=True, text=True, check=False)
        assert done.returncode == 1 and done.stderr.startswith(said)
