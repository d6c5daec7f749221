"""Validate only: the same rules as intake, said of what would become of an entry, and nothing is written."""

from typing import Any

import httpx2
import orjson
import pytest
from fastapi import FastAPI

from submissions import supposed
from tests.submissions.given import USCC, line, samples, submission

ONLY = {"validate": "only"}


async def test_what_would_be_taken_in_is_said_to_be_and_nothing_is_there(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    would = await client.post("/submissions", json=submission(), headers=key, params=ONLY)
    assert (would.status_code, would.json()) == (
        200,
        {"stream": f"{USCC}/robot-1", "reference": "robot-1", "revision": 1, "status": "received"}
        | {"event": None, "time": None},
    )
    assert (await client.get(f"/submissions/{USCC}/robot-1", headers=key)).status_code == 404
    assert (await client.post("/submissions", json=submission(), headers=key)).status_code == 201


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (submission(maturity=12, district="atlantis"), 422),
        (submission(revision=1, maturity=3), 409),
        (submission(revision=2, maturity=3), 200),
        (submission(), 200),
    ],
)
async def test_it_answers_as_sending_would(
    client: httpx2.AsyncClient, key: dict[str, str], body: dict[str, Any], status: int
) -> None:
    await client.post("/submissions", json=submission(), headers=key)
    would = await client.post("/submissions", json=body, headers=key, params=ONLY)
    does = await client.post("/submissions", json=body, headers=key)
    assert would.status_code == status and does.status_code in (status, 201)
    unlike = ("event", "time", "instance", "recorded")
    assert [{k: v for k, v in each.json().items() if k not in unlike} for each in (would, does)] == [
        {k: v for k, v in does.json().items() if k not in unlike}
    ] * 2


async def test_a_stream_is_validated_line_by_line_and_leaves_no_trace(
    app: FastAPI, client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    body = line("a") + b"{nonsense\n" + line("b", maturity=0) + line("a", 2, maturity=3)
    answer = await client.post("/submissions:stream", content=body, headers=key, params=ONLY)
    receipts = [orjson.loads(text) for text in answer.text.splitlines()]
    assert [(r["line"], r["status"], r["event"]) for r in receipts] == [
        (1, "received", None),
        (2, "refused", None),
        (3, "refused", None),
        (4, "revised", None),
    ]
    assert (await client.get("/submissions", headers=key)).json()["items"] == []
    assert (await client.get("/submissions", headers=key, params={"status": "refused"})).json()["items"] == []


async def test_what_follows_is_judged_as_if_what_came_before_had_been_taken_in_piece_after_piece(
    client: httpx2.AsyncClient, key: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = submission()["entry"]["owner"]
    kinds = {each["entry"]["kind"]: each["entry"] for each in samples()}
    names = {"scene": f"{USCC}/tunnel", "product": f"{USCC}/robot"}
    tunnel, link = (
        orjson.dumps({"reference": reference, "revision": 1, "entry": said | {"owner": owner}}) + b"\n"
        for reference, said in (("tunnel", kinds["scene"]), ("link", kinds["linkage"] | names))
    )
    others = [line(f"other-{n}") for n in range(30)]  # a key's piece is of fewer lines
    late = [link, line("robot", maturity=3), line("robot"), line("robot", 2, maturity=3), link]
    body = b"".join([tunnel, line("robot"), *others, *late])

    async def told(**asked: str) -> list[tuple[str, list[str]]]:
        answer = await client.post("/submissions:stream", content=body, headers=key, params=asked)
        receipts = [orjson.loads(text) for text in answer.text.splitlines()]
        assert not asked or not any(receipt["event"] for receipt in receipts)
        return [(each["status"], [found["rule"] for found in each.get("findings", [])]) for each in receipts]

    with monkeypatch.context() as patched:  # what is forgotten counts as never sent
        patched.setattr(supposed, "REMEMBERED", 10)
        assert (await told(**ONLY))[32] == ("refused", ["linkage.scene-unknown", "linkage.product-unknown"])
    would = await told(**ONLY)
    taken: tuple[str, list[str]] = ("received", [])
    assert would == [taken] * 33 + [("refused", ["revision.taken"]), taken, ("revised", []), taken]
    assert await told() == would
