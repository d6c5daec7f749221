"""Whatever comes: a clear answer to each, nothing lost, nothing half written, and the next line goes on."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import orjson
import pytest

from runtime.settings import Settings
from schemas.oddities import UNLINED
from schemas.rules import MAX_FINDINGS
from submissions.ndjson import BATCH_BYTES, BATCH_LINES, batches
from tests.submissions.bad import BAD, GOOD, RARE
from tests.submissions.given import OTHER, USCC, filled, key_of, line, samples, signed_in, submission
from tests.submissions.test_stream import chunk, connect, receipt_of, send
from tests.support import eventually


# What is in another encoding from its first line on is no entry, and told once: tests/submissions/test_bodies.py.
@pytest.mark.parametrize("name", [name for name in BAD if name != "UTF-16"])
async def test_bad_input_is_refused_with_its_rule_and_place_and_recorded(
    client: httpx2.AsyncClient, key: dict[str, str], name: str
) -> None:
    raw, rule, pointer = BAD[name]
    for language in ("zh", "en"):
        answer = await client.post("/submissions", content=raw, headers=key | {"Accept-Language": language})
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
        findings = answer.json()["findings"]
        assert (rule, pointer) in [(found["rule"], found["pointer"]) for found in findings]
        assert all(0 < len(found["text"]) < 400 and "{" not in found["text"][:20] for found in findings)
        assert len(findings) <= MAX_FINDINGS + 1 and len(answer.content) < 400_000
        assert answer.json()["recorded"].startswith(f"{USCC}/")
    assert (await client.get("/submissions", headers=key)).json()["items"] == []


async def test_among_bad_lines_every_good_one_is_taken_in(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    lines = [line for raw, _, _ in BAD.values() for line in (raw + b"\n", GOOD.replace(b'"bad"', b'"good"') + b"\r\n")]
    receipts = await send(client, key, b"".join(lines))
    assert [receipt["line"] for receipt in receipts] == list(range(1, len(lines) + 1))
    assert {receipt["status"] for receipt in receipts[1::2]} == {"received"}
    assert {receipt["status"] for receipt in receipts[::2]} == {"refused"}
    for receipt, (name, (_, rule, pointer)) in zip(receipts[::2], BAD.items(), strict=True):
        assert (rule, pointer) in [(found["rule"], found["pointer"]) for found in receipt["findings"]], name
    assert await send(client, key, b"".join(lines)) == receipts


@pytest.mark.parametrize("text", RARE)
async def test_rare_characters_come_out_as_they_went_in(
    client: httpx2.AsyncClient, key: dict[str, str], text: str
) -> None:
    said = {"zh": f"地铁智能检修，面向全市{text}。", "en": f"Smart maintenance of the metro {text}."}
    texts: dict[str, Any] = {"summary": said, **({} if UNLINED.search(text) else {"title": said})}
    for reference, raw in (("raw", line("raw", **texts)), ("escaped", _ascii(line("escaped", **texts)))):
        answer = await client.post("/submissions", content=raw, headers=key)
        assert answer.status_code == 201, answer.text
        held = (await client.get(f"/submissions/{USCC}/{reference}", headers=key)).json()
        assert held["title"] == held["entry"]["title"]
        assert {name: held["entry"][name] for name in texts} == texts


def _ascii(raw: bytes) -> bytes:
    return json.dumps(orjson.loads(raw), ensure_ascii=True).encode()


async def test_a_carriage_return_changes_nothing(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    receipts = await send(client, key, b"\r\n" + line("a").rstrip() + b"\r\n \t\r\n" + line("a"))
    assert [(r["line"], r["status"], r["event"]) for r in receipts] == [
        (2, "received", f"{USCC}/a/1"),
        (4, "received", f"{USCC}/a/1"),
    ]


async def test_a_clock_that_is_a_day_off_changes_nothing(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    """Time is the service's own; and no rule asks what day it is, which differs between Chengdu and the world."""
    now = datetime.now(UTC)
    for days in (-1, 0, 1):
        there = now + timedelta(days=days)
        scene = {**_scene(), "opens": there.date().isoformat(), "closes": there.date().isoformat()}
        said = {"reference": f"day{days}", "revision": 1, "entry": scene}
        headers = key | {"Date": there.strftime("%a, %d %b %Y %H:%M:%S GMT"), "If-Unmodified-Since": "yesterday"}
        answer = await client.post("/submissions", json=said, headers=headers)
        assert answer.status_code == 201, answer.text
        assert abs(datetime.fromisoformat(answer.json()["time"]) - now) < timedelta(hours=1)


