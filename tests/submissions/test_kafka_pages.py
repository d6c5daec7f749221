"""Access to Kafka as people and programs ask for it: granted, shown once, revoked; each only for their own partner."""

import asyncio
import re
from pathlib import Path

import httpx2
import pytest

from deploy.local.servers import Server
from runtime.settings import Settings
from runtime.streams import Streams
from submissions.__main__ import mongo as connect
from submissions.domain.submission import SUBMISSIONS
from submissions.kafka_accounts import Access
from submissions.kafka_intake import KafkaIntake
from tests.submissions.given import OTHER, USCC, key_of, signed_in
from tests.submissions.kafka import Record, System
from tests.submissions.test_developers import run, samples_of
from tests.support import own_settings

HTML = {"Accept": "text/html", "Accept-Language": "en"}


@pytest.fixture
async def settings(kafka_broker: Server, mongo: str, settings: Settings) -> Settings:
    """The service's, with a broker."""
    own = await own_settings(kafka_broker.address, mongo)
    bootstrap = {"kafka_partners_bootstrap": kafka_broker.partners, "node_modules": settings.node_modules}
    return own.model_copy(update=bootstrap)


@pytest.fixture
async def key(client: httpx2.AsyncClient, settings: Settings) -> dict[str, str]:
    """The header of a program whose key manages keys, and so accounts."""
    return await key_of(client, settings, scopes=["submit", "read", "keys"])


async def test_a_partners_program_is_granted_an_account_and_writes(
    client: httpx2.AsyncClient, key: dict[str, str]
) -> None:
    url = f"/partners/{USCC}/kafka-accounts"
    granted = await client.post(url, json={"label": "ERP"}, headers=key)
    assert granted.status_code == 201
    access = Access(**granted.json())
    assert await asyncio.to_thread(System(access).send, Record(b"{}")) == [None]
    (listed,) = (await client.get(url, headers=key)).json()
    assert (listed["account"], listed["label"], listed["revoked"]) == (access.account, "ERP", False)
    assert access.password not in str(listed)
    assert (await client.delete(f"{url}/{access.account}", headers=key)).status_code == 204
    assert (await client.delete(f"{url}/{access.account}", headers=key)).status_code == 204  # as often as one likes
    assert (await client.get(url, headers=key)).json()[0]["revoked"]
    assert [error and error.name() for error in await asyncio.to_thread(System(access).send, Record(b"{}"))] == [
        "_AUTHENTICATION"
    ]


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_page_names_the_header_of_a_structured_cloudevent(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str], language: str
) -> None:
    partner = signed_in(settings, "partner", partner=USCC) | {"Accept": "text/html", "Accept-Language": language}
    page = (await client.get("/kafka", headers=partner)).text
    assert "content-type: application/cloudevents+json" in page


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_sample_on_the_page_for_developers_runs_as_it_stands_there(
    client: httpx2.AsyncClient, settings: Settings, tmp_path: Path, language: str, key: dict[str, str]
) -> None:
    granted = await client.post(f"/partners/{USCC}/kafka-accounts", json={"label": "ERP"}, headers=key)
    access = Access(**granted.json())
    page = signed_in(settings, "partner", partner=USCC) | {"Accept": "text/html", "Accept-Language": language}
    samples = samples_of((await client.get("/developers", headers=page)).text)
    assert "@" not in samples["kafka.py"]
    exported = {"KAFKA_USERNAME": access.username, "KAFKA_PASSWORD": access.password}

    def ran(name: str) -> str:
        return run(name, samples[name], tmp_path, **exported)

    async with connect(settings) as connection:
        submissions = Streams(connection[settings.database("submissions")], SUBMISSIONS)
        work = asyncio.create_task(KafkaIntake(settings, submissions).run())
        try:
            await asyncio.to_thread(ran, "entry.py")
            assert await asyncio.to_thread(ran, "kafka.py") == "rail-robot-21 received\n"
            wrong = (tmp_path / "entry.json").read_text().replace('"maturity": 8', '"maturity": 12')
            (tmp_path / "entry.json").write_text(wrong)
            said = await asyncio.to_thread(ran, "kafka.py")
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
    assert said.startswith("rail-robot-21 refused\n   /entry/maturity ")
    assert ("数值超出范围" in said) == (language == "zh")


