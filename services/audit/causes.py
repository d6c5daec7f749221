"""What caused what: a story's events in the order of the log, each with the one that caused it, and where they stand in
a picture. Pure.

The picture has a lane for each service, from left to right as a story goes, and a row for each event, so that a list
can stand beside it row by row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from audit.leaves import Leaf

#: Services in the order in which a story goes through them.
LANES = ("submissions", "review", "publishing", "notifications")
#: Pixels between two lanes and between two rows, and around all.
LANE, ROW, MARGIN = 26, 60, 14


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a story: `cause` is the row (from 0) of the event that caused it, if it is in the story.

    `line` is the way from that event to this one, as the `d` of an SVG path; `thread`, where it was caused from
    outside, the way from the event before it in its stream.
    """

    leaf: Leaf
    row: int
    lane: int
    x: int
    y: int
    cause: int | None
    effects: tuple[int, ...]
    line: str | None
    thread: str | None


@dataclass(frozen=True, slots=True)
class Picture:
    """A story drawn: its steps, the lanes it uses by service, and its size in pixels."""

    steps: tuple[Step, ...]
    lanes: tuple[str, ...]
    width: int
    height: int


def picture(leaves: Sequence[Leaf]) -> Picture:
    """The picture of a story's events, given in the order of the log."""
    present = {leaf.service for leaf in leaves}
    lanes = (*(name for name in LANES if name in present), *sorted(present - set(LANES)))
    rows = {leaf.ref: row for row, leaf in enumerate(leaves) if not leaf.contradicts}
    causes = [rows.get(leaf.cause) for leaf in leaves]
    before = _before(leaves)
    places = [(MARGIN + LANE * lanes.index(leaf.service), ROW // 2 + ROW * row) for row, leaf in enumerate(leaves)]
    steps = tuple(
        Step(
            leaf=leaf,
            row=row,
            lane=lanes.index(leaf.service),
            x=places[row][0],
            y=places[row][1],
            cause=cause,
            effects=tuple(effect for effect, its in enumerate(causes) if its == row),
            line=_line(places[cause], places[row]) if cause is not None else None,
            thread=_line(places[before[row]], places[row]) if _from_outside(leaf) and row in before else None,
        )
        for row, (leaf, cause) in enumerate(zip(leaves, causes, strict=True))
    )
    return Picture(steps, lanes, 2 * MARGIN + LANE * max(0, len(lanes) - 1), ROW * len(leaves))


def _from_outside(leaf: Leaf) -> bool:
    """Whether no event caused it, but a request or somebody."""
    return not leaf.cause.startswith("/")


def _before(leaves: Sequence[Leaf]) -> dict[int, int]:
    """By row, the row of the event before it in its stream, where that is in the story."""
    last: dict[tuple[str, str], int] = {}
    found = {}
    for row, leaf in enumerate(leaves):
        stream = (leaf.service, leaf.stream)
        if stream in last:
            found[row] = last[stream]
        last[stream] = row
    return found


def _line(cause: tuple[int, int], effect: tuple[int, int]) -> str:
    """Straight to the next row of the same lane; past others of its lane in a bow; to another lane in a curve."""
    (x, y), (to_x, to_y) = cause, effect
    if x == to_x and abs(to_y - y) <= ROW:
        return f"M{x} {y}V{to_y}"
    if x == to_x:
        bow = x - LANE // 2
        return f"M{x} {y}C{bow} {y + ROW // 2} {bow} {to_y - ROW // 2} {to_x} {to_y}"
    turn = to_y - ROW if abs(to_y - y) > ROW else y
    return f"M{x} {y}V{turn}C{x} {to_y - ROW // 3} {to_x} {turn + ROW // 3} {to_x} {to_y}"
