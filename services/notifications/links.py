"""The addresses that messages and pages lead to, and the tokens that let a subscriber in."""

import base64
import hashlib
import hmac
from dataclasses import dataclass

from runtime.settings import Settings


@dataclass(frozen=True)
class Links:
    """Addresses without a slash at their end; `secret` signs the tokens, which are therefore kept nowhere."""

    secret: str
    notifications: str
    publishing: str

    @staticmethod
    def of(settings: Settings) -> "Links":
        return Links(
            settings.session_secret, settings.notifications_url.rstrip("/"), settings.publishing_url.rstrip("/")
        )

    def token(self, subscription: str) -> str:
        """What whoever owns the subscription's address is given, and nobody else: it confirms, shows and cancels."""
        mac = hmac.digest(self.secret.encode(), f"subscription:{subscription}".encode(), hashlib.sha256)
        return f"{subscription}.{base64.urlsafe_b64encode(mac[:24]).decode()}"

    def subscription(self, token: str) -> str | None:
        """The subscription that a token is for; None where it is no token of ours."""
        id, _, _mac = token.partition(".")
        return id if hmac.compare_digest(self.token(id).encode(), token.encode()) else None

    def confirm(self, subscription: str) -> str:
        return f"{self.notifications}/subscriptions/confirm?token={self.token(subscription)}"

    def manage(self, subscription: str) -> str:
        return f"{self.notifications}{self.manage_path(subscription)}"

    def manage_path(self, subscription: str) -> str:
        return f"/subscriptions/{subscription}?token={self.token(subscription)}"

    def unsubscribe(self, subscription: str) -> str:
        """For RFC 8058: a POST to it cancels at once."""
        return f"{self.notifications}/subscriptions/{subscription}/unsubscribe?token={self.token(subscription)}"

    def entry(self, edition: str) -> str:
        """The catalogue's page of an entry, from `partner/reference@edition`."""
        return f"{self.publishing}/catalogue/{edition.rpartition('@')[0]}"
