"""A partner, the API keys it sends with, and its accounts at Kafka. Stream: the partner's USCC."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, assert_never

from pydantic import AwareDatetime

from schemas.entry import Name
from schemas.envelope import Command, Decider, Refusal, State
from schemas.submission import (
    PARTNER_FACTS,
    Mode,
    PartnerFact,
    PartnerKafkaAccessGranted,
    PartnerKafkaAccessRevoked,
    PartnerKeyExpirySet,
    PartnerKeyIssued,
    PartnerKeyRevoked,
    PartnerRegistered,
    Scope,
)

#: Keys that a partner may have in use at once.
MOST_KEYS = 20
#: How long after it is issued a key may expire at the latest, where it expires at all.
LONGEST = timedelta(days=3660)
#: Accounts at Kafka that a partner may have in use at once.
MOST_ACCOUNTS = 5
#: Facts after which a partner gets no further key or account; well below what a stream may hold, so that each one in
#: use can be revoked.
FULL = 1900


class Key(State):
    """An API key: `hash` is the SHA-256 of its text, which is kept nowhere."""

    id: str
    label: str
    hash: str
    revoked: bool = False
    mode: Mode = "live"
    scopes: tuple[Scope, ...] = ("submit", "read")
    expires: AwareDatetime | None = None
    replaces: str | None = None

    def expired(self, at: datetime) -> bool:
        return self.expires is not None and self.expires <= at

    def opens(self, at: datetime) -> bool:
        """Whether requests with it are taken at that moment."""
        return not self.revoked and not self.expired(at)


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
    mode: Mode = "live"
    scopes: tuple[Scope, ...] = ("submit", "read")
    expires: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class RotateKey(Command):
    """Issue `new` in the place of `key`, which works on until `until`, no longer; `expires` is the new one's."""

    key: str
    new: str
    hash: str
    until: datetime
    expires: datetime | None = None


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


PartnerCommand = Register | IssueKey | RotateKey | RevokeKey | GrantKafkaAccess | RevokeKafkaAccess


def decide(state: Partner, command: PartnerCommand) -> tuple[PartnerFact, ...] | Refusal:
    match command:
        case Register(name=name, type=type):
            if state.name is None:
                return (PartnerRegistered(name=name, type=type),)
            return () if (state.name, state.type) == (name, type) else Refusal("partner.registered")
        case IssueKey():
            return _issue(state, command)
        case RotateKey():
            return _rotate(state, command)
        case RevokeKey(key=key):
            held = _held(state, key)
            if held is None:
                return Refusal("key.unknown")
            # Of one that is over nothing is recorded: the room that is left is for those in use.
            return (PartnerKeyRevoked(key=key),) if held.opens(command.at) else ()
        case GrantKafkaAccess(account=account, label=label):
            if state.name is None:
                return Refusal("partner.unknown")
            if sum(not held.revoked for held in state.accounts) >= MOST_ACCOUNTS:
                return Refusal("partner.accounts-full", {"most": MOST_ACCOUNTS})
            if _full(state):
                return Refusal("partner.full")
            return (PartnerKafkaAccessGranted(account=account, label=label),)
        case RevokeKafkaAccess(account=account):
            known = next((known for known in state.accounts if known.id == account), None)
            if known is None:
                return Refusal("account.unknown")
            return () if known.revoked else (PartnerKafkaAccessRevoked(account=account),)
        case _:
            assert_never(command)


def _issue(state: Partner, command: IssueKey) -> tuple[PartnerFact, ...] | Refusal:
    if state.name is None:
        return Refusal("partner.unknown")
    if refusal := _untimely(command):
        return refusal
    if _in_use(state, command.at) >= MOST_KEYS:
        return Refusal("partner.keys-full", {"most": MOST_KEYS})
    if _full(state):
        return Refusal("partner.full")
    return (
        PartnerKeyIssued(
            key=command.key,
            label=command.label,
            hash=command.hash,
            mode=command.mode,
            scopes=command.scopes,
            expires=command.expires,
        ),
    )


def _rotate(state: Partner, command: RotateKey) -> tuple[PartnerFact, ...] | Refusal:
    old = _held(state, command.key)
    if old is None:
        return Refusal("key.unknown")
    if not old.opens(command.at):
        return Refusal("key.over")
    if refusal := _untimely(command):
        return refusal
    if _in_use(state, command.at, but=old.id) >= MOST_KEYS:
        return Refusal("partner.keys-full", {"most": MOST_KEYS})
    if _full(state):
        return Refusal("partner.full")
    issued = PartnerKeyIssued(
        key=command.new,
        label=old.label,
        hash=command.hash,
        mode=old.mode,
        scopes=old.scopes,
        expires=command.expires,
        replaces=old.id,
    )
    # A rotation never makes the old key live longer.
    sooner = old.expires is not None and old.expires <= command.until
    return (issued,) if sooner else (issued, PartnerKeyExpirySet(key=old.id, expires=command.until))


def _untimely(command: IssueKey | RotateKey) -> Refusal | None:
    if command.expires and command.expires <= command.at:
        return Refusal("key.expires-early")
    if command.expires and command.expires > command.at + LONGEST:
        return Refusal("key.expires-late")
    return None


def _held(state: Partner, key: str) -> Key | None:
    return next((held for held in state.keys if held.id == key), None)


def _in_use(state: Partner, at: datetime, but: str | None = None) -> int:
    return sum(held.opens(at) and held.id != but for held in state.keys)


def _full(state: Partner) -> bool:
    """Whether so many facts were recorded: a rotation is two, the key in the place of the other and the end of that."""
    keys = sum(1 + held.revoked + (held.replaces is not None) for held in state.keys)
    return 1 + keys + sum(1 + held.revoked for held in state.accounts) >= FULL


def evolve(state: Partner, fact: PartnerFact) -> Partner:
    match fact:
        case PartnerRegistered(name=name, type=type):
            return state.model_copy(update={"name": name, "type": type})
        case PartnerKeyIssued():
            key = Key(
                id=fact.key,
                label=fact.label,
                hash=fact.hash,
                mode=fact.mode,
                scopes=fact.scopes,
                expires=fact.expires,
                replaces=fact.replaces,
            )
            return state.model_copy(update={"keys": (*state.keys, key)})
        case PartnerKeyExpirySet(key=key, expires=expires):
            return _with(state, key, expires=expires)
        case PartnerKeyRevoked(key=key):
            return _with(state, key, revoked=True)
        case PartnerKafkaAccessGranted(account=account, label=label):
            return state.model_copy(update={"accounts": (*state.accounts, Account(id=account, label=label))})
        case PartnerKafkaAccessRevoked(account=account):
            accounts = tuple(
                known.model_copy(update={"revoked": True}) if known.id == account else known for known in state.accounts
            )
            return state.model_copy(update={"accounts": accounts})
        case _:
            assert_never(fact)


def _with(state: Partner, key: str, **changes: Any) -> Partner:
    """The partner with one of its keys changed."""
    keys = tuple(held.model_copy(update=changes) if held.id == key else held for held in state.keys)
    return state.model_copy(update={"keys": keys})


PARTNERS = Decider("partner", "submissions", "partners", Partner, PARTNER_FACTS, decide, evolve)
