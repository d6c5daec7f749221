"""Packed bodies: gzip and zstd, whole, damaged, cut short, or unpacking to far too much."""

import gzip
import json
from collections.abc import AsyncIterator, Callable

import httpx2
import orjson
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from submissions.bodies import FREE_BYTES, _Gzip, _Zstd, unpacked
from tests.submissions.given import line, submission
from tests.submissions.sheet_files import as_xlsx, entry, table

PACKED: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "zstd": zstandard.compress}
DECODERS: dict[str, type[_Gzip] | type[_Zstd]] = {"gzip": _Gzip, "zstd": _Zstd}
LINES = b"".join(line(f"r{n}") for n in range(100))
TEXT = line().decode()


async def cut_by(size: int, body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


@pytest.mark.parametrize("encoding", PACKED)
@given(parts=st.lists(st.binary(max_size=3000), min_size=1, max_size=4), size=st.integers(1, 500))
@settings(max_examples=50, deadline=None)
def test_what_was_packed_in_any_number_of_members_comes_out_again(encoding: str, parts: list[bytes], size: int) -> None:
    packed, decoder = b"".join(map(PACKED[encoding], parts)), DECODERS[encoding]()
    pieces = [packed[start : start + size] for start in range(0, len(packed), size)]
    assert b"".join(out for piece in pieces for out in decoder.feed(piece)) == b"".join(parts)
    assert decoder.ended


@pytest.mark.parametrize("encoding", PACKED)
async def test_one_entry_and_many_are_taken_in_packed(
    client: httpx2.AsyncClient, key: dict[str, str], encoding: str
) -> None:
    headers, pack = key | {"Content-Encoding": encoding}, PACKED[encoding]
    one = await client.post("/submissions", content=pack(orjson.dumps(submission())), headers=headers)
    assert one.status_code == 201
    answer = await client.post("/submissions:stream", content=pack(LINES), headers=headers)
    assert [orjson.loads(text)["status"] for text in answer.text.splitlines()] == ["received"] * 100


@pytest.mark.parametrize("encoding", PACKED)
async def test_a_body_cut_short_or_damaged_leaves_whole_lines_and_says_so_last(
    client: httpx2.AsyncClient, key: dict[str, str], encoding: str
) -> None:
    packed = PACKED[encoding](LINES * 20)
    for body, problem in ((packed[:-5], "body-cut-short"), (packed + b"more", "body-damaged")):
        answer = await client.post("/submissions:stream", content=body, headers=key | {"Content-Encoding": encoding})
        *receipts, last = [orjson.loads(text) for text in answer.text.splitlines()]
        assert last["problem"]["type"].endswith(problem)
        assert {receipt["status"] for receipt in receipts} <= {"received"}
        assert [receipt["line"] for receipt in receipts] == list(range(1, len(receipts) + 1))
    one = await client.post("/submissions", content=packed[:-5], headers=key | {"Content-Encoding": encoding})
    assert (one.status_code, one.json()["type"]) == (400, "urn:shuangqian:problem:body-cut-short")


@pytest.mark.parametrize("encoding", PACKED)
async def test_a_bomb_is_not_unpacked(client: httpx2.AsyncClient, key: dict[str, str], encoding: str) -> None:
    bomb = PACKED[encoding](b" " * (FREE_BYTES * 10))
    headers = key | {"Content-Encoding": encoding}
    one = await client.post("/submissions", content=bomb, headers=headers)
    assert (one.status_code, one.json()["type"]) == (413, "urn:shuangqian:problem:unpacks-too-large")
    answer = await client.post("/submissions:stream", content=bomb, headers=headers)
    (last,) = [orjson.loads(text) for text in answer.text.splitlines()]
    assert last["problem"]["status"] == 413


async def test_what_unpacks_comes_in_pieces_between_which_others_have_their_turn() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield zstandard.compress(b"\n" * (FREE_BYTES - 1))

    request = Request({"type": "http", "headers": [(b"content-encoding", b"zstd")]})
    sizes = [len(piece) async for piece in unpacked(request, body())]
    assert sum(sizes) == FREE_BYTES - 1 and max(sizes) <= 65_536


async def test_an_encoding_that_is_not_known_is_told_which_are(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    for path in ("/submissions", "/submissions:stream"):
        answer = await client.post(path, content=b"x", headers=key | {"Content-Encoding": "br"})
        assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "gzip, zstd")


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(LINES),
        as_xlsx(table([entry("a"), entry("b")])),
        (TEXT * 2).encode("utf-16"),
        (TEXT * 2).encode("utf-16-le"),
        b"\n" + (TEXT * 2).encode("gb18030"),
        b" \r\n" * 300 + (TEXT * 2).encode("gb18030"),
    ],
    ids=["gzip", "xlsx", "UTF-16", "UTF-16 without a mark", "GB 18030", "GB 18030 behind blank lines"],
)
async def test_what_is_a_file_of_another_kind_is_no_stream_of_refusals(
    client: httpx2.AsyncClient, key: dict[str, str], body: bytes
) -> None:
    packed = key | {"Content-Encoding": "gzip"}
    ways = [(cut_by(size, body), key) for size in (1, 7, 100, len(body))]
    zipped = gzip.compress(body)
    for sent, headers in [*ways, (cut_by(len(zipped), zipped), packed)]:
        answer = await client.post("/submissions:stream", content=sent, headers=headers)
        (last,) = [orjson.loads(text) for text in answer.text.splitlines()]
        assert (answer.status_code, last["status"]) == (200, "stopped")
        assert (last["problem"]["status"], last["problem"]["type"]) == (415, "urn:shuangqian:problem:no-entries")
    one = await client.post("/submissions", content=body, headers=key | {"Accept-Language": "zh"})
    assert (one.status_code, one.json()["type"]) == (415, "urn:shuangqian:problem:no-entries")
    assert one.json()["detail"].startswith(("不是有效的 JSON：这是 ", "不是有效的 JSON：文字似为 "))
    assert (await client.get("/refusals", headers=key)).json()["items"] == []


