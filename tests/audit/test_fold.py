"""The fast pass: what it folds, what it counts, and that duplicates never matter."""

from typing import Any

import orjson
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from audit.compare import _compare
from audit.examine import Sent, examine, same
from audit.fold import Fold, Message, form
from schemas.envelope import Json, canonical_hash
from tests.audit.histories import document, event, message
from tests.runtime.keyring import AT, KEYRINGS, Keyring


def fold(*messages: Message) -> Fold:
    folded = Fold((KEYRINGS,))
    for each in messages:
        folded.take(each)
    return folded


def told(folded: Fold) -> dict[str, tuple[Any, bytes, str | None]]:
    return {id: (s.state, bytes(s.digests), s.fault) for id, s in folded.streams["partner"].items()}


HISTORY = [event(stream, n) for n in (1, 2, 3) for stream in ("a", "b")]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="ascii")), inner),
    max_leaves=20,
)
numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)


def test_a_history_folds_to_its_states() -> None:
    folded = fold(*map(message, HISTORY))
    assert {id: s.state for id, s in folded.streams["partner"].items()} == dict.fromkeys(
        "ab", Keyring(keys=("1", "2", "3"))
    )
    assert (folded.events, folded.duplicates, folded.unreadable) == (6, 0, [])


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 20)), max_size=12))
def test_duplicates_anywhere_after_the_first_change_nothing(again: list[tuple[int, int]]) -> None:
    messages = [message(each) for each in HISTORY]
    for which, later in again:
        place = messages.index(message(HISTORY[which])) + 1 + later
        messages.insert(place, message(HISTORY[which]))
    folded = fold(*messages)
    assert told(folded) == told(fold(*map(message, HISTORY)))
    assert (folded.events, folded.duplicates) == (6, len(again))


def test_another_event_with_a_known_number_is_a_fault() -> None:
    folded = fold(message(event("a", 1)), message(event("a", 1, key="other")))
    assert folded.streams["partner"]["a"].fault == "sequence 1 again, with other content"


def test_a_jump_is_a_fault_and_stops_that_stream_alone() -> None:
    folded = fold(message(event("a", 1)), message(event("a", 3)), message(event("b", 1)))
    assert folded.streams["partner"]["a"].fault == "sequence 3 after 1"
    assert folded.streams["partner"]["b"].version == 1


def test_every_unreadable_message_is_told_with_its_place() -> None:
    good = event("a", 1)
    folded = fold(
        message(b"\xff no event", 7),
        message({**good, "type": "partner.promoted.v1"}, 8),
        message({**good, "source": "/review"}, 9),
        message({**good, "sequence": 0, "id": "a/0"}, 10),
        message({**good, "id": "a/9"}, 11),
        message(good, 12, key="b"),
        message(good, 13),
    )
    assert [each.position for each in folded.unreadable] == [f"submissions.events:0:{n}" for n in range(7, 13)]
    assert [each.error.split()[0] for each in folded.unreadable] == ["not", "unknown", "no", "sequence", "id", "key"]
    assert folded.events == 1


@given(json_values)
def test_the_form_is_rfc_8785_where_there_are_no_fractions(value: Any) -> None:
    assert form(value) == rfc8785.dumps(value)


@given(numbers, numbers)
def test_equal_forms_are_equal_values_and_the_canonical_hash_decides_the_rest(one: float, other: float) -> None:
    if form(one) == form(other):
        assert canonical_hash(one) == canonical_hash(other)
    assert same(one, other) == (canonical_hash(one) == canonical_hash(other))


@given(st.lists(st.integers(0, 7)), st.lists(st.integers(0, 7)))
def test_what_the_fast_pass_calls_equal_is_equal(sent: list[int], stored: list[int]) -> None:
    """Whatever became of history and live stream on the way, duplicates, gaps, changed content or none."""
    events = [event("a", n % 4 + 1, key=f"k{n // 4}") for n in range(8)]
    history = [events[n] for n in sent]
    live = document("a", *(events[n] for n in stored))
    folded = fold(*map(message, history)).streams["partner"].get("a")
    exact = examine(KEYRINGS, [Sent(each, "t:0:0") for each in history], live)
    if _compare(KEYRINGS, folded, live) == "equal":
        assert exact is None
    elif history and stored:
        assert exact is not None


def test_a_number_with_a_fraction_of_nothing_is_the_same_number() -> None:
    assert same({"amount": 100}, orjson.loads(b'{"amount": 100.0}'))
    assert not same({"amount": 100}, {"amount": 100.5})


def test_a_live_value_that_is_no_json_equals_none_of_ours() -> None:
    when: Json = document("a", event("a", 1), state={"keys": [AT]})
    found = examine(KEYRINGS, [Sent(event("a", 1), "t:0:0")], when)
    assert found is not None and found.pointer == "/keys/0" and "datetime" in (found.live or "")
