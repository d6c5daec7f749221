"""From submissions to cases: each revision opens one, checked; the same events again change nothing."""

from datetime import timedelta

import pytest

from review.agents import PROJECTIONS
from schemas.envelope import Event
from schemas.review import (
    CaseChecked,
    CaseClosed,
    CaseDecided,
    CaseOpened,
    Decision,
    Route,
    Verdict,
)
from schemas.submission import PartnerRegistered, SubmissionRefused
from tests.review.acts import FOURS
from tests.review.conftest import Review, reviewer
from tests.review.entries import AT, OTHER, OWN, SUMMARY, linkage, owned, product, received, revised, scene, withdrawn
from tests.review.people import OPERATOR
from web.problems import Problem


async def findings(review: Review, case: str) -> list[tuple[str, str | None]]:
    return [(finding.rule, finding.resembles) for finding in (await review.cases.get(case)).state.findings]


async def test_a_submission_opens_a_checked_case_without_contact(review: Review) -> None:
    event = received("SC-1", scene())
    await review.react([event])
    found = await review.cases.get(f"{OWN}/SC-1@1")
    assert [type(e.data) for e in found.events] == [CaseOpened, CaseChecked]
    assert {(e.causationid, e.correlationid, e.actor, e.time) for e in found.events} == {
        (event.ref, event.correlationid, "service:review", AT)
    }
    assert found.state.entry is not None and found.state.entry.contact is None
    assert (found.state.checked, found.state.partner, found.state.previous) == (100, OWN, None)


async def test_the_same_events_twice_have_the_effect_of_once(review: Review) -> None:
    events = [
        received("SC-1", scene()),
        revised("SC-1", 2, scene(offers=())),
        received("PR-1", product()),
        revised("SC-1", 3, scene()),
        withdrawn(f"{OWN}/SC-1", 4),
    ]
    await review.react(events)
    before = [document async for document in review.cases.collection.find().sort("_id")]
    prints = [document async for document in review.duplicates.collection.find().sort("_id")]
    await review.react(events)
    for event in events:
        await review.react([event])
    assert [document async for document in review.cases.collection.find().sort("_id")] == before
    assert [document async for document in review.duplicates.collection.find().sort("_id")] == prints
    states = {document["_id"]: document["state"] for document in before}
    assert {case: (state["previous"], state["closed"]) for case, state in states.items()} == {
        f"{OWN}/SC-1@1": (None, "superseded"),
        f"{OWN}/SC-1@2": (f"{OWN}/SC-1@1", "superseded"),
        f"{OWN}/SC-1@3": (f"{OWN}/SC-1@2", "withdrawn"),
        f"{OTHER}/PR-1@1": (None, None),
    }


async def test_a_revision_supersedes_the_open_case_before_it(review: Review) -> None:
    await review.react([received("SC-1", scene())])
    await review.react([revised("SC-1", 2, scene(budget_yuan=1))])
    first, second = await review.cases.get(f"{OWN}/SC-1@1"), await review.cases.get(f"{OWN}/SC-1@2")
    assert first.events[-1].data == CaseClosed(reason="superseded")
    assert (second.state.status, second.state.previous) == ("open", f"{OWN}/SC-1@1")
    assert second.state.findings == (), "its own earlier revision is no duplicate"


async def test_who_alone_reviewed_a_revision_is_kept_from_the_next(review: Review) -> None:
    await review.react([received("SC-1", scene()), received("SC-2", scene(offers=()))])
    for sub, reference in (("li", "SC-1"), ("li", "SC-2"), ("wang", "SC-2")):
        id, me = f"{OWN}/{reference}@1", reviewer(sub)
        await review.desk.claim(id, me, f"claim:{sub}")
        await review.desk.review(id, me, f"review:{sub}", FOURS, Verdict.REQUEST_CHANGES, "say more")
    events = [revised("SC-1", 2, scene(budget_yuan=1)), revised("SC-2", 2, scene(budget_yuan=2))]
    await review.react(events)
    await review.react(events)
    alone, both = await review.cases.get(f"{OWN}/SC-1@2"), await review.cases.get(f"{OWN}/SC-2@2")
    assert (alone.state.sole_reviewer, both.state.sole_reviewer) == ("li", None), "two of them reviewed the other"
    with pytest.raises(Problem) as refused:
        await review.desk.claim(alone.stream, reviewer("li"), "again")
    assert (refused.value.status, refused.value.type) == (403, "case-reviewed-previous")
    dealt = await review.desk.next(reviewer("li"), "next")
    assert dealt is not None and dealt.stream == both.stream, "the other waits no longer, but this one is not for li"
    assert (await review.desk.claim(alone.stream, reviewer("wang"), "claim")).state.lease is not None


async def test_a_withdrawal_closes_the_latest_case(review: Review) -> None:
    await review.react([received("SC-1", scene())])
    await review.react([withdrawn(f"{OWN}/SC-1", 2)])
    assert (await review.cases.get(f"{OWN}/SC-1@1")).events[-1].data == CaseClosed(reason="withdrawn")


