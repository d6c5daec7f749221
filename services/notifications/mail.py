"""The emails: a request to confirm, a month's digest, a correction; as text and HTML, in the subscriber's language."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from gettext import NullTranslations
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiosmtplib
import jinja2

from notifications.domain.subscription import Subscription
from notifications.failures import NotDelivered
from notifications.links import Links
from notifications.store import Recipient, Sendable
from runtime.settings import Settings
from schemas.entry import KINDS, Industry, Theme
from schemas.envelope import Json
from web.languages import LANGUAGE_TAGS, _, load, month, ngettext, say, speak
from web.pages import environment

HERE = Path(__file__).parent
TIMEOUT_S = 10.0


class WholeLinks(EmailPolicy):
    """Headers that hold links stay on one line (up to 998 characters): folded, programs would not find them."""

    def fold_binary(self, name: str, value: str) -> bytes:
        return f"{name}: {value}\r\n".encode() if name.startswith("List-") else super().fold_binary(name, value)


POLICY = WholeLinks(linesep="\r\n")


@dataclass(frozen=True)
class Mail:
    """What every email needs."""

    settings: Settings
    links: Links
    templates: jinja2.Environment
    translations: Mapping[str, NullTranslations]

    @staticmethod
    def of(settings: Settings) -> "Mail":
        templates = environment(HERE / "templates")
        return Mail(settings, Links.of(settings), templates, load(HERE / "locale"))

    def message(
        self,
        delivery: Sendable,
        subscription: Subscription,
        recipient: Recipient,
        editions: Sequence[Json],
        at: datetime,
    ) -> EmailMessage:
        """The email of one delivery, which always has the same Message-ID, so that a repeat can be recognised."""
        links, id = self.links, recipient.id
        with speak(subscription.language, self.translations):
            if not delivery.state.entries:
                kind, subject = "confirmation", _("Please confirm your subscription")
            elif delivery.state.release:
                kind, count = "digest", len(editions)
                said = ngettext(
                    "New in %(month)s: %(count)s entry for you", "New in %(month)s: %(count)s entries for you", count
                )
                subject = said % {"month": month(delivery.state.release), "count": count}
            else:
                kind, subject = "correction", _("Corrected: %(title)s") % {"title": say(editions[0]["title"])}
            values = {
                "subject": subject,
                "subscription": subscription,
                "release": delivery.state.release,
                "editions": editions,
                "groups": _groups(editions),
                "links": links,
                "confirm": links.confirm(id),
                "manage": links.manage(id),
                "language_tag": LANGUAGE_TAGS[subscription.language],
            }
            message = EmailMessage(policy=POLICY)
            message["From"] = self.settings.mail_from
            message["To"] = recipient.address
            # A title may hold what ends a line: published ones stay as they are, and a header is one line.
            message["Subject"] = " ".join(f"{subject} · {_('Shuangqian')}".split())
            message["Date"] = format_datetime(at)
            message["Message-ID"] = message_id(delivery.id, links.notifications)
            message["Auto-Submitted"] = "auto-generated"
            if kind != "confirmation":
                message["List-Unsubscribe"] = f"<{links.unsubscribe(id)}>"
                message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
            message.set_content(self._render(f"mail/{kind}.txt", values), cte="base64")
            message.add_alternative(self._render(f"mail/{kind}.html", values), subtype="html", cte="base64")
            return message

    def _render(self, template: str, values: dict[str, Any]) -> str:
        return self.templates.get_template(template).render(values)

    async def send(self, message: EmailMessage, address: str) -> None:
        """Hand the message to the SMTP server. Raises NotDelivered; for good where the server knows no such mailbox, as
        our own fault where it speaks of neither the mailbox nor the message: it may be away for days."""
        try:
            await aiosmtplib.send(
                message.as_bytes(),
                sender=self.settings.mail_from,
                recipients=[address],
                **self.settings.smtp,
                timeout=TIMEOUT_S,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [refused.code for refused in error.recipients]
            raise NotDelivered(f"SMTP {codes[0]}", final=all(code // 100 == 5 for code in codes)) from error
        except aiosmtplib.SMTPDataError as error:
            raise NotDelivered(f"SMTP {error.code}") from error
        except aiosmtplib.SMTPResponseException as error:
            raise NotDelivered(f"SMTP {error.code}", ours=True) from error
        except aiosmtplib.SMTPTimeoutError as error:
            raise NotDelivered("timeout", ours=True) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise NotDelivered(type(error).__name__, ours=True) from error


def message_id(delivery: str, notifications_url: str) -> str:
    return f"<{hashlib.sha256(delivery.encode()).hexdigest()[:32]}@{urlsplit(notifications_url).hostname}>"


def _groups(editions: Sequence[Json]) -> list[tuple[str, str | None, list[Json]]]:
    """The editions by kind and sector, in the order in which the catalogue has these."""
    groups = []
    for kind in KINDS:
        for sector in (None, *Industry, *Theme):
            found = [edition for edition in editions if (edition["kind"], edition["sector"]) == (kind, sector)]
            if found:
                groups.append((kind, sector, found))
    return groups
