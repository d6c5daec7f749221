"""Taking in what partners send: bytes → commands → receipts. JSON, NDJSON and the form all go through `Intake`."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
from pydantic import BaseModel, Field

from runtime.streams import Outcome, Streams
from schemas.envelope import Json, timestamp
from schemas.rules import MAX_LINE_BYTES, Finding, check, digest
from schemas.submission import SubmissionFact, SubmissionReceived, SubmissionRefused, SubmissionRevised
from submissions.domain.submission import Receive, Refuse, Submission, SubmissionCommand
from submissions.ndjson import Line

Submissions = Streams[Submission, SubmissionCommand, SubmissionFact]
#: Rules about what is held already, rather than about the text: HTTP's 409.
CONFLICTS = {"revision.taken", "revision.stale", "kind.changed", "submission.withdrawn", "reference.full"}
#: Findings that a refusal names, and characters that each quotes, at most: the fact must fit in a message of Kafka.
MOST_FINDINGS, MOST_QUOTED = 500, 200
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Receipt(BaseModel):
    """What became of one submission. Sending the same again is answered with the same receipt."""

    stream: str = Field(description="`uscc/reference`: names the submission everywhere")
    reference: str | None = Field(description="yours; null where it was not legible")
    revision: int | None
    status: Literal["received", "revised", "unchanged", "refused"]
    event: str | None = Field(description="id of the fact in the history")
    time: str | None = Field(description="when it was recorded, RFC 3339")
    findings: list[Json] = []

    @property
    def conflict(self) -> str | None:
        """The rule about what is held already that this one breaks, if any."""
        return next((finding["rule"] for finding in self.findings if finding["rule"] in CONFLICTS), None)


def now() -> datetime:
    """The present, to the millisecond, as events keep it."""
    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def command(line: Line, partner: str, actor: str, at: datetime) -> Receive | Refuse:
    """What a line asks for: to be received or, where it breaks rules, to be recorded as refused.

    The cause is made of what was sent, so that sending it again takes no second effect.
    """
    if line.wrong:
        return _refuse(line, _legible(line.raw), (line.wrong,), partner, actor, at)
    if line.sha256:
        found = Finding(rule="size", pointer="", found=str(line.size), expected=str(MAX_LINE_BYTES))
        return _refuse(line, None, (found,), partner, actor, at)
    submission, findings = check(line.raw)
    if submission is None:
        return _refuse(line, _legible(line.raw), findings, partner, actor, at)
    owner = submission.entry.owner.uscc
    if owner != partner:
        mismatch = Finding(rule="partner.mismatch", pointer="/entry/owner/uscc", found=owner, expected=partner)
        return _refuse(line, submission.model_dump(include={"reference", "revision"}), (mismatch,), partner, actor, at)
    stream, hash = f"{partner}/{submission.reference}", digest(submission)
    return Receive(
        stream=stream,
        cause=f"submission:{stream}@{submission.revision}#{hash[:16]}",
        actor=actor,
        at=at,
        revision=submission.revision,
        digest=hash,
        entry=submission.entry,
    )


def _refuse(line: Line, raw: Any, findings: tuple[Finding, ...], partner: str, actor: str, at: datetime) -> Refuse:
    hash = line.sha256 or hashlib.sha256(line.raw).hexdigest()
    said = raw if isinstance(raw, dict) else {}
    reference, revision = said.get("reference"), said.get("revision")
    legible = isinstance(reference, str) and _REFERENCE.fullmatch(reference)
    stream = f"{partner}/{reference}" if legible else f"{partner}/~{hash[:16]}"
    return Refuse(
        stream=stream,
        cause=f"submission:{stream}#{hash[:16]}",
        actor=actor,
        at=at,
        revision=revision if type(revision) is int and 1 <= revision <= 9999 else None,
        digest=hash,
        findings=_bounded(findings),
    )


def _bounded(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Findings short enough to be kept: a line of 1 MB can have 80,000, and one of them can quote all of it."""
    kept = tuple(
        finding.model_copy(
            update={"pointer": _short(finding.pointer), "found": finding.found and _short(finding.found)}
        )
        for finding in findings[:MOST_FINDINGS]
    )
    if more := len(findings) - len(kept):
        kept += (Finding(rule="findings.more", pointer="", found=str(more)),)
    return kept


def _short(text: str) -> str:
    return text if len(text) <= MOST_QUOTED else text[: MOST_QUOTED - 1] + "…"


def _legible(raw: bytes) -> Any:
    try:
        return orjson.loads(raw) if len(raw) <= MAX_LINE_BYTES else None
    except orjson.JSONDecodeError:
        return None


@dataclass(frozen=True)
class Intake:
    """What one caller sends in one request: on behalf of `partner`, by `actor`, findings told in `language`."""

    submissions: Submissions
    partner: str
    actor: str
    language: str

    def commands(self, lines: Sequence[Line]) -> list[Receive | Refuse]:
        """What lines ask for. Takes time, and no input or output."""
        at = now()
        return [command(line, self.partner, self.actor, at) for line in lines]

    async def commit(self, commands: Sequence[Receive | Refuse]) -> list[tuple[Receipt, bool]]:
        """For each command, once all are written, its receipt and whether this was the first time."""
        outcomes = await self.submissions.handle(commands)
        return [
            (_receipt(outcome, command, self.language), outcome.fresh)
            for outcome, command in zip(outcomes, commands, strict=True)
        ]

    async def take(self, lines: Sequence[Line]) -> list[tuple[Receipt, bool]]:
        """Both, for lines that are all there."""
        return await self.commit(self.commands(lines))


def _receipt(outcome: Outcome[Submission], command: Receive | Refuse, language: str) -> Receipt:
    _, _, reference = outcome.stream.partition("/")
    event = outcome.events[0] if outcome.events else None
    status: Literal["received", "revised", "unchanged", "refused"] = "unchanged"
    findings: tuple[Finding, ...] = ()
    match event.data if event else outcome.refusal:
        case SubmissionReceived():
            status = "received"
        case SubmissionRevised():
            status = "revised"
        case SubmissionRefused(findings=found):
            status, findings = "refused", found
        case None:
            pass
        case _:
            full = (Finding(rule="reference.full", pointer="/reference"),)
            status, findings = "refused", command.findings if isinstance(command, Refuse) else full
    return Receipt.model_construct(
        stream=outcome.stream,
        reference=None if reference.startswith("~") else reference,
        revision=command.revision,
        status=status,
        event=event.id if event else None,
        time=timestamp(event.time) if event else None,
        findings=[told(finding, language) for finding in findings],
    )


def told(finding: Finding, language: str) -> Json:
    """A finding as programs and pages get it: with its text in `zh` or `en`."""
    return {**finding.model_dump(), "text": finding.text(language)}
