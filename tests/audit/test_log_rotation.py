"""The log's key is changed, as docs/how-to/rotate-the-logs-key.md says: the tree is the same, who knows the former key
can follow, and whatever was proven before still is."""

import os
import stat
import subprocess
import zipfile
from pathlib import Path

import orjson
import pytest
from pydantic import SecretStr

from audit.bundle_export import export
from audit.bundle_read import Fault
from audit.bundle_verify import verify
from audit.log.checking import check
from audit.log.keeper import Forked, resume
from audit.log.note import NotSigned, Signer, Verifier, checkpoint, signed_by, verifier
from audit.log.tiles import nodes
from audit.log.tree import consistency_proof, verify_consistency
from deploy.local import table
from tests.audit.conftest import World
from tests.audit.histories import event
from tests.audit.logs import Log, keeping, log_of, served
from tests.audit.test_bundle import again, audit
from tests.audit.test_log import verifiers as verifiers  # a fixture
from tests.audit.test_pages import BROWSER, signed_in
from tests.audit.test_recorder import until


def grown(log: Log, to: int) -> None:
    """The log at work until a checkpoint has so many leaves."""
    size = log.store.recorded()
    log.world.send(*((f"r{n}", orjson.dumps(event(f"r{n}", 1))) for n in range(size, to)))
    with keeping(log):
        log.wait(to)


def note(log: Log) -> str:
    return log.folder.checkpoint() or ""


def exported(log: Log, stream: str, to: Path) -> Path:
    export(log.settings, log.world.client[log.settings.database("audit")], {"stream": stream}, to)
    return to


def brought(bundle: Path) -> str:
    with zipfile.ZipFile(bundle) as archive:
        return archive.read("key").decode()


def changed(log: Log, new: Signer, *former: Verifier) -> Log:
    """The same log with the settings of step 2 of the how-to."""
    settings = {"log_key": SecretStr(new.secret()), "log_former_keys": ", ".join(map(str, former))}
    return log_of(log.world, log.folder.path, **settings)


@pytest.fixture
def log(lived: World, tmp_path: Path) -> Log:
    """A log with checkpoints of sixty and a hundred leaves, whose key was made at its first start."""
    made = log_of(lived, tmp_path / "log")
    with keeping(made):
        made.wait(60)
    grown(made, 100)
    return made


def test_the_key_is_changed_as_the_how_to_says(log: Log, verifiers: Path, tmp_path: Path) -> None:
    old = log.folder.signer("", None).verifier
    before, proven = note(log), exported(log, "s3", tmp_path / "before.zip")
    # 1. a new key is made, for the log's own name
    file = tmp_path / "new.key"
    code, said = audit("log-key", str(file), env=os.environ | table.environment(log.settings))
    new = verifier(said)
    assert code == 0 and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert new.name == old.name and new.id != old.id
    code, said = audit("log-key", str(file), env=os.environ | table.environment(log.settings))
    assert code == 2 and "File exists" in said
    # 2. the settings name it, and the former; 3. the worker is started again
    rotated = log_of(
        log.world,
        log.folder.path,
        log_key=SecretStr(file.read_text().strip()),
        log_former_keys=(log.folder.path / "key.pub").read_text().strip(),
    )
    with keeping(rotated):
        until(lambda: log.folder.verifiers() == (new, old))
    # then the last checkpoint is as it was, and signed by both
    handed_over = note(rotated)
    assert handed_over.startswith(before) and set(signed_by(handed_over, [old, new])) == {old, new}
    assert checkpoint(handed_over, old) == checkpoint(handed_over, new)
    # 4. and it is served with both keys; software not written here takes it by either
    with served(rotated) as client:
        assert client.get("/log/key").text == f"{new}\n" and client.get("/log/keys").text == f"{new}\n{old}\n"
        client.cookies.update(signed_in(log.world, "auditor"))
        page = client.get("/audit/log", headers=BROWSER).text
        assert "Former key" in page and str(old) in page
        for key in (old, new):
            assert golog(verifiers, rotated, key, tmp_path) == "RIGHT: 100 entries\n"
        (log.folder.path / "key").unlink()  # 5. the former private key is destroyed
        grown(rotated, 140)
        assert golog(verifiers, rotated, new, tmp_path) == "RIGHT: 140 entries\n"
        assert golog(verifiers, rotated, old, tmp_path).startswith("WRONG: ")
    # from here on the new key signs alone, and continues what the old one signed
    later = note(rotated)
    assert signed_by(later, [old, new]) == [new]
    node, first, last = nodes(140, log.folder.read), checkpoint(handed_over, old), checkpoint(later, new)
    verify_consistency(first.size, last.size, first.root, last.root, consistency_proof(first.size, last.size, node))
    # 6. all agree, and what was proven before still is
    assert check(rotated.settings, log.world.client, lambda *_: None).parts == ()
    assert verify(proven, [old]).holds


