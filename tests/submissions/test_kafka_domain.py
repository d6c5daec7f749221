"""What is decided on partners' accounts at Kafka, by given, when and then."""

from datetime import UTC, datetime
from functools import reduce
from typing import Any

from schemas.entry import Name
from schemas.envelope import Refusal
from schemas.submission import PartnerFact, PartnerKafkaAccessGranted, PartnerKafkaAccessRevoked, PartnerRegistered
from submissions.domain.partner import MOST_ACCOUNTS, PARTNERS, Account, GrantKafkaAccess, Partner, RevokeKafkaAccess
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
