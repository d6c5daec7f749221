"""What is decided on submissions and partners: given facts, when a command, then facts or a refusal."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

from hypothesis import given as for_all
from hypothesis import strategies as st

from schemas.entry import Name, SubmissionLine, without_contact
from schemas.envelope import Refusal
from schemas.rules import Finding
from schemas.submission import (
    PartnerFact,
    PartnerKeyExpirySet,
    PartnerKeyIssued,
    PartnerKeyRevoked,
    PartnerRegistered,
    SubmissionContactErased,
    SubmissionContactRead,
    SubmissionFact,
    SubmissionReceived,
    SubmissionRefused,
    SubmissionRevised,
    SubmissionWithdrawn,
)
from submissions.domain.partner import MOST_KEYS, PARTNERS, IssueKey, Partner, Register, RevokeKey, RotateKey
from submissions.domain.submission import (
    FULL,
    SUBMISSIONS,
    EraseContact,
    ReadContact,
    Receive,
    Refuse,
    Submission,
    SubmissionCommand,
    Withdraw,
)
from tests.submissions.given import USCC, samples

AT = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
BY: dict[str, Any] = {"stream": f"{USCC}/robot-1", "cause": "test", "actor": f"partner:{USCC}", "at": AT}
ENTRIES = {one["entry"]["kind"]: SubmissionLine.model_validate(one, strict=False).entry for one in samples()}
PRODUCT, SCENE = ENTRIES["product"], ENTRIES["scene"]
NOBODYS = without_contact(PRODUCT)
NAME = Name(zh="蓉衡轨道", en="Rongheng")


def given(*facts: SubmissionFact) -> Submission:
    return reduce(SUBMISSIONS.evolve, facts, Submission())


def received(revision: int = 1, digest: str = "a") -> SubmissionReceived:
    return SubmissionReceived(revision=revision, digest=digest, entry=PRODUCT, contact=True)


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
    expected = (SubmissionRevised(revision=2, digest="b", entry=PRODUCT, contact=True),)
    assert decide(given(received()), receive(2, "b")) == expected


def test_the_same_revision_with_the_same_content_changes_nothing() -> None:
    assert decide(given(received()), receive()) == ()


def test_the_same_revision_with_other_content_is_refused() -> None:
    breach = {"rule": "revision.taken", "pointer": "/revision", "found": "1", "expected": "2"}
    fix = {"op": "replace", "path": "/revision", "value": 2}
    assert decide(given(received()), receive(1, "b")) == refused(1, "b", **breach, fix=fix)
    # Under another title or of another kind it may be another entry: no program is to make a revision of it.
    for other in (PRODUCT.model_copy(update={"title": Name(zh="另一个产品")}), SCENE):
        assert decide(given(received()), receive(1, "b", other)) == refused(1, "b", **breach)


def test_an_older_revision_is_refused() -> None:
    breach = {"rule": "revision.stale", "pointer": "/revision", "found": "4", "expected": "6"}
    assert decide(given(received(5)), receive(4, "b")) == refused(4, "b", **breach)


def test_a_changed_kind_is_refused() -> None:
    breach = {"rule": "kind.changed", "pointer": "/entry/kind", "found": "scene", "expected": "product"}
    assert decide(given(received()), receive(2, "b", SCENE)) == refused(2, "b", **breach)


def test_what_names_others_that_are_not_known_is_refused_unless_it_was_taken_in_before() -> None:
    unknown = Finding(rule="linkage.scene-unknown", pointer="/entry/scene", found="x/y")
    command = replace(receive(2, "b"), findings=(unknown,))
    assert decide(given(received()), command) == (SubmissionRefused(revision=2, digest="b", findings=(unknown,)),)
    assert (
        decide(given(received(), SubmissionRevised(revision=2, digest="b", entry=PRODUCT, contact=True)), command) == ()
    )


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
    only_refused = Submission(refusals=1)
    told = Refusal("submission.only-refused")
    assert decide(only_refused, Withdraw(**BY, reason="sold", published=False)) == told


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


LATER = AT + timedelta(days=1)


def rotate(key: str = "k", **said: Any) -> RotateKey:
    given: dict[str, Any] = {"new": "n", "hash": "hn", "until": LATER} | said
    return RotateKey(**PARTNER, key=key, **given)


def replacing(key: str, **said: Any) -> PartnerKeyIssued:
    given: dict[str, Any] = {"key": "n", "label": "ERP", "hash": "hn", "replaces": key} | said
    return PartnerKeyIssued(**given)


def test_a_key_says_what_it_is_for_and_until_when() -> None:
    said: dict[str, Any] = {"mode": "test", "scopes": ("submit",), "expires": LATER}
    issue = IssueKey(**PARTNER, key="k", label="ERP", hash="hk", **said)
    fact = PartnerKeyIssued(key="k", label="ERP", hash="hk", **said)
    assert PARTNERS.decide(partner(REGISTERED), issue) == (fact,)
    (key,) = partner(REGISTERED, fact).keys
    assert (key.mode, key.scopes, key.expires) == ("test", ("submit",), LATER)
    assert key.opens(AT) and not key.opens(LATER)


def test_a_key_that_would_expire_before_it_is_issued_or_in_a_hundred_years_is_refused() -> None:
    late = IssueKey(**PARTNER, key="k", label="", hash="", expires=datetime.max.replace(tzinfo=UTC))
    assert PARTNERS.decide(partner(REGISTERED), late) == Refusal("key.expires-late")
    early = Refusal("key.expires-early")
    assert PARTNERS.decide(partner(REGISTERED), IssueKey(**PARTNER, key="k", label="", hash="", expires=AT)) == early
    assert PARTNERS.decide(partner(REGISTERED, issued("k")), rotate(expires=AT)) == early


def test_a_rotated_key_works_on_for_a_while_beside_one_of_the_same_label_mode_and_scopes() -> None:
    said: dict[str, Any] = {"mode": "test", "scopes": ("submit",)}
    old = PartnerKeyIssued(key="k", label="ERP", hash="hk", **said)
    facts = PARTNERS.decide(partner(REGISTERED, old), rotate())
    assert facts == (replacing("k", **said), PartnerKeyExpirySet(key="k", expires=LATER))
    first, second = partner(REGISTERED, old, *facts).keys
    assert [key.opens(AT) for key in (first, second)] == [True, True]
    assert [key.opens(LATER) for key in (first, second)] == [False, True]


def test_a_rotation_never_makes_a_key_live_longer() -> None:
    soon = PartnerKeyIssued(key="k", label="ERP", hash="hk", expires=AT + timedelta(hours=1))
    assert PARTNERS.decide(partner(REGISTERED, soon), rotate()) == (replacing("k"),)


def test_only_a_key_that_works_is_rotated() -> None:
    assert PARTNERS.decide(partner(REGISTERED), rotate()) == Refusal("key.unknown")
    over = Refusal("key.over")
    assert PARTNERS.decide(partner(REGISTERED, issued("k"), PartnerKeyRevoked(key="k")), rotate()) == over
    assert PARTNERS.decide(partner(REGISTERED, issued("k"), PartnerKeyExpirySet(key="k", expires=AT)), rotate()) == over


def test_a_partner_with_all_its_keys_can_rotate_each_and_expired_ones_do_not_count() -> None:
    many = partner(REGISTERED, *(issued(str(n)) for n in range(MOST_KEYS)))
    assert isinstance(PARTNERS.decide(many, rotate("3")), tuple)
    expired = PARTNERS.evolve(many, PartnerKeyExpirySet(key="0", expires=AT))
    issue = IssueKey(**PARTNER, key="k", label="ERP", hash="hk")
    assert PARTNERS.decide(expired, issue) == (issued("k"),)


def test_a_key_issued_before_there_were_modes_is_live_and_may_submit_and_read() -> None:
    fact = PartnerKeyIssued.model_validate({"key": "k", "label": "ERP", "hash": "hk"})
    (key,) = partner(REGISTERED, fact).keys
    assert (key.mode, key.scopes, key.expires) == ("live", ("submit", "read"), None)


key_acts = st.lists(
    st.tuples(st.sampled_from(["issue", "rotate", "revoke"]), st.integers(0, 30), st.integers(0, 6)), max_size=60
)


@for_all(key_acts)
def test_whatever_is_done_with_keys_few_work_at_once_and_they_read_back(
    acts: list[tuple[str, int, int]],
) -> None:
    state, facts = partner(REGISTERED), list[PartnerFact]()
    for n, (act, which, hours) in enumerate(acts):
        by = {**PARTNER, "at": AT + timedelta(minutes=n)}
        command: IssueKey | RotateKey | RevokeKey
        match act:
            case "issue":
                command = IssueKey(**by, key=str(n), label="", hash="")
            case "rotate":
                until = by["at"] + timedelta(hours=hours)
                command = RotateKey(**by, key=str(which), new=str(n), hash="", until=until)
            case _:
                command = RevokeKey(**by, key=str(which))
        decided = PARTNERS.decide(state, command)
        for fact in decided if isinstance(decided, tuple) else ():
            before = {key.id: key for key in state.keys}
            state = PARTNERS.evolve(state, fact)
            facts.append(fact)
            for key in state.keys:  # once over, a key stays over
                assert key.opens(by["at"]) <= (key.id not in before or before[key.id].opens(by["at"]))
        assert sum(key.opens(by["at"]) for key in state.keys) <= MOST_KEYS + 1
    assert partner(REGISTERED, *facts) == state
    assert Partner.model_validate(state.model_dump(mode="json"), strict=False) == state


def with_contact(revision: int = 1) -> SubmissionReceived:
    return SubmissionReceived(revision=revision, digest="a", entry=NOBODYS, contact=True, sealed="c2VhbGVk")


def test_a_contact_is_erased_once_and_another_may_follow() -> None:
    erase = EraseContact(**BY, reason="The person asked for it")
    erased = SubmissionContactErased(reason="The person asked for it")
    assert decide(given(with_contact()), erase) == (erased,)
    assert decide(given(with_contact(), erased), erase) == ()
    later = SubmissionRevised(revision=2, digest="b", entry=NOBODYS, contact=True, sealed="c2VhbGVk")
    assert decide(given(with_contact(), erased, later), erase) == (erased,)


def test_where_no_revision_names_anybody_there_is_nothing_to_erase_or_read() -> None:
    nobodys = given(SubmissionReceived(revision=1, digest="a", entry=NOBODYS))
    assert decide(nobodys, EraseContact(**BY, reason="-")) == ()
    assert decide(nobodys, ReadContact(**BY, reason="-")) == Refusal("contact.none")
    assert decide(Submission(), EraseContact(**BY, reason="-")) == Refusal("submission.unknown")


def test_who_reads_a_contact_is_in_the_history() -> None:
    read = SubmissionContactRead(reason="To call them back")
    assert decide(given(with_contact()), ReadContact(**BY, reason="To call them back")) == (read,)
    assert given(with_contact(), read) == given(with_contact())
