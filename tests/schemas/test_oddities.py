"""What JSON readers pass over in silence is found, wherever it stands and however it is written."""

import json
import tracemalloc

import orjson
from hypothesis import given
from hypothesis import strategies as st

from schemas.json_text import written as as_written
from schemas.oddities import MAX_POINTER, oddities

#: JSON text as a partner might write it: objects as lists of pairs, so that fields may be there twice.
NAMES = st.sampled_from(["a", "b", "a:b", "a/b~", "中", ":"])
VALUES = st.recursive(
    st.one_of(st.integers(-5, 5), st.sampled_from(["", ":", 'x":y', "a\\", "“：”"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.lists(st.tuples(NAMES, inner), max_size=4).map(tuple)),
    max_leaves=12,
)


def written(value: object, gap: str, escaped: bool) -> str:
    """The text of a value; a tuple is an object. `gap` stands round each colon; with `escaped`, colons in texts are."""
    match value:
        case tuple():
            pairs = [f"{written(n, '', escaped)}{gap}:{gap}{written(v, gap, escaped)}" for n, v in value]
            return "{" + ",".join(pairs) + "}"
        case list():
            return "[" + ",".join(written(each, gap, escaped) for each in value) + "]"
        case str():
            return json.dumps(value, ensure_ascii=escaped).replace(":", r"\u003a" if escaped else ":")
        case _:
            return json.dumps(value)


def has_repeated(value: object) -> bool:
    match value:
        case tuple():
            names = [name for name, _ in value]
            return len(set(names)) < len(names) or any(has_repeated(each) for _, each in value)
        case list():
            return any(map(has_repeated, value))
        case _:
            return False


@given(VALUES, st.sampled_from(["", " ", "\t\r\n "]), st.booleans())
def test_a_repeated_field_is_found_and_nothing_else(value: object, gap: str, escaped: bool) -> None:
    line = written(value, gap, escaped).encode()
    found = list(oddities(line, orjson.loads(line)))
    if {rule for rule, _, _ in found} == {"repeated-field"}:
        assert has_repeated(value) and len(found) == len(set(found))
    else:
        # One that stands inside a value that a later one replaced is told of by the outer one.
        assert found == [] and not has_repeated(value)


@given(st.lists(VALUES, max_size=4), VALUES, st.sampled_from(["", " ", "\t\r\n "]), st.booleans())
def test_an_item_of_a_list_is_odd_where_it_is_so_alone(
    values: list[object], beside: object, gap: str, escaped: bool
) -> None:
    inner = ("," + gap).join(f"{gap}{written(value, gap, escaped)}{gap}" for value in values)
    text = f'{gap}{{"x":{written(beside, gap, escaped)},"b/":{gap}[{inner}]}}'.encode()
    items = as_written(text, orjson.loads(text), ["b/"])
    alone = [written(value, gap, escaped).encode() for value in values]
    assert [orjson.loads(item) for item in items] == [orjson.loads(item) for item in alone]
    odd = [list(oddities(item, orjson.loads(item))) for item in items]
    assert odd == [list(oddities(item, orjson.loads(item))) for item in alone]
    assert not any(b"\n" in item or b"\r" in item for item in items), "each is a line"
    plain = [(item, value) for item, value in zip(items, values, strict=True) if not has_repeated(value)]
    assert [item for item, _ in plain] == [orjson.dumps(orjson.loads(written(value, "", False))) for _, value in plain]


#: Noncharacters, and what turns the direction of a text.
UNESCAPED = "\ufffe\uffff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(UNESCAPED), max_size=30), st.booleans())
def test_a_forbidden_character_is_found_and_nothing_else(text: str, escaped: bool) -> None:
    line = json.dumps({"a": [text]}, ensure_ascii=escaped).encode()
    forbidden = [each for each in text if (each < " " and each not in "\t\n\r") or each in UNESCAPED]
    expected = [("characters", "/a/0", f"U+{ord(forbidden[0]):04X}")] if forbidden else []
    assert list(oddities(line, orjson.loads(line))) == expected


def test_a_long_name_over_many_values_costs_little_memory() -> None:
    line = b'{"%b":[%b],"b":"\\b","b":2}' % (b"x" * 100_000, b",".join([b"1"] * 50_000))
    raw = orjson.loads(line)
    tracemalloc.start()
    found = list(oddities(line, raw))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == [("repeated-field", "/b", "b")]
    assert most < 100 * len(line)


def test_a_pointer_stays_short() -> None:
    line = b'{"a":{"%b":"\\u0000","b":1,"b":2}}' % (b"x" * 1000)
    assert list(oddities(line, orjson.loads(line))) == [
        ("repeated-field", "/a/b", "b"),
        ("characters", "/a", "U+0000"),
    ]
    assert all(len(pointer) <= MAX_POINTER for _, pointer, _ in oddities(line, orjson.loads(line)))
