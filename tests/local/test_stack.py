"""The launcher, run as `make run` runs it, on free ports and in a folder of its own."""

import json
import os
import re
import secrets
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import httpx2
import psutil
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from pymongo import MongoClient

from deploy.local import mongo, ports
from deploy.local.mail import Mailbox
from deploy.local.people import people
from deploy.local.servers import Server, running
from deploy.local.supervise import Process, responds

ROOT = Path(__file__).resolve().parents[2]


class Launched:
    """`python -m deploy.local run`, started, with what it prints going to a file."""

    def __init__(self, folder: Path, chosen: dict[str, int], output: Path) -> None:
        variables = {ports.variable(name): str(port) for name, port in chosen.items()}
        self.output = output
        argv = [sys.executable, "-m", "deploy.local", "run", "--no-story", "--folder", str(folder)]
        environ = {**os.environ, **variables, "LC_ALL": "C.UTF-8"}
        with output.open("w") as file:
            self.popen = subprocess.Popen(argv, cwd=ROOT, env=environ, stdout=file, stderr=subprocess.STDOUT)

    def wait_for(self, text: str, seconds: float = 150.0) -> str:
        """What it printed, once that holds `text`; fails when it ends or takes too long."""
        deadline = time.monotonic() + seconds
        while text not in self.output.read_text():
            assert self.popen.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.1)
        return self.output.read_text()

    def ended(self, seconds: float = 45.0) -> tuple[int, str]:
        """Its exit status and what it printed."""
        return self.popen.wait(seconds), self.output.read_text()

    def children(self) -> list[psutil.Process]:
        return list(psutil.Process(self.popen.pid).children(recursive=True))


def child_of(launched: Launched, service: str, part: str) -> psutil.Process:
    """The process of a launcher that is `part` of a service: its `worker`, its `api`."""
    return next(each for each in launched.children() if each.cmdline()[-2:] == [service, part])


