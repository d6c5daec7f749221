"""A stream at a moment, two moments side by side, the catalogue at a time, and what caused what: without a database."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import example
from hypothesis import given as for_all
from hypothesis import strategies as st

from audit.as_of import Listing, point, since, when
from audit.catalogue import catalogue
from audit.causes import LANE, MARGIN, ROW, picture
from audit.effects import Links
from audit.examine import WITHHELD, same
from audit.leaves import Leaf, in_order
from audit.moments import Field, Moment, back, moment, side_by_side, upto
from audit.recorder_read import Odd
from audit.recorder_store import after
from schemas.entry import SubmissionLine
from schemas.envelope import Event, Fact, Json, timestamp
from schemas.publication import EntryCorrected, EntryRetracted, ManifestLine, ReleasePublished
from tests.audit.histories import event
from tests.runtime.keyring import AT, KEYRINGS
from tests.submissions.given import submission

ENTRY = SubmissionLine.model_validate(submission(), strict=False).entry
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~", max_size=2), inner, max_size=3),
    max_leaves=8,
)
STATES = st.dictionaries(st.text("ab/~", max_size=2), JSON, max_size=3)


def leaf(value: Json, number: int = 0, minute: int = 0, **changed: Any) -> Leaf:
    """An event as it was recorded, so many minutes after AT."""
    made = Leaf(
        ref=f"{value['source']}/{value['id']}",
        number=number,
        service=value["source"][1:],
        noun=value["type"].partition(".")[0],
        stream=value["subject"],
        sequence=value["sequence"],
        type=value["type"],
        time=AT + timedelta(minutes=minute),
        actor=value["actor"],
        cause=value["causationid"],
        correlation=value["correlationid"],
        trace=None,
        position=f"submissions.events:0:{number}",
        event=value,
    )
    return replace(made, **changed)


def issued(count: int) -> list[Leaf]:
    return [leaf(event("s", n), number=n, minute=n) for n in range(1, count + 1)]


def test_a_stream_after_each_of_its_events_is_the_fold_up_to_there() -> None:
    states = [moment(KEYRINGS, issued(3), number).state for number in range(4)]
    assert states == [None, {"keys": ["1"]}, {"keys": ["1", "2"]}, {"keys": ["1", "2", "3"]}]
    assert moment(KEYRINGS, issued(3), 2).leaf == issued(3)[1]


def test_a_time_lies_after_all_events_before_the_first_later_one_and_a_clock_that_ran_back_is_named() -> None:
    leaves = issued(3)
    minutes = (0, 1, 1.5, 3, 9)
    assert [upto(leaves, AT + timedelta(minutes=minute)) for minute in minutes] == [0, 1, 1, 3, 3]
    ran_back = [leaves[0], replace(leaves[1], time=AT), leaves[2]]
    assert back(ran_back) == [ran_back[1]]
    assert upto(ran_back, AT) == 0  # the order is the stream's: the second cannot have happened before the first


@for_all(
    st.lists(st.tuples(st.sampled_from(["user:li", "service:review"]), st.sampled_from([0.0, 0.067, 1.0, 1.001, 5.0])))
)
@example([("user:li", 5.0), ("service:review", 0.0), ("user:li", 1.0)])
@example([("user:li", 0.067), ("user:li", 0.0)])
def test_time_machine_recorder_and_replay_name_the_same_clocks(told: list[tuple[str, float]]) -> None:
    events = [
        event("s", n) | {"actor": actor, "time": timestamp(AT + timedelta(seconds=seconds))}
        for n, (actor, seconds) in enumerate(told, 1)
    ]
    leaves = [leaf(each, actor=each["actor"], time=datetime.fromisoformat(each["time"])) for each in events]
    links = Links()
    links.tell("submissions", "partner", "s", events, ())
    recorded: list[int] = []
    before = None
    for each in leaves:
        document = {"_id": each.ref, "position": "", "time": each.time, "actor": each.actor, "sequence": each.sequence}
        recorded += [each.sequence for oddity in after(document, before) if oddity.kind is Odd.CLOCK]
        before = document
    assert [each.sequence for each in back(leaves)] == recorded == [where[3] for where, _ in links.clocks]


def test_an_event_that_cannot_be_folded_is_shown_with_the_fold_up_to_it_and_why() -> None:
    leaves = issued(3)
    later = leaf({**leaves[1].event, "type": "partner.key-issued.v9"}, minute=2)
    found = moment(KEYRINGS, [leaves[0], later, leaves[2]], 3)
    assert (found.number, found.leaf, found.folded, found.state) == (3, leaves[2], 1, {"keys": ["1"]})
    assert found.problem == "/submissions/s/2: unknown event type partner.key-issued.v9"


def test_of_a_stream_of_an_unknown_kind_the_events_are_shown_and_nothing_is_folded() -> None:
    (appeared,) = [leaf({**event("s", 1), "type": "ghost.appeared.v1"})]
    why = "/submissions/s/1: no service of this version has streams of the kind ghost"
    assert moment(None, [appeared], 1) == Moment(1, appeared, None, 0, why)
    assert moment(None, [appeared], 0) == Moment(0, None, None, 0)


def test_a_stream_is_told_up_to_the_first_event_that_is_missing_and_without_what_contradicts() -> None:
    one, two, three, four = issued(4)
    other = replace(two, contradicts=two.ref)
    assert in_order([one, two, other, three]) == ([one, two, three], None)
    assert in_order([one, two, four]) == ([one, two], "/submissions/s/3")
    assert in_order([two]) == ([], "/submissions/s/1")


def test_two_states_stand_side_by_side_field_by_field() -> None:
    before = {"status": "queued", "edition": None, "tags": ["a", "b"], "contact": {"name": "Ma"}}
    after = {"status": "published", "edition": {"number": 1}, "tags": ["a"], "contact": {"name": "Li"}, "at": None}
    assert side_by_side(before, after) == [
        Field("/status", "queued", "published", "changed"),
        Field("/edition/number", None, 1, "set"),
        Field("/tags/0", "a", "a", "same"),
        Field("/tags/1", "b", None, "removed"),
        Field("/contact/name", WITHHELD, WITHHELD, "changed"),
        Field("/at", None, None, "set"),
    ]
    assert [field.change for field in side_by_side(None, {"keys": []})] == ["set"]
    assert side_by_side(None, None) == side_by_side({}, {}) == []


@for_all(STATES, STATES)
@example({"a": [1]}, {"a": {"0": 1}})
def test_states_differ_in_some_field_just_if_they_are_not_equal(one: Json, other: Json) -> None:
    assert all(field.change == "same" for field in side_by_side(one, one))
    changed = [field for field in side_by_side(one, other) if field.change != "same"]
    assert bool(changed) == (not same(one, other))


def line(entry: str, kind: str = "scene", edition: int = 1) -> ManifestLine:
    said = {"entry": entry, "edition": edition, "kind": kind, "sector": None, "partner": "p", "digest": "d"}
    return ManifestLine.model_validate(said | {"title": {"zh": entry}})


def published(source: str, stream: str, number: int, fact: Fact) -> Leaf:
    made = Event(f"{stream}/1", source, stream, AT, 1, "x", "x", "user:test", fact)
    return leaf(made.to_json(), number=number, minute=number)


def test_the_catalogue_at_a_time_is_what_was_published_less_what_was_retracted_in_its_editions() -> None:
    release = ReleasePublished(manifest="m", lines=(line("p/a"), line("p/b"), line("p/c", "product")))
    corrected = EntryCorrected(edition=2, partner="p", digest="e", entry=ENTRY)
    told = [
        published("/publishing", "2026-11", 1, release),
        published("/publishing", "p/a", 2, corrected),
        published("/publishing", "p/b", 3, EntryRetracted(reason="wrong")),
    ]
    shown = {"edition": 1, "release": "2026-11", "kind": "scene", "digest": "d"}
    a, b = shown | {"title": {"zh": "p/a", "en": None}}, shown | {"title": {"zh": "p/b", "en": None}}
    c = shown | {"kind": "product", "title": {"zh": "p/c", "en": None}}
    title = ENTRY.title.model_dump(mode="json")
    again = a | {"edition": 2, "title": title, "digest": "e"}
    assert [catalogue(told[:n]) for n in range(4)] == [
        {},
        {"p/a": a, "p/b": b, "p/c": c},
        {"p/a": again, "p/b": b, "p/c": c},
        {"p/a": again, "p/c": c},
    ]
    seen = Listing(AT, AT, catalogue(told), catalogue(told[:1]))
    assert seen.changed == {"p/a": "corrected", "p/b": "removed"}
    assert seen.counts == {"scene": 1, "product": 1, "linkage": 0}


def test_a_story_is_drawn_with_a_lane_for_each_service_and_a_line_from_cause_to_effect() -> None:
    first = leaf(event("s", 1), number=1)
    opened = leaf({**event("s@1", 1), "source": "/review"}, number=2, cause=first.ref)
    again = leaf(event("s", 2), number=3, cause=first.ref)
    drawn = picture([first, opened, again])
    assert drawn.lanes == ("submissions", "review")
    assert (drawn.width, drawn.height) == (2 * MARGIN + LANE, 3 * ROW)
    assert [(step.row, step.x, step.y, step.cause, step.effects) for step in drawn.steps] == [
        (0, 14, 30, None, (1, 2)),
        (1, 40, 90, 0, ()),
        (2, 14, 150, 0, ()),
    ]
    assert [(step.line is None, step.thread is None) for step in drawn.steps] == [
        (True, True),
        (False, True),
        (False, True),
    ]
    # What somebody does goes on from the event before it in its stream.
    alone = picture([first, replace(again, cause="request:1")])
    assert alone.steps[1].line is None and alone.steps[1].thread == "M14 30V90"
    assert all((step.line or "").startswith("M14 30") for step in drawn.steps[1:])


def test_a_moment_is_a_number_a_time_or_the_end_of_a_day_or_of_a_second_in_the_city() -> None:
    assert point(" 12 ") == 12
    assert [str(point(text)) for text in ("2026-11-28", "2026-11-28T12:00", "2026-11-28T12:00:00.5Z")] == [
        "2026-11-28 15:59:59.999000+00:00",
        "2026-11-28 04:00:00.999000+00:00",
        "2026-11-28 12:00:00.500000+00:00",
    ]
    assert str(since("2026-11-28")) == "2026-11-27 16:00:00+00:00"


@pytest.mark.parametrize("text", ["0001-01-01T00:00", "9999-12-31T23:59:59-12:00", "2026-13-01", "soon"])
def test_what_lies_beyond_all_years_is_no_moment(text: str) -> None:
    for read in (since, when):
        with pytest.raises(ValueError):
            read(text)
