"""A small domain for the runtime's tests: a partner's keys, each issued at most once. A key named `poison` raises."""

from dataclasses import dataclass
from datetime import UTC, datetime

from schemas.envelope import Command, Decider, Refusal, State
from schemas.submission import PARTNER_FACTS, PartnerFact, PartnerKeyIssued

AT = datetime(2026, 11, 1, 8, 0, 0, 123000, tzinfo=UTC)


class Keyring(State):
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Issue(Command):
    key: str


def decide(state: Keyring, command: Issue) -> tuple[PartnerFact, ...] | Refusal:
    if command.key == "poison":
        raise RuntimeError("poison")
    if command.key == "full":
        return Refusal("keyring.full")
    if command.key in state.keys:
        return ()
    return (PartnerKeyIssued(key=command.key, label="", hash=""),)


def evolve(state: Keyring, fact: PartnerFact) -> Keyring:
    match fact:
        case PartnerKeyIssued(key=key):
            return Keyring(keys=(*state.keys, key))
        case _:
            return state


KEYRINGS = Decider("partner", "submissions", "partners", Keyring, PARTNER_FACTS, decide, evolve)
COPIES = Decider("partner", "review", "copies", Keyring, PARTNER_FACTS, decide, evolve)


def issue(stream: str, key: str, cause: str | None = None) -> Issue:
    return Issue(stream=stream, key=key, cause=cause or f"test/{stream}/{key}", actor="user:test", at=AT)
