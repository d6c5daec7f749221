"""What is decided on partners' accounts at Kafka, by given, when and then."""

from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

from runtime.streams import MAX_EVENTS
from schemas.entry import Name
from schemas.envelope import Refusal
from schemas.submission import PartnerFact, PartnerKafkaAccessGranted, PartnerKafkaAccessRevoked, PartnerRegistered
from submissions.domain.partner import (
    MOST_ACCOUNTS,
    PARTNERS,
    Account,
    GrantKafkaAccess,
    IssueKey,
    Partner,
    PartnerCommand,
    RevokeKafkaAccess,
    RevokeKey,
    RotateKey,
)
from tests.submissions.given import USCC

BY: dict[str, Any] = {
    "stream": USCC,
    "cause": "request:1",
    "actor": "user:a",
    "at": datetime(2026, 11, 3, 9, 30, tzinfo=UTC),
}
REGISTERED = PartnerRegistered(name=Name(zh="测试企业"), type="enterprise")
GRANT = GrantKafkaAccess(**BY, account="a", label="ERP")
REVOKE = RevokeKafkaAccess(**BY, account="a")


def partner(*facts: PartnerFact) -> Partner:
    return reduce(PARTNERS.evolve, facts, Partner())


def granted(account: str) -> PartnerKafkaAccessGranted:
    return PartnerKafkaAccessGranted(account=account, label="ERP")


def test_a_registered_partner_is_granted_accounts_up_to_a_limit_of_those_in_use() -> None:
    assert PARTNERS.decide(partner(REGISTERED), GRANT) == (granted("a"),)
    assert PARTNERS.decide(partner(), GRANT) == Refusal("partner.unknown")
    many = [granted(str(n)) for n in range(MOST_ACCOUNTS)]
    full = Refusal("partner.accounts-full", {"most": MOST_ACCOUNTS})
    assert PARTNERS.decide(partner(REGISTERED, *many), GRANT) == full
    gone = PartnerKafkaAccessRevoked(account="0")
    assert PARTNERS.decide(partner(REGISTERED, *many, gone), GRANT) == (granted("a"),)


def test_an_account_is_revoked_once() -> None:
    gone = PartnerKafkaAccessRevoked(account="a")
    assert PARTNERS.decide(partner(REGISTERED, granted("a"), granted("b")), REVOKE) == (gone,)
    after = partner(REGISTERED, granted("a"), granted("b"), gone)
    assert after.accounts == (Account(id="a", label="ERP", revoked=True), Account(id="b", label="ERP"))
    assert PARTNERS.decide(after, REVOKE) == ()
    assert PARTNERS.decide(partner(REGISTERED), REVOKE) == Refusal("account.unknown")


def test_however_much_is_done_with_keys_and_accounts_each_in_use_can_still_be_revoked() -> None:
    state, recorded = partner(REGISTERED), 1

    def do(kind: type[PartnerCommand], minute: int = 0, **said: Any) -> Refusal | None:
        nonlocal state, recorded
        decided = PARTNERS.decide(state, kind(**{**BY, "at": BY["at"] + timedelta(minutes=minute)}, **said))
        if isinstance(decided, Refusal):
            return decided
        recorded += len(decided)
        state = reduce(PARTNERS.evolve, decided, state)
        return None

    full = Refusal("partner.full")
    for owner in ("leaked", "their own"):
        do(IssueKey, key=owner, label="", hash="")
    do(GrantKafkaAccess, account="a", label="")
    minutes = range(1, MAX_EVENTS)
    for n in minutes:  # whoever has found a key that manages keys wears out the room in whichever way
        until = BY["at"] + timedelta(minutes=n + 1)
        do(IssueKey, n, key=f"i{n}", label="", hash="")
        do(RotateKey, n, key=f"i{n}", new=f"r{n}", hash="", until=until)
        do(RevokeKey, n, key=f"r{n}")
    for n in minutes:
        do(RevokeKey, MAX_EVENTS, key=f"i{n}")
    assert do(IssueKey, MAX_EVENTS, key="x", label="", hash="") == full
    assert do(RotateKey, MAX_EVENTS, key="leaked", new="x", hash="", until=BY["at"] + timedelta(days=9)) == full
    assert do(GrantKafkaAccess, account="x", label="") == full
    before = recorded
    do(RevokeKey, MAX_EVENTS, key="leaked")
    do(RevokeKafkaAccess, account="a")
    assert recorded == before + 2 < MAX_EVENTS - 20
