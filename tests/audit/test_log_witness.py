"""Witnesses: one that verifies what it signs."""

import base64
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import orjson
import pytest
from pydantic import SecretStr

from audit.bundle_export import export
from audit.bundle_verify import verify
from audit.log.note import (
    COSIGNATURE,
    NotSigned,
    Signer,
    Verifier,
    checkpoint,
    cosigned_at,
    signed_by,
    split,
    unverified,
)
from audit.log.tree import Wrong, verify_consistency
from audit.log.witness import witnesses
from deploy.local.ports import free
from tests.audit.conftest import World
from tests.audit.histories import event
from tests.audit.logs import keeping, log_of


class Witness:
    """A witness as c2sp.org/tlog-witness has it: it cosigns only what continues what it cosigned before."""

    def __init__(self, log: Verifier) -> None:
        self.log = log
        self.key = Signer("witness.example/w1", bytes(range(5, 37)), COSIGNATURE)
        self.size, self.root = 0, b""
        self.answers: list[int] = []

    def add_checkpoint(self, body: str) -> tuple[int, str]:
        head, _, note = body.partition("\n\n")
        old, *proof = head.split("\n")
        try:
            asked = checkpoint(note, self.log)
        except NotSigned:
            return 403, ""
        match = re.fullmatch(r"old (0|[1-9][0-9]*)", old)
        if match is None or int(match[1]) > asked.size:
            return 400, ""
        if int(match[1]) != self.size:
            return 409, f"{self.size}\n"
        try:
            if self.size:
                path = [base64.b64decode(each, validate=True) for each in proof]
                verify_consistency(self.size, asked.size, self.root, asked.root, path)
            elif proof:
                return 422, ""
        except Wrong:
            return 422, ""
        self.size, self.root = asked.size, asked.root
        return 200, self.key.sign(split(note)[0], at=int(time.time()))


@contextmanager
def serving(answer: object, port: int) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, type, raw = answer(self.path, body)  # type: ignore[operator]
            self.send_response(status)
            self.send_header("content-type", type)
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def witnessing(witness: Witness, port: int) -> Iterator[None]:
    def answer(path: str, body: bytes) -> tuple[int, str, bytes]:
        assert path == "/w/add-checkpoint"
        status, text = witness.add_checkpoint(body.decode())
        witness.answers.append(status)
        return status, "text/x.tlog.size" if status == 409 else "text/plain", text.encode()

    with serving(answer, port):
        yield


def test_checkpoints_are_cosigned_by_a_witness_that_verifies_them(lived: World, tmp_path: Path) -> None:
    port = free(1)[0]
    key = Signer("log.example/log", bytes(range(32)))
    witness = Witness(key.verifier)
    log = log_of(
        lived,
        tmp_path / "log",
        log_key=SecretStr(key.secret()),
        log_witnesses=f"{witness.key.verifier} http://127.0.0.1:{port}/w",
    )
    # given a witness that is away: the log goes on without
    with keeping(log):
        log.wait(60)
    assert signed_by(log.folder.checkpoint() or "", [witness.key.verifier]) == []
    assert "Connect" in (log.store.witnesses.find_one() or {})["error"]
    # when it is there
    with witnessing(witness, port):
        for step in range(1, 4):
            lived.send(*((f"w{step}-{n}", orjson.dumps(event(f"w{step}-{n}", 1))) for n in range(100)))
            with keeping(log):
                log.wait(60 + 100 * step)
                cosigned(log.folder.checkpoint, witness)
        # also where it has forgotten, or has been shown less than the log supposes
        log.store.witnesses.update_one({}, {"$set": {"size": 200}})
        lived.send(("last", orjson.dumps(event("last", 1))))
        with keeping(log):
            log.wait(361)
            cosigned(log.folder.checkpoint, witness)
    assert witness.answers == [200, 200, 200, 409, 200] and witness.size == 361
    note = log.folder.checkpoint() or ""
    assert abs(cosigned_at(note, witness.key.verifier) - time.time()) < 3600
    # then bundles carry the cosignature, and say so
    bundle = tmp_path / "w.zip"
    export(log.settings, lived.client[log.settings.database("audit")], {"stream": "last"}, bundle)
    outcome = verify(bundle, [key.verifier])
    assert outcome.holds and outcome.witnesses == (str(witness.key.verifier),)


def cosigned(read: object, witness: Witness) -> None:
    for _ in range(200):
        if signed_by(read() or "", [witness.key.verifier]):  # type: ignore[operator]
            return
        time.sleep(0.05)
    raise AssertionError("not cosigned")


def test_a_witness_that_is_shown_a_fork_does_not_cosign_and_the_log_says_so(lived: World, tmp_path: Path) -> None:
    port = free(1)[0]
    key = Signer("log.example/log", bytes(range(32)))
    witness = Witness(key.verifier)
    witness.size, witness.root = 30, bytes(32)  # it has cosigned another history
    log = log_of(
        lived,
        tmp_path / "log",
        log_key=SecretStr(key.secret()),
        log_witnesses=f"{witness.key.verifier} http://127.0.0.1:{port}/w",
    )
    with witnessing(witness, port), keeping(log):
        log.wait(60)
        for _ in range(200):
            if log.store.witnesses.find_one():
                break
            time.sleep(0.05)
    assert witness.answers[:2] == [409, 422] and witness.size == 30
    assert "422" in (log.store.witnesses.find_one() or {})["error"]
    assert unverified(log.folder.checkpoint() or "").size == 60


@pytest.mark.parametrize("text", ["nonsense", "a+b+c http://x", f"{Signer('log', bytes(32)).verifier} http://x"])
def test_a_witness_that_is_none_is_refused_at_the_start(text: str) -> None:
    with pytest.raises(NotSigned):
        witnesses(text)
