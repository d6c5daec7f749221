"""One stream, exactly: each way of parting, named with its first event, field and values."""

from dataclasses import replace
from typing import Any

from audit.examine import WITHHELD, Difference, Kind, Sent, examine, first_difference, shown, withheld
from schemas.envelope import Decider, Json
from tests.audit.histories import document, event
from tests.runtime.keyring import KEYRINGS

TYPE = "partner.key-issued.v1"
ONE, TWO, THREE = event("a", 1), event("a", 2), event("a", 3)


def sent(*events: Json) -> list[Sent]:
    return [Sent(each, f"submissions.events:0:{offset}") for offset, each in enumerate(events)]


def difference(kind: Kind, sequence: int | None = None, **where: Any) -> Difference:
    type = TYPE if sequence else None
    return Difference(kind, "submissions", "a", "partner", sequence=sequence, type=type, **where)


def at(offset: int) -> str:
    return f"submissions.events:0:{offset}"


def test_equal_streams_have_no_difference() -> None:
    assert examine(KEYRINGS, sent(ONE, TWO, ONE), document("a", ONE, TWO)) is None


def test_a_state_changed_by_hand_names_the_field_and_the_event_that_set_it() -> None:
    live = document("a", ONE, TWO, THREE, state={"keys": ["1", "hand", "3"]})
    assert examine(KEYRINGS, sent(ONE, TWO, THREE), live) == difference(
        Kind.STATE, 2, pointer="/keys/1", history='"2"', live='"hand"', position=at(1)
    )


def test_a_state_that_is_gone_is_a_difference() -> None:
    live = document("a", ONE)
    del live["state"]
    found = examine(KEYRINGS, sent(ONE), live)
    assert found is not None and (found.kind, found.pointer, found.live) == (Kind.STATE, "", None)


def test_a_changed_event_comes_before_the_state() -> None:
    changed = {**TWO, "actor": "user:somebody"}
    live = document("a", ONE, changed, THREE, state={"keys": []})
    assert examine(KEYRINGS, sent(ONE, TWO, THREE), live) == difference(
        Kind.EVENT, 2, pointer="/actor", history='"user:test"', live='"user:somebody"', position=at(1)
    )


def test_an_event_that_is_not_live() -> None:
    assert examine(KEYRINGS, sent(ONE, TWO), document("a", ONE)) == difference(Kind.EVENT_NOT_LIVE, 2, position=at(1))


def test_an_event_that_is_not_on_kafka() -> None:
    assert examine(KEYRINGS, sent(ONE), document("a", ONE, TWO)) == difference(Kind.EVENT_NOT_ON_KAFKA, 2)


def test_a_stream_on_one_side_only() -> None:
    assert examine(KEYRINGS, [], document("a", ONE)) == difference(Kind.STREAM_NOT_ON_KAFKA, 1)
    assert examine(KEYRINGS, sent(ONE), None) == difference(Kind.STREAM_NOT_LIVE, 1, position=at(0))


def test_a_version_that_does_not_count() -> None:
    found = examine(KEYRINGS, sent(ONE), document("a", ONE, version=7))
    assert found == difference(Kind.VERSION, pointer="/version", history="1", live="7")


def test_a_jump_names_the_event_after_it() -> None:
    assert examine(KEYRINGS, sent(ONE, THREE, TWO), document("a", ONE, TWO, THREE)) == difference(
        Kind.JUMP, 3, pointer="/sequence", position=at(1), detail="2 → 3"
    )


def test_a_stream_that_is_not_live_and_lacks_its_beginning_is_told_by_what_it_lacks() -> None:
    """A rebuild cannot bring it back: no event of it can be folded."""
    assert examine(KEYRINGS, sent(THREE), None) == difference(
        Kind.JUMP, 3, pointer="/sequence", position=at(0), detail="1 → 3; not live"
    )


def test_two_events_with_one_number() -> None:
    other = event("a", 1, key="other")
    assert examine(KEYRINGS, sent(ONE, other, TWO), document("a", ONE, TWO)) == difference(
        Kind.CONFLICT, 1, pointer="/data/key", position=at(1), detail='"1" → "other"'
    )


def test_an_event_that_the_domain_cannot_fold() -> None:
    def evolve(_state: object, _fact: object) -> Any:
        raise KeyError("gone")

    broken: Decider[Any, Any, Any] = replace(KEYRINGS, evolve=evolve)
    assert examine(broken, sent(ONE), document("a", ONE)) == difference(
        Kind.UNFOLDABLE, 1, position=at(0), detail="KeyError('gone')"
    )


def test_pointers_are_escaped_and_lists_compared_to_the_longer_end() -> None:
    assert first_difference({"a/b": {"c~": 1}}, {"a/b": {"c~": 2}}) == ("/a~1b/c~0", 1, 2)
    found = first_difference({"x": [1]}, {"x": [1, 2]})
    assert found is not None and (found[0], found[2]) == ("/x/1", 2)
    assert first_difference({"x": 100}, {"x": 100.0}) is None


def test_personal_data_is_withheld() -> None:
    entry = {"title": "t", "contact": {"name": "Ma", "phone": "1"}}
    assert withheld({"entry": entry}) == {"entry": {"title": "t", "contact": WITHHELD}}
    one = {**ONE, "data": {**ONE["data"], "contact": {"name": "Ma"}}}
    two = {**ONE, "data": {**ONE["data"], "contact": {"name": "Li"}}}
    found = examine(KEYRINGS, sent(one), document("a", two))
    assert found is not None
    assert (found.pointer, found.history, found.live) == ("/data/contact/name", WITHHELD, WITHHELD)


def test_whether_there_is_a_contact_is_told() -> None:
    assert withheld({"contact": True, "entry": {"contact": {"name": "Ma"}}}) == {
        "contact": True,
        "entry": {"contact": WITHHELD},
    }
    assert (shown("/contact", True), shown("/contact", False)) == ("true", "false")
    assert shown("/data/entry/contact", {"name": "Ma"}) == WITHHELD
