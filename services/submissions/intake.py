"""Taking in what partners send: bytes → commands → receipts. JSON, NDJSON and the form all go through `Intake`."""

import asyncio
import hashlib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from runtime.streams import Outcome, StreamFull, Streams
from schemas.entry import ENTRY_ID, Linkage, as_whole
from schemas.envelope import Json, Refusal, timestamp
from schemas.finding import Finding, steps
from schemas.fixes import at as standing
from schemas.json_text import Illegible, read
from schemas.oddities import short
from schemas.rules import MAX_LINE_BYTES, check, digest
from schemas.submission import SubmissionFact, SubmissionReceived, SubmissionRefused, SubmissionRevised
from submissions.domain.submission import SUBMISSIONS, Receive, Refuse, Submission, SubmissionCommand
from submissions.ndjson import Line
from submissions.sharing import Sharing
from submissions.store import held, kinds
from submissions.supposed import Supposed
from submissions.turns import Account

Submissions = Streams[Submission, SubmissionCommand, SubmissionFact]
#: Rules about what is held already, rather than about the text: HTTP's 409.
CONFLICTS = {"revision.taken", "revision.stale", "kind.changed", "submission.withdrawn", "reference.full"}
#: Lines checked at one go: others have their turn after that many. Who waits needs several turns for one request.
BREATH = 3
REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Receipt(BaseModel):
    """What became of one submission. Sending the same again is answered with the same receipt."""

    stream: str = Field(description="`uscc/reference`: names the submission everywhere")
    reference: str | None = Field(description="yours; null where it was not legible")
    revision: int | None
    status: Literal["received", "revised", "unchanged", "refused"]
    event: str | None = Field(description="id of the fact in the history; null where nothing was recorded")
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


def command(line: Line, partner: str, actor: str, at: datetime, pepper: bytes) -> Receive | Refuse:
    """What a line asks for: to be received or, where it breaks rules, to be recorded as refused.

    The cause is made of what was sent, so that sending it again takes no second effect.
    """
    if line.wrong:
        return _refuse(line, _legible(line.raw), (line.wrong,), partner, actor, at)
    if line.sha256:
        found = Finding(rule="size", pointer="", found=str(line.size), expected=str(MAX_LINE_BYTES))
        return _refuse(line, None, (found,), partner, actor, at)
    submission, findings = check(line.raw)
    if submission is None or submission.entry.owner.uscc != partner:
        raw = _legible(line.raw)
        refuse = _refuse(line, raw, (*findings, *_anothers(raw, findings, partner)), partner, actor, at)
        return replace(refuse, names=_named(raw))
    stream, hash = f"{partner}/{submission.reference}", digest(submission, pepper)
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
    reference, revision = said.get("reference"), as_whole(said.get("revision"))
    legible = isinstance(reference, str) and REFERENCE.fullmatch(reference)
    stream = f"{partner}/{reference}" if legible else f"{partner}/~{hash[:16]}"
    return Refuse(
        stream=stream,
        cause=f"submission:{stream}#{hash[:16]}",
        actor=actor,
        at=at,
        revision=revision if type(revision) is int and 1 <= revision <= 9999 else None,
        digest=hash,
        findings=findings,
    )


def _anothers(raw: Any, findings: tuple[Finding, ...], partner: str) -> Iterator[Finding]:
    """That the owner is not who sends it, if so, whatever else is wrong. Who is meant by a code that is only written
    otherwise, its own finding's fix says. No fix for this one: another's entry would become the sender's."""
    place = "/entry/owner/uscc"
    owner = standing(raw, steps(place)[1:])
    mended = next((finding.fix for finding in findings if finding.pointer == place and finding.fix), None)
    meant = mended.get("value") if mended else owner
    if isinstance(owner, str) and meant != partner:
        yield Finding(rule="partner.mismatch", pointer=place, found=short(owner), expected=partner)


def _named(raw: Any) -> tuple[tuple[str, str], ...]:
    """The others that a linkage names, whatever else is wrong with it: the kind and id of each that is legible."""
    if standing(raw, ["entry", "kind"]) != "linkage":
        return ()
    ids = {kind: standing(raw, ["entry", kind]) for kind in ("scene", "product")}
    return tuple((kind, id) for kind, id in ids.items() if isinstance(id, str) and re.fullmatch(ENTRY_ID, id))


def _legible(raw: bytes) -> Any:
    try:
        return read(raw) if len(raw) <= MAX_LINE_BYTES else None
    except Illegible:
        return None


