"""What programs get: receipts, problems with every finding, and what is theirs alone."""

import re
from datetime import UTC, datetime

import httpx2
import orjson
import pytest

from runtime.settings import Settings
from schemas.entry import SubmissionLine
from schemas.envelope import Event
from schemas.review import CaseClosed, CaseDecided, CaseReviewGiven, Decision, Reason, Verdict
from submissions.__main__ import mongo
from submissions.store import ProgressStore
from tests.submissions.given import OTHER, USCC, key_of, line, signed_in, submission


async def test_a_submission_is_received_and_the_same_again_answered_with_the_same(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    first = await client.post("/submissions", json=submission(), headers=key)
    again = await client.post(
        "/submissions", content=orjson.dumps(submission(), option=orjson.OPT_INDENT_2), headers=key
    )
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert (
        first.json().items()
        >= {"stream": f"{USCC}/robot-1", "status": "received", "event": f"{USCC}/robot-1/1"}.items()
    )
    assert first.headers["location"] == f"/submissions/{USCC}/robot-1"
    revised = await client.post("/submissions", json=submission(revision=2, maturity=7), headers=key)
    assert (revised.status_code, revised.json()["status"]) == (201, "revised")


async def test_what_breaks_rules_gets_every_finding_in_the_callers_language_and_is_recorded(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    wrong = submission(maturity=12, district="atlantis", colour="red")
    answer = await client.post("/submissions", json=wrong, headers=key | {"Accept-Language": "zh-CN"})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    problem = answer.json()
    assert {(f["rule"], f["pointer"]) for f in problem["findings"]} == {
        ("range", "/entry/maturity"),
        ("choice", "/entry/district"),
        ("unknown-field", "/entry/colour"),
    }
    assert "没有名为“colour”的字段。请删除它，或检查拼写。" in [f["text"] for f in problem["findings"]]
    assert problem["recorded"] == f"{USCC}/robot-1/1"
    again = await client.post("/submissions", json=wrong, headers=key | {"Accept-Language": "en"})
    assert again.json()["recorded"] == problem["recorded"]
    assert "There is no field “colour”. Remove it or check its spelling." in [
        f["text"] for f in again.json()["findings"]
    ]


async def test_a_contradiction_is_a_conflict(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    await client.post("/submissions", json=submission(), headers=key)
    answer = await client.post("/submissions", json=submission(maturity=7), headers=key)
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:shuangqian:problem:revision-taken"
    assert [f["rule"] for f in answer.json()["findings"]] == ["revision.taken"]


async def test_bytes_that_say_nothing_are_recorded_under_their_hash(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    for body, rule in ((b"\xff{", "json"), (b"[]", "type"), (b'{"n": "' + b"x" * 1_000_001 + b'"}', "size")):
        problem = (await client.post("/submissions", content=body, headers=key)).json()
        assert [f["rule"] for f in problem["findings"]][:1] == [rule]
        assert problem["recorded"].startswith(f"{USCC}/~")


async def test_a_partner_sends_for_itself_alone(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    answer = await client.post("/submissions", json=submission(uscc=OTHER), headers=key)
    assert [(f["rule"], f["pointer"]) for f in answer.json()["findings"]] == [("partner.mismatch", "/entry/owner/uscc")]
    assert answer.json()["recorded"] == f"{USCC}/robot-1/1"


async def test_only_a_key_in_use_opens(client: httpx2.AsyncClient, settings: Settings, key: dict[str, str]) -> None:
    forged = {"Authorization": key["Authorization"][:-1] + "!"}
    same_id = {"Authorization": key["Authorization"][:-64] + "0" * 64}
    for headers in ({}, {"Authorization": "Bearer x"}, forged, same_id):
        for path in ("/submissions", "/submissions:stream"):
            answer = await client.post(path, content=line(), headers=headers)
            assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
    id = key["Authorization"].split("_")[2]
    own = signed_in(settings, "partner", partner=USCC)
    foreign = signed_in(settings, "partner", partner=OTHER)
    assert (await client.delete(f"/partners/{USCC}/keys/{id}", headers=foreign)).status_code == 404
    assert (await client.post("/submissions", content=line(), headers=key)).status_code == 201
    assert (await client.delete(f"/partners/{USCC}/keys/{id}", headers=own)).status_code == 204
    assert (await client.post("/submissions", content=line(), headers=key)).status_code == 401


async def test_operators_register_and_nobody_else(client: httpx2.AsyncClient, settings: Settings) -> None:
    partner = {"uscc": OTHER, "name": {"zh": "川椒里"}, "type": "enterprise"}
    mine = signed_in(settings, "partner", partner=USCC)
    assert (await client.post("/partners", json=partner, headers=mine)).status_code == 403
    assert (await client.post("/partners", json=partner)).status_code == 401
    operator = signed_in(settings, "operator")
    statuses = [(await client.post("/partners", json=partner, headers=operator)).status_code for _ in range(2)]
    assert statuses == [201, 200]
    assert (await client.post("/partners", json=partner | {"type": "agency"}, headers=operator)).status_code == 409
    assert (await client.post("/partners", json=partner | {"uscc": "1" * 18}, headers=operator)).status_code == 422
    unknown = await client.post(f"/partners/{USCC}/keys", json={"label": "x"}, headers=mine)
    assert unknown.status_code == 404


async def test_everybody_sees_their_own(client: httpx2.AsyncClient, settings: Settings, key: dict[str, str]) -> None:
    theirs = await key_of(client, settings, OTHER)
    await client.post("/submissions:stream", content=line("a") + line("b") + line("bad", maturity=0), headers=key)
    await client.post("/submissions", json=submission("c", uscc=OTHER), headers=theirs)

    async def references(headers: dict[str, str], query: str = "") -> list[str]:
        return sorted(
            each["reference"] for each in (await client.get(f"/submissions{query}", headers=headers)).json()["items"]
        )

    assert await references(key) == await references(signed_in(settings, "partner", partner=USCC)) == ["a", "b"]
    assert await references(key, "?status=refused") == ["bad"]
    assert await references(key, "?status=received&kind=scene") == []
    assert await references(theirs) == ["c"]
    assert await references(signed_in(settings, "operator")) == ["a", "b", "c"]
    assert (await client.get(f"/submissions/{USCC}/a", headers=theirs)).status_code == 404
    assert (await client.get(f"/submissions/{USCC}/a", headers=signed_in(settings, "reviewer"))).status_code == 403
    one = (await client.get(f"/submissions/{USCC}/a", headers=key)).json()
    assert (one["status"], one["revision"], one["entry"]["owner"]["uscc"]) == ("received", 1, USCC)
    assert one["waits_for"] and [step["what"] for step in one["timeline"]] == ["received"]


def sent_back(reference: str, *reasons: str, told: tuple[Reason, ...] = ()) -> CaseDecided:
    """Changes are requested of a submission's first revision."""
    return CaseDecided(
        submission=f"{USCC}/{reference}",
        revision=1,
        partner=USCC,
        digest="d",
        decision=Decision.CHANGES_REQUESTED,
        score=None,
        reasons=reasons,
        entry=SubmissionLine.model_validate(submission(reference), strict=False).entry,
        told=told,
    )


async def test_what_the_machine_asks_for_is_told_in_the_readers_language_alone(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str]
) -> None:
    await client.post("/submissions", json=submission("a"), headers=key)
    stream = f"{USCC}/a"
    reason = Reason(zh="没有附件可供核对。", en="There is no attachment to check it by.")
    decided = sent_back("a", f"{reason.zh} {reason.en}", told=(reason,))
    event = Event(f"{stream}@1/1", "/review", f"{stream}@1", datetime.now(UTC), 1, "x", "x", "service:review", decided)
    async with mongo(settings) as connection:
        await ProgressStore(connection[settings.database("submissions")]).take([event])
    person = signed_in(settings, "partner", partner=USCC)
    for language, told, other in (("zh", reason.zh, reason.en), ("en", reason.en, reason.zh)):
        headers = {"Accept-Language": language}
        detail = (await client.get(f"/submissions/{stream}", headers=key | headers)).json()
        assert (detail["decision"]["reasons"], detail["timeline"][0]["reasons"]) == ([told], [told])
        page = (await client.get(f"/submissions/{stream}", headers=person | headers | {"Accept": "text/html"})).text
        assert f"<li>{told}</li>" in page and other not in page


async def test_what_reviewers_ask_for_is_told_once_and_not_what_an_approver_wrote(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str]
) -> None:
    await client.post("/submissions", json=submission("a"), headers=key)
    stream = f"{USCC}/a"
    said = ((Verdict.APPROVE, "fine"), (Verdict.REJECT, "too vague"), (Verdict.REQUEST_CHANGES, "add figures"))
    facts = [CaseReviewGiven(reviewer=word, scores={}, verdict=verdict, comment=word) for verdict, word in said]
    decided = sent_back("a", "too vague", "add figures")
    events = [
        Event(f"{stream}@1/{n}", "/review", f"{stream}@1", datetime.now(UTC), n, "x", "x", "user:x", fact)
        for n, fact in enumerate((*facts, decided), start=1)
    ]
    async with mongo(settings) as connection:
        await ProgressStore(connection[settings.database("submissions")]).take(events)
    person = signed_in(settings, "partner", partner=USCC)
    page = (await client.get(f"/submissions/{stream}", headers=person | {"Accept": "text/html"})).text
    asked = page.partition('id="decision"')[2].partition("</section>")[0]
    assert re.findall(r"<li>(.*?)</li>", asked) == ["too vague", "add figures"] and "fine" not in asked


async def test_what_was_withdrawn_says_so_once_and_asks_for_nothing(
    client: httpx2.AsyncClient, key: dict[str, str], settings: Settings
) -> None:
    await client.post("/submissions", json=submission(), headers=key)
    stream = f"{USCC}/robot-1"
    facts = (sent_back("robot-1", "too vague"), CaseClosed(reason="withdrawn"))
    events = [
        Event(f"{stream}@1/{n}", "/review", f"{stream}@1", datetime.now(UTC), n, "x", "x", "user:x", fact)
        for n, fact in enumerate(facts, start=1)
    ]
    async with mongo(settings) as connection:
        await ProgressStore(connection[settings.database("submissions")]).take(events)
    person = signed_in(settings, "partner", partner=USCC) | {"Accept": "text/html", "Accept-Language": "en"}
    assert "What is asked for" in (await client.get(f"/submissions/{stream}", headers=person)).text
    answer = await client.post(f"/submissions/{stream}/withdraw", json={"reason": "sold"}, headers=key)
    steps = [step["what"] for step in answer.json()["timeline"]]
    assert steps.count("withdrawn") == 1 and "changes-requested" in steps
    assert "What is asked for" not in (await client.get(f"/submissions/{stream}", headers=person)).text


async def test_of_what_was_refused_the_timeline_names_each_place(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    wrong = submission()
    del wrong["entry"]["title"], wrong["entry"]["summary"]
    await client.post("/submissions", json=submission(), headers=key)
    await client.post("/submissions", json=wrong | {"revision": 2}, headers=key)
    for language, required in (("en", ": This field is required."), ("zh", "：缺少必填项。")):
        story = await client.get(f"/submissions/{USCC}/robot-1", headers=key | {"Accept-Language": language})
        (refused,) = [step for step in story.json()["timeline"] if step["what"] == "refused"]
        assert refused["reasons"] == [f"/entry/title{required}", f"/entry/summary{required}"]


async def test_a_list_goes_on_page_by_page(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    await client.post("/submissions:stream", content=b"".join(line(f"r{n}") for n in range(60)), headers=key)
    for query in ("", "status=received&"):
        seen, after, more = list[str](), "", True
        while more:
            answer = (await client.get(f"/submissions?{query}after={after}", headers=key)).json()
            seen += [each["reference"] for each in answer["items"]]
            after, more = answer["next"], answer["next"] is not None
        assert sorted(seen) == sorted(f"r{n}" for n in range(60))


@pytest.mark.parametrize(
    "path", ["/submissions?after=zzz", "/submissions?status=nonsense", "/refusals?after=x.1", "/requests?after=7"]
)
async def test_what_nobody_gave_and_no_status_is_refused(
    client: httpx2.AsyncClient, key: dict[str, str], path: str
) -> None:
    """A program that asked from the beginning again and again would never come to the end."""
    answer = await client.get(path, headers=key)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:shuangqian:problem:invalid-request")


async def test_what_was_withdrawn_takes_nothing_more(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    await client.post("/submissions", json=submission(), headers=key)
    answer = await client.post(f"/submissions/{USCC}/robot-1/withdraw", json={"reason": "sold"}, headers=key)
    assert answer.json()["status"] == "withdrawn"
    later = await client.post("/submissions", json=submission(revision=2), headers=key)
    assert (later.status_code, later.json()["findings"][0]["rule"]) == (409, "submission.withdrawn")
    assert (await client.post("/submissions", json=submission(), headers=key)).status_code == 200


async def test_the_openapi_document_says_how(client: httpx2.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    operation = document["paths"]["/submissions"]["post"]
    assert operation["requestBody"]["content"]["application/json"]["example"]["entry"]["kind"] == "product"
    assert {"200", "201", "401", "409", "422"} <= set(operation["responses"])
    assert all(operation["tags"] for path in document["paths"].values() for operation in path.values())


async def test_the_documented_example_keeps_every_rule(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    document = (await client.get("/openapi.json")).json()
    example = document["paths"]["/submissions"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert (await client.post("/submissions", json=example, headers=key)).status_code == 201


async def test_a_parameter_that_is_unknown_or_there_twice_is_named_and_nothing_is_guessed(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    answer = await client.get("/submissions?staus=x&status=received&status=refused", headers=key)
    found = [(finding["pointer"], finding["rule"]) for finding in answer.json()["findings"]]
    assert answer.status_code == 422
    assert found == [("/query/status", "repeated-parameter"), ("/query/staus", "unknown-parameter")]
