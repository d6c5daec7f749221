"""Partners' access to Kafka: their two topics, and the accounts by which their systems sign in.

Kafka never lets in more than the history tells: a grant is written before the broker hears of it, a revocation after.
Whatever breaks off between the two is mended by asking again.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import structlog
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    NewTopic,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)
from kafka.errors import KafkaError, KafkaTimeoutError, TopicAlreadyExistsError

from runtime.settings import Settings
from schemas.submission import PartnerKafkaAccessGranted
from schemas.topics import INTAKE, PARTNER_PARTITIONS, RECEIPTS
from submissions.callers import Caller
from submissions.domain.partner import GrantKafkaAccess, Partner, RevokeKafkaAccess
from submissions.intake import now
from submissions.key_desk import Partners
from submissions.refusals import raise_for
from web.languages import _
from web.problems import Problem

log = structlog.get_logger()
T = TypeVar("T")

MECHANISM = "SCRAM-SHA-512"
KNOWN_WITHIN_S = 10.0
_DAY_MS = 24 * 60 * 60 * 1000
#: A message may have 4 MiB, once unpacked by the broker: so none unpacks to more at ours. Partners' clocks count not.
_INTAKE = {
    "retention.ms": str(7 * _DAY_MS),
    "compression.type": "uncompressed",
    "max.message.bytes": str(4 * 1024 * 1024),
    "message.timestamp.type": "LogAppendTime",
}
_RECEIPTS = {"retention.ms": str(30 * _DAY_MS), "max.message.bytes": str(4 * 1024 * 1024)}


@dataclass(frozen=True)
class Access:
    """All that a partner's system needs to sign in; `password` is shown once, and kept nowhere."""

    account: str
    username: str
    password: str
    bootstrap_servers: str
    security_protocol: str
    mechanism: str
    intake_topic: str
    receipts_topic: str
    group_prefix: str


