"""What bytes begin as, and the items of a list as they came."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.json_text import Illegible, other_kind, written

GOOD = b'{"reference":"b"}\n'


#: Two characters in a row, or more, as every title has; of the 6,763 that GB 2312 has, the most common ones.
CHINESE = st.text(st.sampled_from("轨道巡检机器人低空经济场景开放成都高新区"), min_size=2, max_size=30)
EUROPEAN = st.lists(st.sampled_from(["préféré", "créée", "für", "Straßen", "Ærø", "robots", "agréé"]), max_size=9)


@given(CHINESE, EUROPEAN)
def test_text_in_another_encoding_is_known_by_its_first_line_and_latin_1_is_a_flaw_of_its_line(
    chinese: str, european: list[str]
) -> None:
    line = f'{{"title":"{chinese}"}}\n'
    assert other_kind(line.encode("gb18030") + GOOD) == "gb18030"
    assert other_kind(line.encode("utf-16")) == other_kind(line.encode("utf-16-le")) == "utf-16"
    assert other_kind(line.encode()) is None and other_kind(GOOD + line.encode("gb18030")) is None
    assert other_kind(f'{{"title":"{" ".join(european)}"}}\n'.encode("latin-1") + GOOD) is None


def test_an_item_that_would_lose_something_stays_as_it_came_on_one_line() -> None:
    text = b'[\n {"a": 1,\r\n  "a": 2}, {"a": 1,\n "b": "x  y"}]'
    assert written(text, orjson.loads(text)) == [b'{"a": 1,    "a": 2}', b'{"a":1,"b":"x  y"}']


def test_of_a_place_that_stands_there_twice_nothing_is_taken_and_what_nests_too_deep_is_told_as_that() -> None:
    deep = b'{"a":' * 998 + b"1" + b"}" * 998
    for text, why in ((b'{"items":[1],"items":[2]}', "repeated"), (b'{"items":[ %b ]}' % deep, "depth")):
        with pytest.raises(Illegible, match=why):
            written(text, orjson.loads(text), ["items"])