async def test_what_is_withdrawn_after_its_decision_is_not_appealed(review: Review) -> None:
    id, withdrawal = f"{OWN}/SC-1@1", withdrawn(f"{OWN}/SC-1", 2)
    await review.react([received("SC-1", scene())])
    for sub in ("li", "wang"):
        await review.desk.claim(id, reviewer(sub), f"claim:{sub}")
        await review.desk.review(id, reviewer(sub), f"review:{sub}", FOURS, Verdict.REJECT, "no")
    for _ in range(2):
        await review.react([withdrawal])
    case = await review.cases.get(id)
    assert [event.data for event in case.events[-1:]] == [CaseClosed(reason="withdrawn")]
    assert (case.state.status, case.state.decision, case.version) == ("decided", Decision.REJECTED, 8)
    with pytest.raises(Problem) as refused:
        await review.desk.appeal(id, OPERATOR, "appeal", "partner", "Annex 2 has it.")
    assert refused.value.type == "case-closed"
    assert [one.id for one in (await review.store.lists.decided())[0]] == [id]


async def test_a_hopeless_entry_is_decided_at_once(review: Review) -> None:
    hopeless = scene(title={"zh": "测试测试"}, summary={"zh": "测试测试测试测试测试测试"}, offers=())
    await review.react([received("SC-1", hopeless)])
    found = await review.cases.get(f"{OWN}/SC-1@1")
    assert found.state.route is Route.RETURN
    decided = found.events[-1].data
    assert isinstance(decided, CaseDecided)
    assert (decided.decision, decided.score) == (Decision.CHANGES_REQUESTED, None)
    assert len(decided.told) == len({finding.rule for finding in found.state.findings})
    assert decided.reasons == tuple(f"{each.zh} {each.en}" for each in decided.told)
    assert found.state.reasons == decided.told, "each reads them in their own language"


async def test_near_duplicates_are_found_in_the_same_batch_and_later(review: Review) -> None:
    near = {name: text.replace("四百份", "五百份").replace("400", "500") for name, text in SUMMARY.items()}
    other = owned(scene(summary=near), OTHER)
    await review.react([received("SC-1", scene()), received("SC-9", other), received("PR-1", product())])
    assert await findings(review, f"{OWN}/SC-1@1") == []
    assert await findings(review, f"{OTHER}/SC-9@1") == [("duplicate.same", f"{OWN}/SC-1@1")]
    await review.react([received("SC-2", scene())])
    resembled = await findings(review, f"{OWN}/SC-2@1")
    assert resembled[0] == ("duplicate.same", f"{OWN}/SC-1@1")
    assert {case for _, case in resembled} == {f"{OWN}/SC-1@1", f"{OTHER}/SC-9@1"}


async def test_a_linkage_to_what_nobody_sent_is_noticed(review: Review) -> None:
    known, unknown = f"{OWN}/SC-1", f"{OTHER}/PR-404"
    await review.react([received("SC-1", scene())])
    await review.react([received("LK-1", linkage(known, unknown)), received("LK-2", linkage(known, f"{OTHER}/PR-1"))])
    assert await findings(review, f"{OTHER}/LK-1@1") == [("linkage.product", None)]
    assert "linkage.product" in [rule for rule, _ in await findings(review, f"{OTHER}/LK-2@1")]
    await review.react([received("LK-3", linkage(known, f"{OTHER}/PR-1")), received("PR-1", product())])
    assert "linkage.product" not in [rule for rule, _ in await findings(review, f"{OTHER}/LK-3@1")]
    await review.react([received("LK-4", linkage(f"{OTHER}/PR-1", known))])
    rules = [rule for rule, _ in await findings(review, f"{OTHER}/LK-4@1")]
    assert rules[:2] == ["linkage.scene", "linkage.product"], "of the wrong kind is as good as unknown"


async def test_what_is_withdrawn_is_known_no_more(review: Review) -> None:
    """Whatever had become of it: decided before, or of an earlier revision that was superseded."""
    hopeless = scene(title={"zh": "测试测试"}, summary={"zh": "测试测试测试测试测试测试"}, offers=())
    decided, revision = received("SC-1", hopeless), received("PR-1", product())
    await review.react([decided, revision, revised("PR-1", 2, product(maturity=8))])
    await review.react([received("LK-1", linkage(decided.subject, revision.subject))])
    rules = [rule for rule, _ in await findings(review, f"{OTHER}/LK-1@1")]
    assert not {"linkage.scene", "linkage.product"} & {*rules}
    await review.react([withdrawn(decided.subject, 2), withdrawn(revision.subject, 3)])
    await review.react([received("LK-2", linkage(decided.subject, revision.subject))])
    rules = [rule for rule, _ in await findings(review, f"{OTHER}/LK-2@1")]
    assert rules[:2] == ["linkage.scene", "linkage.product"]


async def test_what_is_not_its_business_is_passed_over(review: Review) -> None:
    event = received("SC-1", scene())
    others = (
        SubmissionRefused(revision=1, digest="0" * 64, findings=()),
        PartnerRegistered.model_validate({"name": {"zh": "某单位"}, "type": "agency"}),
    )
    await review.react(
        [Event(**{name: getattr(event, name) for name in event.__slots__} | {"data": o}) for o in others]
    )
    assert await review.cases.collection.count_documents({}) == 0


async def test_fingerprints_are_made_again_from_the_history(review: Review) -> None:
    events = [received("SC-1", scene()), revised("SC-1", 2, scene(offers=()), AT + timedelta(days=1))]
    await review.react(events)
    before = [document async for document in review.duplicates.collection.find().sort("_id")]
    await review.duplicates.collection.delete_many({})
    await PROJECTIONS[0].react(review.duplicates.collection.database)(events)
    assert [document async for document in review.duplicates.collection.find().sort("_id")] == before
