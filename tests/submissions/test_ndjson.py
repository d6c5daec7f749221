"""Lines out of pieces: wherever the pieces are cut, the lines are the same."""

import asyncio
import hashlib
import timeit
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from submissions.ndjson import BATCH_LINES, Line, Splitter, batches


def split(pieces: list[bytes], limit: int = 8) -> list[Line]:
    splitter = Splitter(limit)
    return [*(line for piece in pieces for line in splitter.feed(piece)), *splitter.end()]


TEXTS = st.one_of(st.binary(max_size=12), st.text(" \r\x0c", max_size=12).map(str.encode))


@given(st.lists(TEXTS.map(lambda raw: raw.replace(b"\n", b"")), max_size=8), st.data())
def test_lines_do_not_depend_on_how_they_are_cut(texts: list[bytes], data: st.DataObject) -> None:
    whole, pieces = b"\n".join(texts), []
    rest = whole
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        pieces.append(rest[:size])
        rest = rest[size:]
    expected = [
        Line(n, b"", len(text), hashlib.sha256(text).hexdigest()) if len(text) > 8 else Line(n, text, len(text))
        for n, text in enumerate(texts, start=1)
        if text.strip()
    ]
    assert split(pieces) == expected


def test_millions_of_blank_lines_cost_little_and_count() -> None:
    splitter = Splitter()
    took = timeit.timeit(lambda: splitter.feed(b"\n" * 1_000_000), number=1)
    beside = timeit.timeit(lambda: (b"\n" * 1_000_000).split(b"\n"), number=1)
    assert took < 3 * beside, "as one blank, not as a million lines"
    (line,) = splitter.feed(b"{}\n")
    assert line.number == 1_000_001


async def pieces(*given: bytes | float) -> AsyncIterator[bytes]:
    for piece in given:
        if isinstance(piece, bytes):
            yield piece
        else:
            await asyncio.sleep(piece)


async def test_a_batch_ends_when_it_is_full() -> None:
    sizes = [len(batch) async for batch in batches(pieces(b"{}\n" * (2 * BATCH_LINES + 7)))]
    assert sizes == [BATCH_LINES, BATCH_LINES, 7]


async def test_a_batch_ends_when_the_input_pauses() -> None:
    texts = [[line.raw for line in batch] async for batch in batches(pieces(b"1\n2\n3", 0.2, b"\n4\n", 0.2, b"5"))]
    assert texts == [[b"1", b"2"], [b"3", b"4"], [b"5"]]


async def test_a_line_that_was_not_ended_is_not_given_where_the_input_breaks() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"1\n2"
        await asyncio.sleep(0.1)
        raise ConnectionError

    whole: list[Line] = []

    async def read() -> None:
        async for batch in batches(broken()):
            whole.extend(batch)

    with pytest.raises(ConnectionError):
        await read()
    assert [line.raw for line in whole] == [b"1"]
