"""Submissions as partners send them: good ones of the sample, and the same with the slips that people make."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from hypothesis import strategies as st

SAMPLE = Path(__file__).parents[2] / "deploy" / "local" / "sample"
GOOD: list[dict[str, Any]] = [
    orjson.loads(line)
    for kind in ("scenes", "products", "linkages")
    for line in (SAMPLE / f"{kind}.ndjson").read_bytes().splitlines()
]
CONTACT = {"name": "王小明", "phone": "+86 28 1234 5678", "email": "wang@example.org"}

#: What stands where something else should.
VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 7, 12, 10**10 + 1, 20_000_000, 0.5, 2.5, [], {}, [1], {"zh": "一"}, ["a", "a"]),
    *(
        "",
        " ",
        "7",
        "７",
        "１，２００",
        "500万元",
        "1.2亿",
        "99.5%",
        "1,200",
        "7.5",
        "x" * 90,
        "长" * 2001,
        " 前后有空格 ",
    ),
    *("2026/1/5", "2026年1月5日", "20260105", "2026-02-30", "0202-12-01", "2126-01-01", "1700006400", "2026-12-01\n"),
    *("9151 0106-MA6RH83W82", "91510106ma6rh83w82", "91510106MA6RH83W80", "９１５１０１０６MA6RH83W82", "9151"),
    *("scene", "场景", "产品", "新制造", "新零售业", "高新区", "wuhuo", "Hi-Tech Zone", "industrail", "企业级", "demo"),
    *("yuan", "平方米", "m²", "space", "talent", "demonstration", "implementation", "laboratory", "capital linkage"),
    *("http://example.org/a.pdf", "example.org/a", "https://a b", "ABCDEF" * 10 + "0123", "SC 1", "a b/c", "a\u2028b"),
    *("换\n行的文字", "制表\t符", "第一段。\r\n第二段，写得更长一些。", "Next\u0085line", "\n", "\u2029\x7f"),
    *("待补充", "TBD", "……", "哈哈哈哈哈哈", "Smart metro maintenance", "地铁智能检修，面向全市", "检测、识别、预警"),
]
NAMES = ["sumary", "Title", "budget", "distric", "colour", "contacts", "openDate", "offer", "", "a/b~c", "zh", "en"]


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every path within a JSON value."""
    yield path
    steps: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield from places(inner, (*path, step))


@st.composite
def slipped(draw: st.DrawFn, most: int = 4) -> dict[str, Any]:
    """A submission with up to so many slips: another value, a field lost, renamed, added or doubled."""
    line: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(GOOD)))
    if draw(st.booleans()):
        line["entry"]["contact"] = dict(CONTACT)
    for _ in range(draw(st.integers(0, most))):
        paths = [path for path in places(line) if path]
        if not paths:
            break
        path = draw(st.sampled_from(paths))
        parent: Any = line
        for step in path[:-1]:
            parent = parent[step]
        match draw(st.sampled_from(["put", "put", "drop", "rename", "add", "double", "text"])):
            case "put":
                parent[path[-1]] = copy.deepcopy(draw(st.sampled_from(VALUES)))
            case "text":
                parent[path[-1]] = draw(st.text(max_size=12))
            case "drop":
                del parent[path[-1]]
            case "rename" if isinstance(parent, dict):
                parent[draw(st.sampled_from(NAMES))] = parent.pop(path[-1])
            case "add" if isinstance(parent, dict):
                parent[draw(st.sampled_from(NAMES))] = copy.deepcopy(draw(st.sampled_from(VALUES)))
            case "double" if isinstance(parent, list):
                parent.append(copy.deepcopy(parent[int(path[-1])]))
    return line
