"""What the review does about submissions: each revision opens a case, already checked; what it replaces is closed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import faust
from pymongo.asynchronous.database import AsyncDatabase

from review.checks.assess import assess, findings, reasons
from review.checks.linkage import references
from review.checks.ruleset import CURRENT
from review.domain import Case, CaseCommand, Close, Open
from review.duplicates.index import Asked, Duplicates
from review.store import CaseStore
from runtime.consume import React, subscribe
from runtime.parking import Parking
from runtime.rebuild import Projection
from runtime.settings import Settings
from runtime.streams import Streams
from runtime.swap import Made
from schemas import topics
from schemas.entry import Entry, without_contact
from schemas.envelope import Event, Json
from schemas.review import CaseFact, CheckFinding, Route
from schemas.submission import SubmissionReceived, SubmissionRevised, SubmissionWithdrawn

ACTOR = "service:review"
#: What was noticed about each revision, by its event's id.
Findings = Mapping[str, tuple[CheckFinding, ...]]


@dataclass(frozen=True, slots=True)
class _Sent:
    """A revision as its event brought it, and the case that is to be opened for it."""

    event: Event
    data: SubmissionReceived | SubmissionRevised
    case: str

    @property
    def asked(self) -> Asked:
        return Asked(self.case, self.data.entry)


def attach(app: faust.App, settings: Settings, parking: Parking, react: React) -> None:
    """Have `react` (see `on_submissions`) handle the history of submissions."""
    subscribe(app, settings.topic(topics.SUBMISSIONS), react, parking)


def on_submissions(cases: Streams[Case, CaseCommand, CaseFact], store: CaseStore, duplicates: Duplicates) -> React:
    """The reaction to submissions: received and revised open a case, withdrawn closes it; the rest is not ours."""

    async def react(events: Sequence[Event]) -> None:
        sent = _sent(events)
        resembling = await duplicates.search([one.asked for one in sent])
        known = await _known(sent, store)
        found = {
            one.event.id: findings(one.data.entry, _unknown(one.data.entry, known), alike, CURRENT)
            for one, alike in zip(sent, resembling, strict=True)
        }
        later = [event for event in events if isinstance(event.data, SubmissionRevised | SubmissionWithdrawn)]
        revisions = await store.revisions({event.subject for event in later})
        # What a revision takes the place of is closed first: nobody reviews it any more, and who did alone is known.
        closing = _closing(events, revisions)
        closed = {outcome.stream: outcome.state for outcome in (await cases.handle(closing) if closing else [])}
        await cases.handle(list(_commands(events, found, revisions, closed)))

    return react


def _remembering(database: AsyncDatabase[Json]) -> React:
    """The reaction that makes the index of duplicates from the history of submissions, and decides nothing."""
    duplicates = Duplicates(database)

    async def react(events: Sequence[Event]) -> None:
        await duplicates.search([one.asked for one in _sent(events)])

    return react


PROJECTIONS = (
    Projection(
        # Under which tokens a case is found depends on which had become common by then: the sketch does not.
        Made("fingerprints", lambda a, b: (a["sketch"], a["texts"]) == (b["sketch"], b["texts"]), lambda a, b: False),
        (topics.SUBMISSIONS,),
        _remembering,
    ),
)


def _sent(events: Sequence[Event]) -> list[_Sent]:
    return [
        _Sent(event, event.data, _case(event.subject, event.data.revision))
        for event in events
        if isinstance(event.data, SubmissionReceived | SubmissionRevised)
    ]


def _closing(events: Sequence[Event], revisions: Mapping[str, set[int]]) -> list[CaseCommand]:
    """The first thing that these events lead to: the cases that stood before them are closed."""
    closing: list[CaseCommand] = []
    revised = set[str]()
    for event in events:
        numbers = revisions.get(event.subject, set())
        match event.data:
            case SubmissionRevised(revision=revision):
                revised.add(event.subject)
                if former := _former(numbers, revision):
                    closing.append(_close(_case(event.subject, former), event, "superseded"))
            case SubmissionWithdrawn() if numbers and event.subject not in revised:
                closing.append(_close(_case(event.subject, max(numbers)), event, "withdrawn"))
            case _:
                pass
    return closing


def _former(numbers: set[int], revision: int) -> int | None:
    """Redelivered, a revision meets the cases of later ones too: only those before it are its former ones."""
    return max((number for number in numbers if number < revision), default=None)


def _commands(
    events: Sequence[Event], found: Findings, revisions: Mapping[str, set[int]], closed: Mapping[str, Case]
) -> Iterator[CaseCommand]:
    """The commands that events lead to. `revisions` are those of each submission that have a case already; `closed` are
    the cases that stood before these events and were closed for them.
    """
    open_so_far = {submission: set(numbers) for submission, numbers in revisions.items()}
    for event in events:
        numbers = open_so_far.setdefault(event.subject, set())
        match event.data:
            case SubmissionReceived(revision=revision) | SubmissionRevised(revision=revision):
                former = _former(numbers, revision)
                previous = _case(event.subject, former) if former else None
                if previous:
                    yield _close(previous, event, "superseded")
                # A case that is opened and closed by the same events was reviewed by nobody.
                sole = closed[previous].sole() if previous and previous in closed else None
                yield _open(event, event.data, previous, sole, found[event.id])
                numbers.add(revision)
            case SubmissionWithdrawn() if numbers:
                yield _close(_case(event.subject, max(numbers)), event, "withdrawn")
            case _:
                pass


def _open(
    event: Event,
    sent: SubmissionReceived | SubmissionRevised,
    previous: str | None,
    sole_reviewer: str | None,
    found: tuple[CheckFinding, ...],
) -> Open:
    score, route = assess(sent.entry, found, CURRENT)
    return Open(
        stream=_case(event.subject, sent.revision),
        cause=event.ref,
        actor=ACTOR,
        at=event.time,
        correlation=event.correlationid,
        traceparent=event.traceparent,
        submission=event.subject,
        revision=sent.revision,
        partner=event.subject.partition("/")[0],
        digest=sent.digest,
        entry=without_contact(sent.entry),
        previous=previous,
        sole_reviewer=sole_reviewer,
        ruleset=CURRENT.version,
        findings=found,
        score=score,
        route=route,
        reasons=reasons(found, CURRENT) if route is Route.RETURN else (),
    )


def _close(case: str, event: Event, reason: Literal["withdrawn", "superseded"]) -> Close:
    return Close(
        stream=case,
        cause=event.ref,
        actor=ACTOR,
        at=event.time,
        correlation=event.correlationid,
        traceparent=event.traceparent,
        reason=reason,
    )


async def _known(sent: Sequence[_Sent], store: CaseStore) -> set[tuple[str, str]]:
    """Which of the entries referred to exist, as (kind, submission): those with a case, and those of this batch."""
    asked = {id for one in sent for _, id in references(one.data.entry)}
    return await store.known(asked) | {(one.data.entry.kind, one.event.subject) for one in sent}


def _unknown(entry: Entry, known: set[tuple[str, str]]) -> list[str]:
    return [id for kind, id in references(entry) if (kind, id) not in known]


def _case(submission: str, revision: int) -> str:
    return f"{submission}@{revision}"
