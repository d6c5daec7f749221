"""Every rule is explained, by examples that are true: in zh and en, to people and to programs."""

from dataclasses import fields
from functools import reduce
from typing import Any, get_args

import httpx2
import jsonpatch
import orjson
import pytest

from runtime.settings import Settings
from schemas.envelope import Refusal
from schemas.finding import Finding, patch
from schemas.rules import check
from schemas.submission import SubmissionFact, SubmissionRefused, SubmissionWithdrawn
from schemas.texts import TEXTS
from submissions.domain.submission import FULL, SUBMISSIONS, Receive, Submission
from submissions.intake import command, now
from submissions.ndjson import Line
from submissions.rulebook import Rule, rulebook
from submissions.sheets.findings import ODD, OfFile
from submissions.sources.asked import Asked
from tests.submissions.given import USCC, line, signed_in, submission
from tests.submissions.sheet_files import as_csv, entry, put, table

OF_TEXT = [rule for rule in rulebook().values() if rule.group in ("fields", "across")]
OF_REVISIONS = [rule for rule in rulebook().values() if rule.example.held]
HTML = {"Accept": "text/html"}


def sent(raw: bytes) -> Receive:
    """What an example asks for, as its own partner."""
    asked = command(Line(1, raw, len(raw)), USCC, "partner:test", now(), b"pepper")
    assert isinstance(asked, Receive)
    return asked


def held(rule: Rule) -> Submission:
    """The stream that an example comes to."""
    facts: list[SubmissionFact] = [
        fact for raw in rule.example.held for fact in facts_of(SUBMISSIONS.decide(Submission(), sent(raw)))
    ]
    if rule.example.withdrawn:
        facts.append(SubmissionWithdrawn(reason="sold"))
    return reduce(SUBMISSIONS.evolve, facts, Submission())


def facts_of(decided: tuple[SubmissionFact, ...] | Refusal) -> tuple[SubmissionFact, ...]:
    assert not isinstance(decided, Refusal)
    return decided


def findings_of(decided: tuple[SubmissionFact, ...] | Refusal) -> tuple[Finding, ...]:
    refused = [fact for fact in facts_of(decided) if isinstance(fact, SubmissionRefused)]
    return tuple(finding for fact in refused for finding in fact.findings)


def _names(literals: Any) -> list[str]:
    return [name for literal in get_args(literals) for name in get_args(literal)]


def test_every_rule_is_explained() -> None:
    of_sheets = {f"sheet.{name}" for name in (*ODD, "row", *_names(OfFile))}
    of_sources = {f"source.{field.name}" for field in fields(Asked)}
    assert set(rulebook()) == set(TEXTS) | of_sheets | of_sources


@pytest.mark.parametrize("rule", OF_TEXT, ids=lambda rule: rule.id)
def test_a_bad_example_breaks_its_rule_alone_and_a_good_one_keeps_all(rule: Rule) -> None:
    assert {finding.rule for finding in check(rule.example.bad)[1]} == {rule.id}
    assert check(rule.example.good)[1] == ()


@pytest.mark.parametrize("rule", OF_TEXT, ids=lambda rule: rule.id)
def test_what_is_suggested_for_a_bad_example_mends_it(rule: Rule) -> None:
    operations = patch(finding.fix for finding in rule.example.findings)
    mended = jsonpatch.apply_patch(orjson.loads(rule.example.bad), operations)
    assert (check(orjson.dumps(mended))[1] == ()) == bool(operations)
    # The texts promise a fix exactly where there is one.
    assert rule.fix["en"].startswith("None is suggested") <= (not operations)


def test_the_examples_of_json_break_and_keep_it() -> None:
    rule = rulebook()["json"]
    assert {finding.rule for finding in check(rule.example.shown_bad.encode())[1]} == {"json"}
    assert "json" not in {finding.rule for finding in check(rule.example.shown_good.encode())[1]}


@pytest.mark.parametrize("rule", OF_REVISIONS, ids=lambda rule: rule.id)
def test_examples_of_revisions_are_decided_so(rule: Rule) -> None:
    assert findings_of(SUBMISSIONS.decide(held(rule), sent(rule.example.bad))) == rule.example.findings
    good = sent(rule.example.good)
    same_stream = good.stream == sent(rule.example.bad).stream
    assert findings_of(SUBMISSIONS.decide(held(rule) if same_stream else Submission(), good)) == ()


def test_the_example_of_another_partner_is_refused_so() -> None:
    rule = rulebook()["partner.mismatch"]
    asked = command(Line(1, rule.example.bad, len(rule.example.bad)), USCC, "partner:test", now(), b"pepper")
    assert not isinstance(asked, Receive) and asked.findings == rule.example.findings
    assert sent(rule.example.good)


