"""Whole lives of entries, from submission to publication, as the services' own `decide` and `evolve` make them.

Nothing is sent or written: the streams are documents as MongoDB holds them, and their events are what the relay sends.
Twelve events an entry, besides those of its month.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from publishing.domain import entry as entries
from publishing.domain import release as releases
from publishing.domain.entry import ENTRIES
from publishing.domain.release import RELEASES
from review.domain import CASES, Open
from review.domain.claiming import Claim
from review.domain.reviewing import GiveReview
from schemas.entry import Scene, without_contact
from schemas.envelope import Command, Decider, Event, Json, Refusal, State, canonical_hash
from schemas.review import CRITERIA, CaseDecided, Route, Verdict
from submissions.domain.submission import SUBMISSIONS, Receive
from tests.bench.ground import PARTNER, lines

AnyDecider = Decider[Any, Any, Any]
BEGAN = datetime(2026, 11, 2, 8, tzinfo=UTC)
#: Scenes in a release: what one may hold of a kind.
RELEASED_TOGETHER = 100
#: Events of each entry, and of each release beside those.
EVENTS_OF_AN_ENTRY, EVENTS_OF_A_RELEASE = 12, 3
A_MONTH = RELEASED_TOGETHER * EVENTS_OF_AN_ENTRY + EVENTS_OF_A_RELEASE


@dataclass
class Streams:
    """All streams of a decider, in memory, by id: their state and their events."""

    decider: AnyDecider
    states: dict[str, State] = field(default_factory=dict)
    events: dict[str, list[Json]] = field(default_factory=dict)

    def handle(self, command: Command) -> list[Event]:
        """Decide, fold and keep: `runtime.streams` without a database. A refusal is a mistake of this program."""
        id, decider = command.stream, self.decider
        state, told = self.states.get(id, decider.state()), self.events.setdefault(id, [])
        facts = decider.decide(state, command)
        assert not isinstance(facts, Refusal), facts
        made: list[Event] = []
        for fact in facts:
            number = len(told) + 1
            correlation = told[0]["correlationid"] if told else command.correlation or f"{decider.source}/{id}/1"
            event = Event(
                id=f"{id}/{number}",
                source=decider.source,
                subject=id,
                time=command.at,
                sequence=number,
                causationid=command.cause,
                correlationid=correlation,
                actor=command.actor,
                data=fact,
            )
            told.append(event.to_json())
            made.append(event)
            state = decider.evolve(state, fact)
        self.states[id] = state
        return made

    def documents(self) -> list[Json]:
        """The streams as MongoDB holds them."""
        return [
            {"_id": id, "version": len(told), "state": self.states[id].model_dump(mode="json"), "events": told}
            for id, told in self.events.items()
        ]


@dataclass(frozen=True)
class Lives:
    """The streams of all services that took part; `all` in the order of the flow."""

    submissions: Streams
    cases: Streams
    entries: Streams
    releases: Streams

    @property
    def all(self) -> Sequence[Streams]:
        return (self.submissions, self.cases, self.entries, self.releases)


def lives(events: int, seed: int = 1, first_month: int = 0) -> Lives:
    """At least so many events of whole lives, of this month and those that follow: each has entries of its own."""
    made = Lives(Streams(SUBMISSIONS), Streams(CASES), Streams(ENTRIES), Streams(RELEASES))
    months = -(-events // A_MONTH)
    sent = [_scene(line) for line in lines(months * RELEASED_TOGETHER, seed)]
    for month in range(months):
        number = first_month + month
        of_month = sent[month * RELEASED_TOGETHER : (month + 1) * RELEASED_TOGETHER]
        _month(made, f"{2026 + number // 12}-{number % 12 + 1:02}", number * RELEASED_TOGETHER, of_month)
    return made


def _scene(line: bytes) -> Scene:
    return Scene.model_validate(orjson.loads(line)["entry"], strict=False)


def _month(made: Lives, month: str, first: int, sent: Sequence[Scene]) -> None:
    at = BEGAN + timedelta(seconds=first)
    publisher: Json = {"stream": month, "cause": f"bench/{month}", "actor": "user:publisher-wu"}
    made.releases.handle(releases.Open(**publisher, at=at, targets={"scene": RELEASED_TOGETHER}))
    streams = [
        _entry(made, f"{PARTNER['uscc']}/SC-{number:07}", entry, month, at) for number, entry in enumerate(sent, first)
    ]
    at += timedelta(hours=4)
    made.releases.handle(releases.Freeze(**publisher, at=at))
    (published,) = made.releases.handle(releases.PublishRelease(**publisher, at=at))
    for stream in streams:
        made.entries.handle(entries.Publish(stream=stream, release=month, **_follows(published, "publishing")))


def _entry(made: Lives, stream: str, entry: Scene, month: str, at: datetime) -> str:
    digest = canonical_hash(entry.model_dump(mode="json"))
    receive = Receive(
        stream=stream,
        cause=f"bench/{stream}",
        actor=f"partner:{PARTNER['uscc']}",
        at=at,
        revision=1,
        digest=digest,
        entry=entry,
    )
    (received,) = made.submissions.handle(receive)
    decided = _case(made, received, entry, digest)
    fact = decided.data
    assert isinstance(fact, CaseDecided)
    made.entries.handle(
        entries.Queue(
            stream=stream,
            case=decided.subject,
            partner=fact.partner,
            revision=1,
            digest=digest,
            entry=fact.entry,
            score=fact.score,
            **_follows(decided, "publishing"),
        )
    )
    schedule = entries.Schedule(
        stream=stream, cause=f"bench/{stream}/schedule", actor="user:publisher-wu", at=decided.time, release=month
    )
    (scheduled,) = made.entries.handle(schedule)
    state = made.entries.states[stream]
    assert isinstance(state, entries.CatalogueEntry)
    made.releases.handle(
        releases.Add(stream=month, line=entries.line(stream, state), **_follows(scheduled, "publishing"))
    )
    return stream


def _case(made: Lives, received: Event, entry: Scene, digest: str) -> Event:
    """Opened, checked, and approved by two reviewers; the decision."""
    case = f"{received.subject}@1"
    made.cases.handle(
        Open(
            stream=case,
            submission=received.subject,
            revision=1,
            partner=PARTNER["uscc"],
            digest=digest,
            entry=without_contact(entry),
            previous=None,
            ruleset="bench",
            findings=(),
            score=100,
            route=Route.ORDINARY,
            reasons=(),
            **_follows(received, "review"),
        )
    )
    events: list[Event] = []
    at = received.time
    for reviewer in ("reviewer-li", "reviewer-zhao"):
        at += timedelta(minutes=1)
        person: Json = {"stream": case, "actor": f"user:{reviewer}", "reviewer": reviewer, "partner": None, "at": at}
        made.cases.handle(Claim(**person, cause=f"bench/{case}/{reviewer}/claim", until=at + timedelta(minutes=30)))
        events = made.cases.handle(
            GiveReview(
                **person,
                cause=f"bench/{case}/{reviewer}/review",
                scores=dict.fromkeys(CRITERIA["scene"], 4),
                verdict=Verdict.APPROVE,
                comment="面向社会，可以推广。",
            )
        )
    return events[-1]


def _follows(event: Event, service: str) -> Json:
    return {
        "cause": event.ref,
        "actor": f"service:{service}",
        "at": event.time,
        "correlation": event.correlationid,
    }
