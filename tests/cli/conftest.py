"""The command line as a partner runs it: the real program in a process, against a real submissions api in another."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx2
import pytest

from runtime.settings import Settings
from tests.submissions.given import ROOT, USCC, signed_in

PROGRAM = Path(sys.executable).with_name("shuangqian")


@dataclass(frozen=True)
class Shell:
    """Somebody's terminal: their home, and where the server is."""

    home: Path
    url: str
    key: str
    lang: str = "en_GB.UTF-8"
    columns: int = 100
    signed_in: bool = True

    @property
    def environment(self) -> dict[str, str]:
        path = os.pathsep.join(str(ROOT / folder) for folder in ("libs", "services", "."))
        said = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "HOME": str(self.home), "LANG": self.lang}
        with_key = {} if self.signed_in else {"SHUANGQIAN_KEY": self.key}
        return {**said, **with_key, "PYTHONUTF8": "1", "COLUMNS": str(self.columns), "SHUANGQIAN_URL": self.url}

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def run(self, *arguments: str, stdin: str | bytes = b"", **environment: str) -> subprocess.CompletedProcess[str]:
        """The program, run to its end."""
        done = subprocess.run(
            [PROGRAM, *arguments],
            env=self.environment | environment,
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            timeout=90,
        )
        return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """The program, left running."""
        return subprocess.Popen(
            [PROGRAM, *arguments],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )

    def at(self, port: int) -> "Shell":
        """The same partner by another way: a profile is for one address, so the key comes from the environment."""
        return replace(self, url=f"http://127.0.0.1:{port}", signed_in=False)

    def file(self, name: str, content: bytes) -> str:
        path = self.home / name
        path.write_bytes(content)
        return str(path)


@pytest.fixture(scope="module")
def settings(mongo: str) -> Settings:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    prefix = f"test_{secrets.token_hex(4)}_"
    return Settings(mongo_url=mongo, database_prefix=prefix, node_modules=ROOT / "node_modules", api_port=port)


@pytest.fixture(scope="module")
def api(settings: Settings) -> Iterator[httpx2.Client]:
    """A real submissions api in a process of its own, and a client of an operator."""
    said = {f"SHUANGQIAN_{name.upper()}": str(value) for name, value in settings.model_dump(exclude_none=True).items()}
    path = os.pathsep.join(str(ROOT / folder) for folder in ("libs", "services"))
    command = [sys.executable, "-m", "submissions", "api"]
    with subprocess.Popen(command, env=os.environ | said | {"PYTHONPATH": path}, stdout=subprocess.DEVNULL) as process:
        headers = signed_in(settings, "operator")
        with httpx2.Client(base_url=f"http://127.0.0.1:{settings.api_port}", headers=headers, timeout=30) as client:
            for _ in range(600):
                try:
                    client.get("/livez").raise_for_status()
                    break
                except httpx2.TransportError:
                    time.sleep(0.1)
            yield client
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def key(api: httpx2.Client) -> str:
    """A registered partner's key."""
    name = {"zh": "蓉衡轨道智维科技有限公司", "en": "Rongheng Rail Intelligence"}
    api.post("/partners", json={"uscc": USCC, "name": name, "type": "enterprise"})
    issued = api.post(f"/partners/{USCC}/keys", json={"label": "tests"})
    return str(issued.json()["key"])


@pytest.fixture
def stranger(tmp_path: Path, settings: Settings, key: str) -> Shell:
    """A terminal where nobody is signed in."""
    return Shell(tmp_path, f"http://127.0.0.1:{settings.api_port}", key)


@pytest.fixture
def shell(stranger: Shell) -> Shell:
    """A terminal whose partner is signed in."""
    done = stranger.run("login", "--key-stdin", stdin=stranger.key)
    assert done.returncode == 0, done.stderr
    return stranger
