"""What is decided on submissions and partners: given facts, when a command, then facts or a refusal."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce
from typing import Any

from hypothesis import given as for_all
from hypothesis import strategies as st

from schemas.entry import Name, SubmissionLine
from schemas.envelope import Refusal
from schemas.rules import Finding
from schemas.submission import (
    PartnerFact,
    PartnerKeyIssued,
    PartnerKeyRevoked,
    PartnerRegistered,
    SubmissionFact,
    SubmissionReceived,
    SubmissionRefused,
    SubmissionRevised,
    SubmissionWithdrawn,
)
from submissions.domain.partner import MOST_KEYS, PARTNERS, IssueKey, Partner, Register, RevokeKey
from submissions.domain.submission import FULL, SUBMISSIONS, Receive, Refuse, Submission, SubmissionCommand, Withdraw
from tests.submissions.given import USCC, samples

AT = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
BY: dict[str, Any] = {"stream": f"{USCC}/robot-1", "cause": "test", "actor": f"partner:{USCC}", "at": AT}
ENTRIES = {one["entry"]["kind"]: SubmissionLine.model_validate(one, strict=False).entry for one in samples()}
PRODUCT, SCENE = ENTRIES["product"], ENTRIES["scene"]
NAME = Name(zh="蓉衡轨道", en="Rongheng")


def given(*facts: SubmissionFact) -> Submission:
    return reduce(SUBMISSIONS.evolve, facts, Submission())


def received(revision: int = 1, digest: str = "a") -> SubmissionReceived:
    return SubmissionReceived(revision=revision, digest=digest, entry=PRODUCT)


def receive(revision: int = 1, digest: str = "a", entry: Any = PRODUCT) -> Receive:
    return Receive(**BY, revision=revision, digest=digest, entry=entry)


def refused(revision: int, digest: str, **finding: Any) -> tuple[SubmissionRefused]:
    return (SubmissionRefused(revision=revision, digest=digest, findings=(Finding.model_validate(finding),)),)


def decide(state: Submission, command: SubmissionCommand) -> tuple[SubmissionFact, ...] | Refusal:
    return SUBMISSIONS.decide(state, command)


def test_the_first_revision_is_received() -> None:
    assert decide(given(), receive()) == (received(),)


def test_the_first_revision_may_have_any_number() -> None:
    assert decide(given(), receive(3)) == (received(3),)


def test_a_later_revision_is_revised() -> None:
    expected = (SubmissionRevised(revision=2, digest="b", entry=PRODUCT),)
    assert decide(given(received()), receive(2, "b")) == expected


def test_the_same_revision_with_the_same_content_changes_nothing() -> None:
    assert decide(given(received()), receive()) == ()


def test_the_same_revision_with_other_content_is_refused() -> None:
    breach = {"rule": "revision.taken", "pointer": "/revision", "found": "1", "expected": "2"}
    fix = {"op": "replace", "path": "/revision", "value": 2}
    assert decide(given(received()), receive(1, "b")) == refused(1, "b", **breach, fix=fix)


def test_an_older_revision_is_refused() -> None:
    breach = {"rule": "revision.stale", "pointer": "/revision", "found": "5", "expected": "6"}
    fix = {"op": "replace", "path": "/revision", "value": 6}
    assert decide(given(received(5)), receive(4, "b")) == refused(4, "b", **breach, fix=fix)


def test_a_changed_kind_is_refused() -> None:
    breach = {"rule": "kind.changed", "pointer": "/entry/kind", "found": "scene", "expected": "product"}
    fix = {"op": "replace", "path": "/entry/kind", "value": "product"}
    assert decide(given(received()), receive(2, "b", SCENE)) == refused(2, "b", **breach, fix=fix)


def test_what_names_others_that_are_not_known_is_refused_unless_it_was_taken_in_before() -> None:
    unknown = Finding(rule="linkage.scene-unknown", pointer="/entry/scene", found="x/y")
    command = replace(receive(2, "b"), findings=(unknown,))
    assert decide(given(received()), command) == (SubmissionRefused(revision=2, digest="b", findings=(unknown,)),)
    assert decide(given(received(), SubmissionRevised(revision=2, digest="b", entry=PRODUCT)), command) == ()


def test_nothing_is_taken_in_after_withdrawal() -> None:
    state = given(received(), SubmissionWithdrawn(reason="sold"))
    assert decide(state, receive(2, "b")) == refused(2, "b", rule="submission.withdrawn", pointer="/reference")


def test_what_breaks_rules_is_recorded_and_changes_nothing_accepted() -> None:
    finding = Finding(rule="required", pointer="/entry/title")
    (fact,) = facts = decide(given(received()), Refuse(**BY, revision=2, digest="f", findings=(finding,)))  # type: ignore[misc]
    assert facts == (SubmissionRefused(revision=2, digest="f", findings=(finding,)),)
    assert given(received(), fact) == given(received()).model_copy(update={"refusals": 1})


def test_what_was_received_can_be_withdrawn_once() -> None:
    withdraw = Withdraw(**BY, reason="sold", published=False)
    assert decide(given(received()), withdraw) == (SubmissionWithdrawn(reason="sold"),)
    assert decide(given(received(), SubmissionWithdrawn(reason="sold")), withdraw) == ()


def test_what_is_published_or_unknown_cannot_be_withdrawn() -> None:
    assert decide(given(received()), Withdraw(**BY, reason="sold", published=True)) == Refusal("submission.published")
    assert decide(given(), Withdraw(**BY, reason="sold", published=False)) == Refusal("submission.unknown")


def test_a_reference_that_was_sent_too_often_takes_no_more_but_can_be_withdrawn() -> None:
    state = given(received()).model_copy(update={"refusals": FULL})
    assert decide(state, receive(2, "b")) == Refusal("reference.full")
    assert decide(state, Refuse(**BY, revision=2, digest="f", findings=())) == Refusal("reference.full")
    assert decide(state, Withdraw(**BY, reason="sold", published=False)) == (SubmissionWithdrawn(reason="sold"),)


revisions = st.builds(receive, st.integers(1, 6), st.sampled_from("abc"), st.sampled_from([PRODUCT, SCENE]))
refusals = st.builds(lambda n: Refuse(**BY, revision=n, digest="f", findings=()), st.none() | st.integers(1, 6))
withdrawals = st.builds(lambda published: Withdraw(**BY, reason="sold", published=published), st.booleans())


@for_all(st.lists(st.one_of(revisions, revisions, refusals, withdrawals), max_size=25))
def test_whatever_is_sent_the_rules_between_revisions_hold(commands: list[SubmissionCommand]) -> None:
    state, accepted = Submission(), list[SubmissionReceived | SubmissionRevised]()
    for command in commands:
        facts = decide(state, command)
        before = state
        for fact in facts if isinstance(facts, tuple) else ():
            state = SUBMISSIONS.evolve(state, fact)
            if isinstance(fact, SubmissionReceived | SubmissionRevised):
                assert not before.withdrawn
                accepted.append(fact)
            if isinstance(fact, SubmissionRefused):
                assert state == before.model_copy(update={"refusals": before.refusals + 1})
    numbers = [fact.revision for fact in accepted]
    assert numbers == sorted(set(numbers))
    assert [type(fact) for fact in accepted] == [SubmissionReceived, *[SubmissionRevised] * 25][: len(accepted)]
    assert len({fact.entry.kind for fact in accepted}) <= 1
    assert state.digests == {fact.revision: fact.digest for fact in accepted}
    # Whatever was accepted is known when it comes again, withdrawn or not.
    assert all(decide(state, receive(fact.revision, fact.digest, fact.entry)) == () for fact in accepted)
    assert Submission.model_validate(state.model_dump(mode="json")) == state


PARTNER: dict[str, Any] = {**BY, "stream": USCC}
REGISTERED = PartnerRegistered(name=NAME, type="enterprise")


def partner(*facts: PartnerFact) -> Partner:
    return reduce(PARTNERS.evolve, facts, Partner())


def issued(key: str) -> PartnerKeyIssued:
    return PartnerKeyIssued(key=key, label="ERP", hash="h" + key)


def test_a_partner_is_registered_once() -> None:
    register = Register(**PARTNER, name=NAME, type="enterprise")
    assert PARTNERS.decide(partner(), register) == (REGISTERED,)
    assert PARTNERS.decide(partner(REGISTERED), register) == ()
    other = Register(**PARTNER, name=NAME, type="agency")
    assert PARTNERS.decide(partner(REGISTERED), other) == Refusal("partner.registered")


def test_a_registered_partner_gets_keys_up_to_a_limit_of_those_in_use() -> None:
    issue = IssueKey(**PARTNER, key="k", label="ERP", hash="hk")
    assert PARTNERS.decide(partner(REGISTERED), issue) == (issued("k"),)
    assert PARTNERS.decide(partner(), issue) == Refusal("partner.unknown")
    many = [issued(str(n)) for n in range(MOST_KEYS)]
    assert PARTNERS.decide(partner(REGISTERED, *many), issue) == Refusal("partner.keys-full", {"most": MOST_KEYS})
    assert PARTNERS.decide(partner(REGISTERED, *many, PartnerKeyRevoked(key="0")), issue) == (issued("k"),)


def test_a_key_is_revoked_once() -> None:
    revoke = RevokeKey(**PARTNER, key="k")
    assert PARTNERS.decide(partner(REGISTERED, issued("k")), revoke) == (PartnerKeyRevoked(key="k"),)
    assert PARTNERS.decide(partner(REGISTERED, issued("k"), PartnerKeyRevoked(key="k")), revoke) == ()
    assert PARTNERS.decide(partner(REGISTERED), revoke) == Refusal("key.unknown")
