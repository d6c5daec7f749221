"""A partner's system at Kafka, with another client library than ours: confluent-kafka, signed in as it was told."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import orjson
from confluent_kafka import Consumer, KafkaError, Message, Producer

from deploy.local.servers import Server
from runtime.settings import Settings
from runtime.streams import Streams
from schemas.entry import Name
from schemas.topics import PARTNER_PARTITIONS
from submissions.__main__ import mongo
from submissions.callers import Caller
from submissions.domain.partner import PARTNERS, Register
from submissions.domain.submission import SUBMISSIONS
from submissions.intake import now
from submissions.kafka_accounts import Access, KafkaAccounts
from submissions.kafka_intake import KafkaIntake
from tests.submissions.given import USCC
from tests.support import own_settings

OPERATOR = Caller("user:operator", None)


@dataclass(frozen=True)
class Record:
    """What a partner writes."""

    value: bytes | None
    key: str | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()


@dataclass(frozen=True)
class System:
    """A partner's system. Everything blocks: tests call it in a thread."""

    access: Access

    def sign_in(self, **more: Any) -> dict[str, Any]:
        access = self.access
        return {
            "bootstrap.servers": access.bootstrap_servers,
            "security.protocol": access.security_protocol,
            "sasl.mechanism": access.mechanism,
            "sasl.username": access.username,
            "sasl.password": access.password,
            "log_level": 0,
        } | more

    def send(self, *records: Record, topic: str | None = None, **settings: Any) -> list[KafkaError | None]:
        """Write records to a topic, the own one without another; what kept each from it."""
        outcomes: list[KafkaError | None] = []
        complaints: list[KafkaError] = []
        producer = Producer(self.sign_in(error_cb=complaints.append, **{"message.timeout.ms": 6_000}) | settings)
        for record in records:
            producer.produce(
                topic or self.access.intake_topic,
                record.value,
                key=record.key,
                headers=list(record.headers),
                on_delivery=lambda error, _: outcomes.append(error),
            )
            producer.poll(0)
        producer.flush(30)
        refused = next((each for each in complaints if each.code() == KafkaError._AUTHENTICATION), None)
        # What was not delivered for want of signing in, ends with a time-out that does not say so.
        return [error and (refused or error) for error in outcomes]

    def read(self, count: int, *, topic: str | None = None, seconds: float = 40.0) -> list[Message]:
        """The first `count` messages of a topic, the receipts without another, as they come. Raises AssertionError."""
        settings = {"group.id": self.access.group_prefix + secrets.token_hex(4), "auto.offset.reset": "earliest"}
        consumer = Consumer(self.sign_in(**settings))
        consumer.subscribe([topic or self.access.receipts_topic])
        found: list[Message] = []
        until = time.monotonic() + seconds
        try:
            while len(found) < count and time.monotonic() < until:
                message = consumer.poll(0.2)
                if message is not None and message.error() is None:
                    found.append(message)
        finally:
            consumer.close()
        assert len(found) >= count, f"{len(found)} of {count} came in {seconds} s"
        return found

    def all_receipts(self) -> list[Message]:
        """Every receipt there is."""
        settings = {"group.id": self.access.group_prefix + secrets.token_hex(4), "enable.partition.eof": True}
        consumer = Consumer(self.sign_in(**settings, **{"auto.offset.reset": "earliest"}))
        consumer.subscribe([self.access.receipts_topic])
        found: list[Message] = []
        ended: set[int | None] = set()
        try:
            while len(ended) < PARTNER_PARTITIONS:
                message = consumer.poll(0.2)
                if message is None:
                    continue
                error = message.error()
                if error is None:
                    found.append(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    ended.add(message.partition())
        finally:
            consumer.close()
        return found

    def receipts(self, count: int, *, seconds: float = 40.0) -> list[dict[str, Any]]:
        """The first `count` receipts, in the order of what they answer."""
        told = [orjson.loads(message.value() or b"") for message in self.read(count, seconds=seconds)]
        return sorted((each["data"] for each in told), key=lambda data: (data["partition"], data["offset"]))

    def refused_to_read(self, topic: str, group: str) -> KafkaError:
        """What keeps the system from reading a topic in a group. Raises AssertionError where nothing does."""
        complaints: list[KafkaError] = []
        consumer = Consumer(self.sign_in(error_cb=complaints.append, **{"group.id": group}))
        consumer.subscribe([topic])
        try:
            for _ in range(100):
                message = consumer.poll(0.2)
                if message is not None and (error := message.error()) is not None:
                    return error
                if signing_in := [each for each in complaints if each.code() == KafkaError._AUTHENTICATION]:
                    return signing_in[0]
        finally:
            consumer.close()
        raise AssertionError(f"{topic} can be read in group {group}")

    def with_password(self, password: str) -> "System":
        return System(replace(self.access, password=password))


@dataclass
class Ground:
    """Settings of its own, the partners' accounts, and the database."""

    settings: Settings
    accounts: KafkaAccounts
    database: Any

    async def system(self, uscc: str = USCC, label: str = "ERP") -> System:
        """A partner's system: the partner registered, access granted."""
        partners = Streams(self.database, PARTNERS)
        name = Name(zh="蓉衡轨道智维科技有限公司")
        known = Register(stream=uscc, cause="register", actor="user:operator", at=now(), name=name, type="enterprise")
        await partners.handle([known])
        access = await self.accounts.grant(uscc, label, OPERATOR, f"grant:{secrets.token_hex(4)}")
        assert access is not None
        return System(access)

    @asynccontextmanager
    async def taking_in(self) -> AsyncIterator[KafkaIntake]:
        """Intake from Kafka, at work for the block."""
        intake = KafkaIntake(self.settings, Streams(self.database, SUBMISSIONS))
        work = asyncio.create_task(intake.run())
        try:
            yield intake
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


@asynccontextmanager
async def ground(broker: Server, mongo_url: str) -> AsyncIterator[Ground]:
    """Topics, accounts and databases that no other test has."""
    settings = await own_settings(broker.address, mongo_url)
    settings = settings.model_copy(update={"kafka_partners_bootstrap": broker.partners})
    async with mongo(settings) as client:
        database = client[settings.database("submissions")]
        yield Ground(settings, KafkaAccounts(settings, Streams(database, PARTNERS)), database)
        await client.drop_database(database.name)
