"""A live state written before its model had a field is equal to the replay, which has it: docs/decisions/0007."""

from typing import Any

from audit.deciders import DECIDERS
from audit.examine import Kind, Sent, examine
from audit.quick import agreed
from schemas.envelope import Json
from submissions.domain.partner import PARTNERS
from tests.audit.histories import message

USCC = "91510106MA6RH83W82"
REGISTERED: Json = {"name": {"zh": "蓉衡轨道", "en": None}, "type": "enterprise"}
ISSUED: Json = {"key": "k1", "label": "ERP", "hash": "a" * 64}


def as_it_was(sequence: int, type: str, data: Json) -> Json:
    """An event as it was written when a key had an id, a label and a hash only."""
    return {
        "specversion": "1.0",
        "id": f"{USCC}/{sequence}",
        "source": "/submissions",
        "type": type,
        "subject": USCC,
        "time": "2026-11-03T09:30:00.250Z",
        "datacontenttype": "application/json",
        "dataschema": f"urn:shuangqian:{type}",
        "sequence": sequence,
        "partitionkey": USCC,
        "causationid": f"test/{sequence}",
        "correlationid": f"/submissions/{USCC}/1",
        "actor": "user:operator",
        "data": data,
    }


HISTORY = [as_it_was(1, "partner.registered.v1", REGISTERED), as_it_was(2, "partner.key-issued.v1", ISSUED)]


def live(**key: Any) -> Json:
    """The partner's live document of that time; `key` are fields of its key that differ."""
    held = {"id": "k1", "label": "ERP", "hash": "a" * 64, "revoked": False} | key
    return {"_id": USCC, "version": 2, "state": {**REGISTERED, "keys": [held]}, "events": HISTORY}


def test_a_partner_whose_keys_know_no_mode_scopes_or_expiry_is_equal_to_its_replay() -> None:
    assert agreed(PARTNERS, USCC, [message(each).value or b"" for each in HISTORY], live()) == HISTORY
    assert examine(PARTNERS, [Sent(each, "t:0:0") for each in HISTORY], live()) is None


def test_a_mode_put_there_by_hand_is_a_difference_that_names_it() -> None:
    found = examine(PARTNERS, [Sent(each, "t:0:0") for each in HISTORY], live(mode="test"))
    assert found is not None
    assert (found.kind, found.pointer, found.history, found.live) == (
        Kind.STATE,
        "/keys/0/mode",
        '"live"',
        '"test"',
    )


def test_submissions_of_test_keys_are_no_stream_that_audit_compares() -> None:
    """They are in no history, so nothing of them may be held against one."""
    collections = {decider.collection for decider in DECIDERS if decider.service == "submissions"}
    assert collections == {"submissions", "partners", "sources"}
