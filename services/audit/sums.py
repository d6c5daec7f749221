"""What the units of a replay come to: a verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pymongo import MongoClient

from audit.effects import Ledger, Where
from audit.examine import Difference, Kind
from audit.fold import AnyDecider
from audit.units import TOLD, Found, Worker
from runtime.settings import Settings
from schemas.envelope import Json

#: What a history is held against.
Against = Literal["live", "nothing", "bundle"]


@dataclass(frozen=True)
class Counts:
    """What was compared of one service. `events` are those folded, `duplicates` the relay's repetitions.

    `went_on` counts the streams that are longer live than the history that was asked for: of those the state is not
    compared.
    """

    service: str
    streams: int
    events: int
    duplicates: int
    differing: int
    went_on: int = 0


@dataclass(frozen=True)
class Verdict:
    """What a replay found. `differing` counts all differences, of which `differences` tells the first TOLD.

    `equal` is false also where there was nothing to compare: then neither `differing` nor `streams` counts anything.

    `noticed` counts what is odd in the histories without keeping any stream from being equal, `notices` tells of it.
    `rate` is in events a second; `service`, `stream` and `until` say to what the replay was confined, if to anything.
    `resumed`: part of it was found by a replay that was cut off. `kafka` and `mongo` are the servers that were read,
    None where one was not.
    """

    equal: bool
    at: str
    service: str | None
    stream: str | None
    streams: int
    events: int
    duplicates: int
    differing: int
    seconds: float
    rate: float
    services: tuple[Counts, ...]
    differences: tuple[Difference, ...]
    noticed: int = 0
    notices: tuple[Difference, ...] = ()
    went_on: int = 0
    until: str | None = None
    against: Against = "live"
    processes: int = 1
    resumed: bool = False
    kafka: str | None = None
    mongo: str | None = None

    @property
    def nothing(self) -> bool:
        """Whether there was nothing to compare, as of a stream that nobody knows."""
        return not (self.streams or self.differing)

    def to_json(self) -> Json:
        """The verdict as JSON: what is kept, sent and printed."""
        told = {"differences": self.differences, "notices": self.notices}
        return asdict(self) | {
            name: [asdict(each) | {"kind": str(each.kind)} for each in those] for name, those in told.items()
        }


@dataclass
class Counted:
    """One service's units, added up. `ends` are the offsets up to which each partition was read."""

    events: int = 0
    duplicates: int = 0
    differing: int = 0
    went_on: int = 0
    differences: list[Difference] = field(default_factory=list)
    versions: dict[str, dict[str, int]] = field(default_factory=dict)
    ends: dict[int, int] = field(default_factory=dict)
    split: set[str] = field(default_factory=set)

    def add(self, found: Found) -> None:
        self.events += found.events
        self.duplicates += found.duplicates
        self.differing += found.differing
        self.went_on += found.went_on
        self.differences += found.differences
        # Slices of a partition may have ended at different offsets: a latecomer is looked for from the least.
        self.ends[found.partition] = min(found.end, self.ends.get(found.partition, found.end))
        for noun, versions in found.versions.items():
            known = self.versions.setdefault(noun, {})
            self.split |= known.keys() & versions.keys()
            known |= {id: max(version, known.get(id, 0)) for id, version in versions.items()}


class Sums:
    """All units, added up."""

    def __init__(self, topics: Mapping[str, str]) -> None:
        self._topics = topics
        self.services = {name: Counted() for name in topics}
        self.ledger = Ledger()
        self.notices: list[Difference] = []
        self.noticed = 0

    @property
    def events(self) -> int:
        return sum(counted.events for counted in self.services.values())

    def add(self, found: Found) -> None:
        """Take in what one unit found."""
        self.services[found.service].add(found)
        self.ledger.add(found.links)
        if found.gap:
            place = f"{self._topics[found.service]}:{found.partition}:{found.gap}"
            detail = f"0 – {found.gap - 1}"
            self._notice(Difference(Kind.GAP, found.service, "", position=place, detail=detail))
        for where, detail in found.links.clocks:
            self._notice(_noticed(Kind.CLOCK, where, "/time", detail))

    def mend_split(
        self,
        settings: Settings,
        deciders: Sequence[AnyDecider],
        mongo: MongoClient[Json],
        partitions: Mapping[str, int],
    ) -> None:
        """Of streams that lie on several partitions, say so, in place of what each of their parts looks like."""
        for service, counted in self.services.items():
            if not counted.split:
                continue
            kept = [each for each in counted.differences if each.stream not in counted.split]
            counted.differing -= len(counted.differences) - len(kept)
            worker = Worker(settings, deciders, mongo)
            try:
                more = list(worker.split(service, counted.split, partitions[service]))
            finally:
                worker.close()
            counted.differing += len(more)
            counted.differences = kept + more

    def link(self, before: str) -> None:
        """Notice causes that are in no history, and events from before that time which led to nothing."""
        lengths: dict[str, dict[str, int]] = {}
        for service, counted in self.services.items():
            known = lengths[service] = dict[str, int]()
            for versions in counted.versions.values():
                known |= {id: max(version, known.get(id, 0)) for id, version in versions.items()}
        for where, cause in self.ledger.unknown_causes(lengths):
            self._notice(_noticed(Kind.CAUSE_UNKNOWN, where, "/causationid", cause))
        for where, effect in self.ledger.without_effect(list(self.services), before):
            self._notice(_noticed(Kind.NO_EFFECT, where, None, effect))

    def _notice(self, notice: Difference) -> None:
        self.noticed += 1
        if len(self.notices) < TOLD:
            self.notices.append(notice)

    def verdict(self, **said: Any) -> Verdict:
        """What it all comes to."""
        counts = tuple(
            Counts(name, sum(map(len, one.versions.values())), one.events, one.duplicates, one.differing, one.went_on)
            for name, one in self.services.items()
        )
        differences = [each for counted in self.services.values() for each in counted.differences]
        streams, differing = sum(count.streams for count in counts), sum(count.differing for count in counts)
        return Verdict(
            equal=streams > 0 and differing == 0,
            streams=streams,
            events=self.events,
            duplicates=sum(count.duplicates for count in counts),
            differing=differing,
            services=counts,
            differences=tuple(sorted(differences, key=_order)[:TOLD]),
            noticed=self.noticed,
            notices=tuple(sorted(self.notices, key=_order)),
            went_on=sum(count.went_on for count in counts),
            **said,
        )


def _order(difference: Difference) -> tuple[str, str, int]:
    return difference.service, difference.stream, difference.sequence or 0


def _noticed(kind: Kind, where: Where, pointer: str | None, detail: str) -> Difference:
    service, noun, stream, sequence, type, position = where
    return Difference(kind, service, stream, noun, sequence, type, pointer, position=position, detail=detail)
