"""A partner, the API keys it sends with, and its accounts at Kafka. Stream: the partner's USCC."""

from dataclasses import dataclass
from typing import Literal, assert_never

from schemas.entry import Name
from schemas.envelope import Command, Decider, Refusal, State
from schemas.submission import (
    PARTNER_FACTS,
    PartnerFact,
    PartnerKafkaAccessGranted,
    PartnerKafkaAccessRevoked,
    PartnerKeyIssued,
    PartnerKeyRevoked,
    PartnerRegistered,
)

#: Keys that a partner may have in use at once.
MOST_KEYS = 20
#: Accounts at Kafka that a partner may have in use at once.
MOST_ACCOUNTS = 5


class Key(State):
    """An API key: `hash` is the SHA-256 of its text, which is kept nowhere."""

    id: str
    label: str
    hash: str
    revoked: bool = False


class Account(State):
    """An account at Kafka: `id` is what it signs in as there."""

    id: str
    label: str
    revoked: bool = False


class Partner(State):
    name: Name | None = None
    type: Literal["agency", "enterprise"] | None = None
    keys: tuple[Key, ...] = ()
    accounts: tuple[Account, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Register(Command):
    name: Name
    type: Literal["agency", "enterprise"]


@dataclass(frozen=True, kw_only=True)
class IssueKey(Command):
    key: str
    label: str
    hash: str


@dataclass(frozen=True, kw_only=True)
class RevokeKey(Command):
    key: str


@dataclass(frozen=True, kw_only=True)
class GrantKafkaAccess(Command):
    account: str
    label: str


@dataclass(frozen=True, kw_only=True)
class RevokeKafkaAccess(Command):
    account: str


PartnerCommand = Register | IssueKey | RevokeKey | GrantKafkaAccess | RevokeKafkaAccess


def decide(state: Partner, command: PartnerCommand) -> tuple[PartnerFact, ...] | Refusal:
    match command:
        case Register(name=name, type=type):
            if state.name is None:
                return (PartnerRegistered(name=name, type=type),)
            return () if (state.name, state.type) == (name, type) else Refusal("partner.registered")
        case IssueKey(key=key, label=label, hash=hash):
            if state.name is None:
                return Refusal("partner.unknown")
            if sum(not held.revoked for held in state.keys) >= MOST_KEYS:
                return Refusal("partner.keys-full", {"most": MOST_KEYS})
            return (PartnerKeyIssued(key=key, label=label, hash=hash),)
        case RevokeKey(key=key):
            held = next((held for held in state.keys if held.id == key), None)
            if held is None:
                return Refusal("key.unknown")
            return () if held.revoked else (PartnerKeyRevoked(key=key),)
        case GrantKafkaAccess(account=account, label=label):
            if state.name is None:
                return Refusal("partner.unknown")
            if sum(not held.revoked for held in state.accounts) >= MOST_ACCOUNTS:
                return Refusal("partner.accounts-full", {"most": MOST_ACCOUNTS})
            return (PartnerKafkaAccessGranted(account=account, label=label),)
        case RevokeKafkaAccess(account=account):
            known = next((known for known in state.accounts if known.id == account), None)
            if known is None:
                return Refusal("account.unknown")
            return () if known.revoked else (PartnerKafkaAccessRevoked(account=account),)
        case _:
            assert_never(command)


def evolve(state: Partner, fact: PartnerFact) -> Partner:
    match fact:
        case PartnerRegistered(name=name, type=type):
            return state.model_copy(update={"name": name, "type": type})
        case PartnerKeyIssued(key=key, label=label, hash=hash):
            return state.model_copy(update={"keys": (*state.keys, Key(id=key, label=label, hash=hash))})
        case PartnerKeyRevoked(key=key):
            keys = tuple(held.model_copy(update={"revoked": True}) if held.id == key else held for held in state.keys)
            return state.model_copy(update={"keys": keys})
        case PartnerKafkaAccessGranted(account=account, label=label):
            return state.model_copy(update={"accounts": (*state.accounts, Account(id=account, label=label))})
        case PartnerKafkaAccessRevoked(account=account):
            accounts = tuple(
                known.model_copy(update={"revoked": True}) if known.id == account else known for known in state.accounts
            )
            return state.model_copy(update={"accounts": accounts})
        case _:
            assert_never(fact)


PARTNERS = Decider("partner", "submissions", "partners", Partner, PARTNER_FACTS, decide, evolve)
