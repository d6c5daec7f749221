"""NDJSON in, NDJSON receipts out: in order, as they commit, whatever the lines and the connection do."""

import asyncio
import gzip
import random
import re
from typing import Any

import httpx2
import orjson
from fastapi import FastAPI

from submissions.ndjson import BATCH_LINES
from tests.submissions.given import USCC, line, samples, submission
from tests.support import eventually


async def send(client: httpx2.AsyncClient, key: dict[str, str], body: bytes) -> list[dict[str, Any]]:
    answer = await client.post("/submissions:stream", content=body, headers=key)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
    return [orjson.loads(text) for text in answer.text.splitlines()]


async def test_bad_lines_are_told_and_the_others_go_on(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    long = b'{"reference": "' + b"x" * 1_000_100 + b'"}\n'
    body = line("a") + b"\n" + b"{nonsense\n" + line("b", maturity=0) + long + line("a") + line("c").rstrip(b"\n")
    receipts = await send(client, key, body)
    assert [(r["line"], r["status"]) for r in receipts] == [
        (1, "received"),
        (3, "refused"),
        (4, "refused"),
        (5, "refused"),
        (6, "received"),
        (7, "received"),
    ]
    assert [r["findings"][0]["rule"] for r in receipts if r["status"] == "refused"] == ["json", "range", "size"]
    assert receipts[4] == receipts[0] | {"line": 6}


async def test_the_same_again_gets_the_same_receipts_and_changes_nothing(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    lines = [line(f"r{n % 400}", 1 + n // 400, maturity=1 + n % 9) for n in range(1200)]
    body = b"".join(lines) + line("r1", 1, maturity=9) + b"no json\n"
    first = await send(client, key, body)
    assert [r["line"] for r in first] == list(range(1, 1203))
    assert {r["status"] for r in first[:400]} == {"received"} and {r["status"] for r in first[400:1200]} == {"revised"}
    assert await send(client, key, body) == first
    assert len((await client.get(f"/submissions/{USCC}/r1", headers=key)).json()["timeline"]) == 4


async def test_many_clients_with_overlapping_references_agree(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    def body(seed: int) -> bytes:
        # Each client sends every reference's revisions in order, and contradicts the others in every seventh.
        random_ = random.Random(seed)
        return b"".join(
            line(f"r{n}", revision, maturity=1 + (seed % 9 if random_.random() < 1 / 7 else n % 9))
            for revision in (1, 2)
            for n in range(40)
        )

    answers = await asyncio.gather(*(send(client, key, body(seed)) for seed in range(32)))
    taken: dict[str, set[str]] = {}
    for receipt in (receipt for answer in answers for receipt in answer if receipt["status"] != "refused"):
        taken.setdefault(f"{receipt['reference']}@{receipt['revision']}", set()).add(receipt["event"])
    assert {len(events) for events in taken.values()} == {1}
    for n in range(40):
        steps = (await client.get(f"/submissions/{USCC}/r{n}", headers=key)).json()["timeline"]
        accepted = [step["revision"] for step in steps if step["what"] != "refused"]
        assert sorted(accepted) == sorted(set(accepted)) and 2 in accepted


async def connect(port: int, key: dict[str, str]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"POST /submissions:stream HTTP/1.1\r\nHost: localhost:{port}\r\nTransfer-Encoding: chunked\r\n"
        f"Authorization: {key['Authorization']}\r\n\r\n"
    )
    writer.write(head.encode())
    return reader, writer


def chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)


async def receipt_of(reader: asyncio.StreamReader) -> dict[str, Any]:
    while True:
        text = await asyncio.wait_for(reader.readline(), 10)
        if text.startswith(b"{"):
            receipt: dict[str, Any] = orjson.loads(text)
            return receipt


async def test_a_slow_client_sees_each_receipt_before_it_sends_more(port: int, key: dict[str, str]) -> None:
    reader, writer = await connect(port, key)
    for n in range(1, 4):
        writer.write(chunk(line(f"r{n}")))
        receipt = await receipt_of(reader)
        assert (receipt["line"], receipt["reference"], receipt["status"]) == (n, f"r{n}", "received")
    writer.write(b"0\r\n\r\n")
    assert (await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 10)).endswith(b"0\r\n\r\n")
    writer.close()


async def test_a_broken_connection_leaves_whole_lines(
    port: int, client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    reader, writer = await connect(port, key)
    writer.write(chunk(line("a") + line("b")))
    await receipt_of(reader)
    writer.write(chunk(line("c") + line("d").rstrip(b"\n")[:-1]))
    await writer.drain()
    await asyncio.sleep(0.2)
    writer.transport.abort()

    async def three() -> bool:
        items = (await client.get("/submissions", headers=key)).json()["items"]
        return sorted(each["reference"] for each in items) == ["a", "b", "c"]

    await eventually(three, 10)
    receipts = await send(client, key, line("a") + line("b") + line("c") + line("d"))
    assert [(r["status"], r["event"]) for r in receipts] == [("received", f"{USCC}/{n}/1") for n in "abcd"]


async def test_what_a_client_that_left_had_sent_packed_does_not_go_on_for_minutes(
    port: int, client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    """Twenty thousand lines are some hundred bytes when packed, and are here at once; at the rate they take 20 s."""
    body = gzip.compress(b"{}\n" * 20_000)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"POST /submissions:stream?validate=only HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Encoding: gzip\r\n"
        f"Content-Length: {len(body)}\r\nAuthorization: {key['Authorization']}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await receipt_of(reader)
    writer.transport.abort()

    async def used() -> str:
        answer = await client.get("/submissions", headers=key)
        return str(re.findall(r'"daily-entries";r=(\d+)', answer.headers["ratelimit"])[0])

    await asyncio.sleep(1)
    before = await used()
    await asyncio.sleep(1)
    assert await used() == before


async def test_nothing_is_read_faster_than_receipts_are_taken(app: FastAPI, key: dict[str, str]) -> None:
    """A client that sends and does not read is made to wait, so memory stays flat."""
    given, taken = 0, asyncio.Event()

    async def receive() -> dict[str, Any]:
        nonlocal given
        given += 1
        return {"type": "http.request", "body": line(f"r{given}") * 100, "more_body": given < 1000}

    async def send(message: Any) -> None:
        if message.get("body"):
            await taken.wait()

    headers = [(b"host", b"localhost"), (b"authorization", key["Authorization"].encode())]
    scope = {"type": "http", "method": "POST", "path": "/submissions:stream", "query_string": b"", "headers": headers}
    serving = asyncio.create_task(app({**scope, "server": ("localhost", 80), "scheme": "http"}, receive, send))
    while given == 0:
        await asyncio.sleep(0.05)
    await asyncio.sleep(2)
    assert given <= 3 * BATCH_LINES // 100
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def test_a_linkage_is_taken_in_once_its_scene_and_product_are_there(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    entry = next(each["entry"] for each in samples() if each["entry"]["kind"] == "linkage")
    scene = next(each["entry"] for each in samples() if each["entry"]["kind"] == "scene")
    owner = submission()["entry"]["owner"]

    def linkage(reference: str, scene: str) -> bytes:
        said = entry | {"owner": owner, "scene": f"{USCC}/{scene}", "product": f"{USCC}/robot"}
        return orjson.dumps({"reference": reference, "revision": 1, "entry": said}) + b"\n"

    early = await send(client, key, linkage("link", "tunnel"))
    assert [(f["rule"], f["pointer"], f["found"]) for f in early[0]["findings"]] == [
        ("linkage.scene-unknown", "/entry/scene", f"{USCC}/tunnel"),
        ("linkage.product-unknown", "/entry/product", f"{USCC}/robot"),
    ]
    assert await send(client, key, linkage("link", "tunnel")) == early
    # Once one of the two is there, it is told of the other alone.
    (received,) = await send(client, key, line("robot"))
    assert received["status"] == "received"
    half = await send(client, key, linkage("link", "tunnel"))
    assert [(f["rule"], f["pointer"]) for f in half[0]["findings"]] == [("linkage.scene-unknown", "/entry/scene")]
    tunnel = orjson.dumps({"reference": "tunnel", "revision": 1, "entry": scene | {"owner": owner}}) + b"\n"
    together = await send(
        client, key, tunnel + line("robot") + line("robot-2") + linkage("link", "tunnel") + linkage("odd", "robot-2")
    )
    assert [r["status"] for r in together] == ["received"] * 4 + ["refused"]
    assert [f["rule"] for f in together[4]["findings"]] == ["linkage.scene-unknown"]
