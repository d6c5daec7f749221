"""What every test shares: one real Kafka and one real MongoDB a session, started when first asked for; the browser."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.local.servers import Server, kafka_server, mongo_server

IO_FIXTURES = {"kafka_broker", "mongo_node", "browser"}
IO_FOLDERS = {"local", "journeys", "faults", "bench"}


@pytest.fixture(scope="session")
def kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The session's broker, for tests that kill or restart it: those leave it running."""
    with kafka_server(tmp_path_factory.mktemp("kafka")) as server:
        yield server


@pytest.fixture(scope="session")
def mongo_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The session's mongod, for tests that kill it or make it step down: those leave it running."""
    with mongo_server(tmp_path_factory.mktemp("mongo")) as server:
        yield server


@pytest.fixture(scope="session")
def kafka(kafka_broker: Server) -> str:
    """Kafka's bootstrap address. Tests keep apart by using topics and groups of their own names."""
    return kafka_broker.address


@pytest.fixture(scope="session")
def mongo(mongo_node: Server) -> str:
    """MongoDB's URL. Tests keep apart by using databases of their own names."""
    return mongo_node.address


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Playwright drives the system's Chromium; as root that one needs to be told to do without its sandbox."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return {**browser_type_launch_args, "executable_path": found, "args": sandbox}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs servers, processes or a browser, and what runs one by one; and put the browser's tests last:
    Playwright's loop goes on running in this thread once it has begun, and no test of asyncio's could start another."""
    named = Counter(item.nodeid for item in items)
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if fixtures & IO_FIXTURES or IO_FOLDERS & set(item.path.relative_to(item.config.rootpath).parts):
            item.add_marker("io")
        # Of tests with one name, as schemathesis makes them, pytest-xdist would run the first alone.
        if "browser" in fixtures or named[item.nodeid] > 1:
            item.add_marker("alone")
    items.sort(key=lambda item: "browser" in getattr(item, "fixturenames", ()))
