"""What became of one fetch: counted as it goes, kept among the last of its source, shown on pages."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from schemas.envelope import Json
from submissions.intake import Receipt
from submissions.sources.fetch import Known, NotFetched

#: `held`: all was taken in but what would have been withdrawn, which waits to be confirmed.
Status = Literal["running", "taken", "unchanged", "held", "failed", "interrupted"]
#: Findings that are kept in full; beyond them they are counted by rule.
MOST_FINDINGS = 100


@dataclass
class Result:
    """`counts`: listed, received, revised, unchanged, refused, withdrawn, gone. `rules`: findings by rule. `notes`:
    what else to know, by a word of sources/texts.py, with how many it is about."""

    status: Status = "taken"
    counts: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    findings: list[Json] = field(default_factory=list)
    error: NotFetched | None = None
    known: Known = field(default_factory=Known)
    held: frozenset[str] = frozenset()

    def add(self, number: int, receipt: Receipt) -> None:
        """Count what became of one item."""
        self.counts[receipt.status] += 1
        for finding in receipt.findings:
            self.rules[finding["rule"]] += 1
            if len(self.findings) < MOST_FINDINGS:
                told = {name: said for name, said in finding.items() if name != "text"}
                self.findings.append({"number": number, "reference": receipt.reference, **told})

    def document(self) -> Json:
        """As it is kept."""
        return {
            "status": self.status,
            "counts": dict(self.counts),
            # Rules have dots in their names, which fields must not have.
            "rules": [list(pair) for pair in self.rules.most_common()],
            "notes": dict(self.notes),
            "findings": self.findings,
            "error": {"code": self.error.code, "detail": self.error.detail} if self.error else None,
        }