def _scene() -> dict[str, Any]:
    scene = next(sample["entry"] for sample in samples() if sample["entry"]["kind"] == "scene")
    return {**scene, "owner": {**scene["owner"], "uscc": USCC}}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer  "},
        {"Authorization": "Bearer sq_live_000000000000_" + "0" * 64},
        {"Authorization": "Bearer ｓｑ".encode()},
        {"Authorization": "Bearer " + "x" * 8000},
        {"Authorization": b"Bearer \xff\x00"},
    ],
)
async def test_the_wrong_kind_of_key_opens_nothing(client: httpx2.AsyncClient, given: dict[str, Any]) -> None:
    for path in ("/submissions", "/submissions:stream"):
        answer = await client.post(path, content=line(), headers=given)
        said = answer.json()["type"].removeprefix("urn:shuangqian:problem:")
        assert answer.status_code == 401 and said in ("key-missing", "key-malformed", "key-unknown"), said


async def test_another_partners_key_takes_in_nothing_of_ours(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str]
) -> None:
    theirs = await key_of(client, settings, OTHER)
    answer = await client.post("/submissions", json=submission("robot-1"), headers=theirs)
    assert [found["rule"] for found in answer.json()["findings"]] == ["partner.mismatch"]
    assert answer.json()["recorded"] == f"{OTHER}/robot-1/1"
    assert (await client.get(f"/submissions/{USCC}/robot-1", headers=key)).status_code == 404


async def test_absurd_headers_are_passed_over(port: int, key: dict[str, str]) -> None:
    for absurd in (
        b"Accept-Language: ,;;q=,zh;q=nan,\xff;q=1e999",
        b"X-Request-Id: " + b"../" * 200,
        b"Content-Type: \xff/x",
        b"Accept: text/ht\xffml",
        b"Content-Encoding: identity",
        b"Cookie: shuangqian=\xff\xfe; language=\x80",
        b"traceparent: 00-zz-zz-zz",
        b"Idempotency-Key: ",
        b'If-None-Match: "\xff',
        b'Forwarded: for="[::1"',
    ):
        status, body = await _raw(port, key, absurd)
        assert status in (200, 201), (absurd, body)
    assert (await _raw(port, key, b"Origin: http://[not-an-address"))[0] == 403
    assert (await _raw(port, key, b"Origin: null"))[0] == 403
    assert (await _raw(port, key, b"X: y", host=b"a[b"))[0] in (200, 400)


async def _raw(port: int, key: dict[str, str], header: bytes, host: bytes = b"localhost") -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = line("headers")
    head = b"POST /submissions HTTP/1.1\r\nHost: %b\r\nConnection: close\r\nContent-Length: %d\r\n" % (host, len(body))
    writer.write(head + b"Authorization: " + key["Authorization"].encode() + b"\r\n" + header + b"\r\n\r\n" + body)
    answer = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    return int(answer.split(b" ", 2)[1]), answer


@pytest.mark.parametrize("ending", [b"zz\r\n", b"fffffff\r\nabc", b"5\r\nabcdefgh\r\n", b""])
async def test_a_chunked_body_that_breaks_off_leaves_whole_lines(
    port: int, client: httpx2.AsyncClient, key: dict[str, str], ending: bytes
) -> None:
    reader, writer = await connect(port, key)
    writer.write(chunk(line("a") + line("b")))
    assert (await receipt_of(reader))["reference"] == "a"
    writer.write(chunk(line("c") + line("d").rstrip()[:-1]) + ending)
    await writer.drain()
    await asyncio.sleep(0.1)
    writer.transport.abort()
    await asyncio.sleep(0.5)

    async def whole() -> bool:
        """What stood before the nonsense in the same packet may or may not be taken; half a line is not."""
        items = (await client.get("/submissions", headers=key)).json()["items"]
        return sorted(each["reference"] for each in items) in (["a", "b"], ["a", "b", "c"])

    await eventually(whole, 20)
    receipts = await send(client, key, line("a") + line("b") + line("c") + line("d"))
    assert [(r["status"], r["event"]) for r in receipts] == [("received", f"{USCC}/{n}/1") for n in "abcd"]
    assert (await client.get("/submissions?status=refused", headers=key)).json()["items"] == []