def test_the_example_of_a_full_reference_is_answered_so() -> None:
    rule = rulebook()["reference.full"]
    assert SUBMISSIONS.decide(Submission(refusals=FULL), sent(rule.example.bad)) == Refusal("reference.full")
    assert sent(rule.example.good)


@pytest.mark.parametrize("id", ["linkage.scene-unknown", "linkage.product-unknown"])
def test_examples_of_unknown_entries_keep_every_rule_of_their_text(id: str) -> None:
    assert check(rulebook()[id].example.bad)[1] == check(rulebook()[id].example.good)[1] == ()


@pytest.mark.parametrize("rule", rulebook().values(), ids=lambda rule: rule.id)
def test_every_rule_says_all_in_both_languages(rule: Rule) -> None:
    for words in (rule.title, rule.asks, rule.why, rule.fix):
        assert words["zh"] != words["en"] and all(words.values())
    assert rule.example.shown_bad != rule.example.shown_good
    assert bool(rule.example.findings) == (rule.group not in ("sheet", "source"))
    for finding in rule.example.findings:
        assert finding.rule == rule.id and finding.text("zh") != finding.text("en")


async def test_every_rule_has_its_page_and_its_json(client: httpx2.AsyncClient) -> None:
    listed = (await client.get("/rules")).json()
    assert [rule["id"] for rule in listed] == list(rulebook())
    for language in ("zh", "en"):
        page = (await client.get("/rules", headers=HTML, params={"lang": language})).text
        for rule in rulebook().values():
            assert f'href="/rules/{rule.id}"' in page
            one = await client.get(f"/rules/{rule.id}", headers=HTML, params={"lang": language})
            assert one.status_code == 200 and one.text.count("<h1") == 1
            assert rule.title[language] in one.text.replace("&#39;", "'").replace("&#34;", '"')
            told = (await client.get(f"/rules/{rule.id}", params={"lang": language})).json()
            findings = [finding.text(language) for finding in rule.example.findings]
            assert [finding["text"] for finding in told["example"]["findings"]] == findings
    assert (await client.get("/rules/none")).status_code == 404


async def test_findings_of_sheets_and_sources_lead_to_their_rules(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    path = "/submissions:sheet?kind=product"
    cells = await client.post(
        path, content=as_csv(put(table([entry("a")]), "标题（中文）", 2, "有\x01空")), headers=key
    )
    headings = await client.post(path, content=as_csv([["编号", "修订号", "标题"]]), headers=key)
    source = await client.post("/sources", json={"name": "erp", "address": "http://localhost/"}, headers=key)
    for findings in (cells.json()["findings"], headings.json()["findings"], source.json()["findings"]):
        for finding in findings:
            assert finding["doc"] == f"/rules/{finding['rule']}" and finding["rule"] in rulebook()


async def test_programs_are_told_what_mends_each_finding_and_all_at_once(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    wrong = submission(maturity="８", district="高新区")
    wrong["entry"]["Markets"] = wrong["entry"].pop("markets", ["成都"])
    problem = (await client.post("/submissions", json=wrong, headers=key)).json()
    assert {finding["rule"]: finding["doc"] for finding in problem["findings"]} == {
        rule: f"/rules/{rule}" for rule in ("type", "unknown-field", "choice")
    }
    assert all(finding["fix"] for finding in problem["findings"])
    mended = jsonpatch.apply_patch(wrong, problem["patch"])
    assert (await client.post("/submissions", json=mended, headers=key)).status_code == 201


async def test_people_see_what_is_suggested_and_can_copy_it(
    client: httpx2.AsyncClient, key: dict[str, str], settings: Settings
) -> None:
    named = {"zh": "隧道巡检机器人", "en": "TBD"}
    await client.post("/submissions", content=line("a", maturity="８", title=named), headers=key)
    await client.post("/submissions", content=line("b", maturity=12), headers=key)
    me = HTML | signed_in(settings, "partner", partner=USCC) | {"Accept-Language": "en"}
    refused = (await client.get("/submissions/refused", headers=me)).text
    assert refused.count("Suggested fixes as a JSON Patch") == 1
    assert 'href="/rules/range"' in refused and "remove it" in refused
    one = (await client.get(f"/submissions/{USCC}/a", headers=me)).text
    assert "&#34;/entry/maturity&#34;" in one and 'href="/rules/type"' in one
    await client.post("/submissions", content=line("a"), headers=key)
    assert "JSON Patch" not in (await client.get("/submissions/refused", headers=me)).text
