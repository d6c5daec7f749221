"""Evidence bundles: exported from a real log, verified offline; whatever is wrong is said, with its place."""

import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import orjson
import pytest

from audit.against_bundle import replay_against
from audit.bundle import FORMAT, FORMER, Item, write
from audit.bundle_export import NothingThere, export
from audit.bundle_page import page
from audit.bundle_read import Fault, Found
from audit.bundle_verify import verify
from audit.bundle_what import lacking, others
from audit.examine import Kind
from audit.fold import Message
from audit.log.note import COSIGNATURE, Checkpoint, Signer, split
from audit.recorder_read import place, read
from deploy.local import table
from runtime.admin import create_topics
from runtime.stored import as_json
from schemas.envelope import Json
from tests.audit.conftest import World
from tests.audit.histories import event
from tests.audit.logs import Log, keeping, log_of
from tests.audit.tampering_bundles import archived, fitting


@pytest.fixture
def log(lived: World, tmp_path: Path) -> Log:
    made = log_of(lived, tmp_path / "log")
    with keeping(made):
        made.wait(60)
    return made


@pytest.fixture
def bundle(log: Log, tmp_path: Path) -> Path:
    """All that happened to the stream s3, in both services."""
    made = tmp_path / "s3.zip"
    export(log.settings, log.world.client[log.settings.database("audit")], {"stream": "s3"}, made)
    return made


def test_an_export_leaves_out_who_signed_with_a_key_that_nobody_is_given(log: Log, tmp_path: Path) -> None:
    """A witness that is no longer asked, say."""
    former, last = Signer("former.example", bytes(32), COSIGNATURE), log.store.last()
    assert last is not None
    log.store.add(last["_id"], note=last["note"] + former.sign(split(last["note"])[0], 1))
    bundle = tmp_path / "s3.zip"
    made = export(log.settings, log.world.client[log.settings.database("audit")], {"stream": "s3"}, bundle)
    assert verify(bundle).holds and "former.example" not in made.note


def again(bundle: Path, **changed: bytes | None) -> Path:
    """The same bundle with files changed, added or (None) left out, its manifest as it was."""
    with zipfile.ZipFile(bundle) as archive:
        files: dict[str, bytes | None] = {name: archive.read(name) for name in archive.namelist()}
    files |= changed
    made = bundle.with_name("changed.zip")
    with made.open("wb") as file:
        write(file, {name: data for name, data in files.items() if data is not None})
    return made


def audit(*argv: str, env: dict[str, str] | None = None, lang: str = "en") -> tuple[int, str]:
    """`shuangqian audit …`: its exit code, and all that it says."""
    command = [sys.executable, "-m", "tests.audit.command", "--lang", lang, "audit", *argv]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def test_a_bundle_holds_what_happened_and_verifies_offline(log: Log, bundle: Path) -> None:
    outcome = verify(bundle, log.folder.verifiers())
    assert outcome.holds and (outcome.events, outcome.what, outcome.size) == (6, {"stream": "s3"}, 60)
    with zipfile.ZipFile(bundle) as archive:
        page = archive.read("README.html").decode()
        events = [archive.read(name) for name in archive.namelist() if name.startswith("events/")]
    live = log.world.database["partners"].find_one({"_id": "s3"})
    assert live is not None
    assert [e for e in map(orjson.loads, events) if e["source"] == "/submissions"] == [*map(as_json, live["events"])]
    assert "Evidence" in page and "证据包" in page and "/submissions/s3/1" in page


