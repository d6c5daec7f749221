"""How every process of ours serves: a connection that lies idle is kept."""

import subprocess
import sys
import time
from http.client import HTTPConnection

from deploy.local.ports import HOST, free

SERVING = """
from fastapi import FastAPI
from web.serve import serve
serve(FastAPI(), "{host}", {port}, ending_s=1)
"""
#: Longer than uvicorn keeps a connection unasked (5 s), and than clients' pools rest between two requests.
IDLE_S = 6.0


def test_a_connection_that_lay_idle_is_used_again() -> None:
    """Else a client may send its next request just as the server closes, and cannot know whether it was heard."""
    (port,) = free(1)
    serving = subprocess.Popen([sys.executable, "-c", SERVING.format(host=HOST, port=port)])
    try:
        connection = _connected(port)
        assert _asked(connection) == 404
        kept = connection.sock
        time.sleep(IDLE_S)
        assert _asked(connection) == 404
        assert connection.sock is kept
    finally:
        serving.terminate()
        serving.wait(20)


def _connected(port: int) -> HTTPConnection:
    """A connection to a server that is about to start."""
    until = time.monotonic() + 30
    while True:
        connection = HTTPConnection(HOST, port, timeout=5)
        try:
            connection.connect()
            return connection
        except OSError:
            assert time.monotonic() < until, "it does not start"
            time.sleep(0.1)


def _asked(connection: HTTPConnection) -> int:
    connection.request("GET", "/")
    answer = connection.getresponse()
    answer.read()
    return answer.status
