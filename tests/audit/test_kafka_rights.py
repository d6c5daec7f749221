"""On Kafka the audit needs the right to read the histories and no other: on a broker where it has just that, it
records, replays and checks; whatever would write is refused."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ConfigResource,
    ConfigResourceType,
    NewPartitions,
    NewTopic,
    ResourcePattern,
    ResourceType,
    UserScramCredentialUpsertion,
)
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata
from pymongo import MongoClient

from audit.log.checking import check
from audit.replay import replay
from deploy.local.servers import Server, kafka_server
from runtime.admin import create_topics
from runtime.settings import Settings
from schemas.envelope import Json
from tests.audit.conftest import DECIDERS, World
from tests.audit.logs import keeping, log_of

#: Who comes to the listener of our own processes has no name but this; the broker itself comes so to its controller.
ANYBODY, OFFICE = "User:ANONYMOUS", "User:office"
PREFIX = "rights."


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Server]:
    with kafka_server(tmp_path / "kafka") as server:
        yield server


def allow_reading_alone(server: Server) -> None:
    """From now on whoever comes unnamed may read what begins with PREFIX; a named account has all rights."""
    topics = ResourcePattern(ResourceType.TOPIC, PREFIX, ACLResourcePatternType.PREFIXED)
    cluster = ResourcePattern(ResourceType.CLUSTER, "kafka-cluster")
    may = [(ACLOperation.READ, topics), (ACLOperation.DESCRIBE, topics), (ACLOperation.CLUSTER_ACTION, cluster)]
    with closing(KafkaAdminClient(bootstrap_servers=server.address)) as admin:
        made = admin.create_acls([ACL(ANYBODY, "*", what, ACLPermissionType.ALLOW, on) for what, on in may])
        assert not made["failed"]
        admin.alter_user_scram_credentials([UserScramCredentialUpsertion("office", "SCRAM-SHA-512", "all-rights")])
    properties = server.log_folder.parent / "server.properties"
    properties.write_text(properties.read_text().replace(f"super.users={ANYBODY}", f"super.users={OFFICE}"))
    server.restart()


def office(server: Server) -> dict[str, Any]:
    """How the account with all rights comes in."""
    return {
        "bootstrap_servers": server.partners,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "office",
        "sasl_plain_password": "all-rights",
    }


def writes(address: str, topic: str) -> dict[str, Callable[[KafkaAdminClient], Any]]:
    """All that would change a history, or leave a trace, by what it is called."""

    def produce(_: KafkaAdminClient) -> None:
        with closing(
            KafkaProducer(bootstrap_servers=address, enable_idempotence=False, max_block_ms=10_000)
        ) as producer:
            producer.send(topic, b"forged").get(20)

    def commit(_: KafkaAdminClient) -> None:
        with closing(KafkaConsumer(bootstrap_servers=address, group_id="auditor")) as consumer:
            consumer.assign([TopicPartition(topic, 0)])
            consumer.commit({TopicPartition(topic, 0): OffsetAndMetadata(1, "", -1)})

    more = ACL(ANYBODY, "*", ACLOperation.WRITE, ACLPermissionType.ALLOW, ResourcePattern(ResourceType.TOPIC, topic))
    shorter = ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": "1"})
    return {
        "produce": produce,
        "commit an offset": commit,
        "make a topic": lambda admin: admin.create_topics([NewTopic(f"{PREFIX}own", 1, 1)]),
        "delete a history": lambda admin: admin.delete_topics([topic]),
        "cut a history": lambda admin: admin.delete_records({TopicPartition(topic, 0): 1}),
        "raise its partitions": lambda admin: admin.create_partitions({topic: NewPartitions(24)}),
        "let it expire": lambda admin: admin.alter_configs([shorter], raise_on_unknown=False),
        "allow itself more": lambda admin: admin.create_acls([more]),
    }


def answer(write: Callable[[KafkaAdminClient], Any], admin: KafkaAdminClient) -> str:
    """The name of the error that Kafka answers with, raised or returned; all that it says, where there is none."""
    try:
        said = repr(write(admin))
    except KafkaError as error:
        said = repr(error)
    found = re.search(r"\w*AuthorizationFailedError", said)
    return found[0] if found else said


def test_the_audit_records_replays_and_checks_with_the_right_to_read_alone(
    broker: Server, mongo: str, tmp_path: Path
) -> None:
    settings = Settings(
        kafka_bootstrap=broker.address, mongo_url=mongo, topic_prefix=PREFIX, database_prefix="test_rights_", lease_s=2
    )
    create_topics(settings, partitions=3)
    with MongoClient[Json](mongo, tz_aware=True, w="majority") as client:
        world = World(settings, client)
        world.decide(*((f"s{n}", "1") for n in range(10)))
        world.relay(10)
        world.relay(10, "review")
        # given a broker on which it may read the histories, and nothing else
        allow_reading_alone(broker)
        topic = settings.topic("submissions.events")
        with closing(KafkaAdminClient(bootstrap_servers=broker.address)) as admin:
            refused = {name: answer(write, admin) for name, write in writes(broker.address, topic).items()}
        assert refused == {
            "produce": "TopicAuthorizationFailedError",
            "commit an offset": "GroupAuthorizationFailedError",
            "make a topic": "TopicAuthorizationFailedError",
            "delete a history": "TopicAuthorizationFailedError",
            "cut a history": "TopicAuthorizationFailedError",
            "raise its partitions": "TopicAuthorizationFailedError",
            "let it expire": "TopicAuthorizationFailedError",
            "allow itself more": "ClusterAuthorizationFailedError",
        }
        # then it does all its work
        log = log_of(world, tmp_path / "log")
        with keeping(log):
            log.wait(20)
        verdict = replay(settings, DECIDERS, patience_s=0.5)
        assert (verdict.equal, verdict.streams, verdict.events) == (True, 20, 20)
        outcome = check(log.settings, client, lambda *_: None)
        assert (outcome.parts, outcome.size, outcome.messages) == ((), 20, 20)
        # and nothing is other than it was: no topic, no group, no message
        with closing(KafkaAdminClient(**office(broker))) as admin:
            assert not admin.list_groups()
            assert f"{PREFIX}own" not in admin.list_topics()
        with closing(KafkaConsumer(**office(broker))) as consumer:
            parts = [TopicPartition(topic, n) for n in range(3)]
            assert sum(consumer.end_offsets(parts).values()) == 10
            assert set(consumer.beginning_offsets(parts).values()) == {0}
        for service in ("submissions", "review", "audit"):
            client.drop_database(settings.database(service))