def test_each_fault_is_named_with_its_place(log: Log, bundle: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        names = archive.namelist()
        event = next(name for name in names if name.startswith("events/"))
        raw, note = archive.read(event), archive.read("checkpoint").decode()
        other_proof = archive.read([name for name in names if name.startswith("proofs/")][-1])
    ref = f"{orjson.loads(raw)['source']}/{orjson.loads(raw)['id']}"
    proof = event.replace("events", "proofs").replace("json", "tlog-proof")
    key = log.folder.signer("", None)
    other = Signer(key.name, bytes(32))
    text = note.partition("\n\n")[0] + "\n"

    def faults(bundle: Path) -> list[tuple[Fault, str]]:
        return [(each.fault, each.place) for each in verify(bundle, [key.verifier]).faults]

    assert faults(again(bundle, **{event: raw.replace(b"user:test", b"user:tent")})) == [(Fault.CHANGED_EVENT, ref)]
    assert faults(again(bundle, **{event: None})) == [(Fault.MISSING_EVENT, ref)]
    assert faults(again(bundle, **{proof: other_proof})) == [(Fault.WRONG_PROOF, ref)]
    assert faults(again(bundle, **{proof: None})) == [(Fault.WRONG_PROOF, ref)]
    assert faults(again(bundle, more=b"")) == [(Fault.EXTRA_FILE, "more")]
    assert faults(again(bundle, **{"README.html": b""})) == [(Fault.CHANGED_FILE, "README.html")]
    forged = f"{text}\n{other.sign(text)}".encode()
    assert (Fault.CHANGED_FILE, "checkpoint") in faults(again(bundle, checkpoint=forged))
    assert [(each.fault, each.place) for each in verify(bundle, [other.verifier]).faults] == [
        (Fault.OTHER_KEY, "key"),
        (Fault.WRONG_CHECKPOINT, "checkpoint"),
    ]
    cut = tmp_path / "cut.zip"
    cut.write_bytes(bundle.read_bytes()[:-1])
    assert faults(cut) == [(Fault.CUT_SHORT, "the archive’s directory")]
    padded = tmp_path / "padded.zip"
    padded.write_bytes(bundle.read_bytes() + b"\0")
    assert verify(padded, [key.verifier]).faults == (Found(Fault.OTHER_BYTES, f"byte {bundle.stat().st_size}"),)


def test_what_is_forged_in_a_months_bundle_with_digests_that_fit_is_found(log: Log, tmp_path: Path) -> None:
    month = tmp_path / "month.zip"
    made = export(log.settings, log.world.client[log.settings.database("audit")], {"month": "2026-11"}, month)
    files, forged = made.files(), tmp_path / "forged.zip"
    page = files["README.html"].replace(b"user:test", b"user:director", 1)
    fewer = replace(made, items=[each for each in made.items if not each.ref.startswith("/review/")]).files()

    def faults(files: dict[str, bytes]) -> list[tuple[Fault, str]]:
        forged.write_bytes(archived(files))
        return [(each.fault, each.place) for each in verify(forged, log.folder.verifiers()).faults]

    assert faults(files) == []
    assert faults(fitting({**files, "README.html": page})) == [(Fault.CHANGED_FILE, "README.html")]
    assert faults(fitting({**fewer, "README.html": files["README.html"]})) == [(Fault.CHANGED_FILE, "README.html")]
    assert faults(fitting(files, made="yesterday")) == [(Fault.NO_MANIFEST, "manifest.json")]
    other = replace(made, what={"month": "2026-12"}).files()
    assert faults(other) == [(Fault.FOREIGN_EVENT, "manifest.json")]


def test_a_release_is_its_own_stream_its_entries_and_their_stories_and_lacks_none_of_them() -> None:
    def of(source: str, stream: str, story: str, type: str = "entry.scheduled.v1", **data: str) -> Json:
        said = {"source": source, "id": f"{stream}/1", "subject": stream, "type": type, "correlationid": story}
        return said | {"data": {"line": data}}

    own = of("/publishing", "2026-11", "release", "release.entry-added.v1", entry="p/a")
    entry, case = of("/publishing", "p/a", "/submissions/p/a/1"), of("/review", "p/a@1", "/submissions/p/a/1")
    namesake, other = of("/review", "2026-11", "x"), of("/publishing", "p/b", "y")
    what = {"release": "2026-11"}
    assert others(what, [own, entry, case]) == [] == lacking(what, [own, entry, case])
    assert others(what, [own, entry, case, namesake, other]) == [namesake, other]
    assert lacking(what, [own, case]) == ["/publishing/p/a/1"]
    assert lacking(what, [entry, case]) == ["/publishing/2026-11/1"]


def test_the_page_of_a_format_stays_as_it_is() -> None:
    """Bundles are verified against it for ever: whoever changes a word of it gives the format another number."""
    item = Item(0, "/a/s/1", "t.v1", "2026-01-01T00:00:00.000Z", "user:x", b"{}", "")
    shown = page({"stream": "s"}, "2026-01-02T00:00:00.000Z", Checkpoint("log", 1, bytes(32)), [item])
    assert (FORMAT, sha256(shown.encode()).hexdigest()) == (
        "shuangqian-evidence/2",
        "ba9c5055b76211d98d97af6eeaddd79b13dcc746912549a691e5cad4f4534ab1",
    )


def test_an_event_whose_record_was_changed_is_not_exported(log: Log, tmp_path: Path) -> None:
    recorded = log.world.client[log.settings.database("audit")]["recorded"]
    environment = os.environ | table.environment(log.settings)
    for change in ({"actor": "user:nobody"}, {"event": b"{}"}, {"hash": bytes(32)}, {"type": "partner.x.v1"}):
        one = recorded.find_one_and_update({"_id": "/submissions/s3/2"}, {"$set": change})
        assert one is not None
        code, said = audit("export", "--stream", "s3", str(tmp_path / "s3.zip"), env=environment)
        assert code == 2 and f"The record of leaf {one['leaf']}, /submissions/s3/2, was changed" in said, said
        assert "`shuangqian audit log`" in said and list(tmp_path.glob("*s3*")) == []
        recorded.replace_one({"_id": one["_id"]}, one)


def test_what_does_not_hold_is_not_exported_and_the_first_fault_is_named(log: Log, tmp_path: Path) -> None:
    """A record that is gone, or is no longer found under its stream's name."""
    recorded = log.world.client[log.settings.database("audit")]["recorded"]
    environment = os.environ | table.environment(log.settings)
    one = recorded.find_one({"_id": "/submissions/s3/2"})
    assert one is not None
    for change in ({"$set": {"stream": "elsewhere"}}, {"$unset": {"stream": ""}}, None):
        recorded.update_one({"_id": one["_id"]}, change) if change else recorded.delete_one({"_id": one["_id"]})
        code, said = audit("export", "--stream", "s3", str(tmp_path / "s3.zip"), env=environment)
        assert code == 2 and "An event is missing (/submissions/s3/2)" in said, said
        assert "`shuangqian audit log`" in said and list(tmp_path.glob("*s3*")) == []
        recorded.replace_one({"_id": one["_id"]}, one, upsert=True)


def test_a_month_has_what_an_agent_dated_by_what_it_reacts_to_after_the_month_was_over(
    log: Log, tmp_path: Path
) -> None:
    november, december = "2026-11-30T23:00:00.000Z", "2026-12-01T01:00:00.000Z"
    days = [event("late", n) | {"time": time} for n, time in enumerate((november, december, november, december), 1)]
    days[2] |= {"actor": "service:review"}
    log.world.send(*(("late", orjson.dumps(each)) for each in days))
    with keeping(log):
        log.wait(64)
    database, bundle = log.world.client[log.settings.database("audit")], tmp_path / "month.zip"
    made = export(log.settings, database, {"month": "2026-11"}, bundle)
    late = [each.ref for each in made.items if "/late/" in each.ref]
    assert late == [f"/submissions/late/{n}" for n in (1, 2, 3)] and verify(bundle).holds
    made = export(log.settings, database, {"month": "2026-12"}, bundle)
    assert [each.ref for each in made.items] == [f"/submissions/late/{n}" for n in (2, 3, 4)]


def test_where_a_tile_was_changed_no_record_is_blamed_for_it(log: Log, tmp_path: Path) -> None:
    environment = os.environ | table.environment(log.settings)
    recorded = log.world.client[log.settings.database("audit")]["recorded"]
    (one, *_) = recorded.find({"stream": "s3"}).sort("leaf", 1).limit(1)
    beside = one["leaf"] ^ 1  # the first hash of its proof
    tile = log.folder.path / "tile/0/000.p/60"
    raw = tile.read_bytes()
    tile.write_bytes(raw[: beside * 32] + bytes(32) + raw[beside * 32 + 32 :])
    code, said = audit("export", "--stream", "s3", str(tmp_path / "s3.zip"), env=environment)
    assert code == 2 and f"do not lead from leaf {one['leaf']} to the checkpoint" in said, said
    assert "The record of" not in said and "`shuangqian audit log` names it" in said
    tile.write_bytes(raw)
    # a record that was changed with its hash is not what the tiles have
    forged = {**event("s3", one["sequence"], "forged"), "source": f"/{one['service']}"}
    at = place(one["position"])
    assert at is not None
    leaf = read(Message(*at, None, orjson.dumps(forged)), one["service"]).leaf
    assert leaf is not None
    recorded.update_one({"_id": one["_id"]}, {"$set": leaf | {"leaf": one["leaf"]}})
    code, said = audit("export", "--stream", "s3", str(tmp_path / "s3.zip"), env=environment)
    assert code == 2 and f"The record of leaf {one['leaf']}, {one['_id']}, was changed" in said, said


def test_a_bundle_of_the_form_before_is_to_be_exported_anew(bundle: Path, log: Log) -> None:
    with zipfile.ZipFile(bundle) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    bundle.write_bytes(archived(fitting(files, format=FORMER)))
    code, said = audit("verify", str(bundle))
    assert code == 2 and f"is of an earlier form, {FORMER}, which this program does not verify; export it anew" in said
    code, said, besides = against(log, bundle)
    assert (code, said) == (2, "") and "export it anew" in besides


@pytest.mark.parametrize("left_out", ["key", "checkpoint"])
def test_a_bundle_whose_manifest_names_no_key_or_checkpoint_proves_nothing(
    log: Log, bundle: Path, left_out: str
) -> None:
    with zipfile.ZipFile(bundle) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if name != left_out}
    manifest = orjson.loads(files["manifest.json"])
    del manifest["files"][left_out]
    files["manifest.json"] = orjson.dumps(manifest, option=orjson.OPT_INDENT_2) + b"\n"
    forged = bundle.with_name("forged.zip")
    with forged.open("wb") as file:
        write(file, files)
    for keys in ((), log.folder.verifiers()):
        assert (Fault.MISSING_FILE, left_out) in [(each.fault, each.place) for each in verify(forged, keys).faults]


