"""In what bytes differ from an event: each place told is one of the document as it came."""

import orjson

from schemas.differences import differences
from schemas.envelope import Event
from schemas.submission import SubmissionReceived
from tests.review.entries import received, scene


def _received() -> Event:
    return received("SC-1", scene())


def test_a_fault_in_an_entry_is_told_where_it_stands_without_the_kind_of_entry() -> None:
    event = _received().to_json()
    assert isinstance(_received().data, SubmissionReceived) and differences(orjson.dumps(event)) == ()
    entry = event["data"]["entry"]
    entry["budget_yuan"], entry["offers"][0]["amount"] = "much", "more"
    del entry["title"]["zh"]
    found = differences(orjson.dumps(event))
    assert {each.pointer for each in found} == {
        "/data/entry/budget_yuan",
        "/data/entry/offers/0/amount",
        "/data/entry/title/zh",
    }


def test_a_field_that_stands_there_twice_is_told_with_what_readers_keep_of_it() -> None:
    whole = orjson.dumps(_received().to_json())
    twice = whole.replace(b'{"', b'{"id":1,"', 1).replace(b'"zh":', b'"zh":"x","zh":', 1)
    found = [(each.pointer, each.error["type"]) for each in differences(twice)]
    assert ("/id", "repeated-field") in found and len(found) == 2 and found[1][0].endswith("/zh")
    assert {each.found for each in differences(b'{"id":1,"id":2}') if each.pointer == "/id"} == {"2"}


def test_an_entry_of_no_kind_lacks_it() -> None:
    event = _received().to_json()
    event["data"]["entry"]["kind"] = "scenery"
    (kind,) = differences(orjson.dumps(event))
    assert (kind.pointer, kind.found) == ("/data/entry/kind", '"scenery"')
    del event["data"]["entry"]["kind"]
    (kind,) = differences(orjson.dumps(event))
    assert (kind.pointer, kind.found) == ("/data/entry/kind", None)


def test_what_nests_deeper_than_can_be_written_again_is_told_as_that() -> None:
    whole = orjson.dumps(_received().to_json())
    deep = b"[" * 300 + b"]" * 300
    for raw in (deep, b'{"id":%b}' % deep, whole.replace(b'"data":{', b'"data":{"more":%b,' % deep)):
        (found,) = differences(raw)
        assert (found.pointer, found.error["type"], found.error["ctx"]) == ("", "illegible", {"reason": "depth"})
