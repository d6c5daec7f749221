"""A review database of the test's own, its reaction and its desk; and people signed in to its application."""

import json
import secrets
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import httpx2
import pytest
from fastapi import FastAPI
from itsdangerous import TimestampSigner
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from review.addresses import Addresses
from review.agents import on_submissions
from review.desk import Desk
from review.domain import CASES, Case, CaseCommand
from review.drafts import Drafts
from review.duplicates.index import Duplicates
from review.roster import Roster
from review.serving import api_app
from review.store import CaseStore
from runtime.consume import React
from runtime.settings import Settings
from runtime.streams import Streams
from schemas.envelope import Json
from schemas.review import CaseFact
from tests.web.settings import ROOT
from web.people import Person

#: The addresses of cases, as the application under test makes them.
ADDRESSES = Addresses(Settings().session_secret)


@dataclass(frozen=True)
class Review:
    """The service without its processes."""

    database: AsyncDatabase[Json]
    cases: Streams[Case, CaseCommand, CaseFact]
    store: CaseStore
    duplicates: Duplicates
    desk: Desk
    react: React


@pytest.fixture
def settings(mongo: str) -> Settings:
    prefix = f"test_{secrets.token_hex(4)}_"
    return Settings(mongo_url=mongo, database_prefix=prefix, node_modules=ROOT / "node_modules")


@pytest.fixture
async def review(settings: Settings) -> AsyncIterator[Review]:
    async with AsyncMongoClient[Json](settings.mongo_url, w="majority", journal=True, tz_aware=True) as client:
        database = client[settings.database("review")]
        cases, store, duplicates = Streams(database, CASES), CaseStore(database), Duplicates(database)
        await store.create_indexes()
        await duplicates.create_indexes()
        react = on_submissions(cases, store, duplicates)
        yield Review(database, cases, store, duplicates, Desk(cases, store, Roster(database), Drafts(database)), react)
        await client.drop_database(database.name)


@pytest.fixture
async def app(settings: Settings, review: Review) -> AsyncIterator[FastAPI]:
    app = api_app(settings)
    async with app.router.lifespan_context(app):
        yield app


def reviewer(sub: str = "reviewer-li", partner: str | None = None) -> Person:
    return Person(sub, sub, ("reviewer",), partner)


SignIn = Callable[[Person], httpx2.AsyncClient]


@pytest.fixture
async def signed_in(app: FastAPI, settings: Settings) -> AsyncIterator[SignIn]:
    """`signed_in(person)`: their browser, which asks for pages in English; set Accept for JSON."""
    opened: list[httpx2.AsyncClient] = []

    def browser(person: Person) -> httpx2.AsyncClient:
        session = {"person": {"sub": person.sub, "name": person.name, "roles": person.roles, "partner": person.partner}}
        cookie = TimestampSigner(settings.session_secret).sign(b64encode(json.dumps(session).encode())).decode()
        client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app),
            base_url="http://localhost",
            cookies={"shuangqian": cookie},
            headers={"Accept": "text/html", "Accept-Language": "en"},
            follow_redirects=True,
        )
        opened.append(client)
        return client

    yield browser
    for client in opened:
        await client.aclose()