def test_nothing_is_exported_of_what_is_not_there(log: Log, tmp_path: Path) -> None:
    database = log.world.client[log.settings.database("audit")]
    with pytest.raises(NothingThere):
        export(log.settings, database, {"stream": "nobody"}, tmp_path / "none.zip")
    assert not list(tmp_path.glob("*none*"))


def test_the_command_line_exports_and_verifies_without_any_server(log: Log, tmp_path: Path) -> None:
    environment = os.environ | table.environment(log.settings) | {"LC_ALL": "C.UTF-8", "LANG": "en"}
    away = environment | {
        "SHUANGQIAN_KAFKA_BOOTSTRAP": "127.0.0.1:1",
        "SHUANGQIAN_MONGO_URL": "mongodb://127.0.0.1:1",
    }
    bundle, key = tmp_path / "month.zip", tmp_path / "log.key"
    key.write_text(f"{log.folder.verifiers()[0]}\n")

    def run(*argv: str, lang: str = "en") -> tuple[int, str]:
        return audit(*argv, env=away, lang=lang)

    code, text = audit("export", "--month", "2026-11", str(bundle), env=environment)
    assert code == 0 and "60 events" in text
    code, text = run("verify", str(bundle), "--key", str(key))
    assert code == 0 and "It holds: 60 events" in text
    assert "It says that it is: all events of the month 2026-11 (UTC) (20 streams)." in text and "Made at " in text
    said = orjson.loads(run("verify", str(bundle), "--json")[1])
    assert (said["what"], said["streams"], said["made"][:2]) == ({"month": "2026-11"}, 20, "20")
    code, text = run("verify", str(bundle), "--key", str(Signer("log", bytes(32)).verifier))
    assert code == 1 and "another key" in text and "all events of the month 2026-11" in text
    code, text = run("verify", str(bundle), "--key", str(Signer("log", bytes(32)).verifier), lang="zh")
    assert code == 1 and "没有 log+" in text and "signed" not in text
    bundle.write_bytes(bundle.read_bytes()[:500])
    code, text = run("verify", str(bundle))
    assert code == 1 and "cut short" in text
    assert run("verify", str(tmp_path / "none.zip"))[0] == 2
    assert run("export", str(bundle))[0] == 2
    assert run("export", "--month", "2026-13", str(bundle))[0] == 2
    assert audit("export", "--stream", "nobody", str(bundle), env=environment)[0] == 2


