"""A log that lives: recorder, keeper and api of one installation, and ways to wait for its checkpoints."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import uvicorn

from audit.__main__ import application
from audit.log.folder import Folder
from audit.log.keeper import Keeper
from audit.log.note import unverified
from audit.log.store import LogStore
from audit.recorder import Recorder
from deploy.local.ports import free
from runtime.settings import Settings
from tests.audit.conftest import DECIDERS, World
from tests.web.settings import ROOT


@dataclass
class Log:
    world: World
    settings: Settings
    folder: Folder
    store: LogStore

    @property
    def url(self) -> str:
        return f"{self.settings.audit_url}/log"

    def size(self) -> int:
        note = self.folder.checkpoint()
        return unverified(note).size if note else 0

    def wait(self, size: int, seconds: float = 30.0) -> None:
        until = time.monotonic() + seconds
        while self.size() < size:
            assert time.monotonic() < until, f"no checkpoint of {size}: {self.size()}"
            time.sleep(0.05)


def log_of(world: World, folder: Path, **changed: Any) -> Log:
    """The log of an installation, not running."""
    port = free(1)[0]
    update = {
        "log_folder": folder,
        "log_checkpoint_s": 0.2,
        "audit_url": f"http://127.0.0.1:{port}",
        "api_port": port,
        "node_modules": ROOT / "node_modules",
    }
    settings = world.settings.model_copy(update=update | changed)
    return Log(world, settings, Folder(folder), LogStore(world.client[settings.database("audit")]))


@contextmanager
def keeping(log: Log) -> Iterator[None]:
    """Recorder and keeper at work for the block."""
    threads = (Recorder(log.settings), Keeper(log.settings))
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.stop()
        for thread in threads:
            thread.join(15)


@contextmanager
def served(log: Log) -> Iterator[httpx2.Client]:
    """The api over HTTP, on its own port, and a client of it."""
    config = uvicorn.Config(
        application(log.settings, DECIDERS), host="127.0.0.1", port=log.settings.api_port, log_config=None
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        with httpx2.Client(base_url=log.settings.audit_url) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(15)
