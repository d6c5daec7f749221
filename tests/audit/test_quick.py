"""The fast way says equal only where the exact way does, whatever became of history and live stream on the way."""

import copy
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from bson import Int64, ObjectId
from hypothesis import example, given, settings
from hypothesis import strategies as st

from audit.compare import Judged, Place, judge, judge_alone
from audit.fold import AnyDecider, form
from audit.quick import agreed, folded
from runtime.stored import as_stored
from schemas.envelope import Json
from schemas.events import from_json
from tests.audit.histories import document, event
from tests.bench.lives import lives
from tests.runtime.keyring import AT, KEYRINGS

PLACE = Place("t", 0)
#: One stream of each kind, as the services make them.
REAL: list[tuple[AnyDecider, Json]] = [
    (streams.decider, orjson.loads(orjson.dumps(streams.documents()[0]))) for streams in lives(1).all
]
NAMES = [decider.noun for decider, _ in REAL]
real = pytest.mark.parametrize(("decider", "live"), REAL, ids=NAMES)


def both(decider: AnyDecider, history: list[bytes], live: Json | None) -> None:
    """Judge in both ways: they must agree in all that they say."""
    if live and (stored := _as_stored(live)) != live:
        both(decider, history, stored)
    id = live["_id"] if live else "a"
    records = list(enumerate(history))
    lives = {decider.noun: live} if live else {}
    deciders = {decider.noun: decider}
    quickly, exactly = (judge(deciders, id.encode(), records, PLACE, lives, exactly=exact) for exact in (False, True))
    assert_same(quickly, exactly)
    assert_same(*(judge_alone(deciders, id.encode(), records, PLACE, exactly=exact) for exact in (False, True)))


def _as_stored(live: Json) -> Json:
    """The live stream with its events' data as the text that is stored, where they can be told so."""
    events = live.get("events")
    if not isinstance(events, list) or not all(isinstance(e, dict) and isinstance(e.get("data"), dict) for e in events):
        return live
    try:
        return {**live, "events": [*map(as_stored, events)]}
    except TypeError:  # what is no JSON
        return live


def assert_same(quickly: Judged, exactly: Judged) -> None:
    assert quickly.differences == exactly.differences
    assert [(t.noun, form(list(t.events))) for t in quickly.told] == [
        (t.noun, form(list(t.events))) for t in exactly.told
    ]
    assert (quickly.duplicates, quickly.behind) == (exactly.duplicates, exactly.behind)


@given(st.lists(st.integers(0, 7)), st.lists(st.integers(0, 7)))
def test_both_ways_agree_on_repeats_gaps_and_other_events(sent: list[int], stored: list[int]) -> None:
    events = [event("a", n % 4 + 1, key=f"k{n // 4}") for n in range(8)]
    both(KEYRINGS, [orjson.dumps(events[n]) for n in sent], document("a", *(events[n] for n in stored)))


@real
def test_what_services_make_is_equal_the_fast_way(decider: AnyDecider, live: Json) -> None:
    events = agreed(decider, live["_id"], [orjson.dumps(each) for each in live["events"]], live)
    assert events == live["events"]
    state = decider.state()
    for each in live["events"]:
        state = decider.evolve(state, from_json(each).data)
    assert folded(decider, live["_id"], live["events"]) == state


#: What somebody may put in the place of a value, in a message or by hand in the database.
ODD: list[Any] = [
    *(None, True, False, 0, 1, 1.0, -1, 2**60, 0.1, "", "1", "x", [], {}, [1], {"a": 1}),
    *(float("nan"), AT, Int64(1), ObjectId(b"0" * 12), b"bytes"),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, each in inner for found in places(each, (*path, key)))]


def tampered(value: Json, data: st.DataObject) -> Json:
    """The value with one thing changed, left out, added, doubled, swapped, or none."""
    value = copy.deepcopy(value)
    path = data.draw(st.sampled_from(places(value)[1:]))
    holder: Any = value
    for step in path[:-1]:
        holder = holder[step]
    last = path[-1]
    ways: list[Callable[[], Any]] = [
        lambda: holder.__setitem__(last, data.draw(st.sampled_from(ODD))),
        lambda: holder.__delitem__(last),
        lambda: None,
    ]
    if isinstance(holder, list):
        ways += [lambda: holder.append(copy.deepcopy(holder[last])), holder.reverse]
    else:
        ways += [
            lambda: holder.__setitem__("odd", data.draw(st.sampled_from(ODD))),
            lambda: _turn(holder),
        ]
    data.draw(st.sampled_from(ways))()
    return value


def _turn(holder: Json) -> None:
    """The same object with its keys in another order: equal, and other bytes."""
    items = list(holder.items())[::-1]
    holder.clear()
    holder.update(items)


@real
@settings(max_examples=100, deadline=None)
@given(st.data())
@example(data=None)
def test_both_ways_agree_on_tampered_histories_and_live_streams(decider: AnyDecider, live: Json, data: Any) -> None:
    if data is None:
        return both(decider, [orjson.dumps(each) for each in live["events"]], live)
    history = [orjson.dumps(each) for each in live["events"]]
    where = data.draw(st.sampled_from(["live", "history", "both"]))
    changed = tampered(live, data) if where != "history" else copy.deepcopy(live)
    changed["_id"] = live["_id"]
    if where == "both" and isinstance(changed.get("events"), list):
        # Somebody who holds both: the forged event is on Kafka too, as far as it is JSON.
        history = [orjson.dumps(each, default=repr) for each in changed["events"]]
    if where == "history":
        number = data.draw(st.integers(0, len(history) - 1))
        history[number] = orjson.dumps(tampered(live["events"][number], data), default=repr)
    both(decider, history, changed)
    return None


@given(st.binary(), st.integers(0, 2))
def test_both_ways_agree_on_bytes_that_are_no_events(junk: bytes, at: int) -> None:
    events = [event("a", 1), event("a", 2)]
    history = [orjson.dumps(each) for each in events]
    history.insert(at, junk)
    both(KEYRINGS, history, document("a", *events))


def test_an_entry_that_differs_in_a_type_alone_is_not_taken_for_the_one_before() -> None:
    """True, 1 and 1.0 are equal to Python; in an entry they are not the same."""
    decider, live = REAL[NAMES.index("case")]
    forged = copy.deepcopy(live)
    decided = forged["events"][-1]["data"]["entry"]
    decided["budget"] = float(decided["budget"]) if decided.get("budget") else 1.0
    both(decider, [orjson.dumps(each) for each in forged["events"]], forged)
    both(decider, [orjson.dumps(each) for each in live["events"]], forged)