def mongo_client(url: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(url)


@pytest.fixture
def chosen() -> dict[str, int]:
    return dict(zip(ports.DEFAULTS, ports.free(len(ports.DEFAULTS)), strict=True))


@pytest.fixture
def launched(tmp_path: Path, chosen: dict[str, int]) -> Iterator[list[Launched]]:
    """The launchers that a test started; those that still run are ended."""
    started: list[Launched] = []
    yield started
    for each in started:
        if each.popen.poll() is None:
            each.popen.terminate()
            each.popen.wait(45)


@pytest.mark.timeout(600)
def test_run_keeps_its_data_and_ends_all_it_started(
    tmp_path: Path, chosen: dict[str, int], launched: list[Launched]
) -> None:
    def launch(name: str) -> Launched:
        launched.append(Launched(tmp_path / ".run", chosen, tmp_path / name))
        return launched[-1]

    first = launch("first")
    first.wait_for("Ctrl-C ends it")
    with mongo_client(mongo.url(chosen["mongod"])) as client:
        client["kept"]["things"].insert_one({"_id": "one"})

    status, said = launch("second").ended()
    assert (status, said) == (1, f"It is running already, as pid {first.popen.pid}.\n")

    # Killed, it leaves a stale lock but no process.
    orphans = first.children()
    first.popen.kill()
    first.popen.wait()
    gone, _ = psutil.wait_procs(orphans, timeout=5)
    assert len(gone) == len(orphans) == 14
    third = launch("third")
    said = third.wait_for("Ctrl-C ends it")
    assert f"The last run (pid {first.popen.pid}) ended without tidying up; its lock is taken over." in said

    # A worker that dies is started afresh.
    worker = child_of(third, "review", "worker")
    worker.kill()
    third.wait_for("review-worker ended (killed by SIGKILL): it is started afresh.")
    children = third.children()
    assert len(children) == 14 and child_of(third, "review", "worker").pid != worker.pid

    # Any other child that dies takes the others with it, and is named.
    child_of(third, "review", "api").kill()
    status, said = third.ended()
    assert status == 1
    assert "review-api ended unexpectedly (killed by SIGKILL). The end of " in said
    assert not [each for each in children if each.is_running()]

    # Ctrl-C is a good end; and what was written is still there.
    fourth = launch("fourth")
    fourth.wait_for("Ctrl-C ends it")
    with mongo_client(mongo.url(chosen["mongod"])) as client:
        assert client["kept"]["things"].count_documents({}) == 1
    # A command given beside it reads this stack, though its ports are its own, and none other.
    beside = [sys.executable, "-m", "shuangqian", "audit", "replay", "--service", "review", "--json"]
    elsewhere = {name: value for name, value in os.environ.items() if not name.startswith("SHUANGQIAN_")}
    paths = os.pathsep.join(str(ROOT / name) for name in ("", "libs", "services"))
    replay = subprocess.run(
        beside, cwd=tmp_path, env=elsewhere | {"PYTHONPATH": paths}, capture_output=True, text=True, timeout=60
    )
    read = json.loads(replay.stdout)
    assert (read["kafka"], read["mongo"]) == (
        f"127.0.0.1:{chosen['kafka']}",
        f"127.0.0.1:{chosen['mongod']}/shuangqian_*",
    ), replay.stderr
    children = fourth.children()
    fourth.popen.send_signal(signal.SIGINT)
    status, said = fourth.ended()
    assert status == 0
    assert said.endswith("All ended.\n")
    assert "Had to be killed" not in said
    assert not [each for each in children if each.is_running()]


def test_run_lists_ports_in_use_and_starts_nothing(
    tmp_path: Path, chosen: dict[str, int], launched: list[Launched]
) -> None:
    with socket.socket() as kafka, socket.socket() as inbox:
        for listener, name in ((kafka, "kafka"), (inbox, "inbox")):
            listener.bind((ports.HOST, chosen[name]))
            listener.listen()
        launched.append(Launched(tmp_path / "run", chosen, tmp_path / "output"))
        status, said = launched[0].ended()
    assert status == 1
    assert said == (
        f"Port {chosen['inbox']}, wanted by inbox, is in use. Set SHUANGQIAN_PORT_INBOX to another one.\n"
        f"Port {chosen['kafka']}, wanted by kafka, is in use. Set SHUANGQIAN_PORT_KAFKA to another one.\n"
    )
    assert not (tmp_path / "run" / "log").exists()


def test_reset_deletes_the_kept_data(tmp_path: Path) -> None:
    kept = tmp_path / "run"
    kept.mkdir()
    (kept / "data").write_text("x")
    argv = [sys.executable, "-m", "deploy.local", "reset", "--yes", "--folder", str(kept)]
    environ = {**os.environ, "LC_ALL": "zh_CN.UTF-8"}
    reset = subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True)
    assert (reset.returncode, reset.stdout) == (0, f"已删除 {kept}。\n")
    assert not kept.exists()


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[tuple[int, str]]:
    """The mail sink: its SMTP port, and the address of its inbox."""
    smtp_port, inbox_port = ports.free(2)
    inbox = f"http://{ports.HOST}:{inbox_port}"
    argv = (sys.executable, "-m", "deploy.local.mail", str(tmp_path), str(smtp_port), str(inbox_port))
    with running(Process("mail", argv, ready=responds(f"{inbox}/messages")), tmp_path / "log"):
        yield smtp_port, inbox


