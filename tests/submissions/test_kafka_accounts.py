"""Partners' access to Kafka: each reaches its own two topics and nothing else, and only for as long as it may."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from confluent_kafka import KafkaError, Producer
from kafka import KafkaAdminClient

from deploy.local.servers import Server
from runtime.streams import Streams
from schemas.topics import HISTORIES
from submissions.domain.partner import PARTNERS
from tests.submissions.given import OTHER, USCC
from tests.submissions.kafka import OPERATOR, Ground, Record, System, ground
from web.problems import Problem

DENIED, NO_GROUP = KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED
SIGN_IN = KafkaError._AUTHENTICATION


@pytest.fixture
async def here(kafka_broker: Server, mongo: str) -> AsyncIterator[Ground]:
    async with ground(kafka_broker, mongo) as made:
        yield made


def code(error: KafkaError | None) -> int | None:
    return None if error is None else error.code()


async def test_a_partner_reaches_nothing_but_its_own_topics(here: Ground) -> None:
    one, other = await here.system(USCC), await here.system(OTHER)
    line, own_group = Record(b"{}", "a"), one.access.group_prefix + "erp"

    def tried() -> None:
        assert one.send(line) == [None]
        foreign = [other.access.intake_topic, other.access.receipts_topic, one.access.receipts_topic]
        for topic in (*foreign, *map(here.settings.topic, HISTORIES)):
            assert [code(error) for error in one.send(line, topic=topic)] == [DENIED], topic
        unreadable = [other.access.receipts_topic, other.access.intake_topic, one.access.intake_topic]
        for topic in (*unreadable, *map(here.settings.topic, HISTORIES)):
            assert code(one.refused_to_read(topic, own_group)) == DENIED, topic
        for group in (other.access.group_prefix + "erp", here.settings.topic("submissions-intake"), "erp"):
            assert code(one.refused_to_read(one.access.receipts_topic, group)) == NO_GROUP, group

    await asyncio.to_thread(tried)


async def test_nobody_gets_in_without_the_right_password(here: Ground) -> None:
    system = await here.system()
    wrong = system.with_password(system.access.password[:-1])
    assert [code(error) for error in await asyncio.to_thread(wrong.send, Record(b"{}"))] == [SIGN_IN]
    assert await asyncio.to_thread(system.send, Record(b"{}")) == [None]


async def test_a_revoked_account_is_shut_out_and_the_others_go_on(here: Ground) -> None:
    old, new = await here.system(label="old"), await here.system(label="new")
    await here.accounts.revoke(USCC, old.access.account, OPERATOR, "revoke")
    assert [code(error) for error in await asyncio.to_thread(old.send, Record(b"{}"))] == [SIGN_IN]
    assert await asyncio.to_thread(new.send, Record(b"{}")) == [None]
    partner, _ = await here.accounts.of(USCC)
    assert [(account.label, account.revoked) for account in partner.accounts] == [("old", True), ("new", False)]


async def test_a_revoked_account_that_is_signed_in_can_do_nothing_more(here: Ground) -> None:
    system = await here.system()

    def while_signed_in() -> list[int | None]:
        outcomes: list[int | None] = []
        producer = Producer(system.sign_in())
        for revoked in (False, True):
            if revoked:
                revoking = here.accounts.revoke(USCC, system.access.account, OPERATOR, "revoke")
                asyncio.run_coroutine_threadsafe(revoking, loop).result(30)
            producer.produce(
                system.access.intake_topic, b"{}", on_delivery=lambda error, _: outcomes.append(code(error))
            )
            producer.flush(30)
        return outcomes

    loop = asyncio.get_running_loop()
    assert await asyncio.to_thread(while_signed_in) == [None, DENIED]


async def test_the_history_tells_of_access_and_never_the_password(here: Ground) -> None:
    system = await here.system()
    await here.accounts.revoke(USCC, system.access.account, OPERATOR, "revoke")
    found = await Streams(here.database, PARTNERS).get(USCC)
    assert [event.type for event in found.events[1:]] == [
        "partner.kafka-access-granted.v1",
        "partner.kafka-access-revoked.v1",
    ]
    assert system.access.password not in str(await here.database["partners"].find_one(USCC))


async def test_a_grant_that_broke_off_before_its_password_is_finished_by_asking_again(
    here: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    await here.system(OTHER)
    await here.system(USCC)

    def breaks_off(*_: object) -> None:
        raise KeyboardInterrupt  # the process ends here

    with monkeypatch.context() as broken:
        broken.setattr(here.accounts, "_admit", breaks_off)
        with pytest.raises(KeyboardInterrupt):
            await here.accounts.grant(USCC, "half", OPERATOR, "one request")
    access = await here.accounts.grant(USCC, "half", OPERATOR, "one request")
    assert access is not None
    assert await asyncio.to_thread(System(access).send, Record(b"{}")) == [None]
    assert await here.accounts.grant(USCC, "half", OPERATOR, "one request") is None  # its password was shown
    partner, _ = await here.accounts.of(USCC)
    assert [account.label for account in partner.accounts] == ["ERP", "half"]


async def test_what_a_partner_cannot_have_leaves_nothing_behind(here: Ground) -> None:
    with pytest.raises(Problem, match="unknown-partner"):
        await here.accounts.grant(USCC, "ERP", OPERATOR, "unknown")
    await here.system()
    for number in range(4):
        assert await here.accounts.grant(USCC, str(number), OPERATOR, f"grant {number}")
    with pytest.raises(Problem, match="accounts-full"):
        await here.accounts.grant(USCC, "sixth", OPERATOR, "sixth")
    with pytest.raises(Problem, match="unknown-account"):
        await here.accounts.revoke(USCC, "partner-of-somebody-else", OPERATOR, "revoke")

    def users() -> list[str]:
        admin = KafkaAdminClient(**here.settings.kafka)
        try:
            return [
                name for name in admin.describe_user_scram_credentials() if name.startswith(here.settings.topic(""))
            ]
        finally:
            admin.close()

    assert len(await asyncio.to_thread(users)) == 5


async def test_what_unpacks_to_too_much_is_refused_by_the_broker(here: Ground) -> None:
    system = await here.system()
    bomb = Record(b" " * 50_000_000)
    settings: dict[str, Any] = {"compression.type": "gzip", "message.max.bytes": 100_000_000}
    errors = await asyncio.to_thread(lambda: system.send(bomb, **settings))
    assert [code(error) for error in errors] == [KafkaError.MSG_SIZE_TOO_LARGE]
