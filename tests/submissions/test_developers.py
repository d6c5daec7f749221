"""The page for developers: its samples run as they stand there, in order; its links lead to what they say."""

import asyncio
import html
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from jsonschema import Draft202012Validator

from deploy.local import table
from deploy.local.ports import DEFAULTS, free
from deploy.local.servers import running
from runtime.settings import Settings
from schemas.asyncapi import examples
from schemas.documents import schemas
from schemas.events import FACTS
from submissions.__main__ import mongo as connect
from submissions.event_words import ZH
from submissions.intake import CONFLICTS
from tests.faults.fleet import key_for
from tests.submissions.given import OTHER, ROOT, USCC, signed_in

SAMPLE = re.compile(r'<pre class="sq-raw"[^>]* data-sample="([^"]+)"[^>]*>(.*?)</pre>', re.DOTALL)
ORDER = ("entry", "send", "stream", "where", "mend", "withdraw")


def run(name: str, text: str, folder: Path, **environment: str) -> str:
    """Run a sample as somebody would who copied it, with this exported; what it printed."""
    command = ["bash", "-euo", "pipefail", "-c", text] if name.endswith(".sh") else [sys.executable, "-c", text]
    done = subprocess.run(command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, f"{name} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def samples_of(page: str) -> dict[str, str]:
    return {name: html.unescape(text) for name, text in SAMPLE.findall(page)}


async def test_the_samples_run_as_they_stand_on_the_page(mongo: str, tmp_path: Path) -> None:
    ports = dict(zip(DEFAULTS, free(len(DEFAULTS)), strict=True))
    own = Settings(mongo_url=mongo, database_prefix=f"test_{tmp_path.name}_")
    own = own.model_copy(update={"submissions_url": f"http://localhost:{ports['submissions']}"})
    services = table.services(table.Stack(tmp_path, ports, own, "", ()))
    api = next(process for process in services if process.name == "submissions-api")
    address = own.submissions_url

    def story(language: str, ending: str, key: str, partner: str) -> None:
        headers = signed_in(own, "partner", partner=partner) | {"Accept": "text/html", "Accept-Language": language}
        page = httpx2.get(f"{address}/developers", headers=headers, timeout=30).text
        samples = samples_of(page)
        # The one over Kafka needs a broker: see test_kafka_pages.py.
        steps = [name.removesuffix(ending) for name in samples if name.endswith(ending) and name != "kafka.py"]
        assert [step for step in steps if step in ORDER] == list(ORDER)
        folder = tmp_path / f"{language}{ending}"
        folder.mkdir()
        said = {step: run(step + ending, samples[step + ending], folder, KEY=key) for step in steps}
        assert f"{partner}/rail-robot-01/1" in said["send"] and re.search(r"^(HTTP/1.1 )?201\b", said["send"])
        assert [said["stream"].count(f"rail-robot-1{n}") >= 1 for n in (1, 2, 3)] == [True] * 3
        assert said["stream"].count("received") == 3
        assert "received" in said["where"] and "rail-robot-12" in said["where"]
        assert "/entry/maturity" in said["mend"] and "revised" in said["mend"]
        assert ("≤ 9" in said["mend"]) and (("数值超出范围" in said["mend"]) == (language == "zh"))
        assert "withdrawn" in said["withdraw"]

    with running(api, tmp_path / "log"):
        for language, ending, partner in (("en", ".sh", USCC), ("zh", ".py", OTHER)):
            name = {"zh": "某某科技有限公司", "en": None}
            key = await key_for(own, {"uscc": partner, "name": name, "type": "enterprise"})
            await asyncio.to_thread(story, language, ending, key, partner)
    async with connect(own) as database:
        await database.drop_database(own.database("submissions"))


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_page_is_whole_in_both_languages(client: httpx2.AsyncClient, language: str) -> None:
    answer = await client.get("/developers", headers={"Accept": "text/html", "Accept-Language": language})
    assert answer.status_code == 200
    assert all(f'id="{type}"' in answer.text for type in FACTS)
    assert "@address@" not in answer.text and "@entry@" not in answer.text and "@language@" not in answer.text
    assert ("快速入门" in answer.text) == (language == "zh")
    links = set(re.findall(r'href="(/[^"#]*)"', answer.text))
    assert {"/openapi.json", "/asyncapi.json", "/docs", "/keys"} <= links
    for link in sorted(links):
        if link.startswith(("/developers", "/openapi", "/asyncapi", "/docs", "/static")):
            assert (await client.get(html.unescape(link), headers={"Accept": "text/html"})).status_code == 200, link
    # Every sample is answered in the page's language, and the first key is one for trying.
    for name, sample in samples_of(answer.text).items():
        said = len(re.findall(f"Accept-Language\\W+{language}", sample))
        assert said == len(re.findall(r"Authorization\W+Bearer", sample)), name
    assert "export KEY='sq_test_…'" in answer.text
    missing = re.findall(r'href="#([^"]+)"', answer.text)
    assert all(f'id="{anchor}"' in answer.text for anchor in missing)


async def test_every_problem_that_is_named_on_the_page_there_is(client: httpx2.AsyncClient) -> None:
    page = (await client.get("/developers", headers={"Accept": "text/html"})).text
    # A problem's type is in small letters with hyphens between; what else is written so is no code on that page.
    named = set(re.findall(r"<code>([a-z]+(?:-[a-z]+)+)</code>", page))
    assert {"key-missing", "revision-taken", "idempotency-key-reused"} <= named
    texts = [path.read_text("utf-8") for path in (ROOT / "services" / "submissions").rglob("*.py")]
    raised = set(re.findall(r'(?:Problem\(\s*\d+,\s*|_unauthorised\()"([a-z-]+)"', "\n".join(texts)))
    raised |= {rule.replace(".", "-") for rule in CONFLICTS}  # as submissions.answers names them
    assert named <= raised, named - raised


async def test_a_program_that_names_no_type_gets_the_pages_too(client: httpx2.AsyncClient) -> None:
    asked = [await client.get(path, headers={"Accept": "*/*"}) for path in ("/developers", "/docs", "/")]
    assert [(answer.status_code, answer.headers.get("content-type", "")[:9]) for answer in asked] == [
        (200, "text/html"),
        (200, "text/html"),
        (303, ""),
    ]


def test_every_event_has_its_chinese() -> None:
    assert {*FACTS, "receipt.issued.v1"} <= set(ZH)
    assert all(re.search("[\u4e00-\u9fff]", text) and text.endswith("。") for text in ZH.values())


async def test_the_schemas_are_served_and_hold_what_they_are_for(client: httpx2.AsyncClient) -> None:
    for name in schemas():
        schema: Any = (await client.get(f"/developers/schemas/{name}.json")).json()
        Draft202012Validator.check_schema(schema)
        if name in FACTS:
            assert Draft202012Validator(schema).is_valid(examples()[name])
    unknown = await client.get("/developers/schemas/nothing.json")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:shuangqian:problem:unknown-schema")


async def test_the_asyncapi_document_is_served(client: httpx2.AsyncClient) -> None:
    document = (await client.get("/asyncapi.json")).json()
    assert document["asyncapi"] == "3.0.0" and set(FACTS) < set(document["components"]["messages"])
    assert document["servers"]["partners"]["host"] == Settings().kafka_partners_bootstrap
