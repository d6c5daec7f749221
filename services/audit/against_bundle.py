"""A history held against an evidence bundle: whether Kafka still says, event by event, what was proven then.

MongoDB is not asked. The bundle is verified first: what does not hold proves nothing.
"""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import orjson

from audit.bundle_read import events
from audit.bundle_verify import Outcome, verify
from audit.examine import Difference, Kind, first_difference, shown
from audit.history import messages, partition_of, reach, whole
from audit.replay import Progress
from audit.servers import kafka_said
from audit.sums import Counts, Verdict
from runtime.replay import Extent
from runtime.settings import Settings
from schemas.envelope import timestamp


class DoesNotHold(Exception):
    """The bundle has faults, which `outcome` tells."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(str(outcome.faults[:1]))
        self.outcome = outcome


def replay_against(settings: Settings, bundle: Path, progress: Callable[[Progress], None]) -> Verdict:
    """Hold the histories against a bundle; what `progress` raises ends it.

    Raises OSError where there is none, EarlierForm, DoesNotHold, Unreachable or a KafkaError.
    """
    began, at = time.perf_counter(), datetime.now(UTC)
    outcome = verify(bundle)
    if not outcome.holds:
        raise DoesNotHold(outcome)
    reach(settings.kafka_bootstrap)
    proven: dict[str, dict[str, bytes]] = {}
    for ref, raw in events(bundle).items():
        proven.setdefault(ref.split("/")[1], {})[ref] = raw
    extents = {service: _of_streams(settings, service, those) for service, those in proven.items()}
    total, done = sum(extent.messages for extent in extents.values()), 0
    counts: list[Counts] = []
    differences: list[Difference] = []
    for service, wanted in proven.items():
        found: dict[str, list[Difference]] = {}
        for batch in messages(settings, extents[service]):
            for message in batch:
                if (name := _ref(message.value)) is not None and name in wanted:
                    found.setdefault(name, []).extend(_compared(service, message.value, message.position, wanted[name]))
            done += len(batch)
            progress(Progress("bundle", service, min(done, total), total, time.perf_counter() - began))
        own = [each for ref in wanted for each in found.get(ref, [_missing(service, wanted[ref])])]
        streams = {orjson.loads(raw)["subject"] for raw in wanted.values()}
        counts.append(Counts(service, len(streams), len(found), 0, len(own)))
        differences += own
    seconds = time.perf_counter() - began
    return Verdict(
        equal=not differences,
        at=timestamp(at),
        service=None,
        stream=None,
        streams=sum(each.streams for each in counts),
        events=sum(each.events for each in counts),
        duplicates=0,
        differing=len(differences),
        seconds=round(seconds, 3),
        rate=round(done / seconds, 1),
        services=tuple(counts),
        differences=tuple(differences),
        against="bundle",
        kafka=kafka_said(settings),
    )


def _of_streams(settings: Settings, service: str, proven: Mapping[str, bytes]) -> Extent:
    """What there is to read now of the partitions in which the bundle's streams lie."""
    full = whole(settings, settings.topic(f"{service}.events"))
    numbers = {partition_of(orjson.loads(raw)["subject"], len(full.end)) for raw in proven.values() if full.end}
    return Extent(
        *({tp: at for tp, at in offsets.items() if tp.partition in numbers} for offsets in (full.first, full.end))
    )


def _ref(value: bytes | None) -> str | None:
    try:
        event = orjson.loads(value or b"")
        return f"{event['source']}/{event['id']}"
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None


def _compared(service: str, value: bytes | None, position: str, proven: bytes) -> list[Difference]:
    """Where the event on Kafka parts from the one that was proven."""
    if value == proven:
        return []
    now, then = orjson.loads(value or b""), orjson.loads(proven)
    if (other := first_difference(now, then)) is None:
        return []
    pointer, history, bundle = other
    said = {"pointer": pointer, "history": shown(pointer, history), "live": shown(pointer, bundle)}
    return [_difference(Kind.BUNDLE_EVENT, service, proven, position=position, **said)]


def _missing(service: str, proven: bytes) -> Difference:
    return _difference(Kind.BUNDLE_EVENT_NOT_ON_KAFKA, service, proven)


def _difference(kind: Kind, service: str, proven: bytes, **where: str | None) -> Difference:
    event = orjson.loads(proven)
    noun = event["type"].partition(".")[0]
    return Difference(kind, service, event["subject"], noun, event["sequence"], event["type"], **where)
