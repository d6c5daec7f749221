"""What is noticed about a linkage: what it refers to, and what its evidence can bear."""

from collections.abc import Set
from hashlib import sha256

from review.checks.amounts import amounts
from review.checks.language import Noticed
from review.checks.product import impossible
from review.checks.ruleset import Ruleset
from schemas.entry import Entry, Evidence, Linkage, Stage

EMPTY_FILE = sha256(b"").hexdigest()


def references(entry: Entry) -> tuple[tuple[str, str], ...]:
    """The submissions that an entry refers to, each with the kind it must be of."""
    return (("scene", entry.scene), ("product", entry.product)) if isinstance(entry, Linkage) else ()


def linkage(entry: Linkage, unknown: Set[str], rules: Ruleset) -> Noticed:
    """`unknown` are the entries it refers to that nobody has sent."""
    if not entry.evidence:
        yield "linkage.evidence", "evidence"
    yield from _evidence(entry, rules)
    yield from amounts("asks", entry.asks, rules)
    if entry.stage is not Stage.LABORATORY and entry.ends and (entry.ends - entry.starts).days < rules.at("trial_days"):
        yield "linkage.brief", "ends"
    if entry.stage is Stage.IMPLEMENTATION:
        yield "linkage.implementation", "stage"
    yield from ((f"linkage.{kind}", kind) for kind, id in references(entry) if id in unknown)


def _evidence(entry: Linkage, rules: Ruleset) -> Noticed:
    stages: dict[str, Stage] = {}
    for i, evidence in enumerate(entry.evidence):
        place = f"evidence/{i}"
        if unhashed(evidence.document.sha256):
            yield "evidence.hash", f"{place}/document/sha256"
        elif stages.setdefault(evidence.document.sha256, evidence.stage) is not evidence.stage:
            yield "evidence.repeated", f"{place}/document"
        if rule := _measured(evidence, rules):
            yield rule, f"{place}/{'baseline' if rule == 'evidence.baseline' else 'result'}"


def _measured(evidence: Evidence, rules: Ruleset) -> str | None:
    """The rule that a measure breaks, held against its baseline; the first of several."""
    baseline, result = abs(evidence.baseline), abs(evidence.result)
    if evidence.baseline == evidence.result:
        return "linkage.gain"
    if impossible(evidence.baseline, evidence.unit) or impossible(evidence.result, evidence.unit):
        return "evidence.percent"
    if not baseline:
        return "evidence.baseline"
    if result and max(baseline / result, result / baseline) > rules.at("gain"):
        return "evidence.gain"
    return None


def unhashed(sha256: str) -> bool:
    """Whether a hash is a placeholder (one digit over and over) or that of a file with nothing in it."""
    return len(set(sha256)) == 1 or sha256 == EMPTY_FILE
