"""A running issuer and a running application, on free ports, for the tests of the web library."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import httpx2
import pytest
import uvicorn
from starlette.testclient import TestClient

from tests.web.demo import demo
from tests.web.settings import WebSettings

PEOPLE = [
    {"sub": "chen", "name": "陈思远", "roles": ["reviewer", "operator"], "partner": None},
    {"sub": "liu", "name": "刘芳", "roles": ["partner"], "partner": "91510100MA6CGUGA1W"},
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, seconds: float = 30) -> None:
    """Until something answers at `url`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            httpx2.get(url)
            return
        except httpx2.TransportError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@pytest.fixture(scope="session")
def issuer() -> Iterator[str]:
    """The address of an OpenID issuer that knows PEOPLE."""
    port = free_port()
    claims = [part for one in PEOPLE for part in ("--user-claims", json.dumps(one))]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), *claims]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONWARNINGS": "ignore"})
    try:
        wait_for(f"http://localhost:{port}/.well-known/openid-configuration")
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def address(issuer: str) -> Iterator[str]:
    """The address of the demo service, served by uvicorn."""
    port = free_port()
    app = demo(WebSettings(address=f"http://localhost:{port}", oidc_issuer=issuer))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for(f"http://localhost:{port}/livez")
        yield f"http://localhost:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def client() -> Iterator[TestClient]:
    """The demo service in this process, for what needs no issuer."""
    with TestClient(demo(WebSettings()), raise_server_exceptions=False, follow_redirects=False) as client:
        yield client


@pytest.fixture
def browser_headers() -> dict[str, str]:
    """As a browser opens a page."""
    return {"Accept": "text/html,application/xhtml+xml", "Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"}