async def test_lines_with_flaws_are_told_one_by_one_however_they_are_cut(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    good, gb = line("good"), line("gb").decode().encode("gb18030")
    flawed = line("flaw").replace("轨".encode(), b"\xe8\xbd", 1)
    assert flawed != line("flaw")
    for lines in ([flawed, good], [b"{no json\n", good], [good, gb, gb], [b"\n", b"reference,revision\n", good]):
        body = b"".join(lines)
        for size in (7, len(body)):
            sent = cut_by(size, body)
            answer = await client.post("/submissions:stream?validate=only", content=sent, headers=key)
            fates = [orjson.loads(text)["status"] for text in answer.text.splitlines()]
            assert fates == ["received" if text == good else "refused" for text in lines if text.strip()], lines


async def test_a_laid_out_entry_of_another_encoding_is_told_so_however_it_is_cut(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    body = json.dumps(submission(), indent=2, ensure_ascii=False).encode("gb18030")
    for size in (7, 100, len(body)):
        answer = await client.post("/submissions", content=cut_by(size, body), headers=key)
        assert (answer.status_code, answer.json()["type"]) == (415, "urn:shuangqian:problem:no-entries")
    assert (await client.get("/refusals", headers=key)).json()["items"] == []


async def test_a_line_in_latin_1_is_refused_and_those_after_it_go_on(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    body = '{"reference":"a","title":"Génération de robots"}\n'.encode("latin-1") + line("b")
    answer = await client.post("/submissions:stream", content=body, headers=key)
    assert [orjson.loads(text)["status"] for text in answer.text.splitlines()] == ["refused", "received"]


async def test_a_form_is_no_entry_and_what_curl_says_of_plain_bytes_is_one(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    for path in ("/submissions", "/submissions:stream"):
        answer = await client.post(path, files={"file": ("entries.ndjson", line("a"))}, headers=key)
        assert (answer.status_code, answer.json()["type"]) == (415, "urn:shuangqian:problem:no-entries")
        assert "curl -T" in answer.json()["detail"]
    assert (await client.get("/refusals", headers=key)).json()["items"] == []
    plain = key | {"Content-Type": "application/x-www-form-urlencoded"}  # curl --data-binary says so, unless told
    assert (await client.post("/submissions", content=line("a"), headers=plain)).status_code == 201
    answer = await client.post("/submissions:stream", content=LINES, headers=plain)
    assert {orjson.loads(text)["status"] for text in answer.text.splitlines()} == {"received"}
