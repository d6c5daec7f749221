"""What a line asks for, and that all that is wrong with it is told at once: also whose it is, and what it names."""

from typing import Any

import httpx2
import orjson
import pytest

from schemas.json_text import BOM
from submissions.domain.submission import Receive, Refuse
from submissions.intake import command, now
from submissions.ndjson import Line
from tests.submissions.given import OTHER, USCC, line, samples, submission
from tests.submissions.test_stream import send


def asked(raw: bytes) -> Receive | Refuse:
    return command(Line(1, raw, len(raw)), USCC, "partner:test", now(), b"pepper")


def found(raw: bytes) -> list[tuple[str, str]]:
    refuse = asked(raw)
    assert isinstance(refuse, Refuse)
    return [(finding.rule, finding.pointer) for finding in refuse.findings]


OWNER = ("partner.mismatch", "/entry/owner/uscc")


def test_whose_it_is_is_told_with_all_the_rest() -> None:
    sent = orjson.dumps(submission("a", uscc=OTHER, maturity=12))
    assert found(sent) == [("range", "/entry/maturity"), OWNER]
    refuse = asked(sent)
    assert isinstance(refuse, Refuse) and refuse.stream == f"{USCC}/a"
    assert (refuse.findings[1].found, refuse.findings[1].expected, refuse.findings[1].fix) == (OTHER, USCC, None)


@pytest.mark.parametrize("own", ["9151 0106 ma6rh83w82", USCC[:-1] + "0", 7, None])
def test_ones_own_code_written_otherwise_is_ones_own(own: Any) -> None:
    assert OWNER not in found(orjson.dumps(submission(uscc=own)))


def test_an_owner_that_is_no_code_is_not_the_sender_either() -> None:
    assert found(orjson.dumps(submission(uscc="9151"))) == [("uscc", "/entry/owner/uscc"), OWNER]


@pytest.mark.parametrize("raw", [b"[]", b"{", b'{"entry":[]}', b'{"entry":{"owner":"x","kind":"linkage","scene":{}}}'])
def test_what_names_no_owner_is_not_anothers(raw: bytes) -> None:
    assert OWNER not in found(raw)


def test_a_byte_order_mark_changes_nothing() -> None:
    with_mark, without = asked(BOM + line("a")), asked(line("a"))
    assert isinstance(with_mark, Receive) and with_mark.cause == without.cause
    wrong = asked(BOM + line("a", maturity=12))
    assert isinstance(wrong, Refuse) and (wrong.stream, wrong.revision) == (f"{USCC}/a", 1)


async def test_a_linkage_is_told_all_at_once_and_is_judged_anew_once_what_it_names_is_there(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    entry = next(each["entry"] for each in samples() if each["entry"]["kind"] == "linkage")

    def linkage(uscc: str = USCC, **changes: Any) -> bytes:
        owner = {**entry["owner"], "uscc": uscc}
        ids = {"scene": f"{USCC}/tunnel", "product": f"{USCC}/robot"}
        return orjson.dumps({"reference": "link", "revision": 1, "entry": entry | ids | {"owner": owner} | changes})

    async def told(raw: bytes) -> list[tuple[str, str]]:
        (receipt,) = await send(client, key, raw)
        assert (await send(client, key, raw)) == [receipt], "the same text has the same receipt"
        return [(each["rule"], each["pointer"]) for each in receipt["findings"]]

    unknown = [("linkage.scene-unknown", "/entry/scene"), ("linkage.product-unknown", "/entry/product")]
    assert await told(linkage(district="atlantis")) == [("choice", "/entry/district"), *unknown]
    assert await told(linkage(OTHER)) == [OWNER, *unknown]
    # What is no name at all is told as that alone.
    assert await told(linkage(product="robot")) == [("pattern", "/entry/product"), unknown[0]]
    scene = next(each["entry"] for each in samples() if each["entry"]["kind"] == "scene")
    scene = scene | {"owner": {**scene["owner"], "uscc": USCC}}
    tunnel = orjson.dumps({"reference": "tunnel", "revision": 1, "entry": scene})
    receipts = await send(client, key, tunnel + b"\n" + line("robot"))
    assert [receipt["status"] for receipt in receipts] == ["received"] * 2
    assert await told(linkage(district="atlantis")) == [("choice", "/entry/district")]
    assert await told(linkage(OTHER)) == [OWNER]
    received = await send(client, key, linkage())
    assert received[0]["status"] == "received"
    # Of what was taken in the receipt stays the same, though what it names is withdrawn since.
    await client.post(f"/submissions/{USCC}/tunnel/withdraw", json={"reason": "closed"}, headers=key)
    assert await send(client, key, linkage()) == received
    assert await told(linkage(OTHER)) == [OWNER]