async def test_a_single_submission_that_breaks_off_leaves_nothing(
    port: int, client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /submissions HTTP/1.1\r\nHost: localhost\r\nAuthorization: {key['Authorization']}\r\n"
    writer.write(head.encode() + b"Content-Length: 5000\r\n\r\n" + line("a"))
    await writer.drain()
    await asyncio.sleep(0.3)
    writer.transport.abort()
    assert (await client.post("/submissions", content=line("b"), headers=key)).status_code == 201
    listed = (await client.get("/submissions", headers=key)).json()["items"]
    assert [each["reference"] for each in listed] == ["b"]
    assert (await client.get("/submissions?status=refused", headers=key)).json()["items"] == []


async def test_a_reference_without_room_is_refused_and_the_lines_around_it_go_on(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    """Revisions of nearly 1 MB each: after some, the reference's history is as large as a document may be."""
    big = [line("big", n, interfaces=["x" * 990_000]) for n in range(1, 21)]
    around = [line(f"r{n}") for n in range(20)]
    receipts = await send(client, key, b"".join(raw for pair in zip(big, around, strict=True) for raw in pair))
    assert [receipt["line"] for receipt in receipts] == list(range(1, 41))
    assert {receipt["status"] for receipt in receipts[1::2]} == {"received"}
    ours = receipts[::2]
    taken = [receipt for receipt in ours if receipt["status"] != "refused"]
    assert 10 <= len(taken) < 20 and taken == ours[: len(taken)]
    full = [[found["rule"] for found in receipt["findings"]] for receipt in ours[len(taken) :]]
    assert full == [["reference.full"]] * (20 - len(taken))
    assert (await client.post("/submissions", content=big[-1], headers=key)).status_code == 409
    held = (await client.get(f"/submissions/{USCC}/big", headers=key)).json()
    assert held["revision"] == len(taken)


async def test_withdrawing_what_has_no_room_left_is_answered_and_not_an_error_of_ours(
    client: httpx2.AsyncClient, key: dict[str, str], settings: Settings
) -> None:
    await filled(client, key, "big")
    path, reason = f"/submissions/{USCC}/big/withdraw", "不再生产" * 120
    answer = await client.post(path, json={"reason": reason}, headers=key | {"Accept-Language": "zh"})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:shuangqian:problem:reference-full")
    assert answer.json()["title"] == "该编号的历史已满"
    page = {"Accept": "text/html", "Accept-Language": "en"} | signed_in(settings, "partner", partner=USCC)
    shown = await client.post(path, data={"reason": reason}, headers=page)
    assert shown.status_code == 409 and "The history of this reference is full" in shown.text
    assert (await client.get(f"/submissions/{USCC}/big", headers=key)).json()["status"] == "received"


async def test_whoever_may_not_send_sends_nothing(client: httpx2.AsyncClient, settings: Settings) -> None:
    """A session opens pages; what programs call wants a key."""
    for roles in (("partner",), ("operator",)):
        mine = signed_in(settings, *roles, partner=USCC)
        assert (await client.post("/submissions", content=line(), headers=mine)).status_code == 401


async def test_many_long_lines_come_in_small_batches() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(60):
            yield b"x" * 999_999 + b"\n"

    sizes = [sum(each.size for each in batch) async for batch in batches(pieces())]
    assert sum(sizes) == 60 * 999_999 and max(sizes) <= BATCH_BYTES + 1_000_000 < BATCH_LINES * 999_999