async def test_the_same_request_is_shown_a_password_once(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    url, once = f"/partners/{USCC}/kafka-accounts", {**key, "X-Request-Id": "grant-me-once", "Accept-Language": "en"}
    assert (await client.post(url, json={"label": "ERP"}, headers=once)).status_code == 201
    again = await client.post(url, json={"label": "ERP"}, headers=once)
    assert (again.status_code, again.json()["title"]) == (409, "This password was shown already")
    assert len((await client.get(url, headers=key)).json()) == 1


async def test_nobody_gets_access_for_another_partner(client: httpx2.AsyncClient, key: dict[str, str]) -> None:
    url = f"/partners/{OTHER}/kafka-accounts"
    assert (await client.get(url, headers=key)).status_code == 404
    assert (await client.post(url, json={"label": "x"}, headers=key)).status_code == 404
    assert (await client.delete(f"{url}/partner-{OTHER}-00000000", headers=key)).status_code == 404
    assert (await client.post(url, json={"label": "x"})).status_code == 401


async def test_a_partners_person_is_granted_an_account_by_the_page_and_revokes_it(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str]
) -> None:
    person = signed_in(settings, "partner", partner=USCC) | HTML
    empty = await client.get("/kafka", headers=person)
    assert "No account was granted yet" in empty.text and f"intake.{USCC}" in empty.text
    wrong = await client.post("/kafka", data={"label": " "}, headers=person)
    assert wrong.status_code == 422 and "Say in 1 to 60 characters" in wrong.text
    shown = await client.post("/kafka", data={"label": "ERP", "request": "r1"}, headers=person)
    assert (shown.status_code, shown.headers["cache-control"]) == (201, "no-store")
    found = re.search(r"sasl\.password=([^<\s]+)", shown.text)
    assert found and len(found[1]) == 43
    listed = await client.get("/kafka", headers=person)
    assert found[1] not in listed.text
    address = re.search(r'href="(/kafka/partner-[^"]+/revoke)"', listed.text)
    assert address
    assert "Revoke this account?" in (await client.get(address[1], headers=person)).text
    assert (await client.post(address[1], headers=person)).status_code == 303
    after = await client.get("/kafka", headers=person)
    assert "Revoked" in after.text and address[1] not in after.text


async def test_an_operator_grants_access_for_a_partner(
    client: httpx2.AsyncClient, settings: Settings, key: dict[str, str]
) -> None:
    operator = signed_in(settings, "operator") | HTML
    assert f"/partners/{USCC}/kafka" in (await client.get("/partners", headers=operator)).text
    shown = await client.post(f"/partners/{USCC}/kafka", data={"label": "ERP"}, headers=operator)
    assert shown.status_code == 201 and "sasl.password=" in shown.text
    partner = signed_in(settings, "partner", partner=OTHER) | HTML
    assert (await client.get(f"/partners/{USCC}/kafka", headers=partner)).status_code == 403


async def test_a_broker_that_is_away_is_said_so_and_nothing_is_granted(
    client: httpx2.AsyncClient, key: dict[str, str], kafka_broker: Server
) -> None:
    url, english = f"/partners/{USCC}/kafka-accounts", {**key, "Accept-Language": "en"}
    kafka_broker.kill()
    try:
        answer = await client.post(url, json={"label": "ERP"}, headers=english)
    finally:
        kafka_broker.start()
    assert (answer.status_code, answer.json()["title"]) == (503, "Kafka does not answer")
    assert (await client.get(url, headers=key)).json() == []
