"""The servers every test shares: one Kafka and one MongoDB a session, real, started when first asked for."""

from collections.abc import Iterator

import pytest

from deploy.local.servers import Server, kafka_server, mongo_server


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