def test_bundles_bring_the_keys_that_signed_their_checkpoint(log: Log, tmp_path: Path) -> None:
    old, new, other = log.folder.signer("", None), Signer(_name(log), bytes(range(32))), Signer(_name(log), bytes(32))
    rotated = changed(log, new, old.verifier)
    grown(rotated, 140)
    cases: dict[str, tuple[str, list[Signer]]] = {
        "s3": ("an event before the change, under a checkpoint before it", [old]),
        "r77": ("an event before the change, under the checkpoint that both signed", [old, new]),
        "r133": ("an event after it", [new]),
    }
    for stream, (what, signers) in cases.items():
        bundle = exported(rotated, stream, tmp_path / f"{stream}.zip")
        assert brought(bundle) == "".join(f"{each.verifier}\n" for each in signers), what
        assert verify(bundle).holds and verify(bundle, [old.verifier, new.verifier]).holds, what
        for each in (old, new, other):
            faults = [found.fault for found in verify(bundle, [each.verifier]).faults]
            assert (faults == []) == (each in signers), (what, each.name, faults)
            assert faults == [] or Fault.OTHER_KEY in faults
    # the command line takes the log's keys as /log/keys serves them
    keys = tmp_path / "keys"
    keys.write_bytes((log.folder.path / "key.pub").read_bytes())
    for stream in cases:
        assert audit("verify", str(tmp_path / f"{stream}.zip"), "--key", str(keys))[0] == 0
    keys.write_text("\n")
    assert audit("verify", str(tmp_path / "s3.zip"), "--key", str(keys))[0] == 2


def test_a_bundle_that_says_a_key_signed_which_did_not_does_not_hold(log: Log, tmp_path: Path) -> None:
    bundle = exported(log, "s3", tmp_path / "s3.zip")
    other = Signer(_name(log), bytes(32)).verifier
    with zipfile.ZipFile(bundle) as archive:
        key = archive.read("key")
    faults = verify(again(bundle, key=key + f"{other}\n".encode())).faults
    assert (Fault.WRONG_CHECKPOINT, "checkpoint") in [(each.fault, each.place) for each in faults]


def test_a_key_that_follows_on_no_known_key_signs_nothing(log: Log) -> None:
    before, old = log.store.last(), log.folder.signer("", None).verifier
    new, stranger = Signer(_name(log), bytes(range(32))), Signer(_name(log), bytes(32)).verifier
    with pytest.raises(NotSigned, match="not signed by"):
        resume(log.store, log.folder, new)
    with pytest.raises(NotSigned, match="not signed by"):
        resume(log.store, log.folder, new, [stranger])
    with pytest.raises(NotSigned, match="of another log: elsewhere"):
        resume(log.store, log.folder, new, [old, Signer("elsewhere", bytes(32)).verifier])
    with keeping(changed(log, new, stranger)):
        log.world.send(("more", orjson.dumps(event("more", 1))))
        until(lambda: log.store.recorded() == 101)
    assert log.store.last() == before and log.folder.verifiers() == (old,)


def test_a_change_that_was_cut_off_is_made_once_and_a_change_can_follow_a_change(log: Log) -> None:
    old = log.folder.signer("", None).verifier
    second, third = Signer(_name(log), bytes(range(32))), Signer(_name(log), bytes(32))
    before = note(log)
    resume(log.store, log.folder, second, [old])
    once = note(log)
    log.folder.write_checkpoint(before)  # cut off before the folder had it
    resume(log.store, log.folder, second, [old])
    assert note(log) == once == (log.store.last() or {})["note"]
    # nothing came in between: three have signed the same checkpoint
    resume(log.store, log.folder, third, [second.verifier, old])
    assert signed_by(note(log), [old, second.verifier, third.verifier]) == [old, second.verifier, third.verifier]


def test_nothing_is_handed_over_that_is_not_what_was_signed(log: Log) -> None:
    recorded = log.world.client[log.settings.database("audit")]["recorded"]
    recorded.update_one({"leaf": 17}, {"$set": {"hash": bytes(32)}})
    for tile in (log.folder.path / "tile").rglob("*"):
        if tile.is_file():
            tile.unlink()
    before, new = log.store.last(), Signer(_name(log), bytes(range(32)))
    with pytest.raises(Forked, match="does not lead to the checkpoint"):
        resume(log.store, log.folder, new, log.folder.verifiers())
    assert log.store.last() == before


def golog(verifiers: Path, log: Log, key: Verifier, folder: Path) -> str:
    file = folder / "golog.key"
    file.write_text(str(key))
    return subprocess.run([f"{verifiers}/golog", log.url, file], capture_output=True, text=True, timeout=60).stdout


def _name(log: Log) -> str:
    return log.folder.verifiers()[0].name
