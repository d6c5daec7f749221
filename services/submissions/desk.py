"""What people and programs do besides sending: withdraw, register, empty their tests; and the story so far."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from runtime.stored import from_stored
from runtime.streams import MAX_EVENTS, Outcome, StreamFull
from schemas.entry import Contact, Entry, Name
from schemas.envelope import Event, Json, Refusal
from schemas.finding import Finding
from schemas.submission import (
    Mode,
    SubmissionContactErased,
    SubmissionContactRead,
    SubmissionReceived,
    SubmissionRefused,
    SubmissionRevised,
    SubmissionWithdrawn,
)
from submissions.callers import Caller, unknown_submission
from submissions.domain.partner import Register
from submissions.domain.refused import Standing, standings
from submissions.domain.submission import EraseContact, ReadContact, Submission, SubmissionCommand, Withdraw
from submissions.intake import Intake, Submissions, now
from submissions.key_desk import KeyDesk, Partners
from submissions.progress import Progress, Step
from submissions.refusals import raise_for
from submissions.sharing import Sharing
from submissions.store import ProgressStore, where, whose
from web.languages import _, language

CarryOut = Callable[[Sequence[SubmissionCommand]], Awaitable[list[Outcome[Submission]]]]
#: Events after which nobody reads a contact any more: what room is left is for withdrawing and erasing.
READ_UP_TO = MAX_EVENTS - 20


@dataclass(frozen=True)
class Story:
    """One submission with all that happened to it, here and upstream; or some of its refusals only, and the sequence of
    the last revision that was `accepted`."""

    stream: str
    state: Submission
    events: tuple[Event, ...]
    progress: Progress
    accepted: int = 0

    @classmethod
    def of(cls, document: Json) -> "Story":
        """What `Lists.refused` tells of a submission."""
        state = Submission.model_validate(document["state"])
        events = tuple(map(from_stored, document["events"]))
        return cls(document["_id"], state, events, Progress(), document["accepted"])

    @property
    def partner(self) -> str:
        return self.stream.partition("/")[0]

    @property
    def reference(self) -> str | None:
        reference = self.stream.partition("/")[2]
        return None if reference.startswith("~") else reference

    @property
    def status(self) -> str:
        return where(self.state, self.progress)

    @property
    def entry(self) -> Entry | None:
        """The newest revision's."""
        accepted = [e.data for e in self.events if isinstance(e.data, SubmissionReceived | SubmissionRevised)]
        return accepted[-1].entry if accepted else None

    @property
    def decision(self) -> Step | None:
        """The newest revision's decision, once there is one."""
        decided = ("approved", "changes-requested", "rejected")
        steps = [s for s in self.progress.steps if s.what in decided and s.revision == self.state.revision]
        return steps[-1] if steps else None

    @property
    def refusals(self) -> list[Event]:
        """The latest first."""
        return [event for event in reversed(self.events) if isinstance(event.data, SubmissionRefused)]

    @property
    def standings(self) -> list[tuple[Event, Standing]]:
        """The refusals, the latest first, each with how it stands."""
        return standings(self.state, self.events, now(), self.accepted)

    @property
    def open(self) -> list[Event]:
        """The refusals that are still to be mended, the latest first."""
        return [event for event, standing in self.standings if standing == "open"]

    @property
    def steps(self) -> list[Step]:
        """Every step, the latest first; of steps at the same moment, the one nearer the catalogue first."""
        # That it was taken back its own fact says: review and publishing, which follow, would say it again.
        told = [step for step in self.progress.steps if step.what != "withdrawn"]
        return sorted((*map(_step, self.events), *told), key=lambda step: step.at)[::-1]


def _step(event: Event) -> Step:
    match event.data:
        case SubmissionReceived(revision=revision):
            return Step(at=event.time, what="received", revision=revision)
        case SubmissionRevised(revision=revision):
            return Step(at=event.time, what="revised", revision=revision)
        case SubmissionRefused(revision=revision, findings=findings):
            return Step(at=event.time, what="refused", revision=revision, reasons=tuple(map(_placed, findings)))
        case SubmissionWithdrawn(reason=reason):
            return Step(at=event.time, what="withdrawn", reasons=(reason,))
        case SubmissionContactRead(reason=reason):
            return Step(at=event.time, what="contact-read", reasons=(reason,))
        case SubmissionContactErased(reason=reason):
            return Step(at=event.time, what="contact-erased", reasons=(reason,))
        case _:
            return Step(at=event.time, what=event.type)


