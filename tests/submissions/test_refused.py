"""What was refused is asked for as long as it can be mended, and no longer: on the page, over the API."""

from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any, cast

import httpx2
import pytest

from runtime.settings import Settings
from schemas.entry import SubmissionLine
from schemas.envelope import Event
from schemas.finding import Finding
from schemas.submission import SubmissionFact, SubmissionReceived, SubmissionRefused, SubmissionRevised
from schemas.submission import SubmissionWithdrawn as Withdrawn
from submissions import store
from submissions.domain.refused import OPEN_DAYS, standings
from submissions.domain.submission import SUBMISSIONS, Submission
from tests.submissions.given import OTHER, USCC, key_of, line, signed_in, submission

NOW = datetime(2026, 7, 1, tzinfo=UTC)
PRODUCT = SubmissionLine.model_validate(submission(), strict=False).entry


def accepted(revision: int) -> SubmissionReceived | SubmissionRevised:
    fact = SubmissionReceived if revision == 1 else SubmissionRevised
    return fact(revision=revision, digest=f"{revision}", entry=PRODUCT)


def refused(revision: int | None, rule: str = "required") -> SubmissionRefused:
    return SubmissionRefused(revision=revision, digest="x", findings=(Finding(rule=rule, pointer=""),))


def told(*facts: SubmissionFact, after: timedelta = timedelta()) -> list[str]:
    """How the refusals among these stand `after` them, the latest first."""
    state: Submission = reduce(SUBMISSIONS.evolve, facts, Submission())
    events = [
        Event(f"a/b/{n}", "submissions", "a/b", NOW, n, f"c{n}", f"c{n}", "partner:a", fact)
        for n, fact in enumerate(facts, start=1)
    ]
    return [standing for _, standing in standings(state, events, NOW + after)]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([refused(1)], ["open"]),
        ([refused(None)], ["open"]),
        ([refused(1), accepted(1)], ["mended"]),
        ([accepted(1), refused(2)], ["open"]),
        ([accepted(1), refused(2), accepted(3), refused(4)], ["open", "mended"]),
        ([accepted(1), refused(2), Withdrawn(reason="r")], ["withdrawn"]),
        ([accepted(1), Withdrawn(reason="r"), refused(2, "submission.withdrawn")], ["withdrawn"]),
        # A bad text of a revision that is held cannot be mended: sent again, it would be another of the same number.
        ([accepted(1), refused(2), accepted(2), refused(2)], ["mended", "mended"]),
        ([accepted(1), accepted(3), refused(2)], ["mended"]),
        # A good one would be taken in under the next number.
        ([accepted(1), refused(1, "revision.taken")], ["open"]),
        ([accepted(1), accepted(3), refused(2, "revision.stale")], ["open"]),
        ([accepted(1), refused(1, "revision.taken"), accepted(2)], ["mended"]),
        ([accepted(1), refused(2, "kind.changed")], ["open"]),
    ],
)
def test_a_refusal_is_open_while_it_can_be_mended(facts: list[SubmissionFact], expected: list[str]) -> None:
    assert told(*facts) == expected
    lapsed = ["lapsed" if standing == "open" else standing for standing in expected]
    assert told(*facts, after=timedelta(days=OPEN_DAYS)) == lapsed
    assert told(*facts, after=timedelta(days=OPEN_DAYS, milliseconds=-1)) == expected


async def test_the_page_and_the_api_agree_on_what_is_still_to_be_mended(
    client: httpx2.AsyncClient, key: dict[str, str], settings: Settings
) -> None:
    partner = {"Accept": "text/html", "Accept-Language": "en"} | signed_in(settings, "partner", partner=USCC)

    async def sent(*lines: bytes) -> None:
        for each in lines:
            await client.post("/submissions", content=each, headers=key)

    async def standing(**asked: Any) -> dict[str | None, list[str]]:
        by: dict[str | None, list[str]] = {}
        for item in (await client.get("/refusals", params=asked, headers=key)).json()["items"]:
            assert item["mended"] == (item["standing"] == "mended")
            by.setdefault(item["reference"], []).append(item["standing"])
        return by

    slip: dict[str, Any] = {"maturity": "8"}
    await sent(line("gone"), line("gone", 2, **slip), line("again"), line("again", 2, **slip), line("again", 2))
    await sent(line("again", 2, maturity="7"), line("open", **slip))
    path = f"/submissions/{USCC}/gone"
    assert "Suggested fixes as a JSON Patch" in (await client.get(path, headers=partner)).text
    await client.post(f"{path}/withdraw", data={"reason": "not ours"}, headers=partner)
    assert await standing() == {"gone": ["withdrawn"], "again": ["mended", "mended"], "open": ["open"]}
    assert await standing(stream=f"{USCC}/gone") == {"gone": ["withdrawn"]}

    page = (await client.get("/submissions/refused", headers=partner)).text
    assert f"What nobody mends for {OPEN_DAYS} days is asked for no more." in page
    tags = {reference: page.partition(f">{reference}</a>")[2].partition("</h2>")[0] for reference in ("gone", "open")}
    assert "Withdrawn" in tags["gone"] and "Refused" in tags["open"]
    assert page.count("Suggested fixes as a JSON Patch") == 1
    for reference in ("gone", "again"):
        own = (await client.get(f"/submissions/{USCC}/{reference}", headers=partner)).text
        assert "Suggested fixes" not in own and "Nothing is left to be done" in own


async def test_refusals_come_page_by_page_also_where_one_submission_has_more_than_a_page(
    client: httpx2.AsyncClient, key: dict[str, str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "REFUSALS", 4)
    bad = [line("often", n, maturity=0) for n in range(1, 10)] + [line(f"once-{n}", maturity=0) for n in range(3)]
    answer = await client.post("/submissions:stream", content=b"".join([*bad, line("often", 8)]), headers=key)
    assert answer.status_code == 200
    other = await key_of(client, settings, OTHER)

    async def paged(headers: dict[str, str], **asked: Any) -> list[dict[str, Any]]:
        items, after = list[dict[str, Any]](), cast(str | None, "")
        while after is not None:
            page = (await client.get("/refusals", params={**asked, "after": after}, headers=headers)).json()
            assert len(page["items"]) <= 4
            items, after = items + page["items"], page["next"]
        return items

    every = await paged(key)
    assert len(every) == len({each["event"] for each in every}) == 12
    often = [each for each in every if each["reference"] == "often"]
    assert [each["revision"] for each in often] == [*range(9, 0, -1)], "the latest first"
    assert [each["standing"] for each in often] == ["mended"] * 9
    assert await paged(key, stream=f"{USCC}/often") == often
    # A place in another's submission is no way to it; one from before pages ended within submissions goes on behind it.
    assert (await client.get("/refusals", params={"after": f"9.9.{USCC}/often@9"}, headers=other)).json()["items"] == []
    behind = (await client.get("/refusals", params={"after": f"4294967295.0.{USCC}/a"}, headers=key)).json()
    assert len(behind["items"]) == 4
    listed = await client.get(
        "/submissions/refused", headers={"Accept": "text/html", **signed_in(settings, "partner", partner=USCC)}
    )
    assert listed.text.count("sq-listing__title") == 4
