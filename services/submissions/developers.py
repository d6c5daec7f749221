"""The page for developers at partners: a quick start to copy, what to rely on, and the documents machines read."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from schemas import asyncapi, documents
from schemas.events import FACTS
from schemas.partner_channels import Listener
from schemas.receipt import ReceiptIssued
from schemas.rules import MAX_FINDINGS, MAX_LINE_BYTES
from schemas.topics import RECEIPTS
from submissions.domain import partner
from submissions.domain.submission import FULL
from submissions.event_words import ZH
from submissions.idempotency import KEPT_S, MAX_KEY
from submissions.kafka_accounts import KafkaAccounts
from submissions.sample import sample
from submissions.sections import sections
from web.languages import _, language
from web.pages import page
from web.people import Person, person
from web.problems import Problem

SAMPLES = Path(__file__).parent / "samples"
#: Whose entry the samples send, where nobody has signed in: a partner of the local stack.
SOMEBODY = "91510106MA6RH83W82"


@dataclass(frozen=True)
class Step:
    """One step of the quick start: a heading, what happens, and the same in curl and in Python."""

    id: str
    title: str
    text: str
    samples: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class EventType:
    """One row of the event catalogue. `said_in` is the language of `says`, where it is not the page's."""

    type: str
    fields: tuple[str, ...]
    says: str
    said_in: str | None


def add(router: APIRouter, accounts: KafkaAccounts) -> None:
    """GET /developers for people; /asyncapi.json and /developers/schemas/{name}.json for machines."""

    @router.get("/developers")
    async def developers(request: Request) -> Response:
        me = person(request)
        return page(
            request,
            "developers.html",
            sections=sections(request, me),
            steps=list(_steps(request, me)),
            kafka=_kafka(me, accounts),
            topics=_catalogue(),
            limits=_limits(),
            may_open_keys=me is None or "partner" in me.roles,
        )

    @router.get("/asyncapi.json")
    async def asyncapi_json() -> Response:
        access = accounts.access(SOMEBODY, "")
        return Response(_asyncapi(access.bootstrap_servers, access.security_protocol), media_type="application/json")

    @router.get("/developers/schemas/{name}.json")
    async def schema(name: str) -> Response:
        found = documents.schemas().get(name)
        if found is None:
            raise Problem(
                404, "unknown-schema", _("There is no such schema"), _("See /developers for those there are.")
            )
        return JSONResponse(found, media_type="application/schema+json")


@cache
def _asyncapi(address: str, protocol: str) -> bytes:
    listener = Listener(address, encrypted=protocol == "SASL_SSL")
    return orjson.dumps(asyncapi.document(asyncapi.examples(), listener))


def _steps(request: Request, me: Person | None) -> Iterator[Step]:
    """The quick start, for this partner and this address."""
    uscc = me.partner if me and me.partner else SOMEBODY
    fill = {
        "@address@": request.app.state.site.addresses["submissions"],
        "@uscc@": uscc,
        "@language@": language(),
        "@entry@": orjson.dumps(sample(uscc), option=orjson.OPT_INDENT_2).decode(),
    }
    for id, title, text in _told():
        yield Step(id, title, text, tuple(_samples(id, fill)))


def _kafka(me: Person | None, accounts: KafkaAccounts) -> str:
    """The quick start over Kafka, for this partner; username and password are asked for when it runs."""
    access = accounts.access(me.partner if me and me.partner else SOMEBODY, "")
    fill = {
        "@bootstrap@": access.bootstrap_servers,
        "@protocol@": access.security_protocol,
        "@mechanism@": access.mechanism,
        "@intake@": access.intake_topic,
        "@receipts@": access.receipts_topic,
        "@group@": access.group_prefix,
        "@language@": language(),
    }
    return _filled("kafka.py.txt", fill)


def _told() -> tuple[tuple[str, str, str], ...]:
    return (
        (
            "entry",
            _("Write an entry"),
            _("A product, in a file. Change what you like: the next steps tell what is wrong."),
        ),
        ("validate", _("Have it checked"), _("By the same rules as for real, and nothing is kept.")),
        (
            "send",
            _("Send it in"),
            _("201 means: stored for good, and on its way to review. Location is where it can be asked for."),
        ),
        (
            "stream",
            _("Send many"),
            _("One JSON object a line, any number of them; a receipt a line comes back, in order, while you send."),
        ),
        ("where", _("See where it is"), _("What it waits for and every step it took; or all of yours, page by page.")),
        (
            "mend",
            _("Read what is wrong, and mend it"),
            _("Every finding at once: the rule, where, what stood there, what is expected. Mend it and send it again."),
        ),
        ("withdraw", _("Take it back"), _("Until it is published. Its reference takes nothing in afterwards.")),
    )


def _samples(id: str, fill: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    for name, file in (("curl", f"{id}.sh"), ("Python", f"{id}.py.txt")):
        yield name, file.removesuffix(".txt"), _filled(file, fill)


def _filled(file: str, fill: dict[str, str]) -> str:
    text = (SAMPLES / file).read_text()
    for placeholder, value in fill.items():
        text = text.replace(placeholder, value)
    return text.rstrip()


def _catalogue() -> list[tuple[str, list[EventType]]]:
    topics: dict[str, list[EventType]] = {}
    for type, fact in FACTS.items():
        english = asyncapi.says(fact)
        says = ZH.get(type, english) if language() == "zh" else english
        said_in = "en" if language() == "zh" and type not in ZH else None
        topic = asyncapi.READERS[asyncapi.noun(type)][0]
        topics.setdefault(topic, []).append(EventType(type, tuple(fact.model_fields), says, said_in))
    says = ZH[ReceiptIssued.TYPE] if language() == "zh" else asyncapi.says(ReceiptIssued)
    fields = tuple(ReceiptIssued.model_fields)
    topics[f"{RECEIPTS}<uscc>"] = [EventType(ReceiptIssued.TYPE, fields, says, None)]
    return list(topics.items())


def _limits() -> list[tuple[str, Any]]:
    """(what, how much) of each limit; numbers are told as the language writes them."""
    return [
        (_("Bytes of one entry"), MAX_LINE_BYTES),
        (_("Lines of one stream"), _("any number")),
        (_("Highest revision number"), 9999),
        (_("Times that a reference takes something in, or refuses it"), FULL),
        (_("Facts about a partner’s keys and accounts: a key issued, rotated (two) or revoked"), partner.FULL),
        (_("Characters of a reference: letters, digits, dot, hyphen, underscore"), 64),
        (_("Findings told of one entry"), MAX_FINDINGS),
        (_("Characters of an Idempotency-Key"), MAX_KEY),
        (_("Hours that an Idempotency-Key is kept"), KEPT_S // 3600),
        (_("Seconds that receipts may go unread"), 60),
    ]
