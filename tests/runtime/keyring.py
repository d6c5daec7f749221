"""A small domain for the runtime's tests: a partner's keys, each issued at most once. A key named `poison` raises."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from runtime.consume import React
from runtime.streams import Streams
from schemas.envelope import Command, Decider, Event, Refusal, State
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


def copying(copies: Streams[Keyring, Issue, PartnerFact]) -> React:
    """A reaction: every key that is issued is issued in the copy too."""

    async def react(events: Sequence[Event]) -> None:
        commands = []
        for event in events:
            assert isinstance(event.data, PartnerKeyIssued)
            commands.append(replace(issue(event.subject, event.data.key), cause=event.ref))
        await copies.handle(commands)

    return react