def against(log: Log, bundle: Path, *options: str) -> tuple[int, str, str]:
    """`shuangqian audit replay --against BUNDLE`: its exit code, what it prints, what it says besides."""
    command = [sys.executable, "-m", "tests.audit.command", "--lang", "en", "audit", "replay", "--against", str(bundle)]
    environment = os.environ | table.environment(log.settings)
    done = subprocess.run([*command, *options], env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def test_a_history_is_held_against_a_bundle(log: Log, bundle: Path) -> None:
    code, said, _ = against(log, bundle)
    assert code == 0 and "Kafka still says, event by event, what the bundle proves." in said
    log.world.send(("s3", orjson.dumps(event("s3", 2, key="forged"))))
    code, said, _ = against(log, bundle, "--json")
    (difference,) = orjson.loads(said)["differences"]
    assert (code, difference["kind"], difference["stream"], difference["sequence"]) == (1, "bundle-event", "s3", 2)
    assert difference["pointer"] and difference["history"] != difference["live"]


def test_what_a_bundle_proves_and_kafka_no_longer_has_is_named(log: Log, bundle: Path) -> None:
    elsewhere = log.settings.model_copy(update={"topic_prefix": f"emptied.{log.settings.topic_prefix}"})
    create_topics(elsewhere, partitions=3)
    verdict = replay_against(elsewhere, bundle, lambda _: None)
    assert (verdict.equal, verdict.events, verdict.differing) == (False, 0, 6)
    assert {each.kind for each in verdict.differences} == {Kind.BUNDLE_EVENT_NOT_ON_KAFKA}
    assert {(each.service, each.stream) for each in verdict.differences} == {("submissions", "s3"), ("review", "s3")}


def test_a_bundle_that_does_not_hold_is_held_against_nothing(log: Log, bundle: Path) -> None:
    code, said, besides = against(log, again(bundle, checkpoint=b"forged"))
    assert (code, said) == (2, "") and "The bundle does not hold in" in besides and "audit verify" in besides
    code, said, besides = against(log, bundle.with_name("none.zip"))
    assert (code, said) == (2, "") and "cannot be read" in besides
    code, said, besides = against(log, bundle, "--service", "review")
    assert (code, said) == (2, "") and "leave the other choices out" in besides
