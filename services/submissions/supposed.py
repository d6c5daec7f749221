"""What a check supposes: what it found right was not written, and what follows is judged as if it had been."""

from collections.abc import Iterable, Mapping

from runtime.streams import Outcome
from schemas.submission import SubmissionReceived, SubmissionRevised
from submissions.domain.submission import Submission

#: References that one check remembers, the last it found right; each takes some 500 bytes.
REMEMBERED = 20_000


class Supposed:
    """The state of each submission as the check would have left it: no entries, but what the next revision is judged
    by."""

    def __init__(self) -> None:
        self._states: dict[str, bytes] = {}

    def of(self, streams: Iterable[str]) -> Mapping[str, Submission]:
        """Those of the submissions that are remembered."""
        held = {stream: self._states[stream] for stream in streams if stream in self._states}
        return {stream: Submission.model_validate_json(state) for stream, state in held.items()}

    def note(self, outcomes: Iterable[Outcome[Submission]]) -> None:
        """Remember what these would have changed, and forget the oldest beyond REMEMBERED."""
        for outcome in outcomes:
            if not outcome.fresh or not isinstance(outcome.events[0].data, SubmissionReceived | SubmissionRevised):
                continue
            self._states.pop(outcome.stream, None)
            self._states[outcome.stream] = outcome.state.model_dump_json().encode()
            if len(self._states) > REMEMBERED:
                del self._states[next(iter(self._states))]
