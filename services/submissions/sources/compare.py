"""What a fetched list asks for, by comparison with what was fetched before and with what is held. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import orjson

from schemas.json_text import Illegible, parts, says_all
from schemas.rules import check, digest
from submissions.ndjson import Line
from submissions.sources.read import Item

#: What was fetched of a source the last time: each reference with the digest of its item, empty where it was refused.
Listed = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Held:
    """A submission as its stream holds it: its newest revision, and the digest of that revision's entry."""

    revision: int = 0
    digest: str | None = None
    withdrawn: bool = False


@dataclass(frozen=True)
class Sorted:
    """A fetched list: what is new or other than it was, what is as it was, and what is not looked at.

    `whole` says that every item has a legible reference: only then can one that is not there be said to be gone.
    """

    candidates: tuple[Item, ...]
    unchanged: tuple[Item, ...]
    repeated: tuple[Item, ...]
    elsewhere: tuple[Item, ...]
    whole: bool


def sort(items: Iterable[Item], listed: Listed, others: AbstractSet[str]) -> Sorted:
    """Look through a list. Of two items with one reference the first counts; what another source of the same partner
    lists is that one's: each would revise what the other says, without end."""
    candidates: list[Item] = []
    repeated: list[Item] = []
    elsewhere: list[Item] = []
    unchanged: list[Item] = []
    seen: set[str] = set()
    whole = True
    for item in items:
        if item.reference is None:
            whole = False
            candidates.append(item)
        elif item.reference in seen:
            repeated.append(item)
        elif item.reference in others:
            elsewhere.append(item)
        elif listed.get(item.reference) == item.digest:
            unchanged.append(item)
        else:
            candidates.append(item)
        if item.reference is not None:
            seen.add(item.reference)
    return Sorted(tuple(candidates), tuple(unchanged), tuple(repeated), tuple(elsewhere), whole)


def awaiting(found: Sorted, listed: Listed) -> dict[str, str]:
    """What to remember before a list is taken in: all its references, and of those that change that they may have.

    Should the process end in between, the next fetch compares them with what is held, and can find them gone.
    """
    return dict(listed) | {item.reference: "" for item in found.candidates if item.reference}


def numbered(items: Sequence[Item], held: Mapping[str, Held], pepper: bytes) -> list[Line | None]:
    """For each item the line to take in, with the revision that follows; None where the newest revision says the same.

    (So it is where a fetch ended after its lines were taken in and before it was remembered.)
    """
    return [_numbered(item, held.get(item.reference or "", Held()), pepper) for item in items]


def _numbered(item: Item, held: Held, pepper: bytes) -> Line | None:
    try:
        value = orjson.loads(item.line.raw)
    except orjson.JSONDecodeError:
        return item.line
    if not isinstance(value, dict):
        return item.line
    revision = held.revision + 1
    if says_all(value, item.line.raw):
        raw = orjson.dumps({**value, "revision": revision})
    else:  # a field that stands there twice stays so, for the rules to tell it
        try:
            fields = [(name, said) for name, said in parts(item.line.raw.decode().strip()) if name != "revision"]
        except Illegible:
            return item.line
        said = [f"{orjson.dumps(name).decode()}:{said}" for name, said in (*fields, ("revision", str(revision)))]
        raw = ("{" + ",".join(said) + "}").encode()
    if held.digest is not None and not held.withdrawn:
        submission, _ = check(raw)
        if submission is not None and digest(submission, pepper) == held.digest:
            return None
    return Line(item.line.number, raw, len(raw))


def gone(items: Iterable[Item], listed: Iterable[str]) -> frozenset[str]:
    """What was listed and is not any more."""
    return frozenset(listed) - {item.reference for item in items if item.reference}


def standing(listed: Iterable[str], held: Mapping[str, Held]) -> frozenset[str]:
    """What was listed and can be withdrawn: nothing that was only ever refused, or is withdrawn already."""
    known = ((reference, held.get(reference, Held())) for reference in listed)
    return frozenset(reference for reference, one in known if one.revision and not one.withdrawn)


def plausible(vanished: AbstractSet[str], standing: AbstractSet[str]) -> bool:
    """Whether so many may be gone at once: more than half looks like a list that went wrong."""
    return 2 * len(vanished) <= len(standing)
