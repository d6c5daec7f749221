"""What is still to be done about what was refused: one rule for the page, the API and the command line."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from schemas.envelope import Event
from schemas.submission import SubmissionReceived, SubmissionRefused, SubmissionRevised
from submissions.domain.submission import Submission

#: Open: it can be mended and sent again. Mended: its revision or a later one was taken in. Withdrawn: with all that
#: came under its reference. Lapsed: nobody mended it for OPEN_DAYS.
Standing = Literal["open", "mended", "withdrawn", "lapsed"]
#: What was refused so long ago is asked for no more: only its partner knows whether it is still wanted, and of what has
#: no legible reference nobody could tell that it was mended.
OPEN_DAYS = 14
#: The text keeps every rule, and what is held is another: under the next number it would still be taken in.
_RENUMBERED = {"revision.taken", "revision.stale"}


def standings(
    state: Submission, events: Sequence[Event], now: datetime, accepted: int = 0
) -> list[tuple[Event, Standing]]:
    """The refusals among a stream's events, the latest first, each with how it stands. `accepted` is the sequence of
    the last revision that was taken in, where that is not among the events."""
    told: list[tuple[Event, Standing]] = []
    for event in reversed(events):
        match event.data:
            case SubmissionReceived() | SubmissionRevised():
                accepted = max(accepted, event.sequence)
            case SubmissionRefused() as refused:
                mended = event.sequence < accepted or _overtaken(refused, state)
                told.append((event, "mended" if mended else _unmended(event, state, now)))
    return told


def _overtaken(refused: SubmissionRefused, state: Submission) -> bool:
    """Whether mending the text would no longer help: its revision, or a later one, is held already."""
    if refused.revision is None or any(finding.rule in _RENUMBERED for finding in refused.findings):
        return False
    return refused.revision <= state.revision


def _unmended(event: Event, state: Submission, now: datetime) -> Standing:
    if state.withdrawn:
        return "withdrawn"
    return "lapsed" if now - event.time >= timedelta(days=OPEN_DAYS) else "open"
