"""Times as states hold them: text in UTC, which sorts as time does; leases and assignments end on whole seconds."""

from datetime import UTC, datetime


def text(at: datetime) -> str:
    """A moment as Pydantic writes it in a state."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def second(at: datetime) -> str:
    """The second in which a moment lies: what the ends of leases are compared with."""
    return text(at.replace(microsecond=0))


def from_second(at: datetime) -> str:
    """What no moment's text from the second of `at` on is less than: `12.5Z` sorts before `12Z`, and after `12`."""
    return second(at).removesuffix("Z")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
