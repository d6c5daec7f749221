"""The public catalogue at a moment, from what published, corrected and retracted its entries. Pure."""

from collections.abc import Iterable
from typing import assert_never

from audit.leaves import Leaf
from schemas.envelope import Json
from schemas.events import Undecodable, from_json
from schemas.publication import EntryCorrected, EntryRetracted, ManifestLine, ReleasePublished


def catalogue(leaves: Iterable[Leaf]) -> Json:
    """The entries that the public saw after these events, by entry: their edition, release, kind, title and digest.

    Raises Undecodable for an event that this version cannot read: a list that lacks one would be a wrong list.
    """
    shown: dict[str, Json] = {}
    for leaf in leaves:
        fact = from_json(leaf.event).data
        if not isinstance(fact, ReleasePublished | EntryCorrected | EntryRetracted):
            raise Undecodable(f"{leaf.ref} says {leaf.event['type']}, and was recorded as {leaf.type}")
        match fact:
            case ReleasePublished(lines=lines):
                shown |= {line.entry: _line(line, leaf.stream) for line in lines}
            case EntryCorrected(edition=edition, digest=digest, entry=entry):
                if known := shown.get(leaf.stream):
                    title = entry.title.model_dump(mode="json")
                    shown[leaf.stream] = known | {"edition": edition, "title": title, "digest": digest}
            case EntryRetracted():
                shown.pop(leaf.stream, None)
            case _:
                assert_never(fact)
    return dict(sorted(shown.items()))


def _line(line: ManifestLine, release: str) -> Json:
    return {
        "edition": line.edition,
        "release": release,
        "kind": line.kind,
        "title": line.title.model_dump(mode="json"),
        "digest": line.digest,
    }
