"""Moments as states hold them: their texts sort as time does."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from review.times import from_second, text

MINUTE = datetime(2026, 11, 29, 23, 59, tzinfo=UTC)
milliseconds = st.integers(0, 3000).map(lambda n: MINUTE + timedelta(milliseconds=n))


@given(milliseconds, milliseconds)
def test_what_is_from_a_second_on_is_found_by_its_text(at: datetime, since: datetime) -> None:
    """Also what lies in that very second, be it whole or a fraction of one."""
    assert (text(at) >= from_second(since)) == (at >= since.replace(microsecond=0))
