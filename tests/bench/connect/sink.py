"""The sink connector as a process: it upserts each event of a topic as a document, two tasks, 256 MB of heap."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path

from deploy.local.kafka import LOG4J
from deploy.local.ports import HOST, free
from deploy.local.supervise import CannotStart, Process
from runtime.settings import Settings
from runtime.speech import either
from schemas.topics import SUBMISSIONS
from tests.bench.figure import say
from tests.bench.ground import Ground, get

POM = Path(__file__).with_name("pom.xml")
JARS = Path(__file__).resolve().parents[3] / "build" / "connect"
#: Where the connector writes: the database `settings.database("sink")`.
COLLECTION = "submissions"
TASKS = 2


def process(ground: Ground, settings: Settings) -> Process:
    """Kafka Connect with the connector; ready when its tasks run. Raises CannotStart where its jars cannot be had."""
    _fetch()
    folder = ground.folder / settings.topic_prefix.rstrip(".") / "connect"
    folder.mkdir(parents=True)
    (folder / "log4j2.properties").write_text(LOG4J.replace("= info", "= warn"))
    (port,) = free(1)
    (folder / "worker.properties").write_text(_properties(_worker(ground, folder, port)))
    (folder / "sink.properties").write_text(_properties(_connector(settings)))
    java = str(Path(home, "bin", "java")) if (home := os.environ.get("JAVA_HOME")) else "java"
    argv = (
        *(java, "-Xms256m", "-Xmx256m", f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}"),
        *("-cp", f"{JARS}/*", "org.apache.kafka.connect.cli.ConnectStandalone"),
        *(str(folder / "worker.properties"), str(folder / "sink.properties")),
    )

    def running() -> bool:
        with suppress(OSError, ValueError):
            status, answer = get(port, "/connectors/sink/status")
            return status == 200 and [task["state"] for task in answer["tasks"]] == ["RUNNING"] * TASKS
        return False

    return Process("connect", argv, running)


def _worker(ground: Ground, folder: Path, port: int) -> dict[str, object]:
    return {
        "bootstrap.servers": ground.kafka,
        "key.converter": "org.apache.kafka.connect.storage.StringConverter",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "false",
        "offset.storage.file.filename": folder / "offsets",
        "listeners": f"HTTP://{HOST}:{port}",
        "plugin.discovery": "only_scan",
    }


def _connector(settings: Settings) -> dict[str, object]:
    """As generous as it can be set: whole fetches in one bulk, and a write counts when ours would."""
    strategies = "com.mongodb.kafka.connect.sink"
    projection = "document.id.strategy.partial.value.projection"
    separator = "&" if "?" in settings.mongo_url else "?"
    return {
        "name": "sink",
        "connector.class": "com.mongodb.kafka.connect.MongoSinkConnector",
        "tasks.max": TASKS,
        "topics": settings.topic(SUBMISSIONS),
        "connection.uri": f"{settings.mongo_url}{separator}w=majority&journal=true",
        "database": settings.database("sink"),
        "collection": COLLECTION,
        "document.id.strategy": f"{strategies}.processor.id.strategy.PartialValueStrategy",
        f"{projection}.type": "AllowList",
        f"{projection}.list": "id",
        "writemodel.strategy": f"{strategies}.writemodel.strategy.ReplaceOneDefaultStrategy",
        "consumer.override.max.poll.records": 2000,
    }


def _properties(settings: dict[str, object]) -> str:
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def _fetch() -> None:
    """Have the jars in build/connect, newer than what they are asked for by."""
    if JARS.is_dir() and JARS.stat().st_mtime > POM.stat().st_mtime:
        return
    say(either("Fetching Kafka Connect and MongoDB's connector", "正在获取 Kafka Connect 和 MongoDB 连接器"))
    copy = ("dependency:copy-dependencies", f"-DoutputDirectory={JARS}", "-DincludeScope=runtime")
    try:
        subprocess.run(["mvn", "-q", "-B", "-f", str(POM), *copy], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotStart(f"mvn: {getattr(error, 'stdout', '') or error}") from error
    JARS.touch()
