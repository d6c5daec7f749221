"""What became of one fetch: counted as it goes, kept among the last of its source, shown on pages."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from gettext import NullTranslations
from typing import Literal

import orjson

from schemas.envelope import Json
from submissions.intake import Receipt
from submissions.sheets.sending import Sent
from submissions.sources.fetch import Known, NotFetched
from submissions.sources.read import Item
from web.languages import LANGUAGES, speak

#: `held`: all was taken in but what would have been withdrawn, which waits to be confirmed.
Status = Literal["running", "taken", "unchanged", "held", "failed", "interrupted"]
Translations = Mapping[str, NullTranslations]
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
    #: Seconds until all had come; what follows is this machine's work.
    fetched_s: float = 0.0

    def add(self, item: Item, receipt: Receipt, translations: Translations) -> None:
        """Count what became of one item."""
        self.counts[receipt.status] += 1
        if not receipt.findings:
            return
        for told in _kept(item, receipt, translations):
            self.rules[told["rule"]] += 1
            if len(self.findings) < MOST_FINDINGS:
                self.findings.append({"number": item.line.number, "reference": receipt.reference, **told})

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


def _kept(item: Item, receipt: Receipt, translations: Translations) -> list[Json]:
    """What is wrong with an item; in a table by cell, and told in each language in `told`, else without a text."""
    if item.place is None:
        return [{name: said for name, said in finding.items() if name != "text"} for finding in receipt.findings]
    row = item.place.row
    read = replace(row, said=None if row.row.broken else orjson.loads(row.line.raw))
    by_language = {}
    for each in LANGUAGES:
        with speak(each, translations):
            by_language[each] = Sent(read, receipt, []).findings_in(each, item.place.header)
    return [
        {"rule": zh["rule"], "told": {"zh": zh, "en": en}}
        for zh, en in zip(by_language["zh"], by_language["en"], strict=True)
    ]
