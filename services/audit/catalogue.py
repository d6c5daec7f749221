"""The public catalogue at a moment, from what published, corrected and retracted its entries. Pure."""

from collections.abc import Iterable
from typing import assert_never

from audit.leaves import Leaf
from schemas.envelope import Json
from schemas.events import Undecodable, from_json
from schemas.publication import EntryCorrected, EntryRetracted, ManifestLine, ReleasePublished


class Unreadable(Undecodable):
    """An event says what was public, and cannot be read: `leaf`."""

    def __init__(self, leaf: Leaf, why: object) -> None:
        super().__init__(f"{leaf.ref}: {why}")
        self.leaf = leaf


def catalogue(leaves: Iterable[Leaf]) -> Json:
    """The entries that the public saw after these events, by entry: their edition, release, kind, title and digest.

    Raises Unreadable for an event that this version cannot read: a list that lacks one would be a wrong list.
    """
    shown: dict[str, Json] = {}
    for leaf in leaves:
        try:
            fact = from_json(leaf.event).data
        except Undecodable as error:
            raise Unreadable(leaf, error) from error
        if not isinstance(fact, ReleasePublished | EntryCorrected | EntryRetracted):
            raise Unreadable(leaf, f"it says {leaf.event['type']}, and was recorded as {leaf.type}")
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
