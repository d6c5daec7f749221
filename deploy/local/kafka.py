"""Apache Kafka as one KRaft node, from the jars in build/kafka."""

import os
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from deploy.local.ports import HOST, answers
from deploy.local.supervise import CannotStart, Process
from runtime.speech import either

JARS = Path(__file__).resolve().parents[2] / "build" / "kafka"

LOG4J = """\
status = error
appender.stdout.type = Console
appender.stdout.name = stdout
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = %d{ISO8601} %-5p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.stdout.ref = stdout
logger.server.name = kafka.server
logger.server.level = info
logger.config.name = kafka.server.KafkaConfig
logger.config.level = warn
"""


def bootstrap(port: int) -> str:
    """What a client connects to: `host:port`."""
    return f"{HOST}:{port}"


def process(folder: Path, port: int, controller_port: int, partners_port: int, heap: str = "768m") -> Process:
    """The broker's row in the process table. Its data stays in `folder`, which is formatted when it is new.

    `port` is for our own processes, `partners_port` for partners: there everybody signs in, and may do what ACLs say.
    Raises `CannotStart` when the jars are missing or the folder cannot be formatted.
    """
    if not any(JARS.glob("kafka_*.jar")):
        raise CannotStart(
            either(
                "Kafka's jars are not in build/kafka: run `make setup`.",
                "build/kafka 中没有 Kafka：请运行 make setup。",
            )
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "log4j2.properties").write_text(LOG4J)
    properties = folder / "server.properties"
    properties.write_text(_properties(folder, port, controller_port, partners_port))
    if not (folder / "data" / "meta.properties").exists():
        _format(folder, properties)
    argv = (*_java(folder, f"-Xmx{heap}", f"-Xms{heap}"), "kafka.Kafka", str(properties))
    return Process("kafka", argv, ready=_serves(port), ready_timeout_s=90.0)


def _properties(folder: Path, port: int, controller_port: int, partners_port: int) -> str:
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"INTERNAL://{HOST}:{port},PARTNERS://{HOST}:{partners_port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"INTERNAL://{HOST}:{port},PARTNERS://{HOST}:{partners_port}",
        # In production PARTNERS is SASL_SSL, and INTERNAL is not reachable from outside.
        "listener.security.protocol.map": "INTERNAL:PLAINTEXT,PARTNERS:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "INTERNAL",
        "listener.name.partners.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.partners.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        # Whoever comes without signing in, which the listener for partners lets nobody do.
        "super.users": "User:ANONYMOUS",
        "log.dirs": folder / "data",
        "log.retention.ms": -1,
        "num.partitions": 12,
        "auto.create.topics.enable": "false",
        "default.replication.factor": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        "group.initial.rebalance.delay.ms": 0,
        # After a kill the broker must wait out its own old session (9 s by default) before it may come back.
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        "message.max.bytes": 4 * 1024 * 1024,
    }
    return "".join(f"{key}={value}\n" for key, value in settings.items())


def _format(folder: Path, properties: Path) -> None:
    # Its first byte is 0, for an id that begins with a dash is taken for an option.
    cluster_id = urlsafe_b64encode(b"\0" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
    argv = (*_java(folder, "-Xmx256m"), "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(properties))
    formatted = subprocess.run(argv, capture_output=True, text=True)
    if formatted.returncode:
        why = f"{formatted.stdout}{formatted.stderr}"
        raise CannotStart(either(f"Kafka could not format {folder}:\n{why}", f"Kafka 无法格式化 {folder}：\n{why}"))


def _java(folder: Path, *options: str) -> tuple[str, ...]:
    java_home = os.environ.get("JAVA_HOME")
    java = str(Path(java_home, "bin", "java")) if java_home else "java"
    configuration = f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}"
    # Three quarters of a broker's processor time in its first minutes are compiling, most of it by the second compiler.
    return (java, "-XX:TieredStopAtLevel=1", *options, configuration, "-cp", f"{JARS}/*")


def _serves(port: int) -> Callable[[], bool]:
    def probe() -> bool:
        if not answers(port):
            return False
        try:
            admin = KafkaAdminClient(bootstrap_servers=bootstrap(port), request_timeout_ms=2000)
            try:
                return not any(broker["is_fenced"] for broker in admin.describe_cluster()["brokers"])
            finally:
                admin.close()
        except KafkaError:
            return False

    return probe
