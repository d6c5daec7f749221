"""Addresses of cases that say nothing of whose they are, and lead back to the case for this service alone.

A case's stream begins with its partner's credit code, so it cannot stand in an address that is shown to somebody who is
not to know the partner. It is sealed: AES-SIV (RFC 5297), a cipher whose result depends on key and text only, so that
a case has one lasting address, nothing has to be kept, and a changed letter is found. Decision 0019.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from review.desk import problem
from schemas.envelope import Refusal


class Addresses:
    """`secret` is shared by all processes of the service; with another one all addresses are others."""

    def __init__(self, secret: str) -> None:
        self._cipher = AESSIV(hmac.digest(secret.encode(), b"review: addresses of cases", "sha256"))

    def seal(self, text: str) -> str:
        """A text as letters, digits, - and _ that only `opened` can read."""
        return urlsafe_b64encode(self._cipher.encrypt(text.encode(), None)).rstrip(b"=").decode()

    def opened(self, sealed: str) -> str | None:
        """The text that was sealed; None where it was not sealed here."""
        try:
            return self._cipher.decrypt(urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4)), None).decode()
        except (InvalidTag, ValueError):
            return None

    def path(self, case: str) -> str:
        """The address of a case on this service, by its stream."""
        return f"/cases/{self.seal(case)}"

    def case(self, case: str) -> str:
        """Dependency: the stream of the case at this address. Raises Problem where there is none."""
        id = self.opened(case)
        if id is None:
            raise problem(Refusal("case.unknown"))
        return id

    def cursor(self, after: str | None) -> str | None:
        """Where a list goes on, from what a query says; from its beginning where that was not sealed here."""
        return self.opened(after) if after else None
