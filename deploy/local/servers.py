"""Real servers for tests and benchmarks: on free ports, in a folder of their own, ended with the context."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local import kafka, mongo, table
from deploy.local.ports import DEFAULTS, free
from deploy.local.supervise import Child, Process, end, kill, spawn, wait_until_ready
from deploy.local.table import Stack
from runtime.admin import create_topics


@dataclass
class Server:
    """A running process. `address` is Kafka's bootstrap, MongoDB's URL or empty, and stays the same over restarts.

    `partners` is the address of Kafka's listener for partners.
    """

    address: str
    process: Process
    log_folder: Path
    child: Child
    partners: str = ""

    def kill(self) -> None:
        """kill -9, as a crash would have it; returns once it is gone."""
        kill(self.child)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL when it takes too long."""
        end([self.child])

    def start(self) -> None:
        """Start it again on the same port and data; returns once it is ready."""
        self.child = spawn(self.process, self.log_folder)
        wait_until_ready(self.child)

    def restart(self) -> None:
        """`stop`, then `start`."""
        self.stop()
        self.start()


@contextmanager
def kafka_server(folder: Path, heap: str = "512m") -> Iterator[Server]:
    """A broker whose data lives in `folder`. Raises `ChildFailed`, with the end of its log, when it does not start."""
    port, controller_port, partners_port = free(3)
    row = kafka.process(folder, port, controller_port, partners_port, heap)
    with running(row, folder / "log", kafka.bootstrap(port)) as server:
        server.partners = kafka.bootstrap(partners_port)
        yield server


@contextmanager
def mongo_server(folder: Path, *, cache_gb: float = 0.5, oplog_mb: int | None = None) -> Iterator[Server]:
    """A one-node replica set whose data lives in `folder`; an oplog of 1 MB is possible. Raises `ChildFailed`."""
    (port,) = free(1)
    row = mongo.process(folder, port, cache_gb=cache_gb, oplog_mb=oplog_mb)
    with running(row, folder / "log", mongo.url(port)) as server:
        yield server


@contextmanager
def running(process: Process, log_folder: Path, address: str = "") -> Iterator[Server]:
    """Any one process for the block, ready when the block begins. Raises `ChildFailed`."""
    server = Server(address, process, log_folder, spawn(process, log_folder))
    try:
        wait_until_ready(server.child)
        yield server
    finally:
        end([server.child])


@contextmanager
def whole_stack(folder: Path, *, otlp_endpoint: str | None = None) -> Iterator[tuple[Stack, dict[str, Server]]]:
    """All that `make run` starts, without its story: the stack, and its processes by name. Raises `ChildFailed`."""
    stack = table.stack(folder, dict(zip(DEFAULTS, free(len(DEFAULTS)), strict=True)), otlp_endpoint)
    started: list[Server] = []
    services: list[Server] = []
    try:
        _start_all(table.servers(stack), folder / "log", started)
        create_topics(stack.settings)
        _start_all(table.services(stack), folder / "log", services)
        yield stack, {server.process.name: server for server in (*started, *services)}
    finally:
        end([server.child for server in services])
        end([server.child for server in started])


def _start_all(processes: tuple[Process, ...], log_folder: Path, started: list[Server]) -> None:
    started += [Server("", process, log_folder, spawn(process, log_folder)) for process in processes]
    for server in started:
        wait_until_ready(server.child)
