"""Sending a sheet's rows through intake, in batches, each row with its receipt."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import islice

from schemas.envelope import Json
from schemas.finding import Finding
from submissions.intake import Intake, Receipt, told
from submissions.limiting import Meter
from submissions.ndjson import BATCH_BYTES
from submissions.sheets.findings import at_cells
from submissions.sheets.reading import Sheet
from submissions.sheets.rows import Header, Read

#: For people, who have no limits.
UNMETERED = Meter()


@dataclass(frozen=True)
class Sent:
    """What became of one row; `findings` name its cells, and `fresh` says that it was not here before."""

    read: Read
    receipt: Receipt
    findings: list[Json]
    fresh: bool = True

    @property
    def row(self) -> int:
        return self.read.row.number

    @property
    def fate(self) -> str:
        """What people are told became of it: a receipt says what became of the same the first time."""
        return self.receipt.status if self.fresh or self.receipt.status == "refused" else "unchanged"

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
    """How many rows became what, and the refused ones' findings, by row."""

    counts: Counter[str] = field(default_factory=Counter)
    findings: dict[int, list[Json]] = field(default_factory=dict)

    def add(self, sent: list[Sent]) -> None:
        self.counts.update(each.receipt.status for each in sent)
        self.findings |= {each.row: each.findings for each in sent if each.findings}


async def send(sheet: Sheet, intake: Intake, after: int = 0, meter: Meter = UNMETERED) -> AsyncIterator[list[Sent]]:
    """Take in a sheet's rows after row `after`, no faster than `meter` allows; each batch once it is stored for good.

    Raises the Problem of a quota that is used up, once what it allowed is given.
    """
    reads = sheet.reads(after)
    while batch := await asyncio.to_thread(_next, reads, min(meter.piece, intake.piece)):
        allowed = await meter.pace(len(batch), check=intake.validate_only)
        taken = await intake.take([read.line for read in batch[:allowed]])
        meter.count(receipt for receipt, _ in taken)
        yield [
            Sent(read, receipt, at_cells(receipt, read, sheet.header) if receipt.findings else [], fresh)
            for read, (receipt, fresh) in zip(batch[:allowed], taken, strict=True)
        ]
        if allowed < len(batch):
            raise await meter.quota_problem()


def _next(reads: Iterator[Read], most: int) -> list[Read]:
    """Up to so many rows, or of BATCH_BYTES."""
    batch, size = list[Read](), 0
    for read in islice(reads, most):
        batch.append(read)
        size += read.line.size
        if size >= BATCH_BYTES:
            break
    return batch
