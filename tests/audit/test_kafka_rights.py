"""On Kafka the audit needs the right to read the histories and no other: with an account that has just that, it
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
from pydantic import SecretStr
from pymongo import MongoClient

from audit.log.checking import check
from audit.replay import replay
from deploy.local.servers import Server, kafka_server
from runtime.admin import create_topics
from runtime.settings import Settings
from schemas.envelope import Json
from tests.audit.conftest import DECIDERS, World
from tests.audit.logs import keeping, log_of

AUDITOR, PASSWORD = "auditor", "may-read"
PREFIX = "rights."


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Server]:
    with kafka_server(tmp_path / "kafka") as server:
        yield server


def allowed_to_read_alone(broker: Server, settings: Settings) -> Settings:
    """The same broker, for an account that may read what begins with PREFIX and nothing else: docs/how-to."""
    topics = ResourcePattern(ResourceType.TOPIC, PREFIX, ACLResourcePatternType.PREFIXED)
    may = (ACLOperation.READ, ACLOperation.DESCRIBE)
    with closing(KafkaAdminClient(**settings.kafka)) as admin:
        admin.alter_user_scram_credentials([UserScramCredentialUpsertion(AUDITOR, "SCRAM-SHA-512", PASSWORD)])
        made = admin.create_acls([ACL(f"User:{AUDITOR}", "*", what, ACLPermissionType.ALLOW, topics) for what in may])
        assert not made["failed"]
    signing_in = {"kafka_protocol": "SASL_PLAINTEXT", "kafka_username": AUDITOR, "kafka_password": SecretStr(PASSWORD)}
    return settings.model_copy(update={"kafka_bootstrap": broker.partners, **signing_in})


def writes(settings: Settings, topic: str) -> dict[str, Callable[[KafkaAdminClient], Any]]:
    """All that would change a history, or leave a trace, by what it is called."""

    def produce(_: KafkaAdminClient) -> None:
        with closing(KafkaProducer(**settings.kafka, enable_idempotence=False, max_block_ms=10_000)) as producer:
            producer.send(topic, b"forged").get(20)

    def commit(_: KafkaAdminClient) -> None:
        with closing(KafkaConsumer(**settings.kafka, group_id="auditor")) as consumer:
            consumer.assign([TopicPartition(topic, 0)])
            consumer.commit({TopicPartition(topic, 0): OffsetAndMetadata(1, "", -1)})

    pattern = ResourcePattern(ResourceType.TOPIC, topic)
    more = ACL(f"User:{AUDITOR}", "*", ACLOperation.WRITE, ACLPermissionType.ALLOW, pattern)
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
    everything = Settings(
        kafka_bootstrap=broker.address, mongo_url=mongo, topic_prefix=PREFIX, database_prefix="test_rights_", lease_s=2
    )
    create_topics(everything, partitions=3)
    with MongoClient[Json](mongo, tz_aware=True, w="majority") as client:
        world = World(everything, client)
        world.decide(*((f"s{n}", "1") for n in range(10)))
        world.relay(10)
        world.relay(10, "review")
        # given an account that may read the histories, and nothing else
        settings = allowed_to_read_alone(broker, everything)
        topic = settings.topic("submissions.events")
        with closing(KafkaAdminClient(**settings.kafka)) as admin:
            refused = {name: answer(write, admin) for name, write in writes(settings, topic).items()}
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
        log = log_of(World(settings, client), tmp_path / "log")
        with keeping(log):
            log.wait(20)
        verdict = replay(settings, DECIDERS, patience_s=0.5)
        assert (verdict.equal, verdict.streams, verdict.events) == (True, 20, 20)
        outcome = check(log.settings, client, lambda *_: None)
        assert (outcome.parts, outcome.size, outcome.messages) == ((), 20, 20)
        # and nothing is other than it was: no topic, no group, no message
        with closing(KafkaAdminClient(**everything.kafka)) as admin:
            assert not admin.list_groups()
            assert f"{PREFIX}own" not in admin.list_topics()
        with closing(KafkaConsumer(**everything.kafka)) as consumer:
            parts = [TopicPartition(topic, n) for n in range(3)]
            assert sum(consumer.end_offsets(parts).values()) == 10
            assert set(consumer.beginning_offsets(parts).values()) == {0}
        for service in ("submissions", "review", "audit"):
            client.drop_database(settings.database(service))
