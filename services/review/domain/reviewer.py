"""Somebody on the roster of reviewers. Stream: `reviewer/<subject>`, the subject being the issuer's name for them."""

from dataclasses import dataclass
from typing import Literal, assert_never

from schemas.envelope import Command, Decider, Refusal, State
from schemas.review import REVIEWER_FACTS, Profile, ReviewerChanged, ReviewerFact, ReviewerRegistered, ReviewerRemoved


class Reviewer(State):
    """`status` is empty for whoever was never registered."""

    status: Literal["", "active", "removed"] = ""
    reviewer: str = ""
    profile: Profile | None = None


@dataclass(frozen=True)
class Standing:
    """A reviewer as cases are chosen for them: what they may not judge, and what they know.

    `partner` is whom they act for, `conflicts` are other partners; `sectors` are industries and themes.
    """

    sub: str
    partner: str | None = None
    conflicts: tuple[str, ...] = ()
    expert: bool = True
    sectors: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()

    @property
    def partners(self) -> list[str]:
        """Those whose cases they may not judge."""
        return [*self.conflicts, *([self.partner] if self.partner else [])]


@dataclass(frozen=True, kw_only=True)
class Register(Command):
    """Put somebody on the roster, or change what it says of them."""

    reviewer: str
    profile: Profile


@dataclass(frozen=True, kw_only=True)
class Remove(Command):
    pass


ReviewerCommand = Register | Remove


def decide(reviewer: Reviewer, command: ReviewerCommand) -> tuple[ReviewerFact, ...] | Refusal:
    match command:
        case Register(reviewer=sub, profile=profile):
            if reviewer.status != "active":
                return (ReviewerRegistered(reviewer=sub, profile=profile),)
            return (ReviewerChanged(profile=profile),) if profile != reviewer.profile else ()
        case Remove():
            if not reviewer.status:
                return Refusal("reviewer.unknown")
            return (ReviewerRemoved(),) if reviewer.status == "active" else ()
        case _:
            assert_never(command)


def evolve(reviewer: Reviewer, fact: ReviewerFact) -> Reviewer:
    match fact:
        case ReviewerRegistered(reviewer=sub, profile=profile):
            return Reviewer(status="active", reviewer=sub, profile=profile)
        case ReviewerChanged(profile=profile):
            return reviewer.model_copy(update={"profile": profile})
        case ReviewerRemoved():
            return reviewer.model_copy(update={"status": "removed"})
        case _:
            assert_never(fact)


def stream(reviewer: str) -> str:
    return f"reviewer/{reviewer}"


REVIEWERS: Decider[Reviewer, ReviewerCommand, ReviewerFact] = Decider(
    "reviewer", "review", "reviewers", Reviewer, REVIEWER_FACTS, decide, evolve
)
