"""The fast form of an event is the library's, byte for byte, whatever JSON says."""

import hashlib

import orjson
import pytest
import rfc8785
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.canonical import NoForm, canonical, event_hash

LIMIT = 2**53 - 1
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = (
    st.none() | st.booleans() | st.integers(-LIMIT, LIMIT) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner))


@settings(deadline=None)  # how long one takes says nothing on a busy machine
@given(JSON)
@example({"\U0001f338": 1, "\uff0c": 2})
@example({"a": 1e16, "b": -0.0, "c": [100.0, 1e-7]})
@example({"time": "2026-11-01T08:00:00.123Z", "n": [1, 22, 333]})
@example({"\u007f\u2028": '\u001f/\b\\"€'})
@example(1.0)
@example({"n": LIMIT})
def test_the_form_is_that_of_rfc_8785(value: object) -> None:
    read = orjson.loads(orjson.dumps(value))
    assert canonical(read) == rfc8785.dumps(read)


@settings(deadline=None)  # how long one takes says nothing on a busy machine
@given(st.integers(LIMIT + 1, 2**64 - 1) | st.integers(-(2**63), -LIMIT - 1))
def test_integers_that_json_may_not_carry_have_no_form(number: int) -> None:
    with pytest.raises(NoForm):
        canonical({"n": [number]})


def test_an_event_without_a_form_is_known_by_its_bytes() -> None:
    deep = b"[" * 300 + b"]" * 300
    assert event_hash(deep, orjson.loads(deep)) == (hashlib.sha256(deep).digest(), False)
    assert event_hash(b'{"b":1, "a":2}', {"b": 1, "a": 2}) == (hashlib.sha256(b'{"a":2,"b":1}').digest(), True)
