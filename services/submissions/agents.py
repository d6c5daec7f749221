"""What review and publishing tell of submissions goes into the projection `progress`."""

from collections.abc import Mapping, Sequence

import faust
from kafka import KafkaAdminClient

from runtime.consume import React, subscribe
from runtime.parking import Parking
from runtime.settings import Settings
from schemas.envelope import Event
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


def at_work(settings: Settings) -> bool:
    """Whether any worker of this service is in its consumer group."""
    group = settings.topic_prefix + "submissions"
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
    try:
        # A group that nobody ever joined cannot be described.
        known = any(each["group_id"] == group for each in admin.list_groups())
        return known and bool(admin.describe_groups([group])[group]["members"])
    finally:
        admin.close()