class KafkaAccounts:
    """Grants partners access to Kafka, and takes it back. Each act raises the Problem that keeps it from being done."""

    def __init__(self, settings: Settings, partners: Partners) -> None:
        self._settings, self._partners = settings, partners

    @property
    def rate(self) -> int:
        """Entries a second that are taken in of each partner."""
        return self._settings.entries_per_second

    async def of(self, uscc: str) -> tuple[Partner, dict[str, datetime]]:
        """A partner, and when each of its accounts was granted."""
        found = await self._partners.get(uscc)
        granted = [event for event in found.events if isinstance(event.data, PartnerKafkaAccessGranted)]
        return found.state, {e.data.account: e.time for e in granted if isinstance(e.data, PartnerKafkaAccessGranted)}

    async def grant(self, uscc: str, label: str, caller: Caller, cause: str) -> Access | None:
        """A new account, with its password; None where this request had it before.

        A request that broke off before there was a password is finished by sending it again.
        """
        if (await self._partners.get(uscc)).state.name is not None:
            await self._at_broker(lambda admin: self._make_topics(admin, uscc))
        account = f"partner-{uscc}-{secrets.token_hex(4)}"
        command = GrantKafkaAccess(stream=uscc, cause=cause, actor=caller.actor, at=now(), account=account, label=label)
        (outcome,) = await self._partners.handle([command])
        raise_for(outcome.refusal)
        if not outcome.fresh:
            account = next(e.data.account for e in outcome.events if isinstance(e.data, PartnerKafkaAccessGranted))
            gone = any(held.revoked for held in outcome.state.accounts if held.id == account)
            if gone or await self._at_broker(lambda admin: self._signs_in(admin, account)):
                return None
        password = secrets.token_urlsafe(32)
        await self._at_broker(lambda admin: self._admit(admin, uscc, account, password))
        log.info("kafka.access-granted", partner=uscc, account=account, actor=caller.actor)
        return self.access(uscc, account, password)

    async def revoke(self, uscc: str, account: str, caller: Caller, cause: str) -> None:
        """Keep an account out from now on, also where it is signed in."""
        if account not in [held.id for held in (await self._partners.get(uscc)).state.accounts]:
            raise Problem(404, "unknown-account", _("There is no such Kafka account"))
        await self._at_broker(lambda admin: self._expel(admin, account))
        command = RevokeKafkaAccess(stream=uscc, cause=cause, actor=caller.actor, at=now(), account=account)
        (outcome,) = await self._partners.handle([command])
        raise_for(outcome.refusal)
        log.info("kafka.access-revoked", partner=uscc, account=account, actor=caller.actor)

    def access(self, uscc: str, account: str, password: str = "") -> Access:
        """What an account signs in with, and what it then may use."""
        settings = self._settings
        return Access(
            account=account,
            username=settings.topic(account),
            password=password,
            bootstrap_servers=settings.kafka_partners_bootstrap,
            security_protocol=settings.kafka_partners_protocol,
            mechanism=MECHANISM,
            intake_topic=settings.topic(INTAKE + uscc),
            receipts_topic=settings.topic(RECEIPTS + uscc),
            group_prefix=settings.topic(uscc + "."),
        )

    async def _at_broker(self, act: Callable[[KafkaAdminClient], T]) -> T:
        def connected() -> T:
            with _admin(self._settings) as admin:
                return act(admin)

        try:
            return await asyncio.to_thread(connected)
        except KafkaError as error:
            log.error("kafka.admin-failed", error=repr(error))
            detail = _("Nothing can be changed at Kafka at the moment. Try again in a minute.")
            raise Problem(503, "kafka-unavailable", _("Kafka does not answer"), detail) from error

    def _make_topics(self, admin: KafkaAdminClient, uscc: str) -> None:
        known = admin.list_topics()
        # In this order: whatever can be written can be answered.
        for name, kept in ((RECEIPTS + uscc, _RECEIPTS), (INTAKE + uscc, _INTAKE)):
            topic = NewTopic(self._settings.topic(name), PARTNER_PARTITIONS, -1, topic_configs=kept)
            if topic.name not in known:
                with suppress(TopicAlreadyExistsError):  # another request was faster
                    admin.create_topics([topic])

    def _signs_in(self, admin: KafkaAdminClient, account: str) -> bool:
        name = self._settings.topic(account)
        return bool(admin.describe_user_scram_credentials([name])[name]["credential_infos"])

    def _admit(self, admin: KafkaAdminClient, uscc: str, account: str, password: str) -> None:
        """What the account may do first, then its password: whoever can sign in can do all of it."""
        access = self.access(uscc, account)
        topic, group = ResourceType.TOPIC, ResourceType.GROUP
        prefixed = ACLResourcePatternType.PREFIXED
        may = (
            (ACLOperation.WRITE, ResourcePattern(topic, access.intake_topic)),
            (ACLOperation.DESCRIBE, ResourcePattern(topic, access.intake_topic)),
            (ACLOperation.READ, ResourcePattern(topic, access.receipts_topic)),
            (ACLOperation.DESCRIBE, ResourcePattern(topic, access.receipts_topic)),
            (ACLOperation.READ, ResourcePattern(group, access.group_prefix, prefixed)),
        )
        who = f"User:{access.username}"
        made = admin.create_acls([ACL(who, "*", what, ACLPermissionType.ALLOW, on) for what, on in may])
        if made["failed"]:
            raise KafkaError(f"not allowed to allow: {made['failed']}")
        _raise_failed(
            admin.alter_user_scram_credentials([UserScramCredentialUpsertion(access.username, MECHANISM, password)])
        )
        self._await(admin, account, True)

    def _expel(self, admin: KafkaAdminClient, account: str) -> None:
        """What it may do first: a connection outlives the password with which it was opened."""
        name = self._settings.topic(account)
        everything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
        admin.delete_acls([ACLFilter(f"User:{name}", None, ACLOperation.ANY, ACLPermissionType.ANY, everything)])
        if self._signs_in(admin, account):
            _raise_failed(admin.alter_user_scram_credentials([UserScramCredentialDeletion(name, MECHANISM)]))
        self._await(admin, account, False)

    def _await(self, admin: KafkaAdminClient, account: str, there: bool) -> None:
        """Return once the broker, which hears of it from the controller, knows or has forgotten the account."""
        until = time.monotonic() + KNOWN_WITHIN_S
        while self._signs_in(admin, account) != there:
            if time.monotonic() > until:
                raise KafkaTimeoutError(f"the broker has not heard of {account} in {KNOWN_WITHIN_S} s")
            time.sleep(0.05)


def _raise_failed(said: dict[str, str | None]) -> None:
    if any(said.values()):
        raise KafkaError(str(said))


@contextmanager
def _admin(settings: Settings) -> Iterator[KafkaAdminClient]:
    admin = KafkaAdminClient(**settings.kafka)
    try:
        yield admin
    finally:
        admin.close()