def test_mail_is_kept_and_shown(mail: tuple[int, str]) -> None:
    smtp_port, inbox = mail
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "shuangqian@localhost", "li@example.org", "请确认订阅 Confirm"
    message.set_content("点此确认：http://localhost:8003/confirm?token=a&b=<c>")
    with smtplib.SMTP(ports.HOST, smtp_port) as client:
        client.send_message(message)
    (kept,) = httpx2.get(f"{inbox}/messages", params={"to": "li@example.org"}).json()
    assert (kept["subject"], kept["to"], kept["text"]) == (
        "请确认订阅 Confirm",
        ["li@example.org"],
        "点此确认：http://localhost:8003/confirm?token=a&b=<c>\n",
    )
    assert httpx2.get(f"{inbox}/messages", params={"to": "zhao@example.org"}).json() == []
    assert "请确认订阅 Confirm" in httpx2.get(inbox).text
    page = httpx2.get(f"{inbox}/messages/{kept['id']}").text
    assert '<a href="http://localhost:8003/confirm?token=a&amp;b=' in page
    assert "<c>" not in page
    assert httpx2.get(f"{inbox}/messages/2").status_code == 404


async def test_mail_that_was_kept_is_there_again_whatever_ends_a_line_in_it_and_wherever_a_kill_cut_it_off(
    tmp_path: Path,
) -> None:
    async def take(mailbox: Mailbox, text: str) -> None:
        message = EmailMessage()
        message["Subject"] = "Corrected"
        message.set_content(text)
        envelope = Envelope()
        envelope.content, envelope.rcpt_tos = message.as_bytes(), ["li@example.org"]
        await mailbox.handle_DATA(cast(SMTP, None), cast(Session, None), envelope)

    mailbox = Mailbox(tmp_path)
    await take(mailbox, "one\u2028two\u0085three\x1efour")
    with mailbox.file.open("ab") as file:
        file.write('{"id": 2, "subject": "确'.encode()[:-1])
    await take(Mailbox(tmp_path), "five")
    kept = [(message.id, message.text) for message in Mailbox(tmp_path).messages]
    assert kept == [(1, "one\u2028two\u0085three\x1efour\n"), (2, "five\n")]


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[str]:
    (port,) = ports.free(1)
    url = f"http://localhost:{port}"
    argv = (sys.executable, "-m", "deploy.local.issuer", str(port))
    with running(Process("issuer", argv, ready=responds(f"{url}/.well-known/openid-configuration")), tmp_path):
        yield url


def test_everybody_can_sign_in_and_has_their_claims(issuer: str) -> None:
    configuration = httpx2.get(f"{issuer}/.well-known/openid-configuration").json()
    assert configuration["issuer"] == issuer
    redirect_uri = "http://localhost:8002/callback"
    query = {
        "client_id": "shuangqian",
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": "openid profile",
        "state": secrets.token_urlsafe(),
    }
    page = httpx2.get(configuration["authorization_endpoint"], params=query).text
    for somebody in people():
        assert somebody.name in page
        sent = httpx2.post(configuration["authorization_endpoint"], params=query, data={"sub": somebody.sub})
        (code,) = parse_qs(urlsplit(sent.headers["location"]).query)["code"]
        grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        token = httpx2.post(configuration["token_endpoint"], data=grant, auth=("shuangqian", "local")).json()
        authorization = {"Authorization": f"Bearer {token['access_token']}"}
        claims = httpx2.get(configuration["userinfo_endpoint"], headers=authorization).json()
        assert claims == {"sub": somebody.sub, **somebody.claims()}


def test_kafka_and_mongod_come_back_on_the_same_address_after_a_kill(kafka_broker: Server, mongo_node: Server) -> None:
    for server in (kafka_broker, mongo_node):
        address = server.address
        server.kill()
        server.start()
        assert server.address == address
    with mongo_client(mongo_node.address) as client:
        assert client.admin.command("hello")["isWritablePrimary"]


def test_every_person_has_a_plain_name_and_a_known_role() -> None:
    known = {"partner", "reviewer", "publisher", "operator", "auditor", "onlooker"}
    for somebody in people():
        assert re.fullmatch(r"[a-z]+-[a-z]+", somebody.sub)
        assert set(somebody.roles) <= known
    assert {role for somebody in people() for role in somebody.roles} == known
