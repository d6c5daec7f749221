"""Any bytes at all: one receipt for each line that is not blank, in order, and no failure of ours. What begins as a
file of another kind is told for that, once."""

import httpx2
import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.json_text import BOM, other_kind
from tests.submissions.bad import BAD
from tests.submissions.given import line

#: Some lines that are right, and some that are wrong in each of the ways we know; not the long ones, for time's sake.
LINES = [line("any", n, maturity=n) for n in range(1, 5)] + [raw for raw, _, _ in BAD.values() if len(raw) < 10_000]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A line, a few of whose bytes were replaced, removed or doubled."""
    raw = draw(st.sampled_from(LINES))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(raw)))
        end = draw(st.integers(start, min(len(raw), start + 40)))
        raw = raw[:start] + draw(st.one_of(st.binary(max_size=6), st.just(raw[start:end] * 2))) + raw[end:]
    return raw


def begins_as_an_object(body: bytes) -> bool:
    """Whether the first line that is not blank is text in UTF-8 and begins with a brace: no file of another kind."""
    first = body.removeprefix(BOM).lstrip().partition(b"\n")[0]
    try:
        return first.decode().startswith("{") and not first.startswith(b"{\0")
    except UnicodeDecodeError:
        return False


BODIES = st.lists(st.one_of(mutated(), st.binary(max_size=60), st.sampled_from([b"", b" \r", b"\x0c"])), max_size=8)


@given(BODIES, st.sampled_from([b"\n", b"\r\n", b"\n\n"]))
@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_any_bytes_get_a_receipt_a_line(
    client: httpx2.AsyncClient, key: dict[str, str], lines: list[bytes], end: bytes
) -> None:
    body = end.join(lines)
    expected = [number for number, text in enumerate(body.split(b"\n"), start=1) if text.strip()]
    answer = await client.post("/submissions:stream", content=body, headers=key)
    assert answer.status_code == 200
    receipts = [orjson.loads(text) for text in answer.content.splitlines()]
    if other_kind(body):
        assert [(each["status"], each["problem"]["status"]) for each in receipts] == [("stopped", 415)]
        assert not begins_as_an_object(body)
        return
    assert [receipt["line"] for receipt in receipts] == expected
    for receipt in receipts:
        assert (receipt["status"] == "refused") == bool(receipt.get("findings"))
        assert receipt["event"] or receipt["status"] == "unchanged" or receipt["findings"]
    again = await client.post("/submissions:stream", content=body, headers=key)
    assert again.content == answer.content


@given(st.one_of(mutated(), st.binary(max_size=200)))
@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_any_bytes_alone_get_an_answer(client: httpx2.AsyncClient, key: dict[str, str], body: bytes) -> None:
    answer = await client.post("/submissions", content=body, headers=key)
    if other_kind(body):
        assert answer.status_code == 415 and not begins_as_an_object(body)
        return
    assert answer.status_code in (200, 201, 409, 422)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json" and answer.json()["findings"]
