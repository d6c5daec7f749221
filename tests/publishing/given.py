"""What publishing's tests start from: approved entries of the sample, and as many more like them as asked."""

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from publishing.domain.entry import CatalogueEntry, Queue
from publishing.domain.entry import evolve as evolve_entry
from publishing.domain.release import Release
from publishing.domain.release import evolve as evolve_release
from publishing.releasing import Act
from schemas.entry import Entry, Linkage, Product, Scene, SubmissionLine
from schemas.envelope import Event
from schemas.publication import EntryFact, ManifestLine, ReleaseFact
from schemas.review import CaseDecided, Decision

AT = datetime(2026, 11, 1, 8, 0, 0, 123000, tzinfo=UTC)
MONTH, NEXT = "2026-12", "2027-01"
SAMPLE = Path(__file__).parents[2] / "deploy/local/sample"
TARGETS = {"scene": 100, "product": 100}


@cache
def sample(kind: str) -> tuple[SubmissionLine, ...]:
    """The sample's entries of a kind, contacts and all."""
    text = (SAMPLE / f"{kind}s.ndjson").read_text(encoding="utf-8")
    return tuple(SubmissionLine.model_validate_json(line) for line in text.splitlines())


def entry(kind: str, n: int = 0) -> tuple[str, Scene | Product | Linkage]:
    """The n-th entry of a kind and its id; beyond the sample they repeat under other references and titles."""
    lines = sample(kind)
    line, again = lines[n % len(lines)], n // len(lines)
    said = line.entry
    reference = f"{line.reference}-{again}" if again else line.reference
    if again:
        title = said.title.model_copy(update={"zh": f"{said.title.zh}（{again}）"})
        said = said.model_copy(update={"title": title})
    return f"{said.owner.uscc}/{reference}", said


def queue(kind: str, n: int = 0, *, revision: int = 1, cause: str | None = None) -> Queue:
    """The command that queues the n-th entry of a kind, later ones later."""
    id, said = entry(kind, n)
    return Queue(
        stream=id,
        cause=cause or f"/review/{id}@{revision}/9",
        actor="service:publishing",
        at=AT + timedelta(seconds=n),
        case=f"{id}@{revision}",
        partner=said.owner.uscc,
        revision=revision,
        digest=f"{revision:064x}",
        entry=said,
        score=80,
    )


def decided(kind: str, n: int = 0, *, revision: int = 1, decision: Decision = Decision.APPROVED) -> Event:
    """The review's event about the n-th entry of a kind."""
    id, said = entry(kind, n)
    case = f"{id}@{revision}"
    data = CaseDecided(
        submission=id,
        revision=revision,
        partner=said.owner.uscc,
        digest=f"{revision:064x}",
        decision=decision,
        score=80,
        reasons=(),
        entry=said,
    )
    return Event(
        id=f"{case}/9",
        source="/review",
        subject=case,
        time=AT + timedelta(seconds=n),
        sequence=9,
        causationid="test",
        correlationid=f"/submissions/{id}/1",
        actor="user:test",
        data=data,
    )


def act(cause: str, days: int = 1) -> Act:
    """Something the publisher does, so many days after the approvals."""
    return Act(f"request:{cause}", "user:publisher-wu", AT + timedelta(days=days))


def entry_after(*facts: EntryFact) -> CatalogueEntry:
    """An entry after these facts."""
    state = CatalogueEntry()
    for fact in facts:
        state = evolve_entry(state, fact)
    return state


def release_after(*facts: ReleaseFact) -> Release:
    """A release after these facts."""
    state = Release()
    for fact in facts:
        state = evolve_release(state, fact)
    return state


def manifest_line(kind: str, n: int = 0) -> ManifestLine:
    """The n-th entry of a kind as a release lists it."""
    id, said = entry(kind, n)
    sector = None if isinstance(said, Linkage) else "new-retail"
    return ManifestLine(
        entry=id, edition=1, kind=said.kind, sector=sector, partner=said.owner.uscc, title=said.title, digest="0" * 64
    )


def contacts() -> set[str]:
    """Every name, phone and address of a person in the sample."""
    people = [line.entry.contact for kind in ("scene", "product", "linkage") for line in sample(kind)]
    parts = {part for contact in people if contact for part in (contact.name, contact.phone, contact.email)}
    return {part for part in parts if part}


def without(said: Entry) -> Entry:
    """The entry as publishing keeps it."""
    return said.model_copy(update={"contact": None})
