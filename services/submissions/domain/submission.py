"""A submission: the numbered revisions of one entry, as its partner sends them. Stream: `uscc/reference`."""

from dataclasses import dataclass, replace
from typing import Literal, assert_never

from pydantic import Field

from schemas.entry import Entry, Name
from schemas.envelope import Command, Decider, Refusal, State
from schemas.finding import Finding, Fix
from schemas.submission import (
    SUBMISSION_FACTS,
    SubmissionContactErased,
    SubmissionContactRead,
    SubmissionFact,
    SubmissionReceived,
    SubmissionRefused,
    SubmissionRevised,
    SubmissionWithdrawn,
)

#: Facts after which a reference takes nothing more in; well below what a stream may hold, so that it can be withdrawn.
FULL = 1900


class Submission(State):
    """`revision` is the newest that was accepted, 0 before any was; `digests` are those of all accepted revisions."""

    revision: int = 0
    kind: Literal["scene", "product", "linkage"] | None = None
    title: Name | None = None
    digests: dict[int, str] = Field(default_factory=dict)
    refusals: int = 0
    withdrawn: bool = False
    contact: bool = False  # a contact is sealed in it that can still be opened


@dataclass(frozen=True, kw_only=True)
class Receive(Command):
    """Take in a revision that keeps every rule of its text; `digest` is its entry's.

    `findings` are those about others that it names, and that are not known: the scene of a linkage.
    """

    revision: int
    digest: str
    entry: Entry
    findings: tuple[Finding, ...] = ()

    @property
    def begins(self) -> bool:
        return self.revision == 1


@dataclass(frozen=True, kw_only=True)
class Refuse(Command):
    """Record what broke rules; `revision` where it was legible, `digest` that of the bytes as they came.

    `names` are the others that it names, as far as they are legible: the kind and id of each.
    """

    revision: int | None
    digest: str
    findings: tuple[Finding, ...]
    names: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Withdraw(Command):
    """Take the submission back; `published` says whether the public sees it already."""

    reason: str
    published: bool


@dataclass(frozen=True, kw_only=True)
class ReadContact(Command):
    """Record that its actor, who is not its partner, is shown the contact."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class EraseContact(Command):
    """Make the contacts of all revisions so far unreadable, for good."""

    reason: str


SubmissionCommand = Receive | Refuse | Withdraw | ReadContact | EraseContact


def decide(state: Submission, command: SubmissionCommand) -> tuple[SubmissionFact, ...] | Refusal:
    match command:
        case Receive():
            return _receive(state, command)
        case Refuse():
            if _full(state):
                return Refusal("reference.full")
            return (SubmissionRefused(revision=command.revision, digest=command.digest, findings=command.findings),)
        case Withdraw():
            if state.revision == 0:
                return Refusal("submission.only-refused" if state.refusals else "submission.unknown")
            if state.withdrawn:
                return ()
            if command.published:
                return Refusal("submission.published")
            return (SubmissionWithdrawn(reason=command.reason),)
        case ReadContact():
            return (SubmissionContactRead(reason=command.reason),) if state.contact else Refusal("contact.none")
        case EraseContact():
            if state.revision == 0:
                return Refusal("submission.unknown")
            return (SubmissionContactErased(reason=command.reason),) if state.contact else ()
        case _:
            assert_never(command)


def _receive(state: Submission, command: Receive) -> tuple[SubmissionFact, ...] | Refusal:
    if state.digests.get(command.revision) == command.digest:
        return ()
    if _full(state):
        return Refusal("reference.full")
    breach = _breach(state, command)
    if findings := ((breach,) if breach else ()) + command.findings:
        return (SubmissionRefused(revision=command.revision, digest=command.digest, findings=findings),)
    fact = SubmissionRevised if state.revision else SubmissionReceived
    entry = command.entry
    named = entry.contact is not None
    return (fact(revision=command.revision, digest=command.digest, entry=entry, contact=named),)


def _breach(state: Submission, command: Receive) -> Finding | None:
    """The rule between a submission's revisions that this one breaks, if any."""
    following = state.revision + 1
    found = str(command.revision)
    if state.withdrawn:
        return Finding(rule="submission.withdrawn", pointer="/reference")
    if command.revision in state.digests:
        # Of the same title it is a change whose number was forgotten. Else nobody can tell: it may be another entry.
        same = (command.entry.kind, command.entry.title) == (state.kind, state.title)
        fix: Fix | None = {"op": "replace", "path": "/revision", "value": following} if same else None
        return Finding(rule="revision.taken", pointer="/revision", found=found, expected=str(following), fix=fix)
    if command.revision < state.revision:
        return Finding(rule="revision.stale", pointer="/revision", found=found, expected=str(following))
    if state.kind and command.entry.kind != state.kind:
        # No fix: no entry of one kind is one of another by its name alone.
        return Finding(rule="kind.changed", pointer="/entry/kind", found=command.entry.kind, expected=state.kind)
    return None


def _full(state: Submission) -> bool:
    return len(state.digests) + state.refusals >= FULL


def evolve(state: Submission, fact: SubmissionFact) -> Submission:
    match fact:
        case (
            SubmissionReceived(revision=revision, digest=digest, entry=entry, contact=contact)
            | SubmissionRevised(revision=revision, digest=digest, entry=entry, contact=contact)
        ):
            accepted = {"revision": revision, "kind": entry.kind, "title": entry.title}
            accepted |= {"contact": state.contact or contact}
            return state.model_copy(update=accepted | {"digests": {**state.digests, revision: digest}})
        case SubmissionRefused():
            return state.model_copy(update={"refusals": state.refusals + 1})
        case SubmissionWithdrawn():
            return state.model_copy(update={"withdrawn": True})
        case SubmissionContactRead():
            return state
        case SubmissionContactErased():
            return state.model_copy(update={"contact": False})
        case _:
            assert_never(fact)


SUBMISSIONS = Decider("submission", "submissions", "submissions", Submission, SUBMISSION_FACTS, decide, evolve)
#: What test keys send: decided alike, and kept where neither the relay nor audit looks, so that it goes no further.
TESTS = replace(SUBMISSIONS, collection="test_submissions")