def _placed(finding: Finding) -> str:
    """A finding's text, behind the place that it is about, where that is not the whole."""
    return _(": ").join(filter(None, (finding.pointer, finding.text(language()))))


class Desk:
    """The acts of partners and operators. Each raises the Problem that keeps it from being done."""

    def __init__(
        self,
        submissions: Submissions,
        tests: Submissions,
        partners: Partners,
        progress: ProgressStore,
        keys: KeyDesk,
        pepper: bytes,
        sharing: Sharing,
    ) -> None:
        self.submissions, self.tests, self.partners = submissions, tests, partners
        self.progress, self.keys, self._pepper, self._sharing = progress, keys, pepper, sharing

    def intake(self, caller: Caller, *, validate_only: bool = False) -> Intake:
        """The way in for what a partner's program or people send."""
        assert caller.partner is not None  # an operator sends nothing in
        return Intake(
            self.kept(caller.mode),
            caller.partner,
            caller.actor,
            language(),
            self._pepper,
            validate_only=validate_only,
            account=caller.account,
            sharing=self._sharing,
        )

    def kept(self, mode: Mode) -> Submissions:
        """The submissions of a mode: what test keys send never meets what live ones do."""
        return self.tests if mode == "test" else self.submissions

    async def story(self, stream: str, mode: Mode = "live") -> Story:
        found = await self.kept(mode).get(stream)
        if found.version == 0:
            raise unknown_submission()
        # Nothing upstream ever hears of a test.
        progress = await self.progress.get(stream) if mode == "live" else Progress()
        return Story(stream, found.state, found.events, progress)

    async def withdraw(self, stream: str, reason: str, caller: Caller, cause: str) -> None:
        await self._withdraw(self.kept(caller.mode).handle, stream, reason, caller, cause)

    async def withdrawable(self, stream: str, caller: Caller, cause: str) -> None:
        """Raises the Problem that `withdraw` would, and withdraws nothing. Only of a stream whose bytes are too many
        (`reference.full`) the database tells when it is written, and not before."""
        await self._withdraw(self.kept(caller.mode).dry_run, stream, "", caller, cause)

    async def _withdraw(self, carry_out: CarryOut, stream: str, reason: str, caller: Caller, cause: str) -> None:
        published = caller.mode == "live" and (await self.progress.get(stream)).published
        command = Withdraw(stream=stream, cause=cause, actor=caller.actor, at=now(), reason=reason, published=published)
        try:
            (outcome,) = await carry_out([command])
        except StreamFull:
            raise_for(Refusal("reference.full"))
        else:
            raise_for(outcome.refusal)

    async def read_contact(self, stream: str, reason: str, caller: Caller) -> Contact | None:
        """The newest revision's contact, for somebody who is not its partner; None where it names nobody, or an erased
        one. That it was read is in the history, once a day for each reason: a stream has room for so many events."""
        at = now()
        why = hashlib.sha256(reason.encode()).hexdigest()[:16]
        cause = f"contact-read:{caller.actor}:{at:%Y-%m-%d}:{why}"
        if len((await self.story(stream)).events) >= READ_UP_TO:
            raise_for(Refusal("contact.history-full"))
        command = ReadContact(stream=stream, cause=cause, actor=caller.actor, at=at, reason=reason)
        (outcome,) = await self.submissions.handle([command])
        raise_for(outcome.refusal)
        entry = (await self.story(stream)).entry
        return entry.contact if entry else None

    async def erase_contact(self, stream: str, reason: str, caller: Caller, cause: str) -> None:
        """Make the contacts of a submission's revisions unreadable, for good; does nothing where there are none."""
        command = EraseContact(stream=stream, cause=cause, actor=caller.actor, at=now(), reason=reason)
        (outcome,) = await self.kept(caller.mode).handle([command])
        raise_for(outcome.refusal)

    async def register(
        self, uscc: str, name: Name, type: Literal["agency", "enterprise"], caller: Caller, cause: str
    ) -> bool:
        """Whether it is new."""
        command = Register(stream=uscc, cause=cause, actor=caller.actor, at=now(), name=name, type=type)
        (outcome,) = await self.partners.handle([command])
        raise_for(outcome.refusal)
        return outcome.fresh

    async def count_tests(self, uscc: str) -> int:
        """How many submissions a partner's test keys have sent."""
        return await self.tests.collection.count_documents(whose(uscc))

    async def empty_tests(self, uscc: str) -> int:
        """Remove all that a partner's test keys have sent; how many submissions that were."""
        return (await self.tests.collection.delete_many(whose(uscc))).deleted_count
