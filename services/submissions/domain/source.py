"""A source: a partner's address that is fetched on its schedule. Stream: `uscc/source:name`, no submission’s."""

from dataclasses import dataclass
from typing import Literal, assert_never

from schemas.envelope import Command, Decider, Refusal, State
from schemas.source import (
    SOURCE_FACTS,
    SourceAdded,
    SourceChanged,
    SourceFact,
    SourcePaused,
    SourceRemoved,
    SourceResumed,
    Terms,
)

Reason = Literal["asked", "failing"]


class Source(State):
    """`terms` are None before it is added and after it is removed; `paused` says why it is not fetched."""

    terms: Terms | None = None
    paused: Reason | None = None


@dataclass(frozen=True, kw_only=True)
class Add(Command):
    terms: Terms


@dataclass(frozen=True, kw_only=True)
class Change(Command):
    terms: Terms


@dataclass(frozen=True, kw_only=True)
class Pause(Command):
    reason: Reason


@dataclass(frozen=True, kw_only=True)
class Resume(Command):
    pass


@dataclass(frozen=True, kw_only=True)
class Remove(Command):
    pass


SourceCommand = Add | Change | Pause | Resume | Remove


def decide(state: Source, command: SourceCommand) -> tuple[SourceFact, ...] | Refusal:
    if isinstance(command, Add):
        if state.terms is None:
            return (SourceAdded(terms=command.terms),)
        return () if state.terms == command.terms else Refusal("source.taken")
    if state.terms is None:
        return Refusal("source.unknown")
    match command:
        case Change(terms=terms):
            return () if terms == state.terms else (SourceChanged(terms=terms),)
        case Pause(reason=reason):
            return () if state.paused else (SourcePaused(reason=reason),)
        case Resume():
            return (SourceResumed(),) if state.paused else ()
        case Remove():
            return (SourceRemoved(),)
        case _:
            assert_never(command)


def evolve(state: Source, fact: SourceFact) -> Source:
    match fact:
        case SourceAdded(terms=terms) | SourceChanged(terms=terms):
            return state.model_copy(update={"terms": terms})
        case SourcePaused(reason=reason):
            return state.model_copy(update={"paused": reason})
        case SourceResumed():
            return state.model_copy(update={"paused": None})
        case SourceRemoved():
            return Source()
        case _:
            assert_never(fact)


SOURCES = Decider("source", "submissions", "sources", Source, SOURCE_FACTS, decide, evolve)