@dataclass(frozen=True)
class Intake:
    """What one caller sends in one request: on behalf of `partner`, by `actor`, findings told in `language`.

    With `validate_only` nothing is written: receipts say what would become of it, and name no event of its own. Each
    entry is judged as if those before it had been taken in, whichever piece they came in.
    """

    submissions: Submissions
    partner: str
    actor: str
    language: str
    #: What digests hide contacts with (`Settings.pepper`).
    pepper: bytes
    validate_only: bool = False
    #: Who this counts as, among all who share the process. Without one, nobody else is there.
    account: Account = ("", "")
    sharing: Sharing = field(default_factory=Sharing)
    #: What a check has found right so far.
    supposed: Supposed = field(default_factory=Supposed)

    @property
    def piece(self) -> int:
        """Lines to take in at one go now, at most."""
        return self.sharing.piece(self.account)

    async def commands(self, lines: Sequence[Line]) -> list[Receive | Refuse]:
        """What lines ask for. Takes time, and no input or output; others have their turn meanwhile."""
        at, asked = now(), list[Receive | Refuse]()
        for line in lines:
            asked.append(command(line, self.partner, self.actor, at, self.pepper))
            if len(asked) % BREATH == 0:
                await asyncio.sleep(0)
        return asked

    async def commit(self, commands: Sequence[Receive | Refuse]) -> list[tuple[Receipt, bool]]:
        """For each command, once all are written, its receipt and whether this was the first time.

        Several wait for their turn: while others are there, one such piece is taken in at a time.
        """
        if len(commands) == 1:
            return await self._commit(commands)
        async with self.sharing.turn(self.account):
            return await self._commit(commands)

    async def _commit(self, commands: Sequence[Receive | Refuse]) -> list[tuple[Receipt, bool]]:
        commands = await self._with_unknown(commands)
        try:
            outcomes = await self._carry_out(commands)
        except StreamFull:  # one of them has no room; what was written already is answered as it was
            outcomes = [await self._alone(command) for command in commands]
        # What a check came to itself is recorded nowhere, however often the same is among its lines.
        unwritten = {each.events[0].id for each in outcomes if each.fresh} if self.validate_only else set[str]()
        return [
            (self._receipt(outcome, command, unwritten), outcome.fresh)
            for outcome, command in zip(outcomes, commands, strict=True)
        ]

    async def _carry_out(self, commands: Sequence[Receive | Refuse]) -> list[Outcome[Submission]]:
        if not self.validate_only:
            return await self.submissions.handle(commands)
        outcomes = await self.submissions.dry_run(commands, self.supposed.of({each.stream for each in commands}))
        self.supposed.note(outcomes)
        return outcomes

    async def _alone(self, command: Receive | Refuse) -> Outcome[Submission]:
        try:
            (outcome,) = await self._carry_out([command])
        except StreamFull:
            return Outcome(command.stream, 0, Submission(), refusal=Refusal("reference.full"))
        return outcome

    async def take(self, lines: Sequence[Line]) -> list[tuple[Receipt, bool]]:
        """Both, for lines that are all there."""
        return await self.commit(await self.commands(lines))

    async def _with_unknown(self, commands: Sequence[Receive | Refuse]) -> Sequence[Receive | Refuse]:
        """The commands, with a finding in each linkage whose scene or product nobody sent in, before it or with it."""
        named = {id for each in commands for _, id in _names(each)}
        if not named:
            return commands
        # A test may name what is live: it is answered as live would be.
        collections = {SUBMISSIONS.collection, self.submissions.collection.name}
        database = self.submissions.collection.database
        known = {id: kind for name in collections for id, kind in (await kinds(database[name], named)).items()}
        known |= {id: state.kind for id, state in self.supposed.of(named).items() if state.kind}
        lacking: dict[int, tuple[Finding, ...]] = {}
        for index, each in enumerate(commands):
            unknown = tuple(
                Finding(rule=f"linkage.{kind}-unknown", pointer=f"/entry/{kind}", found=id)
                for kind, id in _names(each)
                if known.get(id) != kind
            )
            if isinstance(each, Receive):
                known.setdefault(each.stream, each.entry.kind)
            if unknown:
                lacking[index] = unknown
        # What was answered when all were known is answered alike for good, though one of them is withdrawn since.
        causes = [(commands[index].stream, commands[index].cause) for index in lacking]
        answered = await held(self.submissions.collection, causes) if causes else set[str]()
        return [
            _lacking(each, lacking[index]) if index in lacking and each.cause not in answered else each
            for index, each in enumerate(commands)
        ]

    def _receipt(self, outcome: Outcome[Submission], command: Receive | Refuse, unwritten: Collection[str]) -> Receipt:
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
            case None if self.supposed.of([outcome.stream]):  # the same came in an earlier piece of this check
                status = "received" if command.revision == next(iter(outcome.state.digests)) else "revised"
            case None:
                pass
            case _:
                full = (Finding(rule="reference.full", pointer="/reference"),)
                status, findings = "refused", command.findings if isinstance(command, Refuse) else full
        recorded = event if event and event.id not in unwritten else None
        return Receipt.model_construct(
            stream=outcome.stream,
            reference=None if reference.startswith("~") else reference,
            revision=command.revision,
            status=status,
            event=recorded.id if recorded else None,
            time=timestamp(recorded.time) if recorded else None,
            findings=[told(finding, self.language) for finding in findings],
        )


def _lacking(command: Receive | Refuse, unknown: tuple[Finding, ...]) -> Receive | Refuse:
    """The command with what is unknown of the others that it names. Its cause is another: once one of them is there,
    the same text sent again is judged anew."""
    kinds = "+".join(finding.pointer.rpartition("/")[2] for finding in unknown)
    return replace(command, findings=(*command.findings, *unknown), cause=f"{command.cause}!unknown:{kinds}")


def _names(command: Receive | Refuse) -> tuple[tuple[str, str], ...]:
    """The others that an entry names: the kind and id of each."""
    match command:
        case Refuse(names=names):
            return names
        case Receive(entry=Linkage(scene=scene, product=product)):
            return (("scene", scene), ("product", product))
    return ()


def told(finding: Finding, language: str) -> Json:
    """A finding as programs and pages get it: with its text in `zh` or `en`, and where its rule is explained."""
    return {**finding.model_dump(), "text": finding.text(language), "doc": f"/rules/{finding.rule}"}
