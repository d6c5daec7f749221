"""Facts of the submissions service: what a partner sent, and who the partners are."""

from typing import ClassVar, Literal

from pydantic import AwareDatetime

from schemas.entry import Entry, Name
from schemas.envelope import Fact
from schemas.finding import Finding

# A submission. Stream: `partner/reference`.


class SubmissionReceived(Fact):
    """The first revision that kept every rule. `digest` is the SHA-256 of the entry's canonical form, in which an HMAC
    stands for its contact. Where it names one, `contact` says so, and `sealed` is what it names, encrypted under a key
    that can be destroyed."""

    TYPE: ClassVar[str] = "submission.received.v1"
    PERSONAL: ClassVar[tuple[str, ...]] = ("entry", "contact")
    revision: int
    digest: str
    entry: Entry
    contact: bool = False
    sealed: str | None = None


class SubmissionRevised(Fact):
    """A later revision that kept every rule; it takes the place of the one before."""

    TYPE: ClassVar[str] = "submission.revised.v1"
    PERSONAL: ClassVar[tuple[str, ...]] = ("entry", "contact")
    revision: int
    digest: str
    entry: Entry
    contact: bool = False
    sealed: str | None = None


class SubmissionWithdrawn(Fact):
    """Its partner took it back. Final: what comes under the same reference afterwards is refused."""

    TYPE: ClassVar[str] = "submission.withdrawn.v1"
    reason: str


class SubmissionContactRead(Fact):
    """Somebody other than its partner read the contact of its newest revision: the event's actor, to this end."""

    TYPE: ClassVar[str] = "submission.contact-read.v1"
    reason: str


class SubmissionContactErased(Fact):
    """The contacts of all revisions so far can be read no more: the key that opens them is destroyed."""

    TYPE: ClassVar[str] = "submission.contact-erased.v1"
    ERASES: ClassVar[bool] = True
    reason: str


class SubmissionRefused(Fact):
    """What came broke rules: all of them are named. `digest` is the SHA-256 of the bytes as they came."""

    TYPE: ClassVar[str] = "submission.refused.v1"
    revision: int | None
    digest: str
    findings: tuple[Finding, ...]


SubmissionFact = (
    SubmissionReceived
    | SubmissionRevised
    | SubmissionWithdrawn
    | SubmissionRefused
    | SubmissionContactRead
    | SubmissionContactErased
)
SUBMISSION_FACTS = (
    SubmissionReceived,
    SubmissionRevised,
    SubmissionWithdrawn,
    SubmissionRefused,
    SubmissionContactRead,
    SubmissionContactErased,
)

# A partner, its API keys and its accounts at Kafka. Stream: the partner's USCC.

#: What a key's submissions are: `live` ones go on to review, `test` ones are answered alike and go no further.
Mode = Literal["live", "test"]
#: What a key may do: `submit` (send, revise, withdraw), `read` (see what was sent), `keys` (issue, rotate, revoke).
Scope = Literal["submit", "read", "keys"]


class PartnerRegistered(Fact):
    """An agency or enterprise may send entries in from now on."""

    TYPE: ClassVar[str] = "partner.registered.v1"
    name: Name
    type: Literal["agency", "enterprise"]


class PartnerKeyIssued(Fact):
    """`hash` is the SHA-256 of the key, which has 256 random bits and is shown once, to its owner. From `expires` on it
    opens nothing. `replaces` is the key it was rotated from, if any."""

    TYPE: ClassVar[str] = "partner.key-issued.v1"
    key: str
    label: str
    hash: str
    mode: Mode = "live"
    scopes: tuple[Scope, ...] = ("submit", "read")
    expires: AwareDatetime | None = None
    replaces: str | None = None


class PartnerKeyExpirySet(Fact):
    """The key opens nothing from `expires` on: another takes its place, and until then both work."""

    TYPE: ClassVar[str] = "partner.key-expiry-set.v1"
    key: str
    expires: AwareDatetime


class PartnerKeyRevoked(Fact):
    """The key opens nothing any more. Final."""

    TYPE: ClassVar[str] = "partner.key-revoked.v1"
    key: str


class PartnerKafkaAccessGranted(Fact):
    """Kafka lets `account` write to the partner's intake topic and read its receipts. Its password is kept nowhere."""

    TYPE: ClassVar[str] = "partner.kafka-access-granted.v1"
    account: str
    label: str


class PartnerKafkaAccessRevoked(Fact):
    """Kafka lets the account in no more. Final."""

    TYPE: ClassVar[str] = "partner.kafka-access-revoked.v1"
    account: str


PartnerFact = (
    PartnerRegistered
    | PartnerKeyIssued
    | PartnerKeyExpirySet
    | PartnerKeyRevoked
    | PartnerKafkaAccessGranted
    | PartnerKafkaAccessRevoked
)
PARTNER_FACTS = (
    PartnerRegistered,
    PartnerKeyIssued,
    PartnerKeyExpirySet,
    PartnerKeyRevoked,
    PartnerKafkaAccessGranted,
    PartnerKafkaAccessRevoked,
)
