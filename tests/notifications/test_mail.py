"""The emails themselves, in both languages; pictures of them are left in build/notifications for people."""

import ssl
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Literal

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword
from pydantic import SecretStr, ValidationError

from deploy.local.ports import free
from notifications.domain.delivery import Delivery
from notifications.domain.subscription import Subscription
from notifications.failures import NotDelivered
from notifications.mail import Mail
from notifications.settings import Settings
from notifications.store import Recipient, Sendable, as_edition
from schemas.notification import Filter
from tests.notifications.events import AT, corrected, entries, published
from tests.notifications.receivers import mail_server
from tests.runtime.test_signing_in import certificate

SETTINGS = Settings()
WANTED = Filter(kinds=("scene", "product"), sectors=("new-retail", "data-empowerment"))
EVENTS = [published(n, entry) for n, entry in enumerate((*entries(), *entries("products")))]
EDITIONS = [{"_id": f"{event.subject}@1", **as_edition(event)} for event in EVENTS]
CORRECTED = {"_id": f"{EVENTS[0].subject}@2", **as_edition(corrected(0))}


def message(which: str, language: Literal["zh", "en"]) -> EmailMessage:
    editions = {"confirmation": [], "digest": EDITIONS, "correction": [CORRECTED]}[which]
    state = Delivery(
        status="queued",
        subscription="s",
        entries=tuple(edition["_id"] for edition in editions),
        release="2026-03" if which == "digest" else None,
    )
    delivery = Sendable(f"s:{which}", 1, state, None, AT)
    subscription = Subscription(status="active", language=language, filter=WANTED)
    recipient = Recipient("s", "email", "reader@example.org", None)
    return Mail.of(SETTINGS).message(delivery, subscription, recipient, editions, AT)


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


@pytest.mark.parametrize(
    ("which", "language", "subject"),
    [
        ("confirmation", "zh", "请确认您的订阅 · 双千"),
        ("confirmation", "en", "Please confirm your subscription · Shuangqian"),
        ("digest", "zh", f"2026年3月新发布：{len(EDITIONS)} 项符合您的订阅 · 双千"),
        ("digest", "en", f"New in March 2026: {len(EDITIONS)} entries for you · Shuangqian"),
        ("correction", "zh", f"更正：{EDITIONS[0]['title']['zh']} · 双千"),
        ("correction", "en", f"Corrected: {EDITIONS[0]['title']['en']} · Shuangqian"),
    ],
)
def test_each_email_is_in_its_readers_language(which: str, language: Literal["zh", "en"], subject: str) -> None:
    mail = message(which, language)
    assert mail["Subject"] == subject
    assert mail.get_content_type() == "multipart/alternative"
    assert f'lang="{ {"zh": "zh-Hans-CN", "en": "en"}[language] }"' in body(mail, "html")
    for part in ("plain", "html"):
        assert "None" not in body(mail, part) and "%(" not in body(mail, part)


def test_a_digest_names_every_entry_once_with_its_link() -> None:
    for part, end in (("plain", "\n"), ("html", '"')):
        text = body(message("digest", "zh"), part).replace("\r\n", "\n")
        for edition in EDITIONS:
            assert text.count(f"/catalogue/{edition['_id'].removesuffix('@1')}{end}") == 1
            assert edition["title"]["zh"] in text


def test_the_same_delivery_has_the_same_message_id_and_links_are_whole() -> None:
    first, again = message("digest", "zh"), message("digest", "zh")
    assert first["Message-ID"] == again["Message-ID"] != message("correction", "zh")["Message-ID"]
    lines = first.as_bytes().decode("ascii").splitlines()
    unsubscribe = next(line for line in lines if line.startswith("List-Unsubscribe:"))
    assert unsubscribe.startswith("List-Unsubscribe: <http://localhost:8003/subscriptions/s/unsubscribe?token=s.")
    assert unsubscribe.endswith(">")
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in lines
    assert message("confirmation", "zh")["List-Unsubscribe"] is None


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\u2028", "\u2029", "\x85", "\x0b", "\x1c"])
def test_a_title_with_a_line_break_is_one_line_in_the_subject(ends: str) -> None:
    edition = CORRECTED | {"title": {"zh": f"园区{ends}巡检", "en": f"Park{ends}patrol"}}
    state = Delivery(status="queued", subscription="s", entries=(edition["_id"],))
    mail = Mail.of(SETTINGS).message(
        Sendable("s:correction", 1, state, None, AT),
        Subscription(status="active", language="en"),
        Recipient("s", "email", "reader@example.org", None),
        [edition],
        AT,
    )
    assert mail["Subject"] == "Corrected: Park patrol · Shuangqian"
    assert b"\nSubject: " in mail.as_bytes()


def test_a_title_without_english_is_said_in_chinese() -> None:
    event = published(0, entries()[0].model_copy(update={"title": entries()[0].title.model_copy(update={"en": None})}))
    edition = {"_id": f"{event.subject}@1", **as_edition(event)}
    state = Delivery(status="queued", subscription="s", entries=(edition["_id"],), release="2026-03")
    subscription = Subscription(status="active", language="en")
    mail = Mail.of(SETTINGS).message(
        Sendable("s:2026-03", 1, state, None, AT + timedelta(hours=1)),
        subscription,
        Recipient("s", "email", "reader@example.org", None),
        [edition],
        AT,
    )
    assert mail["Subject"] == "New in March 2026: 1 entry for you · Shuangqian"
    assert 'lang="zh-Hans-CN"' in body(mail, "html")
    assert "1 entry of this month’s release matches" in body(mail, "plain")


async def test_a_mail_server_that_asks_who_comes_is_told_it_and_only_over_tls(tmp_path: Path) -> None:
    chain, authority = certificate()
    (tmp_path / "chain.pem").write_bytes(chain)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "chain.pem")

    def known(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        return AuthResult(success=given == LoginPassword(b"shuangqian", b"secret"), handled=False)

    asks = {"tls_context": context, "require_starttls": True, "auth_required": True, "authenticator": known}
    async with mail_server(tmp_path / "asks", **asks) as (port, mailbox), mail_server(tmp_path) as (plain, unasked):
        settings = Settings(
            smtp_port=port,
            smtp_protocol="STARTTLS",
            smtp_username="shuangqian",
            smtp_password=SecretStr("secret"),
            smtp_ca=authority.decode(),
        )

        async def send(**changes: Any) -> None:
            mail = Mail.of(settings.model_copy(update=changes))
            await mail.send(message("confirmation", "zh"), "reader@example.org")

        await send()
        assert [kept.to for kept in mailbox.messages] == [("reader@example.org",)]
        for wrong in (
            {"smtp_password": SecretStr("guessed")},
            {"smtp_username": None},
            {"smtp_ca": None},
            {"smtp_port": plain},
            {"smtp_port": free(1)[0]},  # where nobody listens
        ):
            with pytest.raises(NotDelivered) as failed:
                await send(**wrong)
            assert failed.value.ours, "no subscriber is to blame, and none is suspended"
        assert len(mailbox.messages) == 1 and unasked.messages == []


@pytest.mark.parametrize("said", [{"smtp_username": "me"}, {"smtp_username": "me", "smtp_password": "secret"}])
def test_who_comes_is_not_said_by_half_nor_unencrypted(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"need each other|not sent unencrypted"):
        Settings(**said)
