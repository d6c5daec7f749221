"""One service's history against its live streams: what a replay does, service by service."""

import gc
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kafka import TopicPartition
from pymongo.database import Database

from audit.examine import Difference, Kind, Sent, examine
from audit.fold import AnyDecider, Fold, Folded, Message, Unreadable, as_read, digest, form, read_event
from audit.history import messages, whole
from runtime.replay import Extent
from runtime.settings import Settings
from runtime.stored import as_json
from schemas.envelope import Json
from schemas.events import Undecodable

#: Seconds between two looks at Kafka for what the relay has yet to send.
LOOK_AGAIN_S = 0.3
#: Messages or live streams between two reports of progress.
STEP = 2000

Stream = tuple[str, str]  # noun and stream id


@dataclass(frozen=True)
class Suspect:
    """A stream to be examined as it is live. `up_to` is its version, where the history had to be waited for."""

    stream: Stream
    live: Json | None
    up_to: int | None = None


class Comparison:
    """The comparison of one service; `report(phase, done)` hears how it goes, and may end it by raising.

    The history's end is fixed before the live streams are read, so the live ones can only be ahead of it: of those that
    are, the new events are read from Kafka as the relay sends them.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database[Json],
        deciders: Sequence[AnyDecider],
        within: Extent,
        stream: str | None,
        report: Callable[[str, int], None],
        told: int,
    ) -> None:
        self._settings, self._database, self._within, self._only = settings, database, within, stream
        self._report, self._told = report, told
        self._end = within.end
        self._service = deciders[0].service
        self._topic = settings.topic(deciders[0].topic)
        self.fold = Fold(deciders)
        self.streams = 0

    def run(self, patience_s: float) -> tuple[list[Difference], int]:
        """The differences, the first `told` of them in full, and how many there may be beyond those."""
        try:
            self._read_history()
            return self._judged(patience_s)
        finally:
            gc.unfreeze()

    def _read_history(self) -> None:
        done = 0
        for batch in messages(self._settings, self._within, self._only):
            for start in range(0, len(batch), STEP):
                for message in batch[start : start + STEP]:
                    self.fold.take(message)
                # What is folded stays, so the collector need not go through it again and again: twice as fast.
                gc.freeze()
                done += len(batch[start : start + STEP])
                self._report("history", done)

    def _judged(self, patience_s: float) -> tuple[list[Difference], int]:
        suspects, behind = self._against_live()
        suspects += self._wait_for_relay(behind, patience_s)
        unreadable = self.fold.unreadable[: self._told]
        examined = suspects[: self._told - len(unreadable)]
        differences = [*map(self._unreadable, unreadable), *self._examined(examined)]
        return differences, len(self.fold.unreadable) - len(unreadable) + len(suspects) - len(examined)

    def _against_live(self) -> tuple[list[Suspect], dict[Stream, Json]]:
        """The streams that may differ, and those that are ahead of the history, as they are live."""
        suspects: list[Suspect] = []
        behind: dict[Stream, Json] = {}
        for noun, live in self._live():
            self.streams += 1
            stream = (noun, live["_id"])
            folded = self.fold.streams[noun].pop(live["_id"], None)
            match _compare(self.fold.deciders[noun], folded, live):
                case "different":
                    suspects.append(Suspect(stream, live))
                case "ahead":
                    behind[stream] = live
                    if folded:
                        self.fold.streams[noun][live["_id"]] = folded
            if self.streams % STEP == 0:
                self._report("live", self._within.messages)
        missing = [
            (noun, id) for noun, streams in self.fold.streams.items() for id in streams if (noun, id) not in behind
        ]
        self.streams += len(missing)
        return suspects + [Suspect(stream, None) for stream in missing], behind

    def _live(self) -> Iterator[tuple[str, Json]]:
        chosen = {} if self._only is None else {"_id": self._only}
        for noun, decider in self.fold.deciders.items():
            for document in self._database[decider.collection].find(chosen, {"changed": 0}):
                yield noun, _read(document)

    def _wait_for_relay(self, behind: dict[Stream, Json], patience_s: float) -> list[Suspect]:
        """Fold what comes to Kafka of the streams that are behind, until each has what it had live or patience ends."""
        suspects: list[Suspect] = []
        ids = {id for _, id in behind}
        until = time.monotonic() + patience_s
        while behind:
            self._report("relay", self._within.messages)
            for message in self._newly_sent():
                if message.stream in ids:
                    self.fold.take(message)
                    suspects += self._arrived(behind, message.stream)
            if not behind or time.monotonic() > until:
                break
            time.sleep(LOOK_AGAIN_S)
        return suspects + [Suspect(stream, live, len(live.get("events") or ())) for stream, live in behind.items()]

    def _newly_sent(self) -> Iterator[Message]:
        now = whole(self._settings, self._topic, self._only)
        tail = Extent({tp: self._end.get(tp, now.first[tp]) for tp in now.end}, now.end)
        self._end = now.end
        for batch in messages(self._settings, tail, self._only):
            yield from batch

    def _arrived(self, behind: dict[Stream, Json], id: str) -> list[Suspect]:
        """Takes streams called `id` off those behind once they can be compared; those that may differ."""
        suspects = []
        for noun in self.fold.deciders:
            live, folded = behind.get((noun, id)), self.fold.streams[noun].get(id)
            if live is not None and folded and (outcome := _compare(self.fold.deciders[noun], folded, live)) != "ahead":
                del behind[noun, id]
                if outcome == "different":
                    suspects.append(Suspect((noun, id), live, len(live["events"])))
        return suspects

    def _examined(self, suspects: Sequence[Suspect]) -> Iterator[Difference]:
        """Read the suspects' histories once more, whole, and say where each parts from its live stream."""
        wanted = {suspect.stream: suspect for suspect in suspects}
        histories: dict[Stream, list[Sent]] = {stream: [] for stream in wanted}
        ids = {id.encode() for _, id in wanted}
        self._report("details", self._within.messages)
        for batch in messages(self._settings, Extent(self._within.first, self._end), self._only) if ids else ():
            for message in batch:
                if message.key in ids:
                    self._remember(message, wanted, histories)
        for (noun, _), suspect in wanted.items():
            if found := examine(self.fold.deciders[noun], histories[suspect.stream], suspect.live):
                yield found

    def _remember(self, message: Message, wanted: dict[Stream, Suspect], histories: dict[Stream, list[Sent]]) -> None:
        try:
            decider, value, event = read_event(message, self.fold.deciders)
        except Undecodable:  # told already, as unreadable
            return
        suspect = wanted.get((decider.noun, event.subject))
        if suspect is None:
            return
        early = message.offset < self._within.end.get(TopicPartition(message.topic, message.partition), 0)
        # What was written after the live stream was read is not to be held against it.
        if early or (suspect.up_to is not None and event.sequence <= suspect.up_to):
            histories[suspect.stream].append(Sent(value, message.position))

    def _unreadable(self, each: Unreadable) -> Difference:
        return Difference(Kind.UNREADABLE, self._service, each.stream, position=each.position, detail=each.error)


def _compare(decider: AnyDecider, folded: Folded | None, live: Json) -> str:
    """equal, different (perhaps: it must be examined), or ahead: live, but not in the history yet."""
    events = live.get("events")
    if not isinstance(events, list):
        return "different"
    digests = _digests(events)
    if folded is None:
        return "ahead"
    if folded.fault or not digests.startswith(folded.digests):
        return "different"
    if len(digests) > len(folded.digests):
        return "ahead"
    state, told = live.get("state"), form(folded.state.model_dump(mode="json"))
    equal = form(state) == told or form(as_read(decider, state)) == told
    return "equal" if equal and live.get("version") == folded.version else "different"


def _read(document: Json) -> Json:
    """A live stream with its events as JSON; what somebody put there that is no event stays as it is."""
    events = document.get("events")
    return document | {"events": [*map(_event, events)]} if isinstance(events, list) else document


def _event(stored: Any) -> Any:
    try:
        return as_json(stored)
    except (Undecodable, KeyError, TypeError):
        return stored


def _digests(events: Iterable[Json]) -> bytes:
    return b"".join(digest(event) for event in events)
