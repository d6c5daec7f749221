"""What people and programs do besides sending: withdraw, register, issue and revoke keys; and the story so far."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from runtime.streams import Outcome, Streams
from schemas.entry import Entry, Name
from schemas.envelope import Event, Json, Refusal
from schemas.events import from_json
from schemas.submission import (
    PartnerFact,
    PartnerKeyIssued,
    SubmissionReceived,
    SubmissionRefused,
    SubmissionRevised,
    SubmissionWithdrawn,
)
from submissions import keys
from submissions.callers import Caller, unknown_submission
from submissions.domain.partner import IssueKey, Partner, PartnerCommand, Register, RevokeKey
from submissions.domain.submission import Submission, Withdraw
from submissions.intake import Submissions, now, told
from submissions.progress import Progress, Step
from submissions.store import ProgressStore, where
from web.languages import _, language
from web.problems import Problem

Partners = Streams[Partner, PartnerCommand, PartnerFact]


@dataclass(frozen=True)
class Story:
    """One submission with all that happened to it, here and upstream."""

    stream: str
    state: Submission
    events: tuple[Event, ...]
    progress: Progress

    @classmethod
    def of(cls, document: Json) -> "Story":
        """A stream's document as a story, without what happened upstream."""
        state = Submission.model_validate(document["state"])
        return cls(document["_id"], state, tuple(map(from_json, document["events"])), Progress())

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
    def mended(self) -> bool:
        """Whether something was accepted after the last refusal."""
        facts = [event.data for event in self.events if not isinstance(event.data, SubmissionWithdrawn)]
        return bool(facts) and not isinstance(facts[-1], SubmissionRefused)

    @property
    def steps(self) -> list[Step]:
        """Every step, the latest first; of steps at the same moment, the one nearer the catalogue first."""
        return sorted((*map(_step, self.events), *self.progress.steps), key=lambda step: step.at)[::-1]


def _step(event: Event) -> Step:
    match event.data:
        case SubmissionReceived(revision=revision):
            return Step(at=event.time, what="received", revision=revision)
        case SubmissionRevised(revision=revision):
            return Step(at=event.time, what="revised", revision=revision)
        case SubmissionRefused(revision=revision, findings=findings):
            reasons = tuple(told(finding, language())["text"] for finding in findings)
            return Step(at=event.time, what="refused", revision=revision, reasons=reasons)
        case SubmissionWithdrawn(reason=reason):
            return Step(at=event.time, what="withdrawn", reasons=(reason,))
        case _:
            return Step(at=event.time, what=event.type)


class Desk:
    """The acts of partners and operators. Each raises the Problem that keeps it from being done."""

    def __init__(self, submissions: Submissions, partners: Partners, progress: ProgressStore) -> None:
        self.submissions, self.partners, self.progress = submissions, partners, progress

    async def story(self, stream: str) -> Story:
        found = await self.submissions.get(stream)
        if found.version == 0:
            raise unknown_submission()
        return Story(stream, found.state, found.events, await self.progress.get(stream))

    async def withdraw(self, stream: str, reason: str, caller: Caller, cause: str) -> None:
        published = (await self.progress.get(stream)).published
        command = Withdraw(stream=stream, cause=cause, actor=caller.actor, at=now(), reason=reason, published=published)
        (outcome,) = await self.submissions.handle([command])
        raise_for(outcome.refusal)

    async def register(
        self, uscc: str, name: Name, type: Literal["agency", "enterprise"], caller: Caller, cause: str
    ) -> bool:
        """Whether it is new."""
        outcome = await self._partner(
            Register(stream=uscc, cause=cause, actor=caller.actor, at=now(), name=name, type=type)
        )
        return outcome.fresh

    async def issue_key(self, uscc: str, label: str, caller: Caller, cause: str) -> keys.NewKey | None:
        """The key, whose text nobody sees again; None where this request had one before."""
        key = keys.make()
        outcome = await self._partner(
            IssueKey(
                stream=uscc,
                cause=cause,
                actor=caller.actor,
                at=now(),
                key=key.id,
                label=label,
                hash=key.hash,
            )
        )
        return key if outcome.fresh else None

    async def revoke_key(self, uscc: str, key: str, caller: Caller, cause: str) -> None:
        await self._partner(RevokeKey(stream=uscc, cause=cause, actor=caller.actor, at=now(), key=key))

    async def issued(self, uscc: str) -> tuple[Partner, dict[str, datetime]]:
        """A partner, and when each of its keys was issued."""
        found = await self.partners.get(uscc)
        return found.state, {e.data.key: e.time for e in found.events if isinstance(e.data, PartnerKeyIssued)}

    async def _partner(self, command: PartnerCommand) -> Outcome[Partner]:
        (outcome,) = await self.partners.handle([command])
        raise_for(outcome.refusal)
        return outcome


def raise_for(refusal: Refusal | None) -> None:
    """A refusal as the Problem it is to whoever asked."""
    if refusal is None:
        return
    match refusal.rule:
        case "submission.unknown":
            raise unknown_submission()
        case "submission.published":
            detail = _("It is in the catalogue. Ask the publishers to retract it, or send a corrected revision.")
            raise Problem(409, "submission-published", _("What is published cannot be withdrawn"), detail)
        case "partner.registered":
            detail = _("It is registered under another name or type already.")
            raise Problem(409, "partner-registered", _("This code is taken"), detail)
        case "partner.unknown":
            detail = _("An operator registers it first.")
            raise Problem(404, "unknown-partner", _("This partner is not registered"), detail)
        case "partner.keys-full":
            detail = _("Revoke a key that is no longer used first: %(most)s are the most.") % refusal.detail
            raise Problem(409, "keys-full", _("There are too many keys"), detail)
        case "partner.accounts-full":
            detail = _("Revoke an account that is no longer used first: %(most)s are the most.") % refusal.detail
            raise Problem(409, "accounts-full", _("There are too many Kafka accounts"), detail)
        case "account.unknown":
            raise Problem(404, "unknown-account", _("There is no such Kafka account"))
        case "key.unknown":
            raise Problem(404, "unknown-key", _("There is no such key"))
        case rule:
            raise AssertionError(f"no problem is written for the refusal {rule}")
