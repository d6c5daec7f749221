"""What every part stands on: servers of its own, services as processes, and the entries that are sent."""

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

import orjson
import psutil
from kafka import KafkaConsumer, TopicPartition
from pymongo import AsyncMongoClient, MongoClient

from deploy.local import table
from deploy.local.ports import DEFAULTS, HOST, free
from deploy.local.sample.generate import FIRST, generate, partners
from deploy.local.servers import Server, running
from deploy.local.supervise import Process
from runtime.admin import create_topics
from runtime.settings import Settings
from runtime.streams import Streams
from schemas.envelope import Json
from submissions.domain import SUBMISSIONS
from submissions.intake import Intake
from submissions.ndjson import Line

#: Documents written, or lines handled, at once.
BULK = 500
PARTNER = partners()[0]


@dataclass(frozen=True)
class Ground:
    """A broker, a database and a folder. Parts keep apart by databases, topics and groups of their own."""

    kafka: str
    mongo: str
    folder: Path

    def settings(self) -> Settings:
        """Settings with empty databases and topics that nobody else has, and all else as in production."""
        name = secrets.token_hex(4)
        settings = Settings(
            kafka_bootstrap=self.kafka, mongo_url=self.mongo, database_prefix=f"bench_{name}_", topic_prefix=f"{name}."
        )
        create_topics(settings)
        return settings

    def stack(self, settings: Settings) -> table.Stack:
        """The process table on free ports."""
        ports = dict(zip(DEFAULTS, free(len(DEFAULTS)), strict=True))
        return table.Stack(self.folder, ports, settings, "", ())

    @contextmanager
    def services(self, stack: table.Stack, *names: str) -> Iterator[list[Server]]:
        """Some of our own processes for the block, ready when it begins: `submissions-api`, `review-worker`."""
        rows = {process.name: process for process in table.services(stack)}
        with ExitStack() as started:
            yield [started.enter_context(running(rows[name], self.folder / "log")) for name in names]

    @contextmanager
    def bare(self, program: str, settings: Settings, *arguments: str) -> Iterator[tuple[Server, int]]:
        """A bare program of this folder for the block, ready when it begins, and the port it listens on."""
        (port,) = free(1)
        process = table.Process(
            program,
            table._python(f"tests.bench.{program}", str(port), *arguments),
            ready=partial(is_ready, port),
            env=table.environment(settings),
        )
        with running(process, self.folder / "log") as server:
            yield server, port
