"""How events are read and counted, and the form in which JSON values are compared."""

from typing import Any

import orjson
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from audit.compare import Judged, Place, judge
from audit.examine import Kind, Sent, examine, same
from audit.fold import form
from schemas.envelope import Json, canonical_hash
from tests.audit.histories import document, event, message
from tests.runtime.keyring import AT, KEYRINGS

HISTORY = [event("a", n) for n in (1, 2, 3)]
PLACE = Place("submissions.events", 0)


def judged(*values: Json | bytes, live: Json | None = None, key: bytes = b"a", exactly: bool = False) -> Judged:
    records = [(offset, message(value).value) for offset, value in enumerate(values)]
    lives = {"partner": live} if live else {}
    return judge({"partner": KEYRINGS}, key, records, PLACE, lives, exactly=exactly)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="ascii")), inner),
    max_leaves=20,
)
numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 10)), max_size=12), st.booleans())
def test_duplicates_anywhere_after_the_first_change_nothing(again: list[tuple[int, int]], exactly: bool) -> None:
    values = [*HISTORY]
    for which, later in again:
        values.insert(values.index(HISTORY[which]) + 1 + later, HISTORY[which])
    found = judged(*values, live=document("a", *HISTORY), exactly=exactly)
    assert ([len(told.events) for told in found.told], found.duplicates, found.differences) == ([3], len(again), [])


def test_every_unreadable_message_is_told_with_its_place_and_the_others_count() -> None:
    good = event("a", 1)
    found = judged(
        b"\xff no event",
        {**good, "type": "partner.promoted.v1"},
        {**good, "type": "partner.key-issued.v2"},
        {**good, "source": "/review"},
        {**good, "sequence": 0, "id": "a/0"},
        {**good, "id": "a/9"},
        {**good, "subject": "b", "id": "b/1"},
        good,
        live=document("a", good),
    )
    kinds = [Kind.UNREADABLE, Kind.UNKNOWN_TYPE, Kind.FUTURE_VERSION, *[Kind.UNREADABLE] * 4]
    assert [each.kind for each in found.differences] == kinds
    assert [each.position for each in found.differences] == [f"submissions.events:0:{n}" for n in range(7)]
    words = ["not", "unknown", "unknown", "no", "sequence", "id", "key"]
    assert [(each.detail or "").split()[0] for each in found.differences] == words
    assert [len(told.events) for told in found.told] == [1]


@given(json_values)
def test_the_form_is_rfc_8785_where_there_are_no_fractions(value: Any) -> None:
    assert form(value) == rfc8785.dumps(value)


@given(numbers, numbers)
def test_equal_forms_are_equal_values_and_the_canonical_hash_decides_the_rest(one: float, other: float) -> None:
    if form(one) == form(other):
        assert canonical_hash(one) == canonical_hash(other)
    assert same(one, other) == (canonical_hash(one) == canonical_hash(other))


def test_a_number_with_a_fraction_of_nothing_is_the_same_number() -> None:
    assert same({"amount": 100}, orjson.loads(b'{"amount": 100.0}'))
    assert not same({"amount": 100}, {"amount": 100.5})


def test_a_live_value_that_is_no_json_equals_none_of_ours() -> None:
    when: Json = document("a", event("a", 1), state={"keys": [AT]})
    found = examine(KEYRINGS, [Sent(event("a", 1), "t:0:0")], when)
    assert found is not None and found.pointer == "/keys/0" and "datetime" in (found.live or "")
