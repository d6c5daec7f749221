"""The log as it is kept and served: it grows, its proofs hold, software not written here verifies it, and it signs
nothing that is not a continuation of what it signed."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from audit.log.keeper import Forked, resume
from audit.log.note import NotSigned, Signer, checkpoint
from audit.log.proof import parse, verify
from audit.log.tree import Wrong
from deploy.local import table
from schemas.publication import ReleasePublished
from tests.audit.conftest import World
from tests.audit.golog import built
from tests.audit.histories import event
from tests.audit.logs import Log, keeping, log_of, served
from tests.audit.test_pages import BROWSER, signed_in


@pytest.fixture
def log(lived: World, tmp_path: Path) -> Log:
    """A log of sixty events, grown in two steps."""
    made = log_of(lived, tmp_path / "log")
    with keeping(made):
        made.wait(60)
        lived.send(*((f"r{n}", orjson.dumps(event(f"r{n}", 1))) for n in range(540)))
        made.wait(600)
    return made


@pytest.fixture(scope="session")
def verifiers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("golog"))


def key_of(log: Log) -> Signer:
    return log.folder.signer("", None)


def test_a_receipt_is_traded_for_a_proof_that_verifies(log: Log) -> None:
    recorded = log.world.client[log.settings.database("audit")]["recorded"]
    found: Any = recorded.find_one({"_id": "/submissions/s1/2"})
    with served(log) as client:
        # given what a receipt says: the event and its time, or its name in history
        receipt = {"ref": "s1/2", "time": orjson.loads(found["event"])["time"]}
        told = client.get("/log/proof", params=receipt).raise_for_status().json()
        text = client.get("/log/proof", params=receipt, headers={"accept": "text/plain"}).text
        assert told["proof"] == text
        assert client.get("/log/proof", params=receipt | {"ref": "/submissions/s1/2"}).json() == told
        assert (told["event"], told["leaf"], told["hash"]) == (found["_id"], found["leaf"], found["hash"].hex())
        # then the proof holds for this event, under the key that is served, and for no other
        key = key_of(log).verifier
        assert client.get("/log/key").text == f"{key}\n"
        verify(parse(text), found["hash"], key)
        with pytest.raises(Wrong):
            verify(parse(text), bytes(32), key)
        with pytest.raises(NotSigned):
            verify(parse(text), found["hash"], Signer(key.name, bytes(32)).verifier)
        # and who only guesses a name learns nothing
        guessed = client.get("/log/proof", params=receipt | {"time": "2026-11-01T08:00:00.124Z"})
        assert guessed.status_code == 404
        assert guessed.json()["type"] == client.get("/log/proof", params={"ref": "/submissions/x/1"}).json()["type"]
        client.cookies.update(signed_in(log.world, "auditor"))
        assert client.get("/log/proof", params={"ref": "/submissions/s1/2"}).json()["leaf"] == found["leaf"]
        for beyond in (600, 10**26):
            none = client.get("/log/proof", params={"leaf": beyond}, headers={"accept-language": "en"})
            assert (none.status_code, none.json()["detail"]) == (404, "The log has 600 leaves, numbered from 0.")


def test_files_are_served_with_their_types_and_nothing_else_is(log: Log) -> None:
    with served(log) as client:
        tile = client.get("/log/tile/0/000")
        assert (tile.status_code, len(tile.content)) == (200, 8192)
        assert tile.headers["content-type"] == "application/octet-stream"
        assert tile.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert tile.headers["access-control-allow-origin"] == "*"  # whoever verifies may do so in a page of their own
        head = client.get("/log/checkpoint")
        assert (head.headers["content-type"], head.headers["cache-control"]) == (
            "text/plain; charset=utf-8",
            "no-cache",
        )
        assert checkpoint(head.text, key_of(log).verifier).size == 600
        for path in (
            "key.pub",
            "tile/0/003",
            "tile/0/%2e%2e%2f%2e%2e%2fkey",
            "tile/entries/%2e%2e/%2e%2e/key",
            "tile/0/000.p/256",
        ):
            assert client.get(f"/log/{path}").status_code == 404
    assert stat.S_IMODE((log.folder.path / "key").stat().st_mode) == 0o600


def test_software_not_written_here_verifies_the_log(log: Log, verifiers: Path, tmp_path: Path) -> None:
    with served(log) as client:
        key = tmp_path / "key"
        key.write_text(client.get("/log/key").text.strip())
        argv = [f"{verifiers}/fsck", f"--storage_url={log.url}/", f"--public_key={key}", "--ui=false", "-v=1"]
        fsck = subprocess.run(argv, capture_output=True, text=True, timeout=60)
        assert fsck.returncode == 0 and "fsck failed" not in fsck.stderr, fsck.stderr
        assert "Successfully fsck'd log with size 600" in fsck.stderr, fsck.stderr
        golog = subprocess.run([f"{verifiers}/golog", log.url, key], capture_output=True, text=True, timeout=60)
        assert golog.stdout == "RIGHT: 600 entries\n"
        told = client.get("/log/proof", params={"leaf": 345}).json()
        (tmp_path / "proof").write_text(told["proof"])
        hashed = log.store.hashes(345, 1)[0].hex()
        argv = [f"{verifiers}/golog", log.url, str(key), str(tmp_path / "proof"), hashed]
        assert subprocess.run(argv, capture_output=True, text=True, timeout=60).stdout == "RIGHT: entry 345 of 600\n"
        # and it is not blind: a tile with one bit flipped is found
        tile = log.folder.path / "tile/0/001"
        tile.write_bytes(bytes([tile.read_bytes()[0] ^ 1]) + tile.read_bytes()[1:])
        golog = subprocess.run([f"{verifiers}/golog", log.url, key], capture_output=True, text=True, timeout=60)
        assert golog.returncode == 1 and golog.stdout.startswith("WRONG: ")


def test_tiles_that_were_lost_are_made_again_to_the_same_tree(log: Log) -> None:
    before, key = log.folder.checkpoint(), key_of(log)
    shutil.rmtree(log.folder.path / "tile")
    os.remove(log.folder.path / "checkpoint")
    with keeping(log):
        log.wait(600)
    assert log.folder.checkpoint() == before
    assert resume(log.store, log.folder, key).size == 600


def test_a_history_that_was_changed_after_it_was_signed_is_not_signed_again(log: Log) -> None:
    key = key_of(log)
    recorded = log.world.client[log.settings.database("audit")]["recorded"]
    recorded.update_one({"leaf": 17}, {"$set": {"hash": bytes(32)}})
    shutil.rmtree(log.folder.path / "tile")
    with pytest.raises(Forked):
        resume(log.store, log.folder, key)
    recorded.delete_one({"leaf": 17})
    shutil.rmtree(log.folder.path / "tile")
    with pytest.raises(Forked):
        resume(log.store, log.folder, key)
    with pytest.raises(NotSigned):
        resume(log.store, log.folder, Signer(key.name, bytes(32)))


@pytest.mark.parametrize("point", ["log.after_tiles", "log.after_signing"])
def test_a_keeper_killed_at_any_crash_point_goes_on_with_the_same_tree(
    lived: World, tmp_path: Path, point: str
) -> None:
    made = log_of(lived, tmp_path / "log")
    environment = os.environ | table.environment(made.settings) | {"SHUANGQIAN_CRASH_AT": point}
    process = [sys.executable, "-m", "tests.audit.recording"]
    assert subprocess.run(process, env=environment, timeout=60).returncode == -signal.SIGKILL
    with keeping(made):
        made.wait(60)
    assert resume(made.store, made.folder, key_of(made)).size == 60


def test_a_release_names_the_checkpoint_that_covers_its_publication(log: Log) -> None:
    published = event("2026-11", 1) | {
        "source": "/publishing",
        "type": ReleasePublished.TYPE,
        "data": {"published": "2026-11-01T08:00:00.123Z"},
    }
    topic, log.world.topic = log.world.topic, log.settings.topic("publishing.events")
    log.world.send(("2026-11", orjson.dumps(published)))
    log.world.topic = topic
    with served(log) as client:
        assert client.get("/log/releases/2026-11").status_code == 404
        with keeping(log):
            log.wait(601)
        told = client.get("/log/releases/2026-11").raise_for_status().json()
        assert (told["event"], told["leaf"], told["size"]) == ("/publishing/2026-11/1", 600, 601)
        verify(parse(told["proof"]), bytes.fromhex(told["hash"]), key_of(log).verifier)
        # later checkpoints do not change which one it is
        log.world.send(("later", orjson.dumps(event("later", 1))))
        with keeping(log):
            log.wait(602)
        assert client.get("/log/releases/2026-11").json()["checkpoint"] == told["checkpoint"]
        client.cookies.update(signed_in(log.world, "auditor"))
        shown = client.get("/audit/log", headers=BROWSER)
        assert shown.status_code == 200
        assert "602" in shown.text and "/log/releases/2026-11" in shown.text and "Nothing odd" not in shown.text


def test_oddities_are_told_in_words_and_beyond_the_last_page_the_last_is_shown(log: Log) -> None:
    # given 60 clocks that ran back, and one topic with other partitions
    noted = log.world.client[log.settings.database("audit")]["oddities"]
    clock = {"found": "2026-11-01T08:00:00.123Z", "before": "2026-11-01T08:00:02.000Z"}
    rows = [("clock-ran-back", clock)] * 60 + [("partitions", {"before": 3, "now": 6, "read": [1, 2, 3]})]
    noted.insert_many(
        {"_id": n, "kind": kind, "position": "t:0:1", "ref": None, "detail": detail, "noted": datetime.now(UTC)}
        for n, (kind, detail) in enumerate(rows)
    )
    with served(log) as client:
        client.cookies.update(signed_in(log.world, "auditor"))
        first, beyond = (client.get(f"/audit/log?page={n}", headers=BROWSER).text for n in (1, 999))
    text = "It is dated 1 Nov 2026, 16:00:00.123, an earlier one 1 Nov 2026, 16:00:02.000."
    assert first.count(text) + beyond.count(text) == 60 and beyond.count(text) >= 10
    assert "It had 3 partitions, and has 6." in first + beyond and "Nothing odd" not in beyond
