"""Events of the publishing service as tests need them, made of the hand-written sample."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from schemas.entry import Linkage, Product, Scene, SubmissionLine, sector
from schemas.envelope import Event, Fact
from schemas.publication import EntryCorrected, EntryPublished, ManifestLine, ReleasePublished

SAMPLE = Path(__file__).parents[2] / "deploy" / "local" / "sample"
AT = datetime(2026, 3, 5, 1, 0, tzinfo=UTC)
PARTNER = "91510100MA6CGUGA1W"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@cache
def entries(kind: str = "scenes") -> tuple[Scene | Product | Linkage, ...]:
    lines = (SAMPLE / f"{kind}.ndjson").read_bytes().splitlines()
    return tuple(SubmissionLine.model_validate_json(line).entry for line in lines)


def event(subject: str, fact: Fact, sequence: int = 1, at: datetime = AT, actor: str = "user:publisher") -> Event:
    return Event(
        id=f"{subject}/{sequence}",
        source="/publishing",
        subject=subject,
        time=at,
        sequence=sequence,
        causationid="request:1",
        correlationid=f"/submissions/{subject}/1",
        actor=actor,
        data=fact,
        traceparent=TRACEPARENT,
    )


def published(number: int, entry: Scene | Product | Linkage | None = None, at: datetime = AT) -> Event:
    said = entry or entries()[number % len(entries())]
    fact = EntryPublished(release="2026-03", edition=1, partner=PARTNER, digest="0" * 64, entry=said)
    return event(f"{PARTNER}/E-{number}", fact, 3, at)


def corrected(number: int, entry: Scene | Product | Linkage | None = None, at: datetime = AT) -> Event:
    said = entry or entries()[number % len(entries())]
    fact = EntryCorrected(edition=2, partner=PARTNER, digest="1" * 64, entry=said)
    return event(f"{PARTNER}/E-{number}", fact, 5, at)


def release(events: list[Event], at: datetime = AT) -> Event:
    """The release of these published entries."""
    lines = []
    for one in events:
        assert isinstance(one.data, EntryPublished)
        entry = one.data.entry
        lines.append(
            ManifestLine(
                entry=one.subject,
                edition=one.data.edition,
                kind=entry.kind,
                sector=sector(entry),
                partner=one.data.partner,
                title=entry.title,
                digest=one.data.digest,
            )
        )
    return event("2026-03", ReleasePublished(manifest="2" * 64, lines=tuple(lines)), 203, at)
