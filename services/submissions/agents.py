"""What review and publishing tell of submissions goes into the projection `progress`."""

from collections.abc import Mapping, Sequence

import faust

from runtime.consume import React, subscribe
from runtime.parking import Parking
from runtime.rebuild import Projection
from runtime.settings import Settings
from runtime.swap import Made
from schemas.envelope import Event, Json
from schemas.topics import PUBLISHING, REVIEW
from submissions.store import ProgressStore

#: Histories that are read: those of their events that are not about a submission are passed over.
TOPICS = (REVIEW, PUBLISHING)
_NOUNS = ("case", "entry")


def on_progress(progress: ProgressStore) -> React:
    """The reaction: each event is folded into its submission's progress."""

    async def react(events: Sequence[Event]) -> None:
        await progress.take([event for event in events if event.type.partition(".")[0] in _NOUNS])

    return react


def reactions(progress: ProgressStore) -> Mapping[str, React]:
    """What the worker does, by topic."""
    return dict.fromkeys(TOPICS, on_progress(progress))


def attach(app: faust.App, settings: Settings, parking: Parking, progress: ProgressStore) -> None:
    """Subscribe the worker to all it reacts to."""
    for topic, react in reactions(progress).items():
        subscribe(app, settings.topic(topic), react, parking)


def _said(progress: Json) -> Json:
    """What a document says, whichever of two histories it heard first."""
    told = progress["progress"]
    return {"status": progress["status"], "told": told | {"steps": sorted(told["steps"], key=str)}}


def _ahead(live: Json, made: Json) -> bool:
    seen = made["progress"]["seen"]
    return any(sequence > seen.get(stream, 0) for stream, sequence in live["progress"]["seen"].items())


PROJECTIONS = (
    Projection(
        # Whoever read the live document before it is replaced must not write on the strength of it.
        Made("progress", lambda a, b: _said(a) == _said(b), _ahead, lambda a, b: b | {"version": a["version"] + 1}),
        TOPICS,
        lambda database: on_progress(ProgressStore(database)),
    ),
)
