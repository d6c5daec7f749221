"""Sending a sheet's rows through intake, in batches, each row with its receipt."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

from schemas.envelope import Json, Refusal
from schemas.rules import Finding
from schemas.submission import SubmissionReceived, SubmissionRefused
from submissions.callers import Caller
from submissions.desk import Desk
from submissions.domain.submission import Receive, Refuse, decide, evolve
from submissions.intake import Intake, Receipt, told
from submissions.ndjson import BATCH_LINES
from submissions.sheets.findings import at_cells
from submissions.sheets.reading import Sheet
from submissions.sheets.rows import Header, Read
from web.languages import language


@dataclass(frozen=True)
class Sent:
    """What became of one row; `findings` name its cells."""

    read: Read
    receipt: Receipt
    findings: list[Json]

    @property
    def row(self) -> int:
        return self.read.row.number

    def findings_in(self, language: str, header: Header) -> list[Json]:
        """The findings in another language; it must be spoken."""
        again = [told(Finding.model_validate(each), language) for each in self.receipt.findings]
        return at_cells(self.receipt.model_copy(update={"findings": again}), self.read, header)

    def to_json(self) -> Json:
        """The receipt as NDJSON has it."""
        said = {name: value for name, value in self.receipt.__dict__.items() if name != "findings"}
        return {"row": self.row, **said, **({"findings": self.findings} if self.findings else {})}


@dataclass
class Tally:
    """How many rows became what, and the refused ones' findings."""

    counts: Counter[str] = field(default_factory=Counter)
    refused: list[Sent] = field(default_factory=list)

    def add(self, sent: list[Sent]) -> None:
        self.counts.update(each.receipt.status for each in sent)
        self.refused += [each for each in sent if each.findings]


async def send(sheet: Sheet, intake: Intake, after: int = 0) -> AsyncIterator[list[Sent]]:
    """Take in a sheet's rows after row `after`; each batch once it is stored for good."""
    reads = sheet.reads(after)
    while batch := await asyncio.to_thread(_next, reads):
        taken = await intake.take([read.line for read in batch])
        yield [
            Sent(read, receipt, at_cells(receipt, read, sheet.header) if receipt.findings else [])
            for read, (receipt, _) in zip(batch, taken, strict=True)
        ]


def _next(reads: Iterator[Read]) -> list[Read]:
    return list(islice(reads, BATCH_LINES))


def intake_of(desk: Desk, caller: Caller, *, validate_only: bool = False) -> Intake:
    """The intake of whoever sends."""
    assert caller.partner is not None  # keys are some partner's, and so are those who may open the page
    make = Rehearsal if validate_only else Intake
    return make(desk.submissions, caller.partner, caller.actor, language())


class Rehearsal(Intake):
    """Applies the same rules, and writes nothing: its receipts say what would become of each row."""

    async def commit(self, commands: Any) -> list[tuple[Receipt, bool]]:
        states: dict[str, Any] = {}
        receipts = []
        for command in commands:
            if command.stream not in states:
                states[command.stream] = (await self.submissions.get(command.stream)).state
            facts = decide(states[command.stream], command)
            receipts.append((self._would(command, facts), False))
            for fact in facts if isinstance(facts, tuple) else ():
                states[command.stream] = evolve(states[command.stream], fact)
        return receipts

    def _would(self, command: Receive | Refuse, facts: Any) -> Receipt:
        status: Literal["received", "revised", "unchanged", "refused"] = "unchanged"
        findings: Any = ()
        match facts:
            case Refusal():
                status, findings = "refused", getattr(command, "findings", ())
            case (SubmissionRefused(findings=found),):
                status, findings = "refused", found
            case (SubmissionReceived(),):
                status = "received"
            case (_,):
                status = "revised"
        reference = command.stream.partition("/")[2]
        return Receipt.model_construct(
            stream=command.stream,
            reference=None if reference.startswith("~") else reference,
            revision=command.revision,
            status=status,
            event=None,
            time=None,
            findings=[told(each, self.language) for each in findings],
        )
